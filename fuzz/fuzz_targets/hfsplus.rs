//! HFS+ volumes.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| media::fuzzing::hfsplus(bytes));

//! Key files.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| evidence::fuzzing::key(bytes));

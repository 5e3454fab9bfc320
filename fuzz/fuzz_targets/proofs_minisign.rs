//! Keys and signatures of minisign.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| proofs::fuzzing::minisign(bytes));

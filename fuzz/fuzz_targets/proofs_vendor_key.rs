//! Keys as applications carry them.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| proofs::fuzzing::vendor_key(bytes));

//! Digests as vendors write them.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| proofs::fuzzing::digest(bytes));

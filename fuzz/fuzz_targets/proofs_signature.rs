//! Signatures as Sparkle feeds give them.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| proofs::fuzzing::signature(bytes));

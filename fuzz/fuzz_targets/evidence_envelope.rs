//! Envelopes as they lie in bundles.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| evidence::fuzzing::envelope(bytes));

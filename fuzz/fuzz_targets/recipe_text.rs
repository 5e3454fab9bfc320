//! Substitution and version order.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| recipe::fuzzing::text(bytes));

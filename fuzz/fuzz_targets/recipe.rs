//! Recipes, in both formats.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| recipe::fuzzing::recipe(bytes));

//! Lists of sealed resources.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| codesign::fuzzing::code_resources(bytes));

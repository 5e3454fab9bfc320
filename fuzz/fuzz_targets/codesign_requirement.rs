//! Requirements in binary form.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| codesign::fuzzing::requirement(bytes));

//! The text of requirements.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| codesign::fuzzing::requirement_text(bytes));

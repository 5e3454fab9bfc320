//! Signed messages (CMS), their certificates and time stamps.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| codesign::fuzzing::message(bytes));

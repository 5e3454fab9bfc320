//! Signed disk images.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| codesign::fuzzing::signed_image(bytes));

//! Anything, told by its contents.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| media::fuzzing::medium(bytes));

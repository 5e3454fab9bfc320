//! A bzip2 stream.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| media::fuzzing::bunzip(bytes));

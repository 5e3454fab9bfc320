//! Update metadata (TUF).
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| publication::tuf::fuzzing::metadata(bytes));

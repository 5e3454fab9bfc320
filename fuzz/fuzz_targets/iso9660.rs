//! ISO 9660 volumes.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| media::fuzzing::iso9660(bytes));

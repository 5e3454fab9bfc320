//! xar archives and flat packages.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| media::fuzzing::xar(bytes));

//! Keys and signatures of OpenPGP.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| proofs::fuzzing::openpgp(bytes));

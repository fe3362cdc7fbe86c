//! Fuzzes all readers with long inputs of which a part is repeated.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fetchall_fuzz::read_repeated(bytes));

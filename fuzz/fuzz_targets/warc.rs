//! Fuzzes the reader `warc` of `tests/it/readers/each.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fetchall_fuzz::read("warc", bytes));

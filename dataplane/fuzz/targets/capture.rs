//! Fuzzes bytes as a capture file, read to their end and spread.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| dataplane::capture::fuzz(data));

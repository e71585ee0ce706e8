//! Fuzzes the segments of a connection, in any order and of any kind.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| dataplane::fuzz_stream(data));

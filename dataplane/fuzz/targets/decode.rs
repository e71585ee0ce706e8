//! Fuzzes a frame of any link type, down to its transport.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| dataplane::decode::fuzz(data));

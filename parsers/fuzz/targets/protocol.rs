//! No input panics a parser or makes it grow.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| parsers::fuzzing::protocol(data));

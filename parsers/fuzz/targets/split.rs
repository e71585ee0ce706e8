//! Events do not depend on where segments were cut.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| parsers::fuzzing::split(data));

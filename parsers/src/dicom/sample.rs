//! A small association from beginning to end: echo, find, store, release. The bytes are made by
//! `tests/build.rs`, and a test compares them.

use crate::event::Direction::{ToClient, ToServer};
use crate::protocol::Sample;

pub(super) const SAMPLE: Sample = &[
    (ToServer, include_bytes!("testdata/associate_rq.bin")),
    (ToClient, include_bytes!("testdata/associate_ac.bin")),
    (ToServer, include_bytes!("testdata/echo_rq.bin")),
    (ToClient, include_bytes!("testdata/echo_rsp.bin")),
    (ToServer, include_bytes!("testdata/find_rq.bin")),
    (ToClient, include_bytes!("testdata/find_rsp_pending.bin")),
    (ToClient, include_bytes!("testdata/find_rsp_success.bin")),
    (ToServer, include_bytes!("testdata/store_rq.bin")),
    (ToClient, include_bytes!("testdata/store_rsp.bin")),
    (ToServer, include_bytes!("testdata/release_rq.bin")),
    (ToClient, include_bytes!("testdata/release_rp.bin")),
];

/// The names of the files, in the order of [`SAMPLE`].
#[cfg(test)]
pub(super) const NAMES: [&str; SAMPLE.len()] = [
    "associate_rq",
    "associate_ac",
    "echo_rq",
    "echo_rsp",
    "find_rq",
    "find_rsp_pending",
    "find_rsp_success",
    "store_rq",
    "store_rsp",
    "release_rq",
    "release_rp",
];

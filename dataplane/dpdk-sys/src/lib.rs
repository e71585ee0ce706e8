//! FFI to the system's DPDK. Empty unless the `dpdk` feature is on.
//!
//! Functions and types of DPDK have their own names; those that begin with `vw_` or `VW_` are of
//! `shim/`, for what is inline or a macro there. Everything that DPDK's manual says of threads and
//! lifetimes is the caller's to keep. In particular the environment (EAL) can be initialised only
//! once a process, and not again after it failed: tests run in a process each.
//!
//! Only DPDK's shared libraries are linked. Drivers are plug-ins, which EAL finds by itself.

#[cfg(feature = "dpdk")]
mod bindings {
    #![allow(
        missing_docs,
        non_camel_case_types,
        trivial_numeric_casts,
        unsafe_code,
        unused_qualifications,
        clippy::all,
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        clippy::cast_sign_loss,
        clippy::indexing_slicing,
        clippy::multiple_unsafe_ops_per_block,
        clippy::undocumented_unsafe_blocks,
        clippy::use_self,
        reason = "made of DPDK's headers; which of these occur depends on its version"
    )]
    include!(concat!(env!("OUT_DIR"), "/bindings.rs"));
}

#[cfg(feature = "dpdk")]
pub use bindings::*;

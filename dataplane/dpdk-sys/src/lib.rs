//! FFI to the system's DPDK. Empty unless the `dpdk` feature is on.

//! `opens`: the flows that one host opened to another within one second of packet time.
//!
//! Made by the correlator from the workers' sums, so that a port scan of a million flows costs a
//! few records. Scan rules match on it.

use crate::kind;
use crate::phi::Class;

kind! {
    /// Flows opened by one source to one destination within a second.
    pub static KIND = 1, "opens", "flows that one host opened to another within a second", medical: false, paths: None;
    COUNT = "count": Int, Class::Clear, "flows opened", "";
    ANSWERED = "answered": Int, Class::Clear, "of these, how many the destination has answered by then", "";
    REFUSED = "refused": Int, Class::Clear, "of these, how many were answered with a reset by then", "";
    PORTS = "ports": IntList, Class::Clear, "the first distinct destination ports, at most 64", "";
}

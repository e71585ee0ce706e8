//! What sinks send, received by the real receivers.

mod alertmanager;
mod appliance;
mod certificates;
mod events;
mod formats;
pub mod http;
pub mod nats;
pub mod receivers;
mod respond;
mod rig;
pub mod syslog;

//! What sinks send, received by the real receivers.

mod alertmanager;
mod appliance;
mod bulk;
mod certificates;
pub mod events;
mod formats;
pub mod http;
pub mod nats;
mod pace;
pub mod receivers;
mod reload;
mod respond;
mod rig;
pub mod syslog;
mod tls;

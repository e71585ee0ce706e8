//! What sinks send, received by the real receivers.

mod alertmanager;
mod appliance;
mod bulk;
mod certificates;
pub mod events;
mod formats;
mod http;
mod nats;
mod pace;
mod receivers;
mod reload;
mod respond;
mod rig;
mod syslog;
mod tls;

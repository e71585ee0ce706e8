//! Makes the captures that ship and that tests read.
//!
//! Two ways lead to a capture. Most are *written*: a [`Conversation`] or a [`frame`] builder gives
//! frames, a [`Capture`] puts them in a file, and the same code gives the same bytes every time.
//! The rest are *recorded* from real peers in a network of namespaces.
//!
//! All patients are invented, and their names say so.

pub mod bulk;
pub mod capture;
pub mod conversation;
pub mod dicom;
pub mod frame;
pub mod hl7;
pub mod lab;
pub mod multiply;
pub mod oui;
pub mod record;
pub mod rules;
pub mod tunnel;
pub mod written;

pub use capture::{Capture, LinkType, Precision};
pub use conversation::{Conversation, Side};
pub use frame::{Endpoint, Host, host};

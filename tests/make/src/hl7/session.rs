//! An MLLP connection on which messages are acknowledged one by one.

use crate::capture::Frame;
use crate::conversation::Conversation;
use crate::frame::Endpoint;

use super::message::{Head, ack, message};
use super::mllp;

/// An HL7 connection in the making.
pub struct Link {
    /// The connection, for whatever this type has no method for.
    pub tcp: Conversation,
}

impl Link {
    /// Connects at a time.
    pub fn open(time_ns: u64, client: Endpoint, server: Endpoint) -> Self {
        Self::over(Conversation::new(client, server).at(time_ns))
    }

    /// Opens a connection with its own options.
    pub fn over(mut tcp: Conversation) -> Self {
        tcp.open();
        Self { tcp }
    }

    /// Lets time pass.
    pub fn wait(mut self, ns: u64) -> Self {
        self.tcp.wait(ns);
        self
    }

    /// Sends a message and acknowledges it with this code.
    pub fn say(mut self, head: &Head, segments: &[String], code: &str) -> Self {
        self.tcp
            .client(&mllp(&message(head, segments)))
            .server(&mllp(&ack(head, code)));
        self
    }

    /// Sends a message that nobody acknowledges.
    pub fn mute(mut self, head: &Head, segments: &[String]) -> Self {
        self.tcp.client(&mllp(&message(head, segments)));
        self
    }

    /// Sends bytes as they are.
    pub fn raw(mut self, bytes: &[u8]) -> Self {
        self.tcp.client(bytes);
        self
    }

    /// The other side sends bytes as they are.
    pub fn reply(mut self, bytes: &[u8]) -> Self {
        self.tcp.server(bytes);
        self
    }

    /// Closes the connection.
    pub fn closed(mut self) -> Vec<Frame> {
        self.tcp.close();
        self.tcp.frames()
    }
}

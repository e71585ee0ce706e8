//! One association over one TCP connection.

use crate::capture::Frame;
use crate::conversation::{Conversation, Side};
use crate::frame::Endpoint;

use super::dimse::Dimse;
use super::pdus::{Associate, abort, pdata_pdus, rejected, release_request, release_response};

/// A DICOM association in the making. Messages use the context whose id is given.
pub struct Session {
    /// The connection, for whatever this type has no method for.
    pub tcp: Conversation,
    associate: Associate,
}

impl Session {
    /// A connection at a time, not yet opened.
    pub fn at(time_ns: u64, client: Endpoint, server: Endpoint, associate: Associate) -> Self {
        Self {
            tcp: Conversation::new(client, server).at(time_ns),
            associate,
        }
    }

    /// A session over a connection with its own options.
    pub fn over(tcp: Conversation, associate: Associate) -> Self {
        Self { tcp, associate }
    }

    /// Connects; the association is requested and accepted.
    pub fn accepted(mut self) -> Self {
        let (request, accept) = (self.associate.request(), self.associate.accept());
        self.tcp.open().client(&request).server(&accept);
        self
    }

    /// Connects; the association is requested and rejected, and the connection closes.
    pub fn rejected(mut self, result: u8, source: u8, reason: u8) -> Vec<Frame> {
        let request = self.associate.request();
        self.tcp
            .open()
            .client(&request)
            .server(&rejected(result, source, reason))
            .close();
        self.tcp.frames()
    }

    /// Lets time pass.
    pub fn wait(mut self, ns: u64) -> Self {
        self.tcp.wait(ns);
        self
    }

    /// The client sends a message.
    pub fn client(mut self, context: u8, message: &Dimse) -> Self {
        self.send(Side::Client, context, message);
        self
    }

    /// The server sends a message.
    pub fn server(mut self, context: u8, message: &Dimse) -> Self {
        self.send(Side::Server, context, message);
        self
    }

    fn send(&mut self, side: Side, context: u8, message: &Dimse) {
        let max = match self.associate.max_pdu {
            0 => 65_536,
            limit => limit as usize,
        };
        self.tcp.send(side, &pdata_pdus(context, message, max));
    }

    /// Releases the association and closes the connection.
    pub fn released(mut self) -> Vec<Frame> {
        self.tcp
            .client(&release_request())
            .server(&release_response())
            .close();
        self.tcp.frames()
    }

    /// The client aborts and closes.
    pub fn aborted(mut self) -> Vec<Frame> {
        self.tcp.client(&abort(0, 0)).close();
        self.tcp.frames()
    }
}

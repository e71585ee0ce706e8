//! DIMSE messages: a command set, and a data set where the command announces one.

use super::dataset::{Dataset, Syntax};
use super::uid;

/// Values of Command Field (0000,0100).
pub mod field {
    /// C-STORE-RQ.
    pub const C_STORE: u16 = 0x0001;
    /// C-GET-RQ.
    pub const C_GET: u16 = 0x0010;
    /// C-FIND-RQ.
    pub const C_FIND: u16 = 0x0020;
    /// C-MOVE-RQ.
    pub const C_MOVE: u16 = 0x0021;
    /// C-ECHO-RQ.
    pub const C_ECHO: u16 = 0x0030;
    /// N-EVENT-REPORT-RQ.
    pub const N_EVENT_REPORT: u16 = 0x0100;
    /// N-GET-RQ.
    pub const N_GET: u16 = 0x0110;
    /// N-SET-RQ.
    pub const N_SET: u16 = 0x0120;
    /// N-ACTION-RQ.
    pub const N_ACTION: u16 = 0x0130;
    /// N-CREATE-RQ.
    pub const N_CREATE: u16 = 0x0140;
    /// N-DELETE-RQ.
    pub const N_DELETE: u16 = 0x0150;
    /// C-CANCEL-RQ.
    pub const C_CANCEL: u16 = 0x0fff;
    /// Set in every response.
    pub const RESPONSE: u16 = 0x8000;
}

const NO_DATA: u16 = 0x0101;
const DATA: u16 = 0x0001;

/// A command set; elements must be added in order of their numbers.
#[derive(Clone, Debug, Default)]
pub struct Command {
    set: Dataset,
}

impl Command {
    /// An empty command set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a UID element.
    pub fn uid(self, element: u16, value: &str) -> Self {
        Self {
            set: self.set.text((0, element), "UI", value),
        }
    }

    /// Adds a 16-bit element.
    pub fn word(self, element: u16, value: u16) -> Self {
        Self {
            set: self.set.words((0, element), "US", &[value]),
        }
    }

    /// Adds an AE title.
    pub fn ae(self, element: u16, value: &str) -> Self {
        Self {
            set: self.set.text((0, element), "AE", value),
        }
    }

    /// The bytes, Command Group Length first. Command sets are always Implicit VR Little Endian.
    pub fn encode(&self) -> Vec<u8> {
        let body = self.set.encode(Syntax::ImplicitLe);
        let mut out = Dataset::new()
            .longs((0, 0), "UL", &[body.len() as u32])
            .encode(Syntax::ImplicitLe);
        out.extend_from_slice(&body);
        out
    }
}

/// One DIMSE message: the command set and the encoded data set, if there is one.
#[derive(Clone, Debug)]
pub struct Dimse {
    /// The command set.
    pub command: Vec<u8>,
    /// The data set.
    pub data: Option<Vec<u8>>,
}

impl Dimse {
    /// A message from a command set and a data set.
    pub fn new(command: Command, data: Option<Vec<u8>>) -> Self {
        Self {
            command: command.encode(),
            data,
        }
    }

    /// C-ECHO-RQ.
    pub fn echo(id: u16) -> Self {
        Self::plain(uid::VERIFICATION, field::C_ECHO, id)
    }

    /// C-ECHO-RSP, success.
    pub fn echo_response(id: u16) -> Self {
        Self::response(uid::VERIFICATION, field::C_ECHO, id, 0)
    }

    /// C-STORE-RQ.
    pub fn store(id: u16, class: &str, instance: &str, data: Vec<u8>) -> Self {
        let command = Command::new()
            .uid(0x0002, class)
            .word(0x0100, field::C_STORE)
            .word(0x0110, id)
            .word(0x0700, 0)
            .word(0x0800, DATA)
            .uid(0x1000, instance);
        Self::new(command, Some(data))
    }

    /// C-STORE-RQ that an archive sends on behalf of a C-MOVE: with its originator.
    pub fn store_for_move(
        id: u16,
        class: &str,
        instance: &str,
        originator: (&str, u16),
        data: Vec<u8>,
    ) -> Self {
        let command = Command::new()
            .uid(0x0002, class)
            .word(0x0100, field::C_STORE)
            .word(0x0110, id)
            .word(0x0700, 0)
            .word(0x0800, DATA)
            .uid(0x1000, instance)
            .ae(0x1030, originator.0)
            .word(0x1031, originator.1);
        Self::new(command, Some(data))
    }

    /// C-STORE-RSP.
    pub fn store_response(id: u16, class: &str, instance: &str, status: u16) -> Self {
        let command = Command::new()
            .uid(0x0002, class)
            .word(0x0100, field::C_STORE | field::RESPONSE)
            .word(0x0120, id)
            .word(0x0800, NO_DATA)
            .word(0x0900, status)
            .uid(0x1000, instance);
        Self::new(command, None)
    }

    /// C-FIND-RQ.
    pub fn find(id: u16, class: &str, identifier: Vec<u8>) -> Self {
        Self::query(class, field::C_FIND, id, None, identifier)
    }

    /// C-GET-RQ.
    pub fn get(id: u16, class: &str, identifier: Vec<u8>) -> Self {
        Self::query(class, field::C_GET, id, None, identifier)
    }

    /// C-MOVE-RQ to an application entity.
    pub fn r#move(id: u16, class: &str, destination: &str, identifier: Vec<u8>) -> Self {
        Self::query(class, field::C_MOVE, id, Some(destination), identifier)
    }

    /// C-FIND-RSP "pending" with a match.
    pub fn found(id: u16, class: &str, identifier: Vec<u8>) -> Self {
        let command = Command::new()
            .uid(0x0002, class)
            .word(0x0100, field::C_FIND | field::RESPONSE)
            .word(0x0120, id)
            .word(0x0800, DATA)
            .word(0x0900, 0xff00);
        Self::new(command, Some(identifier))
    }

    /// C-MOVE-RSP or C-GET-RSP with its four counts (remaining, completed, failed, warning).
    pub fn progress(class: &str, kind: u16, id: u16, status: u16, counts: [u16; 4]) -> Self {
        let mut command = Command::new()
            .uid(0x0002, class)
            .word(0x0100, kind | field::RESPONSE)
            .word(0x0120, id)
            .word(0x0800, NO_DATA)
            .word(0x0900, status);
        for (n, count) in counts.into_iter().enumerate() {
            command = command.word(0x1020 + n as u16, count);
        }
        Self::new(command, None)
    }

    /// A response without a data set.
    pub fn response(class: &str, kind: u16, id: u16, status: u16) -> Self {
        let command = Command::new()
            .uid(0x0002, class)
            .word(0x0100, kind | field::RESPONSE)
            .word(0x0120, id)
            .word(0x0800, NO_DATA)
            .word(0x0900, status);
        Self::new(command, None)
    }

    /// N-CREATE-RQ for an instance.
    pub fn create(id: u16, class: &str, instance: &str, data: Vec<u8>) -> Self {
        let command = Command::new()
            .uid(0x0002, class)
            .word(0x0100, field::N_CREATE)
            .word(0x0110, id)
            .word(0x0800, DATA)
            .uid(0x1000, instance);
        Self::new(command, Some(data))
    }

    /// N-SET-RQ on an instance.
    pub fn set(id: u16, class: &str, instance: &str, data: Vec<u8>) -> Self {
        let command = Command::new()
            .uid(0x0003, class)
            .word(0x0100, field::N_SET)
            .word(0x0110, id)
            .word(0x0800, DATA)
            .uid(0x1001, instance);
        Self::new(command, Some(data))
    }

    /// N-ACTION-RQ on an instance.
    pub fn action(id: u16, class: &str, instance: &str, kind: u16, data: Vec<u8>) -> Self {
        let command = Command::new()
            .uid(0x0003, class)
            .word(0x0100, field::N_ACTION)
            .word(0x0110, id)
            .word(0x0800, DATA)
            .uid(0x1001, instance)
            .word(0x1008, kind);
        Self::new(command, Some(data))
    }

    /// N-EVENT-REPORT-RQ about an instance.
    pub fn event_report(id: u16, class: &str, instance: &str, kind: u16, data: Vec<u8>) -> Self {
        let command = Command::new()
            .uid(0x0002, class)
            .word(0x0100, field::N_EVENT_REPORT)
            .word(0x0110, id)
            .word(0x0800, DATA)
            .uid(0x1000, instance)
            .word(0x1002, kind);
        Self::new(command, Some(data))
    }

    /// A response to an N- request, naming the instance.
    pub fn done(class: &str, kind: u16, id: u16, instance: &str, status: u16) -> Self {
        let command = Command::new()
            .uid(0x0002, class)
            .word(0x0100, kind | field::RESPONSE)
            .word(0x0120, id)
            .word(0x0800, NO_DATA)
            .word(0x0900, status)
            .uid(0x1000, instance);
        Self::new(command, None)
    }

    fn plain(class: &str, kind: u16, id: u16) -> Self {
        let command = Command::new()
            .uid(0x0002, class)
            .word(0x0100, kind)
            .word(0x0110, id)
            .word(0x0800, NO_DATA);
        Self::new(command, None)
    }

    fn query(class: &str, kind: u16, id: u16, to: Option<&str>, identifier: Vec<u8>) -> Self {
        let mut command = Command::new()
            .uid(0x0002, class)
            .word(0x0100, kind)
            .word(0x0110, id);
        if let Some(destination) = to {
            command = command.ae(0x0600, destination);
        }
        Self::new(command.word(0x0700, 0).word(0x0800, DATA), Some(identifier))
    }
}

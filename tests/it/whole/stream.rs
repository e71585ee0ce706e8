//! What a JetStream stream holds, as a consumer of it reads it, in NATS' own protocol.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

/// A message: its `Nats-Msg-Id`, and what it says.
pub(super) struct Message {
    pub(super) id: String,
    pub(super) body: Vec<u8>,
}

/// Every message of a subject, oldest first; none while the server is away.
pub(super) fn messages(port: u16, subject: &str) -> Vec<Message> {
    read(port, subject, false)
}

/// The ids of every message of a subject.
pub(super) fn ids(port: u16, subject: &str) -> Vec<String> {
    let messages = read(port, subject, true).into_iter();
    messages.map(|message| message.id).collect()
}

fn read(port: u16, subject: &str, headers_only: bool) -> Vec<Message> {
    Reading::begin(port, subject, headers_only).map_or_else(Vec::new, |mut reading| {
        let pending = reading.pending();
        (0..pending).map_while(|_| reading.next()).collect()
    })
}

struct Reading(BufReader<TcpStream>);

impl Reading {
    /// Makes a consumer that pushes all there is; it goes with the connection.
    fn begin(port: u16, subject: &str, headers_only: bool) -> Option<Self> {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
        stream
            .set_read_timeout(Some(Duration::from_secs(10)))
            .ok()?;
        let hello = json!({"verbose": false, "headers": true, "user": "sensor", "pass": "hunter2"});
        let consumer = json!({"stream_name": "VITALWIRE", "config": {
            "deliver_subject": "all", "ack_policy": "none", "deliver_policy": "all",
            "filter_subject": subject, "headers_only": headers_only}})
        .to_string();
        write!(
            stream,
            "CONNECT {hello}\r\nSUB answer 1\r\nSUB all 2\r\n\
             PUB $JS.API.CONSUMER.CREATE.VITALWIRE answer {}\r\n{consumer}\r\n",
            consumer.len()
        )
        .ok()?;
        Some(Self(BufReader::new(stream)))
    }

    /// How many messages there are.
    fn pending(&mut self) -> u64 {
        let answer = self.payload("MSG answer").map(|(_, body)| body);
        let answer: Value = answer
            .and_then(|body| serde_json::from_slice(&body).ok())
            .unwrap_or_default();
        answer["num_pending"].as_u64().unwrap_or(0)
    }

    fn next(&mut self) -> Option<Message> {
        let (head, body) = self.payload("HMSG vitalwire.")?;
        let head = String::from_utf8_lossy(&head).into_owned();
        let mut lines = head.lines();
        let id = lines.find_map(|line| line.strip_prefix("Nats-Msg-Id:"))?;
        Some(Message {
            id: id.trim().to_owned(),
            body,
        })
    }

    /// Headers and body of the next message whose line begins like this.
    fn payload(&mut self, begins: &str) -> Option<(Vec<u8>, Vec<u8>)> {
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).ok()? == 0 {
                return None;
            }
            if line.starts_with(begins) {
                let mut sizes = line.split_whitespace().rev();
                let all: usize = sizes.next()?.parse().ok()?;
                let head: usize = match line.starts_with("HMSG") {
                    true => sizes.next()?.parse().ok()?,
                    false => 0,
                };
                let mut whole = vec![0; all];
                self.0.read_exact(&mut whole).ok()?;
                let body = whole.split_off(head);
                return Some((whole, body));
            }
        }
    }
}

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
    Reading::begin(port, subject, headers_only).map_or_else(Vec::new, Reading::all)
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

    /// Every message that there was. The stream may send the first ones before it answers.
    fn all(mut self) -> Vec<Message> {
        let (mut all, mut there) = (Vec::new(), None);
        while there.is_none_or(|there| all.len() < there) {
            let Some((subject, head, body)) = self.payload() else {
                break;
            };
            if subject == "answer" {
                there = Some(there_are(&body));
            } else if let Some(id) = id(&head) {
                all.push(Message { id, body });
            }
        }
        all
    }

    /// Subject, headers and body of what comes next.
    fn payload(&mut self) -> Option<(String, Vec<u8>, Vec<u8>)> {
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).ok()? == 0 {
                return None;
            }
            let words: Vec<&str> = line.split_whitespace().collect();
            let (head, all) = match words[..] {
                ["HMSG", .., head, all] => (head.parse().ok()?, all.parse().ok()?),
                ["MSG", .., all] => (0, all.parse().ok()?),
                _ => continue,
            };
            let mut head_and_body: Vec<u8> = vec![0; all];
            self.0.read_exact(&mut head_and_body).ok()?;
            let body = head_and_body.split_off(head);
            return Some((words[1].to_owned(), head_and_body, body));
        }
    }
}

/// How many messages a new consumer gets: those that it was sent before the answer, and the others.
fn there_are(answer: &[u8]) -> usize {
    let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
    let count = |path: &str| answer.pointer(path).and_then(Value::as_u64).unwrap_or(0);
    let there = count("/delivered/consumer_seq") + count("/num_pending");
    usize::try_from(there).expect("it fits")
}

fn id(head: &[u8]) -> Option<String> {
    let head = String::from_utf8_lossy(head);
    let mut lines = head.lines();
    let id = lines.find_map(|line| line.strip_prefix("Nats-Msg-Id:"))?;
    Some(id.trim().to_owned())
}

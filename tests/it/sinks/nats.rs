//! NATS JetStream, with a real server.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use super::receivers::{Server, free_port, until};
use super::rig::Rig;
use crate::support;

pub struct Nats {
    pub server: Server,
    pub port: u16,
    pub dir: TempDir,
}

impl Nats {
    pub fn new() -> Option<Self> {
        if !support::has("nats-server") {
            return None;
        }
        let dir = TempDir::new().expect("temporary folder");
        let (port, at) = (free_port(), dir.path().display().to_string());
        let config = format!(
            "listen: 127.0.0.1:{port}\njetstream {{ store_dir: \"{at}/js\" }}\n\
             authorization {{ user: sensor, password: hunter2 }}\n"
        );
        std::fs::write(dir.path().join("conf"), config).expect("written");
        std::fs::write(dir.path().join("password"), "hunter2\n").expect("written");
        let args = ["-c", &format!("{at}/conf")];
        let mut server = Server::new("nats-server", &args, &dir.path().join("log"), Some(port));
        server.start();
        Some(Self { server, port, dir })
    }

    pub(super) fn sink(&self) -> String {
        format!(
            "sinks: [{{type: nats, name: bus, servers: ['nats://127.0.0.1:{}'], stream: VITALWIRE,
                username: sensor, password_file: {}/password, select: [alert]}}]",
            self.port,
            self.dir.path().display()
        )
    }

    /// Asks the server in its own protocol, and gives the answer's payload.
    fn ask(&self, subject: &str, body: &str) -> Option<Value> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
        let hello = "CONNECT {\"verbose\":false,\"user\":\"sensor\",\"pass\":\"hunter2\"}\r\n";
        write!(
            stream,
            "{hello}SUB in 1\r\nPUB {subject} in {}\r\n{body}\r\n",
            body.len()
        )
        .ok()?;
        let mut lines = BufReader::new(stream).lines();
        lines
            .by_ref()
            .map_while(Result::ok)
            .find(|line| line.starts_with("MSG in"))?;
        serde_json::from_str(&lines.next()?.ok()?).ok()
    }

    pub(super) fn stored(&self) -> u64 {
        self.stored_in("VITALWIRE")
    }

    pub(super) fn stored_in(&self, stream: &str) -> u64 {
        let info = self.ask(&format!("$JS.API.STREAM.INFO.{stream}"), "");
        let info = info.unwrap_or_default();
        info["state"]["messages"].as_u64().unwrap_or(0)
    }

    /// A message of the stream, and its headers.
    pub(super) fn message(&self, seq: u64) -> (Value, String) {
        let body = format!("{{\"seq\":{seq}}}");
        let answer = self
            .ask("$JS.API.STREAM.MSG.GET.VITALWIRE", &body)
            .expect("an answer");
        let text = |key: &str| decode(answer["message"][key].as_str().expect("base64"));
        let data = serde_json::from_slice(&text("data")).expect("JSON");
        (data, String::from_utf8_lossy(&text("hdrs")).into_owned())
    }
}

/// Base64, as JSON of JetStream has bytes.
fn decode(text: &str) -> Vec<u8> {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = Vec::new();
    let (mut bits, mut held) = (0_u32, 0_u32);
    for byte in text.bytes().filter(|byte| *byte != b'=') {
        let value = alphabet
            .iter()
            .position(|known| *known == byte)
            .expect("base64");
        bits = bits << 6 | u32::try_from(value).expect("six bits");
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push(u8::try_from(bits >> held & 0xff).expect("a byte"));
        }
    }
    out
}

#[test]
fn a_stream_has_every_alert_once_though_the_server_was_away() {
    let Some(mut nats) = Nats::new() else { return };
    let mut rig = Rig::new(&nats.sink());
    rig.load(10, 30);
    nats.server.kill();
    rig.load(10, 80);
    nats.server.start();
    rig.load(10, 30);
    let wanted = u64::try_from(rig.sent.len()).expect("small");
    until("every alert", 60, || nats.stored() >= wanted);
    // The stream itself left out what came twice.
    assert_eq!(nats.stored(), wanted);
    let (event, headers) = nats.message(1);
    let id = event["vitalwire"]["alert_id"]
        .as_str()
        .expect("an id")
        .to_owned();
    assert!(rig.sent.contains(&id));
    assert!(headers.contains(&format!("Nats-Msg-Id: {id}")), "{headers}");
}

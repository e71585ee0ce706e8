//! A running appliance with an API, and whoever asks it, by curl.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{root, vitalwire};

/// How long anything may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// The password of every user here.
pub const PASSWORD: &str = "correct horse battery";

/// The appliance; it ends with the test.
pub struct Appliance {
    pub dir: TempDir,
    child: Child,
    pub port: u16,
}

impl Drop for Appliance {
    fn drop(&mut self) {
        // It may have ended itself.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Captures of rules, as configured.
pub fn captures(rules: &[&str]) -> String {
    let all: Vec<String> = rules
        .iter()
        .map(|rule| root().join(format!("pcaps/rules/{rule}/fire.pcap")))
        .map(|path| path.display().to_string())
        .collect();
    all.join(", ")
}

impl Appliance {
    /// On captures, again and again. `more` goes into the section `api`.
    pub fn start(captures: &str, more: &str) -> Self {
        Self::start_in(TempDir::new().expect("temporary folder"), captures, more)
    }

    /// In a folder that another one may have left.
    pub fn start_in(dir: TempDir, captures: &str, more: &str) -> Self {
        Self::start_with(dir, captures, more, "")
    }

    /// With further sections of the configuration; `DIR` in them is the folder.
    pub fn start_with(dir: TempDir, captures: &str, more: &str, sections: &str) -> Self {
        let config = dir.path().join("vitalwire.yaml");
        let text = format!(
            "state_dir: {0}/state\ncapture: {{files: [{captures}], loop: true}}\nworkers: 1\n\
             outputs: {{eve: {{enabled: false}}}}\nhttp: {{enabled: false}}\n\
             api: {{listen: \"127.0.0.1:0\"{more}}}\n{1}",
            dir.path().display(),
            sections.replace("DIR", &dir.path().display().to_string())
        );
        std::fs::write(&config, text).expect("written");
        let log = std::fs::File::create(dir.path().join("log")).expect("made");
        let child = Command::new(vitalwire())
            .args(["run", "--config"])
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("it starts");
        let mut appliance = Self {
            dir,
            child,
            port: 0,
        };
        appliance.port = appliance
            .logged("listening on https://127.0.0.1:")
            .parse()
            .expect("a port");
        appliance
    }

    /// What follows these words in the log, up to a blank.
    pub fn logged(&self, words: &str) -> String {
        eventually(words, || {
            let log = self.log();
            let (_, rest) = log.split_once(words)?;
            let (line, _) = rest.split_once('\n')?;
            Some(
                line.split_whitespace()
                    .next()
                    .unwrap_or_default()
                    .to_owned(),
            )
        })
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    pub fn state(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(sent.expect("kill").success());
    }

    /// Ends it as a power cut does.
    pub fn kill(&mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("it ends");
    }

    /// Ends it as systemd does, and leaves its folder.
    pub fn stop(mut self) -> TempDir {
        self.signal("TERM");
        self.child.wait().expect("it ends");
        std::mem::replace(&mut self.dir, TempDir::new().expect("temporary folder"))
    }

    /// Somebody who trusts its certificate, and is not known.
    pub fn stranger(&self) -> Client {
        Client {
            base: format!("https://127.0.0.1:{}/api/v1", self.port),
            certificate: self.state().join("api-cert.pem"),
            headers: Vec::new(),
        }
    }

    /// The first admin.
    pub fn admin(&self) -> Client {
        let token = self.logged("set-up token: ");
        let body = format!(r#"{{"token":"{token}","name":"anna","password":"{PASSWORD}"}}"#);
        let made = self.stranger().post("/setup", &body);
        assert_eq!(made.status, 201, "{made:?}");
        self.stranger().with_session(&made)
    }

    /// Somebody whom the admin made.
    pub fn user(&self, admin: &Client, name: &str, role: &str) -> Client {
        let body = format!(r#"{{"name":"{name}","role":"{role}","password":"{PASSWORD}"}}"#);
        assert_eq!(admin.post("/users", &body).status, 201);
        let body = format!(r#"{{"name":"{name}","password":"{PASSWORD}"}}"#);
        let known = self.stranger().post("/login", &body);
        assert_eq!(known.status, 200, "{known:?}");
        self.stranger().with_session(&known)
    }
}

/// What there is after a while.
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let since = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(since.elapsed() < PATIENCE, "{what} never came");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Somebody who asks.
#[derive(Clone)]
pub struct Client {
    pub base: String,
    pub certificate: PathBuf,
    pub headers: Vec<String>,
}

/// What was answered.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(':'));
        lines
            .filter(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
            .next_back()
    }
}

impl Client {
    pub fn with(&self, header: &str) -> Self {
        let mut with = self.clone();
        with.headers.push(header.to_owned());
        with
    }

    pub fn with_session(&self, answer: &Answer) -> Self {
        let cookie = answer.header("set-cookie").expect("a cookie");
        for word in [
            "__Host-vw=",
            "Secure",
            "HttpOnly",
            "SameSite=Strict",
            "Path=/",
        ] {
            assert!(cookie.contains(word), "{cookie}");
        }
        let cookie = cookie.split(';').next().expect("a value");
        let csrf = answer.json()["csrf"].as_str().expect("csrf").to_owned();
        self.with(&format!("cookie: {cookie}"))
            .with(&format!("x-csrf-token: {csrf}"))
    }

    /// The same one, at the console.
    pub fn console(&self) -> Self {
        Self {
            base: self.base.trim_end_matches("/api/v1").to_owned(),
            ..self.clone()
        }
    }

    /// The same one, whose browser was told to by another site.
    pub fn lured(&self) -> Self {
        let mut lured = self.clone();
        lured.headers.retain(|header| !header.starts_with("x-csrf"));
        lured
    }

    pub fn curl(&self) -> Command {
        let mut curl = Command::new("curl");
        curl.args(["-sS", "--max-time", "30", "--cacert"]);
        curl.arg(&self.certificate);
        for header in &self.headers {
            curl.args(["-H", header]);
        }
        curl
    }

    pub fn ask(&self, method: &str, path: &str, body: Option<&str>) -> Answer {
        let mut curl = self.curl();
        if let Some(body) = body {
            let json = ["-H", "content-type: application/json", "--data-binary"];
            curl.args(json).arg(body);
        }
        self.answer(curl, method, path)
    }

    /// A body of another type.
    pub fn send(&self, method: &str, path: &str, kind: &str, body: &str) -> Answer {
        let mut curl = self.with(&format!("content-type: {kind}")).curl();
        curl.args(["--data-binary", body]);
        self.answer(curl, method, path)
    }

    fn answer(&self, mut curl: Command, method: &str, path: &str) -> Answer {
        let output = curl
            .args(["-i", "-X", method])
            .arg(format!("{}{path}", self.base))
            .output()
            .expect("curl");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{method} {path}: {said}");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").expect("a head");
        let status = head.split_whitespace().nth(1).expect("a status");
        Answer {
            status: status.parse().expect("a number"),
            head: head.to_owned(),
            body: body.to_owned(),
        }
    }

    pub fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, None)
    }

    pub fn post(&self, path: &str, body: &str) -> Answer {
        self.ask("POST", path, Some(body))
    }

    /// At least so many alerts.
    pub fn alerts(&self, count: usize) -> Vec<Value> {
        eventually("alerts", || {
            let found = self.get("/alerts").json()["alerts"].as_array()?.clone();
            (found.len() >= count).then_some(found)
        })
    }
}

/// Copies a capture into a folder, whole or not at all.
pub fn put(folder: &Path, rule: &str, which: &str) {
    let beside = folder.with_extension("new");
    let from = root().join(format!("pcaps/rules/{rule}/{which}.pcap"));
    std::fs::copy(from, &beside).expect("copied");
    std::fs::rename(beside, folder.join(format!("{rule}-{which}.pcap"))).expect("moved");
}

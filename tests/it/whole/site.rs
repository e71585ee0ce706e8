//! An appliance on a SPAN port with everything behind it: rsyslog, NATS, a webhook, Prometheus.

use std::path::PathBuf;
use std::time::Duration;

use make::lab::{self, Lab, SENSOR, SPAN, Task};
use rusqlite::{Connection, OpenFlags, OptionalExtension as _};

use crate::api::appliance::{Client, PASSWORD};
use crate::sinks::http::Receiver as Hook;
use crate::sinks::nats::Nats;
use crate::sinks::receivers::{Server, free_port, until};
use crate::sinks::syslog::Receiver as Siem;
use crate::support::{has, vitalwire};

/// How long anything may take to start.
const PATIENCE: u64 = 60;
/// Where the appliance serves what machines ask; the namespace is its own.
const METRICS: &str = "http://127.0.0.1:9470";

/// All of it; it ends with the test.
pub(super) struct Site {
    appliance: Option<Task>,
    pub(super) siem: Siem,
    pub(super) bus: Nats,
    pub(super) hook: Hook,
    pub(super) prometheus: Server,
    prometheus_port: u16,
    pub(super) lab: Lab,
}

impl Site {
    /// Where everything can be had. `hook` is what the webhook gets, `more` goes into the
    /// appliance's configuration. From now on the
    /// thread of the test is where the appliance is.
    pub(super) fn new(name: &str, hook: &str, more: impl FnOnce(&Lab) -> String) -> Option<Self> {
        if !has("prometheus") || !has("curl") {
            return None;
        }
        if let Some(missing) = Lab::missing() {
            eprintln!("skipped: {missing}");
            return None;
        }
        lab::python().expect("an environment for Python");
        let lab = Lab::new(name).expect("a lab");
        for (host, address) in [
            ("modality", "10.20.1.11"),
            ("pacs", "10.20.2.10"),
            ("engine", "10.20.3.10"),
        ] {
            lab.add_host(host, address).expect("a host");
        }
        lab.enter(SENSOR).expect("entered");
        let port = free_port();
        let mut site = Self {
            appliance: None,
            siem: Siem::rsyslog("tls")?,
            bus: Nats::new()?,
            hook: Hook::new(&["webhook", "s3cret"])?,
            prometheus: prometheus(&lab, port),
            prometheus_port: port,
            lab,
        };
        let more = more(&site.lab);
        site.configure(hook, &more);
        site.start();
        site.prometheus.start();
        site.until("scraped", PATIENCE, || site.prometheus("up") == Some(1.0));
        Some(site)
    }

    fn configure(&self, hook: &str, more: &str) {
        let at = self.lab.folder().display();
        let (siem, bus) = (
            self.siem.dir.path().display(),
            self.bus.dir.path().display(),
        );
        let text = format!(
            "state_dir: {at}/state\ncapture: {{interface: {SPAN}}}\n\
             outputs: {{eve: {{path: {at}/eve.json}}}}\n\
             api: {{limits: {{rate: 1000}}}}\n\
             sinks:\n\
             - {{type: syslog, name: siem, select: [alert, heartbeat], format: cef, transport: tls,\n\
             \u{20}  address: '127.0.0.1:{}', tls: {{ca: {siem}/ca.pem, certificate: {siem}/client.pem,\n\
             \u{20}  key: {siem}/client.key, server_name: siem.example.org}}}}\n\
             - {{type: nats, name: bus, select: [alert, heartbeat], servers: ['nats://127.0.0.1:{}'],\n\
             \u{20}  stream: VITALWIRE, username: sensor, password_file: {bus}/password}}\n\
             - {{type: webhook, name: hook, select: [{hook}], url: '{}/hook', secret_file: {}}}\n\
             {more}",
            self.siem.port,
            self.bus.port,
            self.hook.url,
            self.hook.secret("s3cret")
        );
        std::fs::write(self.config(), text).expect("written");
    }

    fn config(&self) -> PathBuf {
        self.lab.folder().join("vitalwire.yaml")
    }

    pub(super) fn start(&mut self) {
        let (binary, config) = (vitalwire(), self.config());
        let command = [
            binary.as_path(),
            "run".as_ref(),
            "--config".as_ref(),
            &config,
        ];
        let command = command.map(|part| part.to_str().expect("UTF-8"));
        let task = self.lab.spawn(SENSOR, &command).expect("started");
        self.appliance = Some(task);
        self.until("ready", PATIENCE, || status("/readyz") == 200);
    }

    /// Ends it without asking.
    pub(super) fn kill(&mut self) {
        let mut task = self.appliance.take().expect("it runs");
        task.signal("KILL").expect("killed");
        assert!(!task.wait().expect("gone"));
    }

    /// Waits until something holds; shows the appliance's log when it does not.
    pub(super) fn until(&self, what: &str, seconds: u64, holds: impl FnMut() -> bool) {
        let log = || self.log();
        let shown = Shown(&log, what);
        until(what, seconds, holds);
        std::mem::forget(shown);
    }

    pub(super) fn log(&self) -> String {
        self.appliance.as_ref().map(Task::log).unwrap_or_default()
    }

    /// Its first admin.
    pub(super) fn admin(&self) -> Client {
        self.until("set-up token", PATIENCE, || {
            self.log().contains("set-up token: ")
        });
        let log = self.log();
        let (_, rest) = log.split_once("set-up token: ").expect("told");
        let token = rest.split_whitespace().next().expect("a token");
        let stranger = Client {
            base: "https://127.0.0.1:9443/api/v1".to_owned(),
            certificate: self.lab.folder().join("state/api-cert.pem"),
            headers: Vec::new(),
        };
        let body = format!(r#"{{"token":"{token}","name":"anna","password":"{PASSWORD}"}}"#);
        let made = stranger.post("/setup", &body);
        assert_eq!(made.status, 201, "{made:?}");
        stranger.with_session(&made)
    }

    /// The store, to be read beside the appliance.
    pub(super) fn store(&self) -> Connection {
        let path = self.lab.folder().join("state/vitalwire.db");
        let conn = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY);
        let conn = conn.expect("the store");
        conn.busy_timeout(Duration::from_secs(10)).expect("set");
        conn
    }

    /// What the store answers with a number; 0 for nothing.
    pub(super) fn number(&self, sql: &str) -> u64 {
        let found = self.store().query_row(sql, [], |row| row.get::<_, u64>(0));
        found.optional().expect(sql).unwrap_or(0)
    }

    /// What Prometheus knows of an expression.
    pub(super) fn prometheus(&self, expr: &str) -> Option<f64> {
        let url = format!("http://127.0.0.1:{}/api/v1/query", self.prometheus_port);
        let query = format!("query={expr}");
        let text = curl(&["--get", "--data-urlencode", &query, &url])?;
        let answer: serde_json::Value = serde_json::from_str(&text).ok()?;
        let value = answer["data"]["result"][0]["value"][1].as_str()?;
        value.parse().ok()
    }
}

/// Shows a log on the way out of a failure.
struct Shown<'a>(&'a dyn Fn() -> String, &'a str);

impl Drop for Shown<'_> {
    fn drop(&mut self) {
        eprintln!("not {}: the appliance's log:\n{}", self.1, (self.0)());
    }
}

fn prometheus(lab: &Lab, port: u16) -> Server {
    let at = lab.folder();
    let text = "global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs:\n\
                - {job_name: vitalwire, static_configs: [{targets: ['127.0.0.1:9470']}]}\n";
    let file = at.join("prometheus.yml");
    std::fs::write(&file, text).expect("written");
    let args = [
        format!("--config.file={}", file.display()),
        format!("--storage.tsdb.path={}", at.join("tsdb").display()),
        format!("--web.listen-address=127.0.0.1:{port}"),
        "--log.level=error".to_owned(),
    ];
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    Server::new("prometheus", &args, &at.join("prometheus.log"), Some(port))
}

fn curl(args: &[&str]) -> Option<String> {
    let mut command = std::process::Command::new("curl");
    let output = command.args(["-sS", "--max-time", "5"]).args(args).output();
    let output = output.expect("curl");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    output.status.success().then_some(text)
}

/// The status with which a page for machines is answered; 0 for none.
pub(super) fn status(page: &str) -> u16 {
    let url = format!("{METRICS}{page}");
    let code = curl(&["-o", "/dev/null", "-w", "%{http_code}", &url]);
    code.and_then(|code| code.parse().ok()).unwrap_or(0)
}

/// The sum of a metric over those of its labels that contain a text.
pub(super) fn metric(name: &str, label: &str) -> f64 {
    let page = curl(&[&format!("{METRICS}/metrics")]).unwrap_or_default();
    page.lines()
        .filter(|line| line.split(['{', ' ']).next() == Some(name) && line.contains(label))
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum()
}

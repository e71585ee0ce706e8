//! Syslog, received by rsyslog and by syslog-ng.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use super::certificates::certificates;
use super::receivers::{Server, free_port, until};
use super::rig::{Rig, alert};
use crate::support;

/// A syslog server that writes what it understood: facility, severity, host, program, message id, body.
pub struct Receiver {
    pub server: Server,
    pub out: PathBuf,
    pub port: u16,
    pub dir: TempDir,
}

impl Receiver {
    pub fn rsyslog(transport: &str) -> Option<Self> {
        if !support::has("rsyslogd") {
            return None;
        }
        let dir = TempDir::new().expect("temporary folder");
        certificates(dir.path());
        let (port, at) = (free_port(), dir.path().display().to_string());
        let (module, input) = match transport {
            "udp" => ("module(load=\"imudp\")".to_owned(), "imudp"),
            "tcp" => ("module(load=\"imtcp\")".to_owned(), "imtcp"),
            _ => (
                "module(load=\"imtcp\" StreamDriver.Name=\"ossl\" StreamDriver.Mode=\"1\"
                     StreamDriver.Authmode=\"x509/name\" PermittedPeer=[\"sensor-1.example.org\"])"
                    .to_owned(),
                "imtcp",
            ),
        };
        let config = format!(
            "global(workDirectory=\"{at}\" maxMessageSize=\"64k\"
                 DefaultNetstreamDriverCAFile=\"{at}/ca.pem\"
                 DefaultNetstreamDriverCertFile=\"{at}/server.pem\"
                 DefaultNetstreamDriverKeyFile=\"{at}/server.key\")
             {module}
             template(name=\"raw\" type=\"string\" string=\"%syslogfacility% %syslogseverity% %hostname% %app-name% %msgid% %msg%\\n\")
             input(type=\"{input}\" address=\"127.0.0.1\" port=\"{port}\")
             action(type=\"omfile\" file=\"{at}/out\" template=\"raw\")\n"
        );
        std::fs::write(dir.path().join("conf"), config).expect("written");
        let args = [
            "-n",
            "-f",
            &format!("{at}/conf"),
            "-i",
            &format!("{at}/pid"),
        ];
        let listens = Some(port).filter(|_| transport != "udp");
        let server = Server::new("rsyslogd", &args, &dir.path().join("log"), listens);
        Some(Self::started(server, dir, port))
    }

    fn syslog_ng(transport: &str) -> Option<Self> {
        let root = make::lab::work_folder().join("syslog-ng");
        let program = root.join("usr/sbin/syslog-ng");
        if !program.exists() {
            eprintln!(
                "skipped: {} is not there (tests/run unpacks it)",
                program.display()
            );
            return None;
        }
        let dir = TempDir::new().expect("temporary folder");
        certificates(dir.path());
        let (port, at) = (free_port(), dir.path().display().to_string());
        let tls = if transport == "tls" {
            format!(
                "tls(key-file(\"{at}/server.key\") cert-file(\"{at}/server.pem\")
                     ca-file(\"{at}/ca.pem\") peer-verify(required-trusted))"
            )
        } else {
            String::new()
        };
        let config = format!(
            "@version: 3.38
             options {{ keep-hostname(yes); }};
             source s {{ syslog(ip(127.0.0.1) port({port}) transport(\"{transport}\") {tls}); }};
             destination d {{ file(\"{at}/out\" template(\"$FACILITY_NUM $LEVEL_NUM $HOST $PROGRAM $MSGID $MESSAGE\\n\")); }};
             log {{ source(s); destination(d); }};\n"
        );
        std::fs::write(dir.path().join("conf"), config).expect("written");
        let lib = root.join("usr/lib/syslog-ng");
        let modules = lib.join("3.38").display().to_string();
        let path = format!(
            "{}:{modules}:{}",
            lib.display(),
            root.join("usr/lib/x86_64-linux-gnu").display()
        );
        let file = |name: &str| format!("{at}/{name}");
        let (conf, persist, pid, control) =
            (file("conf"), file("persist"), file("pid"), file("ctl"));
        let modules = format!("--module-path={modules}");
        let args = [
            "-F",
            "-f",
            &conf,
            "-R",
            &persist,
            "-p",
            &pid,
            "-c",
            &control,
            &modules,
            "--no-caps",
        ];
        let listens = Some(port).filter(|_| transport != "udp");
        let server = Server::new(program, &args, &dir.path().join("log"), listens);
        let server = server.env("LD_LIBRARY_PATH", &path);
        Some(Self::started(server, dir, port))
    }

    fn started(mut server: Server, dir: TempDir, port: u16) -> Self {
        server.start();
        let out = dir.path().join("out");
        Self {
            server,
            out,
            port,
            dir,
        }
    }

    /// The sinks' configuration that leads here.
    pub(super) fn sink(&self, transport: &str, more: &str) -> String {
        let at = self.dir.path().display();
        let tls = format!(
            "tls: {{ca: {at}/ca.pem, certificate: {at}/client.pem, key: {at}/client.key, \
             server_name: siem.example.org}}"
        );
        let tls = if transport == "tls" {
            tls
        } else {
            String::new()
        };
        format!(
            "sinks:\n  - type: syslog\n    name: siem\n    select: [alert]\n    \
             address: 127.0.0.1:{}\n    transport: {transport}\n    {more}\n    {tls}\n",
            self.port
        )
    }

    pub(super) fn lines(&self) -> Vec<String> {
        let text = std::fs::read_to_string(&self.out).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// How often each alert came, as EVE.
    fn received(&self) -> BTreeMap<String, usize> {
        let mut seen = BTreeMap::new();
        for line in self.lines() {
            let body = line.splitn(6, ' ').nth(5).unwrap_or_default().to_owned();
            // A receiver that is killed leaves half a line.
            let Ok(event) = serde_json::from_str::<Value>(&body) else {
                continue;
            };
            let id = event["vitalwire"]["alert_id"]
                .as_str()
                .expect("an id")
                .to_owned();
            *seen.entry(id).or_default() += 1;
        }
        seen
    }

    fn until_all(&self, rig: &Rig) {
        let mut missing = 0;
        let since = std::time::Instant::now();
        while since.elapsed() < Duration::from_secs(60) {
            let received = self.received();
            missing = rig
                .sent
                .iter()
                .filter(|id| !received.contains_key(*id))
                .count();
            if missing == 0 {
                assert_eq!(received.len(), rig.sent.len());
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!(
            "{missing} of {} never came\n{}",
            rig.sent.len(),
            self.server.log()
        );
    }
}

/// Which head a line has: facility local0, severity error for high.
fn has_head(line: &str) {
    assert!(
        line.starts_with("16 3 sensor-1 vitalwire alert {"),
        "{line}"
    );
}

fn arrives(receiver: Option<Receiver>, transport: &str, more: &str) {
    let Some(receiver) = receiver else { return };
    let mut rig = Rig::new(&receiver.sink(transport, more));
    rig.alerts(500);
    receiver.until_all(&rig);
    for line in receiver.lines() {
        has_head(&line);
        let body = line.splitn(6, ' ').nth(5).unwrap_or_default();
        assert!(
            serde_json::from_str::<Value>(body).is_ok(),
            "not whole: {line}"
        );
    }
}

/// The receiver goes away under load, ends as an administrator ends it or is killed, and comes back.
fn outage(receiver: Option<Receiver>, transport: &str, more: &str, kill: bool) {
    let Some(mut receiver) = receiver else { return };
    let mut rig = Rig::new(&receiver.sink(transport, more));
    rig.load(10, 50);
    if kill {
        receiver.server.kill();
    } else {
        receiver.server.stop();
    }
    rig.load(10, 100);
    receiver.server.start();
    rig.load(10, 50);
    receiver.until_all(&rig);
}

#[test]
fn rsyslog_receives_by_udp() {
    arrives(Receiver::rsyslog("udp"), "udp", "");
}

#[test]
fn rsyslog_receives_by_tcp_in_both_framings() {
    arrives(Receiver::rsyslog("tcp"), "tcp", "framing: octet-counted");
    arrives(Receiver::rsyslog("tcp"), "tcp", "framing: lf");
}

#[test]
fn rsyslog_receives_by_mutual_tls() {
    arrives(Receiver::rsyslog("tls"), "tls", "");
}

#[test]
fn syslog_ng_receives_by_udp_tcp_and_mutual_tls() {
    for transport in ["udp", "tcp", "tls"] {
        arrives(Receiver::syslog_ng(transport), transport, "");
    }
}

#[test]
fn nothing_is_lost_when_rsyslog_is_away() {
    outage(Receiver::rsyslog("tcp"), "tcp", "framing: lf", false);
    outage(Receiver::rsyslog("tls"), "tls", "", true);
}

#[test]
fn nothing_is_lost_when_syslog_ng_is_away() {
    outage(Receiver::syslog_ng("tls"), "tls", "", false);
    outage(Receiver::syslog_ng("tcp"), "tcp", "", true);
}

/// A receiver hangs, its kernel takes everything, and it is killed: what it never read comes again.
#[test]
fn what_a_receiver_never_read_comes_again() {
    for transport in ["tcp", "tls"] {
        let Some(mut receiver) = Receiver::rsyslog(transport) else {
            return;
        };
        let mut rig = Rig::new(&receiver.sink(transport, ""));
        rig.load(10, 20);
        receiver.until_all(&rig);
        receiver.server.freeze();
        rig.load(10, 50);
        receiver.server.kill();
        receiver.server.start();
        receiver.until_all(&rig);
    }
}

#[test]
fn a_receiver_with_another_name_gets_nothing() {
    let Some(receiver) = Receiver::rsyslog("tls") else {
        return;
    };
    let config = receiver
        .sink("tls", "")
        .replace("siem.example.org", "other.example.org");
    let mut rig = Rig::new(&config);
    rig.alerts(5);
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(receiver.lines(), Vec::<String>::new());
}

/// With TLS 1.3 the receiver's refusal comes after the client thinks that all is well.
#[test]
fn without_a_certificate_everything_waits() {
    let Some(receiver) = Receiver::rsyslog("tls") else {
        return;
    };
    let at = receiver.dir.path().display();
    let ours = format!("certificate: {at}/client.pem, key: {at}/client.key, ");
    let mut rig = Rig::new(&receiver.sink("tls", "").replace(&ours, ""));
    rig.alerts(5);
    std::thread::sleep(Duration::from_secs(3));
    let metrics = rig.store.outbox_counts().samples();
    let delivered = metrics
        .iter()
        .find(|s| s.name.contains("delivered"))
        .map(|s| s.value);
    assert_eq!(delivered.unwrap_or(0), 0);
    assert_eq!(receiver.lines(), Vec::<String>::new());
}

#[test]
fn cef_is_one_line_and_its_escapes_come_back() {
    let Some(receiver) = Receiver::rsyslog("tcp") else {
        return;
    };
    let mut rig = Rig::new(&receiver.sink("tcp", "format: cef"));
    rig.alerts(1);
    until("a line", 20, || !receiver.lines().is_empty());
    let line = receiver.lines().remove(0);
    let cef = line.splitn(6, ' ').nth(5).expect("a body");
    let begin = "CEF:0|Vitalwire|Vitalwire|0.1.0|1000021|Patient list pulled \\| with a = sign|8|";
    assert!(cef.starts_with(begin), "{cef}");
    let id = alert(1)["vitalwire"]["alert_id"].clone();
    assert!(
        cef.contains(&format!("externalId={} ", id.as_str().expect("text"))),
        "{cef}"
    );
    assert!(
        cef.ends_with("msg=Ein Gerät | fragte: \\\\ \\= \"ä\" \u{2764} \\n zweite Zeile"),
        "{cef}"
    );
    assert!(
        cef.contains("cs3Label=attackTechniques cs3=T1213,T0811 "),
        "{cef}"
    );
    assert!(
        cef.contains("src=10.20.9.66 spt=50000 smac=02:00:0a:14:09:42 dst=10.20.2.10 "),
        "{cef}"
    );
}

#[test]
fn what_is_too_long_is_whole_and_says_so() {
    let Some(receiver) = Receiver::rsyslog("udp") else {
        return;
    };
    let mut rig = Rig::new(&receiver.sink("udp", "max_size: 1000"));
    rig.alerts(3);
    receiver.until_all(&rig);
    for line in receiver.lines() {
        assert!(
            line.contains("\"truncated\":true") && line.len() <= 1000,
            "{line}"
        );
    }
}

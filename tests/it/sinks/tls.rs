//! TLS towards the real NATS and the real Alertmanager: authority, name, our own certificate.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::appliance::try_sink;
use super::certificates::certificates;
use super::receivers::{Server, free_port, until};
use super::rig::Rig;
use crate::support;

/// A folder with certificates, and one with those of another authority.
fn folders() -> (TempDir, TempDir) {
    let folders = (
        TempDir::new().expect("a folder"),
        TempDir::new().expect("a folder"),
    );
    certificates(folders.0.path());
    certificates(folders.1.path());
    folders
}

fn own(at: &Path) -> String {
    let at = at.display();
    format!("tls: {{ca: {at}/ca.pem, certificate: {at}/client.pem, key: {at}/client.key}}")
}

/// What each mistake is answered with: another authority, another name, no certificate of ours.
fn mistakes(sink: &str, at: &Path, other: &Path) {
    let config = at.join("vitalwire.yaml");
    let tried = |sink: &str| {
        std::fs::write(&config, sink).expect("written");
        try_sink(&config.display().to_string(), "it", "")
    };
    let (code, said) = tried(sink);
    assert_eq!(code, Some(0), "{said}");
    let wrong = |file: &str| {
        sink.replace(
            &format!("{}/{file}", at.display()),
            &format!("{}/{file}", other.display()),
        )
    };
    let (code, said) = tried(&wrong("ca.pem"));
    assert!(
        code == Some(1) && said.contains("not trusted: look at tls.ca"),
        "{said}"
    );
    let (code, said) = tried(&sink.replace("localhost", "127.0.0.1"));
    assert!(
        code == Some(1) && said.contains("bears another name"),
        "{said}"
    );
    let ca = format!("tls: {{ca: {}/ca.pem}}", at.display());
    let (code, said) = tried(&sink.replace(&own(at), &ca));
    assert_eq!(code, Some(1), "without our certificate: {said}");
}

#[test]
fn nats_by_mutual_tls_and_what_is_wrong_is_said() {
    if !support::has("nats-server") {
        return;
    }
    let (dir, other) = folders();
    let (port, monitor, at) = (free_port(), free_port(), dir.path().display());
    let config = format!(
        "listen: 127.0.0.1:{port}\nhttp: 127.0.0.1:{monitor}\njetstream {{ store_dir: \"{at}/js\" }}\n\
         tls {{ cert_file: \"{at}/server.pem\", key_file: \"{at}/server.key\", ca_file: \"{at}/ca.pem\",\n\
         verify: true }}\n"
    );
    std::fs::write(dir.path().join("conf"), config).expect("written");
    let args = ["-c", &format!("{at}/conf")];
    let mut server = Server::new("nats-server", &args, &dir.path().join("log"), Some(port));
    server.start();
    let sink = format!(
        "sinks: [{{type: nats, name: it, servers: ['tls://localhost:{port}'], stream: VITALWIRE,
            timeout: 3s, select: [alert], {}}}]\n",
        own(dir.path())
    );
    mistakes(&sink, dir.path(), other.path());
    let named = sink.replace("tls: {ca", "tls: {server_name: localhost, ca");
    let path = dir.path().join("vitalwire.yaml");
    std::fs::write(&path, named).expect("written");
    let (code, said) = try_sink(&path.display().to_string(), "it", "");
    assert!(
        code == Some(2) && said.contains("tls.server_name"),
        "{said}"
    );

    let stored = || {
        let mut stream = TcpStream::connect(("127.0.0.1", monitor)).ok()?;
        stream.write_all(b"GET /jsz HTTP/1.0\r\n\r\n").ok()?;
        let mut text = String::new();
        stream.read_to_string(&mut text).ok()?;
        let (_, body) = text.split_once("\r\n\r\n")?;
        serde_json::from_str::<Value>(body).ok()?["messages"].as_u64()
    };
    let before = stored().expect("a count");
    let mut rig = Rig::new(&sink);
    rig.alerts(200);
    until("every alert", 20, || stored() == Some(before + 200));
}

#[test]
fn alertmanager_by_mutual_tls_and_what_is_wrong_is_said() {
    if !support::has("prometheus-alertmanager") || !support::has("curl") {
        return;
    }
    let (dir, other) = folders();
    let (port, at) = (free_port(), dir.path().display());
    let web = "tls_server_config: {cert_file: server.pem, key_file: server.key,\n  \
               client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.pem}\n";
    std::fs::write(dir.path().join("web"), web).expect("written");
    let config = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n";
    std::fs::write(dir.path().join("conf"), config).expect("written");
    let args = [
        &format!("--config.file={at}/conf"),
        &format!("--web.config.file={at}/web"),
        &format!("--storage.path={at}/data"),
        &format!("--web.listen-address=127.0.0.1:{port}"),
        "--cluster.listen-address=",
    ];
    let log = dir.path().join("log");
    let mut server = Server::new("prometheus-alertmanager", &args, &log, Some(port));
    server.start();
    let sink = format!(
        "sinks: [{{type: alertmanager, name: it, url: 'https://localhost:{port}', timeout: 3s, {}}}]\n",
        own(dir.path())
    );
    mistakes(&sink, dir.path(), other.path());
    let file = |name: &str| format!("{at}/{name}");
    let output = Command::new("curl")
        .args([
            "-sS",
            "--cacert",
            &file("ca.pem"),
            "--cert",
            &file("client.pem"),
        ])
        .args(["--key", &file("client.key")])
        .arg(format!("https://localhost:{port}/api/v2/alerts"))
        .output()
        .expect("curl runs");
    let active: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(
        active[0]["labels"]["alertname"], "VitalwireTest",
        "{active}"
    );
}

//! What ships for Prometheus and Grafana, against the real Prometheus and real metrics.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{has, root, vitalwire};

/// Ended when dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("bound").port()
}

fn promtool(dir: &Path, args: &[&str], stdin: &str) -> Output {
    use std::io::Write as _;
    let mut child = Command::new("promtool")
        .args(args)
        .current_dir(dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool");
    let mut input = child.stdin.take().expect("piped");
    input.write_all(stdin.as_bytes()).expect("written");
    drop(input);
    child.wait_with_output().expect("promtool")
}

fn passes(dir: &Path, args: &[&str], stdin: &str) -> String {
    let output = promtool(dir, args, stdin);
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "promtool {args:?}: {text}");
    text
}

/// Every expression of the dashboards, as Grafana would send it.
fn of_dashboards() -> Vec<(String, String)> {
    let dir = root().join("deploy/grafana/dashboards");
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).expect("dashboards") {
        let path = entry.expect("entry").path();
        let text = std::fs::read(&path).expect("read");
        let dashboard: Value = serde_json::from_slice(&text).expect("JSON");
        for panel in dashboard["panels"].as_array().expect("panels") {
            let title = format!("{}: {}", dashboard["title"], panel["title"]);
            for target in panel["targets"].as_array().expect("targets") {
                let expr = target["expr"].as_str().expect("expr");
                let expr = expr
                    .replace("$__rate_interval", "30s")
                    .replace("$instance", ".*");
                found.push((title.clone(), expr));
            }
        }
    }
    found
}

/// Names of metrics in an expression.
fn names(expr: &str) -> BTreeSet<String> {
    let words = expr.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'));
    let ours = words.filter(|word| word.starts_with("vitalwire") && *word != "vitalwire");
    ours.map(str::to_owned).collect()
}

#[test]
fn rules_mean_what_their_tests_say() {
    if !has("promtool") {
        return;
    }
    let dir = root().join("deploy/prometheus");
    passes(&dir, &["check", "rules", "rules.yaml"], "");
    passes(&dir, &["test", "rules", "rules.test.yaml"], "");
}

#[test]
fn every_query_that_ships_finds_real_metrics() {
    if !has("promtool") || !has("prometheus") || !has("curl") {
        return;
    }
    let dir = TempDir::new().expect("a folder");
    let (http, port) = (free_port(), free_port());
    let config = format!(
        "state_dir: {dir}/state\ncapture: {{ files: [{ward}], loop: true }}\n\
         outputs: {{ eve: {{ path: {dir}/eve.json }} }}\nhttp: {{ listen: '127.0.0.1:{http}' }}\n\
         api: {{ enabled: false }}\n",
        dir = dir.path().display(),
        ward = root().join("pcaps/ward").display(),
    );
    let file = dir.path().join("vitalwire.yaml");
    std::fs::write(&file, config).expect("written");
    let appliance = Command::new(vitalwire())
        .args(["run", "--config"])
        .arg(&file)
        .stderr(Stdio::null())
        .spawn();
    let _appliance = Running(appliance.expect("vitalwire"));
    let scrape = std::fs::read_to_string(root().join("deploy/prometheus/scrape.yaml"))
        .expect("scrape.yaml")
        .replace("127.0.0.1:9470", &format!("127.0.0.1:{http}"))
        .replace("scrape_interval: 15s", "scrape_interval: 1s");
    let rules = root().join("deploy/prometheus/rules.yaml");
    let head = format!(
        "global: {{ evaluation_interval: 1s }}\nrule_files: [{}]\n",
        rules.display()
    );
    let file = dir.path().join("prometheus.yml");
    std::fs::write(&file, head + &scrape).expect("written");
    let prometheus = Command::new("prometheus")
        .arg(format!("--config.file={}", file.display()))
        .arg(format!(
            "--storage.tsdb.path={}",
            dir.path().join("tsdb").display()
        ))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .arg("--log.level=error")
        .spawn();
    let _prometheus = Running(prometheus.expect("prometheus"));
    let url = format!("http://127.0.0.1:{port}");
    let ask = |expr: &str| {
        let output = promtool(dir.path(), &["query", "instant", &url, expr], "");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.success(), text)
    };
    let recorded = || ask("vitalwire:capture_frames:rate5m > 0").1.contains("=>");
    let ready = (0..120).any(|_| {
        std::thread::sleep(Duration::from_millis(500));
        recorded()
    });
    assert!(ready, "Prometheus has recorded something");

    let page = Command::new("curl")
        .args(["-sS", &format!("http://127.0.0.1:{http}/metrics")])
        .output()
        .expect("curl");
    let page = String::from_utf8_lossy(&page.stdout).into_owned();
    passes(dir.path(), &["check", "metrics"], &page);

    let recording = std::fs::read_to_string(&rules).expect("rules");
    let known = |name: &String| {
        page.contains(&format!("# TYPE {name} "))
            || recording.contains(&format!("record: {name}\n"))
    };
    let mut asked = 0;
    for (panel, expr) in of_dashboards() {
        let (fine, text) = ask(&expr);
        assert!(fine, "{panel}: {expr}: {text}");
        // What is compared with a bound is empty while all is well.
        let may_be_empty = expr.contains("> 0") || expr.contains("repeats_held");
        assert!(
            may_be_empty || text.contains("=>"),
            "{panel} is empty: {expr}"
        );
        for name in names(&expr) {
            let later = name == "vitalwire_correlator_repeats_held_total";
            assert!(known(&name) || later, "{panel}: nothing is called {name}");
        }
        asked += 1;
    }
    assert!(asked > 30, "{asked} queries");
    let written = recording
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'));
    for name in written.flat_map(names) {
        assert!(known(&name), "rules.yaml: nothing is called {name}");
    }
}

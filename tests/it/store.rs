//! The store of the running appliance: what is in it stays in it, whenever the appliance is killed.
#![expect(
    clippy::result_large_err,
    reason = "rusqlite's error, in its own closures"
)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;

use crate::support::{self, root, vitalwire};

/// How often the appliance is killed.
const KILLS: u64 = 100;
/// A fresh store is begun after so many: looking through a large one takes longer.
const KILLS_A_STORE: u64 = 20;
/// The attack is repeated so often in a capture, hours apart: each time other alerts.
const REPEATS: u32 = 60;
/// Between two attacks, in seconds of packet time.
const APART: u32 = 2 * 3600;

/// A capture with the attack on the ward again and again, other times than those of other rounds.
fn capture(dir: &Path, round: u32) -> PathBuf {
    let bytes = std::fs::read(root().join("pcaps/ward/attack.pcap")).expect("the capture");
    let (head, mut records) = bytes.split_at(24);
    let mut frames = Vec::new();
    while records.len() >= 16 {
        let len = u32::from_le_bytes(records[8..12].try_into().expect("four")) as usize;
        let (frame, rest) = records.split_at(16 + len);
        frames.push(frame);
        records = rest;
    }
    let mut out = head.to_vec();
    for repeat in 0..REPEATS {
        let later = (round * REPEATS + repeat) * APART;
        for frame in &frames {
            let secs = u32::from_le_bytes(frame[..4].try_into().expect("four"));
            out.extend_from_slice(&(secs + later).to_le_bytes());
            out.extend_from_slice(&frame[4..]);
        }
    }
    let path = dir.join("attack.pcap");
    std::fs::write(&path, out).expect("written");
    path
}

/// Its eve.json, beside its state, has findings only.
fn start(dir: &Path, capture: &Path) -> Child {
    let config = dir.join("vitalwire.yaml");
    let text = format!(
        "state_dir: {0}/state\ncapture: {{files: [{1}], loop: true}}\nhttp: {{enabled: false}}\napi: {{enabled: false}}\n\
         outputs: {{eve: {{path: {0}/eve.json, types: [finding]}}}}\nlog: {{level: error}}\n\
         # A receiver that is away, so that the outbox keeps everything.\n\
         sinks: [{{type: webhook, name: away, url: 'http://127.0.0.1:9/', select: [alert, incident]}}]\n",
        dir.display(),
        capture.display()
    );
    std::fs::write(&config, text).expect("written");
    Command::new(vitalwire())
        .arg("run")
        .arg("--config")
        .arg(&config)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .expect("the appliance starts")
}

fn open(dir: &Path) -> Option<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let conn = Connection::open_with_flags(dir.join("state/vitalwire.db"), flags).ok()?;
    conn.busy_timeout(Duration::from_secs(5)).ok()?;
    Some(conn)
}

/// The alerts that are there.
fn stored(conn: &Connection) -> rusqlite::Result<BTreeSet<String>> {
    let mut statement = conn.prepare("SELECT alert_id FROM alerts")?;
    let ids = statement.query_map([], |row| row.get(0))?;
    ids.collect()
}

/// What another process saw of it before the kill: that is stored, and told.
fn confirmed(dir: &Path) -> BTreeSet<String> {
    open(dir)
        .and_then(|conn| stored(&conn).ok())
        .unwrap_or_default()
}

fn number(conn: &Connection, sql: &str) -> i64 {
    conn.query_row(sql, [], |row| row.get(0)).expect(sql)
}

/// Every part of an alert is there, or none of it.
fn is_whole(conn: &Connection) {
    let check: String = conn
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .expect("a check");
    assert_eq!(check, "ok");
    for sql in [
        "SELECT count(*) FROM alerts WHERE seq NOT IN (SELECT seq FROM alert_lines)",
        "SELECT count(*) FROM alert_lines WHERE seq NOT IN (SELECT seq FROM alerts)",
        "SELECT count(*) FROM alerts WHERE incident NOT IN (SELECT number FROM incidents)",
        "SELECT count(*) FROM alerts WHERE alert_id NOT IN
             (SELECT id FROM outbox WHERE kind = 'alert')",
        "SELECT count(*) FROM outbox WHERE kind = 'alert' AND id NOT IN
             (SELECT alert_id FROM alerts)",
        "SELECT coalesce(sum(count), 0) - (SELECT count(*) FROM alerts) FROM incidents",
    ] {
        assert_eq!(number(conn, sql), 0, "{sql}");
    }
}

/// Waits until there are more alerts than that.
fn until_more(dir: &Path, alerts: usize) {
    let alerts = i64::try_from(alerts).expect("few");
    let since = Instant::now();
    let count = |conn: Connection| {
        let sql = "SELECT count(*) FROM alerts";
        conn.query_row(sql, [], |row| row.get::<_, i64>(0)).ok()
    };
    while open(dir).and_then(count).unwrap_or(0) <= alerts {
        assert!(since.elapsed() < Duration::from_secs(30), "no alert comes");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Waits until the files change, but not for long: perhaps all is written.
fn until_written(dir: &Path) {
    let look = || {
        ["vitalwire.db", "vitalwire.db-wal"].map(|file| {
            let path = dir.join("state").join(file);
            path.metadata().and_then(|data| data.modified()).ok()
        })
    };
    let (before, since) = (look(), Instant::now());
    while look() == before && since.elapsed() < Duration::from_millis(200) {
        std::thread::yield_now();
    }
}

#[test]
fn no_alert_is_lost_in_a_hundred_kills() {
    let (mut seen, mut midway, mut total) = (0, 0, 0);
    let mut dir = TempDir::new().expect("a folder");
    for round in 0..KILLS {
        let number = u32::try_from(round).expect("small");
        if round.is_multiple_of(KILLS_A_STORE) {
            dir = TempDir::new().expect("a folder");
        }
        let before = confirmed(dir.path());
        let capture = capture(dir.path(), number);
        let mut child = start(dir.path(), &capture);
        // Anywhere between the start and its first alerts, soon after these, or in the very moment
        // in which something is written.
        if !round.is_multiple_of(4) || round.is_multiple_of(KILLS_A_STORE) {
            until_more(dir.path(), before.len());
        }
        if round.is_multiple_of(2) {
            std::thread::sleep(Duration::from_millis(round * 37 % 150));
        }
        let confirmed = confirmed(dir.path());
        if !round.is_multiple_of(2) {
            until_written(dir.path());
        }
        child.kill().expect("killed");
        child.wait().expect("gone");
        let conn = open(dir.path()).expect("the store");
        let after = stored(&conn).expect("readable");
        let lost: Vec<_> = confirmed.difference(&after).collect();
        assert!(lost.is_empty(), "round {round}: {lost:?}");
        assert!(before.is_subset(&after), "round {round}");
        is_whole(&conn);
        let new = after.difference(&before).count();
        seen += u32::from(confirmed.len() > before.len());
        midway += u32::from(new > 0 && new < 13 * REPEATS as usize);
        total += new;
    }
    println!("{total} alerts; {seen} kills after some were seen, {midway} while they were written");
    assert!(
        seen >= 50,
        "{seen} rounds in which anything was stored before the kill"
    );
    assert!(midway >= 20, "{midway} rounds that were killed midway");
}

/// A small disk that can be made larger; gone with this.
struct Disk(PathBuf);

impl Disk {
    /// Nothing where nobody may mount one.
    fn new(dir: &Path) -> Option<Self> {
        let at = dir.join("state");
        std::fs::create_dir(&at).expect("a folder");
        let mounted = Self::mount(&at, &["-t", "tmpfs", "-o", "size=1500k", "none"]);
        if !mounted {
            eprintln!("skipped: a disk cannot be mounted here");
        }
        mounted.then(|| Self(at))
    }

    fn mount(at: &Path, arguments: &[&str]) -> bool {
        let mut command = Command::new("mount");
        command.args(arguments).arg(at).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let gone = Command::new("umount").arg("-l").arg(&self.0).status();
        gone.expect("unmounted");
    }
}

#[test]
fn a_full_disk_is_waited_for_and_nothing_is_lost() {
    let dir = TempDir::new().expect("a folder");
    let Some(disk) = Disk::new(dir.path()) else {
        return;
    };
    let capture = capture(dir.path(), 0);
    let alerts = i64::from(13 * REPEATS);
    let mut child = start(dir.path(), &capture);
    let state = disk.0.clone();
    let free = move || {
        let df = Command::new("df")
            .args(["--output=avail"])
            .arg(&state)
            .output();
        let text = String::from_utf8_lossy(&df.expect("df").stdout).into_owned();
        text.lines().nth(1).is_some_and(|line| line.trim() != "0")
    };
    let since = Instant::now();
    while free() {
        assert!(
            since.elapsed() < Duration::from_secs(30),
            "it does not fill"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_secs(1));
    assert!(confirmed(dir.path()).len() < 13 * REPEATS as usize);
    assert!(Disk::mount(&disk.0, &["-o", "remount,size=60m"]));
    until_more(dir.path(), 13 * REPEATS as usize - 1);
    child.kill().expect("killed");
    child.wait().expect("gone");
    let conn = open(dir.path()).expect("the store");
    assert_eq!(number(&conn, "SELECT count(*) FROM alerts"), alerts);
    // Said at once, where it can be said, and that it is over.
    let said = std::fs::read_to_string(dir.path().join("eve.json")).expect("eve.json");
    let said: Vec<&str> = said
        .lines()
        .filter(|line| line.contains("\"store-failing\""))
        .collect();
    let is = |line: &str, state: &str| line.contains(&format!("\"state\":\"{state}\""));
    assert!(
        said.first().is_some_and(|line| is(line, "open")),
        "{said:?}"
    );
    assert!(
        said.last().is_some_and(|line| is(line, "closed")),
        "{said:?}"
    );
}

#[test]
fn the_audit_log_of_an_appliance_is_verified_from_outside() {
    let dir = TempDir::new().expect("a folder");
    let capture = capture(dir.path(), 0);
    let mut child = start(dir.path(), &capture);
    until_more(dir.path(), 0);
    let config = dir.path().join("vitalwire.yaml");
    let verify = |more: &[&str]| {
        let config = config.to_string_lossy().into_owned();
        let mut args = vec!["audit", "verify", "--config", &config];
        args.extend_from_slice(more);
        support::run(&args)
    };
    let (code, stdout, stderr) = verify(&[]);
    child.kill().expect("killed");
    child.wait().expect("gone");
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stdout.contains("whole; 1 entries"), "{stdout}");
    let (code, _, stderr) = verify(&["--contains", "abc"]);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("its end was cut"), "{stderr}");
    let conn = Connection::open(dir.path().join("state/vitalwire.db")).expect("the store");
    conn.execute_batch("DROP TRIGGER audit_never_changes; UPDATE audit SET actor = 'nobody'")
        .expect("tampered");
    drop(conn);
    let (code, _, stderr) = verify(&[]);
    assert_eq!(code, Some(1));
    assert!(
        stderr.contains("broken at entry 1: it was changed"),
        "{stderr}"
    );
}

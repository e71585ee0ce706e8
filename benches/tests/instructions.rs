//! The gates: what a packet that yields no event costs, what an event costs, what ten times the
//! rules cost, and what starting costs, in instructions, which do not depend on how busy the machine
//! is.
//!
//! The program under callgrind reads a capture of so many packets and one of twice as many;
//! whatever is done once falls out of the difference. It is the development build;
//! the limits are a fifth above what was measured.

#![expect(
    clippy::unwrap_used,
    reason = "a test: what lies outside of its functions is not taken for one"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

use make::Capture;
use traffic::{datagrams, store, unrecognised};

mod traffic;

const PACKETS: usize = 10_000;

#[test]
fn packets_without_events_cost_no_more_instructions_than_they_did() {
    if Command::new("valgrind").arg("--version").output().is_err() {
        println!("skipped: valgrind is not installed");
        return;
    }
    let dir = folder("packets");
    for (name, made, limit) in [
        ("a C-STORE", store as fn(usize) -> Capture, 2650.0),
        ("unrecognised TCP", unrecognised, 2800.0),
        ("UDP", datagrams, 2200.0),
    ] {
        let [few, many] = [PACKETS, 2 * PACKETS].map(|packets| {
            let capture = made(packets);
            let file = dir.join(format!("{packets}.pcap"));
            capture.write(&file).unwrap();
            (capture.frames.len(), instructions(&file, &dir, &[]))
        });
        let more = many.1.saturating_sub(few.1);
        let each = more as f64 / (many.0 - few.0) as f64;
        println!("{name}: {each:.0} instructions a packet, at most {limit}");
        assert!(each < limit, "{name}: {each} a packet");
    }
    std::fs::remove_dir_all(dir).unwrap();
}

/// Bytes of HL7 messages and acknowledgments: some 2000 events.
const HL7_BYTES: u64 = 1_500_000;

#[test]
fn events_cost_no_more_instructions_than_they_did_and_little_more_with_ten_times_the_rules() {
    if Command::new("valgrind").arg("--version").output().is_err() {
        println!("skipped: valgrind is not installed");
        return;
    }
    let dir = folder("events");
    let rules = dir.join("rules");
    // Nine more of each.
    copy_rules(&rules, usize::MAX);
    let files = [HL7_BYTES, 2 * HL7_BYTES].map(|bytes| {
        let file = dir.join(format!("{bytes}.pcap"));
        make::bulk::hl7(&file, bytes).unwrap();
        file
    });
    let each = |arguments: &[&Path]| {
        let [few, many] = files.each_ref().map(|file| {
            let cost = instructions(file, &dir, arguments);
            let lines = std::fs::read_to_string(dir.join("eve.json")).unwrap();
            (lines.lines().count(), cost)
        });
        (many.1 - few.1) as f64 / (many.0 - few.0) as f64
    };
    let (one, ten) = (each(&[]), each(&[Path::new("--rules"), &rules]));
    println!(
        "an HL7 event: {one:.0} instructions, at most {EVENT_MAX}; ten times the rules {ten:.0}"
    );
    assert!(one < EVENT_MAX, "{one} an event");
    // Half of it is SHA-256, for which valgrind has no instructions: of the rest it is a fifth.
    assert!(
        ten < one * 1.1,
        "{ten} with ten times the rules, {one} without"
    );
    std::fs::remove_dir_all(dir).unwrap();
}

/// Instructions of an event, all threads together.
const EVENT_MAX: f64 = 135_000.0;

/// Of the budget for starting, 15 ms in the release build.
const RULES: usize = 200;

#[test]
fn starting_with_200_rules_costs_no_more_instructions_than_it_did() {
    if Command::new("valgrind").arg("--version").output().is_err() {
        println!("skipped: valgrind is not installed");
        return;
    }
    let dir = folder("start");
    let (rules, empty) = (dir.join("rules"), dir.join("empty.pcap"));
    let packs = rules::packs::embedded();
    let there: usize = packs.iter().map(|pack| rules_of(&pack.text).len()).sum();
    copy_rules(&rules, RULES - there);
    Capture::new().write(&empty).unwrap();
    let arguments = [Path::new("--rules"), &rules];
    let cost = instructions(&empty, &dir, &arguments);
    println!("starting with {RULES} rules: {cost} instructions, at most {START_MAX}");
    assert!(cost < START_MAX, "{cost}");
    std::fs::remove_dir_all(dir).unwrap();
}

/// Instructions of a start and an end.
const START_MAX: u64 = 270_000_000;

/// The rules of a pack, each from its id on.
fn rules_of(pack: &str) -> Vec<&str> {
    let (_, rules) = pack.split_once("\nrules:\n").unwrap();
    rules.split("  - id: ").skip(1).collect()
}

/// Writes copies of each rule that asks for some text, each for another one: nine at most of each,
/// and so many at most together.
fn copy_rules(to: &Path, most: usize) {
    std::fs::create_dir_all(to).unwrap();
    let mut left = most;
    for copy in 1..10_u32 {
        for pack in rules::packs::embedded() {
            let rules = rules_of(&pack.text).into_iter();
            let copies = rules.filter_map(|rule| another(rule, copy));
            let copies: Vec<_> = copies.take(left).collect();
            if copies.is_empty() {
                continue;
            }
            left -= copies.len();
            let name = pack.name.replace('/', "-");
            let text = format!("rules:\n{}", copies.concat());
            std::fs::write(to.join(format!("{copy}-{name}")), text).unwrap();
        }
    }
}

/// The rule with another id and number and, in its condition, other texts, if it has any.
fn another(rule: &str, copy: u32) -> Option<String> {
    let (head, rest) = rule.split_once("    when: ")?;
    // The condition goes on as long as lines are indented further than keys.
    let lines = rest.split_inclusive('\n').skip(1);
    let more = lines.take_while(|line| line.starts_with("     "));
    let first = rest.find('\n')? + 1;
    let (when, rest) = rest.split_at(first + more.map(str::len).sum::<usize>());
    let (id, head) = head.split_once('\n')?;
    let (sid, head) = head.trim_start().strip_prefix("sid: ")?.split_once('\n')?;
    let sid = sid.parse::<u32>().ok()? + 1000 * copy;
    let mut asks = false;
    let parts = when.split('"').enumerate().map(|(at, part)| {
        let other = at % 2 == 1 && !part.starts_with("to_");
        asks |= other;
        if other {
            format!("{part}{copy}")
        } else {
            part.to_owned()
        }
    });
    let when = parts.collect::<Vec<_>>().join("\"");
    asks.then(|| format!("  - id: {id}-{copy}\n    sid: {sid}\n{head}    when: {when}{rest}"))
}

fn folder(name: &str) -> PathBuf {
    let name = format!("vitalwire-instructions-{name}-{}", std::process::id());
    let dir = std::env::temp_dir().join(name);
    std::fs::create_dir_all(&dir).unwrap();
    dir
}

/// Of the whole program, all threads together.
fn instructions(file: &Path, dir: &Path, arguments: &[&Path]) -> u64 {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(vitalwire())
        .args(["inspect", "--workers", "1", "--quiet", "--out"])
        .args([dir, Path::new("--state"), dir, file])
        .args(arguments)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let collected = said
        .lines()
        .find_map(|line| line.split_once("Collected : "));
    collected.unwrap().1.trim().parse().unwrap()
}

/// The program, built beside this test.
fn vitalwire() -> PathBuf {
    let here = std::env::current_exe().unwrap();
    let path = here.parent().unwrap().parent().unwrap().join("vitalwire");
    assert!(path.exists(), "{}: cargo build -p control", path.display());
    path
}

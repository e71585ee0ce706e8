use super::units::{Bytes, Span};
use super::{Capture, Config, EXAMPLE, parse, schema};

#[test]
fn the_example_parses_and_equals_the_defaults() {
    assert_eq!(parse("example", EXAMPLE).unwrap(), Config::default());
}

#[test]
fn the_example_names_every_key() {
    fn keys(value: &serde_json::Value, path: &str, out: &mut Vec<String>) {
        for (key, value) in value.as_object().into_iter().flatten() {
            out.push(key.clone());
            keys(value, &format!("{path}.{key}"), out);
        }
    }
    let mut all = Vec::new();
    keys(
        &serde_json::to_value(Config::default()).unwrap(),
        "",
        &mut all,
    );
    for key in all {
        assert!(
            EXAMPLE.contains(&format!("{key}:")),
            "{key} is not in the example"
        );
    }
}

#[test]
fn an_empty_file_is_the_default() {
    assert_eq!(parse("empty", "").unwrap(), Config::default());
    assert_eq!(parse("empty", "# nothing\n\n").unwrap(), Config::default());
}

#[test]
fn nobody_else_reaches_it_unless_told_so() {
    let config = Config::default();
    for listen in [config.api.listen, config.http.listen] {
        assert!(listen.ip().is_loopback(), "{listen}");
    }
}

#[test]
fn an_unknown_key_is_refused_with_its_place_and_the_nearest_name() {
    let error = parse("c.yaml", "capture:\n  interfaces: eth0\n").unwrap_err();
    assert_eq!(error.code(), 2);
    let text = error.to_string();
    assert!(
        text.starts_with("c.yaml:2:3: unknown key `interfaces`"),
        "{text}"
    );
    assert!(text.contains("did you mean `interface`?"), "{text}");
    assert_eq!(text.lines().count(), 1);
}

#[test]
fn a_wrong_word_and_a_wrong_size_are_refused_with_their_place() {
    let text = parse("c", "capture:\n  silence: enforced\n")
        .unwrap_err()
        .to_string();
    assert!(
        text.starts_with("c:2:") && text.contains("enforce, check, off"),
        "{text}"
    );
    let text = parse("c", "limits:\n  memory: 1XB\n")
        .unwrap_err()
        .to_string();
    assert!(
        text.starts_with("c:2:") && text.contains("a size such as 512MiB"),
        "{text}"
    );
}

#[test]
fn what_only_shows_once_all_is_read_has_its_place_too() {
    for (text, said) in [
        (
            "# capture.expect_vlans:\ncapture:\n  # expect_vlans: [1]\n  expect_vlans: [5000]\n",
            "c:4:3: capture.expect_vlans: 5000 is no VLAN",
        ),
        (
            "limits: {queue_depth: 0}",
            "c:1:10: limits.queue_depth has to",
        ),
        (
            "outputs: {eve: {types: [alrt]}}",
            "c:1:17: outputs.eve.types: no event type",
        ),
        ("workers: many", "c:1:10: expected a whole number"),
        ("sets:\n  archives: 10.0.0.1\n", "c:2:13: expected a list"),
        (
            "http: {listen: localhost}",
            "expected an address and a port",
        ),
        ("log: {level: warning}", "did you mean `warn`?"),
        (
            "sinks:\n  - name: a\n    type: nats\n    servers: []\n    user: x\n",
            "c:5:5: unknown key `user` (did you mean `username`?)",
        ),
        (
            "sinks:\n  - {type: nats, name: a, servers: [], select: []}\n  - name: b\n    type: nats\n    servers: []\n    select: []\n  - {type: nats, name: c, servers: []}\n",
            "c:2:40: sinks: a: select is empty",
        ),
        (
            "workers: 1\nworkers: 2\n",
            "c:2:1: duplicate mapping key: workers",
        ),
    ] {
        let found = parse("c", text).unwrap_err().to_string();
        assert!(found.contains(said), "{found}");
        assert_eq!(found.lines().count(), 1);
    }
}

#[test]
fn what_excludes_each_other_is_refused() {
    let text = parse("c", "capture: {interface: eth0, files: [a.pcap]}")
        .unwrap_err()
        .to_string();
    assert!(text.contains("exclude each other"), "{text}");
}

#[test]
fn sizes_and_spans_print_as_they_are_written() {
    for text in ["512MiB", "64KiB", "1GB", "0B"] {
        let bytes: Bytes = serde_yaml::from_str(text).unwrap();
        assert_eq!(bytes.to_string(), text);
    }
    for text in ["250ms", "90s", "5m", "24h", "7d"] {
        let span: Span = serde_yaml::from_str(text).unwrap();
        let again: Span = serde_yaml::from_str(&span.to_string()).unwrap();
        assert_eq!(span, again);
    }
}

#[test]
fn the_schema_describes_every_section() {
    let schema: serde_json::Value = serde_json::from_str(&schema()).unwrap();
    let known = serde_json::to_value(Config::default()).unwrap();
    for key in known.as_object().unwrap().keys() {
        assert!(schema["properties"][key].is_object(), "{key}");
    }
    assert_eq!(schema["additionalProperties"], false);
}

#[cfg(not(feature = "dpdk"))]
#[test]
fn a_source_that_was_not_built_in_is_refused() {
    let text = parse("c", "capture: {source: dpdk}")
        .unwrap_err()
        .to_string();
    assert!(text.contains("built without DPDK"), "{text}");
    assert_eq!(text.lines().count(), 1);
}

#[cfg(feature = "dpdk")]
#[test]
fn a_port_of_dpdk_is_no_interface() {
    let config = parse("c", "capture: {source: dpdk, dpdk: {port: 1}}").unwrap();
    assert_eq!(config.capture.dpdk.port, "1");
    for (more, word) in [
        ("interface: eth0", "leave out capture.interface"),
        ("dpdk: {burst: 0}", "capture.dpdk.burst"),
        ("dpdk: {mbufs: 100}", "capture.dpdk.burst"),
    ] {
        let text = parse("c", &format!("capture: {{source: dpdk, {more}}}"))
            .unwrap_err()
            .to_string();
        assert!(text.contains(word), "{text}");
    }
}

#[test]
fn rings_have_their_share_of_the_memory_budget_unless_told_otherwise() {
    let buffer = |text: &str| parse("c", text).unwrap().capture.buffer;
    let capture = "capture: {interface: span0}\n";
    assert_eq!(buffer(capture), Bytes::mib(64));
    let much = format!("{capture}limits: {{memory: 4GiB}}\n");
    assert_eq!(buffer(&much), Bytes::mib(512));
    let most = format!("{capture}limits: {{memory: 64GiB}}\n");
    assert_eq!(buffer(&most), Bytes::mib(2047));
    let set = "capture: {interface: span0, buffer: 16MiB}\nlimits: {memory: 4GiB}\n";
    assert_eq!(buffer(set), Bytes::mib(16));
    assert_eq!(
        Config::default().capture.buffer,
        Capture::share(Config::default().limits.memory)
    );
}

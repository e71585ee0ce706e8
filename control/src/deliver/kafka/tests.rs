use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::Message as _;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::mocking::MockCluster;
use serde_json::{Value, json};

use crate::clock::Stopwatch;
use crate::config::{self, Sink};
use crate::deliver::make;
use crate::outbox::{self, Entry, Kind, Reader, Way};
use crate::store::tests::make::{Make, open, put};

fn entry(n: i64) -> Entry {
    let id = format!("{n:032x}");
    let json = json!({"timestamp": "2026-11-21T21:38:11.087399+0000", "event_type": "alert",
        "vitalwire": {"schema": "1", "alert_id": id, "severity": "high"}});
    Entry {
        seq: n,
        kind: Kind::Alert,
        id,
        action: "create".to_owned(),
        created: 0,
        json: json.to_string(),
    }
}

fn sink(brokers: &str) -> Sink {
    let text = format!(
        "sinks: [{{type: kafka, name: lake, brokers: ['{brokers}'], timeout: 2s, format: ecs}}]"
    );
    config::parse("test", &text).unwrap().sinks.remove(0)
}

/// How often each alert is in the topic, by its key.
fn received(brokers: &str, wanted: usize) -> BTreeMap<String, usize> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", "test")
        .set("auto.offset.reset", "earliest")
        .create()
        .unwrap();
    consumer.subscribe(&["vitalwire.alert"]).unwrap();
    let mut seen = BTreeMap::new();
    for _ in 0..300 {
        let Some(Ok(message)) = consumer.poll(Duration::from_millis(100)) else {
            if seen.len() >= wanted {
                break;
            }
            continue;
        };
        let key = String::from_utf8_lossy(message.key().unwrap()).into_owned();
        let body: Value = serde_json::from_slice(message.payload().unwrap()).unwrap();
        assert_eq!(body["event"]["id"], key.as_str());
        *seen.entry(key).or_default() += 1;
    }
    seen
}

#[test]
fn a_topic_has_every_alert_though_the_broker_was_away() {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic("vitalwire.alert", 3, 1).unwrap();
    let brokers = cluster.bootstrap_servers();
    let mut lake = make(&sink(&brokers), None).unwrap();
    let entries: Vec<Entry> = (1..=60).map(entry).collect();
    let (before, after) = entries.split_at(30);
    lake.deliver(before).unwrap();
    cluster.broker_down(1).unwrap();
    let failure = lake.deliver(after).unwrap_err();
    assert!(failure.again, "{failure:?}");
    cluster.broker_up(1).unwrap();
    let rest = &after[failure.delivered..];
    let done = (0..20).any(|_| lake.deliver(rest).is_ok());
    assert!(done, "it never came back");
    let received = received(&brokers, 60);
    assert!(
        entries.iter().all(|entry| received.contains_key(&entry.id)),
        "{}",
        received.len()
    );
}

/// How fast it empties the outbox. The figure is printed: `cargo nextest run -p control --features kafka
/// --no-capture -E 'test(a_topic_is_filled)'`.
#[test]
fn a_topic_is_filled_at_pace() {
    const ALERTS: u64 = 10_000;
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic("vitalwire.alert", 3, 1).unwrap();
    let lake = make(&sink(&cluster.bootstrap_servers()), None).unwrap();
    let store = open(&crate::testing::dir("kafka-pace"));
    outbox::register(&store, vec![("lake".to_owned(), vec![Kind::Alert])]).unwrap();
    let alert = |n| Make {
        n,
        ..Make::default()
    };
    put(&store, (0..ALERTS).map(alert));
    let way = Way {
        sink: lake,
        again: Box::new(|| Err("it did not panic".to_owned())),
    };
    let since = Stopwatch::start();
    let runner = outbox::spawn(&store, Reader::new(&store, "lake"), way, None).unwrap();
    let delivered = || {
        store
            .outbox_counts()
            .states()
            .iter()
            .map(|s| s.delivered)
            .sum::<u64>()
    };
    crate::testing::until(|| (delivered() >= ALERTS).then_some(()));
    let pace = ALERTS as f64 / since.elapsed().as_secs_f64();
    outbox::stop(vec![runner]);
    println!("kafka: {pace:.0} alerts/s");
    assert!(pace > 500.0, "{pace:.0} alerts/s; the aim is 2,000");
}

use std::sync::Arc;

use parsers::time::Time;
use rules::correlate::{Item, Out};

use super::{Lane, Lanes, Waiting};
use crate::config::units::Bytes;
use crate::outbox::{Feed, Kind, Told};
use crate::sinks::Sink as _;

fn out(types: &[&'static str]) -> Out {
    let mut out = Out::default();
    for (n, event_type) in types.iter().copied().enumerate() {
        let from = u32::try_from(out.arena.len()).unwrap();
        out.arena.extend_from_slice(
            format!("{{\"event_type\":\"{event_type}\",\"n\":{n}}}\n").as_bytes(),
        );
        out.items.push(Item {
            line: from..u32::try_from(out.arena.len()).unwrap(),
            object: from,
            event_type,
            time: Time::new(1, 0),
            alert: None,
        });
    }
    out
}

fn lost(lanes: &Lanes, cause: &str) -> u64 {
    let label = ("cause", cause.to_owned());
    let samples = lanes.samples().into_iter();
    let of = samples.filter(|sample| sample.labels.contains(&label));
    of.map(|sample| sample.value).sum()
}

#[test]
fn a_queue_takes_what_is_selected_until_it_is_full_and_counts_the_rest() {
    let lane = Arc::new(Lane::new("bus"));
    lane.configure(&["dicom", "hl7"], Bytes(1000));
    let lanes = Lanes::default();
    lanes.set(vec![Arc::clone(&lane)]);
    let mut fan = lanes.fan();
    fan.take(&out(&["alert", "dicom", "flow", "hl7"]));
    let mut waiting = Waiting(lane);
    let batch = waiting.next(10).unwrap();
    let kinds: Vec<Kind> = batch.entries.iter().map(|entry| entry.kind).collect();
    assert_eq!(kinds, [Kind::Event("dicom"), Kind::Event("hl7")]);
    assert_eq!(batch.entries[0].json, "{\"event_type\":\"dicom\",\"n\":1}");

    fan.take(&out(&["dicom"; 20]));
    let held = waiting.next(100).unwrap().entries.len();
    let lost_now = lost(&lanes, "queue_full");
    assert!(held < 10, "{held}");
    assert_eq!(u64::try_from(held).unwrap() + lost_now, 22);

    // What is delivered makes room; what is not comes again.
    assert_eq!(waiting.next(1).unwrap().entries[0], batch.entries[0]);
    waiting.ack(batch.upto).unwrap();
    waiting.tell(Told::Delivered(2));
    fan.take(&out(&["dicom"]));
    assert_eq!(lost(&lanes, "queue_full"), lost_now);
    assert!(waiting.owes());
    waiting.0.abandon();
    assert!(!waiting.owes());
    assert_eq!(lost(&lanes, "stopped"), u64::try_from(held - 1).unwrap());
}

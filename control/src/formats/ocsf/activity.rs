//! What is no finding: network activity, inventory, the sensor's own life, and who changed what.

use super::{Class, base, connection, endpoint};
use crate::formats::document::Document;
use crate::formats::event::{End, Event};

/// Network Activity: a flow that ended, or a message on the wire.
pub(super) fn network(event: &Event<'_>) -> Document {
    let is_flow = event.kind() == "flow";
    let class = Class {
        uid: 4001,
        activity: if is_flow {
            (2, "Close")
        } else {
            (6, "Traffic")
        },
    };
    let mut doc = base(event, &class);
    let (source, destination) = event.ends();
    doc.within("src_endpoint", endpoint(event, &source));
    doc.within("dst_endpoint", endpoint(event, &destination));
    doc.within("connection_info", connection(event));
    doc.put("app_name", event.text("/app_proto"));
    if is_flow {
        let of = |key| event.own_number(key).unwrap_or(0);
        let (sent, received) = (of("bytes_toserver"), of("bytes_toclient"));
        doc.set("traffic.bytes", sent.saturating_add(received));
        doc.set("traffic.bytes_out", sent);
        doc.set("traffic.bytes_in", received);
        doc.set("traffic.packets_out", of("pkts_toserver"));
        doc.set("traffic.packets_in", of("pkts_toclient"));
    }
    doc
}

/// Device Inventory Info: something new is known of a device.
pub(super) fn inventory(event: &Event<'_>) -> Document {
    let class = Class {
        uid: 5001,
        activity: (2, "Collect"),
    };
    let mut doc = base(event, &class);
    let mac = End {
        mac: event.own("mac"),
        ..End::default()
    };
    let ip = event.own("ip").or_else(|| event.text("/src_ip"));
    doc.set("device.type_id", 0);
    doc.set("device.type", "Unknown");
    doc.put("device.ip", ip);
    doc.put("device.mac", mac.hyphened());
    doc.put("device.uid", event.own("mac").or(ip));
    doc.put("device.name", event.own("name"));
    doc.put("device.vendor_name", event.own("vendor"));
    doc.put("device.model", event.own("model"));
    doc
}

/// Application Lifecycle: the sensor lives, or somebody tries the way to the receiver.
pub(super) fn lifecycle(event: &Event<'_>) -> Document {
    let class = Class {
        uid: 6002,
        activity: (
            99,
            match event.kind() {
                "heartbeat" => "Heartbeat",
                "test" => "Test",
                "stats" => "Statistics",
                _ => "Capture",
            },
        ),
    };
    let mut doc = base(event, &class);
    doc.set("app.name", "Vitalwire");
    doc.set("app.uid", event.sensor());
    doc.set("app.vendor_name", "Vitalwire");
    doc.set("app.version", crate::version::VERSION);
    let ready = event.body().and_then(|body| body.get("ready")?.as_bool());
    if let Some(ready) = ready {
        doc.set("status_id", if ready { 1 } else { 2 });
        doc.set("status", if ready { "Success" } else { "Failure" });
        doc.put("status_detail", event.own("reason"));
    }
    doc
}

/// Entity Management: an entry of the audit log.
pub(super) fn management(event: &Event<'_>) -> Document {
    let class = Class {
        uid: 3004,
        activity: (99, "Other"),
    };
    let mut doc = base(event, &class);
    // The action's own word: OCSF asks for it where its list has none that fits.
    doc.put("activity_name", event.own("action"));
    doc.put("actor.user.name", event.own("actor"));
    let object = event.own("object").unwrap_or("vitalwire");
    let (kind, uid) = object.split_once(':').unwrap_or((object, object));
    doc.set("entity.type", kind);
    doc.set("entity.uid", uid);
    doc.set("entity.name", object);
    doc
}

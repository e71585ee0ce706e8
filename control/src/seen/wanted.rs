//! Of an event only what pages show is taken from its line: most of a line is passed over without
//! being kept, since this looks at every event there is.

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Every name that anything here asks for, in order.
const NAMES: &[&str] = &[
    "ack_code",
    "action",
    "alarm",
    "answers",
    "app_proto",
    "bytes_toclient",
    "bytes_toserver",
    "called_ae",
    "calling_ae",
    "capture",
    "channel",
    "channel_label",
    "code",
    "command",
    "control_id",
    "dest_ip",
    "device",
    "device_type",
    "dicom",
    "dose",
    "dose_limit",
    "dose_limit_unit",
    "dose_unit",
    "drug",
    "error",
    "event",
    "flow",
    "gap_bytes_toclient",
    "gap_bytes_toserver",
    "hl7",
    "kind",
    "latency_ms",
    "library",
    "limit_period_s",
    "lockout_s",
    "max_doses_per_h",
    "message_type",
    "model",
    "order_control",
    "patient_id",
    "pca",
    "pump",
    "rate_ml_per_h",
    "receiving_application",
    "response",
    "sending_application",
    "software",
    "src_ip",
    "status",
    "status_class",
    "status_text",
    "timestamp",
    "trigger",
    "unit_unknown",
    "vendor",
    "volume_limit_ml",
    "vtbi_ml",
    "vtbi_remaining_ml",
];

/// Whether a name is one of those.
fn is_wanted(name: &str) -> bool {
    NAMES.binary_search(&name).is_ok()
}

/// A member of an object that [`read`] made.
pub(super) fn get<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    debug_assert!(is_wanted(name), "{name} is to be among the names");
    object.get(name)
}

/// What is wanted of a line; nothing of what is no JSON.
pub(super) fn read(line: &[u8]) -> Option<Value> {
    let mut reader = serde_json::Deserializer::from_slice(line);
    Wanted.deserialize(&mut reader).ok()
}

/// Keeps of objects the members that are wanted, and all else.
struct Wanted;

impl<'de> DeserializeSeed<'de> for Wanted {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }
}

/// A name, told whether it is wanted without being kept.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Option<String>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_str(self)
    }
}

impl Visitor<'_> for Name {
    type Value = Option<String>;

    fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(is_wanted(name).then(|| name.to_owned()))
    }
}

impl<'de> Visitor<'de> for Wanted {
    type Value = Value;

    fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        // Nothing here looks into lists.
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Null)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut kept = Map::new();
        while let Some(name) = members.next_key_seed(Name)? {
            match name {
                Some(name) => {
                    kept.insert(name, members.next_value_seed(Self)?);
                }
                None => {
                    members.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(Value::Object(kept))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{NAMES, read};

    #[test]
    fn what_is_asked_for_is_kept_and_no_more() {
        assert!(NAMES.is_sorted());
        let line = json!({
            "timestamp": "t", "src_ip": "10.0.0.1", "dest_port": 104, "vitalwire": {"kind": [1, {"a": 2}]},
            "dicom": {"kind": "dimse", "command": "C-ECHO-RQ", "message_id": 7, "status": 0, "dose": -1.5},
        });
        let kept = read(line.to_string().as_bytes());
        let wanted = json!({
            "timestamp": "t", "src_ip": "10.0.0.1",
            "dicom": {"kind": "dimse", "command": "C-ECHO-RQ", "status": 0, "dose": -1.5},
        });
        assert_eq!(kept, Some(wanted));
        assert_eq!(read(b"{\"dicom\": "), None);
    }
}

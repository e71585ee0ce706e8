//! What pages show of an event. All else of its line is passed over, since every event there is goes
//! by here.

use std::borrow::Cow;

use serde::Deserialize;

/// A line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'a> {
    /// When, in microseconds of packet time.
    pub at: i64,
    pub kind: &'a str,
    pub whole: &'a str,
    /// The object of its kind.
    pub object: &'a str,
}

impl<'a> Line<'a> {
    /// What the object says: most often that is all that is read.
    pub(super) fn own<T: Deserialize<'a>>(&self) -> Option<T> {
        read(self.object)
    }

    /// What is around the object.
    pub(super) fn around(&self) -> Around<'a> {
        read(self.whole).unwrap_or_default()
    }
}

fn read<'a, T: Deserialize<'a>>(text: &'a str) -> Option<T> {
    let read = serde_json::from_str(text);
    debug_assert!(
        read.is_ok(),
        "a member is not of the type that pages know: {text}"
    );
    read.ok()
}

/// Members of every event.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Around<'a> {
    #[serde(borrow)]
    pub src_ip: Cow<'a, str>,
    #[serde(borrow)]
    pub dest_ip: Cow<'a, str>,
    #[serde(borrow)]
    pub app_proto: Cow<'a, str>,
}

/// A flow that ended.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Ended {
    pub bytes_toserver: u64,
    pub bytes_toclient: u64,
    pub gap_bytes_toserver: u64,
    pub gap_bytes_toclient: u64,
}

/// The capture, and how it is.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Capture<'a> {
    #[serde(borrow)]
    pub event: Cow<'a, str>,
}

/// A step of an association.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Dicom<'a> {
    #[serde(borrow)]
    pub kind: Cow<'a, str>,
    #[serde(borrow)]
    pub calling_ae: Cow<'a, str>,
    #[serde(borrow)]
    pub called_ae: Cow<'a, str>,
    #[serde(borrow)]
    pub command: Cow<'a, str>,
    #[serde(borrow)]
    pub status_class: Cow<'a, str>,
    #[serde(borrow)]
    pub status_text: Cow<'a, str>,
}

/// A message, or its acknowledgment.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Hl7<'a> {
    #[serde(borrow)]
    pub message_type: Cow<'a, str>,
    #[serde(borrow)]
    pub trigger: Cow<'a, str>,
    #[serde(borrow)]
    pub sending_application: Cow<'a, str>,
    #[serde(borrow)]
    pub receiving_application: Cow<'a, str>,
    #[serde(borrow)]
    pub ack_code: Cow<'a, str>,
    pub latency_ms: f64,
}

/// What a pump was told, or said.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Pump<'a> {
    #[serde(borrow)]
    pub action: Cow<'a, str>,
    #[serde(borrow)]
    pub device: Cow<'a, str>,
    #[serde(borrow)]
    pub device_type: Cow<'a, str>,
    #[serde(borrow)]
    pub vendor: Cow<'a, str>,
    #[serde(borrow)]
    pub model: Cow<'a, str>,
    #[serde(borrow)]
    pub software: Cow<'a, str>,
    #[serde(borrow)]
    pub library: Cow<'a, str>,
    #[serde(borrow)]
    pub channel: Cow<'a, str>,
    #[serde(borrow)]
    pub channel_label: Cow<'a, str>,
    #[serde(borrow)]
    pub sending_application: Cow<'a, str>,
    #[serde(borrow)]
    pub order_control: Cow<'a, str>,
    #[serde(borrow)]
    pub control_id: Cow<'a, str>,
    #[serde(borrow)]
    pub patient_id: Cow<'a, str>,
    #[serde(borrow)]
    pub drug: Cow<'a, str>,
    pub rate_ml_per_h: Option<f64>,
    pub dose: Option<f64>,
    #[serde(borrow)]
    pub dose_unit: Cow<'a, str>,
    pub vtbi_ml: Option<f64>,
    pub vtbi_remaining_ml: Option<f64>,
    pub unit_unknown: bool,
    #[serde(borrow)]
    pub status: Cow<'a, str>,
    #[serde(borrow)]
    pub response: Cow<'a, str>,
    #[serde(borrow)]
    pub answers: Cow<'a, str>,
    pub error: Option<i64>,
    #[serde(borrow)]
    pub alarm: Alarm<'a>,
    #[serde(borrow)]
    pub pca: Option<Pca<'a>>,
}

/// An alarm.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Alarm<'a> {
    #[serde(borrow)]
    pub code: Cow<'a, str>,
}

/// Limits of what a patient may call for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Pca<'a> {
    pub dose_limit: Option<f64>,
    #[serde(borrow)]
    pub dose_limit_unit: Cow<'a, str>,
    pub volume_limit_ml: Option<f64>,
    pub limit_period_s: Option<f64>,
    pub lockout_s: Option<f64>,
    pub max_doses_per_h: Option<f64>,
}

//! Messages of admission, orders and results.

use std::fmt::Write as _;

/// What the header of a message says.
#[derive(Clone, Debug)]
pub struct Head {
    /// MSH-3 and MSH-4 of the sender.
    pub from: (String, String),
    /// MSH-5 and MSH-6 of the receiver.
    pub to: (String, String),
    /// MSH-7, `YYYYMMDDHHMMSS`.
    pub time: String,
    /// MSH-9, such as `ADT^A01^ADT_A01`.
    pub kind: String,
    /// MSH-10.
    pub control_id: String,
    /// MSH-12.
    pub version: String,
    /// What follows MSH-12, from its separator on.
    pub tail: String,
}

impl Head {
    /// A header of HL7 2.5.1 at the time that all written captures start.
    pub fn new(from: (&str, &str), to: (&str, &str), kind: &str, control_id: &str) -> Self {
        Self {
            from: (from.0.to_owned(), from.1.to_owned()),
            to: (to.0.to_owned(), to.1.to_owned()),
            time: "20260302080000".to_owned(),
            kind: kind.to_owned(),
            control_id: control_id.to_owned(),
            version: "2.5.1".to_owned(),
            tail: String::new(),
        }
    }

    /// The segment, with its carriage return.
    pub fn segment(&self) -> String {
        format!(
            "MSH|^~\\&|{}|{}|{}|{}|{}||{}|{}|P|{}{}\r",
            self.from.0,
            self.from.1,
            self.to.0,
            self.to.1,
            self.time,
            self.kind,
            self.control_id,
            self.version,
            self.tail
        )
    }
}

/// A message: its header and these segments, each ended by a carriage return.
pub fn message(head: &Head, segments: &[String]) -> String {
    let mut out = head.segment();
    for segment in segments {
        out.push_str(segment);
        out.push('\r');
    }
    out
}

/// The acknowledgement of a message: `AA`, `AE`, `AR`, `CA`, `CE` or `CR`.
pub fn ack(head: &Head, code: &str) -> String {
    let mut reply = head.clone();
    std::mem::swap(&mut reply.from, &mut reply.to);
    let trigger = head.kind.split('^').nth(1).unwrap_or_default();
    reply.kind = format!("ACK^{trigger}^ACK");
    reply.control_id = format!("ACK{}", head.control_id);
    reply.tail = String::new();
    let mut out = reply.segment();
    let _ = write!(out, "MSA|{code}|{}\r", head.control_id);
    if !matches!(code, "AA" | "CA") {
        out.push_str("ERR||PID^1^5|101^Required field missing^HL70357|E\r");
    }
    out
}

/// The PID segment of invented patient number `n`.
pub fn patient(n: u32) -> String {
    const GIVEN: [&str; 6] = ["ALPHA", "BRAVO", "CHARLIE", "DELTA", "ECHO", "FOXTROT"];
    let given = GIVEN[n as usize % GIVEN.len()];
    let sex = if n.is_multiple_of(2) { "F" } else { "M" };
    let (month, day, year) = (n % 12 + 1, n % 28 + 1, 1940 + n % 60);
    format!(
        "PID|1||SYN{n:06}^^^VWTEST^MR||SYNTHETIC^{given}^{n}||{year}{month:02}{day:02}|{sex}|||\
         {n} TEST STREET^^EXAMPLETOWN^^00000||555-01{:02}",
        n % 100
    )
}

/// Segments of common messages, after the header.
pub mod body {
    use super::patient;

    /// An admission, discharge or update of patient `n`.
    pub fn adt(trigger: &str, n: u32) -> Vec<String> {
        vec![
            format!("EVN|{trigger}|20260302080000"),
            patient(n),
            format!("PV1|1|I|ICU^{:02}^1||||0001^EXAMPLE^DOCTOR", n % 20 + 1),
        ]
    }

    /// A merge: patient `old` becomes patient `n`.
    pub fn merge(n: u32, old: u32) -> Vec<String> {
        vec![
            "EVN|A40|20260302080000".to_owned(),
            patient(n),
            format!("MRG|SYN{old:06}^^^VWTEST^MR"),
        ]
    }

    /// A potassium result of patient `n`; `status` is OBX-11 (F, C, W, D, …).
    pub fn result(n: u32, value: &str, status: &str) -> Vec<String> {
        vec![
            patient(n),
            format!("OBR|1|P{n:06}|F{n:06}|2823-3^Potassium^LN|||20260302075500"),
            format!("OBX|1|NM|2823-3^Potassium^LN||{value}|mmol/L|3.5-5.1||||{status}"),
        ]
    }

    /// An imaging order for patient `n`.
    pub fn order(n: u32) -> Vec<String> {
        vec![
            patient(n),
            format!("PV1|1|I|WARD^{:02}^1", n % 20 + 1),
            format!("ORC|NW|P{n:06}||||||||||0001^EXAMPLE^DOCTOR"),
            format!("OBR|1|P{n:06}||CT-HEAD^CT head^L|||20260302080000|||||||||||ACC{n:06}"),
        ]
    }

    /// A medication order for patient `n`: milligrams given, and millilitres an hour.
    pub fn medication(n: u32, rate: &str) -> Vec<String> {
        vec![
            patient(n),
            format!("ORC|NW|RX{n:06}"),
            // RXE-23 and RXE-24 are the rate.
            format!(
                "RXE|1^^^20260302080000|1234^Dopamine^L|400||mg{}{rate}|mL/h",
                "|".repeat(18)
            ),
            "RXR|IV^Intravenous^HL70162".to_owned(),
        ]
    }

    /// A query for patients by name.
    pub fn patient_query(tag: &str, name: &str) -> Vec<String> {
        vec![
            format!("QPD|Q22^Find Candidates^HL70471|{tag}|@PID.5.1^{name}"),
            "RCP|I|50^RD".to_owned(),
        ]
    }
}

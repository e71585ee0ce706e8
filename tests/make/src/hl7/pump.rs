//! IHE PCD messages of infusion pumps: reports (PCD-01), orders (PCD-03), alarms (PCD-04), events
//! (PCD-10), with codes of ISO/IEEE 11073-10101.

use super::message::{Head, patient};

/// MDC_DIM_MILLI_L.
pub const ML: &str = "263762^MDC_DIM_MILLI_L^MDC^mL^mL^UCUM";
/// MDC_DIM_MILLI_L_PER_HR.
pub const ML_PER_H: &str = "265266^MDC_DIM_MILLI_L_PER_HR^MDC^mL/h^mL/h^UCUM";
/// The same unit with its UCUM code first and the 16-bit code, as other senders write it.
pub const ML_PER_H_UCUM: &str = "3122^mL/h^UCUM^265266^MDC_DIM_MILLI_L_PER_HR^MDC";
/// MDC_DIM_MILLI_L_PER_MIN.
pub const ML_PER_MIN: &str = "265234^MDC_DIM_MILLI_L_PER_MIN^MDC^mL/min^mL/min^UCUM";
/// MDC_DIM_MICRO_G_PER_KG_PER_MIN.
pub const UG_PER_KG_MIN: &str =
    "265619^MDC_DIM_MICRO_G_PER_KG_PER_MIN^MDC^ug/kg/min^ug/kg/min^UCUM";

/// The clinical system that programs pumps.
pub const PROGRAMMER: (&str, &str) = ("VWBCMA^0200000000000001^EUI-64", "VWBCMA");
/// The pump server or gateway.
pub const GATEWAY: (&str, &str) = ("VWPUMPS^0200000000000002^EUI-64", "VWPUMPS");

/// A header of HL7 2.6 with the fields that PCD profiles want after the version.
pub fn head(
    from: (&str, &str),
    to: (&str, &str),
    kind: &str,
    control_id: &str,
    profile: &str,
) -> Head {
    let mut head = Head::new(from, to, kind, control_id);
    head.time = "20260302080000+0000".to_owned();
    head.version = "2.6".to_owned();
    let application = if kind.starts_with("RGV") { "AL" } else { "NE" };
    head.tail = format!("|||AL|{application}||UNICODE UTF-8|en^English^ISO639||{profile}");
    head
}

/// The header of a PCD-01 report.
pub fn report_head(control_id: &str) -> Head {
    let profile = "IHE_PCD_001^IHE PCD^1.3.6.1.4.1.19376.1.6.1.1.1^ISO";
    head(
        GATEWAY,
        ("VWEMR", "VWTEST"),
        "ORU^R01^ORU_R01",
        control_id,
        profile,
    )
}

/// The header of a PCD-03 order.
pub fn order_head(control_id: &str) -> Head {
    let profile = "IHE_PCD_PIV_001^IHE PCD^1.3.6.1.4.1.19376.1.6.1.3.1^ISO";
    head(PROGRAMMER, GATEWAY, "RGV^O15^RGV_O15", control_id, profile)
}

/// The header of the application response to a PCD-03 order.
pub fn response_head(control_id: &str) -> Head {
    let profile = "IHE_PCD_PIV_001^IHE PCD^1.3.6.1.4.1.19376.1.6.1.3.2^ISO";
    head(GATEWAY, PROGRAMMER, "RRG^O16^RRG_O16", control_id, profile)
}

/// The header of a PCD-04 alarm.
pub fn alarm_head(control_id: &str) -> Head {
    let profile = "IHE_PCD_ACM_001^IHE PCD^1.3.6.1.4.1.19376.1.6.1.4.1^ISO";
    head(
        GATEWAY,
        ("VWALARMS", "VWTEST"),
        "ORU^R40^ORU_R40",
        control_id,
        profile,
    )
}

/// The header of a PCD-10 event.
pub fn event_head(control_id: &str) -> Head {
    let profile = "IHE_PCD_010^IHE PCD^1.3.6.1.4.1.19376.1.6.4.10^ISO";
    head(
        GATEWAY,
        ("VWEMR", "VWTEST"),
        "ORU^R42^ORU_R01",
        control_id,
        profile,
    )
}

/// What a pump was told to do.
#[derive(Clone, Debug)]
pub struct Order<'a> {
    /// ORC-1: RE new, XO change.
    pub control: &'a str,
    /// ORC-2.
    pub id: &'a str,
    /// The number of the invented patient.
    pub patient: u32,
    /// The pump's number; see [`pump_id`].
    pub pump: u32,
    /// RXG-4, identifier and name.
    pub drug: &'a str,
    /// RXG-5: volume to be infused, in millilitres.
    pub vtbi: &'a str,
    /// RXG-15 and RXG-16.
    pub rate: (&'a str, &'a str),
}

impl Order<'_> {
    /// The segments of the RGV message.
    pub fn segments(&self) -> Vec<String> {
        let (rate, unit) = self.rate;
        let change = self.control == "XO";
        let (vtbi, vtbi_unit) = if change { ("", "") } else { (self.vtbi, ML) };
        vec![
            patient(self.patient),
            format!(
                "ORC|{}|{}|||||||20260302075959||||||||||NURSE01",
                self.control, self.id
            ),
            format!(
                "RXG|1|||{}|{vtbi}||{vtbi_unit}||||||||{rate}|{unit}",
                self.drug
            ),
            "RXR|IV^Intravenous^HL70162||IVP^IV Pump^HL70164".to_owned(),
            format!(
                "OBX|1||69986^MDC_DEV_PUMP_INFUS_VMD^MDC||||||||X|||||||{}",
                pump_id(self.pump)
            ),
        ]
    }
}

/// The segments of an RRG response to the order message `about`: accepted, or refused with one of
/// the PIV error codes.
pub fn response(about: &str, error: Option<(&str, &str)>) -> Vec<String> {
    match error {
        None => vec![format!("MSA|AA|{about}")],
        Some((code, text)) => vec![
            format!("MSA|AE|{about}"),
            format!("ERR|||207^Application internal error^HL70357|E|{code}^{text}^IHE_PCD"),
        ],
    }
}

/// The EI that names pump `n`.
pub fn pump_id(n: u32) -> String {
    format!("PUMP{n:04}^^02AA00FFFE{n:06X}^EUI-64")
}

/// What a pump reports.
#[derive(Clone, Debug)]
pub struct State<'a> {
    /// The number of the invented patient.
    pub patient: u32,
    /// The pump's number.
    pub pump: u32,
    /// The infusing status, such as `pump-status-infusing`.
    pub status: &'a str,
    /// The delivery status, such as `pump-delivery-status-delivering`.
    pub delivery: &'a str,
    /// The rate in millilitres an hour.
    pub rate: &'a str,
    /// The volume to be infused and what is left of it, in millilitres.
    pub volume: (&'a str, &'a str),
    /// The drug label.
    pub drug: &'a str,
}

impl State<'_> {
    /// The segments of a PCD-01 report.
    pub fn report(&self) -> Vec<String> {
        let mut out = self.opening("69986^MDC_DEV_PUMP_INFUS_VMD^MDC");
        out.extend(numbered(&self.device(), None));
        out
    }

    /// The segments of a PCD-10 event, such as 197288 MDC_EVT_PUMP_DELIV_START.
    pub fn event(&self, event: &str, order: &str) -> Vec<String> {
        let mut out = self.opening("");
        let last = out.len() - 1;
        out[last] = format!(
            "OBR|1|{order}^PCD-03|EVT{order}^VWPUMPS|{}|||20260302080000",
            self.drug
        );
        out.extend(numbered(&self.device(), Some(event)));
        out
    }

    fn opening(&self, service: &str) -> Vec<String> {
        vec![
            patient(self.patient),
            format!("PV1|1|I|ICU^{:02}^1", self.pump % 20 + 1),
            format!(
                "OBR|1||R{:04}^VWPUMPS|{service}|||20260302080000",
                self.pump
            ),
        ]
    }

    /// Observations as (type, code, path, value, unit, device).
    fn device(&self) -> Vec<[String; 6]> {
        let id = pump_id(self.pump);
        let (status, delivery) = (format!("^{}", self.status), format!("^{}", self.delivery));
        let rows = OBSERVATIONS.iter().map(|(kind, code, path, unit)| {
            let value = match *path {
                "1.1.1.1" => &status,
                "1.1.2.1" => &delivery,
                "1.1.1.2" | "1.1.2.2" => self.rate,
                "1.1.2.3" => self.volume.0,
                "1.1.2.4" => self.volume.1,
                "1.1.2.5" => self.drug,
                _ => "",
            };
            let device = if *path == "1.0.0.0" { id.as_str() } else { "" };
            [*kind, *code, *path, value, *unit, device].map(str::to_owned)
        });
        rows.collect()
    }
}

/// Type, code, place in the containment tree, and unit of what every report holds.
const OBSERVATIONS: [(&str, &str, &str, &str); 11] = [
    ("", "70049^MDC_DEV_PUMP_INFUS_LVP_MDS^MDC", "1.0.0.0", ""),
    ("", "70050^MDC_DEV_PUMP_INFUS_LVP_VMD^MDC", "1.1.0.0", ""),
    ("", "70067^MDC_DEV_PUMP_DELIVERY_INFO^MDC", "1.1.1.0", ""),
    ("CWE", "184519^MDC_PUMP_INFUSING_STATUS^MDC", "1.1.1.1", ""),
    (
        "NM",
        "158014^MDC_FLOW_FLUID_PUMP_CURRENT^MDC",
        "1.1.1.2",
        ML_PER_H,
    ),
    (
        "",
        "70071^MDC_DEV_PUMP_INFUSATE_SOURCE_PRIMARY^MDC",
        "1.1.2.0",
        "",
    ),
    (
        "CWE",
        "158005^MDC_DEV_PUMP_CURRENT_DELIVERY_STATUS^MDC",
        "1.1.2.1",
        "",
    ),
    ("NM", "157784^MDC_FLOW_FLUID_PUMP^MDC", "1.1.2.2", ML_PER_H),
    ("NM", "157884^MDC_VOL_FLUID_TBI^MDC", "1.1.2.3", ML),
    ("NM", "157872^MDC_VOL_FLUID_TBI_REMAIN^MDC", "1.1.2.4", ML),
    ("ST", "184514^MDC_DRUG_NAME_LABEL^MDC", "1.1.2.5", ""),
];

/// OBX segments with their numbers; a PCD-10 event and its source stand after the device.
fn numbered(rows: &[[String; 6]], event: Option<&str>) -> Vec<String> {
    let mut all: Vec<[String; 6]> = rows.to_vec();
    if let Some(event) = event {
        let cell = |s: &str| s.to_owned();
        let condition = [
            cell("CWE"),
            cell("68487^MDC_ATTR_EVT_COND^MDC"),
            cell("1.0.0.1"),
            cell(event),
            String::new(),
            String::new(),
        ];
        let source = [
            cell("ST"),
            cell("68488^MDC_ATTR_EVT_SOURCE^MDC"),
            cell("1.0.0.2"),
            cell("1.1.2.0"),
            String::new(),
            String::new(),
        ];
        all.splice(1..1, [condition, source]);
    }
    let lines = all
        .iter()
        .enumerate()
        .map(|(n, [kind, code, path, value, unit, id])| {
            let status = if kind.is_empty() { "X" } else { "R" };
            let tail = if id.is_empty() {
                String::new()
            } else {
                format!("|||||||{id}")
            };
            format!(
                "OBX|{}|{kind}|{code}|{path}|{value}|{unit}|||||{status}{tail}",
                n + 1
            )
        });
    lines.collect()
}

/// What an alarm message says.
#[derive(Clone, Debug)]
pub struct Alarm<'a> {
    /// The number of the invented patient.
    pub patient: u32,
    /// The pump's number.
    pub pump: u32,
    /// The number of the alarm; a later message about the same alarm has the same.
    pub number: u32,
    /// The event code, such as `196940^MDC_EVT_FLUID_LINE_OCCL^MDC`.
    pub event: &'a str,
    /// `start`, `update`, `end`, …
    pub phase: &'a str,
    /// `active`, `inactive`, `latched`.
    pub state: &'a str,
    /// `enabled`, `audio-off`, `alarm-off`, …
    pub inactivation: &'a str,
    /// `PH`, `PM`, `PL`, `PN`.
    pub priority: &'a str,
}

impl Alarm<'_> {
    /// The segments of the PCD-04 message.
    pub fn segments(&self) -> Vec<String> {
        let id = pump_id(self.pump);
        let facet = |n: u32, kind: &str, code: &str, value: &str, rest: &str| {
            format!("OBX|{n}|{kind}|{code}^MDC|1.0.0.0.{n}|{value}||||||F{rest}")
        };
        vec![
            patient(self.patient),
            format!("PV1|1|I|ICU^{:02}^1", self.pump % 20 + 1),
            format!(
                "OBR|1|A{0:05}^VWPUMPS|A{0:05}^VWPUMPS|196616^MDC_EVT_ALARM^MDC|||20260302080000",
                self.number
            ),
            format!(
                "OBX|1|CWE|196616^MDC_EVT_ALARM^MDC|1.0.0.0.1|{}|||ST~{}|||F|||||||{id}",
                self.event, self.priority
            ),
            facet(
                2,
                "CWE",
                "68480^MDC_ATTR_ALERT_SOURCE",
                "69985^MDC_DEV_PUMP_INFUS_MDS^MDC",
                "",
            ),
            facet(3, "ST", "68481^MDC_ATTR_EVENT_PHASE", self.phase, ""),
            facet(4, "ST", "68482^MDC_ATTR_ALARM_STATE", self.state, ""),
            facet(
                5,
                "ST",
                "68483^MDC_ATTR_ALARM_INACTIVATION_STATE",
                self.inactivation,
                "",
            ),
            facet(6, "ST", "68484^MDC_ATTR_ALARM_PRIORITY", self.priority, ""),
        ]
    }
}

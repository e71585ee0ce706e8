//! HL7 messages as hospitals send them, for the parser alone.
//!
//! Sizes are those of real interfaces: an acknowledgment of a hundred bytes, an admission with next
//! of kin, insurance and diagnoses, a laboratory panel, a report with a document in it. Everybody
//! in them is made up.

use std::fmt::Write;

/// Messages of one kind.
#[derive(Debug)]
pub struct Feed {
    /// What they are.
    pub name: &'static str,
    /// Framed messages.
    pub messages: Vec<Vec<u8>>,
}

impl Feed {
    /// Bytes of all of them.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.messages.iter().map(Vec::len).sum()
    }
}

/// Makes the message of that number.
type Made = fn(u64) -> String;

/// Messages of a feed: enough that their values differ.
const MESSAGES: u64 = 64;

/// One feed of each kind.
#[must_use]
pub fn feeds() -> Vec<Feed> {
    let kinds: [(&'static str, Made); 5] = [
        ("acknowledgments", acknowledgment),
        ("updates", update),
        ("admissions", admission),
        ("results", |n| results(n, 24)),
        ("documents", document),
    ];
    kinds
        .into_iter()
        .map(|(name, message)| Feed {
            name,
            messages: (0..MESSAGES).map(|n| framed(&message(n))).collect(),
        })
        .collect()
}

fn framed(message: &str) -> Vec<u8> {
    [b"\x0b", message.as_bytes(), b"\x1c\r"].concat()
}

fn head(kind: &str, n: u64) -> String {
    format!(
        "MSH|^~\\&|ADTSYS|NORTHWING|ENGINE|NORTHWING|20260301{:06}||{kind}|M{n:09}|P|2.5.1|||AL|NE\r",
        n % 86_400
    )
}

fn patient(n: u64) -> String {
    format!(
        "PID|1||7{n:07}^^^NORTHWING^MR~{n:09}^^^REGION^PI||Testa^Tessa^Maria^^Ms||1961{:04}|F|||\
         {n} Example Road^^Northtown^NT^{n:05}^XX^H||^PRN^PH^^^555^{n:07}|^WPN^PH^^^555^0000000|en|M|\
         NON|A{n:08}^^^NORTHWING^AN|||||||||||||N\r",
        n % 1200
    )
}

fn acknowledgment(n: u64) -> String {
    head("ACK^A08^ACK", n) + &format!("MSA|AA|M{n:09}\r")
}

fn update(n: u64) -> String {
    head("ADT^A08^ADT_A01", n)
        + &format!(
            "EVN|A08|20260301090000\rPID|1||7{n:07}^^^NORTHWING^MR||Testa^Tessa||1961{:04}|F\r\
             PV1|1|I|W4^412^A||||20001^Attend^Ada\r",
            n % 1200
        )
}

fn admission(n: u64) -> String {
    let mut out = head("ADT^A01^ADT_A01", n);
    out += "EVN|A01|20260301090000|||CLERK7^Example^Clara\r";
    out += &patient(n);
    out += "PD1|||NORTHWING FAMILY PRACTICE^^10001|10002^Family^Fred^^^Dr|||||||N\r";
    for kin in 1..3 {
        _ = write!(
            out,
            "NK1|{kin}|Testa^Kin{kin}|SPO^Spouse^HL70063|{n} Example Road^^Northtown^NT^{n:05}^XX|\
             ^PRN^PH^^^555^{n:07}||C^Emergency contact^HL70131\r"
        );
    }
    _ = write!(
        out,
        "PV1|1|I|W4^412^A^NORTHWING^^BED|E|||20001^Attend^Ada^^^Dr|20002^Refer^Rita^^^Dr|\
         20003^Consult^Carl^^^Dr|CAR||||7|A0||20001^Attend^Ada^^^Dr|IP|V{n:08}^^^NORTHWING^VN|MC|||||\
         |||||||||||||||||||NORTHWING||A|||20260301084500\r\
         PV2||PRIVATE^Private room|CHEST^Chest pain||||||20260304|3\r\
         AL1|1|DA|PEN^Penicillin^L|SV|Hives|20100101\r\
         AL1|2|FA|NUT^Peanut^L|MO|Swelling|20150101\r\
         DG1|1||R07.9^Chest pain, unspecified^I10||20260301|A\r\
         DG1|2||I10^Essential hypertension^I10||20190501|W\r\
         GT1|1||Testa^Tessa^Maria||{n} Example Road^^Northtown^NT^{n:05}^XX|^PRN^PH^^^555^{n:07}||\
         1961{:04}|F||SE\r\
         IN1|1|PLAN7^Example plan|90001|Example Insurance|PO Box 1^^Northtown^NT^00001||\
         ^WPN^PH^^^555^1111111|G{n:06}|||||20260101|20261231||HMO|Testa^Tessa|SE|1961{:04}|\
         {n} Example Road^^Northtown^NT^{n:05}^XX|||1||||||||||||||P{n:09}\r",
        n % 1200,
        n % 1200
    );
    out
}

fn results(n: u64, count: u64) -> String {
    let mut out = head("ORU^R01^ORU_R01", n) + &patient(n);
    _ = write!(
        out,
        "ORC|RE|P{n:08}^ORDERS|F{n:08}^LAB||CM\r\
         OBR|1|P{n:08}^ORDERS|F{n:08}^LAB|24323-8^Comprehensive metabolic panel^LN|||20260301084500|||||\
         |||BLD^Blood|20001^Attend^Ada^^^Dr||||||20260301091500||CH|F\r"
    );
    for set in 1..=count {
        let value = n.wrapping_add(set.wrapping_mul(7)) % 190;
        _ = write!(
            out,
            "OBX|{set}|NM|{}-{}^Example analyte {set}^LN||{value}.{}|mmol/L^^UCUM|10-99|N|||F|||\
             20260301091200||LAB7^Example^Lou\r",
            2000_u64.wrapping_add(set),
            set % 9,
            set % 10
        );
    }
    out
}

fn document(n: u64) -> String {
    let text = "JVBERi0xLjQK".to_owned() + &"QUJDREVGR0hJSktM".repeat(3000);
    let mut out = head("MDM^T02^MDM_T02", n) + &patient(n);
    _ = write!(
        out,
        "TXA|1|CN|AP|||||||||DOC{n:09}\r\
         OBX|1|ED|PDF^Report^L||LABSYS^application^pdf^Base64^{text}||||||F\r"
    );
    out
}

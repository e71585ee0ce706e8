//! `vitalwire assets`: the devices that are known, for people, spreadsheets and programs.

use std::path::Path;

use parsers::json;
use parsers::time::Time;
use rules::correlate::inventory::{Asset, Attribute, List, Listed, Snapshot, is_local};
use serde_json::{Map, Value, json};

use crate::cli::{AssetsArgs, AssetsFormat};
use crate::config;
use crate::error::Error;
use crate::terminal::{show, table};
use crate::{inventory, site_key};

/// A device with its entry in the imported list.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// What was learnt.
    pub asset: &'a Asset,
    /// What the list says.
    pub listed: Option<&'a Listed>,
}

/// Prints them.
///
/// # Errors
/// A state that cannot be read, a list with mistakes.
pub fn run(args: &AssetsArgs) -> Result<(), Error> {
    let config = match &args.config {
        Some(path) => Some(config::read(path)?),
        None => None,
    };
    let dir = match (&args.state, &config) {
        (Some(dir), _) => dir.clone(),
        (None, Some(config)) => config.state_dir.clone(),
        (None, None) => site_key::home_state(),
    };
    let list = match &config {
        Some(config) => inventory::import(&config.inventory)?.list,
        None => std::sync::Arc::default(),
    };
    let snapshot = inventory::load(&dir)?.ok_or_else(|| nothing(&dir))?;
    let known = known(&snapshot, &list);
    match args.format {
        AssetsFormat::Table => show(&as_table(&known)),
        AssetsFormat::Csv => show(&as_csv(&known)?),
        AssetsFormat::Json => {
            let all: Vec<Value> = known.iter().map(as_json).collect();
            let mut text = serde_json::to_string_pretty(&all).unwrap_or_default();
            text.push('\n');
            show(&text)
        }
    }
}

fn nothing(dir: &Path) -> Error {
    Error::Failed(format!(
        "{}: no devices are kept here yet; `vitalwire run` keeps them in its state_dir, \
         `vitalwire inspect --state DIR` in DIR",
        dir.join(inventory::FILE_NAME).display()
    ))
}

fn known<'a>(snapshot: &'a Snapshot, list: &'a List) -> Vec<Known<'a>> {
    let with = |asset: &'a Asset| Known {
        asset,
        listed: list.find(asset.mac(), asset.ip, Some(asset)),
    };
    snapshot.assets.iter().map(with).collect()
}

impl Known<'_> {
    fn name(&self) -> &str {
        self.listed.map_or("", |listed| &listed.name)
    }

    fn mac(&self) -> String {
        let mut text = Vec::new();
        if let Some(mac) = self.asset.mac() {
            json::mac(mac, &mut text);
        }
        String::from_utf8(text).unwrap_or_default()
    }

    fn ip(&self) -> String {
        self.asset.ip.map_or_else(String::new, |ip| ip.to_string())
    }

    fn all(&self, attribute: Attribute) -> String {
        let values: Vec<&str> = self.asset.values(attribute).collect();
        values.join(", ")
    }

    fn one(&self, attribute: Attribute) -> String {
        self.asset.single(attribute).unwrap_or_default().to_owned()
    }

    /// Manufacturer and model, else who was assigned its Ethernet address.
    fn make(&self) -> String {
        let of = [Attribute::Manufacturer, Attribute::Model];
        let words = of.into_iter().filter_map(|of| self.asset.single(of));
        let words: Vec<&str> = words.collect();
        let local = self.asset.mac().is_some_and(is_local);
        match (words.is_empty(), local) {
            (false, _) => words.join(" "),
            (true, true) => "(made-up address)".to_owned(),
            (true, false) => self.asset.vendor().unwrap_or_default().to_owned(),
        }
    }
}

fn stamp(nanos: i64) -> String {
    let mut text = Vec::new();
    rules::eve::timestamp(Time(nanos), &mut text);
    String::from_utf8(text).unwrap_or_default()
}

fn as_table(known: &[Known<'_>]) -> String {
    let head = [
        "name",
        "address",
        "ethernet",
        "make",
        "does",
        "goes by",
        "last seen",
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(known.iter().map(|device| {
        let names = [Attribute::AeTitle, Attribute::Application];
        let names = names.into_iter().flat_map(|of| device.asset.values(of));
        let names: Vec<&str> = names.collect();
        let does = match device.all(Attribute::Function) {
            _ if device.asset.router => "router".to_owned(),
            functions if functions.is_empty() => device.all(Attribute::Service),
            functions => functions,
        };
        let last: String = stamp(device.asset.last_seen).chars().take(16).collect();
        vec![
            device.name().to_owned(),
            device.ip(),
            device.mac(),
            device.make(),
            does,
            names.join(", "),
            last.replace('T', " "),
        ]
    }));
    let rows: Vec<Vec<String>> = rows
        .into_iter()
        .map(|row| row.iter().map(|cell| short(cell)).collect())
        .collect();
    let mut text = table(&rows);
    let plural = if known.len() == 1 { "" } else { "s" };
    text.push_str(&format!("{} device{plural}\n", known.len()));
    text
}

/// A cell on one line, cut where it is long, without what a terminal would take for a command.
fn short(text: &str) -> String {
    let mut cell: String = text
        .chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .take(CELL_CHARS_MAX)
        .collect();
    if text.chars().count() > CELL_CHARS_MAX {
        cell.push('…');
    }
    cell
}

const CELL_CHARS_MAX: usize = 48;

/// Cells of a spreadsheet, by their titles: those that an import knows come first.
type Cell = (&'static str, fn(&Known<'_>) -> String);

const CELLS: &[Cell] = &[
    ("name", |k| k.name().to_owned()),
    ("role", |k| {
        k.listed.map_or_else(String::new, |l| l.roles.join(", "))
    }),
    ("owner", |k| {
        k.listed.map_or_else(String::new, |l| l.owner.clone())
    }),
    ("phone", |k| {
        k.listed.map_or_else(String::new, |l| l.phone.clone())
    }),
    ("unit", |k| {
        k.listed.map_or_else(String::new, |l| l.unit.clone())
    }),
    ("criticality", |k| {
        k.listed.map_or_else(String::new, |l| l.criticality.clone())
    }),
    ("life_support", |k| {
        yes(k.listed.and_then(|l| l.life_support))
    }),
    ("patient_connected", |k| {
        yes(k.listed.and_then(|l| l.patient_connected))
    }),
    ("mac", |k| k.mac()),
    ("ip", |k| k.ip()),
    ("serial", |k| k.one(Attribute::Serial)),
    ("id", |k| k.asset.key.to_string()),
    ("vlan", |k| match k.asset.key.vlan() {
        0 => String::new(),
        vlan => vlan.to_string(),
    }),
    ("vendor", |k| {
        k.asset.vendor().unwrap_or_default().to_owned()
    }),
    ("manufacturer", |k| k.one(Attribute::Manufacturer)),
    ("model", |k| k.one(Attribute::Model)),
    ("software", |k| k.one(Attribute::Software)),
    ("station", |k| k.one(Attribute::Station)),
    ("ae_titles", |k| k.all(Attribute::AeTitle)),
    ("applications", |k| k.all(Attribute::Application)),
    ("facilities", |k| k.all(Attribute::Facility)),
    ("functions", |k| k.all(Attribute::Function)),
    ("services", |k| k.all(Attribute::Service)),
    ("devices", |k| k.all(Attribute::Device)),
    ("router", |k| yes(Some(k.asset.router))),
    ("first_seen", |k| stamp(k.asset.first_seen)),
    ("last_seen", |k| stamp(k.asset.last_seen)),
];

fn yes(is: Option<bool>) -> String {
    is.map_or("", |is| if is { "yes" } else { "no" }).to_owned()
}

fn as_csv(known: &[Known<'_>]) -> Result<String, Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let failed = |error: csv::Error| Error::Failed(format!("csv: {error}"));
    let titles = CELLS.iter().map(|(title, _)| *title);
    writer.write_record(titles).map_err(failed)?;
    for device in known {
        let cells = CELLS.iter().map(|(_, cell)| escaped(cell(device)));
        writer.write_record(cells).map_err(failed)?;
    }
    let bytes = writer
        .into_inner()
        .map_err(|error| Error::Failed(format!("csv: {error}")))?;
    Ok(String::from_utf8(bytes).unwrap_or_default())
}

/// Whether a spreadsheet would take a cell for a formula: names come off the wire, and strangers
/// choose them.
pub(super) fn is_formula(cell: &str) -> bool {
    cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '|', '%'])
}

/// A cell that no spreadsheet takes for a formula.
fn escaped(cell: String) -> String {
    if is_formula(&cell) {
        format!("'{cell}")
    } else {
        cell
    }
}

/// Frames that are read side by side are numbered by their stamps, which is no count.
const FRAME_MAX: u64 = 1 << 53;

/// Everything that is known of a device, and who told.
fn as_json(known: &Known<'_>) -> Value {
    let asset = known.asset;
    let mut facts: Map<String, Value> = Map::new();
    for fact in &asset.facts {
        let told = json!({
            "value": fact.value,
            "source": fact.source,
            "frame": Some(fact.frame).filter(|frame| *frame < FRAME_MAX),
            "ip": fact.ip,
            "first_seen": stamp(fact.first_seen),
            "last_seen": stamp(fact.last_seen),
        });
        let of = facts
            .entry(fact.attribute.word())
            .or_insert_with(|| json!([]));
        if let Some(of) = of.as_array_mut() {
            of.push(told);
        }
    }
    let peers: Vec<Value> = asset
        .peers
        .iter()
        .map(|peer| {
            json!({
                "ip": peer.ip,
                "client": peer.client,
                "proto": parsers::kinds::envelope::proto_name(peer.proto),
                "port": peer.port,
                "app": peer.app,
                "flows": peer.flows,
                "bytes_sent": peer.bytes_sent,
                "bytes_received": peer.bytes_received,
                "messages": peer.messages,
                "first_seen": stamp(peer.first_seen),
                "last_seen": stamp(peer.last_seen),
            })
        })
        .collect();
    let listed = known.listed.map(|listed| {
        json!({
            "name": listed.name,
            "roles": listed.roles,
            "owner": listed.owner,
            "phone": listed.phone,
            "unit": listed.unit,
            "criticality": listed.criticality,
            "life_support": listed.life_support,
            "patient_connected": listed.is_at_the_patient(),
        })
    });
    json!({
        "id": asset.key,
        "ip": asset.ip,
        "mac": asset.mac().map(|_| known.mac()),
        "vlan": Some(asset.key.vlan()).filter(|vlan| *vlan != 0),
        "vendor": asset.vendor(),
        "random_mac": asset.mac().map(is_local),
        "router": asset.router,
        "manufacturer": asset.single(Attribute::Manufacturer),
        "model": asset.single(Attribute::Model),
        "serial": asset.single(Attribute::Serial),
        "software": asset.single(Attribute::Software),
        "station": asset.single(Attribute::Station),
        "first_seen": stamp(asset.first_seen),
        "last_seen": stamp(asset.last_seen),
        "listed": listed,
        "facts": facts,
        "peers": peers,
    })
}

#[cfg(test)]
mod tests {
    use rules::correlate::inventory::Contact;

    use super::*;

    const STATE: &str = r#"{"version":1,"time":5,"assets":[{"key":"mac-0009fb010101-30","ip":
        "10.0.0.1","first_seen":1,"last_seen":1772438400000000000,"frame":3,"router":false,
        "told":true,"facts":[{"attribute":"ae_title","value":"=cmd|'/C calc'!A0","source":
        "dicom.calling_ae","frame":2,"ip":null,"first_seen":1,"last_seen":5}],"peers":[]}]}"#;

    #[test]
    fn no_cell_is_a_formula_and_an_export_is_an_import() {
        let snapshot: Snapshot = serde_json::from_str(STATE).unwrap();
        let listed = "name,role,ip,phone\n'=1+1,archive,10.0.0.1,+49 30 1\n";
        let list = inventory::parse("l.csv", listed, Contact::default())
            .unwrap()
            .list;
        let text = as_csv(&known(&snapshot, &list)).unwrap();
        assert!(text.contains("'=cmd|") && text.contains("'=1+1") && text.contains("'+49 30 1"));
        let mut cells = csv::Reader::from_reader(text.as_bytes());
        for record in cells.records() {
            assert!(
                record.unwrap().iter().all(|cell| !is_formula(cell)),
                "{text}"
            );
        }
        let again = inventory::parse("e.csv", &text, Contact::default())
            .unwrap()
            .list;
        let [device] = &again.devices[..] else {
            panic!("{again:?}");
        };
        assert_eq!(
            (device.name.as_str(), device.phone.as_str()),
            ("=1+1", "+49 30 1")
        );
        assert_eq!(device.macs, [[0, 0x09, 0xfb, 1, 1, 1]]);
    }

    #[test]
    fn a_table_is_for_people_and_json_has_everything() {
        let snapshot: Snapshot = serde_json::from_str(STATE).unwrap();
        let list = List::default();
        let known = known(&snapshot, &list);
        let text = as_table(&known);
        assert!(text.contains("Philips Patient Monitoring") && text.contains("2026-03-02 08:00"));
        let json = as_json(&known[0]);
        assert_eq!(json["facts"]["ae_title"][0]["source"], "dicom.calling_ae");
        assert_eq!(
            (&json["vlan"], &json["random_mac"]),
            (&json!(30), &json!(false))
        );
    }
}

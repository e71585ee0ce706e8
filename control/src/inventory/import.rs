//! The hospital's own list of its devices, as its maintenance system (CMMS) exports it: CSV with a
//! head, in whatever order, separated by commas, semicolons or tabs.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use csv::StringRecord;
use rules::correlate::inventory::{Contact, List, Listed, Mac, read_mac};

use crate::config;
use crate::error::Error;

/// Bytes of a list: a hundred thousand devices take some 20 MiB.
const FILE_BYTES_MAX: u64 = 64 << 20;
/// Devices of a list; sets, which roles feed, hold as many.
const DEVICES_MAX: usize = rules::limits::SET_ENTRIES_MAX;
/// Bytes of one cell; names are shorter.
const CELL_BYTES_MAX: usize = 512;
/// Mistakes, and as many notes, told of one list; the rest is counted.
const TOLD_MAX: usize = 20;

/// What messages call a list that was uploaded.
pub const UPLOADED: &str = "the uploaded list";

/// What is wrong with a list.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Mistakes {
    /// The list's name.
    name: String,
    /// The first ones.
    pub told: Vec<Mistake>,
    /// How many more there are.
    more: usize,
}

/// One thing that is wrong with a list.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Mistake {
    /// The line, from 1; 0 where it is no line's.
    pub line: u64,
    /// What is wrong, and in which column.
    pub message: String,
}

impl Mistakes {
    /// How many there are.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.told.len().saturating_add(self.more)
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, Mistake { line, message }) in self.told.iter().enumerate() {
            let end = if at > 0 { "\n" } else { "" };
            write!(f, "{end}{}:{line}: {message}", self.name)?;
        }
        match self.more {
            0 => Ok(()),
            more => write!(f, "\nand {more} more"),
        }
    }
}

/// A list, and what is odd about it.
#[derive(Clone, Debug, Default)]
pub struct Imported {
    /// The devices.
    pub list: Arc<List>,
    /// Unknown columns, duplicates, devices that nothing is found by: one line each.
    pub notes: Vec<String>,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Column {
    Name,
    Role,
    Owner,
    Phone,
    Unit,
    Criticality,
    LifeSupport,
    PatientConnected,
    Mac,
    Ip,
    Serial,
}

/// What columns are called, in lower case with `_` for whatever else stands between letters.
const COLUMNS: &[(Column, &[&str])] = &[
    (
        Column::Name,
        &["name", "asset", "asset_name", "device", "device_name"],
    ),
    (Column::Role, &["role", "roles", "function"]),
    (Column::Owner, &["owner", "responsible", "contact"]),
    (
        Column::Phone,
        &["phone", "telephone", "tel", "extension", "owner_phone"],
    ),
    (
        Column::Unit,
        &["unit", "department", "ward", "location", "care_unit"],
    ),
    (Column::Criticality, &["criticality", "risk", "risk_class"]),
    (
        Column::LifeSupport,
        &["life_support", "life_sustaining", "lifesupport"],
    ),
    (Column::PatientConnected, &["patient_connected"]),
    (
        Column::Mac,
        &["mac", "macs", "mac_address", "ethernet_address"],
    ),
    (
        Column::Ip,
        &["ip", "ips", "ip_address", "address", "addresses"],
    ),
    (
        Column::Serial,
        &["serial", "serial_number", "sn", "serial_no"],
    ),
];

/// Imports the list that was uploaded, else the one that the configuration names; without either,
/// an empty list.
///
/// # Errors
/// What is wrong with the list, each mistake with its line and column.
pub fn import(config: &config::Inventory, uploaded: Option<&str>) -> Result<Imported, Error> {
    let contact = contact(config);
    let wrong = |mistakes: Mistakes| Error::Config(mistakes.to_string());
    if let Some(text) = uploaded {
        return parse(UPLOADED, text, contact).map_err(wrong);
    }
    let Some(path) = &config.import else {
        let list = Arc::new(List::new(Vec::new(), contact));
        let notes = Vec::new();
        return Ok(Imported { list, notes });
    };
    let name = path.display().to_string();
    let text = read(path).map_err(|error| {
        Error::Config(format!(
            "{name}: {error}; inventory.import names the list of devices, a CSV file"
        ))
    })?;
    parse(&name, &text, contact).map_err(wrong)
}

/// Whom to call where the list names nobody.
#[must_use]
pub fn contact(config: &config::Inventory) -> Contact {
    Contact {
        name: config.contact.name.clone(),
        phone: config.contact.phone.clone(),
    }
}

fn read(path: &Path) -> std::io::Result<String> {
    let file = std::fs::File::open(path)?;
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX.saturating_add(1))
        .read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > FILE_BYTES_MAX {
        let what = format!("larger than {} MiB", FILE_BYTES_MAX >> 20);
        return Err(std::io::Error::other(what));
    }
    Ok(decode(bytes))
}

/// The text of a list. What a spreadsheet saves is often in the code page of western Windows.
#[must_use]
pub fn decode(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|other| {
        let (text, _, _) = encoding_rs::WINDOWS_1252.decode(other.as_bytes());
        text.into_owned()
    })
}

/// Reads a list; `name` is for messages.
///
/// # Errors
/// Every mistake, with its line and column.
pub fn parse(name: &str, text: &str, contact: Contact) -> Result<Imported, Mistakes> {
    // The reader would count a line that ends as on Windows to the one before it.
    let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n");
    let head = text.lines().next().unwrap_or_default();
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter(head))
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let mut import = Import::new(name);
    match reader.headers() {
        Ok(head) => import.head(&head.clone()),
        Err(error) => import.wrong(1, "", &error.to_string()),
    }
    let mut devices = Vec::new();
    for record in reader.into_records() {
        match record {
            Ok(record) => devices.extend(import.device(&record)),
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                import.wrong(line, "", &error.to_string());
            }
        }
        if devices.len() > DEVICES_MAX {
            let what = format!("more than {DEVICES_MAX} devices; split the list");
            import.wrong(0, "", &what);
            break;
        }
    }
    import.finish(devices, contact)
}

/// The character that separates the cells of the head.
fn delimiter(head: &str) -> u8 {
    let count = |c: u8| head.bytes().filter(|b| *b == c).count();
    let best = [b';', b'\t', b','].into_iter().max_by_key(|c| count(*c));
    best.unwrap_or(b',')
}

/// A list as it is read.
struct Import<'n> {
    name: &'n str,
    /// By place: what a column holds, and what it is called.
    columns: Vec<(Option<Column>, String)>,
    mistakes: Vec<Mistake>,
    notes: Vec<String>,
    /// Where each address was read first.
    seen: BTreeMap<String, u64>,
}

impl<'n> Import<'n> {
    const fn new(name: &'n str) -> Self {
        Self {
            name,
            columns: Vec::new(),
            mistakes: Vec::new(),
            notes: Vec::new(),
            seen: BTreeMap::new(),
        }
    }

    fn head(&mut self, head: &StringRecord) {
        for cell in head {
            let word = word(cell);
            let known = COLUMNS
                .iter()
                .find(|(_, names)| names.contains(&word.as_str()));
            let mut column = known.map(|(column, _)| *column);
            if column.is_none() && !word.is_empty() {
                self.note(1, &format!("column `{cell}` is not known and left out"));
            }
            if column.is_some() && self.columns.iter().any(|(known, _)| *known == column) {
                let what = format!("column `{cell}` is there twice; the first one counts");
                self.note(1, &what);
                column = None;
            }
            self.columns.push((column, cell.to_owned()));
        }
        let finds = [Column::Mac, Column::Ip, Column::Serial];
        let any =
            |(column, _): &(Option<Column>, String)| column.is_some_and(|c| finds.contains(&c));
        if !self.columns.iter().any(any) {
            let what = "no column `mac`, `ip` or `serial`, by which devices are found; the first \
                        line has to name the columns";
            self.wrong(1, "", what);
        }
    }

    fn device(&mut self, record: &StringRecord) -> Option<Listed> {
        let line = record.position().map_or(0, csv::Position::line);
        let mut device = Listed {
            line,
            ..Listed::default()
        };
        let columns = std::mem::take(&mut self.columns);
        for (cell, (column, title)) in record.iter().zip(&columns) {
            if let Some(column) = column.filter(|_| !cell.is_empty()) {
                self.cell(&mut device, column, title, unescaped(cell));
            }
        }
        self.columns = columns;
        if device.macs.is_empty() && device.ips.is_empty() && device.serial.is_empty() {
            if record.iter().any(|cell| !cell.is_empty()) {
                self.note(
                    line,
                    "neither mac, ip nor serial: nothing finds this device",
                );
            }
            return None;
        }
        Some(device)
    }

    fn cell(&mut self, device: &mut Listed, column: Column, title: &str, cell: &str) {
        let line = device.line;
        if cell.len() > CELL_BYTES_MAX {
            let what = format!("longer than {CELL_BYTES_MAX} bytes");
            return self.wrong(line, title, &what);
        }
        let text = || cell.to_owned();
        match column {
            Column::Name => device.name = text(),
            Column::Owner => device.owner = text(),
            Column::Phone => device.phone = text(),
            Column::Unit => device.unit = text(),
            Column::Criticality => device.criticality = text(),
            Column::Serial => {
                self.once(line, title, cell);
                device.serial = text();
            }
            Column::Role => device.roles = parts(cell, &[',', ';', '|', '/']).map(word).collect(),
            Column::LifeSupport => device.life_support = self.yes_or_no(line, title, cell),
            Column::PatientConnected => {
                device.patient_connected = self.yes_or_no(line, title, cell);
            }
            Column::Mac => {
                for part in parts(cell, &[',', ';', '|', ' ']) {
                    device.macs.extend(self.mac(line, title, part));
                }
            }
            Column::Ip => {
                for part in parts(cell, &[',', ';', '|', ' ']) {
                    device.ips.extend(self.ip(line, title, part));
                }
            }
        }
    }

    fn mac(&mut self, line: u64, title: &str, text: &str) -> Option<Mac> {
        let mac = read_mac(text);
        if mac.is_none() {
            let what = format!("`{text}` is no Ethernet address; write 00:1b:44:11:3a:b7");
            self.wrong(line, title, &what);
        } else {
            self.once(line, title, &text.to_lowercase().replace(['-', '.'], ":"));
        }
        mac
    }

    fn ip(&mut self, line: u64, title: &str, text: &str) -> Option<IpAddr> {
        let ip = text.parse().ok();
        if ip.is_none() {
            let what = if text.contains('/') {
                format!("`{text}` is a network; networks go into `sets:` of the configuration")
            } else {
                format!("`{text}` is no address; write 10.20.1.11")
            };
            self.wrong(line, title, &what);
        } else {
            self.once(line, title, text);
        }
        ip
    }

    fn yes_or_no(&mut self, line: u64, title: &str, text: &str) -> Option<bool> {
        match text.to_lowercase().as_str() {
            "yes" | "y" | "true" | "1" | "x" => Some(true),
            "no" | "n" | "false" | "0" => Some(false),
            "unknown" | "?" | "-" | "n/a" => None,
            _ => {
                let what = format!("`{text}` is neither yes nor no");
                self.wrong(line, title, &what);
                None
            }
        }
    }

    /// Notes what two devices have both.
    fn once(&mut self, line: u64, title: &str, value: &str) {
        let key = format!("{title} {value}");
        match self.seen.get(&key) {
            Some(first) if *first != line => {
                let what =
                    format!("{title} `{value}` is that of line {first} too; that one counts");
                self.note(line, &what);
            }
            Some(_) => {}
            None => {
                self.seen.insert(key, line);
            }
        }
    }

    fn wrong(&mut self, line: u64, title: &str, what: &str) {
        let column = if title.is_empty() {
            String::new()
        } else {
            format!("column `{title}`: ")
        };
        let message = format!("{column}{what}");
        self.mistakes.push(Mistake { line, message });
    }

    fn note(&mut self, line: u64, what: &str) {
        self.notes.push(format!("{}:{line}: {what}", self.name));
    }

    fn finish(self, devices: Vec<Listed>, contact: Contact) -> Result<Imported, Mistakes> {
        if !self.mistakes.is_empty() {
            let more = self.mistakes.len().saturating_sub(TOLD_MAX);
            let told = self.mistakes.into_iter().take(TOLD_MAX).collect();
            let name = self.name.to_owned();
            return Err(Mistakes { name, told, more });
        }
        Ok(Imported {
            list: Arc::new(List::new(devices, contact)),
            notes: bounded(self.notes),
        })
    }
}

/// The first ones, and how many more there are.
fn bounded(mut lines: Vec<String>) -> Vec<String> {
    let more = lines.len().saturating_sub(TOLD_MAX);
    lines.truncate(TOLD_MAX);
    if more > 0 {
        lines.push(format!("and {more} more"));
    }
    lines
}

/// In lower case, `_` for whatever else stands between letters and digits.
fn word(text: &str) -> String {
    let words = text.split(|c: char| !c.is_alphanumeric());
    let words: Vec<String> = words
        .filter(|w| !w.is_empty())
        .map(str::to_lowercase)
        .collect();
    words.join("_")
}

fn parts<'t>(cell: &'t str, separators: &'static [char]) -> impl Iterator<Item = &'t str> {
    let parts = cell.split(|c: char| separators.contains(&c));
    parts.map(str::trim).filter(|part| !part.is_empty())
}

/// A cell that our own export kept from being a formula, as it was.
fn unescaped(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(rest) if super::sheet::is_formula(rest) => rest,
        _ => cell,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Imported, String> {
        parse("assets.csv", text, Contact::default()).map_err(|error| error.to_string())
    }

    const GOOD: &str = "\u{feff}Asset Name;Role;Owner;Phone;Department;Life Support;MAC address;IP;Colour\n\
        Pump server 1;pump server, medical device;biomed;4711;ICU;no;00-1B-44-11-3A-B7;10.30.0.5;red\n\
        \"Ventilator; bed 3\";ventilator;biomed;4711;ICU;YES;001b.4411.3ab8;\"10.30.0.6, 10.30.0.7\";\n";

    #[test]
    fn a_list_of_any_order_separator_and_spelling_is_read() {
        let imported = read(GOOD).unwrap();
        let [server, ventilator] = &imported.list.devices[..] else {
            panic!("{imported:?}");
        };
        assert_eq!(server.name, "Pump server 1");
        assert_eq!(server.roles, ["pump_server", "medical_device"]);
        assert_eq!(server.macs, [[0, 0x1b, 0x44, 0x11, 0x3a, 0xb7]]);
        assert_eq!(
            (server.unit.as_str(), server.phone.as_str()),
            ("ICU", "4711")
        );
        assert_eq!(server.life_support, Some(false));
        assert_eq!(ventilator.name, "Ventilator; bed 3");
        assert_eq!(ventilator.ips.len(), 2);
        assert!(ventilator.must_stay() && !server.must_stay());
        let notes = ["assets.csv:1: column `Colour` is not known and left out"];
        assert_eq!(imported.notes, notes);
        let sets = super::super::sets(&BTreeMap::new(), &imported.list);
        assert_eq!(sets["pump_servers"], ["10.30.0.5"]);
        assert_eq!(sets["medical_devices"], ["10.30.0.5"]);
    }

    #[test]
    fn every_mistake_is_told_with_line_and_column() {
        let wrong = read(
            "name,ip,mac,life_support\na,10.0.0.300,,\nb,10.0.0.0/8,,\nc,10.0.0.1,00:11,maybe\n",
        )
        .unwrap_err();
        let wrong: Vec<&str> = wrong.lines().collect();
        assert_eq!(
            wrong,
            [
                "assets.csv:2: column `ip`: `10.0.0.300` is no address; write 10.20.1.11",
                "assets.csv:3: column `ip`: `10.0.0.0/8` is a network; networks go into `sets:` \
                 of the configuration",
                "assets.csv:4: column `mac`: `00:11` is no Ethernet address; write \
                 00:1b:44:11:3a:b7",
                "assets.csv:4: column `life_support`: `maybe` is neither yes nor no",
            ]
        );
        let windows = read("name,ip\r\na,10.0.0.300\r\n").unwrap_err();
        assert!(windows.starts_with("assets.csv:2: "), "{windows}");
        let wrong = read("10.0.0.1,a\n10.0.0.2,b\n").unwrap_err();
        assert!(wrong.contains("has to name the columns"), "{wrong}");
    }

    #[test]
    fn what_is_there_twice_and_what_nothing_finds_is_noted() {
        let imported = read("name,ip,mac\na,10.0.0.1,\nb,10.0.0.1,\nc,,\n").unwrap();
        assert_eq!(
            imported.notes,
            [
                "assets.csv:3: ip `10.0.0.1` is that of line 2 too; that one counts",
                "assets.csv:4: neither mac, ip nor serial: nothing finds this device",
            ]
        );
        let found = imported.list.find(None, Some([10, 0, 0, 1].into()), None);
        assert_eq!(found.map(|device| device.name.as_str()), Some("a"));
    }

    #[test]
    fn mistakes_are_bounded() {
        let lines: String = (0..1000).map(|n| format!("d{n},nowhere\n")).collect();
        let wrong = read(&format!("name,ip\n{lines}")).unwrap_err();
        assert_eq!(wrong.lines().count(), TOLD_MAX + 1);
        assert!(wrong.ends_with("and 980 more"));
    }

    #[test]
    fn a_list_in_the_code_page_of_windows_is_read() {
        let dir = crate::testing::dir("import-1252");
        let path = dir.join("list.csv");
        std::fs::write(&path, b"name;ip\nR\xf6ntgen 1;10.0.0.1\n").unwrap();
        let config = config::Inventory {
            import: Some(path),
            ..config::Inventory::default()
        };
        let imported = import(&config, None).unwrap();
        assert_eq!(imported.list.devices[0].name, "R\u{f6}ntgen 1");
    }
}

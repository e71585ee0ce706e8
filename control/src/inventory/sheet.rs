//! Devices as a spreadsheet: an export that an import takes back.

use rules::correlate::inventory::Listed;

use super::devices::Known;
use super::view::Device;

/// Cells by their titles: those that an import knows come first.
type Cell = (&'static str, fn(&Device, &Listed) -> String);

const CELLS: &[Cell] = &[
    ("name", |_, l| l.name.clone()),
    ("role", |_, l| l.roles.join(", ")),
    ("owner", |_, l| l.owner.clone()),
    ("phone", |_, l| l.phone.clone()),
    ("unit", |_, l| l.unit.clone()),
    ("criticality", |_, l| l.criticality.clone()),
    ("life_support", |_, l| yes(l.life_support)),
    ("patient_connected", |_, l| yes(l.patient_connected)),
    ("mac", |d, _| text(d.mac.as_ref())),
    ("ip", |d, _| text(d.ip.as_ref())),
    ("serial", |d, _| text(d.serial.as_ref())),
    ("id", |d, _| d.id.clone()),
    ("vlan", |d, _| text(d.vlan.as_ref())),
    ("vendor", |d, _| text(d.vendor.as_ref())),
    ("manufacturer", |d, _| text(d.manufacturer.as_ref())),
    ("model", |d, _| text(d.model.as_ref())),
    ("software", |d, _| text(d.software.as_ref())),
    ("station", |d, _| text(d.station.as_ref())),
    ("ae_titles", |d, _| d.ae_titles.join(", ")),
    ("applications", |d, _| d.applications.join(", ")),
    ("facilities", |d, _| d.facilities.join(", ")),
    ("functions", |d, _| d.functions.join(", ")),
    ("services", |d, _| d.services.join(", ")),
    ("devices", |d, _| d.devices.join(", ")),
    ("protocols", |d, _| d.protocols.join(", ")),
    ("router", |d, _| yes(Some(d.router))),
    ("first_seen", |d, _| d.first_seen.clone()),
    ("last_seen", |d, _| d.last_seen.clone()),
];

fn yes(is: Option<bool>) -> String {
    is.map_or("", |is| if is { "yes" } else { "no" }).to_owned()
}

fn text<T: ToString>(value: Option<&T>) -> String {
    value.map(T::to_string).unwrap_or_default()
}

/// Devices as CSV, with a head.
#[must_use]
pub fn csv<'a>(all: impl Iterator<Item = Known<'a>>) -> String {
    let mut lines = line(CELLS.iter().map(|(title, _)| (*title).to_owned()));
    let unlisted = Listed::default();
    for known in all {
        let (device, listed) = (Device::of(known), known.listed.unwrap_or(&unlisted));
        lines.push_str(&line(CELLS.iter().map(|(_, cell)| cell(&device, listed))));
    }
    lines
}

fn line(cells: impl Iterator<Item = String>) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    // Memory takes everything.
    drop(writer.write_record(cells.map(escaped)));
    String::from_utf8(writer.into_inner().unwrap_or_default()).unwrap_or_default()
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::inventory::{self, Now};
    use crate::testing;

    #[test]
    fn no_cell_is_a_formula_and_an_export_is_an_import() {
        let listed = "name,role,ip,phone\n'=1+1,archive,10.0.0.1,+49 30 1\n";
        let parse = |name, text| {
            let imported = inventory::parse(name, text, Default::default());
            imported.unwrap().list
        };
        let now = Now::new(Arc::new(testing::inventory()), parse("l.csv", listed));
        let text = csv(now.all());
        assert!(text.contains("'=cmd|") && text.contains("'=1+1") && text.contains("'+49 30 1"));
        let mut cells = csv::Reader::from_reader(text.as_bytes());
        for record in cells.records() {
            assert!(
                record.unwrap().iter().all(|cell| !is_formula(cell)),
                "{text}"
            );
        }
        let again = parse("e.csv", &text);
        let device = &again.devices[0];
        assert_eq!(
            (device.name.as_str(), device.phone.as_str()),
            ("=1+1", "+49 30 1")
        );
        assert_eq!(device.macs, [[0, 0x09, 0xfb, 1, 1, 1]]);
    }
}

//! `vitalwire assets`: the devices that are known, for people, spreadsheets and programs.

use std::path::Path;
use std::sync::Arc;

use crate::cli::{AssetsArgs, AssetsFormat};
use crate::config::{self, Config};
use crate::error::Error;
use crate::store::{self, device_lists};
use crate::terminal::{show, table};
use crate::{inventory, site_key};

use super::Now;
use super::sheet;
use super::view::{Device, Whole};

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
        Some(config) => inventory::import(&config.inventory, uploaded(config)?.as_deref())?.list,
        None => Arc::default(),
    };
    let snapshot = inventory::load(&dir)?.ok_or_else(|| nothing(&dir))?;
    let now = Now::new(Arc::new(snapshot), list);
    match args.format {
        AssetsFormat::Table => show(&as_table(&now.all().map(Device::of).collect::<Vec<_>>())),
        AssetsFormat::Csv => show(&sheet::csv(now.all())),
        AssetsFormat::Json => {
            let all: Vec<Whole> = now.all().map(|known| Whole::of(known, &now)).collect();
            let mut text = serde_json::to_string_pretty(&all).unwrap_or_default();
            text.push('\n');
            show(&text)
        }
    }
}

/// The list that was uploaded to the appliance of this configuration.
fn uploaded(config: &Config) -> Result<Option<String>, Error> {
    let dir = config.store.dir.as_ref().unwrap_or(&config.state_dir);
    let file = dir.join(store::FILE);
    if !config.store.enabled || !file.exists() {
        return Ok(None);
    }
    let found = store::read_only(&file).and_then(|conn| device_lists::newest(&conn));
    let found = found.map_err(|error| {
        Error::Failed(format!(
            "{}: {error}; the list of devices that was uploaded is in it",
            file.display()
        ))
    })?;
    Ok(found.map(|list| list.text))
}

fn nothing(dir: &Path) -> Error {
    Error::Failed(format!(
        "{}: no devices are kept here yet; `vitalwire run` keeps them in its state_dir, \
         `vitalwire inspect --state DIR` in DIR",
        dir.join(inventory::FILE_NAME).display()
    ))
}

fn as_table(known: &[Device]) -> String {
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
        let names: Vec<&str> = [&device.ae_titles, &device.applications]
            .into_iter()
            .flatten()
            .map(String::as_str)
            .collect();
        let last: String = device.last_seen.chars().take(16).collect();
        vec![
            device.name().to_owned(),
            device.ip.map_or_else(String::new, |ip| ip.to_string()),
            device.mac.clone().unwrap_or_default(),
            device.make(),
            device.does(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn a_table_is_for_people_and_json_has_everything() {
        let now = Now::new(Arc::new(testing::inventory()), Arc::default());
        let text = as_table(&now.all().map(Device::of).collect::<Vec<_>>());
        assert!(
            text.contains("Scanner 3") && text.contains("2026-03-02 08:00"),
            "{text}"
        );
        let whole: Vec<Whole> = now.all().map(|known| Whole::of(known, &now)).collect();
        let json = serde_json::to_value(&whole).unwrap();
        let scanner = &json[0];
        assert_eq!(
            scanner["facts"]["ae_title"][0]["source"],
            "dicom.calling_ae"
        );
        assert_eq!(scanner["vendor"], "Philips Patient Monitoring");
        assert_eq!(
            (scanner["vlan"].as_u64(), scanner["random_mac"].as_bool()),
            (Some(30), Some(false))
        );
        assert_eq!(scanner["peers"][0]["id"], "mac-020000000002-30");
    }
}

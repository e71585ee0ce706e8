//! `vitalwire fields`: what rules may match on, straight from the catalogue.

use parsers::catalogue::{Kind, Type};
use parsers::kinds::{ALL, envelope::FIELDS};
use rules::correlate::inventory::{FIELDS as DEVICE_FIELDS, Field};
use serde_json::{Value, json};

use crate::cli::FieldsArgs;
use crate::error::Error;
use crate::terminal::{show, table};

/// Prints them.
///
/// # Errors
/// A reader that went away.
pub fn run(args: &FieldsArgs) -> Result<(), Error> {
    if args.json {
        let mut text = serde_json::to_string_pretty(&as_json()).unwrap_or_default();
        text.push('\n');
        show(&text)
    } else if args.markdown {
        show(&as_markdown())
    } else {
        show(&as_text())
    }
}

/// The word for a type.
#[must_use]
pub const fn type_word(ty: Type) -> &'static str {
    match ty {
        Type::Bool => "bool",
        Type::Int => "int",
        Type::Decimal => "decimal",
        Type::Text => "text",
        Type::Word => "word",
        Type::Ip => "ip",
        Type::Mac => "mac",
        Type::Duration => "duration",
        Type::TextList => "text list",
        Type::IntList => "int list",
    }
}

fn as_json() -> Value {
    let envelope: Vec<Value> = FIELDS
        .iter()
        .map(|f| json!({"name": f.name, "type": type_word(f.ty), "doc": f.doc}))
        .collect();
    let kinds: Vec<Value> = ALL.iter().map(|kind| kind_json(kind)).collect();
    let device = |f: &Field| json!({"names": f.paths, "type": type_word(f.ty), "doc": f.doc});
    let devices: Vec<Value> = DEVICE_FIELDS.iter().map(device).collect();
    json!({
        "schema": rules::eve::SCHEMA,
        "every_event": envelope,
        "devices": devices,
        "kinds": kinds,
    })
}

fn kind_json(kind: &Kind) -> Value {
    let fields: Vec<Value> = kind
        .fields
        .iter()
        .map(|field| {
            json!({
                "name": field.name,
                "type": type_word(field.ty),
                "class": field.class.word(),
                "shown": field.class.is_shown(),
                "doc": field.doc,
                "section": field.section,
            })
        })
        .collect();
    let mut value = json!({"name": kind.name, "doc": kind.doc, "fields": fields});
    if let (Some(paths), Some(object)) = (kind.paths, value.as_object_mut()) {
        object.insert("paths".to_owned(), paths.syntax.into());
    }
    value
}

/// How a class is shown in a table: only what is not simply clear.
fn class_note(field: &parsers::catalogue::Field) -> String {
    if field.class.is_shown() {
        String::new()
    } else if !field.class.is_written() {
        format!("{} (not written)", field.class.word())
    } else {
        format!("{} (pseudonym)", field.class.word())
    }
}

fn as_text() -> String {
    let mut text = String::from("every event: envelope\n");
    let rows: Vec<Vec<String>> = FIELDS
        .iter()
        .map(|f| {
            vec![
                format!("  {}", f.name),
                type_word(f.ty).into(),
                f.doc.into(),
            ]
        })
        .collect();
    text.push_str(&table(&rows));
    text.push_str("\nevery event: the devices at its ends, asset.dest.… as well\n");
    let rows: Vec<Vec<String>> = DEVICE_FIELDS
        .iter()
        .map(|f| {
            let [src, _] = f.paths;
            vec![format!("  {src}"), type_word(f.ty).into(), f.doc.into()]
        })
        .collect();
    text.push_str(&table(&rows));
    for kind in ALL {
        text.push_str(&format!("\non: {} ({})\n", kind.name, kind.doc));
        let rows: Vec<Vec<String>> = kind
            .fields
            .iter()
            .map(|field| {
                vec![
                    format!("  {}", field.name),
                    type_word(field.ty).into(),
                    class_note(field),
                    field.doc.into(),
                ]
            })
            .collect();
        text.push_str(&table(&rows));
        if let Some(paths) = kind.paths {
            text.push_str(&format!("  and by path: {}\n", paths.syntax));
        }
    }
    text
}

fn as_markdown() -> String {
    let mut text =
        String::from("# Fields\n\n## Every event\n\n| field | type | what |\n|---|---|---|\n");
    for field in FIELDS {
        let ty = type_word(field.ty);
        text.push_str(&format!(
            "| `{}` | {ty} | {} |\n",
            field.name,
            cell(field.doc)
        ));
    }
    text.push_str("\n## The devices at its ends\n\n| field | type | what |\n|---|---|---|\n");
    for field in DEVICE_FIELDS {
        let ([src, dest], ty) = (field.paths, type_word(field.ty));
        let doc = cell(field.doc);
        text.push_str(&format!("| `{src}`, `{dest}` | {ty} | {doc} |\n"));
    }
    for kind in ALL {
        text.push_str(&format!("\n## `{}`: {}\n\n", kind.name, kind.doc));
        if let Some(paths) = kind.paths {
            text.push_str(&format!("Also by path: `{}`\n\n", paths.syntax));
        }
        text.push_str("| field | type | shown as | what | standard |\n|---|---|---|---|---|\n");
        for field in kind.fields {
            let note = class_note(field);
            text.push_str(&format!(
                "| `{}` | {} | {} | {} | {} |\n",
                field.name,
                type_word(field.ty),
                if note.is_empty() { "clear" } else { &note },
                cell(field.doc),
                cell(field.section),
            ));
        }
    }
    text
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_names_every_field() {
        let (text, markdown, json) = (as_text(), as_markdown(), as_json().to_string());
        let of_kinds = ALL.iter().flat_map(|kind| kind.fields);
        let names = of_kinds.map(|field| field.name);
        for name in names.chain(DEVICE_FIELDS.iter().map(|field| field.paths[0])) {
            for form in [&text, &markdown, &json] {
                assert!(form.contains(name), "{name}");
            }
        }
    }
}

//! The JSON Schemas of what sinks send. EVE's is generated from the catalogue of fields; those of ECS
//! and OCSF are kept by hand, and say what we send of them.
//!
//! They are versioned, and within a version only added to: a test compares what is generated with what
//! was promised, in `control/schemas`.

use clap::ValueEnum;
use parsers::catalogue::{Kind, Type};
use parsers::kinds::{ALL, envelope::FIELDS};
use serde_json::{Map, Value, json};

/// A dialect that has a schema.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Dialect {
    /// Suricata's EVE with our objects.
    Eve,
    /// Elastic Common Schema.
    Ecs,
    /// OCSF.
    Ocsf,
}

/// The schema of a dialect.
#[must_use]
pub fn of(dialect: Dialect) -> String {
    match dialect {
        Dialect::Eve => {
            let mut text = serde_json::to_string_pretty(&eve()).unwrap_or_default();
            text.push('\n');
            text
        }
        Dialect::Ecs => include_str!("../../schemas/ecs-1.json").to_owned(),
        Dialect::Ocsf => include_str!("../../schemas/ocsf-1.json").to_owned(),
    }
}

/// EVE: the hand-kept frame, and the catalogue's kinds in it.
fn eve() -> Value {
    let mut schema: Value =
        serde_json::from_str(include_str!("eve_frame.json")).unwrap_or_default();
    let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) else {
        return schema;
    };
    for field in FIELDS.iter().filter(|field| !field.name.contains('.')) {
        let described = described(field.ty, field.doc);
        properties.entry(field.name).or_insert(described);
    }
    for kind in ALL {
        let mut object = object(kind);
        // What the correlator appends.
        let more = properties
            .get(kind.name)
            .and_then(|of| of.get("properties"));
        if let (Some(more), Some(known)) = (
            more.and_then(Value::as_object),
            object.get_mut("properties").and_then(Value::as_object_mut),
        ) {
            known.extend(more.clone());
        }
        properties.insert(kind.name.to_owned(), object);
    }
    schema
}

fn object(kind: &Kind) -> Value {
    let mut properties = Map::new();
    for field in kind.fields.iter().filter(|field| field.class.is_written()) {
        let described = described(field.ty, field.doc);
        match field.object {
            None => {
                properties.insert(field.key.to_owned(), described);
            }
            Some(name) => {
                let parent = properties
                    .entry(name)
                    .or_insert_with(|| json!({"type": "object", "properties": {}}));
                if let Some(inner) = parent.get_mut("properties").and_then(Value::as_object_mut) {
                    inner.insert(field.key.to_owned(), described);
                }
            }
        }
    }
    json!({"type": "object", "description": kind.doc, "properties": properties})
}

fn described(ty: Type, doc: &str) -> Value {
    let mut schema = match ty {
        Type::Bool => json!({"type": "boolean"}),
        Type::Int => json!({"type": "integer"}),
        Type::Decimal | Type::Duration => json!({"type": "number"}),
        Type::Text | Type::Word | Type::Ip | Type::Mac => json!({"type": "string"}),
        Type::TextList => json!({"type": "array", "items": {"type": "string"}}),
        Type::IntList => json!({"type": "array", "items": {"type": "integer"}}),
    };
    if let Some(object) = schema.as_object_mut() {
        object.insert("description".to_owned(), doc.into());
    }
    schema
}

//! The index template and the saved objects, against documents as they are sent.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use control::formats::Format;
use serde_json::Value;

use super::lines;
use crate::support;

fn recipe(file: &str) -> String {
    let path = support::root().join("deploy/siem/elastic").join(file);
    std::fs::read_to_string(path).expect("the recipe")
}

/// The leaves that the template maps, with their types.
fn mapped(properties: &Value, path: &str, into: &mut BTreeMap<String, String>) {
    for (name, field) in properties.as_object().expect("an object") {
        let path = [path, name].join(if path.is_empty() { "" } else { "." });
        match field.get("type") {
            Some(kind) => drop(into.insert(path, kind.as_str().expect("a type").to_owned())),
            None => mapped(&field["properties"], &path, into),
        }
    }
}

fn template() -> BTreeMap<String, String> {
    let template: Value = serde_json::from_str(&recipe("index-template.json")).expect("JSON");
    let mut fields = BTreeMap::new();
    mapped(
        &template["template"]["mappings"]["properties"],
        "",
        &mut fields,
    );
    fields
}

/// The leaves of a document; of a list each.
fn leaves<'a>(value: &'a Value, path: &str, into: &mut Vec<(String, &'a Value)>) {
    match value {
        Value::Object(all) => {
            for (name, inner) in all {
                let path = [path, name].join(if path.is_empty() { "" } else { "." });
                leaves(inner, &path, into);
            }
        }
        Value::Array(all) => all.iter().for_each(|inner| leaves(inner, path, into)),
        _ => into.push((path.to_owned(), value)),
    }
}

/// Whether Elasticsearch takes a value for a field of that type as it is.
fn fits(kind: &str, value: &Value) -> bool {
    let text = value.as_str();
    match kind {
        "keyword" | "text" => text.is_some(),
        "ip" => text.is_some_and(|text| text.parse::<IpAddr>().is_ok()),
        "date" => text.is_some_and(is_rfc3339),
        "long" => value.is_i64() || value.is_u64(),
        "double" => value.is_number(),
        "boolean" => value.is_boolean(),
        _ => false,
    }
}

/// `2026-11-21T21:38:11.087399Z`
fn is_rfc3339(text: &str) -> bool {
    let shape: String = text
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    shape == "0000-00-00T00:00:00.000000Z"
}

fn documents() -> Vec<Value> {
    let rendered = lines()
        .iter()
        .map(|line| Format::Ecs.render(line))
        .collect::<Vec<_>>();
    let parsed = rendered
        .iter()
        .map(|text| serde_json::from_str(text).expect("JSON"));
    parsed.collect()
}

#[test]
fn every_field_of_the_template_is_sent_and_has_its_type() {
    let (template, documents) = (template(), documents());
    let mut seen = BTreeSet::new();
    let mut kinds: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for document in &documents {
        let mut found = Vec::new();
        leaves(document, "", &mut found);
        for (path, value) in found {
            if let Some(kind) = template.get(&path) {
                assert!(fits(kind, value), "{path} is no {kind}: {value}");
                seen.insert(path);
            } else {
                let kind = match value {
                    Value::String(_) => "text",
                    Value::Number(_) => "number",
                    Value::Bool(_) => "boolean",
                    _ => continue,
                };
                kinds.entry(path).or_default().insert(kind);
            }
        }
    }
    let never: Vec<&String> = template
        .keys()
        .filter(|path| !seen.contains(*path))
        .collect();
    assert!(never.is_empty(), "mapped, and in no document: {never:?}");
    // What is mapped as it comes has to come as one type, or the second one is refused.
    kinds.retain(|_, kinds| kinds.len() > 1);
    assert!(kinds.is_empty(), "of two types: {kinds:?}");
}

/// Names that a query asks for: what is before a comparison.
fn asked(query: &str) -> Vec<String> {
    let words = query.split([' ', '(', ')', '"']);
    let names = words.filter(|word| word.contains('.') && !word.starts_with(char::is_numeric));
    names.map(str::to_owned).collect()
}

/// JSON within JSON, as saved objects have it.
fn inner(value: &Value) -> Value {
    serde_json::from_str(value.as_str().unwrap_or("{}")).expect("JSON within JSON")
}

#[test]
fn searches_and_charts_ask_for_what_there_is_and_refer_to_what_is_there() {
    let template = template();
    let text = recipe("saved-objects.ndjson");
    let objects: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let id = |object: &Value| (object["type"].to_string(), object["id"].to_string());
    let ids: BTreeSet<_> = objects.iter().map(id).collect();
    assert_eq!(ids.len(), objects.len(), "one id each");
    let mut fields = BTreeSet::new();
    for object in &objects {
        let attributes = &object["attributes"];
        let source = inner(&attributes["kibanaSavedObjectMeta"]["searchSourceJSON"]);
        fields.extend(asked(source["query"]["query"].as_str().unwrap_or_default()));
        let columns = attributes["columns"].as_array();
        fields.extend(
            columns
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .map(str::to_owned),
        );
        let state = inner(&attributes["visState"]);
        let aggregations = state["aggs"].as_array().cloned().unwrap_or_default();
        for aggregation in &aggregations {
            let field = aggregation["params"]["field"].as_str();
            let kind = field.and_then(|field| template.get(field));
            assert_ne!(
                kind.map(String::as_str),
                Some("text"),
                "a text cannot be counted: {field:?}"
            );
            fields.extend(field.map(str::to_owned));
        }
        let references = object["references"].as_array().expect("references");
        assert!(
            references.iter().all(|to| ids.contains(&id(to))),
            "{object}"
        );
        let panels = inner(&attributes["panelsJSON"]);
        for panel in panels.as_array().into_iter().flatten() {
            let named = references
                .iter()
                .any(|to| to["name"] == panel["panelRefName"]);
            assert!(named, "{panel}");
        }
    }
    let unknown: Vec<&String> = fields
        .iter()
        .filter(|f| !template.contains_key(*f))
        .collect();
    assert!(unknown.is_empty(), "not in the template: {unknown:?}");
    assert!(fields.len() > 15);
}

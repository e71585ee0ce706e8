//! The JSON Schema of a rule file: what an editor needs to complete keys and words and to refuse
//! what the compiler would refuse. Every bound of [`crate::limits`] is in it.

use parsers::json::text;
use parsers::kinds::{self, envelope};

use crate::correlate::inventory;
use crate::limits::{
    COUNT_AT_LEAST_MAX, COUNT_BY_MAX, EXPRESSION_BYTES_MAX, RULES_MAX, SET_ENTRIES_MAX, SETS_MAX,
    SID, SUPPRESSIONS_MAX, TESTS_MAX, TEXT_BYTES_MAX, WORDS_MAX,
};
use crate::rule::{Impact, Side, Status, Then, Tier};
use crate::{Severity, syntax};

/// Name, schema and explanation of a key.
type Key = (&'static str, String, &'static str);

/// The schema, as JSON.
#[must_use]
pub fn schema() -> String {
    let names = object(
        &[
            ("name", plain("string"), "its name"),
            ("version", plain("string"), "its version"),
            ("description", plain("string"), "one line for people"),
        ],
        &["name"],
    );
    let keys = [
        ("pack", names, "what the file is"),
        (
            "sets",
            sets(),
            "named sets that rules look into, as $name; the configuration's replace them",
        ),
        ("rules", list(&rule(), RULES_MAX), "signatures"),
        (
            "suppressions",
            list(&suppression(), SUPPRESSIONS_MAX),
            "alerts that somebody answers for not wanting",
        ),
    ];
    let body = object(&keys, &[]);
    let body = body.strip_prefix('{').unwrap_or_default();
    format!(
        "{{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\
         \"title\":\"Vitalwire rule file\",{body}"
    )
}

fn rule() -> String {
    let mut keys = about();
    keys.extend(meaning());
    debug_assert!(
        keys.iter()
            .map(|key| key.0)
            .eq(syntax::RULE_KEYS.iter().copied())
    );
    let needed = ["id", "sid", "title", "severity", "on", "when", "explain"];
    object(&keys, &needed)
}

/// The keys that say what a rule is.
fn about() -> Vec<Key> {
    let sid = format!(
        "{{\"type\":\"integer\",\"minimum\":{},\"maximum\":{}}}",
        SID.start(),
        SID.end()
    );
    let id =
        "{\"type\":\"string\",\"maxLength\":80,\"pattern\":\"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$\"}";
    vec![
        ("id", id.to_owned(), "its name"),
        ("sid", sid, "its number"),
        ("rev", integer(1, 999_999), "its revision"),
        (
            "status",
            one_of([Status::Active, Status::Shadow].map(Status::word)),
            "shadow is counted, silently",
        ),
        ("title", prose(), "one line for people"),
        (
            "severity",
            one_of(Severity::ALL.map(Severity::word)),
            "how bad, for security",
        ),
        (
            "clinical_impact",
            one_of(Impact::ALL.map(Impact::word)),
            "what it means at the bedside",
        ),
        (
            "tier",
            one_of(Tier::ALL.map(Tier::word)),
            "whom to tell, and how urgently",
        ),
        ("category", plain("string"), "what it is about, in one word"),
        ("attack", words(), "MITRE ATT&CK techniques"),
        ("references", words(), "where to read more"),
    ]
}

/// The keys that say what it does.
fn meaning() -> Vec<Key> {
    let sides = [Side::Src, Side::Dest].map(Side::word);
    vec![
        (
            "on",
            one_of(kinds::ALL.iter().map(|kind| kind.name)),
            "the kind of event that it is about",
        ),
        ("when", expression(), "the condition"),
        ("count", count(), "how often it has to happen, if not once"),
        ("requires", words(), "sets without which it means nothing"),
        (
            "explain",
            prose(),
            "what happened, with {field}, {count}, {window}, {asset.src.name} …",
        ),
        (
            "what_to_do",
            prose(),
            "what to do about it; a template like explain",
        ),
        ("false_positives", prose(), "what else it may be"),
        ("source", one_of(sides), "which side of the event acted"),
        ("target", one_of(sides), "which side was acted on"),
        (
            "tests",
            list(&test(), TESTS_MAX),
            "what it has to find, and what not",
        ),
    ]
}

fn words() -> String {
    list(&plain("string"), WORDS_MAX)
}

fn count() -> String {
    let by = format!(
        "{{\"type\":\"array\",\"maxItems\":{COUNT_BY_MAX},\"items\":{}}}",
        plain("string")
    );
    let span = "{\"type\":\"string\",\"pattern\":\"^[0-9]+(ms|s|m|h|d)$\"}".to_owned();
    object(
        &[
            (
                "by",
                by,
                "events that agree in these fields are counted together",
            ),
            (
                "at_least",
                integer(1, COUNT_AT_LEAST_MAX.into()),
                "how many",
            ),
            ("within", span, "within how much time, at most 7d"),
            (
                "distinct",
                plain("string"),
                "count different values of this field, not events",
            ),
        ],
        &["at_least", "within"],
    )
}

fn test() -> String {
    object(
        &[
            ("pcap", plain("string"), "the capture, under pcaps/"),
            (
                "alerts",
                integer(0, 1_000_000),
                "how many alerts of this rule it brings",
            ),
            (
                "then",
                one_of([Then::End, Then::Blind, Then::Loss].map(Then::word)),
                "what happens to the watching behind its last frame",
            ),
            ("sets", sets(), "sets that the test defines"),
        ],
        &["pcap", "alerts"],
    )
}

fn suppression() -> String {
    let values = format!(
        "{{\"type\":\"object\",\"additionalProperties\":{}}}",
        scalars(WORDS_MAX)
    );
    let date = "{\"type\":\"string\",\"format\":\"date\"}".to_owned();
    object(
        &[
            (
                "rule",
                plain("string"),
                "the id of the rule that it silences",
            ),
            (
                "when",
                expression(),
                "a condition on what crosses to the correlator: no PHI",
            ),
            ("match", values, "fields by value; PHI by its pseudonym"),
            ("owner", plain("string"), "who answers for it"),
            ("reason", plain("string"), "why"),
            ("expires", date, "its last day, UTC"),
        ],
        &["rule", "owner", "reason", "expires"],
    )
}

fn sets() -> String {
    format!(
        "{{\"type\":\"object\",\"maxProperties\":{SETS_MAX},\"additionalProperties\":{}}}",
        scalars(SET_ENTRIES_MAX)
    )
}

fn scalars(most: usize) -> String {
    format!(
        "{{\"type\":\"array\",\"maxItems\":{most},\"items\":{{\"type\":[\"string\",\"integer\"]}}}}"
    )
}

/// An expression; the fields are examples, so that editors offer them.
fn expression() -> String {
    let fields = kinds::ALL.iter().flat_map(|kind| kind.fields);
    let names = fields.map(|field| field.name);
    let names = names.chain(envelope::FIELDS.iter().map(|field| field.name));
    let names = names.chain(inventory::FIELDS.iter().flat_map(|field| field.paths));
    format!(
        "{{\"type\":\"string\",\"maxLength\":{EXPRESSION_BYTES_MAX},\"examples\":{}}}",
        array(names)
    )
}

fn prose() -> String {
    format!("{{\"type\":\"string\",\"maxLength\":{TEXT_BYTES_MAX}}}")
}

fn plain(ty: &str) -> String {
    format!("{{\"type\":\"{ty}\"}}")
}

fn integer(low: i64, high: i64) -> String {
    format!("{{\"type\":\"integer\",\"minimum\":{low},\"maximum\":{high}}}")
}

fn one_of<'w>(words: impl IntoIterator<Item = &'w str>) -> String {
    format!("{{\"enum\":{}}}", array(words))
}

fn list(of: &str, most: usize) -> String {
    format!("{{\"type\":\"array\",\"maxItems\":{most},\"items\":{of}}}")
}

fn array<'w>(words: impl IntoIterator<Item = &'w str>) -> String {
    let words: Vec<_> = words.into_iter().map(quoted).collect();
    format!("[{}]", words.join(","))
}

fn object(keys: &[Key], required: &[&str]) -> String {
    let property = |(name, schema, doc): &Key| {
        let rest = schema.strip_prefix('{').unwrap_or_default();
        format!("{}:{{\"description\":{},{rest}", quoted(name), quoted(doc))
    };
    let properties: Vec<_> = keys.iter().map(property).collect();
    let required = if required.is_empty() {
        String::new()
    } else {
        format!("\"required\":{},", array(required.iter().copied()))
    };
    format!(
        "{{\"type\":\"object\",\"additionalProperties\":false,{required}\"properties\":{{{}}}}}",
        properties.join(",")
    )
}

fn quoted(words: &str) -> String {
    let mut out = Vec::new();
    text(words.as_bytes(), &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

//! Names of fields to fields.

use parsers::catalogue::{Kind, Type};
use parsers::kinds::{self, envelope};
use parsers::phi::Class;

use crate::FieldRef;
use crate::correlate::inventory;
use crate::diagnostic::{At, Report, did_you_mean};

/// A field that a name stands for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    pub(crate) field: FieldRef,
    pub(crate) ty: Type,
    pub(crate) class: Class,
    /// Its name in the catalogue, or empty for a path.
    pub(crate) name: &'static str,
}

impl Found {
    /// Whether it may have several values.
    pub(crate) const fn is_list(self) -> bool {
        matches!(self.ty, Type::TextList | Type::IntList) || matches!(self.field, FieldRef::Path(_))
    }
}

/// What the design has room for and this version has not.
const LATER: &[&str] = &["first_seen", "rate_vs_baseline", "sequence"];

/// Finds a field of a kind, of the envelope, or by path.
pub(crate) fn resolve(
    kind: &'static Kind,
    path: &At<String>,
    report: &mut Report<'_>,
) -> Option<Found> {
    let name = path.value.as_str();
    if let Some(found) = declared(kind, name) {
        return Some(found);
    }
    let inside = name
        .strip_prefix(kind.name)
        .and_then(|rest| rest.strip_prefix('.'));
    if let (Some(space), Some(inside)) = (kind.paths, inside) {
        // A name without a digit is a field that does not exist rather than a path.
        if inside.contains(|c: char| c.is_ascii_digit()) {
            return by_path(space, path, inside, report);
        }
    }
    let (message, help) = unknown(kind, name, near(kind, name));
    report.error_help(path.span, message, help);
    None
}

fn declared(kind: &'static Kind, name: &str) -> Option<Found> {
    if let Some((side, ix, field)) = inventory::field(name) {
        return Some(Found {
            field: FieldRef::Asset(side, ix),
            ty: field.ty,
            class: Class::Asset,
            name: field.name,
        });
    }
    if let Some((ix, field)) = envelope::by_name(name) {
        return Some(Found {
            field: FieldRef::Envelope(ix),
            ty: field.ty,
            class: Class::Clear,
            name: field.name,
        });
    }
    let at = kind.fields.iter().position(|field| field.name == name)?;
    let field = kind.fields.get(at)?;
    Some(Found {
        field: FieldRef::Field(parsers::catalogue::FieldIx(u16::try_from(at).ok()?)),
        ty: field.ty,
        class: field.class,
        name: field.name,
    })
}

fn by_path(
    space: &parsers::catalogue::PathSpace,
    path: &At<String>,
    inside: &str,
    report: &mut Report<'_>,
) -> Option<Found> {
    match (space.parse)(inside) {
        Ok(parsed) => Some(Found {
            field: FieldRef::Path(parsed),
            ty: Type::Text,
            class: (space.class)(&parsed),
            name: "",
        }),
        Err(reason) => {
            let message = format!("`{}` is no path: {reason}", path.value);
            let help = format!("paths are {}", space.syntax);
            report.error_help(path.span, message, help);
            None
        }
    }
}

fn near(kind: &Kind, name: &str) -> Option<String> {
    let fields = kind.fields.iter().map(|field| field.name);
    let names = fields.chain(envelope::FIELDS.iter().map(|field| field.name));
    let names = names.chain(inventory::FIELDS.iter().flat_map(|field| field.paths));
    // A field may also be called without its kind.
    let bare = kind.fields.iter().find(|field| {
        let rest = field.name.strip_prefix(kind.name);
        rest.and_then(|rest| rest.strip_prefix('.')) == Some(name)
    });
    match bare {
        Some(field) => Some(format!("did you mean `{}`?", field.name)),
        None => did_you_mean(name, names),
    }
}

fn unknown(kind: &Kind, name: &str, near: Option<String>) -> (String, Option<String>) {
    let later = LATER
        .iter()
        .any(|word| name == *word || name.starts_with(&format!("{word}.")));
    if later {
        let message = format!("`{name}` is not yet supported in conditions");
        return (message, Some("a later version will know it".to_owned()));
    }
    let other = kinds::ALL.iter().find(|other| {
        let mut names = other.fields.iter().map(|field| field.name);
        other.name != kind.name && names.any(|field| field == name)
    });
    if let Some(other) = other {
        let message = format!("`{name}` is a field of `{}` events", other.name);
        let help = format!("this rule is about `{}` events", kind.name);
        return (message, Some(help));
    }
    let help = near.unwrap_or_else(|| "`vitalwire fields` lists them".to_owned());
    (
        format!("`{}` events have no field `{name}`", kind.name),
        Some(help),
    )
}

/// The nanoseconds in the unit of time that a field's name ends with.
pub(crate) fn unit_of_time(name: &str) -> Option<i64> {
    if name.ends_with("_ms") {
        Some(1_000_000)
    } else if name.ends_with("_s") {
        Some(1_000_000_000)
    } else {
        None
    }
}

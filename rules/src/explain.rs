//! A rule set about itself, for `vitalwire rules explain`: what runs where, and what it reads.

use std::fmt::Write;

use parsers::catalogue::{Kind, KindId};
use parsers::kinds::{self, envelope};
use parsers::time::NANOS_PER_SEC;

use crate::correlate::inventory;
use crate::program::NodeIx;
use crate::rule::{Rule, Side};
use crate::{FieldRef, Ruleset, prefilter};

impl Ruleset {
    /// What a rule does, for people: its part in the worker, its part in the correlator, the
    /// texts it is found by, the fields it reads.
    #[must_use]
    pub fn explain(&self, rule: &Rule) -> String {
        let mut out = String::new();
        // Writing to a String cannot fail.
        if self.write(rule, &mut out).is_err() {
            out.clear();
        }
        out
    }

    fn write(&self, rule: &Rule, out: &mut String) -> std::fmt::Result {
        let kind = kind_name(rule.kind);
        let (id, sid, rev) = (&rule.id, rule.sid, rule.rev);
        writeln!(out, "{id} (sid {sid}, rev {rev}): {}", rule.title)?;
        writeln!(out, "  from:        {}:{}", rule.file, rule.line)?;
        match &rule.armed {
            Ok(()) => writeln!(out, "  state:       {}", rule.status.word())?,
            Err(sets) => writeln!(out, "  state:       unarmed: set {}", sets.join(", "))?,
        }
        writeln!(out, "  in the worker, for each `{kind}` event:")?;
        writeln!(out, "    {}", rule.when)?;
        let root = self.roots.get(usize::from(rule.ix.0)).copied();
        if let Some(root) = root {
            self.write_worker(rule, root, out)?;
        }
        writeln!(out, "  in the correlator:")?;
        let later = self.later.get(usize::from(rule.ix.0));
        if let Some(Some(_)) = later {
            writeln!(out, "    what it asks of asset.src and asset.dest")?;
        }
        match &rule.count {
            None => writeln!(out, "    an alert for each event")?,
            Some(count) => {
                let what = count.distinct.map_or_else(
                    || "events".to_owned(),
                    |field| format!("different {}", field_name(rule.kind, field)),
                );
                let by = names(rule.kind, &count.by);
                let by = if by.is_empty() { "all".to_owned() } else { by };
                let (n, window) = (count.at_least, span(count.within_ns));
                writeln!(
                    out,
                    "    an alert once there are {n} {what} within {window}, by {by}"
                )?;
            }
        }
        let crossing = names(rule.kind, self.needs(rule.kind));
        let crossing = if crossing.is_empty() {
            "nothing beside the envelope".to_owned()
        } else {
            crossing
        };
        writeln!(out, "    fields of `{kind}` that cross: {crossing}")
    }

    fn write_worker(&self, rule: &Rule, root: NodeIx, out: &mut String) -> std::fmt::Result {
        let Some(nodes) = self.nodes.get(rule.kind.index()) else {
            return Ok(());
        };
        let mut fields = Vec::new();
        prefilter::fields_of(nodes, root, &mut fields);
        writeln!(out, "    reads:     {}", names(rule.kind, &fields))?;
        let literals = prefilter::literals(nodes, root);
        for (field, texts) in &literals {
            let texts: Vec<_> = texts
                .iter()
                .map(|text| format!("\"{}\"", text.escape_ascii()))
                .collect();
            let name = field_name(rule.kind, *field);
            writeln!(out, "    found by:  {name}: {}", texts.join(" or "))?;
        }
        if literals.is_empty() {
            writeln!(
                out,
                "    found by:  no text; tried on each event of the kind"
            )?;
        }
        Ok(())
    }
}

fn kind_name(kind: KindId) -> &'static str {
    kinds::ALL.get(kind.index()).map_or("", |kind| kind.name)
}

fn names(kind: KindId, fields: &[FieldRef]) -> String {
    let names: Vec<_> = fields.iter().map(|f| field_name(kind, *f)).collect();
    names.join(", ")
}

/// What a rule calls a field.
#[must_use]
pub fn field_name(kind: KindId, field: FieldRef) -> String {
    let kind: Option<&&'static Kind> = kinds::ALL.get(kind.index());
    match field {
        FieldRef::Field(ix) => kind
            .and_then(|kind| kind.fields.get(ix.index()))
            .map_or_else(String::new, |field| field.name.to_owned()),
        FieldRef::Envelope(ix) => envelope::FIELDS
            .get(ix.index())
            .map_or_else(String::new, |field| field.name.to_owned()),
        FieldRef::Asset(side, ix) => {
            inventory::FIELDS
                .get(ix.index())
                .map_or_else(String::new, |field| {
                    let [src, dest] = field.paths;
                    let path = if side == Side::Src { src } else { dest };
                    path.to_owned()
                })
        }
        FieldRef::Path(path) => {
            let at = |index: Option<u16>| match index {
                Some(1) => String::new(),
                Some(n) => format!("[{n}]"),
                None => "[*]".to_owned(),
            };
            let segment = path.segment.escape_ascii().to_string().to_ascii_lowercase();
            let parts = [path.component, path.subcomponent];
            let parts = parts.into_iter().flatten().map(|n| format!(".{n}"));
            let name = kind.map_or("", |kind| kind.name);
            let (occurrence, repetition) = (at(path.occurrence), at(path.repetition));
            let parts: String = parts.collect();
            format!(
                "{name}.{segment}{occurrence}.{}{repetition}{parts}",
                path.field
            )
        }
    }
}

/// A span of time as people write it: `10m`, `90s`, `250ms`.
#[must_use]
pub fn span(nanos: i64) -> String {
    let units = [
        (86_400 * NANOS_PER_SEC, "d"),
        (3_600 * NANOS_PER_SEC, "h"),
        (60 * NANOS_PER_SEC, "m"),
        (NANOS_PER_SEC, "s"),
        (1_000_000, "ms"),
    ];
    let whole = units
        .iter()
        .find(|(unit, _)| nanos >= *unit && nanos % unit == 0);
    whole.map_or_else(
        || format!("{nanos}ns"),
        |(unit, name)| format!("{}{name}", nanos / unit),
    )
}

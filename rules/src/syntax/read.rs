//! From nodes to the source tree: keys by name, each value in its shape.

use parsers::catalogue::Kind;
use parsers::kinds;

use super::reader::{Fields, Reader};
use super::tree;
use super::tree::{CountTree, FileTree, RuleTree, SetTree, SuppressionTree, TestTree, Text};
use super::yaml::{Data, Node, parse};
use crate::diagnostic::{At, Report, Span, did_you_mean};
use crate::limits::{
    COUNT_AT_LEAST_MAX, COUNT_BY_MAX, COUNT_WITHIN_NS_MAX, FILE_BYTES_MAX, SID, TESTS_MAX,
};
use crate::rule::{Impact, Pack, RuleTest, Side, Status, Then, Tier};
use crate::{Severity, suppress};

/// The keys of a rule, in the order in which they are best written.
pub(crate) const RULE_KEYS: &[&str] = &[
    "id",
    "sid",
    "rev",
    "status",
    "title",
    "severity",
    "clinical_impact",
    "tier",
    "category",
    "attack",
    "references",
    "on",
    "when",
    "count",
    "requires",
    "explain",
    "what_to_do",
    "false_positives",
    "source",
    "target",
    "tests",
];

/// Reads one file.
pub(crate) fn file(index: u16, text: &str, report: &mut Report<'_>) -> FileTree {
    let mut tree = FileTree::default();
    let start = Span {
        file: index,
        start: 0,
        end: 0,
    };
    if text.len() > FILE_BYTES_MAX {
        report.error(
            start,
            format!("a rule file has at most {FILE_BYTES_MAX} bytes"),
        );
        return tree;
    }
    let Some(root) = parse(index, text, report) else {
        return tree;
    };
    let mut reader = Reader { report };
    let keys = ["pack", "sets", "rules", "suppressions"];
    let Some(map) = reader.map(&root, "a rule file", &keys) else {
        return tree;
    };
    tree.pack = map.get("pack").and_then(|node| reader.pack(node));
    for node in map.list("rules", &mut reader) {
        tree.rules.extend(reader.rule(node));
    }
    for (name, node) in map.entries("sets", &mut reader) {
        let entries = reader.texts(node);
        let name = name.clone();
        tree.sets.push(SetTree { name, entries });
    }
    for node in map.list("suppressions", &mut reader) {
        tree.suppressions.extend(reader.suppression(node));
    }
    tree
}

impl Reader<'_, '_> {
    fn rule(&mut self, node: &Node) -> Option<RuleTree> {
        let errors = self.report.errors();
        let map = self.map(node, "a rule", RULE_KEYS)?;
        let id = self.needed(&map, "id").map(|n| self.slug(n));
        let sid = self.needed(&map, "sid").and_then(|n| self.sid(n));
        let on = self.needed(&map, "on").and_then(|n| self.kind(n));
        let when = self.needed(&map, "when").map(|n| self.located(n));
        let title = self.needed(&map, "title").map(|n| self.text(n).value);
        let severity = self.needed(&map, "severity").map(|n| self.severity(n));
        let explain = self.needed(&map, "explain").map(|n| self.located(n));
        let rule = RuleTree {
            id: id?,
            sid: sid?,
            rev: map.get("rev").map_or(1, |n| self.number(n, 1..=999_999)),
            status: self.word(
                &map,
                "status",
                &[Status::Active, Status::Shadow],
                Status::word,
            ),
            title: title?,
            severity: severity?,
            impact: self.word(&map, "clinical_impact", &Impact::ALL, Impact::word),
            tier: self.word(&map, "tier", &Tier::ALL, Tier::word),
            category: self.optional(&map, "category"),
            attack: self.words(&map, "attack"),
            references: self.words(&map, "references"),
            on: on?,
            when: when?,
            count: map.get("count").and_then(|n| self.count(n)),
            requires: map.get("requires").map_or_else(Vec::new, |n| self.texts(n)),
            explain: explain?,
            what_to_do: map
                .get("what_to_do")
                .map_or_else(Text::default, |n| self.located(n)),
            false_positives: self.optional(&map, "false_positives"),
            source: self.side(&map, "source"),
            target: self.side(&map, "target"),
            tests: self.tests(&map),
        };
        // A rule that is half understood would only bring errors that follow from the first.
        (self.report.errors() == errors).then_some(rule)
    }

    fn count(&mut self, node: &Node) -> Option<CountTree> {
        let keys = ["by", "at_least", "within", "distinct"];
        let map = self.map(node, "count", &keys)?;
        let by = map.get("by").map_or_else(Vec::new, |n| self.texts(n));
        if by.len() > COUNT_BY_MAX {
            let message = format!("count.by takes at most {COUNT_BY_MAX} fields");
            self.report.error(node.span, message);
        }
        let at_least = self.needed(&map, "at_least");
        let within = self.needed(&map, "within");
        Some(CountTree {
            by,
            distinct: map.get("distinct").map(|n| self.text(n)),
            at_least: self.number(at_least?, 1..=i64::from(COUNT_AT_LEAST_MAX)),
            within_ns: self.duration(within?)?,
        })
    }

    fn tests(&mut self, map: &Fields<'_>) -> Vec<TestTree> {
        let nodes = map.list("tests", self);
        if nodes.len() > TESTS_MAX {
            let message = format!("a rule has at most {TESTS_MAX} tests");
            self.report.error(map.span, message);
        }
        nodes.iter().filter_map(|node| self.test(node)).collect()
    }

    fn test(&mut self, node: &Node) -> Option<TestTree> {
        let map = self.map(node, "a test", &["pcap", "then", "alerts", "sets"])?;
        let pcap = self.needed(&map, "pcap").map(|n| self.text(n).value);
        let alerts = self.needed(&map, "alerts");
        let mut test = RuleTest {
            pcap: pcap?,
            then: self.word(
                &map,
                "then",
                &[Then::End, Then::Blind, Then::Loss],
                Then::word,
            ),
            alerts: self.number(alerts?, 0..=1_000_000),
            sets: std::collections::BTreeMap::new(),
        };
        let mut names = Vec::new();
        for (name, entries) in map.entries("sets", self) {
            let entries = self.texts(entries).into_iter().map(|e| e.value).collect();
            test.sets.insert(name.value.clone(), entries);
            names.push(name.clone());
        }
        Some(TestTree { test, sets: names })
    }

    fn suppression(&mut self, node: &Node) -> Option<SuppressionTree> {
        let keys = ["rule", "when", "match", "owner", "reason", "expires"];
        let map = self.map(node, "a suppression", &keys)?;
        let rule = self.needed(&map, "rule").map(|n| self.text(n));
        let owner = self.needed(&map, "owner").map(|n| self.text(n).value);
        let reason = self.needed(&map, "reason").map(|n| self.text(n).value);
        let expires = self
            .needed(&map, "expires")
            .map(|n| (n, self.text(n).value));
        let mut fields = Vec::new();
        for (name, node) in map.entries("match", self) {
            fields.push((name.clone(), self.texts(node)));
        }
        let (expires_node, expires_text) = expires?;
        let date = suppress::end_of_day(&expires_text);
        if date.is_none() {
            let message = format!("`{expires_text}` is not a date");
            let help = Some("write 2027-03-31".to_owned());
            self.report.error_help(expires_node.span, message, help);
        }
        Some(SuppressionTree {
            rule: rule?,
            when: map.get("when").map(|n| self.located(n)),
            fields,
            owner: owner?,
            reason: reason?,
            expires: date?,
            expires_text,
        })
    }

    fn pack(&mut self, node: &Node) -> Option<Pack> {
        let map = self.map(node, "pack", &["name", "version", "description"])?;
        let name = self.needed(&map, "name").map(|n| self.text(n).value);
        Some(Pack {
            name: name?,
            version: self.optional(&map, "version"),
            description: self.optional(&map, "description"),
        })
    }

    fn sid(&mut self, node: &Node) -> Option<At<u32>> {
        let Data::Int(n) = node.value else {
            self.report.error(node.span, "sid is a whole number");
            return None;
        };
        if !SID.contains(&n) {
            let message = format!("sid {n} is not one of ours");
            let help = format!("take one from {} to {}", SID.start(), SID.end());
            self.report.error_help(node.span, message, help);
            return None;
        }
        Some(At {
            value: u32::try_from(n).ok()?,
            span: node.span,
        })
    }

    fn slug(&mut self, node: &Node) -> At<String> {
        let id = self.text(node);
        let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
        let ends = ends(id.value.chars().next()) && ends(id.value.chars().last());
        if !ends || !id.value.chars().all(good) || id.value.len() > 80 {
            let message = format!("`{}` is not a rule id", id.value);
            let help = "lower case letters, digits and hyphens, at most 80".to_owned();
            self.report.error_help(node.span, message, help);
        }
        id
    }

    fn kind(&mut self, node: &Node) -> Option<At<&'static Kind>> {
        let name = self.text(node);
        let kind = kinds::by_name(&name.value);
        if kind.is_none() {
            let names = kinds::ALL.iter().map(|kind| kind.name);
            let help = did_you_mean(&name.value, names.clone());
            let all = || format!("kinds are {}", names.collect::<Vec<_>>().join(", "));
            let message = format!("there is no kind of event `{}`", name.value);
            self.report
                .error_help(node.span, message, help.unwrap_or_else(all));
        }
        Some(At {
            value: kind?,
            span: node.span,
        })
    }

    fn severity(&mut self, node: &Node) -> Severity {
        self.choice(node, "severity", &Severity::ALL, Severity::word)
            .unwrap_or(Severity::Info)
    }

    fn side(&mut self, map: &Fields<'_>, key: &str) -> Option<Side> {
        let node = map.get(key)?;
        self.choice(node, key, &[Side::Src, Side::Dest], Side::word)
    }

    fn duration(&mut self, node: &Node) -> Option<i64> {
        let text = self.text(node).value;
        let found = tree::duration(&text).filter(|ns| (1..=COUNT_WITHIN_NS_MAX).contains(ns));
        if found.is_none() {
            let message = format!("`{text}` is not a span of time up to a week");
            let help = "a number and ms, s, m, h or d, as 10m".to_owned();
            self.report.error_help(node.span, message, help);
        }
        found
    }
}

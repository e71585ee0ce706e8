//! Findings for people.

use std::io::IsTerminal;

use super::switch::{Dialect, PLACEHOLDERS};
use super::{About, Finding, Verdict};

/// Text is broken here; commands are not, so that they can be copied.
const WIDTH: usize = 100;

/// Where the words of a finding begin: behind its verdict and its check.
const INDENT: usize = 24;

/// Findings by what they are of, in the order in which they were made.
pub(super) fn text(findings: &[Finding]) -> String {
    let plain = !std::io::stdout().is_terminal() || std::env::var_os("NO_COLOR").is_some();
    let mut text = String::new();
    let mut section = None;
    for finding in findings {
        let this = Some((finding.about, finding.interface.as_str()));
        if section != this {
            let gap = if section.is_some() { "\n" } else { "" };
            text.push_str(&format!("{gap}{}\n", title(finding)));
            section = this;
        }
        one(&mut text, finding, plain);
    }
    switches(&mut text, findings);
    text.push_str(&format!("\n{}\n", sum(findings)));
    text
}

/// What mends findings on a switch, a block for each dialect.
fn switches(text: &mut String, findings: &[Finding]) {
    if findings.iter().all(|finding| finding.switch.is_empty()) {
        return;
    }
    for dialect in Dialect::ALL {
        let told: Vec<(&str, &Vec<String>)> = findings
            .iter()
            .filter_map(|finding| Some((finding.check, finding.switch.get(dialect.name())?)))
            .collect();
        if !told.is_empty() {
            text.push_str(&format!("\non the switch: {}\n", dialect.title()));
        }
        for (check, lines) in told {
            for (at, line) in lines.iter().enumerate() {
                let check = if at == 0 { check } else { "" };
                text.push_str(&format!("  {check:<16}{line}\n"));
            }
        }
    }
    text.push('\n');
    for line in broken(PLACEHOLDERS, WIDTH) {
        text.push_str(&format!("{line}\n"));
    }
}

fn title(finding: &Finding) -> String {
    match finding.about {
        About::Machine => "this machine".to_owned(),
        About::Interface => finding.interface.clone(),
        About::Span => format!("the SPAN: {}", finding.interface),
    }
}

fn one(text: &mut String, finding: &Finding, plain: bool) {
    let word = word(finding.verdict, plain);
    let mut lines = broken(&finding.what, WIDTH - INDENT).into_iter();
    let first = lines.next().unwrap_or_default();
    text.push_str(&format!("  {word}  {:<15} {first}\n", finding.check));
    for line in lines {
        text.push_str(&format!("{:INDENT$}{line}\n", ""));
    }
    if !finding.fix.is_empty() {
        text.push_str(&format!("{:INDENT$}mend: {}\n", "", finding.fix));
    }
}

fn word(verdict: Verdict, plain: bool) -> String {
    let (word, colour) = match verdict {
        Verdict::Ok => ("ok  ", "32"),
        Verdict::Note => ("note", "36"),
        Verdict::Warn => ("WARN", "33"),
        Verdict::Fail => ("FAIL", "31"),
    };
    if plain {
        word.to_owned()
    } else {
        format!("\x1b[{colour}m{word}\x1b[0m")
    }
}

fn sum(findings: &[Finding]) -> String {
    let count = |verdict| findings.iter().filter(|f| f.verdict == verdict).count();
    match (count(Verdict::Fail), count(Verdict::Warn)) {
        (0, 0) => "Nothing stands in the way.".to_owned(),
        (fails, warnings) => format!("To mend: {fails} FAIL, {warnings} WARN."),
    }
}

/// Words in lines of at most so many letters.
fn broken(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let Some(line) = lines.last_mut() else {
            break;
        };
        if line.is_empty() {
            line.push_str(word);
        } else if line.chars().count() + 1 + word.chars().count() <= width {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_for_each_dialect_follows_the_findings() {
        let mut finding = Finding::span("span0", "untagged", Verdict::Warn, "no tags seen");
        assert!(!text(&[finding.clone()]).contains("SESSION"));
        let lines = ["monitor session SESSION", "  no shut"].map(str::to_owned);
        finding.switch.insert("nxos", lines.to_vec());
        let text = text(&[finding]);
        let block = "\non the switch: Cisco NX-OS\n  untagged        monitor session SESSION\n";
        assert!(text.contains(block), "{text}");
        assert!(text.contains("\n                    no shut\n"), "{text}");
        assert_eq!(text.matches("on the switch: ").count(), 1, "{text}");
        assert_eq!(text.matches("SESSION is").count(), 1, "{text}");
    }

    #[test]
    fn long_findings_are_broken_and_commands_are_not() {
        let what = "word ".repeat(40);
        let fix = "command ".repeat(40);
        let finding = Finding::of("span0", "mtu", Verdict::Warn, what.trim()).fix(fix.trim());
        let text = text(&[finding]);
        let mends = text
            .lines()
            .filter(|line| line.contains("  mend: "))
            .count();
        assert_eq!(mends, 1, "{text}");
        let words = text.lines().filter(|line| line.contains("word"));
        assert!(words.clone().count() > 1, "{text}");
        assert!(words.clone().all(|line| line.len() <= WIDTH), "{text}");
        assert!(text.starts_with("span0\n  WARN  mtu"), "{text}");
    }
}

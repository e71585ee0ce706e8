//! Small things that look the same everywhere: severities, times, numbers, pseudonyms.

use maud::{Markup, html};

use crate::store::words::stamp;

/// Severity: shape, word and colour together.
pub(super) fn severity(word: &str) -> Markup {
    let shape = match word {
        "critical" => "◆",
        "high" => "▲",
        "medium" => "■",
        "low" => "●",
        _ => "○",
    };
    html! { span class={ "sev " (word) } { span aria-hidden="true" { (shape) } " " (word) } }
}

/// Clinical impact: another mark, without a colour.
pub(super) fn impact(word: &str) -> Markup {
    let bars = match word {
        "direct" => "▮▮▮",
        "likely" => "▮▮▯",
        "possible" => "▮▯▯",
        _ => "▯▯▯",
    };
    html! { span.impact title={ "clinical impact: " (word) } { span.bars aria-hidden="true" { (bars) } " " (word) } }
}

/// Who did something, as the audit log names them: `user:anna`, `token:anna/nagios`, or a program of ours.
pub(super) fn who(actor: &str) -> Markup {
    html! { @match actor.split_once(':') {
        Some(("user", name)) => (name),
        Some(("token", token)) => { "the token " (token) }
        _ => (actor),
    } }
}

/// An address, and the way to the device that has it.
pub(super) fn device(address: &str) -> Markup {
    html! { @if !address.is_empty() { a.mono href={ "/devices/" (address) } { (address) } } }
}

/// A time in microseconds. Without script it is UTC and says so; the script shows local time.
pub(super) fn time(micros: i64) -> Markup {
    when(&stamp(micros))
}

/// A time as events write it.
pub(super) fn when(stamp: &str) -> Markup {
    let date = stamp.get(..10).unwrap_or(stamp);
    let clock = stamp.get(11..19).unwrap_or_default();
    let machine = format!("{}Z", stamp.get(..23).unwrap_or(stamp));
    html! { time datetime=(machine) title={ (date) " " (clock) " UTC" } { (date) " " (clock) "\u{a0}UTC" } }
}

/// The clock of a time today.
pub(super) fn clock(micros: i64) -> Markup {
    let stamp = stamp(micros);
    let clock = stamp.get(11..19).unwrap_or_default();
    let machine = format!("{}Z", stamp.get(..23).unwrap_or(&stamp));
    html! { time data-clock datetime=(machine) title={ (clock) " UTC" } { (clock) "\u{a0}UTC" } }
}

/// How long ago, in one unit.
pub(super) fn ago(micros: i64) -> String {
    let seconds = crate::store::words::now().saturating_sub(micros).max(0) / 1_000_000;
    match seconds {
        0..60 => format!("{seconds} s ago"),
        60..3_600 => format!("{} min ago", seconds / 60),
        3_600..172_800 => format!("{} h ago", seconds / 3_600),
        _ => format!("{} days ago", seconds / 86_400),
    }
}

/// A number with its thousands apart.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len().saturating_mul(2));
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && digits.len().saturating_sub(at).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// A number beside a drawing, where there is little room: three digits or four, and what they count.
pub(super) fn rounded(number: u64) -> String {
    match number {
        0..10_000 => grouped(number),
        10_000..10_000_000 => format!("{}\u{a0}k", grouped(number / 1_000)),
        _ => format!("{}\u{a0}M", grouped(number / 1_000_000)),
    }
}

/// Bytes, in a unit that fits.
#[expect(clippy::cast_precision_loss, reason = "for people")]
pub(super) fn bytes(count: u64) -> String {
    let mut value = count as f64;
    let mut units = ["B", "kB", "MB", "GB", "TB"].into_iter();
    let mut unit = units.next().unwrap_or("B");
    while value >= 1_000.0 {
        let Some(bigger) = units.next() else { break };
        value /= 1_000.0;
        unit = bigger;
    }
    if unit == "B" {
        format!("{count}\u{a0}B")
    } else {
        format!("{value:.1}\u{a0}{unit}")
    }
}

/// A share. Never rounded up to all.
pub(super) fn percent(share: f64) -> String {
    let percent = (share * 10_000.0).floor() / 100.0;
    format!("{percent:.2}\u{a0}%")
}

/// The kind and the value of a pseudonym.
fn pseudonym(text: &str) -> Option<(&str, &str)> {
    let (kind, hex) = text.split_once(':')?;
    let named = !kind.is_empty() && kind.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    let hashed = hex.len() == 24 && hex.chars().all(|c| c.is_ascii_hexdigit());
    (named && hashed).then_some((kind, hex))
}

/// A value of an event: pseudonyms short, everything else as it is.
pub(super) fn value(text: &str) -> Markup {
    match pseudonym(text) {
        Some((kind, hex)) => {
            let short: String = hex.chars().take(4).collect();
            html! { span.chip title=(text) data-copy=(text) { (kind) ":" (short) "…" } }
        }
        None => html! { (text) },
    }
}

/// A text in which pseudonyms stand.
pub(super) fn prose(text: &str) -> Markup {
    html! {
        @for (at, word) in text.split(' ').enumerate() {
            @if at > 0 { " " }
            @let bare = word.trim_end_matches(['.', ',', ';', ')']);
            @if pseudonym(bare).is_some() {
                (value(bare)) (word.trim_start_matches(bare))
            } @else { (word) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{bytes, grouped, percent, prose, rounded, value};

    #[test]
    fn numbers_are_for_people() {
        assert_eq!(grouped(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!(grouped(999), "999");
        assert_eq!(rounded(9_999), "9\u{202f}999");
        assert_eq!(rounded(696_780), "696\u{a0}k");
        assert_eq!(rounded(12_345_678), "12\u{a0}M");
        assert_eq!(bytes(999), "999\u{a0}B");
        assert_eq!(bytes(1_500_000), "1.5\u{a0}MB");
        assert_eq!(percent(0.999_999), "99.99\u{a0}%", "not all of it");
    }

    #[test]
    fn pseudonyms_are_short_and_whole_in_the_title() {
        let whole = "mrn:3f9a0000000000000000beef";
        let shown = value(whole).into_string();
        assert!(shown.contains("mrn:3f9a…") && shown.contains(whole));
        assert_eq!(value("tcp:104").into_string(), "tcp:104");
        let text = prose(&format!("asked for {whole}, twice")).into_string();
        assert!(text.contains("chip") && text.ends_with(", twice"), "{text}");
    }
}

//! Expressions to tokens.

use std::net::IpAddr;
use std::ops::Range;

use super::ast::{Literal, Quoted};
use crate::syntax::duration;

/// A token and the bytes that it takes.
pub(crate) type Lexed = (Token, Range<usize>);

/// What is wrong, and where.
pub(crate) struct Wrong {
    pub(crate) range: Range<usize>,
    pub(crate) message: Box<str>,
    pub(crate) help: Option<Box<str>>,
}

/// A token.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Token {
    /// A keyword, function or field: told apart by the parser.
    Name(String),
    /// `$name`.
    Set(String),
    /// A constant.
    Literal(Literal),
    /// An operator or bracket.
    Symbol(&'static str),
}

/// Longer ones first.
const SYMBOLS: &[&str] = &[
    "&&", "||", "==", "!=", "<=", ">=", "<", ">", "!", "(", ")", ",", "=",
];

/// Splits an expression.
pub(crate) fn lex(code: &str) -> Result<Vec<Lexed>, Wrong> {
    let mut tokens = Vec::new();
    let mut at = 0_usize;
    loop {
        let rest = code.get(at..).unwrap_or_default();
        at = at.saturating_add(rest.len().saturating_sub(rest.trim_start().len()));
        let rest = rest.trim_start();
        let Some(first) = rest.chars().next() else {
            return Ok(tokens);
        };
        let (token, len) = token(rest, first).map_err(|wrong| wrong.moved(at))?;
        let end = at.saturating_add(len);
        tokens.push((token, at..end));
        at = end;
    }
}

/// Something wrong at a place.
pub(crate) fn wrong(
    range: Range<usize>,
    message: impl Into<Box<str>>,
    help: Option<String>,
) -> Wrong {
    Wrong {
        range,
        message: message.into(),
        help: help.map(Into::into),
    }
}

impl Wrong {
    fn new(len: usize, message: impl Into<Box<str>>, help: Option<&str>) -> Self {
        Self {
            range: 0..len,
            message: message.into(),
            help: help.map(Into::into),
        }
    }

    fn moved(self, by: usize) -> Self {
        Self {
            range: self.range.start.saturating_add(by)..self.range.end.saturating_add(by),
            ..self
        }
    }
}

fn token(rest: &str, first: char) -> Result<(Token, usize), Wrong> {
    if first == '"' || first == '\'' {
        return text(rest, first);
    }
    if first == '$' {
        let name = run(rest.get(1..).unwrap_or_default(), |c| {
            c.is_ascii_alphanumeric() || c == '_' || c == '-'
        });
        if name.is_empty() {
            return Err(Wrong::new(1, "a set's name follows $", None));
        }
        let len = name.len().saturating_add(1);
        return Ok((Token::Set(name.to_owned()), len));
    }
    if let Some(found) = address(rest) {
        return found;
    }
    if first.is_ascii_digit() || (first == '-' && second_is_digit(rest)) {
        return number(rest);
    }
    if first.is_ascii_alphabetic() || first == '_' {
        let name = run(rest, |c| {
            c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '[' | ']' | '*')
        });
        return Ok((Token::Name(name.to_owned()), name.len()));
    }
    let symbol = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol));
    match symbol {
        Some(&"=") => Err(Wrong::new(
            1,
            "`=` is no operator",
            Some("did you mean `==`?"),
        )),
        Some(symbol) => Ok((Token::Symbol(symbol), symbol.len())),
        None => {
            let message = format!("`{first}` means nothing here");
            Err(Wrong::new(first.len_utf8(), message, None))
        }
    }
}

fn second_is_digit(rest: &str) -> bool {
    rest.as_bytes().get(1).is_some_and(u8::is_ascii_digit)
}

/// The longest start of `text` that consists of good characters.
fn run(text: &str, good: impl Fn(char) -> bool) -> &str {
    let end = text.find(|c| !good(c)).unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

/// An IP address, a network or an Ethernet address: what has colons or three dots.
fn address(rest: &str) -> Option<Result<(Token, usize), Wrong>> {
    let word = run(rest, |c| c.is_ascii_hexdigit() || matches!(c, ':' | '.'));
    let colons = word.matches(':').count();
    let dotted = word.matches('.').count() == 3 && word.starts_with(|c: char| c.is_ascii_digit());
    if colons < 2 && !dotted {
        return None;
    }
    if let Some(mac) = mac(word) {
        return Some(Ok((Token::Literal(Literal::Mac(mac)), word.len())));
    }
    let Ok(ip) = word.parse::<IpAddr>() else {
        let message = format!("`{word}` is no address");
        return Some(Err(Wrong::new(word.len(), message, None)));
    };
    let after = rest.get(word.len()..).unwrap_or_default();
    let full = if ip.is_ipv4() { 32 } else { 128 };
    let Some(bits) = after.strip_prefix('/') else {
        return Some(Ok((Token::Literal(Literal::Net(ip, full)), word.len())));
    };
    let bits = run(bits, |c| c.is_ascii_digit());
    let len = word.len().saturating_add(bits.len()).saturating_add(1);
    Some(match bits.parse::<u8>() {
        Ok(bits) if bits <= full => Ok((Token::Literal(Literal::Net(ip, bits)), len)),
        _ => Err(Wrong::new(
            len,
            format!("a prefix of {ip} has 0 to {full} bits"),
            None,
        )),
    })
}

/// Six pairs of hex digits between colons or hyphens.
pub(crate) fn mac(word: &str) -> Option<[u8; 6]> {
    let mut mac = [0_u8; 6];
    let mut pairs = word.split([':', '-']);
    for byte in &mut mac {
        let pair = pairs.next().filter(|pair| pair.len() == 2)?;
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    pairs.next().is_none().then_some(mac)
}

fn number(rest: &str) -> Result<(Token, usize), Wrong> {
    let sign = usize::from(rest.starts_with('-'));
    let body = rest.get(sign..).unwrap_or_default();
    let body = run(body, |c| {
        c.is_ascii_alphanumeric() || matches!(c, '.' | '_')
    });
    let len = body.len().saturating_add(sign);
    let word = rest.get(..len).unwrap_or_default().replace('_', "");
    let literal = if let Some(hex) = word.strip_prefix("0x") {
        i64::from_str_radix(hex, 16).ok().map(Literal::Int)
    } else if word.chars().all(|c| c.is_ascii_digit() || c == '-') {
        word.parse().ok().map(Literal::Int)
    } else if word
        .chars()
        .all(|c| c.is_ascii_digit() || matches!(c, '-' | '.'))
    {
        word.parse().ok().map(Literal::Decimal)
    } else {
        duration(&word).map(Literal::Duration)
    };
    literal
        .map(|literal| (Token::Literal(literal), len))
        .ok_or_else(|| {
            let message = format!("`{word}` is no number");
            let help = "numbers are 10, 0x0a, 1.5, 1_000; spans of time 250ms, 10s, 5m, 1h, 7d";
            Wrong::new(len, message, Some(help))
        })
}

/// A quoted text. `'…'` knows no escapes; those of `"…"` are resolved where the operator is
/// known, since in `matches` they belong to the regular expression.
fn text(rest: &str, quote: char) -> Result<(Token, usize), Wrong> {
    let mut escaped = false;
    for (at, ch) in rest.char_indices().skip(1) {
        if ch == '\n' {
            return Err(Wrong::new(
                at,
                "a text ends on the line on which it begins",
                None,
            ));
        }
        if escaped {
            escaped = false;
        } else if ch == '\\' && quote == '"' {
            escaped = true;
        } else if ch == quote {
            let raw = rest.get(1..at).unwrap_or_default().to_owned();
            let quoted = Quoted {
                raw,
                escapes: quote == '"',
            };
            let len = at.saturating_add(1);
            return Ok((Token::Literal(Literal::Text(quoted)), len));
        }
    }
    Err(Wrong::new(
        rest.len(),
        format!("the closing {quote} is missing"),
        None,
    ))
}

/// Resolves `\n \r \t \0 \\ \" \' \xHH`.
pub(crate) fn unescape(raw: &str) -> Result<Vec<u8>, Wrong> {
    let mut out = Vec::with_capacity(raw.len());
    let mut chars = raw.char_indices();
    while let Some((at, ch)) = chars.next() {
        if ch != '\\' {
            let mut utf8 = [0; 4];
            out.extend_from_slice(ch.encode_utf8(&mut utf8).as_bytes());
            continue;
        }
        let wrong = |len| {
            let help = "escapes are \\n \\r \\t \\0 \\\\ \\\" and \\xHH";
            Wrong::new(len, "no such escape", Some(help)).moved(at)
        };
        match chars.next().map(|(_, ch)| ch) {
            Some('n') => out.push(b'\n'),
            Some('r') => out.push(b'\r'),
            Some('t') => out.push(b'\t'),
            Some('0') => out.push(0),
            Some(same @ ('\\' | '"' | '\'')) => out.push(same as u8),
            Some('x') => {
                let from = at.saturating_add(2);
                let hex = raw.get(from..from.saturating_add(2)).unwrap_or_default();
                out.push(u8::from_str_radix(hex, 16).map_err(|_| wrong(4))?);
                chars.next();
                chars.next();
            }
            _ => return Err(wrong(2)),
        }
    }
    Ok(out)
}

//! Text as the index of words takes it: addresses and other names with dots and colons in them are
//! one word, so that they are found as fast as any.

/// Dots and colons within a word become what the index takes for a letter.
pub(super) fn joined(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut before = ' ';
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let within = before.is_alphanumeric() && chars.peek().is_some_and(|c| c.is_alphanumeric());
        out.push(if within && matches!(c, '.' | ':') {
            '_'
        } else {
            c
        });
        before = c;
    }
    out
}

/// Fewer letters than this are not taken for the beginning of a word: half of all words begin so.
const BEGINNING_MIN: usize = 3;

/// What somebody typed as one word, for the index: quoted, so that nothing in it has a meaning, and
/// standing for all words that begin so. Nothing if there is no letter or digit in it.
pub(super) fn asked(word: &str) -> Option<String> {
    if !word.chars().any(char::is_alphanumeric) {
        return None;
    }
    let word = joined(word).replace('"', "\"\"");
    let beginning = if word.chars().count() >= BEGINNING_MIN {
        "*"
    } else {
        ""
    };
    Some(format!("\"{word}\"{beginning}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_one_word_and_sentences_are_not() {
        assert_eq!(
            joined("from 10.20.1.11: 2 times."),
            "from 10_20_1_11: 2 times."
        );
        assert_eq!(
            joined("00:00:5e:00:53:01 2001:db8::1"),
            "00_00_5e_00_53_01 2001_db8::1"
        );
        assert_eq!(asked("10.20").as_deref(), Some("\"10_20\"*"));
        assert_eq!(asked("a\"b").as_deref(), Some("\"a\"\"b\"*"));
        assert_eq!(asked("10").as_deref(), Some("\"10\""));
        assert_eq!(asked("--"), None);
    }
}

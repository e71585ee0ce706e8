//! What tables share.

use maud::{Markup, html};

/// What stands where there is nothing: why, and what would change that.
pub(super) fn empty(says: &Markup) -> Markup {
    html! { div.empty { (says) } }
}

/// Names and values.
pub(super) fn pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, Markup)>) -> Markup {
    html! {
        dl.pairs {
            @for (name, value) in pairs { dt { (name) } dd { (value) } }
        }
    }
}

/// A field of CSV: quoted where it has to be, and never taken for a formula by a spreadsheet.
pub(super) fn csv(fields: &[&str]) -> String {
    let one = |field: &&str| {
        let risky = field.starts_with(['=', '+', '-', '@', '\t', '\r']);
        let text = if risky {
            format!("'{field}")
        } else {
            (*field).to_owned()
        };
        if text.contains(['"', ',', '\n', '\r']) {
            format!("\"{}\"", text.replace('"', "\"\""))
        } else {
            text
        }
    };
    let fields: Vec<String> = fields.iter().map(one).collect();
    format!("{}\r\n", fields.join(","))
}

#[cfg(test)]
mod tests {
    use super::csv;

    #[test]
    fn csv_is_quoted_and_no_formula() {
        assert_eq!(
            csv(&["a,b", "say \"x\"", "=1+1", "10.0.0.1"]),
            "\"a,b\",\"say \"\"x\"\"\",'=1+1,10.0.0.1\r\n"
        );
    }
}

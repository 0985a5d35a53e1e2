//! Numbers and names as they are read.

use std::collections::BTreeSet;

/// A minus sign of the width of a plus sign.
fn typeset(text: &str) -> String {
    text.replace('-', "\u{2212}")
}

/// A number with four significant digits.
pub(super) fn number(value: f64) -> String {
    if value.is_nan() {
        return "\u{2013}".to_owned();
    }
    if value.is_infinite() {
        return typeset(if value > 0.0 { "∞" } else { "-∞" });
    }
    if value == 0.0 {
        return "0".to_owned();
    }
    match decimals(value) {
        Some(decimals) => typeset(&format!("{value:.decimals$}")),
        None => typeset(&format!("{value:.3e}")),
    }
}

/// Decimals by which a number has four digits; none if it is too large or too small for that.
fn decimals(value: f64) -> Option<usize> {
    let scientific = format!("{value:.3e}");
    let exponent: i32 = scientific.split_once('e')?.1.parse().ok()?;
    (-4..=6).contains(&exponent).then_some((3 - exponent).max(0) as usize)
}

/// A number in a column whose greatest number has four significant digits.
pub(super) fn beside(value: f64, most: f64) -> String {
    match decimals(most) {
        Some(decimals) if value.is_finite() && most != 0.0 => {
            typeset(&format!("{value:.decimals$}"))
        }
        _ => number(value),
    }
}

/// A number without the zeros that tell nothing.
pub(super) fn setting(value: f64) -> String {
    if value.is_finite() && (1e-4..1e7).contains(&value.abs()) {
        return typeset(&value.to_string());
    }
    number(value)
}

/// A share in percent.
pub(super) fn percent(share: f64) -> String {
    if share.is_nan() {
        return number(share);
    }
    typeset(&format!("{:.1}\u{202f}%", 100.0 * share))
}

/// A level such as 0.9, in percent with as few digits as it takes.
pub(super) fn level(share: f64) -> String {
    if share.is_nan() {
        return number(share);
    }
    let percent = (share * 1e5).round() / 1e3;
    format!("{percent}\u{202f}%")
}

/// So many of something.
pub(super) fn count(number: usize, of: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {of}{plural}")
}

/// An interval, or a dash.
pub(super) fn interval(ends: Option<[f64; 2]>) -> String {
    match ends {
        Some([low, high]) => format!("{} to {}", number(low), number(high)),
        None => "\u{2013}".to_owned(),
    }
}

/// A name from the data, without the characters that no page may hold.
pub(super) fn name(name: &str) -> String {
    if name.trim().is_empty() {
        return "(no name)".to_owned();
    }
    name.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// A name of at most so many characters.
pub(super) fn shortened(long: &str, most: usize) -> String {
    let clean = name(long);
    if clean.chars().count() <= most {
        return clean;
    }
    let kept: String = clean.chars().take(most.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// Names of at most so many characters that differ if the whole ones do in their ends.
pub(super) fn labels(names: &[&str], most: usize) -> Vec<String> {
    let short: Vec<String> = names.iter().map(|name| shortened(name, most)).collect();
    if short.iter().collect::<BTreeSet<_>>().len() == short.len() {
        return short;
    }
    let squeezed = |long: &&str| {
        let clean: Vec<char> = name(long).chars().collect();
        let (tail, all) = (most / 2, clean.len());
        if all <= most {
            return clean.into_iter().collect();
        }
        let head = clean.iter().take(most.saturating_sub(tail + 1));
        head.chain(&['…']).chain(clean.iter().skip(all - tail)).collect()
    };
    names.iter().map(squeezed).collect()
}

/// Whether a number can have a place in a picture.
pub(super) fn is_drawable(value: f64) -> bool {
    value.abs() < 1e100
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_four_digits() {
        let cases = [
            (0.0, "0"),
            (1.0, "1.000"),
            (-0.000_123_44, "−0.0001234"),
            (0.000_012_3, "1.230e−5"),
            (9.9996, "10.00"),
            (123_456.7, "123457"),
            (1e9, "1.000e9"),
            (f64::INFINITY, "∞"),
            (f64::NEG_INFINITY, "−∞"),
            (f64::NAN, "–"),
            (f64::MIN_POSITIVE, "2.225e−308"),
        ];
        for (value, text) in cases {
            assert_eq!(number(value), text);
        }
        assert_eq!((setting(0.01), setting(1.0)), ("0.01".to_owned(), "1".to_owned()));
        assert_eq!((beside(-0.001, 0.612), beside(3.0, 0.0)), ("−0.0010".to_owned(), number(3.0)));
        assert_eq!(level(0.9), "90\u{202f}%");
        assert_eq!(percent(0.8913), "89.1\u{202f}%");
    }

    #[test]
    fn names_are_shortened_and_cleaned() {
        assert_eq!(shortened("a name that is long", 7), "a name…");
        assert_eq!(labels(&["a name that is long", "other"], 7), ["a name…", "other"]);
        assert_eq!(labels(&["long name 1", "long name 2", "x"], 7), ["lon…e 1", "lon…e 2", "x"]);
        assert_eq!(shortened("ß", 1), "ß");
        assert_eq!(name("a\u{0}b"), "a\u{fffd}b");
        assert_eq!(name(" "), "(no name)");
    }
}

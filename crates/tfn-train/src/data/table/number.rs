//! How numbers are written.

/// Characters that part digits into groups of three, beside the one of `.` and `,` that is not the decimal one: a space, one
/// that does not break (of two widths), and two apostrophes.
const GROUPS: [char; 5] = [' ', '\u{a0}', '\u{202f}', '\'', '\u{2019}'];

/// A way of writing numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Numbers {
    pub(super) has_comma: bool,
    /// Whether the digits before the decimal character may be in groups of three.
    pub(super) is_grouped: bool,
}

impl Numbers {
    /// As programs write them: `-1.5`, `2e-3`.
    pub(super) const PLAIN: Self = Self { has_comma: false, is_grouped: false };

    /// The number that a cell is, if it is one.
    pub(super) fn parse(self, cell: &str) -> Option<f64> {
        let is_changed = |byte: u8| matches!(byte, b',' | b' ' | b'\'' | 0x80..);
        let is_plain = !cell.bytes().any(|b| is_changed(b) || self.has_comma && b == b'.');
        if is_plain || self == Self::PLAIN { plain(cell) } else { plain(&self.joined(cell)?.0) }
    }

    /// The character that parts the groups of a cell, if it is a number that has them.
    #[cfg(any(test, feature = "csv"))]
    pub(super) fn separator(self, cell: &str) -> Option<char> {
        self.joined(cell)
            .and_then(|(number, separator)| separator.filter(|_| plain(&number).is_some()))
    }

    /// A number as programs write it, and what parted its groups; `None` for groups that are none.
    fn joined(self, cell: &str) -> Option<(String, Option<char>)> {
        let (decimal, other) = if self.has_comma { (',', '.') } else { ('.', ',') };
        let unsigned = cell.strip_prefix(['-', '+']).unwrap_or(cell);
        let sign = &cell[..cell.len() - unsigned.len()];
        let end = unsigned.find([decimal, 'e', 'E']).unwrap_or(unsigned.len());
        let (whole, rest) = unsigned.split_at(end);
        let separator = whole.chars().find(|c| !c.is_ascii_digit());
        let digits = match separator {
            None => whole.to_owned(),
            Some(separator) => {
                let is_known = separator == other || GROUPS.contains(&separator);
                groups(whole, separator).filter(|_| is_known && self.is_grouped)?
            }
        };
        if rest.contains(other) {
            return None;
        }
        Some((format!("{sign}{digits}{}", rest.replacen(decimal, ".", 1)), separator))
    }
}

/// The digits of groups: one to three, the first of them not 0, and then three each.
fn groups(whole: &str, separator: char) -> Option<String> {
    let mut parts = whole.split(separator);
    let first = parts.next().filter(|first| (1..=3).contains(&first.len()))?;
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let is_good = is_digits(first)
        && !first.starts_with('0')
        && parts.all(|part| part.len() == 3 && is_digits(part));
    is_good.then(|| whole.split(separator).collect())
}

fn plain(cell: &str) -> Option<f64> {
    cell.parse().ok().filter(|number: &f64| !number.is_nan())
}

#[cfg(test)]
mod tests {
    use super::*;

    const POINT: Numbers = Numbers { has_comma: false, is_grouped: true };
    const COMMA: Numbers = Numbers { has_comma: true, is_grouped: true };

    #[test]
    fn decimal_characters_and_groups() {
        for (numbers, cell, value) in [
            (POINT, "1,234.5", 1234.5),
            (POINT, "-12,345,678", -12_345_678.0),
            (POINT, "1 234", 1234.0),
            (POINT, "1\u{202f}234.25", 1234.25),
            (POINT, "1'234", 1234.0),
            (POINT, "2.5e-1", 0.25),
            (COMMA, "1.234,5", 1234.5),
            (COMMA, "1,5", 1.5),
            (COMMA, "-,5", -0.5),
            (COMMA, "1,5e2", 150.0),
            (COMMA, "1.234", 1234.0),
            (COMMA, "1\u{a0}234,75", 1234.75),
            (COMMA, "7", 7.0),
        ] {
            assert_eq!(numbers.parse(cell), Some(value), "{cell}");
        }
        let few = Numbers { has_comma: true, is_grouped: false };
        assert_eq!(few.parse("1,5"), Some(1.5));
        assert_eq!(few.parse("1.234"), None);
        for cell in
            ["1,23", "1,2345", "0,123", "1,234 567", "1234,567", ",123", "1,,234", "1.5,234"]
        {
            assert_eq!(POINT.parse(cell), None, "{cell}");
        }
        for cell in ["1.5", "0.5", "1,5,5", "1,234.5", "12.34,5", "Köln", "1 2", "nan", ""] {
            assert_eq!(COMMA.parse(cell), None, "{cell}");
        }
        assert_eq!(Numbers::PLAIN.parse("1,234"), None);
        assert_eq!(POINT.separator("1'234.5"), Some('\''));
        assert_eq!(POINT.separator("1234.5"), None);
    }
}

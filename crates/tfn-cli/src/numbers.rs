//! Numbers as they are written and as they are given.

use serde_json::Value;

/// Six significant digits, and no more characters than they need.
pub(crate) fn short(number: f64) -> String {
    digits(number, 6)
}

/// So many significant digits.
pub(crate) fn digits(number: f64, digits: usize) -> String {
    if !number.is_finite() || number == 0.0 {
        return if number == 0.0 { "0".to_owned() } else { number.to_string().to_lowercase() };
    }
    let rounded = format!("{number:.*e}", digits - 1);
    // What was just written is a number.
    let value: f64 = rounded.parse().unwrap_or(number);
    let is_plain = (1e-4..1e9).contains(&value.abs());
    if is_plain { value.to_string() } else { format!("{value:e}") }
}

/// A share as percent.
pub(crate) fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// How many of a thing there are: `1 row`, `2 rows`.
pub(crate) fn count(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// For JSON, which has no infinite numbers: `null`.
pub(crate) fn json(number: f64) -> Value {
    serde_json::Number::from_f64(number).map_or(Value::Null, Value::Number)
}

/// Bytes or seconds in few digits.
pub(crate) fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 10.0 => format!("{s:.1} s"),
        s if s < 120.0 => format!("{s:.0} s"),
        s => format!("{:.0} min {:02.0} s", (s / 60.0).floor(), (s % 60.0).floor()),
    }
}

/// A number of things, of which there must be one at least.
pub(crate) fn parse_count(given: &str) -> Result<usize, String> {
    match given.parse() {
        Ok(0) | Err(_) => Err("expected a whole number of at least 1".to_owned()),
        Ok(count) => Ok(count),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_digits() {
        for (number, text) in [
            (1.0, "1"),
            (0.1 + 0.2, "0.3"),
            (-123456.789, "-123457"),
            (123456789.0, "123457000"),
            (0.000123456789, "0.000123457"),
            (0.0000123456789, "1.23457e-5"),
            (1e300, "1e300"),
            (f64::INFINITY, "inf"),
            (f64::NAN, "nan"),
            (-0.0, "0"),
        ] {
            assert_eq!(short(number), text);
        }
        assert_eq!(digits(22.5328, 3), "22.5");
        assert_eq!(percent(0.9), "90.0 %");
        assert_eq!(duration(125.4), "2 min 05 s");
        assert_eq!(json(f64::INFINITY), Value::Null);
    }
}

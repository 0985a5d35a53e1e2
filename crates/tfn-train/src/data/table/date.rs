//! How dates are written.

/// A way of writing dates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dates {
    /// `2024-02-29`, with a time or without, and no zone but `Z`.
    Iso,
    /// Any of the forms that say which number is what, and `29/02/2024`.
    DayFirst,
    /// Any of those, and `02/29/2024`.
    MonthFirst,
}

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

impl Dates {
    /// Days from 1970-01-01 to a date, in the Gregorian calendar, with the share of the day that the time is.
    pub(super) fn days(self, cell: &str) -> Option<f64> {
        // Asked of every cell of a file.
        if !cell.starts_with(|first: char| first.is_ascii_alphanumeric()) || cell.len() < 8 {
            return None;
        }
        iso(cell).or_else(|| if self == Self::Iso { None } else { self.other(cell) })
    }

    fn other(self, cell: &str) -> Option<f64> {
        let (date, time) = match cell.find(':') {
            None => (cell, None),
            Some(colon) => {
                let before = cell.get(..colon)?;
                let start = before.rfind([' ', 'T'])?;
                (cell.get(..start)?, Some(cell.get(start + 1..)?))
            }
        };
        let date = date.trim_end_matches([' ', ',']);
        let whole = self.numbered(date).or_else(|| named(date))?;
        Some(f64::from(whole) + time.map_or(Some(0.0), share_with_zone)?)
    }

    /// Three numbers.
    fn numbered(self, date: &str) -> Option<i32> {
        let separator = date.chars().find(|c| !c.is_ascii_digit())?;
        let mut parts = date.split(separator);
        let parts =
            [parts.next()?, parts.next()?, parts.next().filter(|_| parts.next().is_none())?];
        let [a, b, c] = parts;
        match (separator, self, parts.map(str::len)) {
            ('-' | '/', _, [4, 1..=2, 1..=2]) => civil(digits(a)?, digits(b)?, digits(c)?),
            // With points the day is always first.
            ('.', _, [1..=2, 1..=2, 4]) | ('-' | '/', Self::DayFirst, [1..=2, 1..=2, 4]) => {
                civil(digits(c)?, digits(b)?, digits(a)?)
            }
            ('-' | '/', Self::MonthFirst, [1..=2, 1..=2, 4]) => {
                civil(digits(c)?, digits(a)?, digits(b)?)
            }
            _ => None,
        }
    }
}

/// `Feb 29, 2024`, `29 February 2024`, `29-Feb-2024`.
fn named(date: &str) -> Option<i32> {
    let mut parts = date.split([' ', ',', '-', '.']).filter(|part| !part.is_empty());
    let parts = [parts.next()?, parts.next()?, parts.next().filter(|_| parts.next().is_none())?];
    let (month, day, year) = match parts {
        [month, day, year] if month.starts_with(|c: char| c.is_ascii_alphabetic()) => {
            (month, day, year)
        }
        [day, month, year] => (month, day, year),
    };
    let month = month.to_ascii_lowercase();
    let is_it = |name: &&str| **name == month || name.get(..3) == Some(&month);
    let place = MONTHS.iter().zip(1..).find(|(name, _)| is_it(name))?.1;
    let is_good = (1..=2).contains(&day.len()) && year.len() == 4;
    civil(digits(year)?, place, digits(day)?).filter(|_| is_good)
}

fn iso(cell: &str) -> Option<f64> {
    let cell = cell.strip_suffix('Z').unwrap_or(cell);
    let (date, time) = match cell.split_once(['T', ' ']) {
        Some((date, time)) => (date, Some(time)),
        None => (cell, None),
    };
    let [year, month, day] = fields(date, '-', [4, 2, 2])?;
    Some(f64::from(civil(year, month, day)?) + time.map_or(Some(0.0), share_of_day)?)
}

/// Days from 1970-01-01; `None` if there is no such day.
fn civil(year: i32, month: i32, day: i32) -> Option<i32> {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        2 => 28 + i32::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        _ => return None,
    };
    if !(1..=last).contains(&day) {
        return None;
    }
    // A year that begins in March has its odd day last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let of_years = 365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    Some(of_years + (153 * month + 2) / 5 + day - 1 - 719_468)
}

/// A time of day in UTC, as a share of a day: of `01:00+02:00` it is negative.
fn share_with_zone(time: &str) -> Option<f64> {
    let time = time.trim_end_matches(['Z', ' ']);
    let Some(place) = time.rfind(['+', '-']) else { return share_of_day(&padded(time)) };
    let (time, zone) = (time.get(..place)?.trim_end(), time.get(place..)?);
    let (sign, zone) = (if zone.starts_with('-') { -1.0 } else { 1.0 }, zone.get(1..)?);
    let [hours, minutes] = match zone.len() {
        2 => [digits(zone)?, 0],
        4 => [digits(zone.get(..2)?)?, digits(zone.get(2..)?)?],
        _ => fields(zone, ':', [2, 2])?,
    };
    let offset = sign * f64::from(60 * hours + minutes) / 1440.0;
    share_of_day(&padded(time)).map(|share| share - offset).filter(|_| hours < 24 && minutes < 60)
}

/// `9:30` as `09:30`.
fn padded(time: &str) -> String {
    if time.find(':') == Some(1) { format!("0{time}") } else { time.to_owned() }
}

fn share_of_day(time: &str) -> Option<f64> {
    let (time, fraction) = match time.split_once('.') {
        Some((time, digits)) => {
            let is_digits = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
            (time, format!("0.{digits}").parse::<f64>().ok().filter(|_| is_digits)?)
        }
        None => (time, 0.0),
    };
    let [hour, minute, second] = match fields(time, ':', [2, 2, 2]) {
        Some(fields) => fields,
        None if fraction == 0.0 => {
            let [hour, minute] = fields(time, ':', [2, 2])?;
            [hour, minute, 0]
        }
        None => return None,
    };
    let is_time = hour < 24 && minute < 60 && second < 60;
    let seconds = f64::from(3600 * hour + 60 * minute + second) + fraction;
    is_time.then_some(seconds / 86_400.0)
}

/// Whole numbers of so many digits each.
fn fields<const N: usize>(text: &str, separator: char, lengths: [usize; N]) -> Option<[i32; N]> {
    let mut numbers = [0; N];
    let mut parts = text.split(separator);
    for (number, length) in numbers.iter_mut().zip(lengths) {
        *number = digits(parts.next().filter(|part| part.len() == length)?)?;
    }
    parts.next().is_none().then_some(numbers)
}

/// A whole number without a sign.
fn digits(text: &str) -> Option<i32> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_forms_of_one_day() {
        for cell in [
            "2024-02-29",
            "2024/02/29",
            "2024/2/29",
            "29.02.2024",
            "29.2.2024",
            "Feb 29, 2024",
            "feb 29 2024",
            "February 29, 2024",
            "29 Feb 2024",
            "29-Feb-2024",
        ] {
            for order in [Dates::DayFirst, Dates::MonthFirst] {
                assert_eq!(order.days(cell), Some(19_782.0), "{cell}");
            }
            assert_eq!(Dates::Iso.days(cell).is_some(), cell == "2024-02-29", "{cell}");
        }
        assert_eq!(Dates::DayFirst.days("29/02/2024"), Some(19_782.0));
        assert_eq!(Dates::MonthFirst.days("29/02/2024"), None);
        assert_eq!(Dates::MonthFirst.days("02/29/2024"), Some(19_782.0));
        assert_eq!(Dates::DayFirst.days("02/29/2024"), None);
        // Python: (date(2024, 3, 4) - date(1970, 1, 1)).days
        assert_eq!(Dates::MonthFirst.days("3/4/2024"), Some(19_786.0));
        assert_eq!(Dates::DayFirst.days("4/3/2024"), Some(19_786.0));
    }

    #[test]
    fn times_and_zones() {
        for (cell, value) in [
            ("1970-01-02 12:00+02:00", 1.0 + 10.0 / 24.0),
            ("1970-01-02T12:00:00-0330", 1.0 + 15.5 / 24.0),
            ("1970-01-02 12:00:00.5 +00", 1.5 + 0.5 / 86_400.0),
            ("02.01.1970 6:00", 1.25),
            ("Jan 2, 1970, 06:00", 1.25),
            ("1970-01-01T01:00+02:00", -1.0 / 24.0),
        ] {
            let days = Dates::DayFirst.days(cell);
            assert!(days.is_some_and(|days| (days - value).abs() < 1e-12), "{cell} {days:?}");
            assert_eq!(Dates::Iso.days(cell), None, "{cell}");
        }
    }

    #[test]
    fn what_is_no_date() {
        for cell in [
            "20240229",
            "30.02.2024",
            "29/02/24",
            "29.02/2024",
            "1.2.3.2024",
            "Fib 29, 2024",
            "29 Feb",
            "2024/02/29 25:00",
            "2024-02-29 10:00+25:00",
            "10:00:00",
            "Feb 2024 29",
            "ää:ää:ää",
            "12345678 10:00",
        ] {
            for order in [Dates::Iso, Dates::DayFirst, Dates::MonthFirst] {
                assert_eq!(order.days(cell), None, "{cell}");
            }
        }
    }
}

//! The cells of a column, as text.

use std::sync::Arc;

use super::cell::{ColumnType, Reading, is_missing};
use super::date::Dates;

/// A column: its cells one after the other in one text. A missing cell is an empty one.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) name: String,
    /// How its cells are read.
    pub(super) reading: Reading,
    /// All ways that are tried, in this order; the last one fits everything.
    readings: Arc<[Reading]>,
    text: String,
    ends: Ends,
    /// While each cell so far is a whole number and one more than the one before: the next one.
    next: Option<f64>,
    /// The rows over which `next` was looked at: those of the table that this one is taken from.
    counted: usize,
}

impl Column {
    pub(super) fn new(name: String, readings: Arc<[Reading]>) -> Self {
        let reading = readings.first().copied().unwrap_or(Reading::Category);
        let (text, ends) = (String::new(), Ends::default());
        Self { name, reading, readings, text, ends, next: Some(f64::NAN), counted: 0 }
    }

    /// Adds a cell; the type becomes the first that all cells fit.
    pub(super) fn push(&mut self, cell: &str) {
        let cell = cell.trim();
        let is_there = !is_missing(cell);
        if is_there {
            self.text.push_str(cell);
            if !self.reading.fits(cell) {
                self.reading = self.next_reading(cell);
            }
        }
        self.counted += 1;
        if let Some(next) = self.next {
            let number = self.reading.number(cell).filter(|_| is_there);
            let is_next = |number: &f64| next.is_nan() && number.fract() == 0.0 || *number == next;
            self.next = number.filter(is_next).map(|number| number + 1.0);
        }
        self.ends.push(self.text.len());
    }

    /// The first way of reading that all cells fit and `cell` too; none before the present one does.
    fn next_reading(&self, cell: &str) -> Reading {
        let later = self.readings.iter().skip_while(|&&reading| reading != self.reading).skip(1);
        let mut fitting = later.filter(|reading| reading.fits(cell) && self.fits(**reading));
        fitting.next().copied().unwrap_or(Reading::Category)
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn column_type(&self) -> ColumnType {
        self.reading.column_type()
    }

    /// How its cells are read as this type.
    pub(super) fn reading_as(&self, column_type: ColumnType) -> Reading {
        let is_it = |reading: &&Reading| reading.column_type() == column_type;
        let found = self.readings.iter().find(is_it).copied().unwrap_or(Reading::Category);
        if self.column_type() == column_type { self.reading } else { found }
    }

    /// All ways in which cells may be written that are of this type.
    pub(super) fn readings_of(&self, column_type: ColumnType) -> impl Iterator<Item = Reading> {
        self.readings.iter().copied().filter(move |reading| reading.column_type() == column_type)
    }

    /// Whether no cell is there that is not of this type, or written otherwise.
    pub(super) fn fits(&self, reading: Reading) -> bool {
        self.cells().flatten().all(|cell| reading.fits(cell))
    }

    /// Of how many rows each has a number that is one more than that of the row before, in the table that was read; 0 if
    /// they have not.
    pub(super) fn counts_up(&self) -> usize {
        let is_number = self.column_type() == ColumnType::Number;
        if self.next.is_some() && is_number { self.counted } else { 0 }
    }

    /// Of a column of dates such as `03/04/2024`, whether the day is first, and whether the cells leave it open; `None` if
    /// it makes no difference.
    pub(super) fn day_first(&self) -> Option<(bool, bool)> {
        let Reading::Date(order @ (Dates::DayFirst | Dates::MonthFirst)) = self.reading else {
            return None;
        };
        let is_day_first = order == Dates::DayFirst;
        let other = if is_day_first { Dates::MonthFirst } else { Dates::DayFirst };
        let differs = self.cells().flatten().any(|cell| order.days(cell) != other.days(cell));
        let is_tried = self.readings.contains(&Reading::Date(other));
        let is_open = || is_tried && self.fits(Reading::Date(other));
        differs.then(|| (is_day_first, is_open()))
    }

    pub(super) fn is_all_missing(&self) -> bool {
        self.text.is_empty()
    }

    /// A cell; `None` if it is missing. The row must be one.
    pub(super) fn cell(&self, row: usize) -> Option<&str> {
        let start = row.checked_sub(1).map_or(0, |before| self.ends.at(before));
        Some(&self.text[start..self.ends.at(row)]).filter(|cell| !cell.is_empty())
    }

    pub(super) fn cells(&self) -> impl Iterator<Item = Option<&str>> {
        (0..self.len()).map(|row| self.cell(row))
    }

    /// The column with these rows.
    pub(super) fn rows(&self, indices: &[usize]) -> Self {
        let (text, ends) = (String::new(), Ends::default());
        let (name, readings) = (self.name.clone(), Arc::clone(&self.readings));
        let mut column = Self { name, readings, text, ends, ..*self };
        for &row in indices {
            column.text.push_str(self.cell(row).unwrap_or_default());
            column.ends.push(column.text.len());
        }
        column
    }

    /// Gives back memory that was taken for more cells.
    #[cfg(feature = "csv")]
    pub(super) fn shrink(&mut self) {
        self.text.shrink_to_fit();
        self.ends.low.shrink_to_fit();
    }
}

/// Where cells end: four bytes each, for a table has as many of them as cells.
#[derive(Clone, Debug, Default)]
struct Ends {
    /// The lower 32 bits.
    low: Vec<u32>,
    /// For each whole 2³² of text the first cell that ends behind it.
    wraps: Vec<usize>,
}

impl Ends {
    const WRAP: u64 = 1 << 32;

    fn len(&self) -> usize {
        self.low.len()
    }

    fn push(&mut self, end: usize) {
        while (end as u64) / Self::WRAP > self.wraps.len() as u64 {
            self.wraps.push(self.low.len());
        }
        self.low.push((end as u64 % Self::WRAP) as u32);
    }

    fn at(&self, row: usize) -> usize {
        let wraps = self.wraps.partition_point(|&first| first <= row);
        (wraps as u64 * Self::WRAP + u64::from(self.low[row])) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_of_more_text_than_four_bytes_count() {
        let given = [3, 3, (1 << 32) - 1, 1 << 32, (1 << 32) + 5, 3 << 32, (3 << 32) + 1];
        let mut ends = Ends::default();
        given.iter().for_each(|&end| ends.push(end));
        let read: Vec<usize> = (0..ends.len()).map(|row| ends.at(row)).collect();
        assert_eq!(read, given);
    }

    #[test]
    fn a_column_that_counts() {
        let counts = |cells: &[&str]| {
            let mut column = Column::new("x".to_owned(), Arc::new(Reading::PLAIN));
            cells.iter().for_each(|cell| column.push(cell));
            (column.counts_up(), column)
        };
        let (all, column) = counts(&["1", "2", "3", "4"]);
        assert_eq!(all, 4);
        // It is one in any of its rows.
        assert_eq!(column.rows(&[3, 0]).counts_up(), 4);
        for cells in
            [&["1", "2", "4"][..], &["1", "", "2"], &["", "1"], &["0.5", "1.5"], &["a", "b"]]
        {
            assert_eq!(counts(cells).0, 0, "{cells:?}");
        }
    }
}

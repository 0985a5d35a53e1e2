//! What a file's comparison came to.

use std::collections::BTreeSet;

use tfn::tensor::Tensor;

use crate::betterments::BETTERMENTS;
use crate::compare::{self, Tolerance};
use crate::json::{Document, Gold, Node, Outcome};

/// Counts and failures of one file.
#[derive(Default)]
pub(crate) struct Report {
    file: &'static str,
    /// Name of the record at hand.
    record: String,
    /// Numbers compared.
    pub(crate) compared: usize,
    /// Statements that hold or not: names, orders, errors.
    pub(crate) checked: usize,
    /// Records compared.
    pub(crate) records: usize,
    pub(crate) failures: Vec<String>,
    better: BTreeSet<usize>,
}

impl Report {
    /// Runs `check` over a document and reports what nobody read.
    pub(crate) fn of(
        file: &'static str,
        document: Outcome<Document>,
        check: impl FnOnce(Node<'_>, &mut Self) -> Outcome,
    ) -> Self {
        let mut report = Self { file, ..Self::default() };
        match document {
            Err(error) => report.failures.push(error.to_string()),
            Ok(document) => {
                if let Err(error) = check(document.root(), &mut report) {
                    report.failures.push(error.to_string());
                }
                let unread = document.unread();
                let more = unread.len().saturating_sub(20);
                report.failures.extend(
                    unread.iter().take(20).map(|path| format!("{file}: unknown key {path}")),
                );
                if more > 0 {
                    report.failures.push(format!("{file}: {more} unknown keys more"));
                }
            }
        }
        report.stale_entries();
        report
    }

    /// Checks one record; a failure inside is this record's and the others go on.
    pub(crate) fn record(
        &mut self,
        node: &Node<'_>,
        name: &str,
        check: impl FnOnce(&mut Self) -> Outcome,
    ) {
        self.record = name.to_owned();
        self.records += 1;
        if let Err(error) = check(self) {
            self.fail(&error.to_string());
            node.informational("the failure of the record is reported");
        }
    }

    pub(crate) fn fail(&mut self, what: &str) {
        self.failures.push(format!("{} {}: {what}", self.file, self.record));
    }

    /// A statement about something that is no number.
    pub(crate) fn holds(&mut self, holds: bool, what: impl FnOnce() -> String) {
        self.checked += 1;
        if !holds {
            self.fail(&what());
        }
    }

    pub(crate) fn same<T: PartialEq + std::fmt::Debug>(&mut self, what: &str, got: T, want: T) {
        self.holds(got == want, || format!("{what}: got {got:?}, want {want:?}"));
    }

    /// Compares a tensor with what was recorded.
    pub(crate) fn compare(&mut self, what: &str, got: &Tensor, want: &Gold, tolerance: Tolerance) {
        self.compare_where(what, got, want, tolerance, |_| true, |_| 0.0);
    }

    /// Compares the entries that `counts` picks, with wider allowances for some.
    pub(crate) fn compare_where(
        &mut self,
        what: &str,
        got: &Tensor,
        want: &Gold,
        tolerance: Tolerance,
        counts: impl Fn(usize) -> bool,
        extra: impl Fn(usize) -> f64,
    ) {
        let got = match compare::entries(got, want) {
            Ok(got) => got,
            Err(error) => return self.fail(&format!("{what}: {error}")),
        };
        self.compared += (0..got.len()).filter(|&i| counts(i)).count();
        let misses = compare::misses(&got, &want.data, tolerance, extra);
        let misses: Vec<_> = misses.into_iter().filter(|miss| counts(miss.index)).collect();
        let wrong: Vec<_> = misses.iter().filter(|miss| !self.is_better(what, miss)).collect();
        if let Some(first) = wrong.first() {
            let count = wrong.len();
            self.fail(&format!("{what}: {first} ({count} of {} entries off)", got.len()));
        }
    }

    /// Whether an entry that differs is one where ours is known to be better than TFP's.
    fn is_better(&mut self, what: &str, miss: &compare::Miss) -> bool {
        let (file, record) = (self.file, &self.record);
        let found = BETTERMENTS.iter().position(|better| {
            better.file == file && better.record == record && better.covers(what, miss)
        });
        found.is_some_and(|index| {
            self.better.insert(index);
            true
        })
    }

    /// A betterment that matches nothing is a failure: the list is as long as it has to be.
    fn stale_entries(&mut self) {
        for (index, better) in BETTERMENTS.iter().enumerate() {
            if better.file == self.file && !self.better.contains(&index) {
                let (record, what) = (better.record, better.what);
                self.failures.push(format!(
                    "{}: the betterment of {what} in `{record}` matches nothing",
                    self.file
                ));
            }
        }
    }

    /// One line for people.
    pub(crate) fn summary(&self) -> String {
        format!(
            "{:28} {:4} records, {:6} values compared, {:5} statements checked, {} failures",
            self.file,
            self.records,
            self.compared,
            self.checked,
            self.failures.len()
        )
    }
}

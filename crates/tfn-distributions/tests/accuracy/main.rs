//! Errors against results of 50 digits: see docs/accuracy.md.

#![allow(clippy::unwrap_used, clippy::panic)]

mod families;
mod points;
mod statrs_peer;
mod table;

/// The numbers of a line and the text between them.
fn apart(line: &str) -> (Vec<f64>, Vec<&str>) {
    let is_number = |word: &&str| word.starts_with(|c: char| c.is_ascii_digit());
    let (numbers, words): (Vec<_>, Vec<_>) =
        line.split([' ', ',']).partition(|word| is_number(word) && word.parse::<f64>().is_ok());
    (numbers.into_iter().filter_map(|number| number.parse().ok()).collect(), words)
}

#[test]
fn errors_are_those_of_the_document_and_the_smallest() {
    let rows = table::rows();
    for row in &rows {
        let reason = !row.note.is_empty();
        assert!(
            row.is_best() || reason,
            "{} {}: not the best, and no remark",
            row.family,
            row.quantity
        );
    }
    let stated = std::fs::read_to_string(points::in_repository("docs/accuracy.md")).unwrap();
    let measured = table::document(&rows);
    assert_eq!(stated.lines().count(), measured.lines().count(), "make docs/accuracy.md again");
    for (stated, measured) in stated.lines().zip(measured.lines()) {
        let ((bounds, text), (errors, same)) = (apart(stated), apart(measured));
        assert_eq!(text, same, "make docs/accuracy.md again");
        let kept =
            errors.iter().zip(&bounds).all(|(error, bound)| *error <= 2.0 * bound + f64::EPSILON);
        assert!(kept && errors.len() == bounds.len(), "{measured}\nis worse than\n{stated}");
    }
}

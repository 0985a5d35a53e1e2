//! Errors against results of 50 digits, beside statrs and TFP: prints docs/accuracy.md and writes it.
//!
//! ```text
//! cargo run --release -p tfn-distributions --example accuracy
//! ```

#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "../tests/accuracy/families.rs"]
mod families;
#[path = "../tests/accuracy/points.rs"]
mod points;
#[path = "../tests/accuracy/statrs_peer.rs"]
mod statrs_peer;
#[path = "../tests/accuracy/table.rs"]
mod table;

fn main() {
    // What statrs panics on counts as lost; its messages say nothing of ours.
    std::panic::set_hook(Box::new(|_| {}));
    let rows = table::rows();
    drop(std::panic::take_hook());
    let text = table::document(&rows);
    println!("{text}");
    std::fs::write(points::in_repository("docs/accuracy.md"), text).unwrap();
    for row in rows.iter().filter(|row| !row.ours.is_exact()) {
        let best = if row.is_best() { "the best" } else { "not the best" };
        let (family, quantity, ours) = (row.family, &row.quantity, row.ours);
        let (error, lost, line) = (ours.error, ours.lost, ours.row + 3);
        eprintln!("{family} {quantity}: {best}; {error:e}, {lost} lost, line {line} of its file");
    }
}

//! Errors against results of 50 digits, beside statrs and TFP: prints docs/accuracy.md, and writes it where asked.
//!
//! ```text
//! cargo run --release -p tfn-distributions --example accuracy [-- --write docs/accuracy.md]
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

fn fail(message: &str) -> ! {
    eprintln!("accuracy: {message}");
    std::process::exit(2);
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] | ["--write", _] => {}
        other => fail(&format!("unknown arguments {other:?}: it takes none, or `--write PATH`")),
    }
    // What statrs panics on counts as lost; its messages say nothing of ours.
    std::panic::set_hook(Box::new(|_| {}));
    let rows = table::rows();
    drop(std::panic::take_hook());
    let text = table::document(&rows);
    match arguments.as_slice() {
        [_, path] => {
            std::fs::write(path, &text).unwrap_or_else(|error| fail(&format!("{path}: {error}")))
        }
        _ => println!("{text}"),
    }
    for row in rows.iter().filter(|row| !row.ours.is_exact()) {
        let best = if row.is_best() { "the best" } else { "not the best" };
        let (family, quantity, ours) = (row.family, &row.quantity, row.ours);
        let (error, lost, line) = (ours.error, ours.lost, ours.row + 3);
        eprintln!("{family} {quantity}: {best}; {error:e}, {lost} lost, line {line} of its file");
    }
}

//! The excerpts of docs/extending.md are the example's own lines.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

#[test]
fn excerpts_are_those_of_the_example() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |name: &str| fs::read_to_string(root.join(name)).unwrap();
    let sources = ["sech", "ridge", "squareplus", "lib"]
        .map(|name| read(&format!("examples/extension/src/{name}.rs")));
    let document = read("docs/extending.md");
    let excerpts: Vec<&str> = document.split("```").skip(1).step_by(2).collect();
    assert!(excerpts.len() >= 8);
    for excerpt in excerpts {
        let (_, code) = excerpt.split_once('\n').unwrap();
        assert!(sources.iter().any(|source| source.contains(code.trim_end())), "{code}");
    }
}

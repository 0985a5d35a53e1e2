//! Whether a page is well-formed, and asks for nothing from elsewhere.

/// Elements without an end.
const VOID: [&str; 6] = ["meta", "circle", "line", "rect", "polyline", "polygon"];

/// Follows all tags: each is closed in order, no attribute comes twice, no `<` and no lone `&` is left in text.
pub(crate) fn check(page: &str) {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = page.strip_prefix("<!DOCTYPE html>").expect("a document type");
    while let Some(at) = rest.find('<') {
        check_text(&rest[..at]);
        let end = rest[at..].find('>').expect("an end of the tag") + at;
        let tag = &rest[at + 1..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "before {:.200}", rest);
            continue;
        }
        let tag = tag.trim_end_matches('/');
        let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        assert!(name.chars().all(|c| c.is_ascii_alphanumeric()), "<{tag}>");
        check_attributes(attributes);
        if !VOID.contains(&name) {
            open.push(name);
        }
        if name == "style" {
            let end = rest.find("</style>").expect("an end of the style");
            assert!(!rest[..end].contains(['<', '&']));
            rest = &rest[end..];
        }
    }
    assert_eq!(open, Vec::<&str>::new());
    for outside in ["http", "src=", "<script", "javascript:", "@import", "url(", "NaN", "inf\""] {
        assert!(!page.contains(outside), "{outside}");
    }
}

fn check_text(text: &str) {
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        let (name, _) =
            rest[at + 1..].split_once(';').unwrap_or_else(|| panic!("a lone & in {text}"));
        assert!(["lt", "gt", "amp", "quot", "apos"].contains(&name), "&{name};");
        rest = &rest[at + 1..];
    }
    assert!(!text.contains('>'), "{text}");
}

fn check_attributes(attributes: &str) {
    let (mut names, mut rest) = (Vec::new(), attributes);
    while let Some((name, value)) = rest.split_once("=\"") {
        let (value, more) = value.split_once('"').expect("an end of the value");
        check_text(value);
        names.push(name.trim());
        rest = more;
    }
    assert_eq!(rest.trim(), "", "in {attributes}");
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all, "twice in {attributes}");
}

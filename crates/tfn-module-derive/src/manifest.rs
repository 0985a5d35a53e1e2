//! Finds how the package being compiled reaches `tfn-module`: by its manifest.

use std::path::{Path as FilePath, PathBuf};

use syn::{Path, parse_quote};

/// Packages through which the module crate is reached, the direct one first.
const WAYS: [(&str, bool); 5] = [
    ("tfn-module", false),
    ("tfn", true),
    ("tfn-layers", true),
    ("tfn-util", true),
    ("tfn-distributions", true),
];

/// `::tfn_module`, or what it is called from here.
pub(crate) fn module_path() -> Path {
    let folder = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let manifest = folder
        .as_deref()
        .and_then(|folder| std::fs::read_to_string(folder.join("Cargo.toml")).ok());
    let Some(manifest) = manifest else {
        return parse_quote!(::tfn_module);
    };
    let mut dependencies = dependencies(&manifest, "");
    if dependencies.iter().any(|dependency| dependency.inherited) {
        resolve_inherited(&mut dependencies, folder.as_deref());
    }
    way_in(&dependencies).unwrap_or_else(|| parse_quote!(::tfn_module))
}

/// One entry of a dependency table.
#[derive(Debug, PartialEq)]
struct Dependency {
    /// What the code calls it, with dashes.
    key: String,
    /// What the registry calls it.
    package: String,
    /// Only for tests and examples.
    dev: bool,
    inherited: bool,
}

/// Dependencies of tests only come last: the code beside the tests does not see them.
fn way_in(dependencies: &[Dependency]) -> Option<Path> {
    [false, true].into_iter().find_map(|dev| {
        WAYS.into_iter().find_map(|(package, is_facade)| {
            let found = dependencies.iter().find(|d| d.dev == dev && d.package == package)?;
            let name = syn::parse_str::<syn::Ident>(&found.key.replace('-', "_")).ok()?;
            Some(if is_facade { parse_quote!(::#name::module) } else { parse_quote!(::#name) })
        })
    })
}

/// Takes the package names of `key.workspace = true` from the workspace's manifest.
fn resolve_inherited(dependencies: &mut [Dependency], folder: Option<&FilePath>) {
    let shared = folder.into_iter().flat_map(FilePath::ancestors).find_map(|folder| {
        let text = std::fs::read_to_string(folder.join("Cargo.toml")).ok()?;
        Some(self::dependencies(&text, "workspace.")).filter(|shared| !shared.is_empty())
    });
    for shared in shared.into_iter().flatten() {
        for dependency in dependencies.iter_mut().filter(|d| d.inherited && d.key == shared.key) {
            dependency.package.clone_from(&shared.package);
        }
    }
}

/// Reads the dependency tables of a manifest whose header begins with `prefix`.
///
/// Not a reader of TOML: it knows the forms in which cargo's dependencies are written, one a line.
fn dependencies(manifest: &str, prefix: &str) -> Vec<Dependency> {
    let mut found: Vec<Dependency> = Vec::new();
    let mut table: Option<Table> = None;
    for line in manifest.lines().map(str::trim) {
        if line.starts_with('[') {
            table = Table::of_header(line, prefix);
            if let Some(Table { dev, key: Some(key) }) = &table {
                note(&mut found, key, *dev);
            }
        } else if let (Some(table), Some((left, right))) = (&table, line.split_once('=')) {
            let entry = match &table.key {
                Some(key) => format!("{key}.{}", left.trim()),
                None => left.trim().to_owned(),
            };
            read_entry(&mut found, &entry, right, table.dev);
        }
    }
    found
}

struct Table {
    dev: bool,
    /// The dependency, in `[dependencies.key]`.
    key: Option<String>,
}

impl Table {
    fn of_header(line: &str, prefix: &str) -> Option<Self> {
        let inside = line.trim_start_matches('[').strip_prefix(prefix)?;
        let mut steps = steps(inside.split(']').next()?).into_iter();
        let mut name = steps.next()?;
        if name == "target" {
            name = steps.nth(1)?;
        }
        let dev = match name.as_str() {
            "dependencies" => false,
            "dev-dependencies" => true,
            _ => return None,
        };
        Some(Self { dev, key: steps.next() })
    }
}

/// The keys of a dotted path; a dot in quotes is part of its key.
fn steps(path: &str) -> Vec<String> {
    let mut open = None;
    path.split(|c| {
        if matches!(c, '"' | '\'') {
            match open {
                None => open = Some(c),
                Some(quote) if quote == c => open = None,
                Some(_) => {}
            }
        }
        c == '.' && open.is_none()
    })
    .map(unquoted)
    .collect()
}

/// `key = "1"`, `key = { package = "x" }`, `key.package = "x"`, `key.workspace = true`.
fn read_entry(found: &mut Vec<Dependency>, entry: &str, value: &str, dev: bool) {
    let (key, field) = entry.split_once('.').unwrap_or((entry, ""));
    let dependency = note(found, &unquoted(key), dev);
    let fields: Vec<(&str, &str)> = match field {
        "" => value
            .trim_matches([' ', '{', '}'])
            .split(',')
            .filter_map(|part| part.split_once('='))
            .collect(),
        field => vec![(field, value)],
    };
    for (field, value) in fields {
        match field.trim() {
            "package" => dependency.package = unquoted(value),
            "workspace" => dependency.inherited = value.trim().starts_with("true"),
            _ => {}
        }
    }
}

fn note<'d>(found: &'d mut Vec<Dependency>, key: &str, dev: bool) -> &'d mut Dependency {
    let at = found.iter().position(|d| d.key == key && d.dev == dev).unwrap_or_else(|| {
        let (key, package) = (key.to_owned(), key.to_owned());
        found.push(Dependency { key, package, dev, inherited: false });
        found.len() - 1
    });
    &mut found[at]
}

/// The text between the quotes, or the bare word before a comment.
fn unquoted(text: &str) -> String {
    let text = text.trim();
    match text.strip_prefix(['"', '\'']) {
        Some(rest) => rest.split(['"', '\'']).next().unwrap_or_default().to_owned(),
        None => text.split(['#', ' ']).next().unwrap_or_default().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use quote::ToTokens;

    use super::*;

    fn text(path: Option<Path>) -> String {
        path.map_or_else(String::new, |path| path.to_token_stream().to_string().replace(' ', ""))
    }

    fn path(manifest: &str) -> String {
        text(way_in(&dependencies(manifest, "")))
    }

    #[test]
    fn each_way_of_writing_a_dependency_is_found() {
        for manifest in [
            "[dependencies]\ntfn-module = \"0.1\"",
            "[dependencies]\ntfn-module.workspace = true",
            "[dependencies]\nserde = \"1\"\ntfn-module = { path = \"..\", version = \"0.1\" } # here",
            "[dependencies.tfn-module]\nversion = \"0.1\"",
            "[package]\nname = \"x\"\n[dependencies]\n\"tfn-module\" = '0.1'\n[features]",
            "[target.'cfg(unix)'.dependencies]\ntfn-module = \"0.1\"",
            "[target.'cfg(unix)'.dependencies.tfn-module]\nversion = \"0.1\"",
            "[dev-dependencies]\ntfn-module = \"0.1\"",
            "[target.'cfg(feature = \"a.b\")'.dependencies]\ntfn-module = \"0.1\"",
            "[target.x86_64-unknown-linux-gnu.dev-dependencies]\ntfn-module = \"0.1\"",
        ] {
            assert_eq!(path(manifest), "::tfn_module", "{manifest}");
        }
    }

    #[test]
    fn a_facade_is_the_way_in_when_there_is_no_direct_one() {
        assert_eq!(path("[dependencies]\ntfn = \"0.1\""), "::tfn::module");
        assert_eq!(
            path("[dependencies]\ntfn-util = \"0.1\"\ntfn-layers = \"0.1\""),
            "::tfn_layers::module"
        );
        assert_eq!(
            path("[dependencies]\ntfn-distributions = \"0.1\""),
            "::tfn_distributions::module"
        );
        assert_eq!(path("[dependencies]\ntfn = \"0.1\"\ntfn-module = \"0.1\""), "::tfn_module");
    }

    #[test]
    fn what_only_tests_see_comes_last() {
        let manifest = "[dev-dependencies]\ntfn-module = \"0.1\"\n[dependencies]\ntfn = \"0.1\"";
        assert_eq!(path(manifest), "::tfn::module");
    }

    #[test]
    fn renamed_packages_go_by_their_new_name() {
        for manifest in [
            "[dependencies]\nmy-module = { version = \"0.1\", package = \"tfn-module\" }",
            "[dependencies]\nmy-module.version = \"0.1\"\nmy-module.package = \"tfn-module\"",
            "[dependencies.my-module]\npackage = \"tfn-module\"",
        ] {
            assert_eq!(path(manifest), "::my_module", "{manifest}");
        }
        assert_eq!(
            path("[dependencies]\nnn = { package = \"tfn\", version = \"0.1\" }"),
            "::nn::module"
        );
    }

    #[test]
    fn other_tables_do_not_count() {
        for manifest in [
            "[features]\ntfn-module = []",
            "[workspace.dependencies]\ntfn-module = \"0.1\"",
            "[build-dependencies]\ntfn-module = \"0.1\"",
            "[target.'cfg(a.b)'.build-dependencies]\ntfn-module = \"0.1\"",
            "[dependencies]\nserde = { version = \"1\", features = [\"tfn-module\"] }",
            "[package]\nname = \"tfn-module\"",
        ] {
            assert_eq!(path(manifest), "", "{manifest}");
        }
    }

    #[test]
    fn the_workspace_says_what_an_inherited_key_stands_for() -> std::io::Result<()> {
        let folder = std::env::temp_dir().join(format!("tfn-manifest-{}", std::process::id()));
        let member = folder.join("member");
        std::fs::create_dir_all(&member)?;
        let root = "[workspace]\n[workspace.dependencies]\nmine = { package = \"tfn-module\", version = \"0.1\" }";
        std::fs::write(folder.join("Cargo.toml"), root)?;
        let mut found = dependencies("[dependencies]\nmine = { workspace = true }", "");
        resolve_inherited(&mut found, Some(&member));
        std::fs::remove_dir_all(&folder)?;
        assert_eq!(text(way_in(&found)), "::mine");
        Ok(())
    }
}

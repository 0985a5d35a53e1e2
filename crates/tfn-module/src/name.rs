//! Names: what tf.Module and tfn.Layer take, and what they make of a type's name.

use crate::error::{ModuleError, Result};

/// The name of a module, checked: ASCII letters, digits and `_`, not a digit first.
///
/// Counterpart: the check of `tf.Module(name=...)`. As there, one line feed at the very end is let
/// through and stays in the name.
///
/// # Errors
/// [`ModuleError::Name`].
///
/// # Examples
/// ```
/// use tfn_module::module_name;
///
/// assert_eq!(module_name("posterior_2")?, "posterior_2");
/// assert!(module_name("2nd").is_err());
/// assert!(module_name("a/b").is_err());
/// # Ok::<(), tfn_module::ModuleError>(())
/// ```
pub fn module_name(given: &str) -> Result<String> {
    check("module_name", given, given.to_owned())
}

/// The name of a layer: each run of other characters than ASCII letters, digits and `_` becomes one
/// `_`, `_` at either end is dropped, and the rest is checked by the rule of [`module_name`].
///
/// Counterpart: `tfn.Layer(name=...)`. A layer that was given no name has the name of its type
/// ([`Module::class_name`](crate::Module::class_name)), by the same rule.
///
/// # Errors
/// [`ModuleError::Name`].
///
/// # Examples
/// ```
/// use tfn_module::layer_name;
///
/// assert_eq!(layer_name("posterior kernel!")?, "posterior_kernel");
/// assert!(layer_name("1st").is_err());
/// # Ok::<(), tfn_module::ModuleError>(())
/// ```
pub fn layer_name(given: &str) -> Result<String> {
    let valid = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut name = String::with_capacity(given.len());
    let mut in_run = false;
    for c in given.chars() {
        if valid(c) {
            name.push(c);
        } else if !in_run {
            name.push('_');
        }
        in_run = !valid(c);
    }
    check("layer_name", given, name.trim_matches('_').to_owned())
}

fn check(op: &'static str, given: &str, name: String) -> Result<String> {
    let mut rest = name.strip_suffix('\n').unwrap_or(&name).bytes();
    let begins = rest.next().is_some_and(|c| c.is_ascii_alphabetic() || c == b'_');
    if begins && rest.all(|c| c.is_ascii_alphanumeric() || c == b'_') {
        return Ok(name);
    }
    Err(ModuleError::Name { op, given: given.to_owned() })
}

/// The name of a type in snake case: `MyMLPLayer` becomes `my_mlp_layer`, `Conv2D` `conv2_d`.
///
/// Counterpart: the default name of a `tf.Module`. A capital begins a word if a small letter or a digit
/// stands before it, or if a small letter follows and it is not the first character.
pub fn snake_case(class: &str) -> String {
    let chars: Vec<char> = class.chars().collect();
    let mut snake = String::with_capacity(class.len() + 4);
    for (i, c) in chars.iter().enumerate() {
        let before = i.checked_sub(1).map(|b| chars[b]);
        let word_ended = before.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        let word_begins = i > 0 && chars.get(i + 1).is_some_and(char::is_ascii_lowercase);
        if c.is_ascii_uppercase() && (word_ended || word_begins) {
            snake.push('_');
        }
        snake.extend(c.to_lowercase());
    }
    snake
}

/// The bare name in a full one: `Dense` in `net::Dense<alloc::vec::Vec<f64>>`.
pub(crate) fn class_of(full: &'static str) -> &'static str {
    let path = full.split('<').next().unwrap_or(full);
    path.rsplit("::").next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn type_names_lose_path_and_arguments() {
        assert_eq!(class_of("Dense"), "Dense");
        assert_eq!(class_of("a::b::Dense"), "Dense");
        assert_eq!(class_of("a::Dense<a::b::T, alloc::vec::Vec<f64>>"), "Dense");
    }

    #[test]
    fn words_begin_where_tensorflow_says() {
        let cases = [
            ("Dense", "dense"),
            ("MyModule", "my_module"),
            ("HTTPServer", "http_server"),
            ("Conv2D", "conv2_d"),
            ("Conv2d3x", "conv2d3x"),
            ("ABTest", "ab_test"),
            ("_Private", "__private"),
            ("X", "x"),
            ("A1B2", "a1_b2"),
            ("snake_Case", "snake__case"),
            ("MLP", "mlp"),
            ("MyMLPLayer", "my_mlp_layer"),
            ("__Dunder", "___dunder"),
            ("", ""),
            ("lowercase", "lowercase"),
        ];
        for (class, expected) in cases {
            assert_eq!(snake_case(class), expected, "{class}");
        }
    }

    #[test]
    fn module_names_are_identifiers() {
        for good in ["ok_name", "_under", "A9_z", "a\n"] {
            assert_eq!(module_name(good).ok().as_deref(), Some(good));
        }
        for bad in ["", "a b", "1abc", "a-b", "a/b", "a.b", "é", "a:0", " a", "\n", "a\n\n", "a\nb"]
        {
            let Err(ModuleError::Name { op, given }) = module_name(bad) else {
                unreachable!("{bad:?} was taken");
            };
            assert_eq!((op, given.as_str()), ("module_name", bad));
        }
    }

    #[test]
    fn layer_names_are_mended_then_checked() {
        let cases = [
            ("a b", "a_b"),
            ("a-b", "a_b"),
            ("a/b", "a_b"),
            ("posterior kernel!", "posterior_kernel"),
            ("ok", "ok"),
            ("_x", "x"),
            ("a.b", "a_b"),
            ("a - b", "a_b"),
            ("a _b", "a__b"),
            ("a\n", "a"),
        ];
        for (given, expected) in cases {
            assert_eq!(layer_name(given).ok().as_deref(), Some(expected), "{given}");
        }
        for bad in ["", "1abc", "_", "!!", "_1"] {
            assert!(
                matches!(layer_name(bad), Err(ModuleError::Name { given, .. }) if given == bad)
            );
        }
    }
}

//! All families under arbitrary bit patterns, as parameters and as values, in both types; the bijectors too, and families
//! through chains of them.
//!
//! A call is one row: parameters and a value, given to every method, whose slopes in all of them are asked too. The normal run makes 100,000 of them, about
//! as many for each family; `TFN_FUZZ_CALLS` sets the number, `TFN_FUZZ_SEED` the seed:
//!
//! ```text
//! TFN_FUZZ_CALLS=10000000 cargo test --release -p tfn-distributions --test fuzz
//! ```
//!
//! What a run finds is printed as lines for the table of `regressions.rs`.

#![allow(clippy::unwrap_used, clippy::panic)]

mod bijectors;
mod checks;
mod families;
mod numbers;
mod regressions;
mod slopes;
mod transformed;
mod walks;

use tfn_distributions::Support;
use tfn_distributions::tensor::{DType, Key};

use checks::{Finding, Rows};
use families::{FAMILIES, Family};
use numbers::{Argument, Numbers, simplex};
use regressions::{REGRESSIONS, THROUGH_CHAINS};

/// Rows that are asked at once.
const BATCH: usize = 256;
/// Findings of one method that are printed.
const SHOWN: usize = 3;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

/// Numbers that any family takes.
fn probe(argument: Argument) -> Vec<f64> {
    match argument {
        Argument::Above | Argument::Count => vec![1.0],
        Argument::Simplex => vec![0.25, 0.25, 0.5],
        Argument::Moderate(each) => probe(*each),
        Argument::Triangle => vec![1.0, 0.0, 0.0, 0.5, 1.0, 0.0, 0.5, 0.5, 1.0],
        _ => vec![0.5; argument.width()],
    }
}

/// Rows of parameters that the family takes, and of any values.
fn draw(family: &Family<'_>, dtype: DType, numbers: &mut Numbers, count: usize) -> Rows {
    let (arguments, make) = (family.arguments, family.make);
    let mut rows = Rows::new(dtype, arguments.len());
    let probe: Vec<_> = arguments.iter().copied().map(probe).collect();
    let made = checks::build(make, arguments, &probe, 1, dtype).unwrap();
    let (width, support) = (made.event_shape().unwrap().iter().product(), made.support());
    for _ in 0..count {
        let mut before = None;
        for (argument, column) in arguments.iter().zip(&mut rows.arguments) {
            let mut given: Vec<f64> = (0..argument.width()).map(|_| numbers.any()).collect();
            argument.admit(&mut given, before, dtype);
            before = given.last().copied();
            column.extend(given);
        }
        rows.values.extend(event(width, support, before, dtype, numbers));
    }
    rows
}

/// A value: arbitrary, at the last parameter, or one that may come.
fn event(
    width: usize,
    support: Support,
    near: Option<f64>,
    dtype: DType,
    numbers: &mut Numbers,
) -> Vec<f64> {
    let mut event: Vec<f64> = (0..width).map(|_| numbers.any()).collect();
    match (numbers.below(3), support, near) {
        (0, Support::Simplex, _) => simplex(&mut event, dtype),
        (0, Support::OneHot, _) => {
            event.fill(0.0);
            event[numbers.below(width as u64)] = 1.0;
        }
        (1, _, Some(near)) => event.fill_with(|| numbers.near(near)),
        _ => {}
    }
    event
}

/// The whole run in one type.
fn run(dtype: DType) {
    let seed = setting("TFN_FUZZ_SEED", 1);
    let each = setting("TFN_FUZZ_CALLS", 100_000) / (2 * FAMILIES.len() as u64);
    let mut found: Vec<Finding> = Vec::new();
    for family in FAMILIES {
        let family = &Family::from(family);
        let key = Key::from_seed(seed).child(&family.name).child(&format!("{dtype}"));
        for batch in 0..each.div_ceil(BATCH as u64) {
            let key = key.index(batch);
            let mut numbers = Numbers::new(key.stream(), dtype);
            checks::construction(family, dtype, &mut numbers, &mut found);
            let rows = draw(family, dtype, &mut numbers, BATCH);
            checks::rows(family, &rows, &key, &mut found);
        }
    }
    report(found);
}

fn report(found: Vec<Finding>) {
    let count = found.len();
    let mut shown: Vec<(String, &str, usize)> = Vec::new();
    for finding in found {
        let place = shown.iter().position(|(f, m, _)| (f, *m) == (&finding.family, finding.method));
        let place = place.unwrap_or_else(|| {
            shown.push((finding.family.clone(), finding.method, 0));
            shown.len() - 1
        });
        shown[place].2 += 1;
        if shown[place].2 <= SHOWN {
            println!("{finding}");
        }
    }
    for (family, method, count) in &shown {
        println!("{count:>7}  {family}: {method}");
    }
    assert_eq!(count, 0, "findings");
}

#[test]
fn arbitrary_bits_in_double_precision() {
    run(DType::F64);
}

#[test]
fn arbitrary_bits_in_single_precision() {
    run(DType::F32);
}

#[test]
fn what_was_found_stays_mended() {
    let mut found = Vec::new();
    for &(name, dtype, arguments, value) in REGRESSIONS {
        let family = FAMILIES.iter().find(|family| family.0 == name).unwrap();
        let arguments = arguments.iter().map(|column| column.to_vec()).collect();
        let rows = Rows { dtype, arguments, values: value.to_vec() };
        checks::rows(&family.into(), &rows, &Key::from_seed(1), &mut found);
    }
    for &(name, bijectors, dtype, arguments, value) in THROUGH_CHAINS {
        let arguments = arguments.iter().map(|column| column.to_vec()).collect();
        let rows = Rows { dtype, arguments, values: value.to_vec() };
        let act = |family: &Family<'_>| checks::rows(family, &rows, &Key::from_seed(1), &mut found);
        transformed::with_named(name, bijectors, act);
    }
    report(found);
}

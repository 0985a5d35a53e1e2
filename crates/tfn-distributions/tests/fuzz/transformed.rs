//! Distributions of any family through chains of any bijectors.

use std::sync::Arc;

use tfn_distributions::bijectors::{Bijector, Chain};
use tfn_distributions::tensor::{DType, Key};
use tfn_distributions::{Distribution, Parameter, Result, Support, TransformedDistribution};

use crate::bijectors::{BIJECTORS, Line};
use crate::checks::{self, Finding};
use crate::families::{FAMILIES, Family, LINE};
use crate::numbers::{Argument, Numbers};
use Argument::{Positive, Probability, Real};

/// Rows that are asked of one chain.
const BATCH: usize = 32;

/// A scalar family of densities, and the smallest of the three domains in which its outcomes lie.
fn base(numbers: &mut Numbers) -> (Family<'static>, Argument) {
    loop {
        let family = Family::from(&FAMILIES[numbers.below(FAMILIES.len() as u64)]);
        let probe: Vec<_> = family.arguments.iter().copied().map(crate::probe).collect();
        let made = checks::build(family.make, family.arguments, &probe, 1, DType::F64).unwrap();
        let is_scalar = made.event_shape().unwrap().is_empty();
        if !is_scalar || probe.is_empty() || made.support() != Support::Continuous {
            continue;
        }
        // Wherever its arguments are: those that come first may be low, the last one high.
        let mut wide = vec![-1e9; probe.len()];
        wide.last_mut().into_iter().for_each(|last| *last = 1e9);
        let takes = |x: f64| [&wide, &probe.concat()].iter().any(|p| (family.inside)(&[x], p));
        let domain = match (takes(-0.5), takes(1.5)) {
            (true, _) => Real,
            (false, true) => Positive,
            (false, false) => Probability,
        };
        return (family, domain);
    }
}

/// Whether all that lies in one domain lies in the other.
fn lies_in(one: Argument, other: Argument) -> bool {
    let rank = |domain| match domain {
        Probability => 0,
        Positive => 1,
        _ => 2,
    };
    rank(one) <= rank(other)
}

/// Where a bijector of the table takes the numbers of a domain; `None` if it takes no numbers, or not these.
fn range(line: &Line, from: Argument) -> Option<Argument> {
    let to = match line.0 {
        "Exp" | "Softplus" | "Softplus, above" | "Power" | "Reciprocal" | "Square" => Positive,
        "NormalCDF" | "Sigmoid" => Probability,
        "Log"
        | "Tanh"
        | "Shift"
        | "Chain"
        | "Invert"
        | "inverse of NormalCDF"
        | "inverse of Sigmoid" => Real,
        "Identity" => from,
        "Scale" => {
            if lies_in(from, Positive) {
                Positive
            } else {
                Real
            }
        }
        _ => return None,
    };
    let takes = if line.0 == "Chain" { Real } else { line.1 };
    lies_in(from, takes).then_some(to)
}

/// One to three bijectors, of which the last of the list acts first.
fn chain(mut domain: Argument, numbers: &mut Numbers) -> Vec<&'static Line> {
    let count = 1 + numbers.below(3);
    let mut chain = Vec::new();
    while chain.len() < count {
        let line = &BIJECTORS[numbers.below(BIJECTORS.len() as u64)];
        if let Some(to) = range(line, domain) {
            domain = to;
            chain.insert(0, line);
        }
    }
    chain
}

/// Does something with a family seen through a chain.
fn with_family(base: &Family<'_>, chain: &[&Line], act: impl FnOnce(&Family<'_>)) {
    let names: Vec<&str> = chain.iter().map(|line| line.0).collect();
    let mut arguments = base.arguments.to_vec();
    chain.iter().for_each(|line| arguments.extend(line.2));
    let make = |p: &[Parameter], dtype: DType| -> Result<Arc<dyn Distribution>> {
        let (of_base, mut rest) = p.split_at(base.arguments.len());
        let mut bijectors: Vec<Arc<dyn Bijector>> = Vec::new();
        for line in chain {
            let (own, after) = rest.split_at(line.2.len());
            bijectors.push(line.3(own)?);
            rest = after;
        }
        let made = (base.make)(of_base, dtype)?;
        Ok(TransformedDistribution::new(made, Chain::new(bijectors))?.into())
    };
    let name = format!("{} through {}", base.name, names.join(", "));
    act(&Family { name, inside: LINE, arguments: &arguments, is_chain: true, make: &make });
}

/// The same with a family that is named, seen through bijectors that are.
pub(crate) fn with_named(base: &str, bijectors: &[&str], act: impl FnOnce(&Family<'_>)) {
    let base = FAMILIES.iter().find(|family| family.0 == base).unwrap();
    let line = |name: &&str| BIJECTORS.iter().find(|line| line.0 == *name).unwrap();
    let chain: Vec<&Line> = bijectors.iter().map(line).collect();
    with_family(&base.into(), &chain, act);
}

fn run(dtype: DType) {
    let (seed, calls) =
        (crate::setting("TFN_FUZZ_SEED", 1), crate::setting("TFN_FUZZ_CALLS", 100_000) / 10);
    let mut found: Vec<Finding> = Vec::new();
    let key = Key::from_seed(seed).child("transformed").child(&format!("{dtype}"));
    for batch in 0..calls.div_ceil(BATCH as u64) {
        let key = key.index(batch);
        let mut numbers = Numbers::new(key.stream(), dtype);
        let (base, domain) = base(&mut numbers);
        let chain = chain(domain, &mut numbers);
        with_family(&base, &chain, |family| {
            let rows = crate::draw(family, dtype, &mut numbers, BATCH);
            checks::rows(family, &rows, &key, &mut found);
        });
    }
    crate::report(found);
}

#[test]
fn any_family_through_any_chain_in_double_precision() {
    run(DType::F64);
}

#[test]
fn any_family_through_any_chain_in_single_precision() {
    run(DType::F32);
}

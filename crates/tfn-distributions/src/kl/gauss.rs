//! Gauss's rules: Hermite's for expectations under the standard normal, Legendre's over an interval.

use crate::error::{DistributionError, Result};

/// Most nodes that are computed without overflow.
const MOST_NODES: usize = 200;

/// Nodes and weights such that `Σ w f(x)` is `E f(X)` of a standard normal `X`, exactly for polynomials of a
/// degree below `2·nodes`.
///
/// # References
/// The weights are the Christoffel numbers `1/Σ h_k(x)²` of the orthonormal Hermite polynomials, whose roots are
/// bracketed by those of the polynomial one degree lower (Szegő, Orthogonal Polynomials, sections 3.3 and 3.4).
pub(super) fn hermite_rule(nodes: usize) -> Result<Vec<(f64, f64)>> {
    if !(2..=MOST_NODES).contains(&nodes) {
        return Err(DistributionError::Argument {
            family: "estimate_kl",
            argument: "nodes",
            given: nodes.to_string(),
            expected: format!("2 to {MOST_NODES}"),
        });
    }
    let mut roots: Vec<f64> = Vec::new();
    for degree in 1..=nodes {
        // All roots lie within ±2 sqrt(degree), one between any two of the degree before.
        let bound = 2.0 * (degree as f64).sqrt();
        let ends: Vec<f64> = [-bound].into_iter().chain(roots).chain([bound]).collect();
        roots = ends.windows(2).map(|ends| root(degree, ends[0], ends[1])).collect();
    }
    let weight =
        |x: f64| 1.0 / polynomials(nodes, x).iter().take(nodes).map(|h| h * h).sum::<f64>();
    Ok(roots.into_iter().map(|x| (x, weight(x))).collect())
}

/// `h_0(x) … h_degree(x)`, orthonormal under the standard normal.
fn polynomials(degree: usize, x: f64) -> Vec<f64> {
    let mut values = vec![1.0, x];
    for k in 1..degree {
        let (now, before, k) = (values[k], values[k - 1], k as f64);
        values.push((x * now - k.sqrt() * before) / (k + 1.0).sqrt());
    }
    values
}

/// The root of `h_degree` between `low` and `high`, by Newton's method kept inside by bisection.
fn root(degree: usize, mut low: f64, mut high: f64) -> f64 {
    const MOST_STEPS: usize = 100;
    let rises = polynomials(degree, high)[degree] > 0.0;
    let mut x = 0.5 * (low + high);
    for _ in 0..MOST_STEPS {
        let values = polynomials(degree, x);
        if (values[degree] > 0.0) == rises {
            high = x;
        } else {
            low = x;
        }
        let step = values[degree] / ((degree as f64).sqrt() * values[degree - 1]);
        let inside = low <= x - step && x - step <= high;
        let next = if inside { x - step } else { 0.5 * (low + high) };
        if (next - x).abs() <= f64::EPSILON * x.abs().max(f64::EPSILON) {
            return next;
        }
        x = next;
    }
    x
}

/// Nodes and weights over −1 … 1, exact for polynomials of a degree below `2·nodes`.
///
/// # References
/// NIST Handbook of Mathematical Functions, 3.5(v), by Newton's method from Tricomi's first guess.
pub(super) fn legendre_rule(nodes: usize) -> Vec<(f64, f64)> {
    let count = nodes as f64;
    let node = |i: usize| {
        let mut x = (std::f64::consts::PI * (i as f64 + 0.75) / (count + 0.5)).cos();
        let mut slope = 1.0;
        for _ in 0..8 {
            let (mut now, mut before) = (x, 1.0);
            for k in 2..=nodes {
                let k = k as f64;
                (now, before) = (((2.0 * k - 1.0) * x * now - (k - 1.0) * before) / k, now);
            }
            slope = count * (x * now - before) / (x * x - 1.0);
            x -= now / slope;
        }
        (x, 2.0 / ((1.0 - x * x) * slope * slope))
    };
    (0..nodes).map(node).collect()
}

/// Nodes and weights over −1 … 1 with both ends among the nodes, exact for polynomials of a degree below `2·nodes − 2`.
///
/// # References
/// Abramowitz and Stegun, 25.4.32: the inner nodes are the roots of the slope of Legendre's polynomial, here by Newton's method.
pub(super) fn lobatto_rule(nodes: usize) -> Vec<(f64, f64)> {
    let degree = nodes - 1;
    let node = |i: usize| {
        let mut x = -(std::f64::consts::PI * i as f64 / degree as f64).cos();
        let mut value = 1.0;
        for _ in 0..40 {
            let (mut now, mut before) = (x, 1.0);
            for k in 2..=degree {
                let k = k as f64;
                (now, before) = (((2.0 * k - 1.0) * x * now - (k - 1.0) * before) / k, now);
            }
            value = now;
            x -= (x * now - before) / (nodes as f64 * now);
        }
        (x, 2.0 / ((degree * nodes) as f64 * value * value))
    };
    (0..nodes).map(node).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_of_the_standard_normal_are_exact() {
        for nodes in [2, 7, 32, 64, 200] {
            let rule = hermite_rule(nodes).unwrap();
            assert_eq!(rule.len(), nodes);
            let mut moment = 1.0;
            for degree in (0..(2 * nodes).min(40)).step_by(2) {
                let sum: f64 = rule.iter().map(|(x, w)| w * x.powi(degree as i32)).sum();
                assert!((sum / moment - 1.0).abs() < 1e-12, "{nodes} {degree}: {sum} {moment}");
                moment *= degree as f64 + 1.0;
            }
            let odd: f64 = rule.iter().map(|(x, w)| w * x * x * x).sum();
            assert!(odd.abs() < 1e-12);
        }
    }

    #[test]
    fn polynomials_are_integrated_exactly() {
        for nodes in [2, 10, 15] {
            for degree in (0..2 * nodes as i32).step_by(2) {
                let sum: f64 = legendre_rule(nodes).iter().map(|(x, w)| w * x.powi(degree)).sum();
                assert!(
                    (sum - 2.0 / f64::from(degree + 1)).abs() < 1e-14,
                    "{nodes} {degree}: {sum}"
                );
            }
        }
    }

    #[test]
    fn rules_with_both_ends_integrate_polynomials_exactly() {
        for nodes in [2, 7, 12] {
            let rule = lobatto_rule(nodes);
            assert!(rule[0].0 == -1.0 && rule[nodes - 1].0 == 1.0, "{rule:?}");
            for degree in (0..2 * nodes as i32 - 2).step_by(2) {
                let sum: f64 = rule.iter().map(|(x, w)| w * x.powi(degree)).sum();
                assert!(
                    (sum - 2.0 / f64::from(degree + 1)).abs() < 1e-14,
                    "{nodes} {degree}: {sum}"
                );
            }
        }
    }

    #[test]
    fn a_smooth_function_converges() {
        let sum: f64 = hermite_rule(48).unwrap().iter().map(|(x, w)| w * x.cos()).sum();
        assert!((sum - (-0.5_f64).exp()).abs() < 1e-15);
    }

    #[test]
    fn the_number_of_nodes_is_checked() {
        for nodes in [0, 1, 201] {
            let error = hermite_rule(nodes).unwrap_err();
            assert!(matches!(error, DistributionError::Argument { argument: "nodes", .. }));
        }
    }
}

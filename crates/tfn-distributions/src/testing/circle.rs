//! The laws of angles.

use std::f64::consts::{PI, TAU};

use super::case::{Case, Outcome};
use super::density::tolerance;
use super::integration::integrate;
use super::statistics::{check_cdf, check_moments};
use super::{Subject, rounding};
use crate::error::Result as Answer;

/// Pieces of the circle on which densities are integrated.
const PIECES: usize = 64;

/// The density has the period 2π, integrates to 1 over it, and mean, variance, entropy and cdf are those integrals.
pub(super) fn check_circle(subject: Subject<'_>, case: &Case<'_>) -> Outcome {
    let near = rounding(case.dtype) * 10.0;
    let points: Vec<f64> = (0..=PIECES).map(|i| TAU * i as f64 / PIECES as f64 - PI).collect();
    let around: Vec<f64> = points.iter().map(|x| x + TAU).collect();
    let [mean, variance, entropy] = [case.d.mean(), case.d.variance(), case.d.entropy()];
    let mean = subject.optional_entries(mean)?;
    let variance = subject.optional_entries(variance)?;
    let entropy = subject.optional_entries(entropy)?;
    for entry in 0..case.width() {
        let log_probs = subject.get(case.log_probs(&points, entry))?;
        subject.equal(&subject.get(case.log_probs(&around, entry))?, &log_probs, near)?;
        let [mass, cosine, sine, minus_log] = subject.get(over_circle(case, entry, &points))?;
        subject.equal(&[mass], &[1.0], tolerance(case))?;
        if let Some(claimed) = mean.as_ref().map(|mean| mean[entry]) {
            // No part of E exp(ix) is across the mean, and what is along it is not behind.
            let [along, across] = seen_from(claimed, cosine, sine);
            subject.equal(&[across, along.min(0.0)], &[0.0, 0.0], tolerance(case))?;
        }
        if let Some(claimed) = variance.as_ref().map(|variance| variance[entry]) {
            subject.equal(&[claimed], &[1.0 - cosine.hypot(sine)], tolerance(case))?;
        }
        if let Some(claimed) = entropy.as_ref().map(|entropy| entropy[entry]) {
            subject.equal(&[claimed], &[minus_log], tolerance(case))?;
        }
        check_arcs(subject, case, entry, &points)?;
    }
    Ok(())
}

/// The integrals of `p`, `p cos x`, `p sin x` and `−p ln p` over the points' interval.
fn over_circle(case: &Case<'_>, entry: usize, points: &[f64]) -> Answer<[f64; 4]> {
    let (first, last) = (points[0], points[points.len() - 1]);
    integrate(points, 1e-7, |values| {
        let log_probs = case.log_probs(values, entry)?;
        let each = |f: &dyn Fn(f64, f64, f64) -> f64| -> Vec<f64> {
            let terms = values.iter().zip(&log_probs);
            let inside = |x: f64| x >= first && x <= last;
            terms
                .map(|(&x, &l)| if inside(x) && l.exp() > 0.0 { f(x, l, l.exp()) } else { 0.0 })
                .collect()
        };
        Ok([
            each(&|_, _, p| p),
            each(&|x, _, p| x.cos() * p),
            each(&|x, _, p| x.sin() * p),
            each(&|_, l, p| -l * p),
        ])
    })
}

/// A vector's part along a direction and across it.
fn seen_from(direction: f64, cosine: f64, sine: f64) -> [f64; 2] {
    let (s, c) = direction.sin_cos();
    [cosine * c + sine * s, sine * c - cosine * s]
}

/// The mass of each of a few arcs is the rise of the cdf, over the whole circle 1.
fn check_arcs(subject: Subject<'_>, case: &Case<'_>, entry: usize, points: &[f64]) -> Outcome {
    let Some(cdf) = subject.optional_entries(case.d.cdf(&case.values(points)))? else {
        return Ok(());
    };
    let cdf: Vec<f64> = cdf.into_iter().skip(entry).step_by(case.width()).collect();
    for arc in [0..16, 16..40, 40..PIECES, 0..PIECES] {
        let [mass, ..] = subject.get(over_circle(case, entry, &points[arc.start..=arc.end]))?;
        subject.equal(&[cdf[arc.end] - cdf[arc.start]], &[mass], tolerance(case))?;
    }
    Ok(())
}

/// Samples lie in [−π, π] and have the circular mean, the circular variance and the distribution claimed.
pub(super) fn check_angles(subject: Subject<'_>, case: &Case<'_>) -> Outcome {
    let mean = subject.optional_entries(case.d.mean())?;
    let variance = subject.optional_entries(case.d.variance())?;
    let cdf = subject.optional_entries(case.d.cdf(&case.sample))?;
    for entry in 0..case.width() {
        let column = case.column(entry);
        if let Some(x) = column.iter().find(|x| x.abs() > PI + case.dtype.epsilon() * PI) {
            return Err(subject.broken(format!("a sample {x}"), "angles in [−π, π]"));
        }
        if let Some(mean) = &mean {
            let part = |i: usize| -> Vec<f64> {
                column.iter().map(|x| seen_from(mean[entry], x.cos(), x.sin())[i]).collect()
            };
            let length = variance.as_ref().map(|variance| 1.0 - variance[entry]);
            check_moments(subject, &part(0), length, None)?;
            check_moments(subject, &part(1), Some(0.0), None)?;
        }
        if let Some(cdf) = &cdf {
            // From where the cdf is whole on, it is uniform.
            let shares = cdf.iter().skip(entry).step_by(case.width()).map(|p| p - p.floor());
            let shares: Vec<f64> = shares.collect();
            check_cdf(subject, &shares, &shares, true)?;
        }
    }
    Ok(())
}

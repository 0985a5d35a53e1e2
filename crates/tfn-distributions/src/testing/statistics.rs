//! Samples against what they are samples of.

use super::{LawError, Subject};

/// Probability with which one comparison fails by chance.
const FALSE_ALARM: f64 = 1e-10;
/// A standard normal lies further out with a probability below [`FALSE_ALARM`].
const STANDARD_ERRORS: f64 = 6.5;

/// Checks the distribution of `sample` against the `cdf` at each of its values.
///
/// By the inequality of Dvoretzky, Kiefer and Wolfowitz (with Massart's constant) the largest distance exceeds
/// `sqrt(ln(2/α)/2n)` with a probability of at most α, whatever the distribution.
pub(super) fn check_cdf(
    subject: Subject<'_>,
    sample: &[f64],
    cdf: &[f64],
    is_continuous: bool,
) -> Result<(), LawError> {
    let mut pairs: Vec<(f64, f64)> = sample.iter().copied().zip(cdf.iter().copied()).collect();
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
    let count = pairs.len() as f64;
    let bound = ((2.0 / FALSE_ALARM).ln() / (2.0 * count)).sqrt();
    for (i, &(x, probability)) in pairs.iter().enumerate() {
        let is_last_of_ties = pairs.get(i + 1).is_none_or(|next| next.0 > x);
        let above = (i as f64 + 1.0) / count - probability;
        let below = probability - i as f64 / count;
        let off = match (is_continuous, is_last_of_ties) {
            (true, _) => above.max(below),
            (false, true) => above.abs(),
            (false, false) => 0.0,
        };
        if off.is_nan() || off > bound {
            let given =
                format!("cdf {probability} at {x}, {off} from the share of {count} samples");
            return Err(subject.broken(given, format!("at most {bound} from it")));
        }
    }
    Ok(())
}

/// Checks mean and variance of `sample`; what is not finite or not known is left out.
pub(super) fn check_moments(
    subject: Subject<'_>,
    sample: &[f64],
    mean: Option<f64>,
    variance: Option<f64>,
) -> Result<(), LawError> {
    let count = sample.len() as f64;
    let average = sample.iter().sum::<f64>() / count;
    let moment = |order: i32| sample.iter().map(|x| (x - average).powi(order)).sum::<f64>() / count;
    let (second, fourth) = (moment(2), moment(4));
    let checks = [
        ("mean", mean, average, (second / count).sqrt()),
        ("variance", variance, second, ((fourth - second * second).max(0.0) / count).sqrt()),
    ];
    for (name, claimed, found, standard_error) in checks {
        let Some(claimed) = claimed.filter(|claimed| claimed.is_finite()) else {
            continue;
        };
        // The variance is taken about the sample's own mean, whose error counts by its square.
        let slack = match name {
            "mean" => 1e-6 * (claimed.abs() + second.sqrt()),
            _ => {
                let of_mean = STANDARD_ERRORS * STANDARD_ERRORS * second / count;
                of_mean + 1e-6 * claimed + 1e-12 * average * average
            }
        };
        if (claimed - found).abs() > STANDARD_ERRORS * standard_error + slack {
            let given = format!("{name} {claimed}");
            return Err(subject.broken(given, format!("{found} ± {standard_error} by samples")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tfn_tensor::{DType, Stream};

    const SUBJECT: Subject<'static> = Subject { law: "test", family: "Test" };

    #[test]
    fn a_wrong_distribution_is_found() {
        let sample = Stream::from_seed(1).uniform(&[10_000], DType::F64).to_vec::<f64>().unwrap();
        check_cdf(SUBJECT, &sample, &sample, true).unwrap();
        let wrong: Vec<f64> = sample.iter().map(|x| x.powf(1.2)).collect();
        assert!(check_cdf(SUBJECT, &sample, &wrong, true).is_err());
        check_moments(SUBJECT, &sample, Some(0.5), Some(1.0 / 12.0)).unwrap();
        assert!(check_moments(SUBJECT, &sample, Some(0.53), None).is_err());
        assert!(check_moments(SUBJECT, &sample, None, Some(0.1)).is_err());
    }
}

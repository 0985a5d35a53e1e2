//! How far a metric depends on which rows happened to be in the set.

use tfn_tensor::Key;

use super::checks::check_scores;
use crate::check::Argument;
use crate::error::Result;

/// A metric on many resamples of a set: as many rows as it has, drawn from it with replacement.
///
/// # Examples
/// ```
/// use tfn_tensor::Key;
/// use tfn_train::metrics::{Bootstrap, aurc};
///
/// let uncertainty: Vec<f64> = (0..200).map(|i| f64::from(i % 17)).collect();
/// let losses: Vec<f64> = (0..200).map(|i| f64::from(i % 17 > 11)).collect();
/// let bootstrap = Bootstrap::new(200, 500, &Key::from_seed(1), |rows| {
///     let of_rows = |all: &[f64]| rows.iter().map(|&row| all[row]).collect::<Vec<f64>>();
///     aurc(&of_rows(&uncertainty), &of_rows(&losses))
/// })?;
/// let [low, high] = bootstrap.interval(0.95)?;
/// let area = aurc(&uncertainty, &losses)?;
/// assert!(low < area && area < high);
/// # Ok::<(), tfn_train::TrainError>(())
/// ```
///
/// # References
/// Efron and Tibshirani, *An introduction to the bootstrap*, 1993, sections 6.2 and 13.3.
#[derive(Clone, Debug, PartialEq)]
pub struct Bootstrap {
    /// Rising.
    values: Vec<f64>,
}

impl Bootstrap {
    /// Asks `metric` for its value on `resamples` lists of `rows` row numbers each, all below `rows`.
    ///
    /// Resample `r` is a function of the key and `r` alone: the same key gives the same lists, whatever the metric, so that
    /// two models are compared on the same rows; and more resamples begin with those of fewer.
    ///
    /// # Errors
    /// [`TrainError::Value`](crate::TrainError::Value) if there are no rows or no resamples, or 2³² rows and more; what
    /// `metric` reports (a resample may lack a class); [`TrainError::Entry`](crate::TrainError::Entry) for a value that is
    /// NaN, with the resample as row.
    pub fn new(
        rows: usize,
        resamples: usize,
        key: &Key,
        mut metric: impl FnMut(&[usize]) -> Result<f64>,
    ) -> Result<Self> {
        let argument = |argument, given: usize| Argument::new("Bootstrap", argument, given as f64);
        let expected = "a whole number from 1 to below 2^32";
        argument("rows", rows).require(rows > 0 && u32::try_from(rows).is_ok(), expected)?;
        argument("resamples", resamples).require(resamples > 0, "a whole number of at least 1")?;
        let key = key.child("bootstrap");
        let mut chosen = vec![0; rows];
        let of_resample = |resample: usize| {
            let mut stream = key.index(resample as u64).stream();
            // The high half of the product is uniform to 32 bits and more, far below what resampling itself leaves open.
            let row = |word: u64| ((u128::from(word) * rows as u128) >> 64) as usize;
            chosen.fill_with(|| row(stream.next_u64()));
            metric(&chosen)
        };
        let mut values = (0..resamples).map(of_resample).collect::<Result<Vec<f64>>>()?;
        check_scores("Bootstrap", "metric", &values)?;
        values.sort_by(f64::total_cmp);
        Ok(Self { values })
    }

    /// The metric on each resample, rising.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// Standard error of the metric: the standard deviation over the resamples.
    ///
    /// NaN if there is one resample, or if a value is infinite.
    pub fn standard_error(&self) -> f64 {
        let count = self.values.len() as f64;
        let mean = self.values.iter().sum::<f64>() / count;
        let squares: f64 = self.values.iter().map(|value| (value - mean).powi(2)).sum();
        (squares / (count - 1.0)).sqrt()
    }

    /// Percentile interval of the probability `level`: the quantiles of (1 ∓ level)/2 of the values.
    ///
    /// Quantiles lie linearly between neighbours, as `numpy.quantile` has them. The interval asks for enough resamples,
    /// a thousand for a level of 0.95, and for a metric whose value does not depend on the number of rows: bias, such as
    /// that of the ECE, grows with repeated rows and shifts it.
    ///
    /// # Errors
    /// [`TrainError::Value`](crate::TrainError::Value) if `level` is not between 0 and 1.
    pub fn interval(&self, level: f64) -> Result<[f64; 2]> {
        let level = Argument::new("Bootstrap::interval", "level", level)
            .require(level > 0.0 && level < 1.0, "a number between 0 and 1")?;
        let tail = (1.0 - level) / 2.0;
        Ok([self.quantile(tail), self.quantile(1.0 - tail)])
    }

    fn quantile(&self, p: f64) -> f64 {
        let last = self.values.len() - 1;
        let place = p * last as f64;
        let below = (place.floor() as usize).min(last);
        let (low, high) = (self.values[below], self.values[(below + 1).min(last)]);
        let part = place - below as f64;
        // Infinite ends would make a NaN of nothing.
        if part <= 0.0 || low == high || low.is_infinite() {
            low
        } else {
            low + part * (high - low)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::TrainError;
    use crate::metrics::auroc;
    use crate::metrics::tests::scores;

    fn of_values(values: &[f64]) -> Result<Bootstrap> {
        let mut next = values.iter().copied();
        Bootstrap::new(3, values.len(), &Key::from_seed(1), |_| Ok(next.next().unwrap()))
    }

    fn mean_row(rows: &[usize]) -> Result<f64> {
        Ok(rows.iter().sum::<usize>() as f64 / rows.len() as f64)
    }

    #[test]
    fn the_same_key_gives_the_same_resamples() {
        let run = |resamples, seed| {
            let mut lists = Vec::new();
            let key = Key::from_seed(seed);
            let bootstrap = Bootstrap::new(20, resamples, &key, |rows| {
                lists.push(rows.to_vec());
                mean_row(rows)
            });
            (bootstrap.unwrap(), lists)
        };
        assert_eq!(run(50, 7), run(50, 7));
        assert_eq!(run(50, 7).1[..10], run(10, 7).1);
        assert_ne!(run(50, 7).1, run(50, 8).1);
        assert!(run(50, 7).1.iter().flatten().all(|&row| row < 20));
    }

    #[test]
    fn rows_are_uniform_and_the_error_is_that_of_a_mean() {
        let mut counts = [0_u32; 10];
        let bootstrap = Bootstrap::new(10, 20_000, &Key::from_seed(3), |rows| {
            rows.iter().for_each(|&row| counts[row] += 1);
            mean_row(rows)
        })
        .unwrap();
        // 20000 expected each, standard deviation 134.
        assert!(counts.iter().all(|&count| count.abs_diff(20_000) < 700), "{counts:?}");
        // Rows have the variance (10² - 1)/12, and their mean a tenth of it.
        let exact = (99.0_f64 / 12.0 / 10.0).sqrt();
        assert!((bootstrap.standard_error() / exact - 1.0).abs() < 0.025);
        let [low, high] = bootstrap.interval(0.95).unwrap();
        assert!((low - (4.5 - 1.96 * exact)).abs() < 0.1, "{low}");
        assert!((high - (4.5 + 1.96 * exact)).abs() < 0.1, "{high}");
    }

    #[test]
    fn infinite_values_make_infinite_ends() {
        let infinite = of_values(&[1.0, f64::INFINITY, 2.0, f64::INFINITY]).unwrap();
        assert_eq!(infinite.interval(0.9).unwrap(), [1.0 + 0.15, f64::INFINITY]);
        let both = of_values(&[f64::INFINITY, f64::NEG_INFINITY]).unwrap();
        assert!(both.interval(0.5).unwrap().iter().all(|end| !end.is_nan()));
        assert!(both.standard_error().is_nan());
    }

    #[test]
    fn one_row_and_one_resample() {
        let scores = scores(&[0.75, 0.25], &[0.0]).unwrap();
        let bootstrap =
            scores.bootstrap(4, &Key::from_seed(1), |scores| Ok(scores.brier())).unwrap();
        assert_eq!(bootstrap.interval(0.95).unwrap(), [0.125; 2]);
        assert_eq!(bootstrap.standard_error(), 0.0);
        let one = of_values(&[0.5]).unwrap();
        assert_eq!(one.interval(0.95).unwrap(), [0.5; 2]);
        assert!(one.standard_error().is_nan());
    }

    #[test]
    fn resampled_rows_keep_their_labels() {
        // Right in rows of the first kind, wrong in the others, with a confidence of its own each.
        let scores = scores(&[0.75, 0.25, 0.375, 0.625].repeat(8), &[0.0; 16]).unwrap();
        let check = |of: &crate::metrics::Classification| {
            let kinds = of.confidence().into_iter().zip(of.correct());
            assert!(kinds.into_iter().all(|(p, is_right)| is_right == (p == 0.75)));
            Ok(of.accuracy())
        };
        let values = scores.bootstrap(30, &Key::from_seed(5), check).unwrap();
        assert!(values.values()[0] < values.values()[29]);
    }

    #[test]
    fn bad_input_names_what_is_wrong() {
        let key = Key::from_seed(1);
        let text = |made: Result<Bootstrap>| made.unwrap_err().to_string();
        let error = text(Bootstrap::new(0, 10, &key, mean_row));
        assert!(error.contains("`rows` is 0, expected a whole number from 1"), "{error}");
        let error = text(Bootstrap::new(usize::MAX, 10, &key, mean_row));
        assert!(error.contains("`rows` is"), "{error}");
        let error = text(Bootstrap::new(3, 0, &key, mean_row));
        assert!(
            error.contains("`resamples` is 0, expected a whole number of at least 1"),
            "{error}"
        );
        let error = text(of_values(&[0.0, f64::NAN]));
        assert!(error.contains("`metric` is NaN in row 1"), "{error}");
        // Of two rows, one of each group, half of the resamples lack one.
        let groups = |rows: &[usize]| {
            let (negative, positive): (Vec<usize>, Vec<usize>) =
                rows.iter().partition(|&&row| row == 0);
            auroc(&vec![0.0; negative.len()], &vec![1.0; positive.len()])
        };
        let error = Bootstrap::new(2, 50, &key, groups).unwrap_err();
        assert!(matches!(error, TrainError::Shape { op: "auroc", .. }), "{error}");
        for level in [0.0, 1.0, f64::NAN] {
            let error = of_values(&[1.0]).unwrap().interval(level).unwrap_err().to_string();
            assert!(error.contains("expected a number between 0 and 1"), "{error}");
        }
    }
}

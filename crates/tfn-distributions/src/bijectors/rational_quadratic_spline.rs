//! Monotone splines.

use tfn_module::Module;
use tfn_tensor::{Tensor, broadcast_shapes};

use super::{Bijector, check_as, failed, number, rising};
use crate::axes::sum_last;
use crate::constraint::Constraint;
use crate::error::{DistributionError, Result};
use crate::parameter::Parameter;

const FAMILY: &str = "RationalQuadraticSpline";

/// A rising function through knots, a ratio of quadratic polynomials between two of them, and `f(x) = x` outside.
///
/// Counterpart: `tfp.bijectors.RationalQuadraticSpline`. The knots lie at `range_min` and at the running sums from there
/// of `bin_widths` in `x` and of `bin_heights` in `y`; `knot_slopes` are the slopes at the inner ones. At both ends the
/// slope is 1, so that the spline goes over into the straight line.
///
/// ```text
/// f(x) = y₀ + h·(s·ξ² + d₀·ξ·(1 − ξ)) / (s + (d₀ + d₁ − 2s)·ξ·(1 − ξ)),   ξ = (x − x₀)/w,  s = h/w
/// ```
///
/// # Shapes
/// `bin_widths` and `bin_heights` are `[batch…, bins]`, `knot_slopes` `[batch…, bins − 1]`, or with a last axis of 1, or
/// a number. The batch broadcasts with the argument: without one all entries go through the same spline.
///
/// # Examples
/// Trained from numbers without a constraint:
/// ```
/// use tfn_distributions::TransformedVariable;
/// use tfn_distributions::bijectors::{Bijector, Chain, RationalQuadraticSpline, Scale, SoftmaxCentered};
/// use tfn_tensor::{DType, Tensor, Variable};
///
/// let widths = Chain::new((Scale::new(6.0)?, SoftmaxCentered::new())); // three bins from −3 to 3
/// let start = Variable::new("widths", Tensor::zeros(&[2], DType::F64))?;
/// let widths = TransformedVariable::from_variable(start, widths)?;
/// let heights = Tensor::from_vec(vec![1.0, 2.5, 2.5], &[3]);
/// let spline = RationalQuadraticSpline::new(&widths, heights, 1.0)?.with_range_min(-3.0)?;
/// let y = spline.forward(&Tensor::from_vec(vec![-1.0, 1.0, 7.0], &[3])).to_vec::<f64>()?;
/// assert!((y[0] + 2.0).abs() < 1e-12 && (y[1] - 0.5).abs() < 1e-12 && y[2] == 7.0);
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
///
/// # References
/// Durkan, Bekasov, Murray, Papamakarios, "Neural spline flows", 2019, appendix A: equations 19, 22 and 25 to 29.
#[derive(Clone, Debug, Module)]
pub struct RationalQuadraticSpline {
    bin_widths: Parameter,
    bin_heights: Parameter,
    knot_slopes: Parameter,
    range_min: f64,
}

impl RationalQuadraticSpline {
    /// The spline whose first knot is (−1, −1), with these widths and heights of the bins and these slopes at the inner knots.
    ///
    /// The widths must have the same sum as the heights. What comes from variables is not checked.
    ///
    /// # Errors
    /// [`DistributionError::Argument`] if an argument is not positive, or the sums differ; [`DistributionError::Shape`]
    /// and [`DistributionError::Shapes`] if the numbers of bins and slopes do not fit, or the batches do not broadcast.
    pub fn new(
        bin_widths: impl Into<Parameter>,
        bin_heights: impl Into<Parameter>,
        knot_slopes: impl Into<Parameter>,
    ) -> Result<Self> {
        let [bin_widths, bin_heights, knot_slopes] =
            Parameter::unify([bin_widths.into(), bin_heights.into(), knot_slopes.into()]);
        let made = Self { bin_widths, bin_heights, knot_slopes, range_min: -1.0 };
        for (argument, parameter) in made.parameters() {
            check_as(Constraint::Positive, FAMILY, argument, parameter)?;
        }
        made.check_shapes()?;
        made.check_sums()?;
        Ok(made)
    }

    /// The same with the first knot at another place.
    ///
    /// # Errors
    /// [`DistributionError::Argument`] if `range_min` is not finite.
    pub fn with_range_min(self, range_min: f64) -> Result<Self> {
        check_as(Constraint::Real, FAMILY, "range_min", &range_min.into())?;
        Ok(Self { range_min, ..self })
    }

    /// The distances of the knots in `x`.
    pub fn bin_widths(&self) -> &Parameter {
        &self.bin_widths
    }

    /// The distances of the knots in `y`.
    pub fn bin_heights(&self) -> &Parameter {
        &self.bin_heights
    }

    /// The slopes at the inner knots.
    pub fn knot_slopes(&self) -> &Parameter {
        &self.knot_slopes
    }

    /// Where the first knot lies, in `x` and in `y`.
    pub fn range_min(&self) -> f64 {
        self.range_min
    }

    fn parameters(&self) -> [(&'static str, &Parameter); 3] {
        [
            ("bin_widths", &self.bin_widths),
            ("bin_heights", &self.bin_heights),
            ("knot_slopes", &self.knot_slopes),
        ]
    }

    fn check_shapes(&self) -> Result<()> {
        let bad = |argument, given: Vec<usize>, expected: String| {
            Err(DistributionError::Shape { family: FAMILY, argument, given, expected })
        };
        let [widths, heights, slopes] = self.parameters().map(|(_, parameter)| parameter.shape());
        let (widths, heights, slopes) = (widths?, heights?, slopes?);
        let bins = match widths.last() {
            Some(&bins) if bins > 0 => bins,
            _ => return bad("bin_widths", widths, "at least one bin along the last axis".into()),
        };
        if heights.last() != Some(&bins) {
            return bad("bin_heights", heights, format!("{bins} bins along the last axis"));
        }
        if slopes.last().is_some_and(|&size| size != 1 && size != bins - 1) {
            return bad("knot_slopes", slopes, format!("{} or 1 along the last axis", bins - 1));
        }
        self.batch().map(|_| ())
    }

    fn check_sums(&self) -> Result<()> {
        if !self.bin_widths.is_fixed() || !self.bin_heights.is_fixed() {
            return Ok(());
        }
        let sum = |sizes: &Parameter| sum_last(&sizes.value(), 1);
        let (widths, heights) = (sum(&self.bin_widths), sum(&self.bin_heights));
        let slack = 64.0 * widths.dtype()?.epsilon();
        let off = (&widths - &heights).abs().gt(&(widths * slack)).to_f64_vec()?;
        match off.iter().position(|&off| off != 0.0) {
            None => Ok(()),
            Some(row) => Err(DistributionError::Argument {
                family: FAMILY,
                argument: "bin_heights",
                given: format!("of another sum in row {row}"),
                expected: "the sum of `bin_widths`".into(),
            }),
        }
    }

    /// The batch of all parameters.
    fn batch(&self) -> Result<Vec<usize>> {
        let mut batch = Vec::new();
        for (argument, parameter) in self.parameters() {
            let shape = parameter.shape()?;
            let rhs = &shape[..shape.len().saturating_sub(1)];
            batch = broadcast_shapes(&batch, rhs).ok_or_else(|| DistributionError::Shapes {
                family: FAMILY,
                argument,
                lhs: batch.clone(),
                rhs: rhs.to_vec(),
            })?;
        }
        Ok(batch)
    }

    /// The knots in `x`, those in `y`, and the slopes at them, each `[batch…, bins + 1]`.
    fn knots(&self, like: &Tensor) -> Result<[Tensor; 3]> {
        let batch = self.batch()?;
        let [widths, heights, slopes] =
            self.parameters().map(|(_, parameter)| parameter.value_like(like));
        let bins = widths.shape()?.last().copied().unwrap_or(0);
        let row = |size: usize| [&batch[..], &[size]].concat();
        let end = |value: f64| number(value, like).broadcast_to(&row(1));
        let first = end(self.range_min);
        let positions = |sizes: Tensor| {
            let rest = (sizes.cumsum(-1) + self.range_min).broadcast_to(&row(bins));
            Tensor::concat(&[&first, &rest], -1)
        };
        let slopes = slopes.broadcast_to(&row(bins - 1));
        let slopes = Tensor::concat(&[&end(1.0), &slopes, &end(1.0)], -1);
        Ok([positions(widths), positions(heights), slopes])
    }

    /// `inside` of each entry of `at` and its bin; for an entry outside of all bins, `outside` of it.
    ///
    /// `axis` says what `at` holds: values of `x` (0) or of `y` (1).
    fn by_bin(
        &self,
        at: &Tensor,
        axis: usize,
        inside: &dyn Fn(&Bin, &Tensor) -> Tensor,
        outside: &dyn Fn(&Tensor) -> Tensor,
    ) -> Tensor {
        let made = || -> Result<Tensor> {
            let knots = self.knots(at)?;
            let places = Places::find(at, &knots[axis])?;
            let bin = Bin::at(&places, &knots);
            let at = at.broadcast_to(&places.shape);
            let stand_in = if axis == 0 { &bin.x } else { &bin.y };
            let safe = Tensor::select(&places.outside, &stand_in.detach(), &at);
            Ok(Tensor::select(&places.outside, &outside(&at), &inside(&bin, &safe)))
        };
        made().unwrap_or_else(failed)
    }
}

/// In which bin numbers lie.
struct Places {
    /// Flat index of the knot at the left end, in the table of all rows.
    left: Vec<usize>,
    /// 1 where a number lies beyond all bins.
    outside: Tensor,
    shape: Vec<usize>,
}

impl Places {
    fn find(at: &Tensor, knots: &Tensor) -> Result<Self> {
        let (&[ref batch @ .., len], given) = (knots.shape()?, at.shape()?) else {
            return Err(DistributionError::Unsupported { family: FAMILY, method: "knots of no axis" });
        };
        let shape = broadcast_shapes(given, batch).ok_or_else(|| DistributionError::Shapes {
            family: FAMILY,
            argument: "x",
            lhs: batch.to_vec(),
            rhs: given.to_vec(),
        })?;
        let table = knots.to_f64_vec()?;
        let numbers: Vec<f64> = (0..table.len() / len).map(|row| row as f64).collect();
        let rows = Tensor::from_vec(numbers, batch).broadcast_to(&shape).to_f64_vec()?;
        let entries = at.broadcast_to(&shape).to_f64_vec()?;
        let (mut left, mut outside) = (Vec::with_capacity(rows.len()), Vec::new());
        for (row, entry) in rows.into_iter().zip(entries) {
            let start = row as usize * len;
            let own = &table[start..start + len];
            left.push(start + own[1..len - 1].partition_point(|&knot| knot <= entry));
            outside.push(f64::from(u8::from(entry <= own[0] || entry >= own[len - 1])));
        }
        let outside = Tensor::from_f64(&outside, &shape, at.dtype()?);
        Ok(Self { left, outside, shape })
    }

    /// The entries of a table of knots at the left and at the right ends of the bins.
    fn ends(&self, table: &Tensor) -> [Tensor; 2] {
        let flat = table.reshape(&[table.len().unwrap_or(0)]);
        [0, 1].map(|step| {
            let indices: Vec<usize> = self.left.iter().map(|left| left + step).collect();
            flat.gather(0, &indices).reshape(&self.shape)
        })
    }
}

/// The bins of all entries.
struct Bin {
    x: Tensor,
    right: Tensor,
    width: Tensor,
    y: Tensor,
    height: Tensor,
    /// Slopes at the left end, at the right end, and of the chord.
    slopes: [Tensor; 3],
    /// Sum of the slopes at both ends minus twice the slope of the chord, `d₀ + d₁ − 2s`: 0 for a parabola or a line.
    bend: Tensor,
}

impl Bin {
    fn at(places: &Places, [x, y, slopes]: &[Tensor; 3]) -> Self {
        let [[left, right], [low, high], [at_left, at_right]] =
            [x, y, slopes].map(|table| places.ends(table));
        let (width, height) = (&right - &left, high - &low);
        let chord = &height / &width;
        let bend = &at_left + &at_right - &chord * 2.0;
        Self { x: left, right, width, y: low, height, slopes: [at_left, at_right, chord], bend }
    }

    /// The distances of `x` from the left and from the right end of its bin, as shares of the bin's width.
    fn shares(&self, x: &Tensor) -> [Tensor; 2] {
        [(x - &self.x) / &self.width, (&self.right - x) / &self.width]
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        let ([near, far], [at_left, _, chord]) = (self.shares(x), &self.slopes);
        let both = &near * far;
        let above = chord * near.square() + at_left * &both;
        &self.y + &self.height * above / (chord + &self.bend * both)
    }

    /// The root of the quadratic equation, in the form in which nothing cancels.
    fn inverse(&self, y: &Tensor) -> Tensor {
        let (rise, [at_left, _, chord]) = (y - &self.y, &self.slopes);
        let bent = &rise * &self.bend;
        let a = &self.height * (chord - at_left) + &bent;
        let b = &self.height * at_left - bent;
        let c = chord * rise;
        let root = (b.square() + a * &c * 4.0).sqrt();
        &self.x + c * 2.0 / (b + root) * &self.width
    }

    fn log_slope(&self, x: &Tensor) -> Tensor {
        let ([near, far], [at_left, at_right, chord]) = (self.shares(x), &self.slopes);
        let both = &near * &far;
        let above = at_right * near.square() + chord * &both * 2.0 + at_left * far.square();
        above.ln() + (chord / (chord + &self.bend * both)).ln() * 2.0
    }
}

impl Bijector for RationalQuadraticSpline {
    fn forward(&self, x: &Tensor) -> Tensor {
        self.by_bin(x, 0, &Bin::forward, &Tensor::clone)
    }

    fn inverse(&self, y: &Tensor) -> Tensor {
        self.by_bin(y, 1, &Bin::inverse, &Tensor::clone)
    }

    fn forward_log_det_jacobian(&self, x: &Tensor) -> Tensor {
        self.by_bin(x, 0, &Bin::log_slope, &|x| number(0.0, x))
    }

    fn is_increasing(&self, like: &Tensor) -> Option<Tensor> {
        rising(like)
    }

    fn is_same(&self, other: &dyn Bijector) -> bool {
        other.downcast_ref::<Self>().is_some_and(|other| {
            let mut pairs = self.parameters().into_iter().zip(other.parameters());
            self.range_min == other.range_min && pairs.all(|((_, a), (_, b))| a.is_same(b))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::check_bijector_at;
    use tfn_tensor::Variable;

    fn row(entries: &[f64]) -> Tensor {
        Tensor::from_slice(entries, &[entries.len()])
    }

    fn spline() -> RationalQuadraticSpline {
        let (widths, heights) = (row(&[0.7, 1.5, 0.4, 1.4]), row(&[1.0, 0.3, 1.9, 0.8]));
        let made = RationalQuadraticSpline::new(widths, heights, row(&[0.5, 2.0, 0.1]));
        made.unwrap().with_range_min(-2.0).unwrap()
    }

    #[test]
    fn keeps_the_laws() {
        let x = row(&[-3.0, -1.9, -1.2, -0.5, 0.3, 0.5, 1.0, 1.99, 4.0]);
        check_bijector_at(&spline(), &x, None).unwrap();
        let make = |name: &str, entries: &[f64], shape: &[usize]| {
            Variable::new(name, Tensor::from_slice(entries, shape)).unwrap()
        };
        let widths = make("widths", &[0.5, 1.5, 1.1, 0.9], &[2, 2]);
        let heights = make("heights", &[1.2, 0.8], &[2]);
        let own = RationalQuadraticSpline::new(widths, heights, make("slopes", &[0.3], &[])).unwrap();
        let x = Tensor::from_slice(&[-0.8, 0.3, 0.9, -0.3, -2.0, 0.2], &[3, 2]);
        check_bijector_at(&own, &x, None).unwrap();
    }

    #[test]
    fn values_are_those_of_tfp() {
        let x = row(&[-3.0, -2.0, -1.9, -1.3, -0.5, 0.2, 0.5, 1.0, 1.99, 2.0, 4.0]);
        // TFP 0.25.
        let values = [
            -3.0,
            -2.0,
            -1.879_907_621_247_113,
            -1.0,
            -0.924_723_247_232_472_3,
            -0.7,
            1.021_654_275_092_936_7,
            1.295_336_787_564_767,
            1.990_025_306_827_739,
            2.0,
            4.0,
        ];
        let log_slopes = [
            0.0,
            0.0,
            0.337_863_350_242_614_5,
            -0.693_147_180_559_945_2,
            -2.821_147_434_866_644_8,
            0.693_147_180_559_942_7,
            1.365_138_916_911_613_3,
            -0.974_575_747_942_838_5,
            -0.005_079_409_568_027_104_5,
            0.0,
            0.0,
        ];
        let [y, slopes] = [spline().forward(&x), spline().forward_log_det_jacobian(&x)];
        for (given, expected) in [(y, values), (slopes, log_slopes)] {
            for (given, expected) in given.to_vec::<f64>().unwrap().iter().zip(expected) {
                assert!((given - expected).abs() < 1e-14, "{given} {expected}");
            }
        }
    }

    #[test]
    fn the_ends_are_straight_and_numbers_that_are_none_stay_so() {
        let x = row(&[f64::NEG_INFINITY, f64::INFINITY, f64::NAN]);
        let y = spline().forward(&x).to_vec::<f64>().unwrap();
        assert!(y[0] == f64::NEG_INFINITY && y[1] == f64::INFINITY && y[2].is_nan());
        let one = RationalQuadraticSpline::new(row(&[2.0]), row(&[2.0]), 1.0).unwrap();
        let x = row(&[-0.7, 0.0, 0.4]);
        let off = (one.forward(&x) - x).abs().sum().item().unwrap();
        assert!(off < 1e-15, "{off}");
    }

    #[test]
    fn arguments_that_do_not_fit_are_errors() {
        let message = |widths: &[f64], heights: &[f64], slopes: &[f64]| {
            let made = RationalQuadraticSpline::new(row(widths), row(heights), row(slopes));
            made.unwrap_err().to_string()
        };
        let start = "RationalQuadraticSpline: argument";
        assert_eq!(
            message(&[1.0, -1.0], &[1.0, 1.0], &[1.0]),
            format!("{start} `bin_widths` is -1 at entry 1, expected finite positive numbers")
        );
        assert_eq!(
            message(&[1.0, 2.0], &[1.0, 1.0], &[1.0]),
            format!("{start} `bin_heights` is of another sum in row 0, expected the sum of `bin_widths`")
        );
        assert_eq!(
            message(&[1.0, 2.0], &[3.0], &[1.0]),
            format!("{start} `bin_heights` has shape [1], expected 2 bins along the last axis")
        );
        assert_eq!(
            message(&[1.0; 4], &[1.0; 4], &[1.0; 2]),
            format!("{start} `knot_slopes` has shape [2], expected 3 or 1 along the last axis")
        );
        assert!(RationalQuadraticSpline::new(1.0, 1.0, 1.0).is_err());
        assert!(spline().with_range_min(f64::NAN).is_err());
        let two = Tensor::ones(&[2, 1], tfn_tensor::DType::F64);
        let two = RationalQuadraticSpline::new(&two, &two, 1.0).unwrap();
        let error = two.forward(&row(&[0.1, 0.2, 0.3])).shape().unwrap_err();
        assert!(error.to_string().contains("shapes [2] and [3]"), "{error}");
    }
}

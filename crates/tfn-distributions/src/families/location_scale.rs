//! What families of location and scale have in common: they are the distributions of `loc + scale·Z`.

use std::f64::consts::LN_2;

use tfn_tensor::random::Stream;
use tfn_tensor::{DType, Tensor};

use crate::masking::{
    at_probability, branch, constant, ln_or_minus_infinity, ln_probability, nonzero,
};
use crate::standardizing::standardized;

/// The distribution of `Z`, at 0 and of scale 1.
pub(super) trait Standard {
    /// The log-density of `scale·Z`.
    fn log_prob(&self, x: &Tensor, scale: &Tensor) -> Tensor;
    fn cdf(&self, z: &Tensor) -> Tensor;
    fn log_cdf(&self, z: &Tensor) -> Tensor;
    fn survival(&self, z: &Tensor) -> Tensor;
    fn log_survival(&self, z: &Tensor) -> Tensor;
    fn quantile(&self, p: &Tensor) -> Tensor;
    /// The `z` above which the probability is `p`.
    fn survival_quantile(&self, p: &Tensor) -> Tensor;

    fn draw(&self, shape: &[usize], dtype: DType, stream: &mut Stream) -> Tensor {
        self.quantile(&stream.uniform_open(shape, dtype))
    }
}

/// A distribution that is symmetric about 0, by what it is for `z` of at least 0.
pub(super) trait Symmetric: Sized {
    /// That of `scale·Z` at `x`.
    fn log_density(&self, x: &Tensor, scale: &Tensor) -> Tensor;
    /// Probability of more than `z`.
    fn tail(&self, z: &Tensor) -> Tensor;
    /// The `z` of which `p`, at most ½, is the [`tail`](Self::tail).
    fn tail_quantile(&self, p: &Tensor) -> Tensor;
    /// Probability of a distance of at most `z` from 0.
    fn inner(&self, z: &Tensor) -> Tensor;
    /// The `z` of which `p`, at most ½, is the [`inner`](Self::inner) probability.
    fn inner_quantile(&self, p: &Tensor) -> Tensor;

    /// The logarithm of [`tail`](Self::tail), for families in which that underflows.
    fn log_tail(&self, z: &Tensor) -> Tensor {
        ln_or_minus_infinity(&self.tail(z))
    }

    /// A draw from both sides.
    fn noise(&self, shape: &[usize], dtype: DType, stream: &mut Stream) -> Tensor {
        self.quantile(&stream.uniform_open(shape, dtype))
    }
}

/// 1 where `z` is below 0, and the distance from 0: its slope at 0 is that of the right side.
fn sides(z: &Tensor) -> (Tensor, Tensor) {
    let is_left = z.lt(&constant(0.0, z));
    let size = Tensor::select(&is_left, &-z, z);
    (is_left, size)
}

impl<S: Symmetric> Standard for S {
    fn log_prob(&self, x: &Tensor, scale: &Tensor) -> Tensor {
        self.log_density(x, scale)
    }

    fn cdf(&self, z: &Tensor) -> Tensor {
        let (is_left, size) = sides(z);
        let tail = self.tail(&size);
        Tensor::select(&is_left, &tail, &(1.0 - &tail))
    }

    fn log_cdf(&self, z: &Tensor) -> Tensor {
        let (is_left, _) = sides(z);
        branch(&is_left, z, (-1.0, |z| self.log_tail(&-z)), (1.0, |z| (-self.tail(z)).log1p()))
    }

    fn survival(&self, z: &Tensor) -> Tensor {
        self.cdf(&-z)
    }

    fn log_survival(&self, z: &Tensor) -> Tensor {
        self.log_cdf(&-z)
    }

    fn quantile(&self, p: &Tensor) -> Tensor {
        let p = at_probability(p, p);
        let is_left = p.lt(&constant(0.5, &p));
        let outside = Tensor::select(&is_left, &p, &(1.0 - &p));
        let near = |tail: &Tensor| self.inner_quantile(&(tail * -2.0 + 1.0));
        let is_far = outside.lt(&constant(0.25, &p));
        let z = branch(&is_far, &outside, (0.2, |tail| self.tail_quantile(tail)), (0.3, near));
        Tensor::select(&is_left, &-&z, &z)
    }

    fn survival_quantile(&self, p: &Tensor) -> Tensor {
        -Standard::quantile(self, p)
    }

    fn draw(&self, shape: &[usize], dtype: DType, stream: &mut Stream) -> Tensor {
        self.noise(shape, dtype, stream)
    }
}

/// The distribution of `|Z|`, asked for `z` of at least 0 only.
pub(super) struct Folded<S>(pub(super) S);

impl<S: Symmetric> Standard for Folded<S> {
    fn log_prob(&self, x: &Tensor, scale: &Tensor) -> Tensor {
        self.0.log_density(x, scale) + LN_2
    }

    fn cdf(&self, z: &Tensor) -> Tensor {
        self.0.inner(z)
    }

    fn log_cdf(&self, z: &Tensor) -> Tensor {
        ln_probability(&self.0.inner(z), &self.survival(z))
    }

    fn survival(&self, z: &Tensor) -> Tensor {
        self.0.tail(z) * 2.0
    }

    fn log_survival(&self, z: &Tensor) -> Tensor {
        let is_near = self.0.inner(z).lt(&constant(0.5, z));
        let near = |z: &Tensor| (-self.0.inner(z)).log1p();
        branch(&is_near, z, (0.0, near), (1.0, |z| self.0.log_tail(z) + LN_2))
    }

    fn quantile(&self, p: &Tensor) -> Tensor {
        let p = at_probability(p, p);
        let outer = |p: &Tensor| self.0.tail_quantile(&(0.5 - p * 0.5));
        let is_inner = p.lt(&constant(0.5, &p));
        branch(&is_inner, &p, (0.25, |p| self.0.inner_quantile(p)), (0.75, outer))
    }

    fn survival_quantile(&self, p: &Tensor) -> Tensor {
        let p = at_probability(p, p);
        let outer = |p: &Tensor| self.0.tail_quantile(&(p * 0.5));
        let is_outer = p.le(&constant(0.5, &p));
        branch(&is_outer, &p, (0.25, outer), (0.75, |p| self.0.inner_quantile(&(1.0 - p))))
    }

    fn draw(&self, shape: &[usize], dtype: DType, stream: &mut Stream) -> Tensor {
        self.0.noise(shape, dtype, stream).abs()
    }
}

/// Where a distribution lies: all along the line, or from `loc` upward.
pub(super) struct Place {
    pub(super) loc: Tensor,
    pub(super) scale: Tensor,
    pub(super) is_half: bool,
}

impl Place {
    /// 1 below `loc` if nothing is there, and at infinity; `None` if there is no such entry.
    fn outside(&self, x: &Tensor) -> Option<[Tensor; 2]> {
        let is_below = if self.is_half {
            x.lt(&self.loc)
        } else if x.all_finite().unwrap_or(true) {
            return None;
        } else {
            x.eq(&constant(f64::NEG_INFINITY, x))
        };
        let is_outside = &is_below + x.eq(&constant(f64::INFINITY, x));
        Some([is_below, is_outside])
    }

    /// `f` of the standardised value (NaN too), the `ends` with zero gradient where nothing is.
    pub(super) fn standardized(
        &self,
        x: &Tensor,
        [below, above]: [f64; 2],
        f: &dyn Fn(&Tensor) -> Tensor,
    ) -> Tensor {
        let z = standardized(x, &self.loc, &self.scale);
        let Some([is_below, is_outside]) = self.outside(x) else { return f(&z) };
        let z = Tensor::select(&is_outside, &constant(1.0, x), &z);
        let ends = Tensor::select(&is_below, &constant(below, x), &constant(above, x));
        Tensor::select(&is_outside, &ends, &f(&z))
    }

    /// The log-density `f` of a distance and of the scale, minus infinity with zero gradient where nothing is.
    pub(super) fn log_density(&self, x: &Tensor, f: &dyn Fn(&Tensor, &Tensor) -> Tensor) -> Tensor {
        let (distance, scale) = (x - &self.loc, &self.scale);
        if !self.is_half && distance.all_finite().unwrap_or(true) {
            return f(&distance, scale);
        }
        let Some([_, is_outside]) = self.outside(x) else { return self.halved(x, &distance, f) };
        let safe = Tensor::select(&is_outside, scale, &distance);
        let value = self.halved(x, &safe, f);
        Tensor::select(&is_outside, &constant(f64::NEG_INFINITY, x), &value)
    }

    /// `f`, by halves of the distance and of the scale where the distance overflows.
    fn halved(
        &self,
        x: &Tensor,
        distance: &Tensor,
        f: &dyn Fn(&Tensor, &Tensor) -> Tensor,
    ) -> Tensor {
        if distance.all_finite().unwrap_or(true) {
            return f(distance, &self.scale);
        }
        let is_over = distance.abs().eq(&constant(f64::INFINITY, distance));
        let distance = Tensor::select(&is_over, &(x * 0.5 - &self.loc * 0.5), distance);
        // The smallest number has no half.
        let half = &self.scale * 0.5;
        let half = Tensor::select(&nonzero(&half), &half, &self.scale);
        let scale = Tensor::select(&is_over, &half, &self.scale);
        f(&distance, &scale) - is_over * LN_2
    }
}

/// Constructor and accessors of a family whose parameters are `loc` and `scale`, after those that give its shape.
macro_rules! location_scale {
    ($family:ident $(, $(#[$doc:meta])* $shape:ident)*) => {
        family!($family);

        impl $family {
            /// Distributions at `loc`, spread by `scale`.
            ///
            /// # Errors
            /// [`DistributionError`](crate::DistributionError) if a fixed `loc` is not finite or another fixed
            /// parameter not positive, if their shapes do not broadcast, or if their types differ.
            pub fn new(
                $($shape: impl Into<Parameter>,)*
                loc: impl Into<Parameter>,
                scale: impl Into<Parameter>,
            ) -> Result<Self> {
                let [$($shape,)* loc, scale] =
                    Parameter::unify([$($shape.into(),)* loc.into(), scale.into()]);
                Self { $($shape,)* loc, scale, validate_args: false }.checked()
            }

            $(
                $(#[$doc])*
                pub fn $shape(&self) -> &Parameter {
                    &self.$shape
                }
            )*

            /// Where it lies.
            pub fn loc(&self) -> &Parameter {
                &self.loc
            }

            /// How far it spreads.
            pub fn scale(&self) -> &Parameter {
                &self.scale
            }

            fn placed(&self, z: &Tensor) -> Tensor {
                $crate::standardizing::placed(&self.loc.value(), &self.scale.value(), z)
            }
        }
    };
}

/// For a family on the whole line.
macro_rules! on_the_line {
    ($family:ident) => {
        place!($family, false);
    };
}

/// For a family from `loc` upward.
macro_rules! on_the_half_line {
    ($family:ident) => {
        place!($family, true);
    };
}

/// Where a family with `loc` and `scale` lies.
macro_rules! place {
    ($family:ident, $is_half:literal) => {
        impl $family {
            fn place(&self) -> $crate::families::location_scale::Place {
                let (loc, scale) = (self.loc.value(), self.scale.value());
                $crate::families::location_scale::Place { loc, scale, is_half: $is_half }
            }
        }
    };
}

/// The methods of `Distribution` that follow from the standard distribution, for a family with `standard`,
/// `place` and `placed`.
macro_rules! methods_by_standard {
    () => {
        fn log_prob_of(&self, x: &Tensor) -> Result<Tensor> {
            let standard = self.standard();
            Ok(self.place().log_density(x, &|distance, scale| standard.log_prob(distance, scale)))
        }

        methods_but_density_by_standard!();
    };
}

/// [`methods_by_standard`] for a family with a log-density of its own.
macro_rules! methods_but_density_by_standard {
    () => {
        fn sample_of(&self, shape: &[usize], stream: &mut Stream) -> Result<Tensor> {
            Ok(self.placed(&self.standard().draw(shape, self.dtype()?, stream)))
        }

        fn cdf(&self, value: &Tensor) -> Result<Tensor> {
            Ok(self.place().standardized(value, [0.0, 1.0], &|z| self.standard().cdf(z)))
        }

        fn log_cdf(&self, value: &Tensor) -> Result<Tensor> {
            let log_cdf = |z: &Tensor| self.standard().log_cdf(z);
            Ok(self.place().standardized(value, [f64::NEG_INFINITY, 0.0], &log_cdf))
        }

        fn survival_function(&self, value: &Tensor) -> Result<Tensor> {
            Ok(self.place().standardized(value, [1.0, 0.0], &|z| self.standard().survival(z)))
        }

        fn log_survival_function(&self, value: &Tensor) -> Result<Tensor> {
            let log_survival = |z: &Tensor| self.standard().log_survival(z);
            Ok(self.place().standardized(value, [0.0, f64::NEG_INFINITY], &log_survival))
        }

        fn quantile(&self, p: &Tensor) -> Result<Tensor> {
            Ok(self.placed(&self.standard().quantile(p)))
        }

        fn inverse_survival_function(&self, p: &Tensor) -> Result<Tensor> {
            Ok(self.placed(&self.standard().survival_quantile(p)))
        }

        fn reparameterization(&self) -> Reparameterization {
            Reparameterization::Fully
        }

        fn validate_args(&self) -> bool {
            self.validate_args
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Cauchy, Distribution, Gumbel, HalfCauchy, HalfStudentT, Laplace, Logistic, Normal, StudentT,
    };
    use std::sync::Arc;

    fn families(df: &Tensor, loc: &Tensor, scale: &Tensor) -> Vec<Arc<dyn Distribution>> {
        vec![
            Cauchy::new(loc, scale).unwrap().into(),
            Gumbel::new(loc, scale).unwrap().into(),
            Laplace::new(loc, scale).unwrap().into(),
            Logistic::new(loc, scale).unwrap().into(),
            StudentT::new(df, loc, scale).unwrap().into(),
            Normal::new(loc, scale).unwrap().into(),
            HalfCauchy::new(loc, scale).unwrap().into(),
            HalfStudentT::new(df, loc, scale).unwrap().into(),
        ]
    }

    type Answer = crate::error::Result<Tensor>;

    /// Tails, their logarithms, and the log-density but for that of normals, which is a pass of its own.
    fn at(d: &dyn Distribution, x: &Tensor) -> Vec<Answer> {
        let tails = [d.cdf(x), d.log_cdf(x), d.survival_function(x), d.log_survival_function(x)];
        let density = (d.family() != "Normal").then(|| d.log_prob(x));
        tails.into_iter().chain(density).collect()
    }

    #[test]
    fn distances_that_overflow_are_those_of_small_numbers() {
        let read = |answer: Answer| answer.unwrap().to_f64_vec().unwrap()[0];
        for (dtype, power) in [(DType::F32, 127), (DType::F64, 1023)] {
            let number = |x: f64| Tensor::from_f64(&[x], &[1], dtype);
            // Twice that is no number.
            let unit = 2.0_f64.powi(power);
            for sign in [1.0, -1.0] {
                let of =
                    |unit: f64| families(&number(3.0), &number(sign * unit), &number(0.5 * unit));
                for (large, small) in of(unit).iter().zip(of(1.0)) {
                    let name = large.family();
                    if sign > 0.0 && name.starts_with("Half") {
                        continue;
                    }
                    let (far, near) = (number(-sign * unit), number(-sign));
                    let answers = at(&**large, &far).into_iter().zip(at(&*small, &near));
                    for (i, (given, expected)) in answers.enumerate() {
                        let by_unit = if i == 4 { unit.ln() } else { 0.0 };
                        let (given, expected) = (read(given) + by_unit, read(expected));
                        let off = (given - expected).abs();
                        assert!(off <= 1e-5 * expected.abs() + 1e-35, "{name}: {given} {expected}");
                    }
                    let back = if sign > 0.0 {
                        large.quantile(&small.cdf(&near).unwrap())
                    } else {
                        large.inverse_survival_function(&small.survival_function(&near).unwrap())
                    };
                    let back = read(back) / unit;
                    assert!((back + sign).abs() < 1e-5, "{name}: {back}");
                }
            }
        }
    }
}

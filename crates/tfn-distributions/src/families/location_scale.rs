//! What families of location and scale have in common: they are the distributions of `loc + scale·Z`.

use std::f64::consts::LN_2;

use tfn_tensor::random::Stream;
use tfn_tensor::{DType, Tensor};

use crate::masking::{at_probability, branch, constant, ln_or_minus_infinity, ln_probability};

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

/// `f(x − loc)` from `loc` upward (and at NaN), the first of `ends` with zero gradient below and the other one at
/// infinity; `scale` stands in there.
pub(super) fn upward(
    x: &Tensor,
    loc: &Tensor,
    scale: &Tensor,
    [below, above]: [f64; 2],
    f: &dyn Fn(&Tensor) -> Tensor,
) -> Tensor {
    let is_below = x.lt(loc);
    let is_outside = &is_below + x.eq(&constant(f64::INFINITY, x));
    let distance = Tensor::select(&is_outside, scale, &(x - loc));
    let ends = Tensor::select(&is_below, &constant(below, x), &constant(above, x));
    Tensor::select(&is_outside, &ends, &f(&distance))
}

/// `f(x − loc)` at finite values (and at NaN), the `ends` with zero gradient at those that are not; `scale` stands in
/// there.
pub(super) fn along(
    x: &Tensor,
    loc: &Tensor,
    scale: &Tensor,
    [below, above]: [f64; 2],
    f: &dyn Fn(&Tensor) -> Tensor,
) -> Tensor {
    if x.all_finite().unwrap_or(true) {
        return f(&(x - loc));
    }
    let is_below = x.eq(&constant(f64::NEG_INFINITY, x));
    let is_outside = &is_below + x.eq(&constant(f64::INFINITY, x));
    let distance = Tensor::select(&is_outside, scale, &(x - loc));
    let ends = Tensor::select(&is_below, &constant(below, x), &constant(above, x));
    Tensor::select(&is_outside, &ends, &f(&distance))
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
                self.loc.value() + self.scale.value() * z
            }
        }
    };
}

/// For a family on the whole line: a function of the distance from `loc` as one of `x`.
macro_rules! on_the_line {
    ($family:ident) => {
        impl $family {
            fn apart(&self, x: &Tensor, ends: [f64; 2], f: &dyn Fn(&Tensor) -> Tensor) -> Tensor {
                let (loc, scale) = (self.loc.value(), self.scale.value());
                $crate::families::location_scale::along(x, &loc, &scale, ends, f)
            }
        }
    };
}

/// For a family from `loc` upward: a function of the distance as one of `x`, with what it is below.
macro_rules! on_the_half_line {
    ($family:ident) => {
        impl $family {
            fn apart(&self, x: &Tensor, ends: [f64; 2], f: &dyn Fn(&Tensor) -> Tensor) -> Tensor {
                upward(x, &self.loc.value(), &self.scale.value(), ends, f)
            }
        }
    };
}

/// The methods of `Distribution` that follow from the standard distribution, for a family with `standard`,
/// `apart`, `placed` and `scale`.
macro_rules! methods_by_standard {
    () => {
        fn log_prob_of(&self, x: &Tensor) -> Result<Tensor> {
            let scale = self.scale.value();
            Ok(self.apart(x, [f64::NEG_INFINITY; 2], &|x| self.standard().log_prob(x, &scale)))
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
            let scale = self.scale.value();
            Ok(self.apart(value, [0.0, 1.0], &|x| self.standard().cdf(&(x / &scale))))
        }

        fn log_cdf(&self, value: &Tensor) -> Result<Tensor> {
            let scale = self.scale.value();
            let log_cdf = |x: &Tensor| self.standard().log_cdf(&(x / &scale));
            Ok(self.apart(value, [f64::NEG_INFINITY, 0.0], &log_cdf))
        }

        fn survival_function(&self, value: &Tensor) -> Result<Tensor> {
            let scale = self.scale.value();
            Ok(self.apart(value, [1.0, 0.0], &|x| self.standard().survival(&(x / &scale))))
        }

        fn log_survival_function(&self, value: &Tensor) -> Result<Tensor> {
            let scale = self.scale.value();
            let log_survival = |x: &Tensor| self.standard().log_survival(&(x / &scale));
            Ok(self.apart(value, [0.0, f64::NEG_INFINITY], &log_survival))
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

//! Log-density of a mixture of normals, as one pass where the mixture is the same for every entry.

use std::array;
use std::sync::{Arc, OnceLock};

use super::fused::{Entries, Kept, flowing, pass, pass_by};
use super::normal::LN_SQRT_2PI;
use crate::dtype::{Element, dispatch};
use crate::error::Result;
use crate::kernels;
use crate::shape::count;
use crate::storage::LAZY;
use crate::tensor::{Tensor, Vjp, VjpContext, apply_one};

/// Constant parameters of `K` components: `peak = ln weight − ln scale − ln sqrt(2π)`, `rate = 1/scale`.
///
/// One without weight has the `loc` and `rate` of one with it: what is multiplied by its share of 0 is then a number.
#[derive(Clone, Copy)]
struct Components<E, const K: usize> {
    peak: [E; K],
    loc: [E; K],
    rate: [E; K],
    /// `loc` and `rate` of the component of the largest scale, the last one to have a density: themselves, as an index could
    /// be out of bounds, and a loop that may panic is not vectorised.
    widest: [E; 2],
    /// Whether every component counts, and none is so narrow that its slope overflows where another one has a density.
    is_tame: bool,
}

impl<E: Element, const K: usize> Components<E, K> {
    /// From tensors of one entry or of `K`.
    fn new([log_weights, loc, scale]: &[Tensor; 3]) -> Result<Self> {
        let read = |tensor: &Tensor| -> Result<[f64; K]> {
            let values = tensor.to_f64_vec()?;
            Ok(array::from_fn(|k| values[k % values.len().max(1)]))
        };
        let (log_weights, mut loc, mut scale) = (read(log_weights)?, read(loc)?, read(scale)?);
        let counts = |k: &usize| log_weights[*k] != f64::NEG_INFINITY;
        let widest = (0..K).filter(counts).reduce(|a, b| if scale[b] > scale[a] { b } else { a });
        let widest = widest.unwrap_or(0);
        for k in (0..K).filter(|k| !counts(k)) {
            (loc[k], scale[k]) = (loc[widest], scale[widest]);
        }
        let most = Element::to_f64(E::max_value()).sqrt();
        let narrowest = scale.iter().copied().fold(f64::INFINITY, f64::min);
        let is_tame = (0..K).all(|k| counts(&k)) && scale[widest] / narrowest.powi(2) < 0.25 * most;
        let peak = array::from_fn(|k| log_weights[k] - scale[k].ln() - LN_SQRT_2PI);
        let typed = |values: [f64; K]| values.map(<E as Element>::from_f64);
        let rate = typed(scale.map(f64::recip));
        let loc = typed(loc);
        let widest = [loc[widest], rate[widest]];
        Ok(Self { peak: typed(peak), loc, rate, widest, is_tame })
    }

    /// Component `k`'s standardised value and log-density at `x`.
    #[inline(always)]
    fn at(&self, k: usize, x: E) -> (E, E) {
        let z = (x - self.loc[k]) * self.rate[k];
        (z, self.peak[k] - <E as Element>::from_f64(0.5) * z * z)
    }

    #[inline(always)]
    fn log_prob(&self, x: E) -> E {
        let (_, mut sum) = self.at(0, x);
        for k in 1..K {
            sum = log_add(sum, self.at(k, x).1);
        }
        sum
    }

    /// `d log p / dx`: the components' slopes, weighed by their share of the density.
    #[inline(always)]
    fn slope(&self, x: E) -> E {
        let (_, _, [slope]) = self.terms(x);
        slope
    }

    /// Minus the slope of component `k`, given its `z`: a finite number, so that 0 times it is 0.
    #[inline(always)]
    fn pull(&self, k: usize, z: E) -> E {
        Self::bounded(z * self.rate[k])
    }

    #[inline(always)]
    fn bounded(pull: E) -> E {
        let pull = if pull > E::max_value() { E::max_value() } else { pull };
        if pull < E::min_value() { E::min_value() } else { pull }
    }

    /// The slope where the density of every component is 0 to the last digit: of the one that falls slowest, and 0 at infinity.
    #[inline(always)]
    fn far_slope(&self, x: E) -> E {
        let [loc, rate] = self.widest;
        let slope = -Self::bounded((x - loc) * rate * rate);
        if x.m_abs() == E::infinity() { E::zero() } else { slope }
    }

    /// [`terms`](Self::terms) of tame components where one of them has a density; elsewhere no number.
    #[inline(always)]
    fn quick_terms(&self, x: E) -> (E, E, [E; 1]) {
        let (z, mut largest) = self.at(0, x);
        let (mut sum, mut slope) = (E::one(), -z * self.rate[0]);
        for k in 1..K {
            let (z, term) = self.at(k, x);
            // Both in units of the larger; `slope` is weighed by `sum`.
            let ratio = (-(term - largest).m_abs()).m_exp();
            let greater = term > largest;
            let (old, new) = if greater { (ratio, E::one()) } else { (E::one(), ratio) };
            sum = old * sum + new;
            slope = old * slope - new * (z * self.rate[k]);
            largest = if greater { term } else { largest };
        }
        (largest, sum, [slope / sum])
    }

    /// The log-density as the largest term and what its logarithm is added to that, and the slope; both numbers wherever `x` is.
    #[inline(always)]
    fn terms(&self, x: E) -> (E, E, [E; 1]) {
        let (z, mut largest) = self.at(0, x);
        let (mut sum, mut slope) = (E::one(), -self.pull(0, z));
        for k in 1..K {
            let (z, term) = self.at(k, x);
            // Both in units of the larger; `slope` is weighed by `sum`.
            let ratio = (-(term - largest).m_abs()).m_exp();
            // The distance of two infinities is NaN.
            let ratio = if largest == E::neg_infinity() { E::zero() } else { ratio };
            let greater = term > largest;
            let (old, new) = if greater { (ratio, E::one()) } else { (E::one(), ratio) };
            sum = old * sum + new;
            slope = old * slope - new * self.pull(k, z);
            largest = if greater { term } else { largest };
        }
        let is_far = largest == E::neg_infinity();
        (largest, sum, [if is_far { self.far_slope(x) } else { slope / sum }])
    }

    /// The log-density, and where its slope will be: the sum of all entries computes it on the way.
    fn forward(self, x: &Tensor, wants_slope: bool) -> Result<(Tensor, Slope)> {
        let (shape, slope) = (x.shape()?, Slope::default());
        let block: Kept<E, 1> = Arc::new(kernels::block(
            #[inline(always)]
            move |[x]| self.log_prob(x),
        ));
        if wants_slope
            && self.is_tame
            && count(shape) >= LAZY
            && let Some(entries) = Entries::<E, 1>::new(&[x], shape)?
        {
            let (again, made, of_slope) = (entries.clone(), slope.clone(), shape.to_vec());
            let (whole, at) = (block.clone(), x.detach());
            let total = Box::new(move || {
                let mut total = E::zero();
                let slope = Tensor::build::<E>(&of_slope, |out| {
                    total = again.total(
                        [out],
                        1.0,
                        #[inline(always)]
                        move |[x]| self.quick_terms(x),
                        &*whole,
                    );
                });
                // Some entry is where no component has a density: there the slope takes more care.
                let slope =
                    if total.m_abs() < E::infinity() { Ok(slope) } else { self.slopes(&at) };
                if let Ok(slope) = slope {
                    let _ = made.set(slope);
                }
                total
            });
            return Ok((entries.lazy(shape, block, Some(total)), slope));
        }
        Ok((pass_by([x], shape, block, None)?, slope))
    }

    fn slopes(self, x: &Tensor) -> Result<Tensor> {
        pass::<E, 1>(
            [x],
            x.shape()?,
            #[inline(always)]
            move |[x]| self.slope(x),
        )
    }

    fn backward(
        self,
        ctx: &mut VjpContext<'_>,
        grad: &Tensor,
        x: &Tensor,
        slope: &Slope,
    ) -> Result<()> {
        if (1..4).any(|input| ctx.needs(input)) {
            return self.backward_in_all(ctx, grad, x);
        }
        let slope = match slope.get() {
            Some(slope) => slope.clone(),
            None => self.slopes(x)?,
        };
        ctx.add(
            0,
            pass::<E, 2>(
                [grad, &slope],
                x.shape()?,
                #[inline(always)]
                move |[g, slope]| g * slope,
            )?,
        );
        Ok(())
    }

    /// The derivatives in `x`, and then in the logarithm of the weight, the location and the scale of each component.
    #[inline(always)]
    fn partials(&self, x: E) -> [E; OUTPUTS] {
        let terms: [(E, E); K] = array::from_fn(|k| self.at(k, x));
        let largest = terms.iter().fold(E::neg_infinity(), |a, (_, b)| if a < *b { *b } else { a });
        let is_far = largest == E::neg_infinity();
        let powers =
            terms.map(|(_, term)| if is_far { E::zero() } else { (term - largest).m_exp() });
        let sum = powers.iter().fold(E::zero(), |a, b| a + *b);
        let mut made = [E::zero(); OUTPUTS];
        for k in 0..K {
            let (share, z) = (if is_far { E::zero() } else { powers[k] / sum }, terms[k].0);
            let slope = share * self.pull(k, z);
            made[0] -= slope;
            made[1 + k] = share;
            made[1 + MOST + k] = slope;
            let square = if share == E::zero() { E::zero() } else { z * z - E::one() };
            made[1 + 2 * MOST + k] = share * square * self.rate[k];
        }
        made[0] = if is_far { self.far_slope(x) } else { made[0] };
        made
    }

    fn backward_in_all(self, ctx: &mut VjpContext<'_>, grad: &Tensor, x: &Tensor) -> Result<()> {
        let shape = x.shape()?;
        let Some(entries) = Entries::<E, 1>::new(&[x], shape)? else { return Ok(()) };
        let each = array::from_fn(|output| output == 0 && ctx.needs(0));
        let (mut each, sums) = entries.slopes(
            grad.data::<E>()?,
            each,
            #[inline(always)]
            move |[x], g| self.partials(x).map(|partial| flowing(g, g * partial)),
        );
        if let Some(slopes) = each[0].take() {
            ctx.add(0, Tensor::from_buffer(slopes, shape));
        }
        for input in 1..4 {
            let slopes = &sums[1 + (input - 1) * MOST..][..K];
            let own = ctx.shape(input).to_vec();
            let slope = if own.iter().product::<usize>() == K {
                Tensor::from_f64(slopes, &own, E::DTYPE)
            } else {
                Tensor::from_f64(&[slopes.iter().sum()], &own, E::DTYPE)
            };
            ctx.add(input, slope);
        }
        Ok(())
    }
}

/// Components up to which there is a fused pass, and what it gives the derivatives of.
const MOST: usize = 3;
const OUTPUTS: usize = 1 + 3 * MOST;

/// The slope of a log-density, once it has been computed.
type Slope = Arc<OnceLock<Tensor>>;

/// `ln(exp(x) + exp(y))`: the larger, and the softplus of minus the distance.
#[inline(always)]
fn log_add<E: Element>(x: E, y: E) -> E {
    let larger = if x < y { y } else { x };
    let sum = larger + (-(x - y).m_abs()).m_softplus();
    // The distance of two infinities is NaN.
    if larger == E::neg_infinity() { larger } else { sum }
}

struct NormalMixture {
    x: Tensor,
    parameters: [Tensor; 3],
    components: usize,
    slope: Slope,
}

/// Runs `$body` with the constant `$K` for a number of components that has a fused pass.
macro_rules! with_components {
    ($components:expr, $K:ident => $body:expr, else $other:expr) => {
        match $components {
            1 => {
                const $K: usize = 1;
                $body
            }
            2 => {
                const $K: usize = 2;
                $body
            }
            3 => {
                const $K: usize = 3;
                $body
            }
            _ => $other,
        }
    };
}

impl Vjp for NormalMixture {
    fn name(&self) -> &'static str {
        "normal_mixture_log_prob"
    }

    fn vjp(&self, ctx: &mut VjpContext<'_>) -> Result<()> {
        let Some(g) = ctx.grad(0).cloned() else { return Ok(()) };
        dispatch!(g.dtype()?, E => with_components!(
            self.components,
            K => Components::<E, K>::new(&self.parameters)?.backward(ctx, &g, &self.x, &self.slope),
            else Ok(())
        ))
    }
}

/// Number of components, if all parameters have one entry or that many, few enough.
fn fused_components(x: &Tensor, parameters: &[Tensor; 3]) -> Option<usize> {
    let mut components = 1;
    for parameter in parameters {
        let fits = match parameter.shape().ok()? {
            [] | [1] => true,
            &[n] if components == 1 || components == n => {
                components = n;
                true
            }
            _ => false,
        };
        if !fits || parameter.dtype() != x.dtype() {
            return None;
        }
    }
    (components <= MOST).then_some(components)
}

/// The same out of the densities of the components, without what a weight of 0 or an infinite `x` would multiply.
fn by_parts(x: &Tensor, log_weights: &Tensor, loc: &Tensor, scale: &Tensor) -> Tensor {
    let like = |value: f64, tensor: &Tensor| match tensor.dtype() {
        Ok(dtype) => Tensor::scalar_of(value, dtype),
        Err(_) => tensor.clone(),
    };
    let is_far = x.abs().eq(&like(f64::INFINITY, x));
    let near = Tensor::select(&is_far, &like(0.0, x), x).expand_dims(-1);
    let by_component = Tensor::normal_log_prob(&near, loc, scale);
    let counted = if log_weights.all_finite().unwrap_or(true) {
        by_component
    } else {
        let is_none = log_weights.eq(&like(f64::NEG_INFINITY, log_weights));
        Tensor::select(&is_none, &like(0.0, &by_component), &by_component)
    };
    let log_prob = (counted + log_weights).logsumexp(-1, false);
    Tensor::select(&is_far, &like(f64::NEG_INFINITY, &log_prob), &log_prob)
}

impl Tensor {
    /// Log-density at each entry of `x` of a mixture of `K` normals.
    ///
    /// ```text
    /// ln p = ln Σₖ exp(log_weightsₖ + ln N(x; locₖ, scaleₖ²))
    /// ```
    ///
    /// With up to three components that are the same for all entries it is one pass forward and one back; otherwise
    /// it is made of [`normal_log_prob`](Self::normal_log_prob) and [`logsumexp`](Self::logsumexp).
    ///
    /// # Shapes
    /// The parameters broadcast with `x.shape() + [K]`; the result has the shape of `x` broadcast with theirs
    /// without the last axis.
    ///
    /// # Examples
    /// ```
    /// # use tfn_tensor::{Tensor, TensorError};
    /// let weights = Tensor::from_vec(vec![0.5_f64.ln(); 2], &[2]);
    /// let scale = Tensor::from_vec(vec![1.0, 2000.0], &[2]);
    /// let spike = Tensor::normal_mixture_log_prob(&Tensor::scalar(0.0), &weights, &Tensor::scalar(0.0), &scale);
    /// assert!((spike.item()? + 1.6115858).abs() < 1e-6);
    /// # Ok::<(), TensorError>(())
    /// ```
    #[track_caller]
    #[must_use]
    pub fn normal_mixture_log_prob(x: &Self, log_weights: &Self, loc: &Self, scale: &Self) -> Self {
        let parameters = [log_weights, loc, scale].map(Clone::clone);
        let fused = || -> Result<Option<(Self, Slope)>> {
            let Some(components) = fused_components(x, &parameters) else { return Ok(None) };
            dispatch!(x.dtype()?, E => with_components!(
                components,
                K => Ok(Some(Components::<E, K>::new(&parameters)?.forward(x, x.is_tracked())?)),
                else Ok(None)
            ))
        };
        match fused() {
            Ok(Some((output, slope))) => {
                let components = fused_components(x, &parameters).unwrap_or(0);
                apply_one(&[x, log_weights, loc, scale], output, || NormalMixture {
                    x: x.detach(),
                    parameters: parameters.map(|parameter| parameter.detach()),
                    components,
                    slope,
                })
            }
            Ok(None) => by_parts(x, log_weights, loc, scale),
            Err(error) => Self::from_error(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::check_gradients;
    use crate::{DType, Variable};

    fn vector(values: &[f64]) -> Tensor {
        Tensor::from_slice(values, &[values.len()])
    }

    fn mixtures() -> [[Tensor; 3]; 4] {
        let half = 0.5_f64.ln();
        [
            [vector(&[half, half]), Tensor::scalar(0.0), vector(&[1.0, 2000.0])],
            [vector(&[half, half]), Tensor::scalar(0.0), vector(&[1.0, 0.0025])],
            [vector(&[-1.2, -0.9, -1.3]), vector(&[-1.0, 0.3, 2.0]), vector(&[0.5, 1.1, 0.2])],
            [Tensor::scalar(0.0), Tensor::scalar(0.4), Tensor::scalar(0.7)],
        ]
    }

    /// The same out of the parts, by an axis that the fused pass does not take.
    fn unfused(x: &Tensor, [log_weights, loc, scale]: &[Tensor; 3]) -> Tensor {
        let scale = scale.reshape(&[1, scale.len().unwrap()]);
        Tensor::normal_mixture_log_prob(x, log_weights, loc, &scale)
    }

    #[test]
    fn one_pass_agrees_with_the_parts() -> Result<()> {
        let x = vector(&[-3.0, -0.2, -1e-3, 0.0, 2e-3, 0.05, 0.7, 3000.0]);
        for parameters in &mixtures() {
            let [w, m, s] = parameters;
            let fused = Tensor::normal_mixture_log_prob(&x, w, m, s).to_vec::<f64>()?;
            for (a, b) in fused.into_iter().zip(unfused(&x, parameters).to_vec::<f64>()?) {
                assert!((a - b).abs() <= 1e-14 * b.abs().max(1.0), "{a} {b}");
            }
        }
        Ok(())
    }

    #[test]
    fn gradients_agree_with_central_differences() {
        let x = [vector(&[-3.0, -0.2, 0.7, 1.9])];
        for [w, m, s] in &mixtures() {
            check_gradients(&x, |v| Tensor::normal_mixture_log_prob(&v[0], w, m, s)).unwrap();
        }
        for parameters in mixtures() {
            let inputs = [&x[..], &parameters[..]].concat();
            let f = |v: &[Tensor]| Tensor::normal_mixture_log_prob(&v[0], &v[1], &v[2], &v[3]);
            check_gradients(&inputs, f).unwrap();
        }
    }

    #[test]
    fn single_precision_keeps_its_digits() -> Result<()> {
        let [spike_and_slab, ..] = mixtures();
        let x = vector(&[-3.0, -0.2, 1e-3, 0.7, 4.9, 6.0, 300.0]);
        let [w, m, s] = &spike_and_slab;
        let exact = Tensor::normal_mixture_log_prob(&x, w, m, s).to_vec::<f64>()?;
        let [w, m, s] = spike_and_slab.each_ref().map(|t| t.cast(DType::F32));
        let x = x.cast(DType::F32);
        for (a, b) in
            Tensor::normal_mixture_log_prob(&x, &w, &m, &s).to_f64_vec()?.into_iter().zip(exact)
        {
            assert!((a - b).abs() <= 1e-6 * b.abs(), "{a} {b}");
        }
        Ok(())
    }

    /// Values and all slopes at `x`, of the sum of the densities.
    fn value_and_slopes(x: &[f64], [w, m, s]: [&[f64]; 3], dtype: DType) -> [Vec<f64>; 5] {
        let variable = |values: &[f64]| {
            Variable::new("v", Tensor::from_f64(values, &[values.len()], dtype)).unwrap()
        };
        let all = [x, w, m, s].map(variable);
        let [x, w, m, s] = all.each_ref().map(Variable::tensor);
        let value = Tensor::normal_mixture_log_prob(&x, &w, &m, &s);
        let gradients = value.sum().gradients().unwrap();
        let [x, w, m, s] = all.each_ref().map(|v| gradients.of(v).to_f64_vec().unwrap());
        [value.to_f64_vec().unwrap(), x, w, m, s]
    }

    #[test]
    fn a_component_without_weight_does_no_harm() {
        let none = f64::NEG_INFINITY;
        for dtype in [DType::F32, DType::F64] {
            let [value, slope, ..] = value_and_slopes(
                &[0.5, -4.0],
                [&[none, none, 0.0], &[0.0; 3], &[1.0, 2.0, 3.0]],
                dtype,
            );
            let expected = |x: f64| -x * x / 18.0 - 3.0_f64.ln() - LN_SQRT_2PI;
            let near = |a: f64, b: f64| (a - b).abs() < 1e-6;
            assert!(near(value[0], expected(0.5)) && near(value[1], expected(-4.0)), "{value:?}");
            assert!(near(slope[0], -0.5 / 9.0) && near(slope[1], 4.0 / 9.0), "{slope:?}");
            // With weights on either side of none.
            let [_, slope, weights, _, scales] =
                value_and_slopes(&[1.0], [&[0.0, none, 0.0], &[0.0], &[1.0, 0.0, 1.0]], dtype);
            assert_eq!((&slope[..], &weights[..]), (&[-1.0][..], &[0.5, 0.0, 0.5][..]));
            assert_eq!(scales, [0.0; 3]);
        }
    }

    #[test]
    fn weights_of_zero_and_infinite_values_have_slopes() -> Result<()> {
        let nothing = f64::NEG_INFINITY;
        for dtype in [DType::F32, DType::F64] {
            let of = |values: &[f64]| vector(values).cast(dtype);
            for weights in
                [[nothing, nothing, 0.0], [0.0, nothing, nothing], [nothing, 0.0, nothing]]
            {
                let at = [0.7, -3.0, 1e25, 1e200, f64::INFINITY, nothing];
                let x = Variable::new("x", of(&at))?;
                let scale = Variable::new("scale", of(&[1.0, 2.0, 3.0]))?;
                let own = weights.iter().position(|w| *w == 0.0).unwrap_or(0) as f64 + 1.0;
                let f = |x: &Tensor, scale: &Tensor| {
                    Tensor::normal_mixture_log_prob(x, &of(&weights), &of(&[0.0]), scale)
                };
                for scale in [scale.tensor(), scale.value()] {
                    let slope = f(&x.tensor(), &scale).sum().gradients()?.of(&x).to_f64_vec()?;
                    assert!((slope[0] / (-0.7 / (own * own)) - 1.0).abs() < 1e-6, "{slope:?}");
                    assert!((slope[1] / (3.0 / (own * own)) - 1.0).abs() < 1e-6, "{slope:?}");
                    assert!(slope.iter().all(|slope| slope.is_finite()), "{slope:?}");
                }
                let all = f(&x.value(), &scale.tensor()).sum().gradients()?.of(&scale);
                assert!(all.to_f64_vec()?.iter().all(|slope| !slope.is_nan()));
            }
        }
        Ok(())
    }

    #[test]
    fn slopes_far_out_are_numbers() {
        let parameters: [&[f64]; 3] = [&[-0.7, -0.7], &[0.0, 1.0], &[1e-3, 2.0]];
        let [value, slope, weights, locs, scales] = value_and_slopes(
            &[1e25, -1e36, f64::INFINITY, f64::NEG_INFINITY],
            parameters,
            DType::F32,
        );
        assert_eq!(value, [f64::NEG_INFINITY; 4]);
        // (loc − x)/scale² of the wider one.
        let off = |given: f64, expected: f64| (given / expected - 1.0).abs();
        assert!(off(slope[0], -2.5e24) < 1e-6 && off(slope[1], 2.5e35) < 1e-6, "{slope:?}");
        assert_eq!(slope[2..], [0.0; 2]);
        let all = [weights, locs, scales].concat();
        assert!(all.iter().all(|slope| slope.is_finite()), "{all:?}");
        // One component's square is beyond `f32`, the other's is not.
        let [value, slope, .., scales] = value_and_slopes(&[1e17], parameters, DType::F32);
        assert!(
            off(value[0], -1.25e33) < 1e-6 && off(slope[0], -2.5e16) < 1e-6,
            "{value:?} {slope:?}"
        );
        assert!(scales[0] == 0.0 && off(scales[1], 1.25e33) < 1e-6, "{scales:?}");
    }

    #[test]
    fn a_sum_over_many_entries_has_the_slopes_of_each() -> Result<()> {
        let count = 2 * LAZY;
        let [w, m, s] = [vector(&[-0.7, -0.7]), vector(&[0.0, 1.0]), vector(&[1e-3, 2.0])];
        let entries: Vec<f64> = (0..count).map(|i| (i as f64 * 0.37).sin() * 5.0).collect();
        for far in [None, Some(1e25), Some(f64::INFINITY)] {
            let mut entries = entries.clone();
            entries[17] = far.unwrap_or(0.3);
            let [w, m, s] = [&w, &m, &s].map(|t| t.cast(DType::F32));
            let x = Variable::new("x", Tensor::from_f64(&entries, &[count], DType::F32))?;
            let whole = Tensor::normal_mixture_log_prob(&x.tensor(), &w, &m, &s).sum();
            whole.item()?;
            let given = whole.gradients()?.of(&x).to_f64_vec()?;
            let few = Variable::new("x", Tensor::from_f64(&entries[..64], &[64], DType::F32))?;
            let part = Tensor::normal_mixture_log_prob(&few.tensor(), &w, &m, &s).sum();
            let expected = part.gradients()?.of(&few).to_f64_vec()?;
            let near = |(a, b): (&f64, &f64)| (a - b).abs() <= 1e-5 * b.abs().max(1e-3);
            assert!(given.iter().zip(&expected).all(near), "{far:?}");
            assert!(given.iter().all(|slope| slope.is_finite()), "{far:?}");
        }
        Ok(())
    }

    #[test]
    fn infinity_has_density_zero_and_errors_are_kept() -> Result<()> {
        let [[w, m, s], ..] = mixtures();
        let x = vector(&[f64::INFINITY, f64::NEG_INFINITY]);
        let log_prob = Tensor::normal_mixture_log_prob(&x, &w, &m, &s).to_vec::<f64>()?;
        assert_eq!(log_prob, [f64::NEG_INFINITY; 2]);
        let mixed = Tensor::normal_mixture_log_prob(&x.cast(DType::F32), &w, &m, &s);
        assert!(mixed.shape().is_err());
        Ok(())
    }
}

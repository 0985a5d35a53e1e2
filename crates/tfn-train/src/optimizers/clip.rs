//! Gradients held within bounds.

use rayon::prelude::*;
use tfn_tensor::{DType, Element, Gradients, Tensor, Variable};

use crate::check::Argument;
use crate::error::{Result, TrainError};

/// How gradients are held within bounds; not at all if neither is set.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Clipping {
    pub(super) norm: Option<f64>,
    pub(super) value: Option<f64>,
}

/// What one step does to each entry of a gradient: scales it, then cuts it off.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clip {
    scale: f64,
    limit: f64,
}

impl Clipping {
    pub(super) fn check(self, op: &'static str) -> Result<Self> {
        for (argument, given) in [("clip_norm", self.norm), ("clip_value", self.value)] {
            given.map(|given| Argument::new(op, argument, given).positive()).transpose()?;
        }
        if let (Some(_), Some(value)) = (self.norm, self.value) {
            Argument::new(op, "clip_value", value).require(false, "no `clip_norm` beside it")?;
        }
        Ok(self)
    }

    /// For the gradients of `variables` together at the step numbered `step`.
    pub(super) fn of<'v>(
        self,
        gradients: &Gradients,
        variables: impl IntoIterator<Item = &'v Variable>,
        step: u64,
    ) -> Result<Clip> {
        let limit = self.value.unwrap_or(f64::INFINITY);
        let Some(most) = self.norm else {
            return Ok(Clip { scale: 1.0, limit });
        };
        let norm = global_norm(gradients, variables)?;
        if !norm.is_finite() {
            let what = "norm of the gradients".to_owned();
            return Err(TrainError::NotFinite { step, what, given: norm });
        }
        Ok(Clip { scale: if norm > most { most / norm } else { 1.0 }, limit })
    }
}

impl Clip {
    /// Whether gradients stay as they are.
    pub(super) fn is_none(self) -> bool {
        self.scale == 1.0 && self.limit == f64::INFINITY
    }

    pub(super) fn function<E: Element>(self) -> impl Fn(E) -> E + Sync + Copy {
        let [scale, limit] = [self.scale, self.limit].map(E::from_f64);
        // Written so that NaN stays NaN.
        #[inline(always)]
        move |g: E| {
            let g = g * scale;
            let g = if g > limit { limit } else { g };
            if g < -limit { -limit } else { g }
        }
    }
}

/// The root of the sum of the squares of all entries of the gradients of `variables`.
///
/// Summed in `f64`: the squares of gradients that need clipping may be too large for `f32`.
///
/// Counterpart: `tf.linalg.global_norm`.
fn global_norm<'v>(
    gradients: &Gradients,
    variables: impl IntoIterator<Item = &'v Variable>,
) -> Result<f64> {
    let mut sum = 0.0;
    for variable in variables {
        // Of a table the rows that were looked up, all others being zero.
        let rows = gradients.rows(variable).map(|(_, rows)| rows);
        if let Some(gradient) = rows.as_ref().or_else(|| gradients.get(variable)) {
            sum += match variable.dtype() {
                DType::F32 => square_sum::<f32>(gradient)?,
                DType::F64 => square_sum::<f64>(gradient)?,
            };
        }
    }
    Ok(sum.sqrt())
}

/// In blocks of one length and in their order: the same bits on any number of threads.
fn square_sum<E: Element>(tensor: &Tensor) -> Result<f64> {
    const BLOCK: usize = 1 << 14;
    let of_block = |block: &[E]| block.iter().map(|&g| Element::to_f64(g).powi(2)).sum::<f64>();
    let sums: Vec<f64> = tensor.data::<E>()?.par_chunks(BLOCK).map(of_block).collect();
    Ok(sums.iter().sum())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Adam, Optimizer, Sgd};

    /// Two variables, and a loss whose gradients are the given numbers.
    fn two(a: &[f64], b: &[f64], dtype: DType) -> (Vec<Variable>, Gradients) {
        let of = |name: &str, g: &[f64]| {
            let w = Variable::new(name, Tensor::zeros(&[g.len()], dtype)).unwrap();
            let loss = (w.tensor() * Tensor::from_f64(g, &[g.len()], dtype)).sum();
            (w, loss)
        };
        let ((v, first), (w, second)) = (of("a", a), of("b", b));
        (vec![v, w], (first + second).gradients().unwrap())
    }

    fn values(variables: &[Variable]) -> Vec<f64> {
        variables.iter().flat_map(|v| v.value().to_f64_vec().unwrap()).collect()
    }

    #[test]
    fn the_norm_is_that_of_all_variables_given() {
        // √(3² + 4² + 12²) = 13
        let (variables, gradients) = two(&[3.0, 4.0], &[-12.0], DType::F64);
        let mut sgd = Sgd::builder(1.0).clip_norm(6.5).build().unwrap();
        sgd.apply_gradients(&gradients, &variables).unwrap();
        assert_eq!(values(&variables), [-1.5, -2.0, 6.0]);
        // Of the first alone it is 5, which is left as it is.
        let (variables, gradients) = two(&[3.0, 4.0], &[-12.0], DType::F64);
        sgd.apply_gradients(&gradients, &variables[..1]).unwrap();
        assert_eq!(values(&variables), [-3.0, -4.0, 0.0]);
    }

    #[test]
    fn values_are_cut_off_one_by_one() {
        let (variables, gradients) = two(&[3.0, -0.25], &[-12.0], DType::F32);
        let mut sgd = Sgd::builder(1.0).clip_value(0.5).build().unwrap();
        sgd.apply_gradients(&gradients, &variables).unwrap();
        assert_eq!(values(&variables), [-0.5, 0.25, 0.5]);
    }

    #[test]
    fn adam_and_momentum_see_clipped_gradients() {
        let (clipped, gradients) = two(&[3.0, 4.0], &[-12.0], DType::F64);
        let (plain, scaled) = two(&[1.5, 2.0], &[-6.0], DType::F64);
        for momentum in [false, true] {
            let optimizer = |norm: Option<f64>| -> Box<dyn Optimizer> {
                if momentum {
                    let sgd = Sgd::builder(0.1).momentum(0.5);
                    let sgd = norm.map_or(sgd.clone(), |norm| sgd.clip_norm(norm));
                    return Box::new(sgd.build().unwrap());
                }
                let adam = Adam::builder(0.1).epsilon(1.0);
                let adam = norm.map_or(adam.clone(), |norm| adam.clip_norm(norm));
                Box::new(adam.build().unwrap())
            };
            let (mut first, mut second) = (optimizer(Some(6.5)), optimizer(None));
            for _ in 0..3 {
                first.apply_gradients(&gradients, &clipped).unwrap();
                second.apply_gradients(&scaled, &plain).unwrap();
            }
            assert_eq!(values(&clipped), values(&plain));
        }
    }

    #[test]
    fn of_a_table_the_rows_looked_up_count() {
        let table = Variable::new("table", Tensor::ones(&[4, 2], DType::F32)).unwrap();
        let gradients = (table.tensor().gather(0, &[2, 0, 2]) * 2.0).sum().gradients().unwrap();
        // Row 0 has gradients 2, 2, row 2 has 4, 4: √40.
        let norm = global_norm(&gradients, [&table]).unwrap();
        assert!((norm - 40.0_f64.sqrt()).abs() < 1e-14);
    }

    #[test]
    fn squares_may_be_larger_than_f32() {
        let (variables, gradients) = two(&[3e30], &[4e30], DType::F32);
        let mut sgd = Sgd::builder(1.0).clip_norm(1.0).build().unwrap();
        sgd.apply_gradients(&gradients, &variables).unwrap();
        let got = values(&variables);
        assert!((got[0] + 0.6).abs() < 1e-6 && (got[1] + 0.8).abs() < 1e-6, "{got:?}");
    }

    #[test]
    fn a_norm_that_is_not_finite_changes_nothing() {
        for (given, message) in [
            (f64::NAN, "the gradient of variable `a` is NaN"),
            (1e200, "step 0: norm of the gradients is inf"),
        ] {
            let (variables, gradients) = two(&[given], &[1.0], DType::F64);
            let mut adam = Adam::builder(1.0).clip_norm(1.0).build().unwrap();
            let error = adam.apply_gradients(&gradients, &variables).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
            assert_eq!((values(&variables), adam.iterations()), (vec![0.0, 0.0], 0));
        }
    }

    #[test]
    fn bounds_without_meaning_are_refused() {
        for (builder, message) in [
            (Adam::builder(1.0).clip_norm(0.0), "Adam: argument `clip_norm` is 0"),
            (Adam::builder(1.0).clip_value(f64::NAN), "`clip_value` is NaN"),
            (Adam::builder(1.0).clip_value(2.0).clip_norm(1.0), "2, expected no `clip_norm`"),
        ] {
            let error = builder.build().unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
    }
}

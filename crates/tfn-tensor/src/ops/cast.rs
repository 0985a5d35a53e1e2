//! Change of type.

use crate::dtype::{DType, Element, dispatch};
use crate::error::Result;
use crate::tensor::{Tensor, Vjp, VjpContext, apply_one};

struct Cast;

impl Vjp for Cast {
    fn name(&self) -> &'static str {
        "cast"
    }

    fn vjp(&self, ctx: &mut VjpContext<'_>) -> Result<()> {
        if let Some(g) = ctx.grad(0).cloned() {
            let back = match g.dtype()? {
                DType::F32 => DType::F64,
                DType::F64 => DType::F32,
            };
            ctx.add(0, converted(&g, back)?);
        }
        Ok(())
    }
}

fn converted(x: &Tensor, dtype: DType) -> Result<Tensor> {
    let shape = x.shape()?;
    Ok(dispatch!(x.dtype()?, From => {
        let data = x.data::<From>()?;
        dispatch!(dtype, To => Tensor::build::<To>(shape, |out| {
            for (o, &v) in out.iter_mut().zip(data) {
                *o = <To as Element>::from_f64(Element::to_f64(v));
            }
        }))
    }))
}

impl Tensor {
    /// The same numbers in another type, rounded to the nearest; differentiable.
    ///
    /// Counterpart: `tf.cast`.
    #[must_use]
    pub fn cast(&self, dtype: DType) -> Self {
        match self.dtype() {
            Ok(own) if own == dtype => self.clone(),
            Ok(_) => match converted(&self.detach(), dtype) {
                Ok(output) => apply_one(&[self], output, || Cast),
                Err(error) => Self::from_error(error),
            },
            Err(error) => Self::from_error(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{DType, Result, Tensor, Variable};

    #[test]
    fn gradients_come_back_in_the_first_type() -> Result<()> {
        let x = Variable::new("x", Tensor::from_vec(vec![1.5_f32, 2.0], &[2]))?;
        let y = x.tensor().cast(DType::F64).square().sum();
        assert_eq!(y.dtype()?, DType::F64);
        assert_eq!(y.gradients()?.of(&x).to_vec::<f32>()?, [3.0, 4.0]);
        assert!(x.tensor().cast(DType::F32).is_tracked());
        Ok(())
    }
}

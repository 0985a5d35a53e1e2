//! A user of `tfn-tensor` alone: broadcasting, gradients, an own operation, keyed random streams.

use tfn_tensor::{DType, Key, Result, Tensor, Variable, Vjp, VjpContext, apply};

/// x ↦ x³, with its vector-Jacobian product, as another crate may add it.
struct Cube {
    x: Tensor,
}

impl Vjp for Cube {
    fn name(&self) -> &'static str {
        "cube"
    }

    fn vjp(&self, ctx: &mut VjpContext<'_>) -> Result<()> {
        if let Some(grad) = ctx.grad(0).filter(|_| ctx.needs(0)).cloned() {
            ctx.add(0, grad * self.x.square() * 3.0);
        }
        Ok(())
    }
}

fn cube(x: &Tensor) -> Tensor {
    let value = (x * x * x).detach();
    let mut outputs = apply(&[x], vec![value], || Cube { x: x.detach() });
    outputs.remove(0)
}

fn main() -> Result<()> {
    let w = Variable::new("w", Tensor::from_vec(vec![1.0, -2.0, 0.5], &[3]))?;
    let x = Key::from_seed(7).child("x").stream().normal(&[4, 3], DType::F64);
    let loss = cube(&(w.tensor() * &x)).sum();
    let gradient = loss.gradients()?.of(&w).to_vec::<f64>()?;

    // d/dw Σ (w x)³ = Σ 3 w² x³
    let expected =
        (x.powf(3.0) * w.value().square() * 3.0).sum_axes(&[0], false).to_vec::<f64>()?;
    let close =
        gradient.iter().zip(&expected).all(|(g, e)| (g - e).abs() < 1e-12 * e.abs().max(1.0));
    assert!(close, "{gradient:?} is not {expected:?}");

    let wrong = (x + Tensor::zeros(&[5], DType::F64)).sum();
    let error = wrong.item().expect_err("shapes [4, 3] and [5] do not fit");
    println!("tensor: gradient {gradient:.3?}; and as it should be: {error}");
    Ok(())
}

//! A user of `tfn-distributions` alone: densities, gradients, a KL, and a family of one's own.

use tfn_distributions::module::Module;
use tfn_distributions::tensor::{Stream, Tensor, Variable};
use tfn_distributions::{Distribution, KlDivergence, KlRule, Normal, Parameter, ParameterSpec};
use tfn_distributions::{Result, kl_divergence};

/// The logistic distribution, and its divergence from a normal.
#[derive(Debug, Module)]
struct Logistic {
    loc: Parameter,
    scale: Parameter,
}

impl Distribution for Logistic {
    fn parameters(&self) -> Vec<ParameterSpec<'_>> {
        vec![self.loc.real("loc"), self.scale.positive("scale")]
    }

    fn log_prob_of(&self, x: &Tensor) -> Result<Tensor> {
        let scale = self.scale.value();
        let z = ((x - self.loc.value()) / &scale).abs();
        Ok(-&z - (-z).exp().log1p() * 2.0 - scale.ln())
    }

    fn sample_of(&self, shape: &[usize], stream: &mut Stream) -> Result<Tensor> {
        let u = stream.uniform_open(shape, self.dtype()?);
        let logit = u.ln() - (1.0 - u).ln();
        Ok(self.loc.value() + self.scale.value() * logit)
    }

    fn kl_rules(&self) -> &'static [KlRule] {
        const { &[KlRule::of::<Logistic, Normal>()] }
    }
}

impl KlDivergence<Normal> for Logistic {
    fn kl_divergence_to(&self, p: &Normal) -> Result<Tensor> {
        // −H − E log p, with H = ln s + 2 and the variance (π s)² / 3.
        let (s, sigma) = (self.scale.value(), p.stddev()?);
        let distance = ((self.loc.value() - p.mean()?) / &sigma).square();
        let variance = (&s / &sigma * std::f64::consts::PI).square() / 3.0;
        let constant = 0.5 * std::f64::consts::TAU.ln() - 2.0;
        Ok((distance + variance) * 0.5 - (s / sigma).ln() + constant)
    }
}

fn main() -> Result<()> {
    let loc = Variable::new("loc", Tensor::scalar(0.5))?;
    let scale = Variable::new("scale", Tensor::scalar(0.7))?;
    let q = Logistic { loc: (&loc).into(), scale: (&scale).into() };
    let p = Normal::new(0.0, 1.5)?;
    assert_eq!(q.trainable_variables(), [loc.clone(), scale]);

    let kl = kl_divergence(&q, &p)?;
    let draws = q.sample(&[200_000], &mut Stream::from_seed(1))?;
    let estimate = (q.log_prob(&draws)? - p.log_prob(&draws)?).mean().item()?;
    assert!((kl.item()? - estimate).abs() < 0.01, "{} against {estimate}", kl.item()?);
    // d KL / d loc = loc / σ²
    let gradient = kl.gradients()?.of(&loc).item()?;
    assert!((gradient - 0.5 / 2.25).abs() < 1e-12);

    let no_rule = kl_divergence(&p, &q).expect_err("nobody wrote this rule");
    println!("distributions: KL {:.4}, by draws {estimate:.4}; no rule: {no_rule}", kl.item()?);
    Ok(())
}

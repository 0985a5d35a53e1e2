//! Families and wrappers of another crate have the divergences that those of this one have.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use tfn_distributions::module::Module;
use tfn_distributions::tensor::{DType, Stream, Tensor, Variable};
use tfn_distributions::testing::{Laws, check_distribution, check_kl};
use tfn_distributions::{
    BatchBroadcast, BatchReshape, Distribution, DistributionError, Independent, IntoDistribution,
    Laplace, LinearNormal, MultivariateNormalDiag, MultivariateNormalDiagPlusLowRank,
    MultivariateNormalTriL, Normal, Parameter, ParameterSpec, Reparameterization, Result, Sample,
    Structure, Wrapper, kl_divergence,
};

/// A distribution with its batch, one axis, in another order.
#[derive(Debug, Module)]
struct Reordered {
    base: Arc<dyn Distribution>,
    order: Vec<usize>,
}

impl Reordered {
    fn new(base: impl IntoDistribution, order: &[usize]) -> Self {
        Self { base: base.into_distribution(), order: order.to_vec() }
    }

    /// The places in the base's order of what is given in this one's.
    fn back(&self, x: &Tensor) -> Tensor {
        let place = |i| self.order.iter().position(|&from| from == i).unwrap();
        let places: Vec<usize> = (0..self.order.len()).map(place).collect();
        x.broadcast_to(
            &[&x.shape().unwrap()[..x.ndims().unwrap().max(1) - 1], &[places.len()]].concat(),
        )
        .gather(-1, &places)
    }
}

impl Distribution for Reordered {
    fn parameters(&self) -> Vec<ParameterSpec<'_>> {
        Vec::new()
    }

    fn dtype(&self) -> Result<DType> {
        self.base.dtype()
    }

    fn batch_shape(&self) -> Result<Vec<usize>> {
        self.base.batch_shape()
    }

    fn event_shape(&self) -> Result<Vec<usize>> {
        self.base.event_shape()
    }

    fn log_prob_of(&self, x: &Tensor) -> Result<Tensor> {
        Ok(self.base.log_prob(&self.back(x))?.gather(-1, &self.order))
    }

    fn sample_of(&self, shape: &[usize], stream: &mut Stream) -> Result<Tensor> {
        Ok(self.base.sample_of(shape, stream)?.gather(-1, &self.order))
    }

    fn mean(&self) -> Result<Tensor> {
        Ok(self.base.mean()?.gather(-1, &self.order))
    }

    fn reparameterization(&self) -> Reparameterization {
        self.base.reparameterization()
    }

    fn structure(&self) -> Structure {
        let wrapper = Arc::new(InOrder(self.order.clone()));
        Structure::Wrapped { base: self.base.clone(), wrapper }
    }
}

#[derive(Debug)]
struct InOrder(Vec<usize>);

impl Wrapper for InOrder {
    fn is_same(&self, other: &dyn Wrapper) -> bool {
        other.downcast_ref::<Self>().is_some_and(|other| self.0 == other.0)
    }

    fn kl_from_base(&self, divergence: &Tensor, batch_shape: &[usize]) -> Result<Tensor> {
        assert_eq!(divergence.shape()?, batch_shape);
        Ok(divergence.gather(-1, &self.0))
    }
}

/// Two independent numbers of one distribution for each entry of its batch, which becomes twice as wide an event.
#[derive(Debug, Module)]
struct Twice {
    base: Arc<dyn Distribution>,
}

impl Distribution for Twice {
    fn parameters(&self) -> Vec<ParameterSpec<'_>> {
        Vec::new()
    }

    fn dtype(&self) -> Result<DType> {
        self.base.dtype()
    }

    fn batch_shape(&self) -> Result<Vec<usize>> {
        let mut batch = self.base.batch_shape()?;
        batch.pop();
        Ok(batch)
    }

    fn event_shape(&self) -> Result<Vec<usize>> {
        Ok(vec![2, self.base.batch_shape()?.pop().unwrap()])
    }

    fn log_prob_of(&self, x: &Tensor) -> Result<Tensor> {
        let row = |i| {
            let terms = self.base.log_prob(&x.narrow(-2, i, 1).squeeze(-2))?;
            Ok::<_, DistributionError>(terms.sum_axes(&[-1], false))
        };
        Ok(row(0)? + row(1)?)
    }

    fn sample_of(&self, shape: &[usize], stream: &mut Stream) -> Result<Tensor> {
        let row = [&shape[..shape.len() - 2], &shape[shape.len() - 1..]].concat();
        let [a, b] = [self.base.sample_of(&row, stream)?, self.base.sample_of(&row, stream)?];
        Ok(Tensor::stack(&[&a, &b], -2))
    }

    fn reparameterization(&self) -> Reparameterization {
        self.base.reparameterization()
    }

    fn structure(&self) -> Structure {
        Structure::Wrapped { base: self.base.clone(), wrapper: Arc::new(InPairs) }
    }
}

#[derive(Debug)]
struct InPairs;

impl Wrapper for InPairs {
    fn is_same(&self, other: &dyn Wrapper) -> bool {
        other.downcast_ref::<Self>().is_some()
    }

    fn kl_from_base(&self, divergence: &Tensor, _: &[usize]) -> Result<Tensor> {
        Ok(divergence.sum_axes(&[-1], false) * 2.0)
    }
}

/// A random walk from 0 with normal steps of one size, over `STEPS` steps.
#[derive(Clone, Debug, Module)]
struct Walk {
    step: Parameter,
}

const STEPS: usize = 3;

impl Walk {
    fn new(step: impl Into<Parameter>) -> Self {
        Self { step: step.into() }.checked().unwrap()
    }

    fn tril(&self) -> Tensor {
        let step = self.step.value().expand_dims(-1).expand_dims(-1);
        Tensor::ones(&[STEPS, STEPS], DType::F64).tril() * step
    }

    fn normal(&self) -> Result<LinearNormal> {
        LinearNormal::tril(&zeros(), &self.tril())
    }

    /// The same as a family of the crate.
    fn known(&self) -> MultivariateNormalTriL {
        MultivariateNormalTriL::new(zeros(), self.tril()).unwrap()
    }
}

impl Distribution for Walk {
    fn parameters(&self) -> Vec<ParameterSpec<'_>> {
        vec![self.step.positive("step")]
    }

    fn event_shape(&self) -> Result<Vec<usize>> {
        Ok(vec![STEPS])
    }

    fn log_prob_of(&self, x: &Tensor) -> Result<Tensor> {
        self.normal()?.log_prob(x)
    }

    fn sample_of(&self, shape: &[usize], stream: &mut Stream) -> Result<Tensor> {
        self.normal()?.sample(&stream.normal(shape, self.dtype()?))
    }

    fn mean(&self) -> Result<Tensor> {
        Ok(self.normal()?.loc().clone())
    }

    fn variance(&self) -> Result<Tensor> {
        self.normal()?.variance()
    }

    fn covariance(&self) -> Result<Tensor> {
        self.normal()?.covariance()
    }

    fn entropy(&self) -> Result<Tensor> {
        self.normal()?.entropy()
    }

    fn reparameterization(&self) -> Reparameterization {
        Reparameterization::Fully
    }

    fn linear_normal(&self) -> Option<Result<LinearNormal>> {
        Some(self.normal())
    }
}

fn zeros() -> Tensor {
    Tensor::zeros(&[STEPS], DType::F64)
}

fn vector(values: &[f64]) -> Tensor {
    Tensor::from_slice(values, &[values.len()])
}

fn values(tensor: Result<Tensor>) -> Vec<f64> {
    tensor.unwrap().to_vec().unwrap()
}

fn near(a: &[f64], b: &[f64]) {
    let close = |(a, b): (&f64, &f64)| (a - b).abs() <= 1e-12 * b.abs().max(1.0);
    assert!(a.len() == b.len() && a.iter().zip(b).all(close), "{a:?} {b:?}");
}

fn laplaces() -> [Laplace; 2] {
    let q = Laplace::new(vector(&[0.0, 1.0, -2.0]), vector(&[1.0, 0.5, 2.0])).unwrap();
    [q, Laplace::new(0.5, vector(&[2.0, 1.0, 1.5])).unwrap()]
}

#[test]
fn a_batch_in_another_order_has_its_divergences_in_it() {
    let [q, p] = laplaces();
    let each = values(kl_divergence(&q, &p));
    let order = [2, 0, 1];
    let [a, b] = [q.clone(), p.clone()].map(|base| Reordered::new(base, &order));
    let moved = order.map(|i| each[i]);
    near(&values(kl_divergence(&a, &b)), &moved);
    check_distribution(&a, &Laws::default()).unwrap();
    check_kl(&a, &b, &Laws::default()).unwrap();
    let other = Reordered::new(p.clone(), &[0, 1, 2]);
    assert!(matches!(kl_divergence(&a, &other), Err(DistributionError::NoKlRule { .. })));
    let error = kl_divergence(&a, &p).unwrap_err();
    assert!(error.to_string().contains("Reordered(Laplace)"), "{error}");
}

#[test]
fn wrappers_of_the_crate_stand_inside_and_outside() {
    let [q, p] = laplaces();
    let each = values(kl_divergence(&q, &p));
    let order = [1, 2, 0];
    let [a, b] = [q.clone(), p].map(|base| Independent::new(Reordered::new(base, &order), 1));
    near(&values(kl_divergence(&a.unwrap(), &b.unwrap())), &[each.iter().sum()]);
    let wide = BatchBroadcast::new(Laplace::new(0.5, 2.0).unwrap(), &[3]).unwrap();
    let each = values(kl_divergence(&q, &Laplace::new(0.5, 2.0).unwrap()));
    let [a, b] = [Reordered::new(q, &order), Reordered::new(wide, &order)];
    near(&values(kl_divergence(&a, &b)), &order.map(|i| each[i]));
    let [a, b] = [a, b].map(|each| Sample::new(each, &[4]).unwrap());
    near(&values(kl_divergence(&a, &b)), &order.map(|i| 4.0 * each[i]));
}

#[test]
fn a_wrapper_may_take_the_batch_into_the_event() {
    let [q, p] = laplaces();
    let sum: f64 = values(kl_divergence(&q, &p)).iter().sum();
    let [a, b] = [q, p].map(|base| Twice { base: base.into() });
    near(&values(kl_divergence(&a, &b)), &[2.0 * sum]);
    check_kl(&a, &b, &Laws::default()).unwrap();
    let copies = BatchBroadcast::new(a, &[2, 2]).unwrap();
    near(&values(kl_divergence(&copies, &b)), &[2.0 * sum; 4]);
}

#[test]
fn normals_meet_inside_a_wrapper_whatever_their_families() {
    let scale = Variable::new("scale", vector(&[0.5, 1.0, 2.0])).unwrap();
    let q = Walk::new(&scale);
    let p = MultivariateNormalDiag::new(zeros(), zeros() + 1.5).unwrap();
    let each = values(kl_divergence(&q, &p));
    near(&each, &values(kl_divergence(&q.known(), &p)));
    let [a, b] = [
        BatchBroadcast::new(q.clone(), &[2, 3]).unwrap().into_distribution(),
        BatchReshape::new(q.clone(), &[3, 1]).unwrap().into_distribution(),
    ];
    near(&values(kl_divergence(&*a, &p)), &[&each[..], &each].concat());
    near(&values(kl_divergence(&*b, &p)), &each);
    let several = Independent::new(q.clone(), 1).unwrap();
    let priors = Sample::new(p.clone(), &[3]).unwrap();
    near(&values(kl_divergence(&several, &priors)), &[each.iter().sum()]);
    check_distribution(&q, &Laws::default()).unwrap();
    check_distribution(&*a, &Laws::default()).unwrap();
    check_distribution(&*b, &Laws::default()).unwrap();
    check_kl(&q, &p, &Laws::default()).unwrap();
}

#[test]
fn a_normal_family_has_divergences_from_and_to_every_other() {
    let walk = Walk::new(0.7);
    let factor = Tensor::from_slice(&[1.0, -0.5, 0.3], &[STEPS, 1]);
    let scale = vector(&[0.5, 1.0, 2.0]);
    let others: [Arc<dyn Distribution>; 5] = [
        MultivariateNormalDiag::new(scale.clone(), scale.clone()).unwrap().into(),
        MultivariateNormalDiagPlusLowRank::new(zeros(), scale.clone(), factor).unwrap().into(),
        Walk::new(2.0).known().into(),
        Arc::new(Walk::new(1.3)),
        Independent::new(Normal::new(scale, 0.4).unwrap(), 1).unwrap().into(),
    ];
    for other in &others {
        let other = other.as_ref();
        near(&values(kl_divergence(&walk, other)), &values(kl_divergence(&walk.known(), other)));
        near(&values(kl_divergence(other, &walk)), &values(kl_divergence(other, &walk.known())));
    }
}

#[test]
fn shapes_that_make_no_normal_are_errors() {
    let matrix = Tensor::ones(&[2, 3], DType::F64);
    for made in [
        LinearNormal::tril(&zeros(), &matrix),
        LinearNormal::tril(&zeros(), &zeros()),
        LinearNormal::tril(&zeros(), &matrix.matmul(&matrix.transpose())),
        LinearNormal::diag(&zeros(), &vector(&[1.0; 2])),
        LinearNormal::diag(&Tensor::scalar(0.0), &Tensor::scalar(1.0)),
        LinearNormal::diag_plus_low_rank(&zeros(), &zeros(), &zeros()),
        LinearNormal::diag_plus_low_rank(&zeros(), &zeros(), &matrix),
        LinearNormal::diag_plus_low_rank(&vector(&[0.0; 2]), &Tensor::scalar(1.0), &matrix),
    ] {
        let error = made.unwrap_err();
        assert!(error.to_string().contains("LinearNormal"), "{error}");
    }
}

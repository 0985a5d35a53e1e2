//! What the tables of families and pairs make their parameters of.

use std::sync::Arc;

use tfn_distributions::tensor::{DType, Tensor, Variable};
use tfn_distributions::{
    Categorical, Distribution, Laplace, MixtureSameFamily, Normal, Parameter, Result,
};

pub(crate) type Made = Result<Arc<dyn Distribution>>;
/// A name, and how the distribution is made.
pub(crate) type Family = (&'static str, fn(&mut Draws<'_>) -> Made);

/// A name, and how both distributions are made.
pub(crate) type Pair = (&'static str, fn(&mut Draws<'_>) -> Result<[Arc<dyn Distribution>; 2]>);

/// Numbers from which a family makes its parameters.
pub(crate) struct Draws<'a> {
    numbers: &'a [f64],
    next: usize,
    dtype: DType,
}

impl<'a> Draws<'a> {
    pub(crate) fn new(numbers: &'a [f64], dtype: DType) -> Self {
        Self { numbers, next: 0, dtype }
    }

    pub(crate) fn dtype(&self) -> DType {
        self.dtype
    }

    /// A variable of numbers in −2 … 2, each sent through `f`.
    pub(crate) fn variable(&mut self, shape: &[usize], mut f: impl FnMut(f64) -> f64) -> Parameter {
        let count: usize = shape.iter().product();
        let numbers = (0..count).map(|i| f(self.numbers[(self.next + i) % self.numbers.len()]));
        let values: Vec<f64> = numbers.collect();
        self.next += count;
        let name = format!("variable_{}", self.next);
        Variable::new(name, Tensor::from_f64(&values, shape, self.dtype)).unwrap().into()
    }

    pub(crate) fn real(&mut self, shape: &[usize]) -> Parameter {
        self.variable(shape, |x| x)
    }

    /// From 0.14 to 7.4.
    pub(crate) fn positive(&mut self, shape: &[usize]) -> Parameter {
        self.variable(shape, f64::exp)
    }

    pub(crate) fn normal(&mut self, shape: &[usize]) -> Result<Normal> {
        Normal::new(self.real(shape), self.positive(shape))
    }

    pub(crate) fn laplace(&mut self, shape: &[usize]) -> Result<Laplace> {
        Laplace::new(self.real(shape), self.positive(shape))
    }

    pub(crate) fn mixture(&mut self, batch: &[usize]) -> Result<MixtureSameFamily> {
        let shape = [batch, &[3]].concat();
        MixtureSameFamily::new(Categorical::from_logits(self.real(&shape))?, self.normal(&shape)?)
    }
}

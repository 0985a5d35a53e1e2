//! Layers side by side: what they make of one input is added, or set one beside the other.

use std::fmt;
use std::sync::Arc;

use tfn_module::{Copies, DeepCopy, Module, Properties, describe_fields, layer_name};
use tfn_tensor::Tensor;

use crate::contract::{Conversion, Input, IntoLayer, Layer, Moments, Pass};
use crate::error::{LayerError, Result};

/// A layer and a shortcut past it: `y = inner(x) + x`, or `inner(x) + shortcut(x)`.
///
/// # Shapes
/// What both give has to be of one shape; without a shortcut layer, `inner` keeps its input's.
///
/// # Examples
/// A block of a small residual net, whose shortcut has a layer where sizes change:
/// ```
/// use tfn_layers::tensor::{DType, Tensor};
/// use tfn_layers::util::Padding;
/// use tfn_layers::{ConvolutionVariationalReparameterizationLocal as Bayesian, Layer, Residual, Sequential};
///
/// let conv = |inputs| Bayesian::builder(inputs, 16, 3).padding(Padding::Same);
/// let block = Residual::of(
///     Sequential::of(conv(8).strides(2).activation_fn(Tensor::relu).build()?).then(conv(16).build()?),
/// )
/// .with_shortcut(Bayesian::builder(8, 16, 1).strides(2).build()?);
/// assert_eq!(block.call(&Tensor::ones(&[4, 28, 28, 8], DType::F32))?.shape()?, [4, 14, 14, 16]);
/// # Ok::<(), tfn_layers::LayerError>(())
/// ```
///
/// # References
/// He, Zhang, Ren & Sun 2015, [arXiv 1512.03385](https://arxiv.org/abs/1512.03385), equations 1 and 2.
#[derive(Clone)]
pub struct Residual {
    name: String,
    inner: Arc<dyn Layer>,
    shortcut: Option<Arc<dyn Layer>>,
}

impl Residual {
    /// `inner(x) + x`.
    pub fn of(inner: impl IntoLayer) -> Self {
        Self { name: "Residual".to_owned(), inner: inner.into_layer(), shortcut: None }
    }

    /// With a layer on the way past `inner`.
    #[must_use]
    pub fn with_shortcut(self, shortcut: impl IntoLayer) -> Self {
        Self { shortcut: Some(shortcut.into_layer()), ..self }
    }

    /// The layer under another name.
    ///
    /// # Errors
    /// [`LayerError::Module`] for a name that cannot be made valid.
    pub fn named(self, name: &str) -> Result<Self> {
        Ok(Self { name: layer_name(name)?, ..self })
    }
}

impl Layer for Residual {
    fn forward(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        let inner = pass.through("inner", self.inner.as_ref(), x, pass.input())?;
        let shortcut = match &self.shortcut {
            Some(layer) => pass.through("shortcut", layer.as_ref(), x, pass.input())?,
            None => (x.clone(), pass.input()),
        };
        let [inner, shortcut] = aligned([inner, shortcut], pass)?;
        same_shapes(&inner, &shortcut)?;
        Ok((inner + shortcut).check()?)
    }

    /// Both ways' entries are taken as independent of each other.
    fn forward_moments(&self, x: &Moments, pass: &Pass) -> Result<Moments> {
        let inner = moments_of("inner", self.inner.as_ref(), x, pass)?;
        let shortcut = match &self.shortcut {
            Some(layer) => moments_of("shortcut", layer.as_ref(), x, pass)?,
            None => x.clone(),
        };
        same_shapes(&inner.mean, &shortcut.mean)?;
        let variance = match (inner.variance, shortcut.variance) {
            (Some(a), Some(b)) => Some((a + b).check()?),
            (one, other) => one.or(other),
        };
        Ok(Moments { mean: (inner.mean + shortcut.mean).check()?, variance })
    }

    fn draws_together(&self) -> bool {
        true
    }

    fn to_bayesian(&self, conversion: &mut Conversion) -> Result<Option<Arc<dyn Layer>>> {
        let shortcut = self.shortcut.as_ref();
        let shortcut = shortcut.map(|layer| conversion.child("shortcut", layer)).transpose()?;
        let inner = conversion.child("inner", &self.inner)?;
        Ok(Some(Arc::new(Self { name: self.name.clone(), inner, shortcut })))
    }
}

/// Several layers of one input, whose outputs are set beside each other along the last axis, or added.
///
/// # Shapes
/// Outputs of one shape but for the last axis; of one shape if they are added.
///
/// # Examples
/// ```
/// use tfn_layers::tensor::{DType, Tensor};
/// use tfn_layers::{AffineVariationalReparameterizationLocal as Bayesian, Layer, Parallel};
///
/// let two = Parallel::of(Bayesian::new(3, 4)?).and(Bayesian::new(3, 2)?);
/// assert_eq!(two.call(&Tensor::ones(&[5, 3], DType::F32))?.shape()?, [5, 6]);
/// let sum = Parallel::of(Bayesian::new(3, 4)?).and(Bayesian::new(3, 4)?).summed();
/// assert_eq!(sum.call(&Tensor::ones(&[5, 3], DType::F32))?.shape()?, [5, 4]);
/// # Ok::<(), tfn_layers::LayerError>(())
/// ```
#[derive(Clone)]
pub struct Parallel {
    name: String,
    branches: Vec<Arc<dyn Layer>>,
    summed: bool,
}

impl Parallel {
    /// One branch.
    pub fn of(branch: impl IntoLayer) -> Self {
        Self { name: "Parallel".to_owned(), branches: vec![branch.into_layer()], summed: false }
    }

    /// With one branch more.
    #[must_use]
    pub fn and(mut self, branch: impl IntoLayer) -> Self {
        self.branches.push(branch.into_layer());
        self
    }

    /// The sum of the branches in place of their concatenation.
    #[must_use]
    pub fn summed(self) -> Self {
        Self { summed: true, ..self }
    }

    /// The layer under another name.
    ///
    /// # Errors
    /// [`LayerError::Module`] for a name that cannot be made valid.
    pub fn named(self, name: &str) -> Result<Self> {
        Ok(Self { name: layer_name(name)?, ..self })
    }

    fn joined(&self, outputs: &[Tensor]) -> Result<Tensor> {
        let Some((first, rest)) = outputs.split_first() else { return Err(LayerError::NoLayers) };
        if !self.summed {
            return Ok(Tensor::concat(&outputs.iter().collect::<Vec<_>>(), -1).check()?);
        }
        let mut sum = first.clone();
        for output in rest {
            same_shapes(&sum, output)?;
            sum = sum + output;
        }
        Ok(sum.check()?)
    }
}

impl Layer for Parallel {
    fn forward(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        let list = pass.child("branches", pass.input());
        let mut outputs = Vec::with_capacity(self.branches.len());
        for (i, branch) in self.branches.iter().enumerate() {
            let called = list.through(&i.to_string(), branch.as_ref(), x, pass.input());
            outputs.push(called.map_err(|error| error.within("branches"))?);
        }
        pass.note(&list);
        self.joined(&all_aligned(outputs, pass)?)
    }

    /// The branches' entries are taken as independent of each other.
    fn forward_moments(&self, x: &Moments, pass: &Pass) -> Result<Moments> {
        let list = pass.child("branches", pass.input());
        let (mut means, mut variances, mut known) = (Vec::new(), Vec::new(), true);
        for (i, branch) in self.branches.iter().enumerate() {
            let of = moments_of(&i.to_string(), branch.as_ref(), x, &list);
            let of = of.map_err(|error| error.within("branches"))?;
            known &= of.variance.is_none();
            let none =
                || -> Result<Tensor> { Ok(Tensor::zeros(of.mean.shape()?, of.mean.dtype()?)) };
            variances.push(match of.variance.clone() {
                Some(variance) => variance,
                None => none()?,
            });
            means.push(of.mean);
        }
        let variance = if known { None } else { Some(self.joined(&variances)?) };
        Ok(Moments { mean: self.joined(&means)?, variance })
    }

    fn draws_together(&self) -> bool {
        true
    }

    fn to_bayesian(&self, conversion: &mut Conversion) -> Result<Option<Arc<dyn Layer>>> {
        let all = self.branches.iter().enumerate().rev();
        let made = all.map(|(i, branch)| conversion.child(&format!("branches/{i}"), branch));
        let mut branches = made.collect::<Result<Vec<_>>>()?;
        branches.reverse();
        Ok(Some(Arc::new(Self { name: self.name.clone(), branches, summed: self.summed })))
    }
}

/// Moments of the child `label`, and its errors under that label.
fn moments_of(label: &str, layer: &dyn Layer, x: &Moments, pass: &Pass) -> Result<Moments> {
    let of = layer.forward_moments(x, &pass.child(label, pass.input()));
    of.map_err(|error| error.within(&layer.name()).within(label))
}

/// Outputs with an axis for the draws each, if one of them has it.
fn all_aligned(outputs: Vec<(Tensor, Input)>, pass: &Pass) -> Result<Vec<Tensor>> {
    if outputs.iter().all(|(_, input)| *input == outputs[0].1) {
        return Ok(outputs.into_iter().map(|(y, _)| y).collect());
    }
    let with_draws = |(y, input): (Tensor, Input)| -> Result<Tensor> {
        if input == Input::Each {
            return Ok(y);
        }
        let shape = [&[pass.draws()], y.shape()?].concat();
        Ok(y.broadcast_to(&shape).check()?)
    };
    outputs.into_iter().map(with_draws).collect()
}

fn aligned(outputs: [(Tensor, Input); 2], pass: &Pass) -> Result<[Tensor; 2]> {
    let aligned = all_aligned(outputs.into(), pass)?;
    aligned.try_into().map_err(|_| LayerError::NoLayers)
}

/// That nothing is broadcast where layers' outputs are added.
fn same_shapes(a: &Tensor, b: &Tensor) -> Result<()> {
    let (a, b) = (a.shape()?, b.shape()?);
    if a == b {
        return Ok(());
    }
    let expected =
        format!("one from which all branches make the same shape; they made {a:?} and {b:?}");
    Err(LayerError::Input { given: b.to_vec(), expected })
}

impl Module for Residual {
    fn properties<'a>(&'a self, properties: &mut Properties<'a>) {
        properties.add("inner", &self.inner).add("shortcut", &self.shortcut);
    }

    fn name(&self) -> String {
        self.name.clone()
    }
}

impl Module for Parallel {
    fn properties<'a>(&'a self, properties: &mut Properties<'a>) {
        properties.add("branches", &self.branches);
    }

    fn name(&self) -> String {
        self.name.clone()
    }
}

impl DeepCopy for Residual {
    fn deep_copy_with(&self, copies: &mut Copies) -> Self {
        Self {
            name: self.name.clone(),
            inner: self.inner.deep_copy_with(copies),
            shortcut: self.shortcut.deep_copy_with(copies),
        }
    }
}

impl DeepCopy for Parallel {
    fn deep_copy_with(&self, copies: &mut Copies) -> Self {
        Self {
            name: self.name.clone(),
            branches: self.branches.deep_copy_with(copies),
            summed: self.summed,
        }
    }
}

describe_fields!(Residual as "tfn.layers.Residual" { name, inner, shortcut });
describe_fields!(Parallel as "tfn.layers.Parallel" { name, branches, summed } |made| {
    if made.branches.is_empty() { Err(LayerError::NoLayers) } else { Ok(made) }
});

impl fmt::Debug for Residual {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<Residual: name={}>", self.name)
    }
}

impl fmt::Debug for Parallel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<Parallel: name={}>", self.name)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::testing::check_layer;
    use crate::{Affine, AffineVariationalReparameterizationLocal as Local, Lambda, Sequential};
    use tfn_tensor::{DType, Key};

    fn local(inputs: usize, outputs: usize) -> Local {
        let builder = Local::builder(inputs, outputs).dtype(DType::F64).seed(1);
        let layer = builder.build().unwrap();
        for variable in layer.trainable_variables() {
            let shift = if variable.name().ends_with("scale") { 5.0 } else { 0.1 };
            variable.assign(&(variable.value() + shift)).unwrap();
        }
        layer
    }

    fn nets() -> Vec<Box<dyn Layer>> {
        let plain = || Affine::builder(3, 3).dtype(DType::F64).seed(2).build().unwrap();
        let tanh = || Lambda::new("tanh", Tensor::tanh).unwrap();
        vec![
            Box::new(Residual::of(local(3, 3))),
            Box::new(Residual::of(local(3, 2)).with_shortcut(local(3, 2))),
            Box::new(Residual::of(local(3, 3)).with_shortcut(plain())),
            Box::new(Parallel::of(local(3, 2)).and(tanh()).and(local(3, 1))),
            Box::new(Parallel::of(plain()).and(local(3, 3)).summed()),
            Box::new(
                Sequential::of(tanh()).then(Residual::of(local(3, 3))).then(Residual::of(plain())),
            ),
        ]
    }

    #[test]
    fn the_laws_hold() {
        // Of fewer than four rows, products are summed in another order for several draws together.
        let x = Key::from_seed(2).stream().normal(&[4, 3], DType::F64);
        for net in nets() {
            let checked = check_layer(net.as_ref(), &x);
            assert!(checked.is_ok(), "{net:?}: {checked:?}");
        }
    }

    /// All draws at once are each draw by itself, whether or not a way draws at all.
    #[test]
    fn several_draws_are_draws_one_by_one() {
        let x = Key::from_seed(2).stream().normal(&[4, 3], DType::F64);
        let keys: Vec<Key> = (0..3).map(|i| Key::from_seed(7).index(i)).collect();
        for net in nets() {
            let all = net.prepare(&x)(&keys).unwrap();
            for (i, key) in keys.iter().enumerate() {
                let one = net.call_at(&x, key).unwrap().to_vec::<f64>().unwrap();
                let of_all = all.narrow(0, i, 1).to_vec::<f64>().unwrap();
                let apart = one.iter().zip(&of_all).map(|(a, b)| (a - b).abs());
                assert!(apart.fold(0.0, f64::max) < 1e-12, "{net:?}");
            }
        }
    }

    #[test]
    fn shapes_that_would_broadcast_are_errors() {
        let x = Tensor::ones(&[2, 3], DType::F64);
        let error = Residual::of(local(3, 1)).call(&x).unwrap_err().to_string();
        assert!(error.contains("they made [2, 1] and [2, 3]"), "{error}");
        let error = Parallel::of(local(3, 1)).and(local(4, 1)).call(&x).unwrap_err().to_string();
        assert!(error.contains("branches/1/"), "{error}");
        assert!(Parallel::of(local(3, 1)).and(local(3, 2)).summed().call(&x).is_err());
    }
}

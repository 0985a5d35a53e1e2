//! Layers one after another.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use tfn_module::{Copies, DeepCopy, Module, Properties, describe_fields, layer_name, open_trait};
use tfn_tensor::Tensor;
use tfn_util::AnyError;

use super::model::Model;
use crate::contract::{Conversion, IntoLayer, Layer, Likelihood, Moments, Pass};
use crate::error::{LayerError, Result};
use crate::likelihoods::of_output;

/// A module that a container tracks beside its layers.
pub(crate) trait Tracked: Module + TrackedCopy {}
open_trait!(pub(crate) Tracked, TrackedCopy);
impl<M: Module + DeepCopy> Tracked for M {}

/// Layers, each called with the output of the one before it.
///
/// Counterpart: `tfp.experimental.nn.Sequential`. Layer number `i` draws below the label `layers/i`, so that no
/// two layers share noise, whatever their names and seeds; errors name it by that label and its own name.
///
/// # Examples
/// ```
/// use tfn_layers::tensor::{DType, Key, Tensor};
/// use tfn_layers::{AffineVariationalReparameterizationLocal as Bayesian, Layer, Sequential};
///
/// let net = Sequential::of(Bayesian::builder(784, 300).activation_fn(Tensor::relu).build()?)
///     .then(Bayesian::new(300, 10)?)
///     .named("net")?;
/// let x = Tensor::ones(&[32, 784], DType::F32);
/// assert_eq!(net.call(&x)?.shape()?, [32, 10]);
/// assert_eq!(net.losses()?.shape()?, [0_usize; 0]);
///
/// // With a key of one's own: reproducible on any thread, in any order.
/// let key = Key::from_seed(7);
/// assert_eq!(net.call_at(&x, &key)?.to_vec::<f32>()?, net.call_at(&x, &key)?.to_vec::<f32>()?);
/// # use tfn_layers::module::Module;
/// # Ok::<(), tfn_layers::LayerError>(())
/// ```
pub struct Sequential {
    name: Option<String>,
    layers: Vec<Arc<dyn Layer>>,
    also_track: Vec<Arc<dyn Tracked>>,
}

impl Sequential {
    /// A sequence that begins with `first`.
    pub fn of(first: impl IntoLayer) -> Self {
        Self { name: None, layers: vec![first.into_layer()], also_track: Vec::new() }
    }

    /// The sequence of `layers`.
    ///
    /// # Errors
    /// [`LayerError::NoLayers`] if there are none.
    pub fn from_layers(layers: impl IntoIterator<Item = Arc<dyn Layer>>) -> Result<Self> {
        let layers: Vec<_> = layers.into_iter().collect();
        if layers.is_empty() {
            return Err(LayerError::NoLayers);
        }
        Ok(Self { name: None, layers, also_track: Vec::new() })
    }

    /// The sequence with one more layer at its end.
    #[must_use]
    pub fn then(mut self, next: impl IntoLayer) -> Self {
        self.layers.push(next.into_layer());
        self
    }

    /// The sequence under a name of its own; by default its layers' names joined by `_`.
    ///
    /// # Errors
    /// [`LayerError::Module`] for a name that cannot be made valid.
    pub fn named(mut self, name: &str) -> Result<Self> {
        self.name = Some(layer_name(name)?);
        Ok(self)
    }

    /// The sequence, which also holds `module` as its own: one whose variables the functions in the sequence use, and
    /// that no layer holds.
    #[must_use]
    pub fn also_track(mut self, module: impl Module + DeepCopy) -> Self {
        self.also_track.push(Arc::new(module));
        self
    }

    /// A model: what `head` makes of the sequence's output is a distribution over targets.
    ///
    /// The function cannot capture variables (it has to be `Copy`); one that needs some is handed them by
    /// [`from_fn`](crate::likelihoods::from_fn).
    pub fn with_head<D, E>(
        self,
        head: impl Fn(&Tensor) -> Result<D, E> + Copy + Send + Sync + 'static,
    ) -> Model
    where
        D: tfn_distributions::IntoDistribution,
        E: Into<AnyError>,
    {
        self.with_likelihood(of_output(head))
    }

    /// A model: what `likelihood` makes of the sequence's output is a distribution over targets.
    pub fn with_likelihood(self, likelihood: impl Likelihood + DeepCopy) -> Model {
        Model::new(self, likelihood)
    }

    /// The layers.
    pub fn layers(&self) -> &[Arc<dyn Layer>] {
        &self.layers
    }

    /// A part of the sequence, over the same layers and variables.
    ///
    /// # Errors
    /// [`LayerError::Range`] if the range is empty or reaches outside.
    pub fn slice(&self, range: Range<usize>) -> Result<Self> {
        let Range { start, end } = range.clone();
        let found = self.layers.get(range).filter(|layers| !layers.is_empty());
        let layers = self.layers.len();
        let part = found.ok_or(LayerError::Range { start, end, layers })?.to_vec();
        Ok(Self { name: Some(self.name()), layers: part, also_track: self.also_track.clone() })
    }
}

impl Layer for Sequential {
    fn forward(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        let list = pass.child("layers", pass.input());
        let mut signal = (x.clone(), pass.input());
        for (i, layer) in self.layers.iter().enumerate() {
            let called = list.through(&i.to_string(), layer.as_ref(), &signal.0, signal.1);
            signal = called.map_err(|error| error.within("layers"))?;
        }
        pass.note(&list);
        Ok(signal.0)
    }

    fn forward_moments(&self, x: &Moments, pass: &Pass) -> Result<Moments> {
        let list = pass.child("layers", pass.input());
        let mut moments = x.clone();
        for (i, layer) in self.layers.iter().enumerate() {
            let label = i.to_string();
            let of_layer = layer.forward_moments(&moments, &list.child(&label, list.input()));
            let named = |error: LayerError| error.within(&layer.name()).within(&label);
            moments = of_layer.map_err(|error| named(error).within("layers"))?;
        }
        Ok(moments)
    }

    fn draws_together(&self) -> bool {
        true
    }

    fn to_bayesian(&self, conversion: &mut Conversion) -> Result<Option<Arc<dyn Layer>>> {
        let all = self.layers.iter().enumerate().rev();
        let made = all.map(|(i, layer)| conversion.child(&format!("layers/{i}"), layer));
        let mut layers = made.collect::<Result<Vec<_>>>()?;
        layers.reverse();
        let also_track = conversion.copied(&self.also_track);
        Ok(Some(Arc::new(Self { name: self.name.clone(), layers, also_track })))
    }
}

impl Module for Sequential {
    fn properties<'a>(&'a self, properties: &mut Properties<'a>) {
        properties.add("also_track", &self.also_track).add("layers", &self.layers);
    }

    fn name(&self) -> String {
        match &self.name {
            Some(name) => name.clone(),
            None => self.layers.iter().map(|layer| layer.name()).collect::<Vec<_>>().join("_"),
        }
    }
}

impl DeepCopy for Sequential {
    fn deep_copy_with(&self, copies: &mut Copies) -> Self {
        Self {
            name: self.name.clone(),
            layers: self.layers.deep_copy_with(copies),
            also_track: self.also_track.deep_copy_with(copies),
        }
    }
}

describe_fields!(Sequential as "tfn.layers.Sequential" { name, layers, also_track } |made| {
    if made.layers.is_empty() { Err(LayerError::NoLayers) } else { Ok(made) }
});

impl fmt::Debug for Sequential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<Sequential: name={}>", self.name())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::{AffineVariationalReparameterizationLocal as Local, Lambda};
    use tfn_tensor::{DType, Key};

    fn pair() -> Sequential {
        let layer = || Local::builder(3, 3).dtype(DType::F64).seed(1).name("same").build().unwrap();
        Sequential::of(layer()).then(layer())
    }

    #[test]
    fn equal_layers_draw_different_noise() {
        let net = pair();
        let x = Tensor::zeros(&[1, 3], DType::F64);
        let key = Key::from_seed(5);
        let first = net.slice(0..1).unwrap().call_at(&x, &key).unwrap().to_vec::<f64>().unwrap();
        let alone =
            net.layers()[1].call_at(&x, &key.child("layers/1")).unwrap().to_vec::<f64>().unwrap();
        assert_ne!(first, alone);
        let pass = Pass::new(&net, &key);
        let keys = tfn_module::find(&net).into_iter().map(|(_, w)| pass.weights_key(w).unwrap());
        assert_eq!(keys.collect::<Vec<_>>(), [key.child("layers/0"), key.child("layers/1")]);
    }

    #[test]
    fn calls_in_sequence_differ_and_repeat_from_the_seed() {
        let x = Tensor::ones(&[2, 3], DType::F64);
        let (one, two) = (pair(), pair());
        let y: Vec<_> = (0..3).map(|_| one.call(&x).unwrap().to_vec::<f64>().unwrap()).collect();
        let z: Vec<_> = (0..3).map(|_| two.call(&x).unwrap().to_vec::<f64>().unwrap()).collect();
        assert_eq!(y, z);
        assert_ne!(y[0], y[1]);
    }

    #[test]
    fn losses_are_those_of_the_last_call_and_count_a_shared_layer_once() {
        let net = pair();
        let error = net.losses().unwrap_err();
        assert!(matches!(error.root(), LayerError::NotCalled { method: "losses", .. }));
        assert!(error.to_string().starts_with("layers/0/same: "), "{error}");
        net.call(&Tensor::ones(&[2, 3], DType::F64)).unwrap();
        let sum: f64 = net.layers().iter().map(|l| l.losses().unwrap().item().unwrap()).sum();
        assert!((net.losses().unwrap().item().unwrap() - sum).abs() < 1e-9 * sum.abs());
        let shared: Arc<dyn Layer> = net.layers()[0].clone();
        let twice = Sequential::from_layers([shared.clone(), shared.clone()]).unwrap();
        twice.call(&Tensor::ones(&[2, 3], DType::F64)).unwrap();
        assert_eq!(twice.trainable_variables().len(), 4);
        let key = Key::from_seed(1);
        let once = shared.losses_at(&key.child("layers/0")).unwrap().item().unwrap();
        assert_eq!(twice.losses_at(&key).unwrap().item().unwrap(), once);
    }

    #[test]
    fn names_slices_and_errors() {
        let net = pair().then(Lambda::new("relu", Tensor::relu).unwrap());
        assert_eq!(net.name(), "same_same_relu");
        assert_eq!(net.slice(1..2).unwrap().variables(), net.layers()[1].variables());
        assert!(matches!(net.slice(2..9), Err(LayerError::Range { layers: 3, .. })));
        assert!(matches!(net.slice(1..1), Err(LayerError::Range { .. })));
        assert!(matches!(Sequential::from_layers([]), Err(LayerError::NoLayers)));
        let outer = Sequential::of(net.named("inner").unwrap()).named("outer").unwrap();
        let error = outer.call(&Tensor::ones(&[2, 4], DType::F64)).unwrap_err();
        assert!(
            error.to_string().starts_with("outer/layers/0/inner/layers/0/same: argument `x`"),
            "{error}"
        );
    }
}

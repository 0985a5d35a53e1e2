//! Layers one after another.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use tfn_distributions::Distribution;
use tfn_module::{Copies, DeepCopy, Module, Properties, layer_name, open_trait};
use tfn_tensor::{Key, Tensor};

use crate::calls::Calls;
use crate::error::{LayerError, Result};
use crate::layer::{IntoLayer, Layer, Prepared};
use crate::model::Model;
use crate::variational::VariationalLayer;

/// A module that a container tracks beside its layers.
pub(crate) trait Tracked: Module + TrackedCopy {}
open_trait!(pub(crate) Tracked, TrackedCopy);
impl<M: Module + DeepCopy> Tracked for M {}

/// Layers, each called with the output of the one before it.
///
/// Counterpart: `tfp.experimental.nn.Sequential`. Layer number `i` draws from `key.index(i)`, so that no two
/// layers share noise, whatever their names and seeds.
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
    calls: Calls,
}

impl Sequential {
    /// A sequence that begins with `first`.
    pub fn of(first: impl IntoLayer) -> Self {
        Self::from_parts(None, vec![first.into_layer()], Vec::new())
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
        Ok(Self::from_parts(None, layers, Vec::new()))
    }

    fn from_parts(
        name: Option<String>,
        layers: Vec<Arc<dyn Layer>>,
        also_track: Vec<Arc<dyn Tracked>>,
    ) -> Self {
        let calls = Calls::new(root(&layers));
        Self { name, layers, also_track, calls }
    }

    /// The sequence with one more layer at its end.
    #[must_use]
    pub fn then(mut self, next: impl IntoLayer) -> Self {
        self.layers.push(next.into_layer());
        Self::from_parts(self.name, self.layers, self.also_track)
    }

    /// The sequence under a name of its own; by default its layers' names joined by `_`.
    ///
    /// # Errors
    /// [`LayerError::Module`] for a name that cannot be mended.
    pub fn named(mut self, name: &str) -> Result<Self> {
        self.name = Some(layer_name(name)?);
        Ok(self)
    }

    /// The sequence with the variables of a module that its functions use but no layer holds.
    #[must_use]
    pub fn also_track(mut self, module: impl Module + DeepCopy) -> Self {
        self.also_track.push(Arc::new(module));
        self
    }

    /// A model: what `head` makes of the sequence's output is a distribution over targets.
    pub fn with_head<D, E>(
        self,
        head: impl Fn(&Tensor) -> Result<D, E> + Send + Sync + 'static,
    ) -> Model
    where
        D: tfn_distributions::IntoDistribution,
        E: Into<LayerError>,
    {
        Model::new(self, move |y: &Tensor| -> Result<Arc<dyn Distribution>> {
            Ok(head(y).map_err(Into::into)?.into_distribution())
        })
    }

    /// The layers.
    pub fn layers(&self) -> &[Arc<dyn Layer>] {
        &self.layers
    }

    /// The output for several keys of the layers from number `first` on.
    fn through(
        &self,
        first: u64,
        layers: &[Arc<dyn Layer>],
        x: Tensor,
        keys: &[Key],
    ) -> Result<Tensor> {
        (first..).zip(layers).try_fold(x, |x, (i, layer)| {
            layer.call_each(&x, &children(keys, i)).map_err(|error| error.within(&self.name()))
        })
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
        Ok(Self::from_parts(Some(self.name()), part, self.also_track.clone()))
    }
}

/// The key of layer number `layer` below each of `keys`.
fn children(keys: &[Key], layer: u64) -> Vec<Key> {
    keys.iter().map(|key| key.index(layer)).collect()
}

/// The root of the sequence's keys: a function of its layers' own.
fn root(layers: &[Arc<dyn Layer>]) -> Key {
    let mut root = Key::from_seed(0).child("Sequential");
    for layer in layers {
        if let Some(calls) = layer.calls() {
            root = root.index(calls.root().stream().next_u64());
        }
    }
    root
}

impl Layer for Sequential {
    fn call_at(&self, x: &Tensor, key: &Key) -> Result<Tensor> {
        let mut y = x.clone();
        for (i, layer) in (0..).zip(&self.layers) {
            let called = layer.call_at(&y, &key.index(i));
            y = called.map_err(|error| error.within(&self.name()))?;
        }
        Ok(y)
    }

    fn prepare<'a>(&'a self, x: &Tensor) -> Result<Prepared<'a>> {
        let Some((first, rest)) = self.layers.split_first() else {
            return Err(LayerError::NoLayers);
        };
        let first = first.prepare(x).map_err(|error| error.within(&self.name()))?;
        Ok(Box::new(move |keys| {
            let y = first(&children(keys, 0)).map_err(|error| error.within(&self.name()))?;
            self.through(1, rest, y, keys)
        }))
    }

    fn call_each(&self, x: &Tensor, keys: &[Key]) -> Result<Tensor> {
        self.through(0, &self.layers, x.clone(), keys)
    }

    fn calls(&self) -> Option<&Calls> {
        Some(&self.calls)
    }

    fn variational_layers<'a>(
        &'a self,
        key: &Key,
        visit: &mut dyn FnMut(&'a dyn VariationalLayer, &Key),
    ) {
        for (i, layer) in (0..).zip(&self.layers) {
            layer.variational_layers(&key.index(i), visit);
        }
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
            calls: self.calls.clone(),
        }
    }
}

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
    use tfn_tensor::DType;

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
        let alone = net.layers()[1].call_at(&x, &key.index(1)).unwrap().to_vec::<f64>().unwrap();
        assert_ne!(first, alone);
        let mut keys = Vec::new();
        net.variational_layers(&key, &mut |_, key| keys.push(key.clone()));
        assert_ne!(keys[0], keys[1]);
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
        assert!(matches!(net.losses(), Err(LayerError::NotCalled { .. })));
        net.call(&Tensor::ones(&[2, 3], DType::F64)).unwrap();
        let sum: f64 = net.layers().iter().map(|l| l.losses().unwrap().item().unwrap()).sum();
        assert!((net.losses().unwrap().item().unwrap() - sum).abs() < 1e-9 * sum.abs());
        let shared: Arc<dyn Layer> = net.layers()[0].clone();
        let twice = Sequential::from_layers([shared.clone(), shared.clone()]).unwrap();
        twice.call(&Tensor::ones(&[2, 3], DType::F64)).unwrap();
        assert_eq!(twice.trainable_variables().len(), 4);
        let key = Key::from_seed(1);
        let once = shared.losses_at(&key.index(0)).unwrap().item().unwrap();
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
        assert!(error.to_string().starts_with("outer/inner/same: affine_local"), "{error}");
    }
}

//! One pass over a net: whose keys, for how many draws, for training or not.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tfn_module::{Module, find};
use tfn_tensor::{DType, Key, Stream, Tensor};

use super::weights::Weights;
use crate::error::{LayerError, Result};

/// One pass of an input through a net, as the layer at one place in it sees it.
///
/// A pass says where noise comes from ([`normal`](Self::normal), [`signs`](Self::signs), [`key`](Self::key)),
/// which draw of its weights a layer is to take ([`weights_key`](Self::weights_key)), and whether the net is being
/// trained ([`is_training`](Self::is_training)). A container makes its children's passes by
/// [`call`](Self::call).
///
/// # Keys
/// Everything that is drawn is a function of the key of the pass and of a path. For noise it is the path of labels by
/// which containers called the layer; for weights it is their path in the tree of modules. So no two layers share
/// noise, a layer that is called twice has new noise each time but the same weights, and the divergence of weights can
/// be computed at the draw that the output was made with, without running the net again.
///
/// # Several draws
/// Prediction asks for many draws. A pass can carry them all, and a layer that can compute several at once
/// ([`Layer::draws_together`](crate::Layer::draws_together)) sees them along a new first axis; any other is called once
/// for each draw, and never sees that axis. What is computed of the input alone is then done once
/// ([`once`](Self::once)).
///
/// # Examples
/// Each method at work, in a layer that adds noise in training only:
/// ```
/// use tfn_layers::module::Module;
/// use tfn_layers::tensor::{DType, Key, Tensor};
/// use tfn_layers::{Calls, Layer, Pass, Result};
///
/// #[derive(Debug, Clone, Module)]
/// struct Jitter { calls: Calls }
///
/// impl Layer for Jitter {
///     fn forward(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
///         if !pass.is_training() {
///             return Ok(x.clone());
///         }
///         Ok((x + pass.normal("noise", x)? * 0.1).check()?)
///     }
/// }
///
/// let jitter = Jitter { calls: Calls::new(Key::from_seed(1)) };
/// let x = Tensor::zeros(&[4, 2], DType::F32);
/// assert_eq!(jitter.call(&x)?.to_vec::<f32>()?, [0.0; 8]);
/// let pass = Pass::new(&jitter, &Key::from_seed(2)).training(true);
/// assert_ne!(jitter.forward(&x, &pass)?.to_vec::<f32>()?, [0.0; 8]);
/// # Ok::<(), tfn_layers::LayerError>(())
/// ```
#[derive(Debug)]
pub struct Pass {
    net: Arc<Net>,
    /// One key a draw, of the whole pass.
    roots: Arc<[Key]>,
    /// One key a draw, of this place.
    keys: Vec<Key>,
    path: String,
    input: Input,
    training: bool,
    drew: AtomicBool,
}

/// What the first axis of a layer's input is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    /// There is one draw, and it is not an axis.
    One,
    /// There are several draws, and all have this input.
    Common,
    /// There are several draws; entry `i` of the input's first axis is that of draw `i`.
    Each,
}

/// What all places of a pass share.
#[derive(Debug)]
struct Net {
    /// Path of each set of weights, by its address.
    weights: HashMap<usize, String>,
    memory: Option<Memory>,
}

/// What passes at one input have computed of that input alone: by place, with the tensor that it was made of.
#[derive(Debug, Default)]
struct Memory(Mutex<HashMap<String, (Tensor, Vec<Tensor>)>>);

impl Pass {
    /// A pass of one draw over `net`, all of whose draws are made from `key`. It is not one of training.
    pub fn new(net: &(impl Module + ?Sized), key: &Key) -> Self {
        Self::begin(net, std::slice::from_ref(key), Input::One, false)
    }

    /// Whether the pass is one of training.
    #[must_use]
    pub fn training(self, training: bool) -> Self {
        Self { training, ..self }
    }

    /// Whether the net is being trained. Only then does a dropout layer drop anything, and are batch statistics taken.
    pub fn is_training(&self) -> bool {
        self.training
    }

    /// The key of this layer in this pass. The layer's draws use keys below it, under labels of its own.
    ///
    /// # Errors
    /// [`LayerError::NoDraws`] in a pass without draws. Only a layer that takes [several at
    /// once](crate::Layer::draws_together) ever sees such a pass.
    pub fn key(&self) -> Result<&Key> {
        self.keys().first().ok_or(LayerError::NoDraws)
    }

    /// The keys of this layer in this pass, one for each draw; a single key in a layer that is called once for each
    /// draw.
    pub fn keys(&self) -> &[Key] {
        self.drew.store(true, Ordering::Relaxed);
        &self.keys
    }

    /// Independent standard normals for the entries of `like`, from the stream `label` of this layer.
    ///
    /// # Shapes
    /// The shape of `like`; for several draws with one common input, an axis `[draws]` before it.
    ///
    /// # Errors
    /// The error that `like` carries.
    pub fn normal(&self, label: &str, like: &Tensor) -> Result<Tensor> {
        self.drawn(label, like.shape()?, like.dtype()?, Stream::normal)
    }

    /// Independent signs, 1 or −1, for the entries of `like`, from the stream `label` of this layer.
    ///
    /// # Shapes
    /// As of [`normal`](Self::normal).
    ///
    /// # Errors
    /// The error that `like` carries.
    pub fn signs(&self, label: &str, like: &Tensor) -> Result<Tensor> {
        self.drawn(label, like.shape()?, like.dtype()?, Stream::signs)
    }

    /// The key of the draw of `weights`: [`Weights::value_at`] of it is the draw.
    ///
    /// # Errors
    /// [`LayerError::Untracked`] if the walk over the net does not find these weights.
    pub fn weights_key(&self, weights: &Weights) -> Result<Key> {
        self.weights_keys(weights)?.first().cloned().ok_or(LayerError::NoDraws)
    }

    /// The keys of the draws of `weights`, one for each draw.
    ///
    /// # Errors
    /// As of [`weights_key`](Self::weights_key).
    pub fn weights_keys(&self, weights: &Weights) -> Result<Vec<Key>> {
        self.drew.store(true, Ordering::Relaxed);
        let path = self.path_of(weights)?;
        Ok(self.roots.iter().map(|root| weights_key(root, path)).collect())
    }

    /// Path of `weights` in the net that was called.
    ///
    /// # Errors
    /// [`LayerError::Untracked`] if the walk over the net does not find these weights.
    pub fn path_of(&self, weights: &Weights) -> Result<&str> {
        let untracked = || LayerError::Untracked { weights: weights.name().to_owned() };
        self.net.weights.get(&address(weights)).map(String::as_str).ok_or_else(untracked)
    }

    /// The result of `compute`, which has to depend on `x` alone and on nothing that is drawn. Where several draws are
    /// asked for, it is computed once for all draws that reach this layer with the very same tensor `x`.
    ///
    /// # Errors
    /// Those of `compute`.
    pub fn once<const N: usize>(
        &self,
        x: &Tensor,
        compute: impl FnOnce() -> Result<[Tensor; N]>,
    ) -> Result<[Tensor; N]> {
        let Some(memory) = &self.net.memory else { return compute() };
        let place = format!("{}/once", self.path);
        if let Some(known) = memory.get(&place, x).and_then(|known| known.try_into().ok()) {
            return Ok(known);
        }
        let made = compute()?.map(|tensor| tensor.detach());
        memory.put(place, x, &made);
        Ok(made)
    }

    /// Whether the input has an entry for each draw along its first axis.
    pub fn is_input_of_each(&self) -> bool {
        self.input == Input::Each
    }

    pub(crate) fn begin(
        net: &(impl Module + ?Sized),
        keys: &[Key],
        input: Input,
        remember: bool,
    ) -> Self {
        let found = find::<Weights>(net).into_iter();
        let weights = found.map(|(path, weights)| (address(weights), path)).collect();
        let memory = remember.then(Memory::default);
        Self {
            net: Arc::new(Net { weights, memory }),
            roots: keys.into(),
            keys: keys.to_vec(),
            path: String::new(),
            input,
            training: false,
            drew: AtomicBool::new(false),
        }
    }

    /// The pass over `module`, which stands beside the net: of the same draws, below `label`.
    pub(crate) fn beside(
        &self,
        label: &str,
        module: &(impl Module + ?Sized),
        input: Input,
    ) -> Self {
        let keys: Vec<Key> = self.roots.iter().map(|key| key.child(label)).collect();
        Self::begin(module, &keys, input, false).training(self.training)
    }

    /// The same pass for other keys, with what it remembers.
    pub(crate) fn with_keys(&self, keys: &[Key]) -> Self {
        Self { roots: keys.into(), keys: keys.to_vec(), ..self.here(self.input) }
    }

    /// The pass of the child `label`, whose input is `input`.
    pub(crate) fn child(&self, label: &str, input: Input) -> Self {
        let keys = self.keys.iter().map(|key| key.child(label)).collect();
        Self { keys, path: format!("{}/{label}", self.path), ..self.here(input) }
    }

    /// The pass of draw number `draw` alone; of any draw, if there are none.
    pub(crate) fn only(&self, draw: usize) -> Self {
        let of = |keys: &[Key]| keys.get(draw).cloned().unwrap_or_else(|| Key::from_seed(0));
        let (root, key) = (of(&self.roots), of(&self.keys));
        Self { roots: Arc::new([root]), keys: vec![key], ..self.here(Input::One) }
    }

    /// The pass of this very place, which has not drawn yet.
    pub(crate) fn here(&self, input: Input) -> Self {
        Self {
            net: self.net.clone(),
            roots: self.roots.clone(),
            keys: self.keys.clone(),
            path: self.path.clone(),
            input,
            training: self.training,
            drew: AtomicBool::new(false),
        }
    }

    /// Whether an output made so far has an entry for each draw along its first axis.
    pub(crate) fn is_output_of_each(&self) -> bool {
        match self.input {
            Input::One => false,
            Input::Common => self.drew(),
            Input::Each => true,
        }
    }

    /// Whether there is one draw, without an axis of its own.
    pub(crate) fn is_of_one(&self) -> bool {
        self.input == Input::One
    }

    pub(crate) fn input(&self) -> Input {
        self.input
    }

    pub(crate) fn draws(&self) -> usize {
        self.keys.len()
    }

    /// Whether a key was asked for here or below: if not, the output is the same for all draws.
    pub(crate) fn drew(&self) -> bool {
        self.drew.load(Ordering::Relaxed)
    }

    /// Takes over from a pass below whether it drew.
    pub(crate) fn note(&self, below: &Self) {
        if below.drew() {
            self.drew.store(true, Ordering::Relaxed);
        }
    }

    /// The output of this place at `x` if it is remembered: one that nothing was drawn for.
    pub(crate) fn known_output(&self, x: &Tensor) -> Option<Tensor> {
        self.net.memory.as_ref()?.get(&self.path, x)?.pop()
    }

    pub(crate) fn remember_output(&self, x: &Tensor, y: &Tensor) {
        if let Some(memory) = &self.net.memory {
            memory.put(self.path.clone(), x, std::slice::from_ref(y));
        }
    }

    /// What `draw` makes of the stream `label` of this layer, for an input of `shape`; shaped as by [`normal`](Self::normal).
    pub(crate) fn drawn(
        &self,
        label: &str,
        shape: &[usize],
        dtype: DType,
        draw: impl Fn(&mut Stream, &[usize], DType) -> Tensor,
    ) -> Result<Tensor> {
        let of = |key: &Key, shape: &[usize]| draw(&mut key.child(label).stream(), shape, dtype);
        match self.input {
            Input::One => Ok(of(self.key()?, shape)),
            Input::Common => {
                along_draws(self.keys().iter().map(|key| of(key, shape)), shape, dtype)
            }
            Input::Each => {
                let shape = shape.get(1..).unwrap_or_default();
                along_draws(self.keys().iter().map(|key| of(key, shape)), shape, dtype)
            }
        }
    }
}

impl Memory {
    fn get(&self, place: &str, x: &Tensor) -> Option<Vec<Tensor>> {
        let places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        places.get(place).filter(|(of, _)| of.is_same(x)).map(|(_, made)| made.clone())
    }

    /// Keeps the first; a tensor that changes from draw to draw takes the place of none.
    fn put(&self, place: String, x: &Tensor, made: &[Tensor]) {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        places.entry(place).or_insert_with(|| (x.clone(), made.to_vec()));
    }
}

/// The key of the weights at `path` in a net that is called with `key`.
pub(crate) fn weights_key(key: &Key, path: &str) -> Key {
    if path.is_empty() { key.clone() } else { key.child(path) }
}

fn address(weights: &Weights) -> usize {
    std::ptr::from_ref(weights).addr()
}

/// The tensors of some draws, each of `shape`, along a new first axis; that of one draw is not copied.
pub(crate) fn along_draws(
    tensors: impl Iterator<Item = Tensor>,
    shape: &[usize],
    dtype: DType,
) -> Result<Tensor> {
    let tensors: Vec<Tensor> = tensors.collect();
    Ok(match tensors.as_slice() {
        [] => Tensor::zeros(&[&[0], shape].concat(), dtype),
        [one] => one.expand_dims(0),
        all => Tensor::stack(&all.iter().collect::<Vec<_>>(), 0),
    }
    .check()?)
}

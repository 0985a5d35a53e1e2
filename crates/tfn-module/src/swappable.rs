//! Modules that are exchanged as a whole while others read them.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use crate::checkpoint;
use crate::copy::{DeepCopy, deep_copy};
use crate::error::Result;
use crate::module::Module;

/// A module that other threads use while its weights are replaced: each use is of all old or all new ones.
///
/// Loading or training changes one variable after the other, and whoever reads meanwhile sees some of each. Here the
/// change is made in a copy, which then takes the place of the original at once. A [`snapshot`](Self::snapshot) is what
/// stands there, for as long as it is held.
///
/// # Examples
/// ```
/// use tfn_module::{Module, ModuleError, Swappable, Tensor, Variable, save};
///
/// #[derive(Module)]
/// struct Net { gain: Variable }
///
/// let net = Swappable::new(Net { gain: Variable::new("gain", Tensor::scalar(1.0))? });
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("net.safetensors");
/// let before = net.snapshot();
/// net.change(|copy| Ok::<_, ModuleError>(copy.gain.assign(&Tensor::scalar(2.0))?))?;
/// assert_eq!(before.gain.value().item()?, 1.0);
/// assert_eq!(net.snapshot().gain.value().item()?, 2.0);
///
/// save(&*before, &path)?;
/// net.load(&path)?;
/// assert_eq!(net.snapshot().gain.value().item()?, 1.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Swappable<M> {
    current: RwLock<Arc<M>>,
    /// Held by whoever makes the next one, so that none of two changes is lost.
    changing: Mutex<()>,
}

impl<M> Swappable<M> {
    /// With `module` to begin with.
    pub fn new(module: impl Into<Arc<M>>) -> Self {
        Self { current: RwLock::new(module.into()), changing: Mutex::new(()) }
    }

    /// What stands there now. It never changes by what is done here.
    pub fn snapshot(&self) -> Arc<M> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts `module` in the place of what stands there, and gives that.
    pub fn replace(&self, module: impl Into<Arc<M>>) -> Arc<M> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        self.put(module.into())
    }

    fn put(&self, module: Arc<M>) -> Arc<M> {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut current, module)
    }
}

impl<M: Module + DeepCopy> Swappable<M> {
    /// Puts a copy that `change` was made in, in the place of the original; if it fails, the original stays.
    ///
    /// # Errors
    /// What `change` reports, and those of [`deep_copy`].
    pub fn change<R, E: From<crate::error::ModuleError>>(
        &self,
        change: impl FnOnce(&M) -> Result<R, E>,
    ) -> Result<R, E> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let copy = deep_copy(self.snapshot().as_ref())?;
        let changed = change(&copy)?;
        self.put(Arc::new(copy));
        Ok(changed)
    }

    /// [`load`](crate::load) as one change.
    ///
    /// # Errors
    /// Those of [`load`](crate::load); then the original stays.
    pub fn load(&self, path: impl AsRef<Path>) -> Result<()> {
        self.change(|copy| checkpoint::load(copy, path))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::error::ModuleError;
    use tfn_module_derive::Module;
    use tfn_tensor::{DType, Tensor, Variable};

    #[derive(Module)]
    #[module(crate = tfn_module)]
    struct Net {
        weights: Vec<Variable>,
    }

    impl Net {
        fn of(value: f64) -> Self {
            let weight =
                |i| Variable::new(format!("w{i}"), Tensor::full(&[100], value, DType::F64));
            Self { weights: (0..20).map(|i| weight(i).unwrap()).collect() }
        }

        fn values(&self) -> Vec<f64> {
            self.weights.iter().flat_map(|w| w.value().to_f64_vec().unwrap()).collect()
        }
    }

    #[test]
    fn readers_see_all_old_or_all_new_weights() {
        let folder = tempfile::tempdir().unwrap();
        let paths: Vec<_> = (0..4).map(|i| folder.path().join(i.to_string())).collect();
        for (value, path) in (0..).zip(&paths) {
            checkpoint::save(&Net::of(f64::from(value)), path).unwrap();
        }
        let (net, done) = (Swappable::new(Net::of(0.0)), AtomicBool::new(false));
        std::thread::scope(|scope| {
            let read = || {
                let mut reads = 0;
                while !done.load(Ordering::Relaxed) {
                    let values = net.snapshot().values();
                    assert!(values.iter().all(|value| *value == values[0]));
                    reads += 1;
                }
                reads
            };
            let readers = [scope.spawn(read), scope.spawn(read)];
            for round in 0..300 {
                net.load(&paths[round % 4]).unwrap();
            }
            done.store(true, Ordering::Relaxed);
            assert!(readers.into_iter().all(|reader| reader.join().unwrap() > 0));
        });
    }

    #[test]
    fn what_fails_changes_nothing_and_no_change_is_lost() {
        let net = Swappable::new(Net::of(1.0));
        let failed = net.change(|copy| -> Result<()> {
            copy.weights[0].assign(&Tensor::zeros(&[100], DType::F64))?;
            Ok(copy.weights[1].assign(&Tensor::zeros(&[7], DType::F64))?)
        });
        assert!(matches!(failed, Err(ModuleError::Tensor(_))));
        assert!(net.snapshot().values().iter().all(|value| *value == 1.0));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let one_more = |copy: &Net| {
                            let weight = &copy.weights[0];
                            Ok::<_, ModuleError>(weight.assign(&(weight.value() + 1.0))?)
                        };
                        net.change(one_more).unwrap();
                    }
                });
            }
        });
        assert_eq!(net.snapshot().values()[0], 201.0);
        let former = net.replace(Net::of(5.0));
        assert_eq!((former.values()[0], net.snapshot().values()[0]), (201.0, 5.0));
    }
}

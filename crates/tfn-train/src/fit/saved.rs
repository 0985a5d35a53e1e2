//! What a checkpoint of a run holds, and its way into a file and back.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use flate2::Crc;
use tfn_module::checkpoint::{load_with, save_with};
use tfn_module::{Module, ModuleError, named_variables, read_metadata};
use tfn_tensor::{DType, Element, Tensor, TensorError, Variable};

use super::progress::BEST;
use crate::error::{CheckpointError, Result, TrainError};
use crate::optimizers::{Optimizer, OptimizerState, named_by_order};

/// The variables of a run, by name.
pub(super) struct Trained {
    /// Those that training changes.
    variables: Vec<Variable>,
    /// The same with their names.
    named: Vec<(String, Variable)>,
    /// All that a checkpoint holds.
    saved: Vec<(String, Variable)>,
}

impl Trained {
    /// Of a list, by its order. One that is given twice is known by its first place.
    pub(super) fn of_list(variables: &[Variable]) -> Self {
        let mut seen = BTreeSet::new();
        let mut named = named_by_order(variables);
        named.retain(|(_, variable)| seen.insert(variable.id()));
        Self { variables: variables.to_vec(), saved: named.clone(), named }
    }

    /// All variables of a module by their paths; those that are trainable are trained.
    pub(super) fn of_module<M: Module + ?Sized>(module: &M) -> Self {
        let saved = named_variables(module);
        let is_trained = |(_, variable): &&(String, Variable)| variable.is_trainable();
        let named: Vec<_> = saved.iter().filter(is_trained).cloned().collect();
        let variables = named.iter().map(|(_, variable)| variable.clone()).collect();
        Self { variables, named, saved }
    }

    /// All that a checkpoint holds, by name: the variables themselves or `copy` of them.
    fn by_name(&self, copy: fn(&Variable) -> Variable) -> Result<BTreeMap<String, Variable>> {
        let mut variables: BTreeMap<String, Variable> = BTreeMap::new();
        for (path, variable) in &self.saved {
            if let Some(first) = variables.insert(path.clone(), copy(variable)) {
                let (first, second) = (first.name().to_owned(), variable.name().to_owned());
                let (op, path) = ("Fit::checkpoint", path.clone());
                return Err(ModuleError::DuplicatePath { op, path, first, second }.into());
            }
        }
        Ok(variables)
    }

    /// An error about the gradient of a variable with the name that the run knows it by.
    pub(super) fn with_path(&self, error: TrainError, step: u64) -> TrainError {
        let TrainError::Tensor(TensorError::Gradient { name, id, given }) = error else {
            return error;
        };
        let named = self.named.iter().find(|(_, variable)| variable.id() == id);
        let path = named.map_or(name, |(path, _)| path.clone());
        TrainError::NotFinite { step, what: format!("the gradient of `{path}`"), given }
    }

    pub(super) fn variables(&self) -> &[Variable] {
        &self.variables
    }

    /// The values of all that a checkpoint holds.
    pub(super) fn values(&self) -> Vec<Tensor> {
        self.saved.iter().map(|(_, variable)| variable.value()).collect()
    }

    /// Makes all that a checkpoint holds what [`values`](Self::values) gave.
    pub(super) fn assign(&self, values: &[Tensor]) -> Result<()> {
        for ((_, variable), value) in self.saved.iter().zip(values) {
            variable.assign(value)?;
        }
        Ok(())
    }

    /// These values, by name.
    fn copies_with(&self, values: &[Tensor]) -> Result<BTreeMap<String, Variable>> {
        let copies = self.by_name(Variable::deep_copy)?;
        for ((name, _), value) in self.saved.iter().zip(values) {
            if let Some(copy) = copies.get(name) {
                copy.assign(value)?;
            }
        }
        Ok(copies)
    }
}

/// The values of all that a checkpoint holds, after the best epoch.
#[derive(Debug, Default)]
pub(super) struct Best(pub(super) Option<Vec<Tensor>>);

impl Best {
    /// Makes all variables what they were then, if there is such an epoch.
    pub(super) fn restore(self, trained: &Trained) -> Result<()> {
        self.0.map_or(Ok(()), |values| trained.assign(&values))
    }
}

/// The tensors of a checkpoint.
#[derive(Module)]
struct Saved {
    /// The variables after the best epoch; none if the run does not keep them.
    best: BTreeMap<String, Variable>,
    optimizer: OptimizerState,
    variables: BTreeMap<String, Variable>,
}

/// Writes variables, those of the best epoch and the optimizer's state, and `facts` beside them.
pub(super) fn write(
    path: &Path,
    trained: &Trained,
    best: &Best,
    optimizer: &dyn Optimizer,
    mut facts: BTreeMap<String, String>,
) -> Result<()> {
    let variables = trained.by_name(Variable::clone)?;
    let best = best.0.as_deref().map_or_else(|| Ok(BTreeMap::new()), |v| trained.copies_with(v))?;
    let saved = Saved { best, optimizer: optimizer.state(&trained.named)?, variables };
    let checksum = checksum(&saved, &facts)?;
    facts.insert(CHECKSUM.to_owned(), checksum);
    Ok(save_with(&saved, path, &facts)?)
}

/// A checkpoint that has been read and not been put into effect yet.
pub(super) struct Found {
    saved: Saved,
    /// What was written beside the tensors.
    pub(super) facts: BTreeMap<String, String>,
}

/// Reads the checkpoint of a run with these variables and this optimizer, which stay as they are.
pub(super) fn read(path: &Path, trained: &Trained, optimizer: &dyn Optimizer) -> Result<Found> {
    let variables = trained.by_name(Variable::deep_copy)?;
    let facts = read_metadata(path)?;
    let has_patience = facts.get(PATIENCE).is_some_and(|patience| !patience.is_empty());
    // Only a run that may stop early keeps these, once there is a best epoch.
    let best = match has_patience && facts.contains_key(BEST) {
        true => trained.by_name(Variable::deep_copy)?,
        false => BTreeMap::new(),
    };
    let saved = Saved { best, optimizer: optimizer.state(&trained.named)?, variables };
    let mut facts = load_with(&saved, path)?;
    let damaged =
        |what: &str| CheckpointError::Damaged { path: path.to_owned(), what: what.into() };
    let expected = facts.remove(CHECKSUM).ok_or_else(|| damaged("it has no checksum"))?;
    if checksum(&saved, &facts)? != expected {
        return Err(damaged("its checksum is not that of its content").into());
    }
    Ok(Found { saved, facts })
}

impl Found {
    /// Makes variables and optimizer what they were when the checkpoint was written.
    ///
    /// Gives the variables of the best epoch.
    pub(super) fn restore(self, trained: &Trained, optimizer: &mut dyn Optimizer) -> Result<Best> {
        // First what may refuse: all shapes and types are known to fit the variables.
        optimizer.set_state(&trained.named, &self.saved.optimizer)?;
        for (name, variable) in &trained.saved {
            if let Some(saved) = self.saved.variables.get(name) {
                variable.assign(&saved.value())?;
            }
        }
        let best = &self.saved.best;
        let values = trained.saved.iter().map(|(name, _)| best.get(name).map(Variable::value));
        Ok(Best(values.collect()))
    }
}

const CHECKSUM: &str = "crc32";
/// How long the run waits for a better epoch; nothing, if it does not.
pub(super) const PATIENCE: &str = "patience";

/// Of all tensors and facts with their names; a safetensors file has none of its own.
fn checksum(saved: &Saved, facts: &BTreeMap<String, String>) -> Result<String> {
    let mut crc = Crc::new();
    for (name, fact) in facts {
        crc.update(format!("{name}={fact};").as_bytes());
    }
    for (path, variable) in named_variables(saved) {
        crc.update(path.as_bytes());
        add_tensor(&mut crc, &variable.value())?;
    }
    Ok(format!("{:08x}", crc.sum()))
}

/// Takes the numbers of a tensor into a checksum.
pub(super) fn add_tensor(crc: &mut Crc, tensor: &Tensor) -> Result<()> {
    match tensor.dtype()? {
        DType::F32 => add(crc, tensor, f32::to_le_bytes),
        DType::F64 => add(crc, tensor, f64::to_le_bytes),
    }
}

fn add<E: Element, const N: usize>(
    crc: &mut Crc,
    tensor: &Tensor,
    to_bytes: impl Fn(E) -> [u8; N],
) -> Result<()> {
    for block in tensor.data::<E>()?.chunks(4096) {
        let bytes: Vec<u8> = block.iter().flat_map(|&entry| to_bytes(entry)).collect();
        crc.update(&bytes);
    }
    Ok(())
}

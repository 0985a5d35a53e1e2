//! The order in which a tree of modules is walked.

use std::any::TypeId;
use std::collections::HashSet;

use tfn_tensor::{Variable, VariableId};

use crate::Module;
use crate::properties::{Leaf, Properties};

/// What makes two leaves the same object.
///
/// The address alone would not do: a submodule held by value at the start of its owner has its owner's
/// address. Objects of no size are told apart by their place, because several may share an address.
#[derive(PartialEq, Eq, Hash)]
enum Identity {
    Variable(VariableId),
    Module { address: usize, kind: TypeId, place: Option<(usize, usize)> },
}

impl Identity {
    fn of_leaf(leaf: &Leaf<'_>, place: (usize, usize)) -> Self {
        match leaf {
            Leaf::Variable(variable) => Self::Variable(variable.id()),
            Leaf::Module { module, behind_arc } => {
                let by_place = size_of_val(*module) == 0 && !behind_arc;
                Self::of(*module, by_place.then_some(place))
            }
        }
    }

    fn of<M: Module + ?Sized>(module: &M, place: Option<(usize, usize)>) -> Self {
        Self::Module { address: address(module), kind: module.type_id(), place }
    }
}

fn address<M: Module + ?Sized>(module: &M) -> usize {
    std::ptr::from_ref(module).cast::<()>().addr()
}

/// Goes through all leaves below `root`, each object once: a module's direct leaves first, by
/// attribute name, then, recursively, each of its direct submodules in turn.
pub(crate) fn walk<'a, M: Module + ?Sized>(
    root: &'a M,
    paths_wanted: bool,
    mut each: impl FnMut(&str, &Leaf<'a>),
) {
    let mut seen = HashSet::from([Identity::of(root, None)]);
    let mut properties = Properties::new(paths_wanted);
    let mut waiting: Vec<(String, &'a dyn Module)> = Vec::new();
    let (mut prefix, mut owner) = (String::new(), address(root));
    root.properties(&mut properties);
    loop {
        let first = waiting.len();
        for (index, (path, leaf)) in properties.take_leaves(&prefix).into_iter().enumerate() {
            if !seen.insert(Identity::of_leaf(&leaf, (owner, index))) {
                continue;
            }
            each(&path, &leaf);
            if let Leaf::Module { module, .. } = leaf {
                waiting.push((path, module));
            }
        }
        waiting[first..].reverse();
        let Some((path, module)) = waiting.pop() else {
            return;
        };
        (prefix, owner) = (path, address(module));
        module.properties(&mut properties);
    }
}

/// The variables below `module` that `wanted` picks, in the order of the walk.
pub(crate) fn variables<M: Module + ?Sized>(
    module: &M,
    wanted: impl Fn(&Variable) -> bool,
) -> Vec<Variable> {
    let mut found = Vec::new();
    walk(module, false, |_, leaf| {
        if let Leaf::Variable(variable) = leaf
            && wanted(variable)
        {
            found.push(variable.clone());
        }
    });
    found
}

/// The modules below `module`, itself not among them, in the order of the walk.
pub(crate) fn submodules<M: Module + ?Sized>(module: &M) -> Vec<&dyn Module> {
    let mut found = Vec::new();
    walk(module, false, |_, leaf| {
        if let Leaf::Module { module, .. } = leaf {
            found.push(*module);
        }
    });
    found
}

/// All variables below `module` with their paths, in the order of [`Module::variables`].
///
/// A path is made of attribute names, keys and indices: `layers/2/kernel` comes before
/// `layers/10/kernel`. A variable that is reached by several paths is listed under the first.
///
/// Counterpart: `tf.Module._flatten` with `with_path=True`.
///
/// # Examples
/// ```
/// use tfn_module::{Module, Tensor, Variable, named_variables};
///
/// #[derive(Module)]
/// struct Net { layers: Vec<Variable> }
///
/// let w = |i: i32| Variable::new("w", Tensor::scalar(f64::from(i)));
/// let layers = (0..11).map(w).collect::<Result<_, _>>()?;
/// let net = Net { layers };
/// let paths: Vec<String> = named_variables(&net).into_iter().map(|(path, _)| path).collect();
/// assert_eq!((paths[2].as_str(), paths[10].as_str()), ("layers/2", "layers/10"));
/// # Ok::<(), tfn_module::TensorError>(())
/// ```
pub fn named_variables<M: Module + ?Sized>(module: &M) -> Vec<(String, Variable)> {
    let mut found = Vec::new();
    walk(module, true, |path, leaf| {
        if let Leaf::Variable(variable) = leaf {
            found.push((path.to_owned(), variable.clone()));
        }
    });
    found
}

/// All modules below `module` with their paths, in the order of [`Module::submodules`].
pub fn named_submodules<M: Module + ?Sized>(module: &M) -> Vec<(String, &dyn Module)> {
    let mut found = Vec::new();
    walk(module, true, |path, leaf| {
        if let Leaf::Module { module, .. } = leaf {
            found.push((path.to_owned(), *module));
        }
    });
    found
}

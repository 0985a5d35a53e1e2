//! The order in which a tree of modules is walked.

use std::any::{Any, TypeId};
use std::collections::HashSet;

use tfn_tensor::{Variable, VariableId};

use super::contract::{Leaf, Module, Properties, Root};

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

impl<'a, M: Module + ?Sized> Root<'a> for &'a M {
    fn module_properties(&self, properties: &mut Properties<'a>) {
        (**self).properties(properties);
    }

    fn module_address(&self) -> usize {
        address(*self)
    }

    fn module_type(&self) -> TypeId {
        (**self).type_id()
    }
}

/// What a walk is for.
#[derive(Clone, Copy)]
struct Purpose {
    paths_wanted: bool,
    /// The type of modules to look for: variables are then passed over, and nothing below such a module is visited.
    sought: Option<TypeId>,
}

const EVERYTHING: Purpose = Purpose { paths_wanted: false, sought: None };
const WITH_PATHS: Purpose = Purpose { paths_wanted: true, sought: None };

/// Goes through all leaves below `root`, each object once: a module's direct leaves first, by
/// attribute name, then, recursively, each of its direct submodules in turn.
fn walk<'a>(root: &dyn Root<'a>, purpose: Purpose, each: &mut dyn FnMut(&str, &Leaf<'a>)) {
    let Purpose { paths_wanted, sought } = purpose;
    let mut owner = root.module_address();
    let first = Identity::Module { address: owner, kind: root.module_type(), place: None };
    let mut seen = HashSet::from([first]);
    let mut properties = Properties::new(paths_wanted, sought);
    let mut waiting: Vec<(String, &'a dyn Module)> = Vec::new();
    root.module_properties(&mut properties);
    loop {
        let first = waiting.len();
        for (index, (path, leaf)) in properties.take_leaves().into_iter().enumerate() {
            if !seen.insert(Identity::of_leaf(&leaf, (owner, index))) {
                continue;
            }
            each(&path, &leaf);
            if let Leaf::Module { module, .. } = leaf
                && sought != Some(module.type_id())
            {
                waiting.push((path, module));
            }
        }
        waiting[first..].reverse();
        let Some((path, module)) = waiting.pop() else {
            return;
        };
        owner = address(module);
        properties.begin(&path);
        module.properties(&mut properties);
    }
}

impl<'a> dyn Root<'a> + '_ {
    /// The variables below it in the order of the walk.
    pub(super) fn variables(&self) -> Vec<Variable> {
        self.variables_where(|_| true)
    }

    /// Those of [`variables`](Self::variables) that training changes.
    pub(super) fn trainable_variables(&self) -> Vec<Variable> {
        self.variables_where(Variable::is_trainable)
    }

    /// Those of [`variables`](Self::variables) that training leaves alone.
    pub(super) fn non_trainable_variables(&self) -> Vec<Variable> {
        self.variables_where(|variable| !variable.is_trainable())
    }

    fn variables_where(&self, wanted: fn(&Variable) -> bool) -> Vec<Variable> {
        let mut found = Vec::new();
        walk(self, EVERYTHING, &mut |_, leaf| {
            if let Leaf::Variable(variable) = leaf
                && wanted(variable)
            {
                found.push(variable.clone());
            }
        });
        found
    }

    /// The same as [`variables`](Self::variables), each with its path.
    pub(super) fn variables_by_path(&self) -> Vec<(String, Variable)> {
        let mut found = Vec::new();
        walk(self, WITH_PATHS, &mut |path, leaf| {
            if let Leaf::Variable(variable) = leaf {
                found.push((path.to_owned(), variable.clone()));
            }
        });
        found
    }

    /// The modules below it, itself not among them, in the order of the walk.
    pub(super) fn submodules(&self) -> Vec<&'a dyn Module> {
        let mut found = Vec::new();
        walk(self, EVERYTHING, &mut |_, leaf| {
            if let Leaf::Module { module, .. } = leaf {
                found.push(*module);
            }
        });
        found
    }

    /// The same as [`submodules`](Self::submodules), each with its path.
    fn submodules_by_path(&self) -> Vec<(String, &'a dyn Module)> {
        let mut found = Vec::new();
        walk(self, WITH_PATHS, &mut |path, leaf| {
            if let Leaf::Module { module, .. } = leaf {
                found.push((path.to_owned(), *module));
            }
        });
        found
    }
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
    (&module as &dyn Root<'_>).variables_by_path()
}

/// All modules below `module` with their paths, in the order of [`Module::submodules`].
pub fn named_submodules<M: Module + ?Sized>(module: &M) -> Vec<(String, &dyn Module)> {
    (&module as &dyn Root<'_>).submodules_by_path()
}

/// The modules of type `T` below `module` with their paths, each once, in the order of the walk.
///
/// Nothing below a module of type `T` is visited. One that its holder [flattens](Properties::flatten) has its
/// holder's path.
///
/// # Examples
/// ```
/// use tfn_module::{Module, Tensor, Variable, find};
///
/// #[derive(Module)]
/// struct Dense { kernel: Variable }
/// #[derive(Module)]
/// struct Net { layers: Vec<Dense>, gain: Variable }
///
/// let variable = |name| Variable::new(name, Tensor::scalar(1.0));
/// let layers = vec![Dense { kernel: variable("a")? }, Dense { kernel: variable("b")? }];
/// let net = Net { layers, gain: variable("gain")? };
/// let found = find::<Dense>(&net);
/// assert_eq!((found[1].0.as_str(), found[1].1.kernel.name()), ("layers/1", "b"));
/// # Ok::<(), tfn_module::TensorError>(())
/// ```
pub fn find<T: Module>(module: &(impl Module + ?Sized)) -> Vec<(String, &T)> {
    let mut found = Vec::new();
    let purpose = Purpose { paths_wanted: true, sought: Some(TypeId::of::<T>()) };
    walk(&module, purpose, &mut |path, leaf| {
        if let Leaf::Module { module, .. } = leaf
            && let Some(module) = (*module as &dyn Any).downcast_ref()
        {
            found.push((path.to_owned(), module));
        }
    });
    found
}

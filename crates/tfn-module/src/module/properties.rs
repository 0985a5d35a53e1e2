//! How attributes are handed over and gone through.

use std::any::TypeId;
use std::borrow::Cow;
use std::fmt::Write as _;

use tfn_tensor::Variable;

use super::contract::{Leaf, Module, Properties, Property, Segment};

impl<'a> Properties<'a> {
    /// With paths or without; of everything, or of what leads to modules of the type `sought`.
    pub(super) fn new(paths_wanted: bool, sought: Option<TypeId>) -> Self {
        Self {
            children: Vec::new(),
            leaves: Vec::new(),
            path: String::new(),
            paths_wanted,
            sought,
            behind_arc: false,
        }
    }

    /// Hands over an attribute, or an entry of a dictionary, under its name.
    pub fn add(&mut self, name: impl Into<Cow<'a, str>>, value: &'a dyn Property) -> &mut Self {
        self.children.push((Segment::Name(name.into()), value));
        self
    }

    /// Hands over an item of a list or tuple under its index.
    pub fn item(&mut self, index: usize, value: &'a dyn Property) -> &mut Self {
        self.children.push((Segment::Index(index), value));
        self
    }

    /// Hands over the attributes of `part` as if they were this object's own, without a name between.
    ///
    /// [`find`](crate::find) sees `part` nevertheless, at the path of this object.
    ///
    /// # Examples
    /// ```
    /// use tfn_module::{Module, Properties, Tensor, Variable, find, named_variables};
    ///
    /// #[derive(Module)]
    /// struct Weights { kernel: Variable }
    /// struct Dense { weights: Weights }
    ///
    /// impl Module for Dense {
    ///     fn properties<'a>(&'a self, properties: &mut Properties<'a>) {
    ///         properties.flatten(&self.weights);
    ///     }
    /// }
    ///
    /// let weights = Weights { kernel: Variable::new("kernel", Tensor::scalar(1.0))? };
    /// let dense = Dense { weights };
    /// assert_eq!(named_variables(&dense)[0].0, "kernel");
    /// assert_eq!(find::<Weights>(&dense)[0].0, "");
    /// # Ok::<(), tfn_module::TensorError>(())
    /// ```
    pub fn flatten(&mut self, part: &'a dyn Module) -> &mut Self {
        if self.sought == Some(part.type_id()) {
            self.module(part);
        } else {
            part.properties(self);
        }
        self
    }

    /// Says that the property being visited is this variable.
    pub fn variable(&mut self, variable: &Variable) {
        if self.sought.is_none() {
            self.leaf(Leaf::Variable(variable.clone()));
        }
    }

    /// Says that the property being visited is this module.
    pub fn module(&mut self, module: &'a dyn Module) {
        self.leaf(Leaf::Module { module, behind_arc: self.behind_arc });
    }

    /// Visits what an `Arc` points to: its address alone says which object it is.
    pub(super) fn shared<T: Property + ?Sized>(&mut self, value: &'a T) {
        let before = std::mem::replace(&mut self.behind_arc, true);
        value.visit(self);
        self.behind_arc = before;
    }

    fn leaf(&mut self, leaf: Leaf<'a>) {
        let path = if self.paths_wanted { self.path.clone() } else { String::new() };
        self.leaves.push((path, leaf));
    }

    /// Makes `path` that of the object whose attributes are collected next.
    pub(super) fn begin(&mut self, path: &str) {
        self.path.clear();
        self.path.push_str(path);
    }

    /// The leaves below the attributes collected so far, in order, with their paths.
    pub(super) fn take_leaves(&mut self) -> Vec<(String, Leaf<'a>)> {
        self.descend(0);
        std::mem::take(&mut self.leaves)
    }

    /// Visits the children from `start` on. They lie on a stack: what a child hands over comes above
    /// them and is gone when the child is done.
    fn descend(&mut self, start: usize) {
        self.children[start..].sort_by(|(a, _), (b, _)| a.cmp(b));
        let end = self.children.len();
        for child in start..end {
            let value = self.children[child].1;
            let length = self.path.len();
            self.push_segment(child);
            value.visit(self);
            self.descend(end);
            self.path.truncate(length);
        }
        self.children.truncate(start);
    }

    fn push_segment(&mut self, child: usize) {
        if !self.paths_wanted {
            return;
        }
        if !self.path.is_empty() {
            self.path.push('/');
        }
        match &self.children[child].0 {
            Segment::Name(name) => self.path.push_str(name),
            Segment::Index(index) => {
                // Writing to a string does not fail.
                let _ = write!(self.path, "{index}");
            }
        }
    }
}

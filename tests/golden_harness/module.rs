//! `module.json`: order of variables and submodules, names and scopes.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use tfn::module::{Module, NameScope, Properties, Property, layer_name, module_name, snake_case};
use tfn::tensor::{DType, Tensor, TensorError, Variable};

use crate::json::{Node, Outcome};
use crate::layer_names;
use crate::report::Report;

pub(crate) fn check(root: Node<'_>, report: &mut Report) -> Outcome {
    root.key("meta")?.informational("versions and seed of the recording");
    for node in root.key("records")?.items()? {
        report.record(&node, node.key("name")?.text()?, |report| tree(&node, report));
    }
    names(&root, report)?;
    let scopes = root.key("name_scopes")?;
    report.record(&scopes, "name_scopes", |report| name_scopes(&scopes, report));
    let layers = root.key("tfn_layers")?;
    report.record(&layers, "tfn_layers", |report| layer_names::check(&layers, report));
    Ok(())
}

/// A module whose attributes a fixture describes.
struct Described {
    id: String,
    class: &'static str,
    name: Option<String>,
    // Set after the module is there: an attribute may lead back to it.
    attributes: OnceLock<Vec<(String, Attribute)>>,
}

enum Attribute {
    Variable(Variable),
    Module(Arc<Described>),
    List(Vec<Attribute>),
    Dictionary(Vec<(String, Attribute)>),
}

impl Property for Attribute {
    fn visit<'a>(&'a self, properties: &mut Properties<'a>) {
        match self {
            Self::Variable(variable) => variable.visit(properties),
            Self::Module(module) => module.visit(properties),
            Self::List(items) => items.visit(properties),
            Self::Dictionary(entries) => {
                entries.iter().for_each(|(key, value)| {
                    properties.add(key.as_str(), value);
                });
            }
        }
    }
}

impl Module for Described {
    fn properties<'a>(&'a self, properties: &mut Properties<'a>) {
        for (name, value) in self.attributes.get().into_iter().flatten() {
            properties.add(name.as_str(), value);
        }
    }

    fn class_name(&self) -> &'static str {
        self.class
    }

    fn name(&self) -> String {
        self.name.clone().unwrap_or_else(|| snake_case(self.class))
    }
}

/// Objects of one tree by the fixture's ids.
#[derive(Default)]
struct Objects {
    modules: BTreeMap<String, Arc<Described>>,
    variables: BTreeMap<String, Variable>,
}

impl Objects {
    fn module(&mut self, node: &Node<'_>) -> Outcome<Arc<Described>> {
        let id = node.key("module")?.text()?.to_owned();
        let name = node.key("name")?.text_or_null()?.map(module_name).transpose()?;
        // A class is known to a module as a literal.
        let class = Box::leak(node.key("class")?.text()?.to_owned().into_boxed_str());
        let module =
            Arc::new(Described { id: id.clone(), class, name, attributes: OnceLock::new() });
        self.modules.insert(id, module.clone());
        let attributes = self.named(&node.key("attrs")?)?;
        module.attributes.set(attributes).map_err(|_| "attributes set twice")?;
        Ok(module)
    }

    /// A list of `[name, value]`.
    fn named(&mut self, node: &Node<'_>) -> Outcome<Vec<(String, Attribute)>> {
        let mut found = Vec::new();
        for pair in node.items()? {
            let [name, value] = &pair.items()?[..] else {
                return Err("no pair of name and value".into());
            };
            found.push((name.text()?.to_owned(), self.attribute(value)?));
        }
        Ok(found)
    }

    fn attribute(&mut self, node: &Node<'_>) -> Outcome<Attribute> {
        let list = node.optional("list").or_else(|| node.optional("tuple"));
        if let Some(items) = list {
            let items =
                items.items()?.iter().map(|item| self.attribute(item)).collect::<Outcome<_>>()?;
            return Ok(Attribute::List(items));
        }
        if let Some(entries) = node.optional("dict") {
            return Ok(Attribute::Dictionary(self.named(&entries)?));
        }
        if let Some(reference) = node.optional("ref") {
            let id = reference.text()?;
            let module = self.modules.get(id).cloned().map(Attribute::Module);
            let variable = || self.variables.get(id).cloned().map(Attribute::Variable);
            return module.or_else(variable).ok_or_else(|| format!("no object `{id}`").into());
        }
        if node.has("module") {
            return Ok(Attribute::Module(self.module(node)?));
        }
        let (id, name) = (node.key("var")?.text()?, node.key("name")?.text()?);
        let value = Tensor::zeros(&node.key("shape")?.sizes()?, DType::F32);
        let variable = Variable::new(name, value)?;
        variable.set_trainable(node.key("trainable")?.flag()?);
        self.variables.insert(id.to_owned(), variable.clone());
        Ok(Attribute::Variable(variable))
    }

    fn ids(&self, variables: &[Variable]) -> Vec<&str> {
        let id = |variable: &Variable| {
            let found = self.variables.iter().find(|(_, known)| *known == variable);
            found.map_or("?", |(id, _)| id.as_str())
        };
        variables.iter().map(id).collect()
    }
}

fn tree(node: &Node<'_>, report: &mut Report) -> Outcome {
    let mut objects = Objects::default();
    let root = objects.module(&node.key("spec")?)?;
    let variables = root.variables();
    for (key, got) in [
        ("variables", &variables),
        ("trainable_variables", &root.trainable_variables()),
        ("non_trainable_variables", &root.non_trainable_variables()),
    ] {
        report.same(key, objects.ids(got), node.key(key)?.texts()?);
    }
    let names: Vec<&str> = variables.iter().map(Variable::name).collect();
    report.same("variable_names", names, bare(&node.key("variable_names")?)?);
    let submodules = root.submodules();
    let ids: Vec<&str> = submodules
        .iter()
        .map(|module| {
            (*module as &dyn Any)
                .downcast_ref::<Described>()
                .map_or("?", |module| module.id.as_str())
        })
        .collect();
    report.same("submodules", ids, node.key("submodules")?.texts()?);
    let names: Vec<String> = submodules.iter().map(|module| module.name()).collect();
    report.same("submodule_names", names, owned(node.key("submodule_names")?.texts()?));
    report.same("module_name", root.name().as_str(), node.key("module_name")?.text()?);
    report.same("name_scope", root.name_scope().name(), node.key("name_scope")?.text()?);
    Ok(())
}

fn owned(texts: Vec<&str>) -> Vec<String> {
    texts.into_iter().map(str::to_owned).collect()
}

/// Recorded names without TensorFlow's `:0` behind them, which ours lack.
pub(crate) fn bare<'d>(node: &Node<'d>) -> Outcome<Vec<&'d str>> {
    node.items()?.iter().map(bare_name).collect()
}

pub(crate) fn bare_name<'d>(node: &Node<'d>) -> Outcome<&'d str> {
    let name = node.text()?;
    name.strip_suffix(":0").ok_or_else(|| format!("{}: no `:0` behind {name}", node.path()).into())
}

/// A module without a name, called as the fixture calls it.
#[derive(Module)]
struct Layer;

/// Names that are given, refused, mended, or made of the name of the class.
fn names(root: &Node<'_>, report: &mut Report) -> Outcome {
    for node in root.key("default_names")?.items()? {
        let (class, name) = (node.key("cls")?.text()?, node.key("name")?.text()?);
        report.record(&node, class, |report| {
            report.same("default name", snake_case(class).as_str(), name);
            Ok(())
        });
    }
    for (section, rule) in [
        ("explicit_names", module_name as fn(&str) -> tfn::module::Result<String>),
        ("layer_names", layer_name),
    ] {
        for node in root.key(section)?.items()? {
            // A layer without a name is called as its class.
            let given = node.key("given")?.text_or_null()?.unwrap_or_else(|| Layer.class_name());
            report.record(&node, given, |report| {
                let got = rule(given);
                report.same(section, got.as_deref().ok(), node.key("name")?.text_or_null()?);
                let refused = node.key("error")?.text_or_null()?;
                report.same(section, got.is_err(), refused.is_some());
                node.key("message")?.informational("the message of TensorFlow's exception");
                Ok(())
            });
        }
    }
    Ok(())
}

/// Makes its variable when it is first called, in its own scope.
#[derive(Module)]
struct Inner {
    #[module(name)]
    name: String,
    #[module(scope)]
    scope: NameScope,
    w: OnceLock<Variable>,
}

fn zero() -> Tensor {
    Tensor::zeros(&[], DType::F32)
}

/// The variable of `cell`, made in `module`'s scope if it is not there yet.
fn late<M: Module>(
    module: &M,
    cell: &OnceLock<Variable>,
    name: &str,
) -> Result<Variable, TensorError> {
    let made = module.with_name_scope(|scope| scope.variable(name, zero()))?;
    Ok(cell.get_or_init(|| made).clone())
}

impl Inner {
    fn new(outside: &NameScope, name: Option<&str>) -> Self {
        let name = name.map_or_else(|| snake_case("Inner"), str::to_owned);
        Self { scope: outside.child(&name), name, w: OnceLock::new() }
    }

    fn call(&self) -> Result<Variable, TensorError> {
        late(self, &self.w, "w")
    }
}

/// The class that the section's description tells of.
#[derive(Module)]
#[module(no_deep_copy)]
struct Outer {
    #[module(name)]
    name: String,
    child: Inner,
    b: Variable,
    s: Variable,
    inside: Inner,
    k: OnceLock<Variable>,
}

impl Outer {
    fn new(name: Option<&str>) -> Result<Self, TensorError> {
        let name = name.map_or_else(|| snake_case("Outer"), str::to_owned);
        let scope = NameScope::root().child(&name);
        Ok(Self {
            name,
            child: Inner::new(&NameScope::root(), None),
            b: NameScope::root().variable("b", zero())?,
            s: scope.variable("s", zero())?,
            inside: Inner::new(&scope, Some("inside")),
            k: OnceLock::new(),
        })
    }

    fn call(&self) -> Result<Variable, TensorError> {
        self.child.call()?;
        self.inside.call()?;
        late(self, &self.k, "k")
    }
}

fn name_scopes(node: &Node<'_>, report: &mut Report) -> Outcome {
    node.key("description")?.informational("what `Inner` and `Outer` do");
    let outer = Outer::new(None)?;
    for (key, outer) in [("default", &outer), ("custom", &Outer::new(Some("custom"))?)] {
        let k = outer.call()?;
        let unscoped = NameScope::root().variable("u", zero())?;
        for (what, node) in node.key(key)?.entries()? {
            match what.as_str() {
                "name" => report.same(&what, outer.name().as_str(), node.text()?),
                "name_scope" => report.same(&what, outer.name_scope().name(), node.text()?),
                "child_scope" => report.same(&what, outer.child.name_scope().name(), node.text()?),
                "inside_scope" => {
                    report.same(&what, outer.inside.name_scope().name(), node.text()?)
                }
                "b" => report.same(&what, outer.b.name(), bare_name(&node)?),
                "s" => report.same(&what, outer.s.name(), bare_name(&node)?),
                "k" => report.same(&what, k.name(), bare_name(&node)?),
                "child.w" => report.same(&what, outer.child.call()?.name(), bare_name(&node)?),
                "inside.w" => report.same(&what, outer.inside.call()?.name(), bare_name(&node)?),
                "unscoped" => report.same(&what, unscoped.name(), bare_name(&node)?),
                _ => return Err(format!("unknown key {}", node.path()).into()),
            }
        }
    }
    let variables = outer.variables();
    let names: Vec<&str> = variables.iter().map(Variable::name).collect();
    report.same("order_of_variables", names, bare(&node.key("order_of_variables")?)?);
    let inners = [(); 2].map(|()| Inner::new(&NameScope::root(), None));
    report.same(
        "standalone_inner",
        inners[0].call()?.name(),
        bare_name(&node.key("standalone_inner")?)?,
    );
    let names = inners.each_ref().map(Inner::name);
    report.same(
        "two_instances_names",
        names.to_vec(),
        owned(node.key("two_instances_names")?.texts()?),
    );
    Ok(())
}

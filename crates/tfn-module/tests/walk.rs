//! The order of the walk: tf.Module's rules, one by one.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};

use tfn_module::{
    Module, Properties, Property, Tensor, Variable, named_submodules, named_variables,
};

fn variable(name: &str) -> Variable {
    Variable::new(name, Tensor::scalar(0.0)).unwrap()
}

fn frozen(name: &str) -> Variable {
    variable(name).non_trainable()
}

fn names(variables: &[Variable]) -> Vec<&str> {
    variables.iter().map(Variable::name).collect()
}

fn paths<M: Module + ?Sized>(module: &M) -> Vec<String> {
    named_variables(module).into_iter().map(|(path, _)| path).collect()
}

/// A node whose attributes are added in the order given, for any shape of tree.
#[derive(Default)]
struct Node {
    attributes: Vec<(String, Arc<dyn Property + Send + Sync>)>,
    parent: OnceLock<Arc<Node>>,
}

impl Module for Node {
    fn properties<'a>(&'a self, properties: &mut Properties<'a>) {
        for (name, value) in &self.attributes {
            properties.add(name, value);
        }
        properties.add("parent", &self.parent);
    }
}

fn node<const N: usize>(attributes: [(&str, Arc<dyn Property + Send + Sync>); N]) -> Arc<Node> {
    let attributes = attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Arc::new(Node { attributes, ..Node::default() })
}

fn leaf(name: &str) -> Arc<dyn Property + Send + Sync> {
    Arc::new(variable(name))
}

#[test]
fn attributes_are_sorted_by_bytes() {
    let odd = node(["b", "B", "_a", "a10", "a2", "A", "é", "~"].map(|name| (name, leaf(name))));
    assert_eq!(names(&odd.variables()), ["A", "B", "_a", "a10", "a2", "b", "~", "é"]);
}

#[test]
fn direct_leaves_come_before_those_of_submodules() {
    let child = node([("w", leaf("child"))]);
    let outer = node([("a_child", child), ("z", leaf("z")), ("b", leaf("b"))]);
    assert_eq!(names(&outer.variables()), ["b", "z", "child"]);
    assert_eq!(paths(&*outer), ["b", "z", "a_child/w"]);
}

#[test]
fn each_object_is_listed_once_under_its_first_path() {
    let w = variable("w");
    let inner = node([("w", Arc::new(w.clone()))]);
    let outer = node([("first", inner.clone()), ("own", Arc::new(w)), ("second", inner)]);
    assert_eq!(paths(&*outer), ["own"]);
    assert_eq!(outer.submodules().len(), 1);
    assert_eq!(named_submodules(&*outer)[0].0, "first");
}

#[test]
fn a_diamond_is_walked_as_its_first_owner_is() {
    let shared = node([("w", leaf("shared"))]);
    let left = node([("w", leaf("left")), ("x", shared.clone())]);
    let right = node([("w", leaf("right")), ("x", shared)]);
    let top = node([("left", left), ("right", right)]);
    assert_eq!(names(&top.variables()), ["left", "shared", "right"]);
    let submodules: Vec<String> =
        named_submodules(&*top).into_iter().map(|(path, _)| path).collect();
    assert_eq!(submodules, ["left", "right", "left/x"]);
}

#[test]
fn a_circle_ends_and_the_root_is_no_submodule_of_itself() {
    let child = node([("w", leaf("child"))]);
    let parent = node([("child", child.clone()), ("w", leaf("parent"))]);
    assert!(child.parent.set(parent.clone()).is_ok());
    assert_eq!(names(&parent.variables()), ["parent", "child"]);
    assert_eq!(parent.submodules().len(), 1);
    assert_eq!(names(&child.variables()), ["child", "parent"]);
    let as_object: &dyn Module = &*parent;
    assert_eq!(as_object.submodules().len(), 1);
    assert_eq!(as_object.submodules()[0].submodules().len(), 1);
}

#[test]
fn a_module_may_hold_itself() {
    let own = node([("w", leaf("w"))]);
    assert!(own.parent.set(own.clone()).is_ok());
    assert!(own.submodules().is_empty());
    assert_eq!(own.variables().len(), 1);
}

#[test]
fn three_floors_are_walked_depth_first_below_the_first() {
    let leaf_b = node([("frozen", Arc::new(frozen("bf"))), ("w", leaf("bw"))]);
    let middle =
        node([("leaf_b", leaf_b), ("leaf_a", node([("w", leaf("aw"))])), ("own", leaf("mo"))]);
    let top = node([("mid", middle), ("also", node([("w", leaf("dw"))])), ("own", leaf("to"))]);
    assert_eq!(names(&top.variables()), ["to", "dw", "mo", "aw", "bf", "bw"]);
    assert_eq!(names(&top.non_trainable_variables()), ["bf"]);
    assert_eq!(top.trainable_variables().len(), 5);
}

#[derive(Module)]
struct Lay {
    w: Variable,
}

fn lay(name: &str) -> Lay {
    Lay { w: variable(name) }
}

#[derive(Module)]
#[module(no_deep_copy)]
struct Holder {
    layers: (Lay, Arc<Lay>, Variable),
    table: HashMap<String, Entry>,
    sorted: BTreeMap<&'static str, Variable>,
    pair: (Variable, Vec<Entry>),
    array: [Option<Variable>; 2],
    plain: (usize, f64, bool, String, &'static str),
    late: OnceLock<Variable>,
}

/// Not a module: the walk looks through it.
enum Entry {
    Variable(Variable),
    Module(Lay),
}

impl Property for Entry {
    fn visit<'a>(&'a self, properties: &mut Properties<'a>) {
        match self {
            Self::Variable(variable) => variable.visit(properties),
            Self::Module(module) => module.visit(properties),
        }
    }
}

#[test]
fn containers_keep_their_order_and_maps_are_sorted() {
    let table = [
        ("zeta", Entry::Variable(variable("zeta"))),
        ("alpha", Entry::Variable(variable("alpha"))),
        ("mid", Entry::Module(lay("mid"))),
    ];
    let late = OnceLock::new();
    assert!(late.set(variable("late")).is_ok());
    let holder = Holder {
        layers: (lay("l0"), Arc::new(lay("l1")), variable("loose")),
        table: table.into_iter().map(|(key, entry)| (key.to_owned(), entry)).collect(),
        sorted: BTreeMap::from([("10", variable("ten")), ("2", variable("two"))]),
        pair: (variable("p0"), vec![Entry::Variable(variable("p1")), Entry::Module(lay("p2"))]),
        array: [None, Some(variable("one"))],
        plain: (1, 2.0, true, "text".to_owned(), "text"),
        late,
    };
    let expected = [
        ("array/1", "one"),
        ("late", "late"),
        ("layers/2", "loose"),
        ("pair/0", "p0"),
        ("pair/1/0", "p1"),
        ("sorted/10", "ten"),
        ("sorted/2", "two"),
        ("table/alpha", "alpha"),
        ("table/zeta", "zeta"),
        ("layers/0/w", "l0"),
        ("layers/1/w", "l1"),
        ("pair/1/1/w", "p2"),
        ("table/mid/w", "mid"),
    ];
    let found = named_variables(&holder);
    let found: Vec<_> = found.iter().map(|(path, v)| (path.as_str(), v.name())).collect();
    assert_eq!(found, expected);
    assert_eq!(holder.plain.0, 1);
}

#[test]
fn list_items_are_in_order_of_number_not_of_digits() {
    let list: Vec<Lay> = (0..12).map(|i| lay(&i.to_string())).collect();
    #[derive(Module)]
    struct Net {
        layers: Vec<Lay>,
    }
    let net = Net { layers: list };
    let paths = paths(&net);
    assert_eq!(paths[2], "layers/2/w");
    assert_eq!(paths[10], "layers/10/w");
}

#[derive(Module)]
struct First {
    own: Variable,
}

#[derive(Module)]
struct Second {
    first: First,
}

#[test]
fn a_module_at_its_owners_address_is_another_object() {
    #[derive(Module)]
    struct Third {
        second: Second,
    }
    let third = Third { second: Second { first: First { own: variable("own") } } };
    let address = |m: &dyn Module| std::ptr::from_ref(m).cast::<()>().addr();
    assert_eq!(address(&third), address(&third.second.first));
    assert_eq!(third.submodules().len(), 2);
    assert_eq!(paths(&third), ["second/first/own"]);
}

#[derive(Module)]
struct Relu;

#[test]
fn modules_of_no_size_are_told_apart() {
    #[derive(Module)]
    struct Net {
        a: Relu,
        b: Relu,
        list: Vec<Relu>,
        shared: [Arc<Relu>; 2],
        other: Arc<Relu>,
    }
    let shared = Arc::new(Relu);
    let net = Net {
        a: Relu,
        b: Relu,
        list: vec![Relu, Relu, Relu],
        shared: [shared.clone(), shared],
        other: Arc::new(Relu),
    };
    assert_eq!(net.submodules().len(), 7);
}

#[test]
fn a_module_of_no_size_that_holds_itself_ends() {
    struct Ring;
    static RING: Ring = Ring;
    impl Module for Ring {
        fn properties<'a>(&'a self, properties: &mut Properties<'a>) {
            properties.add("ring", &RING);
        }
    }
    assert!(RING.submodules().len() <= 2);
}

#[test]
fn lists_of_plain_data_are_passed_by() {
    #[derive(Module)]
    struct Table {
        numbers: Vec<Option<[f64; 2]>>,
        rows: [Vec<String>; 1],
        w: Vec<Option<Variable>>,
    }
    let numbers = vec![Some([0.0; 2]); 100_000];
    let table = Table { numbers, rows: [vec!["a".into()]], w: vec![None, Some(variable("w"))] };
    let start = std::time::Instant::now();
    for _ in 0..1000 {
        assert_eq!(table.variables().len(), 1);
    }
    assert!(start.elapsed().as_secs() < 5, "the walk went through the numbers");
    assert_eq!((table.numbers.len(), table.rows[0].len()), (100_000, 1));
    assert_eq!(paths(&table), ["w/1"]);
}

#[test]
fn a_property_made_of_others_is_sorted_too() {
    struct Pair(Variable, Variable);
    impl Property for Pair {
        fn visit<'a>(&'a self, properties: &mut Properties<'a>) {
            properties.add("y", &self.0).add("x", &self.1);
        }
    }
    let pair = node([("pair", Arc::new(Pair(variable("y"), variable("x"))))]);
    assert_eq!(paths(&*pair), ["pair/x", "pair/y"]);
}

#[test]
fn a_hidden_variable_can_be_shown_by_hand() {
    struct Behind(std::sync::Mutex<Option<Variable>>);
    impl Property for Behind {
        fn visit<'a>(&'a self, properties: &mut Properties<'a>) {
            if let Some(variable) = &*self.0.lock().unwrap() {
                properties.variable(variable);
            }
        }
    }
    let module = node([("cell", Arc::new(Behind(std::sync::Mutex::new(Some(variable("w"))))))]);
    assert_eq!(paths(&*module), ["cell"]);
}

#[test]
fn a_deep_chain_needs_no_stack() {
    struct Link {
        next: Option<Arc<Link>>,
        w: Option<Variable>,
    }
    impl Module for Link {
        fn properties<'a>(&'a self, properties: &mut Properties<'a>) {
            properties.add("w", &self.w).add("next", &self.next);
        }
    }
    let mut chain = Arc::new(Link { next: None, w: Some(variable("w")) });
    for _ in 0..20_000 {
        chain = Arc::new(Link { next: Some(chain), w: None });
    }
    let found = std::thread::scope(|scope| {
        let walk = || chain.variables().len() + chain.submodules().len();
        std::thread::Builder::new()
            .stack_size(64 << 10)
            .spawn_scoped(scope, walk)
            .unwrap()
            .join()
            .unwrap()
    });
    assert_eq!(found, 20_001);
    // Dropped link by link: a nested drop of so many would need a deep stack.
    let mut rest = Arc::into_inner(chain).and_then(|mut link| link.next.take());
    while let Some(next) = rest {
        rest = Arc::into_inner(next).and_then(|mut link| link.next.take());
    }
}

#[test]
fn trait_objects_have_all_methods() {
    let module: Arc<dyn Module> = Arc::new(lay("w"));
    assert_eq!(module.name(), "lay");
    assert_eq!(module.class_name(), "Lay");
    assert_eq!(module.name_scope().name(), "lay/");
    assert_eq!(module.variables().len(), 1);
    assert!(module.summary().starts_with("=== lay ==="));
    let holder = node([("inner", Arc::new(module))]);
    assert_eq!(holder.submodules().len(), 1);
    assert_eq!(holder.submodules()[0].name(), "lay");
    assert_eq!(holder.name(), "node");
}

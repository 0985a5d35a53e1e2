//! Deep copies and freezing.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};

use tfn_module::{
    DType, Module, ModuleError, Tensor, Variable, deep_copy, freeze, named_variables, open_trait,
    unfreeze,
};

fn variable(name: &str, value: f64) -> Variable {
    Variable::new(name, Tensor::scalar(value)).unwrap()
}

fn value(variable: &Variable) -> f64 {
    variable.value().item().unwrap()
}

trait Shape: Module + ShapeCopy {
    fn area(&self) -> f64;
}
open_trait!(pub(crate) Shape, ShapeCopy);

#[derive(Module)]
struct Square {
    side: Variable,
}

impl Shape for Square {
    fn area(&self) -> f64 {
        value(&self.side).powi(2)
    }
}

#[derive(Module)]
struct Drawing {
    shapes: Vec<Arc<dyn Shape>>,
    first: Arc<Square>,
    tied: Variable,
    by_name: BTreeMap<String, Variable>,
    by_hash: HashMap<String, Variable>,
    pair: (Option<Variable>, [Variable; 1]),
    late: OnceLock<Variable>,
    never: OnceLock<Variable>,
    text: Arc<str>,
    list: Arc<[Variable]>,
    dtype: DType,
}

fn drawing() -> Drawing {
    let square = Arc::new(Square { side: variable("side", 2.0) });
    let tied = square.side.clone();
    let frozen = variable("frozen", 7.0).non_trainable();
    Drawing {
        shapes: vec![square.clone(), Arc::new(Square { side: tied.clone() })],
        first: square,
        by_name: BTreeMap::from([("a".into(), tied.clone())]),
        by_hash: HashMap::from([("b".into(), frozen.clone())]),
        pair: (Some(frozen), [variable("third", 3.0)]),
        late: OnceLock::from(tied.clone()),
        never: OnceLock::new(),
        text: "text".into(),
        list: [tied.clone()].into(),
        tied,
        dtype: DType::F64,
    }
}

#[test]
fn a_copy_has_fresh_variables_of_the_same_names_values_and_trainability() {
    let original = drawing();
    let copy = deep_copy(&original).unwrap();
    let (before, after) = (named_variables(&original), named_variables(&copy));
    assert_eq!(before.len(), 3);
    assert_eq!(before.len(), after.len());
    for ((path, v), (copied_path, c)) in before.iter().zip(&after) {
        assert_eq!((path, v.name(), v.is_trainable()), (copied_path, c.name(), c.is_trainable()));
        assert_eq!(value(v), value(c));
        assert_ne!(v, c);
    }
    copy.tied.assign(&Tensor::scalar(5.0)).unwrap();
    assert_eq!((value(&original.tied), original.shapes[0].area()), (2.0, 4.0));
}

#[test]
fn what_was_shared_is_shared_in_the_copy() {
    let copy = deep_copy(&drawing()).unwrap();
    let shape: *const dyn Shape = &*copy.shapes[0];
    assert_eq!(
        shape.cast::<()>(),
        Arc::as_ptr(&copy.first).cast::<()>(),
        "one square, held as two types"
    );
    copy.tied.assign(&Tensor::scalar(3.0)).unwrap();
    assert_eq!((copy.shapes[0].area(), copy.shapes[1].area()), (9.0, 9.0));
    for same in [&copy.by_name["a"], &copy.late.get().unwrap().clone(), &copy.list[0]] {
        assert_eq!(*same, copy.tied);
    }
    assert_eq!(copy.pair.0.as_ref(), Some(&copy.by_hash["b"]));
    assert!(copy.never.get().is_none());
    assert_eq!((&*copy.text, copy.dtype), ("text", DType::F64));
}

#[test]
fn two_copies_share_nothing() {
    let original = drawing();
    let (a, b) = (deep_copy(&original).unwrap(), deep_copy(&original).unwrap());
    for variable in a.variables() {
        assert!(!b.variables().contains(&variable));
    }
    assert!(!Arc::ptr_eq(&a.first, &b.first));
}

#[derive(Module)]
struct Ring {
    w: Variable,
    next: OnceLock<Arc<Ring>>,
}

#[test]
fn a_ring_is_an_error_and_stays_whole() {
    let a = Arc::new(Ring { w: variable("a", 1.0), next: OnceLock::new() });
    let b = Arc::new(Ring { w: variable("b", 2.0), next: OnceLock::from(a.clone()) });
    assert!(deep_copy(&a).is_ok(), "no ring yet");
    assert!(a.next.set(b).is_ok());
    let Err(ModuleError::Cycle { class }) = deep_copy(&a) else {
        unreachable!("a ring was copied")
    };
    assert!(class.ends_with("Ring"));
    let error = deep_copy(&a).err().unwrap().to_string();
    assert!(error.contains("Ring") && error.contains("leads back"), "{error}");
    assert_eq!(a.variables().len(), 2);
}

#[test]
fn freezing_says_what_it_changed() {
    let module = drawing();
    let frozen = freeze(&module);
    assert_eq!(frozen.iter().map(Variable::name).collect::<Vec<_>>(), ["side", "third"]);
    assert!(module.trainable_variables().is_empty());
    assert_eq!(module.non_trainable_variables().len(), 3);
    assert!(!module.tied.tensor().is_tracked());
    assert!(freeze(&module).is_empty());

    let thawed = unfreeze(&module);
    assert_eq!(thawed.len(), 3);
    assert!(module.non_trainable_variables().is_empty());
    assert!(module.tied.tensor().is_tracked());
    assert!(unfreeze(&module).is_empty());
}

#[test]
fn a_part_can_be_frozen_through_its_trait_object() {
    let module = drawing();
    let part: &dyn Shape = &*module.shapes[0];
    assert_eq!(freeze(part), std::slice::from_ref(&module.tied));
    assert_eq!(module.trainable_variables().len(), 1);
}

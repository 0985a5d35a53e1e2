//! Several distributions, each under its name.

use std::collections::BTreeMap;

use tfn_module::Module;
use tfn_tensor::random::{Key, Stream};
use tfn_tensor::{DType, Tensor};

use crate::distribution::{Distribution, JointModel, JointPart, Reparameterization};
use crate::error::{DistributionError, Result};
use crate::parameter::ParameterSpec;

/// The joint distribution of parts with names, which are independent or depend on those before them.
///
/// Counterpart: `tfp.distributions.JointDistributionNamed`; there the order of the parts follows from who depends on
/// whom, here it is that in which they are given. Divergences go by the names.
///
/// # Examples
/// A regression with an unknown slope:
/// ```
/// use tfn_distributions::{Distribution, JointDistributionNamed, JointPart, Normal};
/// use tfn_tensor::{Key, Tensor};
///
/// let inputs = Tensor::from_vec(vec![0.0, 1.0, 2.0], &[3]);
/// let y = JointPart::given(inputs, |inputs, earlier| {
///     Normal::new(earlier.named("slope")?.expand_dims(-1) * inputs, 0.1)
/// });
/// let model = JointDistributionNamed::new([("slope", Normal::new(0.0, 1.0)?.into()), ("y", y)])?;
/// let draws = model.sample_named(&[5], &Key::from_seed(1))?;
/// assert_eq!((draws["slope"].shape()?, draws["y"].shape()?), (&[5][..], &[5, 3][..]));
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct JointDistributionNamed {
    model: JointModel,
    validate_args: bool,
}

family!(JointDistributionNamed);

impl JointDistributionNamed {
    /// The joint distribution of the parts `model`, each of which may [depend](JointPart::given) on those before.
    ///
    /// # Errors
    /// [`DistributionError::Parts`] if there are none, [`DistributionError::DType`] if their types differ,
    /// [`DistributionError::Shapes`] if their batches do not broadcast, [`DistributionError::Argument`] if two have
    /// one name, and what making a part reports.
    pub fn new<N: Into<String>>(
        model: impl IntoIterator<Item = (N, JointPart)>,
    ) -> Result<Self> {
        let named = model.into_iter().map(|(name, part)| (name.into(), part));
        let (names, parts): (Vec<String>, Vec<_>) = named.unzip();
        let (family, argument) = ("JointDistributionNamed", "model");
        if let Some(twice) = (1..names.len()).find(|&i| names[..i].contains(&names[i])) {
            let given = format!("two parts `{}`", names[twice]);
            let expected = "one part of a name".into();
            return Err(DistributionError::Argument { family, argument, given, expected });
        }
        Ok(Self { model: JointModel::new(family, names, parts)?, validate_args: false })
    }

    /// The names of the parts, in their order.
    pub fn names(&self) -> &[String] {
        self.model.names()
    }

    /// Samples of the parts by their names; [`sample_parts`](Distribution::sample_parts) has them in order.
    ///
    /// # Errors
    /// What drawing a part reports.
    pub fn sample_named(
        &self,
        sample_shape: &[usize],
        key: &Key,
    ) -> Result<BTreeMap<String, Tensor>> {
        let values = self.sample_parts(sample_shape, key)?;
        Ok(self.names().iter().cloned().zip(values).collect())
    }

    /// The log-density at one value for each part, by their names.
    ///
    /// # Errors
    /// [`DistributionError::Argument`] if a part has no value, [`DistributionError::Parts`] if there are values of no
    /// part.
    pub fn log_prob_named(&self, values: &BTreeMap<String, Tensor>) -> Result<Tensor> {
        let value = |name: &String| {
            values.get(name).cloned().ok_or_else(|| DistributionError::Argument {
                family: self.family(),
                argument: "values",
                given: format!("without `{name}`"),
                expected: "a value for each part".into(),
            })
        };
        let in_order = self.names().iter().map(value).collect::<Result<Vec<_>>>()?;
        let (given, expected) = (values.len(), in_order.len());
        if given != expected {
            let (family, argument) = (self.family(), "values");
            return Err(DistributionError::Parts { family, argument, given, expected });
        }
        self.log_prob_parts(&in_order)
    }
}

joint_distribution!(JointDistributionNamed);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Laplace, Normal};
    use tfn_tensor::Variable;

    fn joint() -> JointDistributionNamed {
        JointDistributionNamed::new([
            ("b", Normal::new(0.0, 1.0).unwrap().into()),
            ("a", JointPart::from(Laplace::new(1.0, 2.0).unwrap())),
        ])
        .unwrap()
    }

    #[test]
    fn values_go_by_name() {
        let key = Key::from_seed(5);
        let named = joint().sample_named(&[2], &key).unwrap();
        let in_order = joint().sample_parts(&[2], &key).unwrap();
        assert_eq!(joint().names(), ["b", "a"]);
        let [by_name, by_order] = [&named["a"], &in_order[1]].map(|t| t.to_vec::<f64>().unwrap());
        assert_eq!(by_name, by_order);
        let [by_name, by_order] =
            [joint().log_prob_named(&named), joint().log_prob_parts(&in_order)];
        assert_eq!(
            by_name.unwrap().to_vec::<f64>().unwrap(),
            by_order.unwrap().to_vec::<f64>().unwrap()
        );
    }

    #[test]
    fn names_that_do_not_fit_are_errors() {
        let mut values = joint().sample_named(&[], &Key::from_seed(1)).unwrap();
        values.insert("c".into(), Tensor::scalar(0.0));
        let error = joint().log_prob_named(&values).unwrap_err();
        assert!(matches!(error, DistributionError::Parts { given: 3, expected: 2, .. }), "{error}");
        values.remove("a");
        let error = joint().log_prob_named(&values).unwrap_err();
        assert!(error.to_string().contains("without `a`"), "{error}");
        let part = || JointPart::from(Normal::new(0.0, 1.0).unwrap());
        let error = JointDistributionNamed::new([("a", part()), ("a", part())]).unwrap_err();
        assert!(error.to_string().contains("two parts `a`"), "{error}");
        assert!(JointDistributionNamed::new::<String>([]).is_err());
    }

    #[test]
    fn variables_are_named_by_their_part() {
        let loc = Variable::new("loc", Tensor::scalar(0.0)).unwrap();
        let part = JointPart::from(Normal::new(&loc, 1.0).unwrap());
        let joint = JointDistributionNamed::new([("weight", part)]).unwrap();
        let names: Vec<String> =
            tfn_module::named_variables(&joint).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["model/weight/loc"]);
    }
}

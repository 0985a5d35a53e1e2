//! Parts side by side, or each made of those before: what the joint distributions share.

use std::sync::Arc;

use tfn_module::{Copies, DeepCopy, Properties, Property};
use tfn_tensor::random::Key;
use tfn_tensor::{DType, Tensor, broadcast_shapes};

use super::joint_part::{Earlier, JointPart};
use super::{Distribution, Reparameterization};
use crate::error::{DistributionError, Result};

/// The parts of a joint distribution, in their order, with their names if they have some.
#[derive(Clone, Debug)]
pub struct JointModel {
    family: &'static str,
    /// None, or one a part.
    names: Vec<String>,
    parts: Vec<JointPart>,
    /// The distributions of all parts, if none depends on others.
    independent: Option<Vec<Arc<dyn Distribution>>>,
}

impl JointModel {
    /// The model of `family`, checked as far as one draw of it shows.
    pub(crate) fn new(
        family: &'static str,
        names: Vec<String>,
        parts: Vec<JointPart>,
    ) -> Result<Self> {
        let made = Self::of(family, names, parts);
        let argument = "model";
        let drawn = made.drawn()?;
        let Some(expected) = drawn.first().map(|part| part.dtype()).transpose()? else {
            return Err(DistributionError::Parts { family, argument, given: 0, expected: 1 });
        };
        for part in drawn {
            let given = part.dtype()?;
            if given != expected {
                return Err(DistributionError::DType { family, argument, given, expected });
            }
        }
        made.batch_shape()?;
        Ok(made)
    }

    fn of(family: &'static str, names: Vec<String>, parts: Vec<JointPart>) -> Self {
        let independent = parts.iter().map(|part| part.distribution().cloned()).collect();
        Self { family, names, parts, independent }
    }

    /// The names of the parts; empty if they have none.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The parts.
    pub fn parts(&self) -> &[JointPart] {
        &self.parts
    }

    /// The distributions of the parts; `None` if some depend on others.
    pub fn independent(&self) -> Option<&[Arc<dyn Distribution>]> {
        self.independent.as_deref()
    }

    /// The distribution of each part, given the values of those before.
    ///
    /// # Errors
    /// [`DistributionError::Parts`] if there is not one value for each part, and what making a distribution reports.
    pub fn given(&self, values: &[Tensor]) -> Result<Vec<Arc<dyn Distribution>>> {
        let (given, expected) = (values.len(), self.parts.len());
        if given != expected {
            let (family, argument) = (self.family, "values");
            return Err(DistributionError::Parts { family, argument, given, expected });
        }
        let part = |(index, part)| self.made(part, &values[..index]);
        self.parts.iter().enumerate().map(part).collect()
    }

    /// For each part the place in `other` of the one of its name, or without names of its number.
    pub(crate) fn places_in(&self, other: &Self) -> Option<Vec<usize>> {
        if self.parts.len() != other.parts.len() {
            return None;
        }
        if self.names.is_empty() || other.names.is_empty() {
            return Some((0..self.parts.len()).collect());
        }
        let place = |name: &String| other.names.iter().position(|theirs| theirs == name);
        self.names.iter().map(place).collect()
    }

    fn made(&self, part: &JointPart, values: &[Tensor]) -> Result<Arc<dyn Distribution>> {
        part.after(&Earlier { family: self.family, names: &self.names, values })
    }

    /// The distributions at one draw, which stands for all others where only shapes and types are asked for.
    fn drawn(&self) -> Result<Vec<Arc<dyn Distribution>>> {
        if let Some(parts) = self.independent() {
            return Ok(parts.to_vec());
        }
        let values = self.sample(&[], &Key::from_seed(0))?;
        self.given(&values)
    }

    pub(crate) fn dtype(&self) -> Result<DType> {
        match self.drawn()?.first() {
            Some(part) => part.dtype(),
            None => self.no("dtype"),
        }
    }

    pub(crate) fn batch_shape(&self) -> Result<Vec<usize>> {
        self.drawn()?.iter().try_fold(Vec::new(), |lhs, part| {
            let (family, argument, rhs) = (self.family, "model", part.batch_shape()?);
            broadcast_shapes(&lhs, &rhs).ok_or(DistributionError::Shapes {
                family,
                argument,
                lhs,
                rhs,
            })
        })
    }

    pub(crate) fn check_values(&self) -> Result<()> {
        self.drawn()?.iter().try_for_each(|part| part.check_values())
    }

    pub(crate) fn validate_args(&self) -> bool {
        self.parts.iter().filter_map(JointPart::distribution).any(|part| part.validate_args())
    }

    pub(crate) fn entropy(&self) -> Result<Tensor> {
        let Some(parts) = self.independent() else {
            return self.no("entropy in closed form (its parts depend on each other)");
        };
        let zero = Tensor::zeros(&self.batch_shape()?, self.dtype()?);
        parts.iter().try_fold(zero, |sum, part| Ok(sum + part.entropy()?))
    }

    pub(crate) fn reparameterization(&self) -> Reparameterization {
        let Ok(parts) = self.drawn() else {
            return Reparameterization::Not;
        };
        let claims: Vec<_> = parts.iter().map(|part| part.reparameterization()).collect();
        let least = [Reparameterization::Not, Reparameterization::Implicitly];
        let least = least.into_iter().find(|claim| claims.contains(claim));
        least.unwrap_or(Reparameterization::Fully)
    }

    /// A value for each part: as many as are asked for of one that depends on no other, and one for each of those
    /// before of one that does.
    pub(crate) fn sample(&self, sample_shape: &[usize], key: &Key) -> Result<Vec<Tensor>> {
        let mut values = Vec::with_capacity(self.parts.len());
        for (index, part) in self.parts.iter().enumerate() {
            let shape = part.distribution().map_or(&[][..], |_| sample_shape);
            let mut stream = key.index(index as u64).stream();
            values.push(self.made(part, &values)?.sample(shape, &mut stream)?);
        }
        Ok(values)
    }

    pub(crate) fn log_prob(&self, values: &[Tensor]) -> Result<Tensor> {
        let zero = Tensor::zeros(&self.batch_shape()?, self.dtype()?);
        let parts = self.given(values)?;
        let sum = parts.iter().zip(values).try_fold(zero, |sum, (part, value)| {
            Ok::<_, DistributionError>(sum + part.log_prob(value)?)
        })?;
        Ok(sum.check()?)
    }

    /// An error for what is not defined.
    pub(crate) fn no<T>(&self, method: &'static str) -> Result<T> {
        Err(DistributionError::Unsupported { family: self.family, method })
    }
}

impl Property for JointModel {
    fn visit<'a>(&'a self, properties: &mut Properties<'a>) {
        if self.names.is_empty() {
            self.parts.visit(properties);
        }
        for (name, part) in self.names.iter().zip(&self.parts) {
            properties.add(name.as_str(), part);
        }
    }
}

impl DeepCopy for JointModel {
    fn deep_copy_with(&self, copies: &mut Copies) -> Self {
        Self::of(self.family, self.names.clone(), self.parts.deep_copy_with(copies))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Exponential, JointDistributionNamed, JointDistributionSequential, KlMethod, Laplace,
        Normal, estimate_kl, kl_divergence,
    };
    use tfn_module::Module;
    use tfn_tensor::Variable;

    /// `z` normal about 0, `x` normal about `slope·z`.
    fn line(slope: impl Into<crate::Parameter>) -> JointDistributionNamed {
        let x = JointPart::given(slope.into(), |slope, earlier| {
            Normal::new(slope.value() * earlier.named("z")?, 0.5)
        });
        let z = Normal::new(Tensor::scalar(0.0), 1.0).unwrap();
        JointDistributionNamed::new([("z", z.into()), ("x", x)]).unwrap()
    }

    fn item(tensor: Result<Tensor>) -> f64 {
        tensor.unwrap().item().unwrap()
    }

    #[test]
    fn a_part_may_depend_on_those_before() {
        let line = line(2.0);
        let values = [Tensor::scalar(0.3), Tensor::scalar(1.0)];
        // JointDistributionNamed of TensorFlow Probability 0.25.
        assert!((item(line.log_prob_parts(&values)) + 1.5097298858494002).abs() < 1e-15);
        let draws = line.sample_parts(&[4000], &Key::from_seed(1)).unwrap();
        let covariance = (&draws[0] * &draws[1]).mean().item().unwrap();
        // The product has variance 8.25.
        assert!((covariance - 2.0).abs() < 5.0 * (8.25_f64 / 4000.0).sqrt(), "{covariance}");
        assert_eq!(line.log_prob_parts(&draws).unwrap().shape().unwrap(), [4000]);
        assert_eq!(
            line.entropy().unwrap_err().to_string().split(" (").next(),
            Some("JointDistributionNamed has no entropy in closed form")
        );
    }

    #[test]
    fn variables_of_a_dependence_are_found_copied_and_differentiated() {
        let slope = Variable::new("slope", Tensor::scalar(2.0)).unwrap();
        let line = line(&slope);
        assert_eq!(line.trainable_variables(), std::slice::from_ref(&slope));
        let copy = tfn_module::deep_copy(&line).unwrap();
        copy.variables()[0].assign(&Tensor::scalar(0.0)).unwrap();
        let values = [Tensor::scalar(0.5), Tensor::scalar(1.5)];
        let log_prob = line.log_prob_parts(&values).unwrap();
        // (x − slope z) z / 0.25.
        assert_eq!(log_prob.gradients().unwrap().of(&slope).item().unwrap(), 1.0);
        assert!(item(copy.log_prob_parts(&values)) < log_prob.item().unwrap());
    }

    #[test]
    fn a_dependence_has_no_closed_divergence_but_an_estimate() {
        let (q, p) = (line(2.0), line(1.0));
        let error = kl_divergence(&q, &p).unwrap_err();
        assert!(matches!(error, DistributionError::NoKlRule { .. }), "{error}");
        let estimate = estimate_kl(&q, &p, KlMethod::best(Key::from_seed(3))).unwrap();
        // E z² / (2·0.25).
        let off = (estimate.value.item().unwrap() - 2.0).abs();
        assert!(off < 5.0 * estimate.error.item().unwrap(), "{off}");
    }

    #[test]
    fn divergences_go_by_the_names() {
        let normal = |loc: f64| Normal::new(loc, 1.0).unwrap();
        let laplace = |loc: f64| Laplace::new(loc, 1.0).unwrap();
        let q = JointDistributionNamed::new([
            ("b", normal(0.0).into()),
            ("a", JointPart::from(laplace(0.0))),
        ]);
        let p = JointDistributionNamed::new([
            ("a", JointPart::from(laplace(1.0))),
            ("b", normal(2.0).into()),
        ]);
        let (q, p) = (q.unwrap(), p.unwrap());
        // 2 + exp(−1), as TensorFlow Probability 0.25.
        assert!((item(kl_divergence(&q, &p)) - 2.0 - (-1.0_f64).exp()).abs() < 1e-15);
        let method = KlMethod::MonteCarlo { samples: 4000, key: Key::from_seed(1) };
        let estimate = estimate_kl(&q, &p, method).unwrap();
        assert!(estimate.error.item().unwrap() > 0.0);
        let other = JointDistributionNamed::new([
            ("a", JointPart::from(laplace(1.0))),
            ("c", normal(2.0).into()),
        ]);
        let error = kl_divergence(&q, &other.unwrap()).unwrap_err();
        assert!(matches!(error, DistributionError::KlPartNames { .. }), "{error}");
    }

    #[test]
    fn a_list_may_depend_on_its_own_items() {
        let scale = JointPart::given((), |(), earlier| Normal::new(0.0, earlier.at(0)?));
        let rate = Exponential::new(Tensor::scalar(1.0)).unwrap();
        let joint = JointDistributionSequential::from_parts([rate.into(), scale]).unwrap();
        assert!(joint.parts().is_none() && joint.joint().unwrap().parts().len() == 2);
        let draws = joint.sample_parts(&[3, 2], &Key::from_seed(1)).unwrap();
        assert_eq!(draws[1].shape().unwrap(), [3, 2]);
    }

    #[test]
    fn a_part_that_does_not_come_before_is_an_error() {
        let x = JointPart::given((), |(), earlier| Normal::new(earlier.named("y")?, 0.5));
        let z = Normal::new(Tensor::scalar(0.0), 1.0).unwrap();
        let error = JointDistributionNamed::new([("z", z.into()), ("x", x)]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "JointDistributionNamed: argument `model` is a part that depends on `y`, expected one of the parts \
             before it (z)"
        );
        let first = JointPart::given((), |(), earlier| Normal::new(earlier.at(0)?, 0.5));
        let error = JointDistributionSequential::from_parts([first]).unwrap_err();
        assert!(matches!(error, DistributionError::Argument { argument: "model", .. }), "{error}");
    }
}

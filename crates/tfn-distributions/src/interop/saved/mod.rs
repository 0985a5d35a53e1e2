//! Distributions as plain data, in any format that serde knows.

mod families;
mod tensor;
mod wrappers;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use tensor::SavedTensor;

use crate::distribution::{Distribution, Structure};
use crate::error::{DistributionError, Result};
use crate::families::{LogUniform, Masked, Mixture, MixtureSameFamily};
use crate::parameter::Parameter;

/// A distribution as plain data: its family, its parameters by the names of the constructor's arguments, and for one
/// made of others those too.
///
/// Families of this crate are `Serialize` and `Deserialize` by way of it. So is any other: [`of`](Self::of) asks for
/// [`parameters`](Distribution::parameters) only, and [`Restore`] calls the typed constructor, so that a file with
/// parameters out of range is the error that the constructor reports. A variable is saved by its present value and
/// comes back as a tensor (a checkpoint of [`tfn_module`] keeps variables); `validate_args` and the bijector of a
/// [`TransformedDistribution`](crate::TransformedDistribution) are not saved: the latter is refused.
///
/// # Examples
/// ```
/// use tfn_distributions::{Distribution, DistributionError, Independent, Normal, Saved};
/// use tfn_tensor::Tensor;
///
/// let loc = Tensor::from_vec(vec![0.5, -1.0], &[2]);
/// let text = serde_json::to_string(&Independent::new(Normal::new(loc, 2.0)?, 1)?)?;
/// let same: Independent = serde_json::from_str(&text)?;
/// assert_eq!(same.mean()?.to_vec::<f64>()?, [0.5, -1.0]);
///
/// let text = text.replace("2.0", "-2.0");
/// let saved: Saved = serde_json::from_str(&text)?;
/// let error = saved.restore().unwrap_err();
/// assert!(matches!(error, DistributionError::Argument { family: "Normal", argument: "scale", .. }));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Saved {
    /// The family: `"Normal"`.
    pub family: String,
    /// The parameters.
    pub parameters: BTreeMap<String, SavedTensor>,
    /// What is no tensor of numbers: shapes, and numbers of axes.
    pub settings: BTreeMap<String, Vec<usize>>,
    /// The distributions of which it is made, in order, each with its name.
    pub parts: Vec<(String, Saved)>,
}

/// A family that comes back from plain data.
///
/// # Examples
/// A family of one's own:
/// ```
/// use tfn_distributions::module::Module;
/// use tfn_distributions::tensor::{Stream, Tensor};
/// use tfn_distributions::{Distribution, Independent, Parameter, ParameterSpec, Restore, Result, Saved};
///
/// #[derive(Clone, Debug, Module)]
/// struct Centred {
///     scale: Parameter,
/// }
///
/// impl Distribution for Centred {
///     fn parameters(&self) -> Vec<ParameterSpec<'_>> {
///         vec![self.scale.positive("scale")]
///     }
///     fn log_prob_of(&self, x: &Tensor) -> Result<Tensor> {
///         let scale = self.scale.value();
///         Ok(Tensor::normal_log_prob(x, &(&scale * 0.0), &scale))
///     }
///     fn sample_of(&self, shape: &[usize], stream: &mut Stream) -> Result<Tensor> {
///         Ok(self.scale.value() * stream.normal(shape, self.dtype()?))
///     }
/// }
///
/// impl Restore for Centred {
///     fn restore(saved: &Saved) -> Result<Self> {
///         let [scale] = saved.parameters("Centred", ["scale"])?;
///         Centred { scale }.checked()
///     }
/// }
///
/// let scale = Tensor::from_vec(vec![1.0, 2.0], &[2]);
/// let saved = Saved::of(&Independent::new(Centred { scale: scale.into() }, 1)?)?;
/// let same = saved.restore_with(&|saved| match saved.family.as_str() {
///     "Centred" => Some(Centred::restore(saved).map(Into::into)),
///     _ => None,
/// })?;
/// assert_eq!(same.event_shape()?, [2]);
/// # impl From<Centred> for std::sync::Arc<dyn Distribution> {
/// #     fn from(centred: Centred) -> Self { std::sync::Arc::new(centred) }
/// # }
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
pub trait Restore: Distribution + Sized {
    /// The distribution that was saved.
    ///
    /// # Errors
    /// [`DistributionError::Argument`] if it is of another family or has other parameters, and what the constructor
    /// reports.
    fn restore(saved: &Saved) -> Result<Self>;
}

/// How families that this crate does not know are made; `None` for those that it does.
pub(crate) type Own<'a> = &'a dyn Fn(&Saved) -> Option<Result<Arc<dyn Distribution>>>;

impl Saved {
    /// `distribution` as plain data.
    ///
    /// # Errors
    /// [`DistributionError::Unsupported`] if it is made in a way that is no data: by a bijector, by parts that depend
    /// on each other, or without parameters in another crate.
    pub fn of(distribution: &dyn Distribution) -> Result<Self> {
        let mut saved = Self {
            family: distribution.family().into(),
            parameters: BTreeMap::new(),
            settings: BTreeMap::new(),
            parts: Vec::new(),
        };
        for spec in distribution.parameters() {
            let value = SavedTensor::of(&spec.parameter.value())?;
            saved.parameters.insert(spec.name.into(), value);
        }
        if saved.parameters.is_empty() {
            saved.add_parts(distribution)?;
        }
        Ok(saved)
    }

    fn add_parts(&mut self, distribution: &dyn Distribution) -> Result<()> {
        match distribution.structure() {
            Structure::Independent { base, reinterpreted_batch_ndims } => {
                self.part("distribution", &*base)?;
                self.setting("reinterpreted_batch_ndims", &[reinterpreted_batch_ndims]);
            }
            Structure::Sample { base, sample_shape } => {
                self.part("distribution", &*base)?;
                self.setting("sample_shape", &sample_shape);
            }
            Structure::BatchBroadcast { base, batch_shape } => {
                self.part("distribution", &*base)?;
                self.setting("to_shape", &batch_shape);
            }
            Structure::BatchReshape { base, batch_shape } => {
                self.part("distribution", &*base)?;
                self.setting("batch_shape", &batch_shape);
            }
            Structure::Masked { base, validity_mask }
                if distribution.downcast_ref::<Masked>().is_some() =>
            {
                self.part("distribution", &*base)?;
                self.parameters.insert("validity_mask".into(), SavedTensor::of(&validity_mask)?);
            }
            _ => return self.add_others(distribution),
        }
        Ok(())
    }

    fn add_others(&mut self, distribution: &dyn Distribution) -> Result<()> {
        if let Some(mixture) = distribution.downcast_ref::<Mixture>() {
            self.part("cat", mixture.cat())?;
            return mixture
                .components()
                .iter()
                .try_for_each(|part| self.part("component", &**part));
        }
        if let Some(mixture) = distribution.downcast_ref::<MixtureSameFamily>() {
            self.part("mixture_distribution", mixture.mixture_distribution())?;
            return self.part("components_distribution", &**mixture.components_distribution());
        }
        if let Some(joint) = distribution.joint()
            && let Some(parts) = joint.independent()
        {
            let name = |index: usize| joint.names().get(index).map_or("", String::as_str);
            let mut parts = parts.iter().enumerate();
            return parts.try_for_each(|(index, part)| self.part(name(index), &**part));
        }
        if distribution.downcast_ref::<LogUniform>().is_some() {
            let bits = if distribution.dtype()? == tfn_tensor::DType::F32 { 32 } else { 64 };
            self.setting("bits", &[bits]);
            return Ok(());
        }
        let method = "form as plain data";
        Err(DistributionError::Unsupported { family: distribution.family(), method })
    }

    fn part(&mut self, name: &str, part: &dyn Distribution) -> Result<()> {
        self.parts.push((name.into(), Self::of(part)?));
        Ok(())
    }

    fn setting(&mut self, name: &str, numbers: &[usize]) {
        self.settings.insert(name.into(), numbers.to_vec());
    }

    /// The distribution, if all families in it are of this crate.
    ///
    /// # Errors
    /// As for [`restore_with`](Self::restore_with).
    pub fn restore(&self) -> Result<Arc<dyn Distribution>> {
        self.restore_with(&|_| None)
    }

    /// The distribution; `own` is asked first, for it and for each one inside it.
    ///
    /// # Errors
    /// [`DistributionError::Argument`] for a family that nobody knows or parameters that it does not have, and what
    /// its constructor reports.
    pub fn restore_with(&self, own: Own<'_>) -> Result<Arc<dyn Distribution>> {
        let known =
            own(self).or_else(|| families::known(self)).or_else(|| wrappers::known(self, own));
        known.unwrap_or_else(|| {
            Err(DistributionError::Argument {
                family: "Saved",
                argument: "family",
                given: format!("`{}`", self.family),
                expected: "a family of tfn-distributions, or one that `restore_with` is told of"
                    .into(),
            })
        })
    }

    /// The parameters of a family, which must have exactly these `names`.
    ///
    /// # Errors
    /// [`DistributionError::Argument`] if the family or the names are others, [`DistributionError::Shape`] if a
    /// tensor has not as many entries as its shape says.
    pub fn parameters<const N: usize>(
        &self,
        family: &'static str,
        names: [&'static str; N],
    ) -> Result<[Parameter; N]> {
        self.check_family(family)?;
        if !self.has_parameters(&names) {
            return Err(self.other_parameters(family, &[&names]));
        }
        let mut tensors = Vec::with_capacity(N);
        for name in names {
            if let Some(saved) = self.parameters.get(name) {
                tensors.push(Parameter::from(saved.tensor(family, name)?));
            }
        }
        tensors
            .try_into()
            .map_err(|_| DistributionError::Unsupported { family, method: "parameters" })
    }

    /// The error of other parameters than one of the lists `expected`.
    fn other_parameters(
        &self,
        family: &'static str,
        expected: &[&[&'static str]],
    ) -> DistributionError {
        let list = |names: &[&str]| format!("[{}]", names.join(", "));
        let given: Vec<&str> = self.parameters.keys().map(String::as_str).collect();
        let lists: Vec<String> = expected.iter().map(|names| list(names)).collect();
        DistributionError::Argument {
            family,
            argument: "parameters",
            given: list(&given),
            expected: lists.join(" or "),
        }
    }

    fn has_parameters(&self, names: &[&'static str]) -> bool {
        names.len() == self.parameters.len()
            && names.iter().all(|name| self.parameters.contains_key(*name))
    }

    fn check_family(&self, expected: &'static str) -> Result<()> {
        if self.family == expected {
            return Ok(());
        }
        Err(DistributionError::Argument {
            family: expected,
            argument: "family",
            given: format!("`{}`", self.family),
            expected: format!("`{expected}`"),
        })
    }
}

/// `Serialize` and `Deserialize` for a family, by way of [`Saved`].
macro_rules! by_saved {
    ($Family:ident) => {
        impl serde::Serialize for crate::families::$Family {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                Saved::of(self).map_err(serde::ser::Error::custom)?.serialize(serializer)
            }
        }

        impl<'de> serde::Deserialize<'de> for crate::families::$Family {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let saved = Saved::deserialize(deserializer)?;
                Self::restore(&saved).map_err(serde::de::Error::custom)
            }
        }
    };
}
use by_saved;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        BatchBroadcast, BatchReshape, Bernoulli, Categorical, Independent, JointDistributionNamed,
        JointDistributionSequential, JointPart, Laplace, Normal, Sample, TransformedDistribution,
        bijectors::Exp, kl_divergence,
    };
    use tfn_tensor::{DType, Key, Tensor};

    fn back(distribution: &dyn Distribution) -> Arc<dyn Distribution> {
        let text = serde_json::to_string(&Saved::of(distribution).unwrap()).unwrap();
        serde_json::from_str::<Saved>(&text).unwrap().restore().unwrap()
    }

    fn normal() -> Normal {
        let loc = Tensor::from_vec(vec![0.1, -2.5e-300, 3.0e17], &[3]);
        Normal::new(loc, 1.0 / 3.0).unwrap()
    }

    #[test]
    fn every_digit_comes_back() {
        let same: Normal =
            serde_json::from_str(&serde_json::to_string(&normal()).unwrap()).unwrap();
        assert!(same.loc().is_same(normal().loc()) && same.scale().is_same(normal().scale()));
        let narrow = Normal::new(Tensor::scalar(0.1_f32), 0.3).unwrap();
        let same = back(&narrow);
        assert_eq!(same.dtype().unwrap(), DType::F32);
        assert_eq!(same.mean().unwrap().to_vec::<f32>().unwrap(), [0.1_f32]);
    }

    #[test]
    fn infinite_logits_come_back() {
        let logits = Tensor::from_vec(vec![0.0, f64::NEG_INFINITY], &[2]);
        let labels = Categorical::from_logits(logits).unwrap();
        let same = back(&labels);
        assert_eq!(same.prob(&Tensor::scalar(1.0)).unwrap().item().unwrap(), 0.0);
        let saved = Saved::of(&labels).unwrap();
        assert!(saved.parameters.contains_key("logits"));
    }

    #[test]
    fn wrappers_come_back_with_what_is_inside() {
        let weights =
            || Categorical::from_probs(Tensor::from_vec(vec![0.5, 0.25, 0.25], &[3])).unwrap();
        let mask = Tensor::from_vec(vec![1.0, 0.0, 1.0], &[3]);
        let (laplace, one) = (Laplace::new(0.5, 1.0).unwrap(), Normal::new(0.5, 2.0).unwrap());
        let vector = Independent::new(normal(), 1).unwrap();
        let all: [Arc<dyn Distribution>; 9] = [
            Independent::new(normal(), 1).unwrap().into(),
            Sample::new(normal(), &[2, 2]).unwrap().into(),
            BatchBroadcast::new(normal(), &[2, 1]).unwrap().into(),
            BatchReshape::new(normal(), &[3, 1]).unwrap().into(),
            Masked::new(normal(), mask).unwrap().into(),
            MixtureSameFamily::new(weights(), normal()).unwrap().into(),
            Mixture::new(weights(), [laplace.clone().into(), one.clone().into(), one.into()])
                .unwrap()
                .into(),
            JointDistributionSequential::new([vector.into(), laplace.into()]).unwrap().into(),
            LogUniform::new(DType::F32).into(),
        ];
        for distribution in &all[..8] {
            let same = back(&**distribution);
            let draws = distribution.sample_parts(&[4], &Key::from_seed(1)).unwrap();
            let [a, b] = [distribution, &same]
                .map(|d| d.log_prob_parts(&draws).unwrap().to_vec::<f64>().unwrap());
            assert_eq!(a, b, "{distribution:?}");
        }
        assert_eq!(back(&*all[8]).dtype().unwrap(), DType::F32);
    }

    #[test]
    fn names_of_parts_come_back() {
        let joint = JointDistributionNamed::new([
            ("b", JointPart::from(normal())),
            ("a", Laplace::new(0.0, 1.0).unwrap().into()),
        ])
        .unwrap();
        let same = back(&joint);
        assert_eq!(same.joint().unwrap().names(), ["b", "a"]);
        let divergence = kl_divergence(&joint, &*same).unwrap().to_vec::<f64>().unwrap();
        assert_eq!(divergence, [0.0; 3]);
    }

    #[test]
    fn what_is_no_data_is_refused() {
        let through = TransformedDistribution::new(normal(), Exp::new()).unwrap();
        let error = Saved::of(&through).unwrap_err();
        assert_eq!(error.to_string(), "TransformedDistribution has no form as plain data");
    }

    #[test]
    fn a_bad_file_is_a_typed_error() {
        let saved = Saved::of(&normal()).unwrap();
        let with = |change: &dyn Fn(&mut Saved)| {
            let mut bad = saved.clone();
            change(&mut bad);
            bad.restore().unwrap_err()
        };
        let error = with(&|s| s.family = "Norma".into());
        assert!(matches!(error, DistributionError::Argument { argument: "family", .. }), "{error}");
        let error = with(&|s| _ = s.parameters.remove("loc"));
        assert_eq!(
            error.to_string(),
            "Normal: argument `parameters` is [scale], expected [loc, scale]"
        );
        let error = with(&|s| s.parameters.values_mut().for_each(|p| p.data.push(0.0)));
        assert!(matches!(error, DistributionError::Shape { argument: "loc", .. }), "{error}");
        let error = with(&|s| s.parameters.values_mut().for_each(|p| p.data.fill(f64::NAN)));
        assert!(matches!(error, DistributionError::Argument { argument: "loc", .. }), "{error}");
        let error = serde_json::from_str::<Bernoulli>(&serde_json::to_string(&saved).unwrap());
        assert!(error.unwrap_err().to_string().contains("expected `Bernoulli`"));
        let huge = with(&|s| {
            s.parameters.values_mut().for_each(|p| p.shape = vec![usize::MAX, usize::MAX]);
        });
        assert!(matches!(huge, DistributionError::Shape { .. }), "{huge}");
    }

    #[test]
    fn a_wrapper_without_its_parts_is_an_error() {
        let saved = Saved::of(&Independent::new(normal(), 1).unwrap()).unwrap();
        let mut empty = saved.clone();
        empty.parts.clear();
        let error = empty.restore().unwrap_err();
        assert!(matches!(error, DistributionError::Parts { given: 0, expected: 1, .. }), "{error}");
        let mut bare = saved;
        bare.settings.clear();
        let error = bare.restore().unwrap_err();
        assert!(error.to_string().contains("reinterpreted_batch_ndims"), "{error}");
    }
}

//! The families that are made of others.

use std::sync::Arc;

use tfn_tensor::DType;

use super::{Own, Restore, Saved, by_saved};
use crate::distribution::Distribution;
use crate::error::{DistributionError, Result};
use crate::families::{
    BatchBroadcast, BatchReshape, Categorical, Independent, JointDistributionNamed,
    JointDistributionSequential, LogUniform, Masked, Mixture, MixtureSameFamily, Sample,
};

/// Each family with how it is made of what was saved and of its parts.
macro_rules! wrappers {
    ($($Family:ident => $make:expr;)*) => {
        $(
            impl Restore for $Family {
                fn restore(saved: &Saved) -> Result<Self> {
                    let make: fn(&Saved, Own<'_>) -> Result<Self> = $make;
                    saved.check_family(stringify!($Family))?;
                    make(saved, &|_| None)
                }
            }

            by_saved!($Family);
        )*

        /// The distribution, if it is of one of these families.
        pub(super) fn known(saved: &Saved, own: Own<'_>) -> Option<Result<Arc<dyn Distribution>>> {
            match saved.family.as_str() {
                $(stringify!($Family) => {
                    let make: fn(&Saved, Own<'_>) -> Result<$Family> = $make;
                    Some(make(saved, own).map(Into::into))
                })*
                _ => None,
            }
        }
    };
}

wrappers! {
    BatchBroadcast => |saved, own| {
        BatchBroadcast::to_shape(only("BatchBroadcast", saved, own)?, setting("BatchBroadcast", saved, "to_shape")?)
    };
    BatchReshape => |saved, own| {
        BatchReshape::new(only("BatchReshape", saved, own)?, setting("BatchReshape", saved, "batch_shape")?)
    };
    Independent => |saved, own| {
        let ndims = number("Independent", saved, "reinterpreted_batch_ndims")?;
        Independent::new(only("Independent", saved, own)?, ndims)
    };
    JointDistributionNamed => |saved, own| {
        let part = |(name, part): &(String, Saved)| Ok((name.clone(), part.restore_with(own)?.into()));
        JointDistributionNamed::new(saved.parts.iter().map(part).collect::<Result<Vec<_>>>()?)
    };
    JointDistributionSequential => |saved, own| {
        JointDistributionSequential::new(parts(&saved.parts, own)?)
    };
    LogUniform => |saved, _| match number("LogUniform", saved, "bits")? {
        32 => Ok(LogUniform::new(DType::F32)),
        64 => Ok(LogUniform::new(DType::F64)),
        bits => Err(DistributionError::Argument {
            family: "LogUniform",
            argument: "bits",
            given: bits.to_string(),
            expected: "32 or 64".into(),
        }),
    };
    Masked => |saved, own| {
        let [mask] = saved.parameters("Masked", ["validity_mask"])?;
        Masked::new(only("Masked", saved, own)?, mask.value())
    };
    Mixture => |saved, own| {
        let (cat, components) = first("Mixture", saved)?;
        Mixture::new(cat, parts(components, own)?)
    };
    MixtureSameFamily => |saved, own| {
        let (weights, components) = first("MixtureSameFamily", saved)?;
        MixtureSameFamily::new(weights, one("MixtureSameFamily", components, own)?)
    };
    Sample => |saved, own| {
        Sample::new(only("Sample", saved, own)?, setting("Sample", saved, "sample_shape")?)
    };
}

fn parts(saved: &[(String, Saved)], own: Own<'_>) -> Result<Vec<Arc<dyn Distribution>>> {
    saved.iter().map(|(_, part)| part.restore_with(own)).collect()
}

/// The only part.
fn only(family: &'static str, saved: &Saved, own: Own<'_>) -> Result<Arc<dyn Distribution>> {
    one(family, &saved.parts, own)
}

fn one(
    family: &'static str,
    parts: &[(String, Saved)],
    own: Own<'_>,
) -> Result<Arc<dyn Distribution>> {
    match parts {
        [(_, part)] => part.restore_with(own),
        _ => {
            let (given, expected) = (parts.len(), 1);
            Err(DistributionError::Parts { family, argument: "parts", given, expected })
        }
    }
}

/// The weights of a mixture, and its other parts.
fn first<'a>(
    family: &'static str,
    saved: &'a Saved,
) -> Result<(Categorical, &'a [(String, Saved)])> {
    match &saved.parts[..] {
        [(_, weights), others @ ..] => Ok((Categorical::restore(weights)?, others)),
        [] => Err(DistributionError::Parts { family, argument: "parts", given: 0, expected: 2 }),
    }
}

fn setting<'a>(family: &'static str, saved: &'a Saved, name: &'static str) -> Result<&'a [usize]> {
    saved.settings.get(name).map(Vec::as_slice).ok_or_else(|| DistributionError::Argument {
        family,
        argument: "settings",
        given: format!("{:?}", saved.settings.keys().collect::<Vec<_>>()),
        expected: format!("`{name}`"),
    })
}

fn number(family: &'static str, saved: &Saved, name: &'static str) -> Result<usize> {
    match setting(family, saved, name)? {
        [number] => Ok(*number),
        other => Err(DistributionError::Argument {
            family,
            argument: name,
            given: format!("{other:?}"),
            expected: "one number".into(),
        }),
    }
}

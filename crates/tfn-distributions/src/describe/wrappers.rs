//! The families that are made of others.

use std::sync::Arc;

use tfn_module::Module;
use tfn_module::describe::{Describe, DescribeError, Description, Reader, Registry, Result};
use tfn_tensor::Tensor;

use super::add_distribution;
use super::bounds::{bounded, check_seen_through, shape};
use crate::bijectors::Bijector;
use crate::distribution::{Distribution, JointPart};
use crate::families::{
    BatchBroadcast, BatchReshape, Categorical, Independent, JointDistributionNamed,
    JointDistributionSequential, LogUniform, Masked, Mixture, MixtureSameFamily, Sample,
    TransformedDistribution,
};

type Base = Arc<dyn Distribution>;

/// Each family with its fields, and how it is made of them.
macro_rules! wrappers {
    ($($Family:ident: |$this:ident, $description:ident| $write:block, |$reader:ident| $make:expr;)*) => {
        $(
            impl Describe for $Family {
                fn class() -> String {
                    concat!("tfn.distributions.", stringify!($Family)).to_owned()
                }

                fn describe(&self, $description: &mut Description<'_, '_>) -> Result<()> {
                    let $this = self;
                    $write
                    $description.field("validate_args", &self.validate_args())?;
                    Ok(())
                }

                fn restore($reader: &mut Reader<'_, '_>) -> Result<Self> {
                    let made: Self = $make;
                    bounded(made.with_validate_args($reader.field("validate_args")?))
                }
            }
        )*

        pub(super) fn register(registry: &mut Registry) {
            $(add_distribution::<$Family>(registry);)*
        }
    };
}

wrappers! {
    BatchBroadcast: |this, description| {
        description.field("distribution", this.distribution())?.field("to_shape", &this.batch_shape()?)?;
    }, |reader| {
        Self::to_shape(reader.field::<Base>("distribution")?, &shape(reader, "to_shape")?)?
    };
    BatchReshape: |this, description| {
        description.field("distribution", this.distribution())?.field("batch_shape", &this.batch_shape()?)?;
    }, |reader| {
        Self::new(reader.field::<Base>("distribution")?, &shape(reader, "batch_shape")?)?
    };
    Independent: |this, description| {
        let ndims = this.reinterpreted_batch_ndims();
        description.field("distribution", this.distribution())?.field("reinterpreted_batch_ndims", &ndims)?;
    }, |reader| {
        Self::new(reader.field::<Base>("distribution")?, reader.field("reinterpreted_batch_ndims")?)?
    };
    JointDistributionNamed: |this, description| {
        let parts = this.joint().map(|joint| joint.parts().to_vec()).unwrap_or_default();
        description.field("names", &this.names().to_vec())?.field("model", &parts)?;
    }, |reader| {
        let (names, parts): (Vec<String>, Vec<JointPart>) = (reader.field("names")?, reader.field("model")?);
        if names.len() != parts.len() {
            return Err("another number of names than of parts".into());
        }
        Self::new(names.into_iter().zip(parts))?
    };
    JointDistributionSequential: |this, description| {
        let parts = this.joint().map(|joint| joint.parts().to_vec()).unwrap_or_default();
        description.field("model", &parts)?;
    }, |reader| {
        Self::from_parts(reader.field::<Vec<JointPart>>("model")?)?
    };
    LogUniform: |this, description| {
        description.field("dtype", &this.dtype()?)?;
    }, |reader| {
        Self::new(reader.field("dtype")?)
    };
    Masked: |this, description| {
        if this.has_safe_sample_fn() {
            let path = description.path();
            let how = "leave `safe_sample_fn` as it is";
            let (path, module) = (format!("{path}/safe_sample_fn"), this.name());
            return Err(DescribeError::Unnamed { path, module, how }.into());
        }
        description.field("distribution", this.distribution())?.field("validity_mask", this.validity_mask())?;
    }, |reader| {
        Self::new(reader.field::<Base>("distribution")?, reader.field::<Tensor>("validity_mask")?)?
    };
    Mixture: |this, description| {
        description.field("cat", this.cat())?.field("components", &this.components().to_vec())?;
    }, |reader| {
        Self::new(reader.field::<Categorical>("cat")?, reader.field::<Vec<Base>>("components")?)?
    };
    MixtureSameFamily: |this, description| {
        description.field("mixture_distribution", this.mixture_distribution())?;
        description.field("components_distribution", this.components_distribution())?;
    }, |reader| {
        let weights: Categorical = reader.field("mixture_distribution")?;
        Self::new(weights, reader.field::<Base>("components_distribution")?)?
    };
    Sample: |this, description| {
        let sample_shape = this.sample_shape().to_vec();
        description.field("distribution", this.distribution())?.field("sample_shape", &sample_shape)?;
    }, |reader| {
        Self::new(reader.field::<Base>("distribution")?, &shape(reader, "sample_shape")?)?
    };
    TransformedDistribution: |this, description| {
        description.field("distribution", this.distribution())?.field("bijector", this.bijector())?;
    }, |reader| {
        let base: Base = reader.field("distribution")?;
        let bijector: Arc<dyn Bijector> = reader.field("bijector")?;
        check_seen_through(reader, base.as_ref(), bijector.as_ref())?;
        Self::new(base, bijector)?
    };
}

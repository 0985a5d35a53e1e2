//! The bijectors.

use std::sync::Arc;

use tfn_module::describe::{AnyError, Describe, Description, Reader, Registry, Result};

use super::add_bijector;
use super::bounds::shape;
use crate::bijectors::{
    Ascending, Bijector, Blockwise, Chain, CorrelationCholesky, Cumsum, Exp, FillScaleTriL,
    FillTriangular, Identity, Invert, Log, MaskedAutoregressive, NormalCDF, Permute, Power,
    RationalQuadraticSpline, Reciprocal, Reshape, Scale, ScaleMatvecDiag, ScaleMatvecTriL, Shift,
    Sigmoid, SoftmaxCentered, Softplus, Square, Tanh,
};
use crate::error::DistributionError;
use crate::parameter::Parameter;

type Inner = Arc<dyn Bijector>;

/// Each bijector with its fields and what they are, and how it is made of these.
macro_rules! bijectors {
    ($($Bijector:ident: |$this:ident| { $($field:ident: $value:expr),* }, |$reader:ident| $make:expr;)*) => {
        $(
            impl Describe for $Bijector {
                fn class() -> String {
                    concat!("tfn.bijectors.", stringify!($Bijector)).to_owned()
                }

                fn describe(&self, _description: &mut Description<'_, '_>) -> Result<()> {
                    let $this = self;
                    $(_description.field(stringify!($field), $value)?;)*
                    Ok(())
                }

                fn restore($reader: &mut Reader<'_, '_>) -> Result<Self> {
                    Ok($make)
                }
            }
        )*

        pub(super) fn register(registry: &mut Registry) {
            $(add_bijector::<$Bijector>(registry);)*
        }
    };
}

bijectors! {
    Ascending: |_this| {}, |_reader| Self::new();
    Blockwise: |this| { bijectors: &this.bijectors().to_vec(), block_sizes: &this.block_sizes().to_vec() }, |reader| {
        Self::new(reader.field::<Vec<Inner>>("bijectors")?, &shape(reader, "block_sizes")?)?
    };
    Chain: |this| { bijectors: &this.bijectors().to_vec() }, |reader| {
        Self::new(reader.field::<Vec<Inner>>("bijectors")?)
    };
    CorrelationCholesky: |_this| {}, |_reader| Self::new();
    Cumsum: |this| { axis: &this.axis() }, |reader| Self::along(axis(reader)?)?;
    Exp: |_this| {}, |_reader| Self::new();
    FillScaleTriL: |this| { diag_bijector: this.diag_bijector() }, |reader| {
        Self::with_diag(reader.field::<Inner>("diag_bijector")?, None)?
    };
    FillTriangular: |this| { upper: &this.is_upper() }, |reader| {
        if reader.field("upper")? { Self::upper() } else { Self::new() }
    };
    Identity: |_this| {}, |_reader| Self::new();
    Invert: |this| { bijector: this.bijector() }, |reader| Self::new(reader.field::<Inner>("bijector")?);
    Log: |_this| {}, |_reader| Self::new();
    MaskedAutoregressive: |this| { network: this.network() }, |reader| Self::from_network(reader.field("network")?);
    NormalCDF: |_this| {}, |_reader| Self::new();
    Permute: |this| { permutation: &this.permutation().to_vec(), axis: &this.axis() }, |reader| {
        Self::along(&reader.field::<Vec<usize>>("permutation")?, axis(reader)?)?
    };
    Power: |this| { power: this.power() }, |reader| Self::new(reader.field::<Parameter>("power")?)?;
    RationalQuadraticSpline: |this| {
        bin_widths: this.bin_widths(),
        bin_heights: this.bin_heights(),
        knot_slopes: this.knot_slopes(),
        range_min: &this.range_min()
    }, |reader| {
        let (widths, heights): (Parameter, Parameter) = (reader.field("bin_widths")?, reader.field("bin_heights")?);
        let slopes: Parameter = reader.field("knot_slopes")?;
        Self::new(widths, heights, slopes)?.with_range_min(reader.field("range_min")?)?
    };
    Reciprocal: |_this| {}, |_reader| Self::new();
    Reshape: |this| {
        event_shape_out: &this.event_shape_out().to_vec(),
        event_shape_in: &this.event_shape_in().to_vec()
    }, |reader| {
        Self::new(&shape(reader, "event_shape_out")?, &shape(reader, "event_shape_in")?)?
    };
    Scale: |this| { scale: this.scale() }, |reader| Self::new(reader.field::<Parameter>("scale")?)?;
    ScaleMatvecDiag: |this| { scale_diag: this.scale_diag() }, |reader| {
        Self::new(reader.field::<Parameter>("scale_diag")?)?
    };
    ScaleMatvecTriL: |this| { scale_tril: this.scale_tril(), adjoint: &this.adjoint() }, |reader| {
        Self::new(reader.field::<Parameter>("scale_tril")?)?.with_adjoint(reader.field("adjoint")?)
    };
    Shift: |this| { shift: this.shift() }, |reader| Self::new(reader.field::<Parameter>("shift")?)?;
    Sigmoid: |this| { low: &this.low(), high: &this.high() }, |reader| {
        Self::between(reader.field("low")?, reader.field("high")?)?
    };
    SoftmaxCentered: |_this| {}, |_reader| Self::new();
    Softplus: |this| { low: &this.low(), hinge_softness: &this.hinge_softness() }, |reader| {
        Self::above(reader.field("low")?)?.with_hinge_softness(reader.field("hinge_softness")?)?
    };
    Square: |_this| {}, |_reader| Self::new();
    Tanh: |_this| {}, |_reader| Self::new();
}

/// An axis from a file, counted from the last, of a tensor that there could be.
fn axis(reader: &mut Reader<'_, '_>) -> Result<isize> {
    let axis: isize = reader.field("axis")?;
    let no_axis = || -> AnyError {
        let expected = "-64 to -1".into();
        let (family, argument, given) = ("bijector", "axis", axis.to_string());
        DistributionError::Argument { family, argument, given, expected }.into()
    };
    if (-64..0).contains(&axis) { Ok(axis) } else { Err(no_axis()) }
}

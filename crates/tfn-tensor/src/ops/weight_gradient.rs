//! Gradients of the kernels of dense layers: products over the batch.

use crate::dtype::Element;
use crate::error::Result;
use crate::kernels::{Factor, Product};
use crate::storage::LAZY;
use crate::tensor::{Tensor, VjpContext};

/// Rows of a batch up to which the product is left lazy. A larger one has its factors packed anew
/// for each block, which then costs more than the optimizer saves.
const ROWS: usize = 256;

/// Adds to the gradient of input number `input`, of shape `[inner, columns]`, the product `xᵀ·g` for `x`
/// `[rows, inner]` and `g` `[rows, columns]`.
pub(super) struct WeightGradient<'a> {
    pub(super) input: usize,
    pub(super) x: &'a Tensor,
    /// Whether it is `(x∘x)ᵀ·g` instead.
    pub(super) squared: bool,
    pub(super) g: &'a Tensor,
    /// With `w` it is `2w∘(xᵀ·g)` instead.
    pub(super) weight: Option<&'a Tensor>,
    /// Rows, inner, columns.
    pub(super) sizes: [usize; 3],
}

impl WeightGradient<'_> {
    pub(super) fn add<E: Element>(&self, ctx: &mut VjpContext<'_>) -> Result<()> {
        let Self { input, squared, sizes: [rows, inner, columns], .. } = *self;
        if !ctx.needs(input) {
            return Ok(());
        }
        if rows > ROWS || inner * columns < LAZY {
            let product = product::<E>(self.x, squared, self.g, self.weight, self.sizes)?;
            return ctx.into::<E>(input, |out, accumulate| product.write(out, accumulate));
        }
        let (x, g, weight) = (self.x.detach(), self.g.detach(), self.weight.map(Tensor::detach));
        // What the blocks read is computed before them.
        product::<E>(&x, squared, &g, weight.as_ref(), self.sizes)?;
        let (sizes, shape) = (self.sizes, ctx.shape(input).to_vec());
        let gradient = Tensor::lazy::<E>(&shape, columns, move |start, out, accumulate| {
            if let Ok(product) = product::<E>(&x, squared, &g, weight.as_ref(), sizes) {
                let first = start / columns;
                product.write_rows(first..first + out.len() / columns, out, accumulate);
            }
        });
        ctx.add(input, gradient);
        Ok(())
    }
}

fn product<'a, E: Element>(
    x: &'a Tensor,
    squared: bool,
    g: &'a Tensor,
    weight: Option<&'a Tensor>,
    [rows, inner, columns]: [usize; 3],
) -> Result<Product<'a, E>> {
    let a = Factor::new(x.data::<E>()?, rows, inner).transposed();
    let a = if squared { a.squared() } else { a };
    let b = Factor::new(g.data::<E>()?, rows, columns);
    Ok(Product { a, b, weight: weight.map(|weight| weight.data::<E>()).transpose()? })
}

//! What a backward pass can ask for, and how its contributions are added up.

use super::types::{Input, Tensor, VjpContext, Work};
use crate::dtype::{DType, Element, dispatch};
use crate::error::{Result, TensorError};
use crate::kernels::{self, Accumulate};
use crate::shape::broadcast_shapes;

impl VjpContext<'_> {
    fn input(&self, input: usize) -> Option<&Input> {
        self.node.inputs.get(input)
    }

    /// Whether anybody wants the gradient of input number `input`.
    pub fn needs(&self, input: usize) -> bool {
        self.input(input).is_some_and(|input| input.edge.is_some())
    }

    /// Whether input number `input` is a variable itself.
    pub(crate) fn is_variable(&self, input: usize) -> bool {
        let edge = self.input(input).and_then(|input| input.edge.as_ref());
        edge.is_some_and(|edge| matches!(edge.node.work, Work::Leaf(_) | Work::Watched))
    }

    /// The gradient of output number `output`, of that output's shape; `None` if nothing used it.
    pub fn grad(&self, output: usize) -> Option<&Tensor> {
        self.grads.get(output)?.as_ref()
    }

    /// Shape of input number `input`.
    pub fn shape(&self, input: usize) -> &[usize] {
        self.input(input).map_or(&[], |input| &input.shape)
    }

    /// Adds `contribution` to the gradient of an input.
    ///
    /// It may have the shape that the input was broadcast to: the axes that broadcasting made are
    /// summed away. The first contribution is stored as it is, without a copy.
    pub fn add(&mut self, input: usize, contribution: Tensor) {
        if let Err(error) = self.try_add(input, &contribution) {
            self.error.get_or_insert(error);
        }
    }

    fn try_add(&mut self, input: usize, contribution: &Tensor) -> Result<()> {
        let Some(Input { edge: Some(edge), shape, dtype }) = self.node.inputs.get(input) else {
            return Ok(());
        };
        let array = contribution.array().map_err(|error| error.as_ref().clone())?;
        if array.dtype() == *dtype && array.shape == *shape {
            let slot = self.slots.slot(edge);
            return match slot {
                None => {
                    *slot = Some(contribution.detach());
                    Ok(())
                }
                Some(sum) if contribution.is_lazy() || sum.is_lazy() => {
                    let with_rows = dispatch!(*dtype, E => sum_with_rows::<E>(sum, contribution));
                    *sum = with_rows.unwrap_or_else(|| lazy_sum(sum, contribution));
                    Ok(())
                }
                Some(_) => {
                    dispatch!(*dtype, E => self.into::<E>(input, |out, _| kernels::add_assign(out, array.slice::<E>())))
                }
            };
        }
        let fits = broadcast_shapes(shape, &array.shape).as_deref() == Some(&*array.shape);
        if array.dtype() != *dtype || !fits {
            return Err(TensorError::External {
                op: "vjp",
                message: format!(
                    "gradient of input {input} is {:?} {}, expected {shape:?} {dtype}",
                    array.shape,
                    array.dtype()
                ),
            });
        }
        dispatch!(*dtype, E => self.into::<E>(input, |out, accumulate| {
            kernels::unbroadcast(out, accumulate, array.slice::<E>(), &array.shape, shape);
        }))
    }

    /// Lets `write` put its contribution straight into the gradient of an input: over what is there
    /// ([`Accumulate::Set`], the entries are arbitrary) or added to it ([`Accumulate::Add`]).
    ///
    /// `write` is not called if the gradient is not [needed](Self::needs).
    ///
    /// # Errors
    /// [`TensorError::External`] if the input's entries are not of type `E`.
    pub fn into<E: Element>(
        &mut self,
        input: usize,
        write: impl FnOnce(&mut [E], Accumulate),
    ) -> Result<()> {
        let Some(Input { edge: Some(edge), shape, dtype }) = self.node.inputs.get(input) else {
            return Ok(());
        };
        let slot = self.slots.slot(edge);
        match slot {
            None if *dtype == E::DTYPE => {
                *slot = Some(Tensor::build::<E>(shape, |out| write(out, Accumulate::Set)));
                Ok(())
            }
            None => Err(wrong_type(input, *dtype, E::DTYPE)),
            Some(tensor) => match tensor.make_mut::<E>() {
                Some(out) => {
                    write(out, Accumulate::Add);
                    Ok(())
                }
                None => Err(wrong_type(input, *dtype, E::DTYPE)),
            },
        }
    }
}

/// The sum of two tensors of one shape and type if one is known by rows: rows again if both are, else added to
/// what is there of the other.
fn sum_with_rows<E: Element>(x: &mut Tensor, y: &Tensor) -> Option<Tensor> {
    let shape = y.array().ok()?.shape.clone();
    if let (Some(rows), Some(others)) = (x.rows::<E>(), y.rows::<E>()) {
        return Some(Tensor::from_lazy(&shape, rows.joined(others)?.lazy()));
    }
    let (mut sum, rows) = match (x.rows::<E>(), y.rows::<E>()) {
        (None, Some(rows)) if !x.is_lazy() => (std::mem::replace(x, y.detach()), rows),
        (Some(_), None) if !y.is_lazy() => (y.detach(), x.rows::<E>()?),
        _ => return None,
    };
    rows.write(0, sum.make_mut::<E>()?, Accumulate::Add);
    Some(sum)
}

/// The sum of two tensors of one shape and type, not computed yet.
fn lazy_sum(x: &Tensor, y: &Tensor) -> Tensor {
    let (Ok(left), Ok(right)) = (x.array(), y.array()) else { return x.clone() };
    let shape = left.shape.clone();
    dispatch!(left.dtype(), E => {
        let unit = left.entries::<E>().unit().max(right.entries::<E>().unit());
        // What has to be computed goes first: what is there, or is rows only, is then added without a copy.
        let first = right.entries::<E>().is_lazy() && right.entries::<E>().rows().is_none();
        let parts = if first { [y.detach(), x.detach()] } else { [x.detach(), y.detach()] };
        Tensor::lazy::<E>(&shape, unit, move |start, out, accumulate| {
            for (part, accumulate) in parts.iter().zip([accumulate, Accumulate::Add]) {
                if let Ok(array) = part.array() {
                    array.entries::<E>().write(start, out, accumulate);
                }
            }
        })
    })
}

fn wrong_type(input: usize, dtype: DType, given: DType) -> TensorError {
    TensorError::External {
        op: "vjp",
        message: format!("gradient of input {input} written as {given}, expected {dtype}"),
    }
}

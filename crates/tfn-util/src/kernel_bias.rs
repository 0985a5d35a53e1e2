//! A kernel and a bias: as variables, and as parts of weights.

use tfn_tensor::Variable;

use crate::error::{Result, UtilError};
use crate::spec::KernelBiasSpec;
use crate::weight_spec::WeightSpec;

/// Something for a kernel, and the same for its bias if there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KernelBias<T> {
    /// The kernel's.
    pub kernel: T,
    /// The bias's.
    pub bias: Option<T>,
}

impl<T> KernelBias<T> {
    /// The same for what `f` makes of kernel and bias.
    pub fn map<U>(self, mut f: impl FnMut(T) -> U) -> KernelBias<U> {
        KernelBias { kernel: f(self.kernel), bias: self.bias.map(f) }
    }
}

/// Trainable variables for a kernel and, if the spec asks for one, a bias.
///
/// Counterpart: `tfp.experimental.nn.util.make_kernel_bias`. Their names are `kernel` and `bias` unless the
/// spec says otherwise.
///
/// # Errors
/// What the initializers report.
///
/// # Examples
/// ```
/// use tfn_util::{KernelBiasSpec, make_kernel_bias};
///
/// let weights = make_kernel_bias(&KernelBiasSpec::new(&[3, 2], &[2]))?;
/// assert_eq!(weights.kernel.shape(), [3, 2]);
/// assert_eq!(weights.bias.map(|bias| bias.name().to_string()).as_deref(), Some("bias"));
/// # Ok::<(), tfn_util::UtilError>(())
/// ```
pub fn make_kernel_bias(spec: &KernelBiasSpec) -> Result<KernelBias<Variable>> {
    let variable = |weight: WeightSpec<'_>| -> Result<Variable> {
        let start = weight.initial()?;
        Ok(Variable::new(weight.name, start)?)
    };
    let bias = spec.use_bias.then(|| variable(spec.bias(""))).transpose()?;
    Ok(KernelBias { kernel: variable(spec.kernel(""))?, bias })
}

/// Which part of some weights is the kernel and which the bias.
///
/// Counterpart: `tfp.experimental.nn.util.unpack_kernel_and_bias`. `parts` are the names of the parts,
/// `None` for a part without one; the answer is their indices, which hold for distributions and for
/// values alike. Named parts are found as `kernel` and `bias`; of parts without names the first is the
/// kernel and the second, if any, the bias.
///
/// # Errors
/// [`UtilError::Parts`] for no part, for more than two without names, for names without `kernel`.
///
/// # Examples
/// ```
/// use tfn_util::{KernelBias, unpack_kernel_and_bias};
///
/// assert_eq!(unpack_kernel_and_bias(&[None, None])?, KernelBias { kernel: 0, bias: Some(1) });
/// assert_eq!(unpack_kernel_and_bias(&[None])?, KernelBias { kernel: 0, bias: None });
/// let named = [Some("bias"), Some("kernel")];
/// assert_eq!(unpack_kernel_and_bias(&named)?, KernelBias { kernel: 1, bias: Some(0) });
/// # Ok::<(), tfn_util::UtilError>(())
/// ```
pub fn unpack_kernel_and_bias(parts: &[Option<&str>]) -> Result<KernelBias<usize>> {
    let wrong = |expected| UtilError::Parts {
        given: parts.iter().map(|name| name.unwrap_or_default().to_string()).collect(),
        expected,
    };
    if parts.iter().any(Option::is_some) {
        let find = |name| parts.iter().position(|part| *part == Some(name));
        let kernel = find("kernel").ok_or_else(|| wrong("a part named `kernel`"))?;
        return Ok(KernelBias { kernel, bias: find("bias") });
    }
    match parts.len() {
        1 => Ok(KernelBias { kernel: 0, bias: None }),
        2 => Ok(KernelBias { kernel: 0, bias: Some(1) }),
        _ => Err(wrong("a kernel, or a kernel and a bias")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_numbers_of_parts_are_errors() {
        for parts in [&[][..], &[None, None, None], &[Some("bias")]] {
            assert!(matches!(unpack_kernel_and_bias(parts), Err(UtilError::Parts { .. })));
        }
        let named = unpack_kernel_and_bias(&[Some("kernel")]);
        assert_eq!(named.ok(), Some(KernelBias { kernel: 0, bias: None }));
    }

    #[test]
    fn names_can_be_given() -> Result<()> {
        let mut spec = KernelBiasSpec::new(&[1, 1], &[1]);
        spec.kernel_name = Some("w".into());
        assert_eq!(make_kernel_bias(&spec)?.kernel.name(), "w");
        Ok(())
    }
}

//! Which instructions the kernels use.

use std::sync::OnceLock;

use pulp::Arch;

/// Name of the environment variable that asks for less than the machine has.
const VARIABLE: &str = "TFN_KERNELS";

/// The instruction set of all kernels: the best of this machine, or what `TFN_KERNELS` asks for at the first
/// use of a kernel: `portable`, `avx2` or `avx512`. What the machine has not, and any other value, is taken as
/// the best that it has.
pub(crate) fn arch() -> Arch {
    static CHOICE: OnceLock<Arch> = OnceLock::new();
    *CHOICE.get_or_init(|| choose(std::env::var(VARIABLE).ok().as_deref()))
}

fn choose(asked: Option<&str>) -> Arch {
    match asked {
        Some("portable") => Arch::Scalar,
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        Some("avx2") => pulp::x86::V3::try_new().map_or_else(Arch::new, Arch::V3),
        _ => Arch::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_portable_path_can_be_asked_for_and_the_rest_falls_back() {
        assert!(matches!(choose(Some("portable")), Arch::Scalar));
        let best = std::mem::discriminant(&Arch::new());
        for asked in [None, Some("avx512"), Some("nonsense")] {
            assert_eq!(std::mem::discriminant(&choose(asked)), best);
        }
    }
}

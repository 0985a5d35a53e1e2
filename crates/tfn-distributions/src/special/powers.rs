//! Log-densities on tensors of the families that are powers of an exponential and of a uniform variable.

use tfn_tensor::{Pointwise, Tensor, pointwise};

use super::scalar::{kumaraswamy_density, weibull_law};

/// That of the Weibull distribution at `x`.
pub(crate) fn weibull_log_density(x: &Tensor, concentration: &Tensor, scale: &Tensor) -> Tensor {
    const LOG_DENSITY: Pointwise<3> = Pointwise {
        name: "weibull_log_density",
        value: weibull_law::log_density,
        partials: [
            |at, _| weibull_law::log_density_in_x(at),
            |at, _| weibull_law::log_density_in_k(at),
            |at, _| weibull_law::log_density_in_s(at),
        ],
    };
    pointwise(LOG_DENSITY, [x, concentration, scale])
}

/// That of the Kumaraswamy distribution at `x`.
pub(crate) fn kumaraswamy_log_density(x: &Tensor, a: &Tensor, b: &Tensor) -> Tensor {
    const LOG_DENSITY: Pointwise<3> = Pointwise {
        name: "kumaraswamy_log_density",
        value: kumaraswamy_density::log_density,
        partials: [
            |at, _| kumaraswamy_density::log_density_in_x(at),
            |at, _| kumaraswamy_density::log_density_in_a(at),
            |at, _| kumaraswamy_density::log_density_in_b(at),
        ],
    };
    pointwise(LOG_DENSITY, [x, a, b])
}

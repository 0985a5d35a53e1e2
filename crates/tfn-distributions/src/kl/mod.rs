//! Kullback–Leibler divergences: rules that travel with the values, a look-up that any crate can join, and
//! estimates where there is no closed form.

mod dispatch;
mod estimate;
mod level;
mod quadrature;
mod registry;
mod rule;

pub use dispatch::kl_divergence;
pub use estimate::{KlEstimate, KlMethod, estimate_kl};
pub use registry::register_kl;
pub use rule::{KlDivergence, KlRule};

//! Kullback–Leibler divergences: rules that travel with the values, a look-up that any crate can join, and
//! estimates where there is no closed form.

mod chebyshev;
mod dispatch;
mod entrywise;
mod estimate;
mod expected_log;
mod gauss;
mod integral;
mod interpolant;
mod monte_carlo;
mod nodes;
mod panels;
mod quadrature;
mod registry;
mod table;
mod unwrapped;

pub(crate) use entrywise::entrywise;
pub(crate) use expected_log::expected_log;

pub use dispatch::kl_divergence;
pub use estimate::{KlEstimate, KlMethod, estimate_kl};
pub use registry::register_kl;

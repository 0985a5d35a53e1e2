//! Variational dropout: multiplicative normal noise whose variance is learned, as a posterior with a prior that knows no scale.

mod divergence;
mod layers;
mod posterior;
mod prior;
mod scale;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

pub use divergence::kl_divergence_variational_dropout;
pub use layers::VariationalDropout;
pub use posterior::DropoutRates;
pub use prior::ScaleFree;
pub use scale::DropoutScale;

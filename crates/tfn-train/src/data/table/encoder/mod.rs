//! Tables as features and targets.

mod builder;
mod encoded;
mod feature;
mod fit;
mod saved;
mod target;
mod types;

pub use builder::TableEncoderBuilder;
pub use encoded::Encoded;
pub use types::TableEncoder;

#[cfg(test)]
mod tests;

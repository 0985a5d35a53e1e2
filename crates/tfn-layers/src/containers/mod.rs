//! Layers made of layers, and nets with a head.

mod model;
mod moment_matching;
mod residual;
mod sequential;

pub use model::Model;
pub use moment_matching::MomentMatching;
pub use residual::{Parallel, Residual};
pub use sequential::Sequential;
pub(crate) use sequential::Tracked;

//! Layers made of layers, and nets with a head.

mod model;
mod sequential;

pub use model::Model;
pub use sequential::Sequential;
pub(crate) use sequential::Tracked;

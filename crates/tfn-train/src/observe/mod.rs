//! Observers that show or record a run: lines of text, a progress bar, structured events, files for TensorBoard.
//!
//! Each is an [`Observer`](crate::Observer): hand one to [`Fit::run_model`](crate::Fit::run_model), or a pair of them.

mod lines;
#[cfg(feature = "progress")]
mod progress;
#[cfg(feature = "tensorboard")]
mod tensorboard;
#[cfg(feature = "tracing")]
mod traced;

pub use lines::Lines;
#[cfg(feature = "progress")]
pub use progress::Progress;
#[cfg(feature = "tensorboard")]
pub use tensorboard::TensorBoard;
#[cfg(feature = "tracing")]
pub use traced::Traced;

//! How many threads work.

use crate::failure::Failure;

/// Runs on so many threads; without a number on as many as the machine has.
pub(crate) fn in_pool<T: Send>(
    threads: Option<usize>,
    run: impl FnOnce() -> T + Send,
) -> Result<T, Failure> {
    let Some(threads) = threads else { return Ok(run()) };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    let pool = pool.map_err(|error| Failure::Usage(format!("--threads: {error}")))?;
    Ok(pool.install(run))
}

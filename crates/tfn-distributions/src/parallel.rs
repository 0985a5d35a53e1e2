//! Work on all threads.

use rayon::prelude::*;

/// A piece of work. All are of one type, so that the plumbing of threads is compiled once.
pub(crate) type Task<'a> = Box<dyn FnOnce() + Send + 'a>;

/// Does all tasks, in any order.
pub(crate) fn do_all<'a>(tasks: impl Iterator<Item = Task<'a>>) {
    do_each(tasks.collect());
}

fn do_each(tasks: Vec<Task<'_>>) {
    tasks.into_par_iter().for_each(|task| task());
}

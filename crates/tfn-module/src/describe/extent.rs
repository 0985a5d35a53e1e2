//! How large a described object is, with all that is in it.

use crate::error::DescribeError;

/// Size of an object: what it holds in several places counts each time, since whoever walks over it goes there each
/// time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Extent {
    /// How many objects lie one in the other.
    pub(super) height: usize,
    pub(super) size: usize,
}

impl Extent {
    /// What the recursion of walks, calls and drops can bear.
    pub(super) const MAX_HEIGHT: usize = 100;
    /// Far more than any model has.
    pub(super) const MAX_SIZE: usize = 1 << 20;

    /// That of an object with `part` in it.
    pub(super) fn add(&mut self, part: Self) {
        self.height = self.height.max(part.height.saturating_add(1));
        self.size = self.size.saturating_add(part.size).saturating_add(1);
    }

    /// # Errors
    /// [`DescribeError::Extent`] if it is beyond the limits.
    pub(super) fn check(self, path: &str) -> Result<(), DescribeError> {
        let limits = [
            ("objects one in the other", self.height, Self::MAX_HEIGHT),
            ("objects", self.size, Self::MAX_SIZE),
        ];
        for (what, given, expected) in limits {
            if given > expected {
                return Err(DescribeError::Extent { path: path.to_owned(), what, given, expected });
            }
        }
        Ok(())
    }
}

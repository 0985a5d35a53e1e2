//! The families that are their parameters.

use std::sync::Arc;

use super::{Restore, Saved, by_saved};
use crate::distribution::Distribution;
use crate::error::Result;

/// Each family with the constructor for each set of parameters that it can have.
macro_rules! families {
    ($($Family:ident { $(($($name:ident),+) => $make:expr),+ })*) => {
        $(
            impl Restore for crate::families::$Family {
                fn restore(saved: &Saved) -> Result<Self> {
                    let family = stringify!($Family);
                    saved.check_family(family)?;
                    $(
                        let names = [$(stringify!($name)),+];
                        if saved.has_parameters(&names) {
                            let [$($name),+] = saved.parameters(family, names)?;
                            return $make;
                        }
                    )+
                    Err(saved.other_parameters(family, &[$(&[$(stringify!($name)),+]),+]))
                }
            }

            by_saved!($Family);
        )*

        /// The distribution, if it is of one of these families.
        pub(super) fn known(saved: &Saved) -> Option<Result<Arc<dyn Distribution>>> {
            match saved.family.as_str() {
                $(stringify!($Family) => Some(crate::families::$Family::restore(saved).map(Into::into)),)*
                _ => None,
            }
        }
    };
}

for_each_family!(families);

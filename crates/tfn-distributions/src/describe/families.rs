//! The families that are their parameters.

use tfn_module::describe::{Describe, Description, Reader, Registry, Result};

use super::add_distribution;
use super::bounds::bounded;
use crate::distribution::Distribution;
use crate::error::Result as Made;
use crate::families;
use crate::parameter::Parameter;

macro_rules! described {
    ($($Family:ident { $(($($name:ident),+) => $make:expr),+ })*) => {
        $(
            impl Describe for families::$Family {
                fn class() -> String {
                    concat!("tfn.distributions.", stringify!($Family)).to_owned()
                }

                fn describe(&self, description: &mut Description<'_, '_>) -> Result<()> {
                    describe(self, description)
                }

                fn restore(reader: &mut Reader<'_, '_>) -> Result<Self> {
                    $(
                        if [$(stringify!($name)),+].iter().all(|name| reader.has(name)) {
                            $(let $name: Parameter = reader.field(stringify!($name))?;)+
                            let made: Made<Self> = $make;
                            return bounded(made?.with_validate_args(reader.field("validate_args")?));
                        }
                    )+
                    Err(missing(reader, &[$($(stringify!($name)),+),+]))
                }
            }
        )*

        pub(super) fn register(registry: &mut Registry) {
            $(add_distribution::<families::$Family>(registry);)*
        }
    };
}

for_each_family!(described);

/// Parameters by the names of the constructor's arguments.
fn describe(family: &dyn Distribution, description: &mut Description<'_, '_>) -> Result<()> {
    for spec in family.parameters() {
        description.field(spec.name, spec.parameter)?;
    }
    description.field("validate_args", &family.validate_args())?;
    Ok(())
}

/// The error that names the first parameter that is not there.
fn missing(reader: &mut Reader<'_, '_>, names: &[&str]) -> tfn_module::describe::AnyError {
    let absent = names.iter().find(|name| !reader.has(name)).copied().unwrap_or_default();
    match reader.field::<Parameter>(absent) {
        Err(error) => error,
        Ok(_) => "parameters of several kinds at once".into(),
    }
}

//! The usual description: all fields under their names.

/// Implements [`Describe`](crate::describe::Describe) for a struct whose described form is its fields, each under its
/// own name.
///
/// What a constructor would refuse can come from a file too: an expression after the fields says what is made of the
/// struct they make, `Result` of any error. It stands in the module of the struct.
///
/// # Examples
/// ```
/// use tfn_module::describe::{FileReader, FileWriter, Registry};
/// use tfn_module::{Tensor, Variable, describe_fields};
///
/// struct Gain { gain: Variable }
/// describe_fields!(Gain as "mine.Gain" { gain });
///
/// struct Bins { count: usize }
/// describe_fields!(Bins as "mine.Bins" { count } |bins| if bins.count > 0 { Ok(bins) } else { Err("no bins") });
///
/// let mut registry = Registry::new();
/// registry.add::<Gain>();
/// registry.add::<Bins>();
/// let bytes = FileWriter::new(&registry)
///     .add("gain", &Gain { gain: Variable::new("gain", Tensor::scalar(2.0))? })?
///     .add("bins", &Bins { count: 3 })?
///     .to_bytes()?;
/// let mut file = FileReader::from_bytes(&bytes, &registry)?;
/// assert_eq!(file.take::<Gain>("gain")?.gain.value().item()?, 2.0);
/// assert_eq!(file.take::<Bins>("bins")?.count, 3);
/// let none = FileWriter::new(&registry).add("bins", &Bins { count: 0 })?.to_bytes()?;
/// let error = FileReader::from_bytes(&none, &registry).err().map(|error| error.to_string());
/// assert_eq!(error.as_deref(), Some("`bins`, of the class `mine.Bins`: no bins"));
/// # Ok::<(), tfn_module::ModuleError>(())
/// ```
#[macro_export]
macro_rules! describe_fields {
    ($Type:ty as $class:literal { $($field:ident),* $(,)? }) => {
        $crate::describe_fields!($Type as $class { $($field),* } |made|
            ::core::result::Result::<_, $crate::describe::AnyError>::Ok(made)
        );
    };
    ($Type:ty as $class:literal { $($field:ident),* $(,)? } |$made:ident| $checked:expr) => {
        impl $crate::describe::Describe for $Type {
            fn class() -> ::std::string::String {
                ::std::string::String::from($class)
            }

            fn describe(
                &self,
                _description: &mut $crate::describe::Description<'_, '_>,
            ) -> $crate::describe::Result<()> {
                $(_description.field(::core::stringify!($field), &self.$field)?;)*
                ::core::result::Result::Ok(())
            }

            fn restore(
                _reader: &mut $crate::describe::Reader<'_, '_>,
            ) -> $crate::describe::Result<Self> {
                let $made = Self { $($field: _reader.field(::core::stringify!($field))?),* };
                ::core::result::Result::Ok($checked?)
            }
        }
    };
}

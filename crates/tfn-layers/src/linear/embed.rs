//! The map from ids to rows of a table.

use std::panic::Location;

use tfn_module::describe_fields;
use tfn_tensor::{DType, Tensor, TensorError};

use super::LinearMap;
use crate::error::{LayerError, Result};

/// The map from ids to rows of a table: kernel `[input_dim, output_dim]`, whose row `i` is what the id `i` becomes. It is the dense
/// map of ids as rows of zeros with a single 1, without these rows.
///
/// Ids are whole numbers of the kernel's type, from 0 to `input_dim - 1`. The gradient of a table that is a variable is known by its
/// rows ([`Gradients::rows`](tfn_tensor::Gradients::rows)): it costs what the ids of a batch do, however long the table is. Ids have no
/// gradient. A layer made by `over` has a bias unless told otherwise, as over any map; `builder` and `new` of
/// [`Embedding`](crate::Embedding) and its kin ask for none.
///
/// # Shapes
/// An example `[length]`, of any length, becomes `[length, output_dim]`. For one id an example `[1]` becomes `[1, output_dim]`, which
/// [`Flatten`](crate::Flatten) makes a row.
///
/// # Errors
/// [`TensorError::OutOfRange`] for what is no id, with its place; [`TensorError::DTypes`] for ids of another type than the kernel's.
///
/// # Examples
/// ```
/// use tfn_layers::tensor::Tensor;
/// use tfn_layers::{Embed, LinearMap};
///
/// let table = Tensor::from_vec(vec![0.0, 0.5, 1.0, 1.5, 2.0, 2.5], &[3, 2]);
/// let ids = Tensor::from_vec(vec![2.0, 0.0, 2.0], &[1, 3]);
/// let rows = Embed::new(3, 2)?.apply(&ids, &table);
/// assert_eq!(rows.shape()?, [1, 3, 2]);
/// assert_eq!(rows.to_vec::<f64>()?, [2.0, 2.5, 0.0, 0.5, 2.0, 2.5]);
///
/// let none = Tensor::from_vec(vec![0.0, 3.0], &[1, 2]);
/// let error = Embed::new(3, 2)?.apply(&none, &table).check().unwrap_err().to_string();
/// assert!(error.starts_with("embed: argument `x` is 3 at flat index 1, expected a whole number from 0 to 2"), "{error}");
/// # Ok::<(), tfn_layers::LayerError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Embed {
    input_dim: usize,
    output_dim: usize,
}

impl Embed {
    /// The map of `input_dim` ids to rows of `output_dim` numbers.
    ///
    /// # Errors
    /// [`LayerError::Size`] for a size of zero.
    pub fn new(input_dim: usize, output_dim: usize) -> Result<Self> {
        for (argument, given) in [("input_dim", input_dim), ("output_dim", output_dim)] {
            if given == 0 {
                return Err(LayerError::Size { layer: "Embedding".to_owned(), argument, given });
            }
        }
        Ok(Self { input_dim, output_dim })
    }

    /// Number of ids.
    pub fn input_dim(&self) -> usize {
        self.input_dim
    }

    /// Entries of a row.
    pub fn output_dim(&self) -> usize {
        self.output_dim
    }

    /// The rows of each table, `[..ids, output_dim]`.
    fn rows<const N: usize>(
        &self,
        x: &Tensor,
        tables: [&Tensor; N],
    ) -> Result<[Tensor; N], TensorError> {
        let place = Location::caller();
        let (ids, dtype) = (x.to_f64_vec()?, x.dtype()?);
        let ids_in_all = self.input_dim.min(told_apart(dtype));
        let is_id = |id: f64| id >= 0.0 && id < ids_in_all as f64 && id.fract() == 0.0;
        if let Some((index, id)) = ids.iter().enumerate().find(|(_, id)| !is_id(**id)) {
            return Err(TensorError::OutOfRange {
                op: "embed",
                argument: "x",
                given: format!("{id} at flat index {index}"),
                expected: format!("a whole number from 0 to {}", ids_in_all - 1),
                place,
            });
        }
        let ids: Vec<usize> = ids.into_iter().map(|id| id as usize).collect();
        let shape = [x.shape()?, &[self.output_dim]].concat();
        let rows = |table: &Tensor| -> Result<Tensor, TensorError> {
            let of_table = table.dtype()?;
            if of_table != dtype {
                return Err(TensorError::DTypes { op: "embed", lhs: dtype, rhs: of_table, place });
            }
            Ok(table.gather(0, &ids).reshape(&shape))
        };
        Ok(tables.map(|table| rows(table).unwrap_or_else(Tensor::from_error)))
    }
}

/// Up to where a type tells all whole numbers apart.
fn told_apart(dtype: DType) -> usize {
    match dtype {
        DType::F32 => 1 << f32::MANTISSA_DIGITS,
        DType::F64 => 1_usize.checked_shl(f64::MANTISSA_DIGITS).unwrap_or(usize::MAX),
    }
}

/// Checks that numbers of type `dtype` tell all ids of the map apart, if its input is ids.
pub(crate) fn check_ids(map: &dyn LinearMap, layer: &str, dtype: DType) -> Result<()> {
    let most = told_apart(dtype);
    match map.ids() {
        Some(ids) if ids > most => Err(LayerError::Argument {
            layer: layer.to_owned(),
            argument: "input_dim",
            given: ids.to_string(),
            expected: format!(
                "at most {most}, up to where numbers of the layer's `dtype`, {dtype}, tell whole numbers apart"
            ),
        }),
        _ => Ok(()),
    }
}

describe_fields!(Embed as "tfn.maps.Embed" { input_dim, output_dim } |map| {
    Self::new(map.input_dim, map.output_dim)
});

impl LinearMap for Embed {
    fn class(&self) -> &'static str {
        "Embedding"
    }

    fn kernel_shape(&self) -> Vec<usize> {
        vec![self.input_dim, self.output_dim]
    }

    fn bias_shape(&self) -> Vec<usize> {
        vec![self.output_dim]
    }

    /// The axis of an example's ids: all look into one table.
    fn positions(&self) -> std::ops::Range<usize> {
        0..1
    }

    fn ids(&self) -> Option<usize> {
        Some(self.input_dim)
    }

    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>, String> {
        match input {
            [length] => Ok(vec![*length, self.output_dim]),
            _ => Err("[length]".to_owned()),
        }
    }

    fn apply(&self, x: &Tensor, kernel: &Tensor) -> Tensor {
        self.rows(x, [kernel]).map_or_else(Tensor::from_error, |[rows]| rows)
    }

    /// Rows of `loc` and of `scale`.
    fn moments(
        &self,
        x: &Tensor,
        loc: &Tensor,
        scale: &Tensor,
        bias: Option<(&Tensor, &Tensor)>,
    ) -> (Tensor, Tensor) {
        match (self.rows(x, [loc, scale]), bias) {
            (Ok([loc, scale]), None) => (loc, scale),
            (Ok([loc, scale]), Some((loc_of_bias, scale_of_bias))) => {
                (loc + loc_of_bias, (scale.square() + scale_of_bias.square()).sqrt())
            }
            (Err(error), _) => {
                let failed = Tensor::from_error(error);
                (failed.clone(), failed)
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::linear::{Dense, independent_moments};
    use crate::testing::check_linear_map;
    use tfn_tensor::testing::check_gradients;
    use tfn_tensor::{Key, Variable};

    fn normal(label: &str, shape: &[usize]) -> Tensor {
        Key::from_seed(4).child(label).stream().normal(shape, DType::F64)
    }

    fn ids() -> Tensor {
        Tensor::from_vec(vec![3.0, 0.0, 3.0, 4.0, 1.0, 3.0], &[2, 3])
    }

    #[test]
    fn it_is_the_dense_map_of_rows_with_a_single_one() {
        let (embed, dense) = (Embed::new(5, 2).unwrap(), Dense::new(5, 2).unwrap());
        let (loc, scale) = (normal("loc", &[5, 2]), normal("scale", &[5, 2]).abs());
        let (m, s) = (normal("m", &[2]), normal("s", &[2]).abs());
        for dtype in [DType::F32, DType::F64] {
            let [x, loc, scale, m, s] = [&ids(), &loc, &scale, &m, &s].map(|t| t.cast(dtype));
            let rows = x.one_hot(5);
            assert_eq!(
                embed.apply(&x, &loc).to_f64_vec().unwrap(),
                dense.apply(&rows, &loc).to_f64_vec().unwrap()
            );
            let tolerance = if dtype == DType::F32 { 1e-6 } else { 1e-15 };
            for bias in [None, Some((&m, &s))] {
                let given = embed.moments(&x, &loc, &scale, bias);
                let (mean, deviation) = dense.moments(&rows, &loc, &scale, bias);
                let of_any = independent_moments(&embed, &x, &loc, &scale, bias);
                for (given, expected) in [
                    (&given.0, &mean),
                    (&given.1, &deviation),
                    (&of_any.0, &mean),
                    (&of_any.1, &deviation),
                ] {
                    assert_eq!(given.shape().unwrap(), [2, 3, 2]);
                    let apart = (given - expected).abs().to_f64_vec().unwrap();
                    assert!(apart.iter().all(|apart| *apart <= tolerance * 4.0), "{apart:?}");
                }
            }
        }
    }

    #[test]
    fn it_keeps_the_laws_of_maps() {
        check_linear_map(&Embed::new(5, 2).unwrap(), &ids()).unwrap();
    }

    #[test]
    fn gradients_agree_with_central_differences() {
        let embed = Embed::new(5, 2).unwrap();
        let tables = ["loc", "scale", "m", "s"].map(|label| {
            let shape: &[usize] = if label.len() == 1 { &[2] } else { &[5, 2] };
            normal(label, shape).abs() + 0.1
        });
        check_gradients(&tables[..1], |v| embed.apply(&ids(), &v[0]).square()).unwrap();
        check_gradients(&tables, |v| {
            let (mean, scale) = embed.moments(&ids(), &v[0], &v[1], Some((&v[2], &v[3])));
            mean.square() * scale.exp()
        })
        .unwrap();
    }

    /// The id 3 comes three times: once in each example, and twice in one.
    #[test]
    fn the_gradient_is_that_of_rows_and_repeated_ids_add_up() {
        for dtype in [DType::F32, DType::F64] {
            let table = Variable::new("table", Tensor::zeros(&[100_000, 2], dtype)).unwrap();
            let y = Embed::new(100_000, 2).unwrap().apply(&ids().cast(dtype), &table.tensor());
            let ramp = Tensor::from_vec((0..12).map(f64::from).collect(), &[2, 3, 2]).cast(dtype);
            let gradients = (y * ramp).sum().gradients().unwrap();
            let (indices, rows) = gradients.rows(&table).unwrap();
            assert_eq!(indices, [0, 1, 3, 4]);
            // Of the lookups 0, 2 and 5 of id 3: 0 + 4 + 10 and 1 + 5 + 11.
            let expected = [2.0, 3.0, 8.0, 9.0, 14.0, 17.0, 6.0, 7.0];
            assert_eq!(rows.to_f64_vec().unwrap(), expected);
        }
    }

    #[test]
    fn what_is_no_id_is_an_error_with_its_place() {
        const MOST: f64 = 16_777_216.0;
        let nothing = [0.5, -1.0, 5.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1e-30, MOST];
        let embed = Embed::new(5, 2).unwrap();
        for dtype in [DType::F32, DType::F64] {
            let table = Tensor::zeros(&[5, 2], dtype);
            for id in nothing {
                let x = Tensor::from_vec(vec![0.0, 4.0, id, id], &[2, 2]).cast(dtype);
                let given = format!("{} at flat index 2", x.to_f64_vec().unwrap()[2]);
                let (mean, deviation) = embed.moments(&x, &table, &table, None);
                for tensor in [embed.apply(&x, &table), mean, deviation] {
                    let error = tensor.check().unwrap_err();
                    let is = matches!(
                        &error,
                        TensorError::OutOfRange { argument: "x", given: of, expected, .. }
                            if *of == given && expected == "a whole number from 0 to 4"
                    );
                    assert!(is, "{error}");
                }
            }
            // Minus zero is the whole number 0.
            let x = Tensor::from_vec(vec![-0.0, 0.0], &[1, 2]).cast(dtype);
            assert!(embed.apply(&x, &table).check().is_ok());
        }
        let other = embed.apply(&ids(), &Tensor::zeros(&[5, 2], DType::F32));
        assert!(matches!(other.check(), Err(TensorError::DTypes { op: "embed", .. })));
    }

    /// 2^24 is the first number that `f32` does not tell from its successor.
    #[test]
    fn numbers_that_are_not_told_apart_are_no_ids() {
        let embed = Embed::new((1 << 24) + 5, 1).unwrap();
        let one = Tensor::zeros(&[1, 1], DType::F32);
        let x = Tensor::full(&[1, 1], 16_777_216.0, DType::F32);
        let error = embed.apply(&x, &one).check().unwrap_err().to_string();
        assert!(error.contains("from 0 to 16777215"), "{error}");
        assert!(check_ids(&embed, "Embedding", DType::F64).is_ok());
        assert!(check_ids(&Embed::new(1 << 24, 1).unwrap(), "Embedding", DType::F32).is_ok());
        let error = check_ids(&embed, "Embedding", DType::F32).unwrap_err().to_string();
        let start =
            "Embedding: argument `input_dim` is 16777221, expected at most 16777216, up to where";
        assert!(error.starts_with(start), "{error}");
    }

    #[test]
    fn no_ids_are_no_rows() {
        let table = normal("loc", &[5, 2]);
        for shape in [[0, 3], [2, 0]] {
            let rows = Embed::new(5, 2).unwrap().apply(&Tensor::zeros(&shape, DType::F64), &table);
            assert_eq!(rows.shape().unwrap(), [shape[0], shape[1], 2]);
        }
    }
}

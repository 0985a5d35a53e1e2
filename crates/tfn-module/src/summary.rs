//! A table of variables for people to read.

use std::fmt::Write as _;

use tfn_tensor::{DType, Variable};

/// The table of [`Module::summary`](crate::Module::summary): a title, one line a variable, the total.
///
/// It takes what it reads as its own, so that the callers, one for each type of module, have nothing to free.
/// Variables that have one name are told apart by their paths.
#[allow(clippy::needless_pass_by_value)]
pub(crate) fn summary(name: String, variables: Vec<(String, Variable)>) -> String {
    let mut text = format!("=== {name} {}\n", "=".repeat(50));
    row(&mut text, "SIZE", "SHAPE", "TRAIN", "NAME");
    let mut totals: Vec<(DType, usize)> = Vec::new();
    for (path, variable) in &variables {
        let repeated = variables.iter().filter(|(_, v)| v.name() == variable.name()).count() > 1;
        let shown = if repeated { path } else { variable.name() };
        let size: usize = variable.shape().iter().product();
        let trainable = variable.is_trainable();
        if trainable {
            match totals.iter_mut().find(|(dtype, _)| *dtype == variable.dtype()) {
                Some((_, total)) => *total += size,
                None => totals.push((variable.dtype(), size)),
            }
        }
        let shape = format!("{:?}", variable.shape());
        let trained = if trainable { "True" } else { "False" };
        row(&mut text, &size.to_string(), &shape, trained, shown);
    }
    text + &total_line(&totals)
}

fn row(text: &mut String, size: &str, shape: &str, train: &str, name: &str) {
    // Writing to a string does not fail.
    let _ = writeln!(text, "{size:>6} {shape:20} {train:5} {name:40}");
}

fn total_line(totals: &[(DType, usize)]) -> String {
    let size: usize = totals.iter().map(|(_, size)| size).sum();
    let bytes: usize = totals.iter().map(|(dtype, size)| dtype.size() * size).sum();
    let mib = bytes as f64 / f64::from(1 << 20);
    let by_type: Vec<String> =
        totals.iter().map(|(dtype, size)| format!("{}: {size}", numpy_name(*dtype))).collect();
    format!("trainable size: {size}  /  {mib:.3} MiB  /  {{{}}}", by_type.join(", "))
}

fn numpy_name(dtype: DType) -> &'static str {
    match dtype {
        DType::F32 => "float32",
        DType::F64 => "float64",
    }
}

#[cfg(test)]
mod tests {
    use tfn_tensor::{Result, Tensor};

    use super::*;

    #[test]
    fn the_table_is_that_of_tfp() -> Result<()> {
        let variables = [
            Variable::new("posterior_kernel_loc", Tensor::zeros(&[3, 4], DType::F32))?,
            Variable::new("frozen", Tensor::zeros(&[], DType::F32))?.non_trainable(),
            Variable::new("wide", Tensor::zeros(&[1024, 512], DType::F64))?,
        ];
        let expected = [
            format!("=== Local {}", "=".repeat(50)),
            "  SIZE SHAPE                TRAIN NAME                                    ".into(),
            "    12 [3, 4]               True  posterior_kernel_loc                    ".into(),
            "     1 []                   False frozen                                  ".into(),
            "524288 [1024, 512]          True  wide                                    ".into(),
            "trainable size: 524300  /  4.000 MiB  /  {float32: 12, float64: 524288}".into(),
        ];
        let paths = ["a", "b", "c"].map(str::to_owned);
        let variables = paths.into_iter().zip(variables).collect();
        assert_eq!(summary("Local".into(), variables), expected.join("\n"));
        Ok(())
    }

    #[test]
    fn names_that_repeat_are_told_apart() -> Result<()> {
        let one = || Variable::new("kernel", Tensor::zeros(&[1], DType::F32));
        let variables =
            vec![("layers/0/kernel".to_owned(), one()?), ("layers/1/kernel".to_owned(), one()?)];
        let table = summary("net".into(), variables);
        assert!(table.contains("layers/0/kernel") && table.contains("layers/1/kernel"), "{table}");
        Ok(())
    }

    #[test]
    fn nothing_to_train_is_a_total_of_zero() {
        assert!(
            summary("m".into(), Vec::new()).ends_with("\ntrainable size: 0  /  0.000 MiB  /  {}")
        );
    }
}

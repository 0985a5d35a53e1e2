//! Parameters that are no numbers: what is drawn by them is none either.

use tfn_distributions::tensor::{DType, Stream, Tensor};

use crate::FAMILIES;
use crate::draws::Draws;

#[test]
fn draws_of_parameters_that_are_no_numbers_are_none() {
    let numbers: Vec<f64> = (0..24).map(|i| (1.7 * f64::from(i)).sin()).collect();
    for (name, make) in FAMILIES.iter().copied().flatten() {
        for dtype in [DType::F32, DType::F64] {
            let distribution = make(&mut Draws::new(&numbers, dtype)).unwrap();
            let variables = distribution.variables();
            if variables.is_empty() {
                continue;
            }
            for variable in variables {
                let shape = variable.shape().to_vec();
                variable.assign(&Tensor::full(&shape, f64::NAN, dtype)).unwrap();
            }
            match distribution.sample(&[7], &mut Stream::from_seed(1)) {
                Err(_) => {}
                Ok(sample) => {
                    let entries = sample.to_f64_vec().unwrap();
                    assert!(entries.iter().any(|x| x.is_nan()), "{name} {dtype:?}: {entries:?}");
                }
            }
        }
    }
}

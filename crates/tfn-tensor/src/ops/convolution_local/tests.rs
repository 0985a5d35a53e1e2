use crate::ops::convolution::tests::Case;
use crate::testing::check_gradients;
use crate::{DType, Key, Result, Stream, Tensor, Variable, Window, WindowAxis};

/// Both directions of a random case: input, kernels and biases, and the moments as a function of them.
type Moments<'a> = dyn Fn(&[Tensor], Option<(&Tensor, &Tensor)>) -> (Tensor, Tensor) + 'a;

fn each(
    count: usize,
    draw: fn(&mut Stream) -> Case,
    check: impl Fn(&Case, bool, [Tensor; 5], &Moments<'_>),
) {
    let mut stream = Key::from_seed(11).stream();
    for _ in 0..count {
        let case = draw(&mut stream);
        let (window, groups) = (&case.window, case.groups);
        for transposed in [false, true] {
            let (from, to) = if transposed { (&case.y, &case.x) } else { (&case.x, &case.y) };
            let columns = &to[to.len() - 1..];
            let inputs = [from, &case.kernel, &case.kernel, columns, columns]
                .map(|shape| stream.normal(shape, DType::F64));
            check(&case, transposed, inputs, &|v, bias| {
                if transposed {
                    let image = case.image();
                    Tensor::convolution_transpose_local(
                        &v[0], &v[1], &v[2], bias, window, groups, image,
                    )
                } else {
                    Tensor::convolution_local(&v[0], &v[1], &v[2], bias, window, groups)
                }
            });
        }
    }
}

#[test]
fn the_fused_node_agrees_with_the_formula() {
    each(120, Case::draw, |case, transposed, [x, m, s, mb, sb], moments| {
        let apply = |x: &Tensor, kernel: &Tensor| match transposed {
            false => x.convolution(kernel, &case.window, case.groups),
            true => x.convolution_transpose(kernel, &case.window, case.groups, case.image()),
        };
        for bias in [None, Some((&mb, &sb))] {
            let (loc, scale) = moments(&[x.clone(), m.clone(), s.clone()], bias);
            let (mut mean, mut variance) = (apply(&x, &m), apply(&x.square(), &s.square()));
            if let Some((mb, sb)) = bias {
                (mean, variance) = (mean + mb, variance + sb.square());
            }
            for (given, expected) in [(loc, mean), (scale.square(), variance)] {
                let [given, expected] = [given, expected].map(|t| t.to_f64_vec().unwrap());
                for (given, expected) in given.iter().zip(&expected) {
                    // A hundred roundings of a sum of terms of size 1 to 10.
                    assert!(
                        (given - expected).abs() <= 1e-12 * expected.abs().max(10.0),
                        "{case:?}"
                    );
                }
            }
        }
    });
}

#[test]
fn gradients_agree_with_central_differences() {
    each(50, Case::draw_small, |_, _, inputs, moments| {
        // Deviations away from zero, where the root has a slope.
        let inputs = [
            &inputs[0] + 3.0,
            inputs[1].clone(),
            inputs[2].abs() + 0.3,
            inputs[3].clone(),
            inputs[4].abs() + 0.3,
        ];
        let weigh = |(loc, scale): (Tensor, Tensor)| loc.sin() * 0.3 + scale.sin();
        check_gradients(&inputs, |v| weigh(moments(v, Some((&v[3], &v[4]))))).unwrap();
        check_gradients(&inputs[..3], |v| moments(v, None).0.sin()).unwrap();
    });
}

#[test]
fn a_deviation_of_zero_has_gradient_zero() -> Result<()> {
    let window = Window::new(&[WindowAxis { padding: (2, 0), ..WindowAxis::of(2) }])?;
    let names = ["x", "m", "s"];
    let values = [
        Tensor::zeros(&[1, 3, 1], DType::F32),
        Tensor::ones(&[2, 1, 1], DType::F32),
        Tensor::ones(&[2, 1, 1], DType::F32),
    ];
    let mut variables = Vec::new();
    for (name, value) in names.into_iter().zip(&values) {
        variables.push(Variable::new(name, value)?);
    }
    let [x, m, s] = [0, 1, 2].map(|i: usize| variables[i].tensor());
    let (loc, scale) = Tensor::convolution_local(&x, &m, &s, None, &window, 1);
    assert_eq!(scale.to_vec::<f32>()?, [0.0; 4]);
    let gradients = (loc.sum() + scale.sum()).gradients()?;
    assert_eq!(gradients.of(&variables[2]).to_vec::<f32>()?, [0.0; 2]);
    assert!(gradients.of(&variables[0]).all_finite()?);
    Ok(())
}

#[test]
fn products_are_two_forward_and_four_back() -> Result<()> {
    let window = Window::new(&[WindowAxis::of(3), WindowAxis::of(3)])?;
    let count = crate::kernels::product_count;
    let draw = |label: &str, shape: &[usize]| {
        Key::from_seed(1).child(label).stream().normal(shape, DType::F32)
    };
    let kernels = ["m", "s"].map(|label| Variable::new(label, draw(label, &[3, 3, 2, 4])).unwrap());
    let [m, s] = kernels.each_ref().map(Variable::tensor);
    let x = Variable::new("x", draw("x", &[2, 6, 6, 2]))?;
    for (x, back) in [(x.value(), 2), (x.tensor(), 4)] {
        let before = count();
        let (loc, scale) = Tensor::convolution_local(&x, &m, &s, None, &window, 1);
        assert_eq!(count() - before, 2);
        (loc + scale).sum().gradients()?;
        assert_eq!(count() - before, 2 + back);
    }
    Ok(())
}

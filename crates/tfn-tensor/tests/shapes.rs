//! No function of tensors panics, whatever the shapes: hostile ones give an error or a result.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::panic::{AssertUnwindSafe, catch_unwind};

use tfn_tensor::{
    DType, Element, Result, Stream, Tensor, TensorError, Variable, Window, WindowAxis, pointwise,
};

/// Sizes whose products are either small, or more than any memory.
const SIZES: [usize; 12] = [0, 0, 1, 1, 1, 2, 3, 5, 1 << 40, 1 << 60, 1 << 62, usize::MAX];
const AXES: [isize; 9] = [0, 1, 2, -1, -2, 3, -4, isize::MAX, isize::MIN];

struct Draws(Stream);

impl Draws {
    fn below(&mut self, n: usize) -> usize {
        (self.0.next_u64() % n as u64) as usize
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    fn shape(&mut self) -> Vec<usize> {
        let sizes = match self.below(3) {
            0 => &SIZES[..],
            _ => &SIZES[..8],
        };
        (0..self.below(5)).map(|_| self.of(sizes)).collect()
    }

    fn axes(&mut self) -> Vec<isize> {
        (0..self.below(4)).map(|_| self.of(&AXES)).collect()
    }

    /// Any tensor; sometimes one that is long along one axis, two of which broadcast to too many entries.
    fn tensor(&mut self, dtype: DType) -> Tensor {
        if self.below(100) == 0 {
            let shape = self.of(&[&[1 << 20][..], &[1 << 20, 1], &[1 << 20, 1, 1]]);
            return Tensor::full(shape, 0.5, dtype);
        }
        let shape = self.shape();
        match self.below(4) {
            0 => Tensor::from_f64(&[], &shape, dtype),
            1 => self.0.uniform_open(&shape, dtype),
            _ => Tensor::full(&shape, 0.5, dtype),
        }
    }
}

/// What one case asks for.
struct Case {
    operands: [Tensor; 5],
    axis: isize,
    axes: Vec<isize>,
    shape: Vec<usize>,
    start: usize,
    len: usize,
    flag: bool,
}

/// A window of hostile sizes, strides, dilations and padding.
fn window(c: &Case) -> Result<Window> {
    let axis = |(index, &size): (usize, &usize)| WindowAxis {
        size,
        stride: if c.flag { 1 } else { c.start },
        dilation: if c.flag { 1 } else { c.len },
        padding: if index % 2 == 0 { (size.saturating_sub(1), c.start) } else { (0, 0) },
    };
    Window::new(&c.shape.iter().enumerate().map(axis).collect::<Vec<_>>())
}

/// A convolution, or its adjoint, by a kernel of the second operand's shape or by one that fits the window.
fn convolved(c: &Case, transposed: bool) -> Tensor {
    let [x, kernel, ..] = &c.operands;
    let (Ok(window), Ok(shape), Ok(dtype)) = (window(c), x.shape(), x.dtype()) else {
        return x.clone();
    };
    let last = shape.last().copied().unwrap_or(1);
    let fitting = Tensor::full(&[&window.shape()[..], &[last, last]].concat(), 0.5, dtype);
    let kernel = if c.flag { &fitting } else { kernel };
    match transposed {
        false => x.convolution(kernel, &window, 1),
        true => x.convolution_transpose(kernel, &window, 1, &c.shape),
    }
}

type Op = (&'static str, fn(&Case) -> Tensor);

const SUM: tfn_tensor::Pointwise<2> = tfn_tensor::Pointwise {
    name: "sum",
    value: |[x, y]| x + y,
    partials: [|_, _| 1.0, |_, _| 1.0],
};

const OPS: &[Op] = &[
    ("add", |c| &c.operands[0] + &c.operands[1]),
    ("div", |c| &c.operands[0] / &c.operands[1]),
    ("maximum", |c| c.operands[0].maximum(&c.operands[1])),
    ("lt", |c| c.operands[0].lt(&c.operands[1])),
    ("select", |c| Tensor::select(&c.operands[0], &c.operands[1], &c.operands[2])),
    ("pointwise", |c| pointwise(SUM, [&c.operands[0], &c.operands[1]])),
    ("exp", |c| c.operands[0].exp()),
    ("sum", |c| c.operands[0].sum()),
    ("mean", |c| c.operands[0].mean()),
    ("sum_axes", |c| c.operands[0].sum_axes(&c.axes, c.flag)),
    ("mean_axes", |c| c.operands[0].mean_axes(&c.axes, c.flag)),
    ("max_axis", |c| c.operands[0].max_axis(c.axis, c.flag)),
    ("argmax", |c| c.operands[0].argmax(c.axis)),
    ("argmin", |c| c.operands[0].argmin(c.axis)),
    ("cumsum", |c| c.operands[0].cumsum(c.axis)),
    ("cummax", |c| c.operands[0].cummax(c.axis)),
    ("logsumexp", |c| c.operands[0].logsumexp(c.axis, c.flag)),
    ("softmax", |c| c.operands[0].softmax(c.axis)),
    ("log_softmax", |c| c.operands[0].log_softmax(c.axis)),
    ("reshape", |c| c.operands[0].reshape(&c.shape)),
    ("broadcast_to", |c| c.operands[0].broadcast_to(&c.shape)),
    ("expand_dims", |c| c.operands[0].expand_dims(c.axis)),
    ("squeeze", |c| c.operands[0].squeeze(c.axis)),
    ("permute", |c| c.operands[0].permute(&c.axes)),
    ("transpose", |c| c.operands[0].transpose()),
    ("narrow", |c| c.operands[0].narrow(c.axis, c.start, c.len)),
    ("gather", |c| c.operands[0].gather(c.axis, &[c.start, c.len])),
    ("gather nothing", |c| c.operands[0].gather(c.axis, &[])),
    ("concat", |c| Tensor::concat(&[&c.operands[0], &c.operands[1], &c.operands[0]], c.axis)),
    ("concat of many", |c| Tensor::concat(&[&c.operands[0]; 40], c.axis)),
    ("concat of nothing", |c| Tensor::concat(&[], c.axis)),
    ("stack", |c| Tensor::stack(&[&c.operands[0], &c.operands[1]], c.axis)),
    ("one_hot", |c| c.operands[0].one_hot(c.len)),
    ("pad", |c| {
        let border: Vec<_> = c.shape.iter().map(|&size| (size, c.start)).collect();
        c.operands[0].pad(&border, 1.0)
    }),
    ("cast", |c| c.operands[0].cast(DType::F32) + c.operands[1].cast(DType::F32)),
    ("matmul", |c| c.operands[0].matmul(&c.operands[1])),
    ("cholesky", |c| c.operands[0].cholesky()),
    ("solve_triangular", |c| c.operands[0].solve_triangular(&c.operands[1], c.flag)),
    ("tril", |c| c.operands[0].tril()),
    ("diag_part", |c| c.operands[0].diag_part()),
    ("matrix_diag", |c| c.operands[0].matrix_diag()),
    ("convolution", |c| convolved(c, false)),
    ("convolution_transpose", |c| convolved(c, true)),
    ("convolution_local", |c| {
        let [x, kernel, ..] = &c.operands;
        let Ok(window) = window(c) else { return x.clone() };
        let (loc, scale) = Tensor::convolution_local(x, kernel, kernel, None, &window, c.start);
        loc + scale
    }),
    ("max_pool", |c| match window(c) {
        Ok(window) => c.operands[0].max_pool(&window),
        Err(error) => Tensor::from_error(error),
    }),
    ("avg_pool", |c| match window(c) {
        Ok(window) => c.operands[0].avg_pool(&window),
        Err(error) => Tensor::from_error(error),
    }),
    ("affine_local", |c| {
        let [x, loc, scale, bias, of_bias] = &c.operands;
        let bias = c.flag.then_some((bias, of_bias));
        let (loc, scale) = Tensor::affine_local(x, loc, scale, bias);
        loc + scale
    }),
    ("affine_local of two", |c| {
        let [x, kernel, ..] = &c.operands;
        Tensor::affine_local(x, kernel, kernel, None).1
    }),
    ("normal_sample", |c| Tensor::normal_sample(&c.operands[0], &c.operands[1], &c.operands[2])),
    ("normal_log_prob", |c| {
        Tensor::normal_log_prob(&c.operands[0], &c.operands[1], &c.operands[2])
    }),
    ("normal_kl", |c| {
        let [a, b, x, y, _] = &c.operands;
        Tensor::normal_kl(a, b, x, y)
    }),
    ("normal_mixture_log_prob", |c| {
        let [a, b, x, y, _] = &c.operands;
        Tensor::normal_mixture_log_prob(a, b, x, y)
    }),
    ("zeros", |c| Tensor::zeros(&c.shape, DType::F32)),
    ("full", |c| Tensor::full(&c.shape, 2.0, DType::F64)),
    ("from_vec", |c| Tensor::from_vec(vec![1.0; c.shape.len()], &c.shape)),
    ("from_slice", |c| Tensor::from_slice(&[0.0_f32; 2], &c.shape)),
    ("normal", |c| Stream::from_seed(1).normal(&c.shape, DType::F32)),
    ("signs", |c| Stream::from_seed(1).signs(&c.shape, DType::F64)),
    ("to_dmatrix", |c| match c.operands[0].to_dmatrix::<f64>() {
        Ok(matrix) => Tensor::from_matrix(&matrix),
        Err(error) => Tensor::from_error(error),
    }),
    ("columns", |c| {
        Tensor::from(&c.operands[0])
            .columns::<f64>()
            .map_or_else(Tensor::from_error, |matrix| Tensor::from_columns(matrix.clone_owned()))
    }),
];

/// Tracked operands where there can be variables, the operation, and its gradients.
fn run(op: &Op, case: &mut Case) -> Result<()> {
    let mut variables = Vec::new();
    for operand in &mut case.operands {
        if let Ok(variable) = Variable::new("x", operand.detach()) {
            *operand = variable.tensor();
            variables.push(variable);
        }
    }
    let result = op.1(case);
    let len = result.shape()?.iter().product::<usize>();
    assert_eq!(result.to_f64_vec()?.len(), len, "entries of {:?}", result.shape());
    let gradients = result.sum().gradients()?;
    for variable in &variables {
        assert_eq!(gradients.of(variable).shape()?, variable.shape());
        gradients.of(variable).to_f64_vec()?;
    }
    Ok(())
}

#[test]
fn no_shape_makes_an_operation_panic() {
    let mut draws = Draws(Stream::from_seed(5));
    let mut panics = Vec::new();
    for index in 0..12_000 {
        let dtype = draws.of(&[DType::F32, DType::F64]);
        let mut case = Case {
            operands: std::array::from_fn(|_| draws.tensor(dtype)),
            axis: draws.of(&AXES),
            axes: draws.axes(),
            shape: draws.shape(),
            start: draws.of(&SIZES),
            len: draws.of(&SIZES),
            flag: draws.below(2) == 0,
        };
        // Operands of one shape, and square ones, pass more of the checks.
        match draws.below(4) {
            0 => case.operands = std::array::from_fn(|_| case.operands[0].clone()),
            1 => {
                let n = draws.of(&SIZES[..9]);
                case.operands[0] = case.operands[0].expand_dims(-1).broadcast_to(&[n, n]);
            }
            _ => {}
        }
        let op = &OPS[index % OPS.len()];
        let shapes: Vec<_> =
            case.operands.iter().map(|x| x.shape().map(<[usize]>::to_vec).ok()).collect();
        if catch_unwind(AssertUnwindSafe(|| run(op, &mut case))).is_err() {
            let Case { axis, axes, shape, start, len, .. } = case;
            panics.push(format!("{} of {shapes:?}: {axis} {axes:?} {shape:?} {start} {len}", op.0));
        }
    }
    assert!(
        panics.is_empty(),
        "{} panics, as {:#?}",
        panics.len(),
        &panics[..panics.len().min(20)]
    );
}

fn too_large(tensor: &Tensor, shape: &[usize]) {
    match tensor.error() {
        Some(TensorError::TooLarge { shape: given, .. }) => assert_eq!(given, shape),
        other => panic!("{shape:?}: {other:?}"),
    }
}

#[test]
fn what_no_memory_can_hold_is_an_error_with_its_shape() {
    const MAX: usize = usize::MAX;
    for dtype in [DType::F32, DType::F64] {
        let scalar = Tensor::zeros(&[], dtype);
        let empty = Tensor::zeros(&[0], dtype);
        for shape in [&[1 << 40][..], &[1 << 62], &[1 << 33, 1 << 31], &[1 << 63, 2], &[MAX, MAX]] {
            too_large(&Tensor::zeros(shape, dtype), shape);
            too_large(&Tensor::full(shape, 2.0, dtype), shape);
            too_large(&scalar.broadcast_to(shape), shape);
            too_large(&Stream::from_seed(1).normal(shape, dtype), shape);
        }
        for shape in [&[1 << 63, 2][..], &[1 << 33, 1 << 31]] {
            too_large(&empty.reshape(shape), shape);
            too_large(&Tensor::from_f64(&[], shape, dtype), shape);
        }
        too_large(&scalar.one_hot(1 << 62), &[1 << 62]);
        let long = Tensor::zeros(&[1 << 20], dtype);
        let column = long.reshape(&[1 << 20, 1]);
        too_large(&(&long + &column), &[1 << 20, 1 << 20]);
        too_large(&column.matmul(&long.reshape(&[1, 1 << 20])), &[1 << 20, 1 << 20]);
        too_large(&long.matrix_diag(), &[1 << 20, 1 << 20]);
        let narrowed = scalar.broadcast_to(&[1 << 33, 1 << 31]).narrow(0, 5, 1).narrow(1, 0, 1);
        too_large(&narrowed, &[1 << 33, 1 << 31]);
        // Without entries but of a size that can be counted is no error.
        assert_eq!(Tensor::zeros(&[0, 1 << 40], dtype).len(), Ok(0));
    }
    too_large(&Tensor::from_vec(Vec::<f64>::new(), &[1 << 63, 2]), &[1 << 63, 2]);
}

#[test]
fn a_message_says_what_was_given() {
    let x = Tensor::zeros(&[4], DType::F64);
    let error = x.narrow(0, usize::MAX, 2).shape().unwrap_err().to_string();
    assert!(error.contains("`start` is 18446744073709551615, expected at most 4"), "{error}");
    let error = x.gather(0, &[usize::MAX]).shape().unwrap_err().to_string();
    assert!(error.contains("`indices` is 18446744073709551615, expected below 4"), "{error}");
}

/// Buffers of any length come back from the free list with no other check than before.
#[test]
fn what_fits_is_as_it_was() {
    fn sum<E: Element>() -> f64 {
        Tensor::build::<E>(&[1 << 16], |out| out.fill(E::from_f64(1.0))).sum().item().unwrap()
    }
    assert_eq!((sum::<f32>(), sum::<f64>()), (65536.0, 65536.0));
}

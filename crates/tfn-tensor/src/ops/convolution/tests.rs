use crate::testing::check_gradients;
use crate::{DType, Key, Result, Stream, Tensor, TensorError, Variable, Window, WindowAxis};

/// A convolution of random sizes.
#[derive(Debug)]
pub(in crate::ops) struct Case {
    pub(in crate::ops) window: Window,
    pub(in crate::ops) groups: usize,
    pub(in crate::ops) x: Vec<usize>,
    pub(in crate::ops) kernel: Vec<usize>,
    /// Shape of the result.
    pub(in crate::ops) y: Vec<usize>,
}

impl Case {
    /// A random one, small enough to be summed by hand.
    pub(in crate::ops) fn draw(stream: &mut Stream) -> Self {
        let mut below = |most: u64| (stream.next_u64() % most) as usize;
        let rank = below(3) + 1;
        let groups = [1, 1, 2, 3][below(4)];
        let (channels, columns) = ((below(3) + 1) * groups, (below(3) + 1) * groups);
        let (mut axes, mut image) = (Vec::new(), Vec::new());
        while axes.len() < rank {
            let axis = WindowAxis {
                size: below(4) + 1,
                stride: below(3) + 1,
                dilation: below(3) + 1,
                padding: (below(4), below(4)),
            };
            let len = below(7) + 1;
            if axis.positions(len).is_some() {
                axes.push(axis);
                image.push(len);
            }
        }
        let window = Window::new(&axes).unwrap();
        let lead = [&[][..], &[2], &[3], &[2, 2]][below(4)];
        let positions = window.positions(&image).unwrap();
        Self {
            x: [lead, &image, &[channels]].concat(),
            kernel: [&window.shape()[..], &[channels / groups, columns]].concat(),
            y: [lead, &positions, &[columns]].concat(),
            window,
            groups,
        }
    }

    /// A random one of few entries, for differences in each of them.
    pub(in crate::ops) fn draw_small(stream: &mut Stream) -> Self {
        loop {
            let case = Self::draw(stream);
            if [&case.x, &case.kernel, &case.y].iter().all(|s| s.iter().product::<usize>() <= 72) {
                return case;
            }
        }
    }

    pub(in crate::ops) fn image(&self) -> &[usize] {
        let end = self.x.len() - 1;
        &self.x[end - self.window.rank()..end]
    }

    /// Each sum of the definition, term by term: which entry of `x`, of the kernel and of `y` meet.
    fn terms(&self, mut term: impl FnMut(usize, usize, usize)) {
        let rank = self.window.rank();
        let positions = &self.y[self.y.len() - 1 - rank..self.y.len() - 1];
        let (channels, columns) = (self.x[self.x.len() - 1], self.y[self.y.len() - 1]);
        let (own, made) = (channels / self.groups, columns / self.groups);
        let lead: usize = self.x[..self.x.len() - 1 - rank].iter().product();
        let (count, taps) = (positions.iter().product::<usize>(), self.window.shape());
        for n in 0..lead {
            for p in 0..count {
                for k in 0..taps.iter().product() {
                    let Some(at) = self.index(&digits(p, positions), &digits(k, &taps)) else {
                        continue;
                    };
                    let from = n * self.image().iter().product::<usize>() + at;
                    for c in 0..columns {
                        for i in 0..own {
                            let x = from * channels + c / made * own + i;
                            term(x, (k * own + i) * columns + c, (n * count + p) * columns + c);
                        }
                    }
                }
            }
        }
    }

    /// The entry of the image that is read at a position by an entry of the window, if it is no padding.
    fn index(&self, position: &[usize], tap: &[usize]) -> Option<usize> {
        let mut index = 0;
        for (axis, (at, &len)) in self.window.axes().iter().zip(self.image()).enumerate() {
            let place = position[axis] * at.stride + tap[axis] * at.dilation;
            let place = place.checked_sub(at.padding.0).filter(|&place| place < len)?;
            index = index * len + place;
        }
        Some(index)
    }

    fn forward(&self, x: &[f64], kernel: &[f64]) -> Vec<f64> {
        let mut y = vec![0.0; self.y.iter().product()];
        self.terms(|i, k, o| y[o] += x[i] * kernel[k]);
        y
    }
}

fn digits(mut index: usize, sizes: &[usize]) -> Vec<usize> {
    let mut digits = vec![0; sizes.len()];
    for (digit, &size) in digits.iter_mut().zip(sizes).rev() {
        *digit = index % size;
        index /= size;
    }
    digits
}

fn normal(stream: &mut Stream, shape: &[usize]) -> Tensor {
    stream.normal(shape, DType::F64)
}

#[track_caller]
fn assert_close(given: &Tensor, expected: &[f64], tolerance: f64, what: &dyn std::fmt::Debug) {
    let given = given.to_f64_vec().unwrap();
    assert_eq!(given.len(), expected.len(), "{what:?}");
    for (given, expected) in given.iter().zip(expected) {
        assert!((given - expected).abs() <= tolerance, "{what:?}: {given} for {expected}");
    }
}

/// Sums of at most a few hundred products of numbers of size 1: 1e-12 is some hundred roundings in f64, and 2e-4 in f32.
#[test]
fn all_three_products_are_the_sums_of_their_definition() {
    let mut stream = Key::from_seed(23).stream();
    for number in 0..700 {
        let case = Case::draw(&mut stream);
        let [x, kernel, y] = [&case.x, &case.kernel, &case.y].map(|s| normal(&mut stream, s));
        let [a, b, g] = [&x, &kernel, &y].map(|tensor| tensor.to_f64_vec().unwrap());
        let forward = case.forward(&a, &b);
        let (mut back, mut slope) = (vec![0.0; a.len()], vec![0.0; b.len()]);
        case.terms(|i, k, o| {
            back[i] += g[o] * b[k];
            slope[k] += g[o] * a[i];
        });
        for (dtype, tolerance) in [(DType::F64, 1e-12), (DType::F32, 2e-4)] {
            let [x, kernel, y] = [&x, &kernel, &y].map(|tensor| tensor.cast(dtype));
            let variables = [&x, &kernel].map(|value| Variable::new("v", value).unwrap());
            let [vx, vk] = variables.each_ref().map(Variable::tensor);
            let made = vx.convolution(&vk, &case.window, case.groups);
            assert_eq!(made.shape().unwrap(), case.y, "{number} {case:?}");
            assert_close(&made, &forward, tolerance, &case);
            let gradients = (made * &y).sum().gradients().unwrap();
            assert_close(&gradients.of(&variables[0]), &back, tolerance, &case);
            assert_close(&gradients.of(&variables[1]), &slope, tolerance, &case);
            let adjoint = y.convolution_transpose(&kernel, &case.window, case.groups, case.image());
            assert_eq!(adjoint.shape().unwrap(), case.x, "{case:?}");
            assert_close(&adjoint, &back, tolerance, &case);
        }
    }
}

#[test]
fn gradients_agree_with_central_differences() {
    let mut stream = Key::from_seed(5).stream();
    for _ in 0..60 {
        let case = Case::draw_small(&mut stream);
        let [x, kernel, y] = [&case.x, &case.kernel, &case.y].map(|s| normal(&mut stream, s));
        check_gradients(&[x, kernel.clone()], |v| {
            v[0].convolution(&v[1], &case.window, case.groups).sin()
        })
        .unwrap();
        check_gradients(&[y, kernel], |v| {
            v[0].convolution_transpose(&v[1], &case.window, case.groups, case.image()).sin()
        })
        .unwrap();
    }
}

/// Large enough to be cut into blocks, parts and tasks; whole numbers, so that every order of summation is exact.
#[test]
fn large_ones_are_exact_and_the_same_on_one_thread() {
    let cases = [
        (&[9, 30, 30, 3][..], &[5, 5, 3, 6][..], 1, 2),
        (&[3, 17, 40, 64], &[3, 3, 64, 33], 1, 1),
        (&[2, 16, 16, 8], &[3, 3, 1, 16], 8, 1),
        (&[40, 7, 7, 6], &[7, 7, 6, 20], 1, 3),
    ];
    for (x, kernel, groups, padding) in cases {
        let axis = |size| WindowAxis { padding: (padding, padding), ..WindowAxis::of(size) };
        let window = Window::new(&[axis(kernel[0]), axis(kernel[1])]).unwrap();
        let positions = window.positions(&x[1..3]).unwrap();
        let y = vec![x[0], positions[0], positions[1], kernel[3]];
        let case = Case { window, groups, x: x.to_vec(), kernel: kernel.to_vec(), y };
        let whole = |shape: &[usize], modulus: usize| {
            let len: usize = shape.iter().product();
            let entry = |i: usize| ((i * 7 + i / 5) % modulus) as f32 - 2.0;
            Tensor::from_vec((0..len).map(entry).collect(), shape)
        };
        let [x, kernel, g] =
            [(&case.x, 5), (&case.kernel, 7), (&case.y, 3)].map(|(shape, m)| whole(shape, m));
        let results = || {
            let variables = [&x, &kernel].map(|value| Variable::new("v", value).unwrap());
            let [vx, vk] = variables.each_ref().map(Variable::tensor);
            let y = vx.convolution(&vk, &case.window, groups);
            let gradients = (&y * &g).sum().gradients().unwrap();
            [y.detach(), gradients.of(&variables[0]), gradients.of(&variables[1])]
                .map(|tensor| tensor.to_vec::<f32>().unwrap())
        };
        let all = results();
        let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap().install(results);
        assert!(all == one, "{case:?}");
        let [a, b, g] = [&x, &kernel, &g].map(|tensor| tensor.to_f64_vec().unwrap());
        let mut exact = [vec![0.0; all[0].len()], vec![0.0; a.len()], vec![0.0; b.len()]];
        case.terms(|i, k, o| {
            exact[0][o] += a[i] * b[k];
            exact[1][i] += g[o] * b[k];
            exact[2][k] += g[o] * a[i];
        });
        for (given, exact) in all.iter().zip(&exact) {
            assert!(given.iter().zip(exact).all(|(&g, &e)| f64::from(g) == e), "{case:?}");
        }
    }
}

#[test]
fn empty_batches_are_empty() -> Result<()> {
    let window = Window::new(&[WindowAxis::of(2)])?;
    let kernel = Variable::new("kernel", Tensor::ones(&[2, 3, 4], DType::F32))?;
    let y = Tensor::zeros(&[0, 5, 3], DType::F32).convolution(&kernel.tensor(), &window, 1);
    assert_eq!(y.shape()?, [0, 4, 4]);
    assert_eq!(y.sum().gradients()?.of(&kernel).to_vec::<f32>()?, [0.0; 24]);
    let back = y.detach().convolution_transpose(&kernel.value(), &window, 1, &[5]);
    assert_eq!(back.shape()?, [0, 5, 3]);
    Ok(())
}

#[test]
fn what_does_not_fit_is_an_error_that_names_it() {
    let window = Window::new(&[WindowAxis::of(3), WindowAxis::of(3)]).unwrap();
    let ones = |shape: &[usize]| Tensor::ones(shape, DType::F32);
    let (x, kernel) = (ones(&[2, 5, 5, 4]), ones(&[3, 3, 4, 6]));
    let named = |y: Tensor, argument: &str| {
        let error = y.check().unwrap_err();
        let given = match &error {
            TensorError::Shape { argument, .. } | TensorError::OutOfRange { argument, .. } => {
                *argument
            }
            _ => "",
        };
        assert_eq!(given, argument, "{error}");
    };
    named(ones(&[2, 2, 5, 4]).convolution(&kernel, &window, 1), "x");
    named(ones(&[2, 5, 5, 3]).convolution(&kernel, &window, 1), "x");
    named(ones(&[5, 4]).convolution(&kernel, &window, 1), "x");
    named(x.convolution(&ones(&[3, 2, 4, 6]), &window, 1), "kernel");
    named(x.convolution(&ones(&[6]), &window, 1), "kernel");
    named(x.convolution(&ones(&[3, 3, 1, 6]), &window, 4), "groups");
    named(x.convolution(&kernel, &window, 0), "groups");
    named(x.convolution(&kernel, &window, 2), "x");
    let y = ones(&[2, 3, 3, 6]);
    named(y.convolution_transpose(&kernel, &window, 1, &[6, 5]), "image");
    named(y.convolution_transpose(&kernel, &window, 1, &[5]), "image");
    named(x.convolution_transpose(&kernel, &window, 1, &[7, 7]), "x");
    let error = x.convolution(&kernel.cast(DType::F64), &window, 1).check().unwrap_err();
    assert!(matches!(error, TensorError::DTypes { .. }), "{error}");
}

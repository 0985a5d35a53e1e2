use pulp::Arch;

use super::kernel::With;
use super::*;

/// Whole numbers, so that every order of summation gives the same.
fn numbers<E: Element>(len: usize, modulus: usize) -> Vec<E> {
    (0..len).map(|i| E::from_f64(((i * 7 + i / 5) % modulus) as f64 - 3.0)).collect()
}

fn naive<E: Element>(product: &Product<'_, E>) -> Vec<E> {
    let Product { a, b, weight } = *product;
    let (m, n) = (a.rows, b.columns);
    let of = |factor: &Factor<'_, E>, i: usize, j: usize| {
        let x = factor.data[i * factor.row_stride + j * factor.column_stride];
        if factor.squared { x * x } else { x }
    };
    (0..m * n)
        .map(|index| {
            let (i, j) = (index / n, index % n);
            let sum = (0..a.columns).fold(E::zero(), |sum, l| sum + of(&a, i, l) * of(&b, l, j));
            weight.map_or(sum, |weight| (weight[index] + weight[index]) * sum)
        })
        .collect()
}

/// Each way to read the factors of a product of these sizes.
fn ways<'a, E: Element>(
    (m, n, k): (usize, usize, usize),
    a: &'a [E],
    b: &'a [E],
    w: &'a [E],
) -> Vec<Product<'a, E>> {
    let mut ways = Vec::new();
    for way in 0..32 {
        let has = |bit: usize| way >> bit & 1 == 1;
        let left = if has(0) { Factor::new(a, k, m).transposed() } else { Factor::new(a, m, k) };
        let right = if has(1) { Factor::new(b, n, k).transposed() } else { Factor::new(b, k, n) };
        ways.push(Product {
            a: if has(2) { left.squared() } else { left },
            b: if has(3) { right.squared() } else { right },
            weight: has(4).then_some(w),
        });
    }
    ways
}

fn check<E: Element>(m: usize, n: usize, k: usize) {
    let (a, b, w) = (numbers::<E>(m * k, 11), numbers::<E>(k * n, 13), numbers::<E>(m * n, 5));
    for product in ways((m, n, k), &a, &b, &w) {
        let exact = naive(&product);
        let mut out = vec![E::nan(); m * n];
        product.write(&mut out, Accumulate::Set);
        assert!(out == exact, "{m} {n} {k}");
        product.write(&mut out, Accumulate::Add);
        assert!(out.iter().zip(&exact).all(|(&o, &e)| o == e + e), "{m} {n} {k}, added");
    }
}

#[test]
fn agrees_with_the_definition_for_all_ways_and_odd_sizes() {
    let sizes = [(1, 1, 1), (1, 7, 5), (3, 1, 9), (5, 4, 1), (17, 33, 29), (1, 301, 784)];
    for (m, n, k) in sizes.into_iter().chain([(64, 64, 64), (250, 131, 101), (131, 307, 99)]) {
        check::<f32>(m, n, k);
        check::<f64>(m, n, k);
    }
}

#[test]
fn long_inner_dimensions_are_cut_and_many_rows_too() {
    for (m, n, k) in [(400, 35, 600), (35, 400, 513), (2, 600, 700)] {
        check::<f64>(m, n, k);
    }
}

#[test]
fn empty_sizes_give_zeros_or_nothing() {
    let product = |m: usize, n: usize, k: usize, out: &mut [f64], accumulate| {
        let (a, b) = (vec![1.0; m * k], vec![1.0; k * n]);
        let (a, b) = (Factor::new(&a, m, k), Factor::new(&b, k, n));
        Product { a, b, weight: None }.write(out, accumulate);
    };
    let mut out = [f64::NAN; 6];
    product(2, 3, 0, &mut out, Accumulate::Set);
    assert_eq!(out, [0.0; 6]);
    out = [4.0; 6];
    product(2, 3, 0, &mut out, Accumulate::Add);
    assert_eq!(out, [4.0; 6]);
    product(0, 3, 2, &mut [], Accumulate::Set);
    product(3, 0, 2, &mut [], Accumulate::Set);
}

#[test]
fn any_cut_and_any_number_of_threads_gives_the_same_bits() {
    for (m, n, k) in [(128, 300, 784), (784, 300, 40), (500, 100, 257), (3, 1200, 300)] {
        let a: Vec<f32> = (0..m * k).map(|i| (i as f32).sin()).collect();
        let b: Vec<f32> = (0..k * n).map(|i| (i as f32 * 0.7).cos()).collect();
        let w: Vec<f32> = (0..m * n).map(|i| (i as f32 * 0.3).cos()).collect();
        for product in ways((m, n, k), &a, &b, &w).into_iter().step_by(3) {
            let bits = |out: Vec<f32>| out.into_iter().map(f32::to_bits).collect::<Vec<_>>();
            let on = |threads: usize| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                let mut out = vec![0.0; m * n];
                pool.install(|| product.write(&mut out, Accumulate::Set));
                bits(out)
            };
            let one = on(1);
            for threads in [2, 3, 8] {
                assert!(one == on(threads), "{m} {n} {k} on {threads} threads");
            }
            let mut out = vec![0.0; m * n];
            for first in (0..m).step_by(37) {
                let rows = first..m.min(first + 37);
                let part = &mut out[rows.start * n..rows.end * n];
                product.write_rows(rows, part, Accumulate::Set);
            }
            assert!(one == bits(out), "{m} {n} {k} by rows");
        }
    }
}

#[test]
fn instruction_sets_agree_within_the_rounding_of_a_sum() {
    let run = |arch: Arch, product: &Product<'_, f32>, out: &mut [f32]| {
        let (m, n) = (product.a.rows, product.b.columns);
        let (part, out) = (Part { rows: 0..m, columns: 0..n }, Output::new(out, n));
        arch.dispatch(With(&|kernel| {
            part::run_with(kernel, product, out, &part, Accumulate::Set);
        }));
    };
    let (m, n, k) = (45, 70, 300);
    let a: Vec<f32> = (0..m * k).map(|i| (i as f32).sin()).collect();
    let b: Vec<f32> = (0..k * n).map(|i| (i as f32 * 0.7).cos()).collect();
    let w: Vec<f32> = (0..m * n).map(|i| (i as f32 * 0.3).cos()).collect();
    for product in ways((m, n, k), &a, &b, &w) {
        let (mut portable, mut best) = (vec![0.0; m * n], vec![0.0; m * n]);
        run(Arch::Scalar, &product, &mut portable);
        run(Arch::new(), &product, &mut best);
        for (x, y) in portable.iter().zip(&best) {
            assert!((x - y).abs() <= 2.0 * 300.0 * f32::EPSILON, "{x} {y}");
        }
    }
}

#[test]
fn products_are_counted_for_the_thread_that_asks() {
    let before = product_count();
    let mut out = vec![0.0_f32; 512 * 512];
    let factor = vec![1.0; 512 * 16];
    let (a, b) = (Factor::new(&factor, 512, 16), Factor::new(&factor, 512, 16).transposed());
    Product { a, b, weight: None }.write(&mut out, Accumulate::Set);
    assert_eq!(product_count(), before + 1);
    let elsewhere = std::thread::spawn(product_count).join().unwrap();
    assert_eq!(elsewhere, 0);
}

/// Small enough for an interpreter that checks every access to memory.
#[test]
fn threads_write_to_parts_of_one_output() {
    fn check<E: Element>(m: usize, n: usize, k: usize) {
        let (a, b, w) = (numbers::<E>(m * k, 11), numbers::<E>(k * n, 13), numbers::<E>(m * n, 5));
        for product in ways((m, n, k), &a, &b, &w).into_iter().step_by(5) {
            let mut out = vec![E::nan(); m * n];
            let whole = Output::new(&mut out, n);
            let halves = |len: usize| [0..len / 2, len / 2..len];
            std::thread::scope(|scope| {
                for rows in halves(m) {
                    for columns in halves(n) {
                        let part = Part { rows: rows.clone(), columns };
                        scope.spawn(move || product.run(whole, part, Accumulate::Set));
                    }
                }
            });
            assert!(out == naive(&product), "{m} {n} {k}");
        }
    }
    for (m, n, k) in [(9, 11, 6), (2, 5, 7)] {
        check::<f32>(m, n, k);
        check::<f64>(m, n, k);
    }
}

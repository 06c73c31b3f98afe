//! The test ratios of LAPACK's own SVD tests (TESTING/EIG, threshold 35) on shapes around faer's switches, spectra down to
//! the rounding level, classic hard matrices, and scales at the ends of the range.

use factoreo::{
    linalg::{
        Scalar, from_f64,
        gaussian::gaussian,
        krylov::leading_triplets,
        svd::{Svd, thin_svd},
    },
    random::generator,
};
use faer::{Mat, Par};

const THRESHOLD: f64 = 35.0;

/// σ_j, j from 0.
type Spectrum = Box<dyn Fn(usize) -> f64>;

/// Largest column sum of absolute values, in units in which nothing over- or underflows.
fn one_norm(matrix: &Mat<f64>) -> f64 {
    (0..matrix.ncols()).map(|j| matrix.col(j).iter().map(|entry| entry.abs()).sum::<f64>()).fold(0.0, f64::max)
}

fn orthogonality(q: &Mat<f64>) -> f64 {
    one_norm(&(q.transpose() * q - Mat::<f64>::identity(q.ncols(), q.ncols())))
}

/// The three ratios and the order of the singular values; `scale` brings the matrix back to moderate entries.
fn check<T: Scalar>(name: &str, matrix: &Mat<T>, scale: f64) {
    let Svd { left, singular_values, right, .. } = thin_svd(matrix.as_ref(), Par::Seq).unwrap();
    let (m, n) = matrix.shape();
    let size = m.min(n);
    assert_eq!((left.shape(), singular_values.len(), right.shape()), ((m, size), size, (n, size)), "{name}");
    assert!(singular_values.iter().all(|value| *value >= 0.0), "{name}: a negative singular value");
    assert!(singular_values.is_sorted_by(|a, b| a >= b), "{name}: singular values out of order");

    let matrix = Mat::from_fn(m, n, |i, j| matrix[(i, j)].to_f64() * scale);
    let (left, right) = (factoreo::linalg::to_f64(left.as_ref()), factoreo::linalg::to_f64(right.as_ref()));
    let weighted = Mat::from_fn(m, size, |i, j| left[(i, j)] * (singular_values[j] * scale));
    let residual = one_norm(&(&weighted * right.transpose() - &matrix));
    let norm = one_norm(&matrix);
    let u = T::UNIT_ROUNDOFF;
    let ratios = [
        if norm == 0.0 { residual } else { residual / norm / (m.max(n) as f64 * u) },
        orthogonality(&left) / (m.max(1) as f64 * u),
        orthogonality(&right) / (n.max(1) as f64 * u),
    ];
    assert!(ratios.iter().all(|ratio| *ratio < THRESHOLD), "{name}, {m}×{n}, {:?}: {ratios:?}", T::PRECISION);
}

fn check_both(name: &str, matrix: &Mat<f64>) {
    check(name, matrix, 1.0);
    check(name, &from_f64::<f32>(matrix.as_ref()), 1.0);
}

/// m×n with the singular values `sigma(j)`, j from 0.
fn with_spectrum(m: usize, n: usize, sigma: impl Fn(usize) -> f64) -> Mat<f64> {
    let mut rng = generator((m * 1000 + n) as u64);
    let size = m.min(n);
    let mut left = gaussian::<f64>(m, size, &mut rng).qr().compute_thin_Q();
    let right = gaussian::<f64>(n, size, &mut rng).qr().compute_thin_Q();
    for j in 0..size {
        left.col_mut(j).iter_mut().for_each(|entry| *entry *= sigma(j));
    }
    left * right.transpose()
}

#[test]
fn shapes_around_every_switch() {
    let mut shapes = vec![(0, 0), (0, 3), (3, 0), (1, 1), (1, 7), (7, 1), (20, 300), (300, 20), (150, 40), (512, 64)];
    for size in [2, 3, 5, 31, 32, 33, 34, 63, 64, 65, 127, 128, 129, 221, 222, 223, 314, 315, 316, 317] {
        shapes.push((size, size));
    }
    for (m, n) in shapes {
        check_both("Gaussian", &gaussian::<f64>(m, n, &mut generator(3)));
    }
    check("Gaussian", &gaussian::<f64>(512, 512, &mut generator(3)), 1.0);
}

#[test]
fn spectra_down_to_the_rounding_level() {
    for (m, n) in [(60, 60), (90, 60), (60, 90), (140, 130)] {
        let size = m.min(n) as f64;
        let spectra: [(&str, Spectrum); 5] = [
            ("even", Box::new(move |j| 1.0 - j as f64 / size * (1.0 - f64::EPSILON))),
            ("geometric", Box::new(move |j| f64::EPSILON.powf(j as f64 / (size - 1.0)))),
            ("clustered at u", Box::new(|j| if j == 0 { 1.0 } else { f64::EPSILON })),
            ("clustered at one", Box::new(move |j| if j as f64 == size - 1.0 { f64::EPSILON } else { 1.0 })),
            ("flat", Box::new(|_| 1.0)),
        ];
        for (name, sigma) in spectra {
            check_both(name, &with_spectrum(m, n, sigma));
        }
    }
}

#[test]
fn classic_hard_matrices() {
    let n = 40;
    let sine = 0.3f64;
    let cosine = (1.0 - sine * sine).sqrt();
    let matrices = [
        ("zero", Mat::zeros(n, n)),
        ("identity", Mat::identity(n, n)),
        ("Hilbert", Mat::from_fn(n, n, |i, j| 1.0 / (i + j + 1) as f64)),
        (
            "Kahan",
            Mat::from_fn(n, n, |i, j| {
                sine.powi(i as i32)
                    * if i == j {
                        1.0
                    } else if j > i {
                        -cosine
                    } else {
                        0.0
                    }
            }),
        ),
        (
            "Läuchli",
            Mat::from_fn(n + 1, n, |i, j| {
                if i == 0 {
                    1.0
                } else if i == j + 1 {
                    1e-9
                } else {
                    0.0
                }
            }),
        ),
        ("duplicate rows", Mat::from_fn(n, n, |i, j| ((i / 4 * 7 + j * 3) as f64).sin())),
        ("rank one", Mat::from_fn(n, n, |i, j| (i as f64 + 1.0) * (j as f64 - 7.5))),
        ("one entry", Mat::from_fn(n, n, |i, j| f64::from(u8::from((i, j) == (17, 3))))),
    ];
    for (name, matrix) in matrices {
        check_both(name, &matrix);
    }
}

#[test]
fn scales_at_the_ends_of_the_range() {
    let moderate = with_spectrum(50, 40, |j| 0.7f64.powi(j as i32));
    for exponent in [990, -990] {
        let scale = 2f64.powi(exponent);
        check(&format!("2^{exponent}"), &(&moderate * faer::Scale(scale)), 1.0 / scale);
    }
    for scale in [1e300, 1e-300] {
        check(&format!("{scale:e}"), &(&moderate * faer::Scale(scale)), 1.0 / scale);
    }
    for exponent in [115, -90] {
        let scale = 2f64.powi(exponent);
        check(&format!("f32, 2^{exponent}"), &from_f64::<f32>((&moderate * faer::Scale(scale)).as_ref()), 1.0 / scale);
    }
    // Whole multiples of the least subnormal: exact, and far below where squares underflow.
    let whole = Mat::from_fn(30, 20, |i, j| ((i * 31 + j * 17) % 101) as f64 - 50.0);
    let svd = thin_svd((&whole * faer::Scale(f64::from_bits(1))).as_ref(), Par::Seq).unwrap();
    let plain = thin_svd(whole.as_ref(), Par::Seq).unwrap();
    let reconstructed = Mat::from_fn(30, 20, |i, j| {
        (0..20).map(|r| svd.left[(i, r)] * plain.singular_values[r] * svd.right[(j, r)]).sum()
    });
    let reconstructed: Mat<f64> = reconstructed;
    assert!((&reconstructed - &whole).norm_max() < 1e-11, "subnormal entries");
    assert!((svd.singular_values[0] / f64::from_bits(1) - plain.singular_values[0]).abs() <= 0.5);
}

#[test]
fn leading_triplets_agree_with_the_full_decomposition() {
    for (name, matrix) in [
        ("power", with_spectrum(400, 300, |j| 1.0 / (j + 1) as f64)),
        ("geometric", with_spectrum(300, 400, |j| 0.8f64.powi(j as i32))),
        ("clusters", with_spectrum(350, 350, |j| 2f64.powi(-((j / 5) as i32)))),
        ("step", with_spectrum(320, 320, |j| if j < 12 { 1.0 } else { 1e-3 })),
        ("rank 7", with_spectrum(320, 320, |j| if j < 7 { 1.0 } else { 0.0 })),
        ("flat", with_spectrum(200, 200, |_| 1.0)),
        ("zero", Mat::zeros(200, 200)),
    ] {
        let full = thin_svd(matrix.as_ref(), Par::Seq).unwrap();
        for k in [1, 10, 20] {
            let leading = leading_triplets(matrix.as_ref(), k, 1e-9, &mut generator(4), Par::Seq).unwrap();
            for (found, exact) in leading.singular_values.iter().zip(&full.singular_values) {
                // A residual r moves a singular value by at most r.
                assert!(
                    (found - exact).abs() <= 1e-9 * full.singular_values[0],
                    "{name}, rank {k}: {found} for {exact}"
                );
            }
            assert!(orthogonality(&leading.left) < 1e-12 && orthogonality(&leading.right) < 1e-12, "{name}, rank {k}");
            let worst = worst_residual(&matrix, &leading);
            assert!(worst <= 2e-9 * full.singular_values[0], "{name}, rank {k}: {worst:.1e}");
        }
        let converges = matches!(name, "power" | "geometric" | "clusters" | "rank 7");
        let leading = leading_triplets(matrix.as_ref(), 10, 1e-9, &mut generator(4), Par::Seq).unwrap();
        assert!(!converges || leading.fallback.is_none(), "{name}: {:?}", leading.fallback);
    }
}

/// max over the triplets of ‖Av − σu‖₂ and ‖Aᵀu − σv‖₂.
fn worst_residual(matrix: &Mat<f64>, found: &Svd<f64>) -> f64 {
    let residual = |(j, &sigma): (usize, &f64)| {
        let image = matrix * found.right.col(j) - found.left.col(j) * faer::Scale(sigma);
        let back = matrix.transpose() * found.left.col(j) - found.right.col(j) * faer::Scale(sigma);
        image.norm_l2().max(back.norm_l2())
    };
    found.singular_values.iter().enumerate().map(residual).fold(0.0, f64::max)
}

/// It stops when the last triplet has converged: so have all of them, whatever the draw, the threads and the layout.
#[test]
fn every_leading_triplet_has_converged_when_it_stops() {
    let spectra: [(&str, Spectrum); 3] = [
        ("power", Box::new(|j| 1.0 / (j + 1) as f64)),
        ("exponential", Box::new(|j| (-(j as f64) / 16.0).exp())),
        // The last one wanted is the first of a cluster of twelve, wider than a block.
        ("cluster at the rank", Box::new(|j| if (39..51).contains(&j) { 1e-2 } else { 0.9f64.powi(j as i32) })),
    ];
    for (name, sigma) in spectra {
        let matrix = with_spectrum(360, 330, sigma);
        let largest = thin_svd(matrix.as_ref(), Par::Seq).unwrap().singular_values[0];
        let by_rows = factoreo::linalg::transposed(matrix.as_ref());
        for seed in 0..4 {
            for (layout, given) in [("columns", matrix.as_ref()), ("rows", by_rows.transpose())] {
                for parallelism in [Par::Seq, Par::rayon(2)] {
                    let found = leading_triplets(given, 40, 1e-9, &mut generator(seed), parallelism).unwrap();
                    let worst = worst_residual(&matrix, &found);
                    assert!(worst <= 2e-9 * largest, "{name}, seed {seed}, by {layout}: {worst:.1e}");
                    assert!(found.fallback.is_none(), "{name}, seed {seed}, by {layout}");
                }
            }
        }
    }
}

//! Moore–Penrose pseudoinverses of small matrices.

use faer::{Mat, MatRef, Par};

use super::{
    Scalar,
    range_finder::product,
    svd::{SvdError, thin_svd},
};

/// A⁺ = VΣ⁻¹Uᵀ as two factors that are never multiplied with each other: Σ⁻¹ shared between them, half each.
///
/// Multiplied out, A⁺ has entries of the size 1/σ_min, and a product with it rounds at u/σ_min; B·(VΣ^-½) and (Σ^-½Uᵀ)·C of
/// a low-rank approximation B·A⁺·C round at u/√σ_min, along directions in which the other factor is small.
#[derive(Debug, Clone)]
pub struct Split<T> {
    /// VΣ^-½, n×r.
    pub right: Mat<T>,
    /// Σ^-½Uᵀ, r×m.
    pub left: Mat<T>,
    /// r: how many singular values lie above the cut-off.
    pub kept: usize,
}

/// A⁺ of an m×n matrix by SVD, singular values at or below `cutoff`·σ₁ treated as zero.
///
/// # Errors
/// As [`thin_svd`].
pub fn split<T: Scalar>(matrix: MatRef<'_, T>, cutoff: f64, parallelism: Par) -> Result<Split<T>, SvdError> {
    let svd = thin_svd(matrix, parallelism)?;
    let largest = svd.singular_values.first().copied().unwrap_or(0.0);
    let kept = svd.singular_values.iter().take_while(|&&value| value > cutoff * largest && value > 0.0).count();
    let root = |j: usize| T::of(1.0 / svd.singular_values[j].sqrt());
    Ok(Split {
        right: Mat::from_fn(svd.right.nrows(), kept, |i, j| svd.right[(i, j)] * root(j)),
        left: Mat::from_fn(kept, svd.left.nrows(), |i, j| svd.left[(j, i)] * root(i)),
        kept,
    })
}

/// A⁺ of a square matrix by the third-order iteration of Razavi et al. (2014), as Nyströmformer (Xiong et al. 2021, §3.3)
/// uses it: Z ← ¼Z(13I − AZ(15I − AZ(7I − AZ))), Z₀ = Aᵀ/(‖A‖₁‖A‖_∞). Converges for every A of full rank, slowly if A is
/// ill conditioned: a fixed number of steps then gives a damped inverse. 8n³ flops a step.
#[must_use]
pub fn by_iteration<T: Scalar>(matrix: MatRef<'_, T>, iterations: usize, parallelism: Par) -> Mat<T> {
    let n = matrix.nrows();
    let absolute_sum = |lines: MatRef<'_, T>| {
        (0..lines.ncols())
            .map(|j| (0..n).map(|i| lines[(i, j)].to_f64().abs()).sum::<f64>())
            .fold(f64::MIN_POSITIVE, f64::max)
    };
    let start = 1.0 / (absolute_sum(matrix) * absolute_sum(matrix.transpose()));
    let mut z = Mat::from_fn(n, n, |i, j| matrix[(j, i)] * T::of(start));
    for _ in 0..iterations {
        let az = product(matrix, z.as_ref(), parallelism);
        let mut inner = shifted_negative(&az, 7.0);
        for shift in [15.0, 13.0] {
            inner = shifted_negative(&product(az.as_ref(), inner.as_ref(), parallelism), shift);
        }
        z = product(z.as_ref(), inner.as_ref(), parallelism) * faer::Scale(T::of(0.25));
    }
    z
}

/// shift·I − A.
fn shifted_negative<T: Scalar>(matrix: &Mat<T>, shift: f64) -> Mat<T> {
    Mat::from_fn(
        matrix.nrows(),
        matrix.ncols(),
        |i, j| {
            if i == j { T::of(shift) - matrix[(i, j)] } else { -matrix[(i, j)] }
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{linalg::gaussian::gaussian, random::generator};

    fn penrose_violation(a: &Mat<f64>, x: &Mat<f64>) -> f64 {
        let axa = a * x * a;
        let xax = x * a * x;
        let (ax, xa) = (a * x, x * a);
        [
            (&axa - a).norm_l2() / a.norm_l2(),
            (&xax - x).norm_l2() / x.norm_l2(),
            (&ax - ax.transpose()).norm_l2(),
            (&xa - xa.transpose()).norm_l2(),
        ]
        .into_iter()
        .fold(0.0, f64::max)
    }

    #[test]
    fn the_svd_pseudoinverse_meets_the_four_penrose_equations() {
        let mut rng = generator(1);
        for (m, n, rank) in [(6, 6, 6), (7, 4, 4), (4, 7, 4), (8, 8, 3)] {
            let a = gaussian::<f64>(m, rank, &mut rng) * gaussian::<f64>(rank, n, &mut rng);
            let Split { right, left, kept } = split(a.as_ref(), 1e-12, Par::Seq).unwrap();
            assert_eq!(kept, rank);
            assert!(penrose_violation(&a, &(right * left)) < 1e-12);
        }
        let Split { right, left, kept } = split(Mat::<f64>::zeros(3, 2).as_ref(), 1e-12, Par::Seq).unwrap();
        assert_eq!((kept, right.shape(), left.shape()), (0, (2, 0), (0, 3)));
    }

    #[test]
    fn the_iteration_converges_to_the_inverse_and_damps_when_stopped_early() {
        let mut rng = generator(2);
        let noise = gaussian::<f64>(12, 12, &mut rng);
        let a = Mat::<f64>::identity(12, 12) + noise * faer::Scale(0.1);
        let distance =
            |iterations| (&a * by_iteration(a.as_ref(), iterations, Par::Seq) - Mat::<f64>::identity(12, 12)).norm_l2();
        assert!(distance(20) < 1e-12);
        assert!(distance(2) < distance(1) && distance(1) < (12f64).sqrt());
    }
}

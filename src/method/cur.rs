//! CUR: Â = C·(C⁺ A R⁺)·R, with C = k columns and R = k rows of A itself: what is kept are entries one can read.
//! Mahoney & Drineas 2009; columns and rows chosen by pivoted QR of a Gaussian sketch (Voronin & Martinsson 2017).
//!
//! Â is A projected on the columns of C and on the rows of R, and is made as such, from orthonormal bases of the two: formed
//! through C⁺ and R⁺, it loses as many digits as C and R have condition (1e-4 instead of 1e-16 on a Hilbert matrix). The pair
//! holds the bases; the numbers kept are as many.
//!
//! Cost: two sketches of 2mn(k+p) flops, pivoting O((m+n)(k+p)²), two bases of 4(m+n)k² and the projection, 2mnk.
//!
//! Breaks: weaker constants than the SVD (a factor that can grow like √k). Where C or R depend on their own columns, the
//! basis holds arbitrary further directions, which do no harm.
//!
//! Inside the clock: the check of finiteness and scale, the draws, the pivoting, the bases, the projection.

use faer::Mat;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Approximation, Draw, Facts, Forecast, Method, MethodError, Traits};
use crate::{
    linalg::{
        Scalar, gaussian::gaussian, orthonormalize::orthonormalize, pivoted_qr::pivoted_qr, range_finder::product,
    },
    low_rank::LowRank,
    parameters::Parameters,
    problem::{Outline, Problem},
};

/// CUR (skeleton) approximation by columns and rows of the matrix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Cur {
    /// p: rows of the pivoting sketch beyond the target rank.
    pub oversampling: usize,
}

impl Default for Cur {
    fn default() -> Self {
        Self { oversampling: 10 }
    }
}

impl Parameters for Cur {
    const KIND: &'static str = "cur";
    const WORDS: &'static str = include_str!("cur.toml");
    const VERSION: u32 = 2;
}

impl Facts for Cur {
    fn traits(&self) -> Traits {
        Traits { random: true, nested: false, needs_matrix: true }
    }

    fn forecast(&self, outline: Outline, target_rank: usize) -> Forecast {
        let (m, n, k) = (outline.rows as u64, outline.columns as u64, target_rank as u64);
        let l = k.saturating_add(self.oversampling as u64).min(m.min(n));
        Forecast {
            flops: 4 * m * n * l + 4 * (m + n) * l * l + 2 * m * n * k + 2 * (2 * m + n) * k * k + 4 * (m + n) * k * k,
            entries: 3 * (m + n) * l,
        }
    }
}

impl<T: Scalar> Method<T> for Cur {
    fn factor(&self, problem: &Problem<T>, draw: Draw<'_>) -> Result<Approximation<T>, MethodError> {
        let Draw { target_rank, rng, parallelism } = draw;
        let matrix = problem.matrix();
        let (m, n) = matrix.shape();
        let sketch_size = target_rank.saturating_add(self.oversampling).min(m.min(n));

        let of_rows = product(gaussian::<T>(sketch_size, m, rng).as_ref(), matrix, parallelism);
        let chosen_columns = pivoted_qr(of_rows, parallelism).order;
        let columns = Mat::from_fn(m, target_rank, |i, j| matrix[(i, chosen_columns[j])]);

        let of_columns = product(gaussian::<T>(sketch_size, n, rng).as_ref(), matrix.transpose(), parallelism);
        let chosen_rows = pivoted_qr(of_columns, parallelism).order;
        let rows = Mat::from_fn(target_rank, n, |i, j| matrix[(chosen_rows[i], j)]);

        // Â = C·(C⁺AR⁺)·R = Q_C·(Q_CᵀAQ_R)·Q_Rᵀ with orthonormal bases of C and of Rᵀ: nothing is inverted.
        let column_basis = orthonormalize(columns, parallelism);
        let row_basis = orthonormalize(rows.transpose().to_owned(), parallelism);
        let onto_columns = product(column_basis.transpose(), matrix, parallelism);
        let middle = product(onto_columns.as_ref(), row_basis.as_ref(), parallelism);
        let left = product(column_basis.as_ref(), middle.as_ref(), parallelism);
        let factors = LowRank::new(left, row_basis.transpose().to_owned());
        Ok(Approximation { factors: factors.into(), notes: Vec::new() })
    }
}

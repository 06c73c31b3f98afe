//! Column interpolative decomposition: Â = C·X, with C = k columns of A itself and X = [I T]Pᵀ, whose entries are small numbers of
//! how much of each kept column every column holds. Cheng, Gimbutas, Martinsson & Rokhlin 2005; randomized, as here: Martinsson &
//! Tropp 2020, "Randomized numerical linear algebra", §13.
//!
//! With a Gaussian sketch Y = ΩA of k + p rows and YP = Q[R₁₁ R₁₂; 0 R₂₂] by column pivoting, C are the first k columns of AP and
//! T = R₁₁⁻¹R₁₂: what reproduces the columns of the sketch reproduces those of A, up to the part of A that the sketch missed.
//!
//! Cost: the sketch, 2mn(k+p) flops; pivoting 4n(k+p)²; T, nk².
//!
//! Breaks: pivoting may fail to find good columns (Kahan's matrix), with a factor that can grow like 2ᵏ and in practice does not;
//! entries of T above 2 would say so. Beyond the numerical rank of the sketch T is noise over noise: such columns are kept, and
//! used for themselves alone.
//!
//! Inside the clock: the check of finiteness and scale, the draw, the sketch, the pivoting, T, the copy of the columns.

use faer::{Mat, linalg::triangular_solve::solve_upper_triangular_in_place};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Approximation, Draw, Facts, Forecast, Method, MethodError, Traits};
use crate::{
    linalg::{Scalar, gaussian::gaussian, pivoted_qr::pivoted_qr, range_finder::product},
    low_rank::LowRank,
    parameters::Parameters,
    problem::{Outline, Problem},
};

/// Some columns of the matrix, and how the others are combined of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct InterpolativeDecomposition {
    /// p: rows of the sketch beyond the target rank.
    pub oversampling: usize,
}

impl Default for InterpolativeDecomposition {
    fn default() -> Self {
        Self { oversampling: 10 }
    }
}

impl Parameters for InterpolativeDecomposition {
    const KIND: &'static str = "interpolative_decomposition";
    const WORDS: &'static str = include_str!("interpolative_decomposition.toml");
    const VERSION: u32 = 1;
}

impl Facts for InterpolativeDecomposition {
    fn traits(&self) -> Traits {
        Traits { random: true, nested: false, needs_matrix: true }
    }

    fn forecast(&self, outline: Outline, target_rank: usize) -> Forecast {
        let (m, n, k) = (outline.rows as u64, outline.columns as u64, target_rank as u64);
        let l = k.saturating_add(self.oversampling as u64).min(m.min(n));
        Forecast { flops: 2 * m * n * l + 4 * n * l * l + n * k * k, entries: (m + 2 * n) * l + (m + n) * k }
    }
}

impl<T: Scalar> Method<T> for InterpolativeDecomposition {
    fn factor(&self, problem: &Problem<T>, draw: Draw<'_>) -> Result<Approximation<T>, MethodError> {
        let Draw { target_rank, rng, parallelism } = draw;
        let matrix = problem.matrix();
        let (m, n) = matrix.shape();
        let sketch_size = target_rank.saturating_add(self.oversampling).min(m.min(n));
        let sketch = product(gaussian::<T>(sketch_size, m, rng).as_ref(), matrix, parallelism);
        let pivoted = pivoted_qr(sketch, parallelism);

        let diagonal = |j: usize| pivoted.upper[(j, j)].to_f64().abs();
        let noise = diagonal(0) * T::UNIT_ROUNDOFF * sketch_size as f64;
        let told = (0..target_rank).take_while(|&j| diagonal(j) > noise).count();
        let mut others = pivoted.upper.submatrix(0, target_rank, told, n - target_rank).to_owned();
        solve_upper_triangular_in_place(pivoted.upper.submatrix(0, 0, told, told), others.as_mut(), parallelism);

        let columns = Mat::from_fn(m, target_rank, |i, j| matrix[(i, pivoted.order[j])]);
        let mut weights = Mat::zeros(target_rank, n);
        for (place, &column) in pivoted.order.iter().enumerate() {
            if place < target_rank {
                weights[(place, column)] = T::of(1.0);
            } else {
                (0..told).for_each(|i| weights[(i, column)] = others[(i, place - target_rank)]);
            }
        }
        let note =
            (told < target_rank).then(|| format!("the numerical rank is {told}: other columns stand for themselves"));
        Ok(Approximation { factors: LowRank::new(columns, weights).into(), notes: note.into_iter().collect() })
    }
}

//! Performer (FAVOR+): P ≈ D⁻¹·φ(Q)·φ(K)ᵀ with positive random features φ(x) = exp(ωᵢᵀx − ‖x‖²/2)/√k, x = q or k times
//! d^(-1/4), and D the row sums. Choromanski et al. 2021, Lemma 1 and section 2.4.
//!
//! E[φ(q)ᵀφ(k)] = exp(qᵀk) for standard normal ω, so the unnormalised kernel is met without bias; orthogonal ω (rows of Haar
//! matrices with the lengths of Gaussian vectors) keep that and lower the variance. As in the published implementations, the
//! largest ωᵢᵀx (of a query; of all keys) is taken out of the exponents, and ε added to every feature: 1e-6 in the authors'
//! code, 1e-4 in performer-pytorch. ε keeps rows from vanishing and draws them towards uniform attention.
//!
//! Cost: 2·2nkd flops for the projections; linear in n, and the n×n matrix is never formed.
//!
//! Breaks: the variance grows like exp(‖q + k‖²), so that on sharp heads a few features decide. Row sums are 1 and entries
//! positive by construction. Causal attention has a published form with prefix sums, which is no pair of factors: refused.
//!
//! Inside the clock: the check of finiteness, the draw of ω, both projections, the exponentials, the row sums.

use faer::{Mat, MatRef};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Approximation, Draw, Facts, Forecast, Method, MethodError, Traits,
    unformed::{head, head_dim, largest_of_rows, refusal, scores, squared_norms, with_rows_summing_to_one},
};
use crate::{
    linalg::{
        Scalar, from_f64,
        gaussian::{gaussian, haar},
        transposed,
    },
    parameters::{Invalid, Parameters},
    problem::{Outline, Problem},
    random::Rng,
};

/// Attention by positive random features; the target rank is their number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Performer {
    /// `orthogonal` in blocks of d, or `iid`.
    pub features: Features,
    /// ε, added to every feature.
    pub epsilon: f64,
}

/// How the directions of the features are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Features {
    Orthogonal,
    Iid,
}

impl Default for Performer {
    fn default() -> Self {
        Self { features: Features::Orthogonal, epsilon: 1e-6 }
    }
}

impl Parameters for Performer {
    const KIND: &'static str = "performer";
    const WORDS: &'static str = include_str!("performer.toml");
    const VERSION: u32 = 1;

    fn check(&self) -> Result<(), Invalid> {
        if (0.0..1.0).contains(&self.epsilon) {
            Ok(())
        } else {
            Err(Invalid::new("epsilon", "must lie between 0 and 1", "for example `epsilon = 1e-6`"))
        }
    }
}

impl Facts for Performer {
    fn traits(&self) -> Traits {
        Traits { random: true, nested: false, needs_matrix: false }
    }

    fn refuses(&self, outline: Outline, _target_rank: usize) -> Option<String> {
        refusal(outline, "its causal form is a prefix sum, not a pair of factors")
    }

    fn forecast(&self, outline: Outline, target_rank: usize) -> Forecast {
        let (m, n, k) = (outline.rows as u64, outline.columns as u64, target_rank as u64);
        let d = head_dim(outline);
        Forecast { flops: 2 * (m + n) * k * d + 2 * d * d * k, entries: (m + 2 * n) * k + k * d }
    }
}

impl<T: Scalar> Method<T> for Performer {
    fn factor(&self, problem: &Problem<T>, draw: Draw<'_>) -> Result<Approximation<T>, MethodError> {
        let head = head(problem)?;
        let directions = directions::<T>(self.features, draw.target_rank, head.keys.ncols(), draw.rng);
        let projected = |rows: MatRef<'_, T>| scores(rows, directions.as_ref(), head.scale.sqrt(), draw.parallelism);
        let half_norms = |rows: MatRef<'_, T>| squared_norms(rows, head.scale / 2.0);

        let mut left = projected(head.queries.as_ref());
        let largest = largest_of_rows(left.as_ref());
        let offsets = half_norms(head.queries.as_ref())
            .iter()
            .zip(&largest)
            .map(|(half, largest)| half + largest.to_f64())
            .collect();
        features_in_place(&mut left, offsets, self.epsilon);

        let mut right = projected(head.keys.as_ref());
        let largest =
            largest_of_rows(right.as_ref()).iter().map(|entry| entry.to_f64()).fold(f64::NEG_INFINITY, f64::max);
        let offsets = half_norms(head.keys.as_ref()).iter().map(|half| half + largest).collect();
        features_in_place(&mut right, offsets, self.epsilon);
        Ok(Approximation {
            factors: with_rows_summing_to_one(left, transposed(right.as_ref()))?.into(),
            notes: Vec::new(),
        })
    }
}

/// Replaces x_ij by exp(x_ij − c_i) + `epsilon`, for offsets c_i of at least the largest of row i. Common factors of all
/// features of a query, or of all keys, drop out when rows are normalised.
fn features_in_place<T: Scalar>(projected: &mut Mat<T>, offsets: Vec<f64>, epsilon: f64) {
    for column in projected.col_iter_mut() {
        for (entry, &offset) in column.iter_mut().zip(&offsets) {
            *entry = (*entry - T::of(offset)).exp_of_nonpositive() + T::of(epsilon);
        }
    }
}

/// k×d directions, each distributed as a standard normal vector.
fn directions<T: Scalar>(features: Features, k: usize, d: usize, rng: &mut Rng) -> Mat<T> {
    if features == Features::Iid {
        return gaussian(k, d, rng);
    }
    let mut directions = Mat::<f64>::zeros(k, d);
    for from in (0..k).step_by(d.max(1)) {
        let count = d.min(k - from);
        let basis = haar(d, count, rng);
        let lengths = squared_norms(gaussian::<f64>(count, d, rng).as_ref(), 1.0);
        for i in 0..count {
            for j in 0..d {
                directions[(from + i, j)] = basis[(j, i)] * lengths[i].sqrt();
            }
        }
    }
    from_f64(directions.as_ref())
}

#[cfg(test)]
mod tests {
    use faer::Par;

    use super::*;
    use crate::{
        linalg::softmax::attention_matrix,
        problem::{Head, Structure},
        random::generator,
    };

    fn unit_gaussian_head(n: usize, d: usize, seed: u64) -> Problem<f64> {
        let mut rng = generator(seed);
        let (queries, keys) = (gaussian::<f64>(n, d, &mut rng), gaussian::<f64>(n, d, &mut rng));
        let scale = 1.0 / (d as f64).sqrt();
        let matrix = attention_matrix(queries.as_ref(), keys.as_ref(), scale, false, Par::Seq);
        let structure = Structure::Attention(Head { queries, keys, scale, causal: false });
        Problem { formed: Some(matrix), structure, values: Mat::zeros(n, 1), prescribed_singular_values: None }
    }

    /// The mean over seeds lies within five standard errors, by the variance of Lemma 2, of exp(qᵀk), for both ways to draw.
    #[test]
    fn the_mean_of_the_features_is_the_unnormalised_kernel() {
        let (n, d, k, seeds) = (6, 8, 32, 200);
        let problem = unit_gaussian_head(n, d, 1);
        let head = head(&problem).unwrap();
        // Short vectors: the sum of few heavy-tailed terms says nothing of its mean.
        let scale = 0.05;
        for features in [Features::Orthogonal, Features::Iid] {
            let mut sum = Mat::<f64>::zeros(n, n);
            for seed in 0..seeds {
                let directions = directions::<f64>(features, k, d, &mut generator(seed));
                let phi = |rows: &Mat<f64>| {
                    let mut phi = scores(rows.as_ref(), directions.as_ref(), f64::sqrt(scale), Par::Seq);
                    // An offset of ten keeps exponents negative; it is multiplied back.
                    let offsets = squared_norms(rows.as_ref(), scale / 2.0).iter().map(|half| half + 10.0).collect();
                    features_in_place(&mut phi, offsets, 0.0);
                    phi * faer::Scale(f64::exp(10.0) / (k as f64).sqrt())
                };
                sum += phi(&head.queries) * phi(&head.keys).transpose();
            }
            for i in 0..n {
                for j in 0..n {
                    let total: f64 = (0..d).map(|c| scale * (head.queries[(i, c)] + head.keys[(j, c)]).powi(2)).sum();
                    let exact = (0..d).map(|c| scale * head.queries[(i, c)] * head.keys[(j, c)]).sum::<f64>().exp();
                    let variance = exact * exact * (total.exp() - 1.0) / k as f64;
                    let mean = sum[(i, j)] / seeds as f64;
                    let error = (mean - exact).abs() / (variance / seeds as f64).sqrt();
                    assert!(error < 5.0, "{features:?} ({i}, {j}): {mean} for {exact}, {error:.1} standard errors");
                }
            }
        }
    }

    /// performer-pytorch, issue 69: 73 ± 2 % at n = 24, d = 128, 1024 features, unit Gaussian Q and K.
    #[test]
    fn the_published_error_is_met() {
        let errors: Vec<f64> = (0..20)
            .map(|seed| {
                let problem = unit_gaussian_head(24, 128, 100 + seed);
                let method = Performer { epsilon: 1e-4, ..Performer::default() };
                let draw = Draw { target_rank: 1024, rng: &mut generator(seed), parallelism: Par::Seq };
                let factors = method.factor(&problem, draw).unwrap().factors;
                (factors.to_dense() - problem.matrix()).norm_l2() / problem.matrix().norm_l2()
            })
            .collect();
        let mean = errors.iter().sum::<f64>() / errors.len() as f64;
        assert!((mean - 0.73).abs() < 0.05, "{mean:.3}: {errors:?}");
    }
}

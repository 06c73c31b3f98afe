//! Reduced-rank regression: of Y = XB + noise, the B of rank k with the least ‖Y − XB‖_F, against the training and the test
//! error (Izenman 1975). With B_ols = X⁺Y and the SVD XB_ols = UΣVᵀ, B_k = B_ols·V_k·V_kᵀ: ordinary least squares, projected
//! onto the k directions of the outputs that the fit explains best. At k = min(p, q) it is least squares itself.
//!
//! Cost: one SVD of X (n×p) and one of the fit (n×q). Training errors fall with k by construction; test errors fall up to the
//! true rank and rise again, unless the truth is of full rank. Ridge (Hoerl & Kennard 1970) stands beside it, its λ chosen by
//! generalised cross-validation (Golub, Heath & Wahba 1979) from the training data alone. Breaks: with fewer samples than inputs
//! least squares interpolates, so n > p is asked for.
//!
//! Gavish & Donoho's threshold is applied to Σ, whose noise is that of a p×q Gaussian matrix of standard deviation
//! σ̂² = ‖Y − XB_ols‖²/((n−p)q): everything from the training data.

use faer::{Mat, MatRef, Par};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Bench, Measurement, Study, StudyError, StudyTraits,
    numerics::{above, check_count, check_noise, gavish_donoho_threshold, place_of_least, relative_error},
};
use crate::{
    linalg::{gaussian::gaussian, svd::thin_svd},
    parameters::{Invalid, Parameters},
    random::Rng,
};

/// Reduced-rank regression from few noisy samples, beside ridge: errors against the rank.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReducedRankRegression {
    /// n, samples to learn from; more than inputs.
    pub samples: usize,
    /// p, inputs of the linear map.
    #[serde(default = "forty")]
    pub inputs: usize,
    /// q, outputs of the linear map.
    #[serde(default = "thirty")]
    pub outputs: usize,
    /// r, the rank of the true map; at most min(p, q), which makes the constraint wrong.
    pub true_rank: usize,
    /// Standard deviation of the noise on each output, those of the outputs themselves being about 1.
    pub noise: f64,
    /// Samples the test error is measured on, without noise.
    #[serde(default = "two_thousand")]
    pub test_samples: usize,
}

fn forty() -> usize {
    40
}

fn thirty() -> usize {
    30
}

fn two_thousand() -> usize {
    2000
}

impl Parameters for ReducedRankRegression {
    const KIND: &'static str = "reduced_rank_regression";
    const VERSION: u32 = 1;

    fn check(&self) -> Result<(), Invalid> {
        check_count("inputs", self.inputs, 1, 2000, 40)?;
        check_count("outputs", self.outputs, 1, 2000, 30)?;
        check_count("samples", self.samples, self.inputs + 1, 100_000, self.inputs + 20)?;
        check_count("true_rank", self.true_rank, 1, self.inputs.min(self.outputs), 1)?;
        check_count("test_samples", self.test_samples, 1, 100_000, 2000)?;
        check_noise(self.noise)
    }
}

/// What reduced-rank regression says at every rank at once.
pub struct Fit {
    /// p×q, ordinary least squares.
    pub ordinary: Mat<f64>,
    /// q×min(n, q): the directions of the outputs, the best explained first.
    pub directions: Mat<f64>,
    /// Singular values of the fit X·B_ols.
    pub singular_values: Vec<f64>,
}

impl Fit {
    /// B_k, p×q.
    #[must_use]
    pub fn coefficients(&self, rank: usize) -> Mat<f64> {
        let leading = self.directions.subcols(0, rank.min(self.directions.ncols()));
        (&self.ordinary * leading) * leading.transpose()
    }
}

/// The thin SVD of the inputs, from which least squares and ridge both follow.
struct Inputs {
    /// UᵀY.
    projected: Mat<f64>,
    singular_values: Vec<f64>,
    right: Mat<f64>,
}

impl Inputs {
    fn of(x: MatRef<'_, f64>, y: MatRef<'_, f64>, parallelism: Par) -> Result<Self, StudyError> {
        let svd = thin_svd(x, parallelism)?;
        Ok(Self { projected: svd.left.transpose() * y, singular_values: svd.singular_values, right: svd.right })
    }

    /// V·diag(s/(s²+λ))·UᵀY; singular values at rounding level are left out.
    fn solve(&self, lambda: f64) -> Mat<f64> {
        let floor = self.singular_values.first().copied().unwrap_or(0.0) * 1e-12;
        let weight = |s: f64| if s > floor { s / (s * s + lambda) } else { 0.0 };
        let weighted = Mat::from_fn(self.projected.nrows(), self.projected.ncols(), |i, j| {
            weight(self.singular_values[i]) * self.projected[(i, j)]
        });
        &self.right * weighted
    }

    /// Σ s²/(s²+λ): degrees of freedom of a ridge fit.
    fn freedom(&self, lambda: f64) -> f64 {
        self.singular_values.iter().map(|s| s * s / (s * s + lambda)).sum()
    }
}

/// Reduced-rank regression of `y` (n×q) on `x` (n×p), at every rank.
///
/// # Errors
/// As [`thin_svd`].
pub fn fit(x: MatRef<'_, f64>, y: MatRef<'_, f64>, parallelism: Par) -> Result<Fit, StudyError> {
    fit_of(&Inputs::of(x, y, parallelism)?, x, parallelism)
}

fn fit_of(inputs: &Inputs, x: MatRef<'_, f64>, parallelism: Par) -> Result<Fit, StudyError> {
    let ordinary = inputs.solve(0.0);
    let svd = thin_svd((x * &ordinary).as_ref(), parallelism)?;
    Ok(Fit { ordinary, directions: svd.right, singular_values: svd.singular_values })
}

/// One training set and what it was made from.
struct Sample {
    x: Mat<f64>,
    y: Mat<f64>,
    truth: Mat<f64>,
}

impl ReducedRankRegression {
    /// B = G·Hᵀ/√(pr) with Gaussian G, H: outputs of variance 1 for Gaussian inputs.
    fn draw(&self, rng: &mut Rng) -> Sample {
        let (n, p, q, r) = (self.samples, self.inputs, self.outputs, self.true_rank);
        let scale = 1.0 / ((p * r) as f64).sqrt();
        let truth = if r == p.min(q) {
            // A full map, not a product of two: the product of square Gaussians is far worse conditioned than either.
            gaussian::<f64>(p, q, rng) * faer::Scale(1.0 / (p as f64).sqrt())
        } else {
            gaussian::<f64>(p, r, rng) * gaussian::<f64>(r, q, rng) * faer::Scale(scale)
        };
        let x = gaussian::<f64>(n, p, rng);
        let y = &x * &truth + gaussian::<f64>(n, q, rng) * faer::Scale(self.noise);
        Sample { x, y, truth }
    }
}

/// λ of ridge tried: ten a decade.
const LAMBDAS: std::ops::RangeInclusive<i32> = -30..=50;

impl Study for ReducedRankRegression {
    fn traits(&self) -> StudyTraits {
        StudyTraits { random: true, timed: false }
    }

    fn measure(&self, bench: &mut Bench<'_>) -> Result<Vec<Measurement>, StudyError> {
        let Sample { x, y, truth } = self.draw(bench.rng);
        let unseen = gaussian::<f64>(self.test_samples, self.inputs, bench.rng);
        let answers = &unseen * &truth;
        let inputs = Inputs::of(x.as_ref(), y.as_ref(), bench.parallelism)?;
        let fit = fit_of(&inputs, x.as_ref(), bench.parallelism)?;
        let errors = |coefficients: &Mat<f64>| {
            let train = relative_error((&x * coefficients).as_ref(), y.as_ref());
            (train, relative_error((&unseen * coefficients).as_ref(), answers.as_ref()))
        };
        let mut found = Vec::new();
        let mut test_errors = Vec::new();
        for rank in 1..=self.inputs.min(self.outputs) {
            let (train, test) = errors(&fit.coefficients(rank));
            found.push(Measurement::new("reduced_rank", rank as f64, "training_error", train));
            found.push(Measurement::new("reduced_rank", rank as f64, "test_error", test));
            test_errors.push(test);
        }
        let (train, test) = errors(&self.ridge(&inputs, &x, &y));
        found.push(Measurement::new("ridge", None, "training_error", train));
        found.push(Measurement::new("ridge", None, "test_error", test));

        let best = place_of_least(&test_errors);
        let residual = (&y - &x * &fit.ordinary).norm_l2();
        let freedom = ((self.samples - self.inputs) * self.outputs) as f64;
        let sigma = residual / freedom.sqrt();
        let threshold = gavish_donoho_threshold(self.inputs, self.outputs, sigma);
        let chosen = above(&fit.singular_values, threshold);
        let full = test_errors.last().copied().unwrap_or(f64::NAN);
        let at_truth = test_errors[self.true_rank - 1];
        found.push(Measurement::new("", None, "true_rank", self.true_rank as f64));
        found.push(Measurement::new("", None, "best_rank", best as f64));
        found.push(Measurement::new("", None, "gavish_donoho_rank", chosen as f64));
        found.push(Measurement::new("", None, "unconstrained_error", full));
        found.push(Measurement::new("", None, "error_at_true_rank", at_truth));
        // What the constraint gains (below 1) or costs (above 1) at half of full rank.
        let half = (test_errors.len() / 2).max(1);
        found.push(Measurement::new("", None, "error_ratio_at_half_rank", test_errors[half - 1] / full));
        Ok(found)
    }
}

impl ReducedRankRegression {
    /// Ridge with the λ of least generalised cross-validation error n·‖Y−XB‖²/(n − df)².
    fn ridge(&self, inputs: &Inputs, x: &Mat<f64>, y: &Mat<f64>) -> Mat<f64> {
        let score = |coefficients: &Mat<f64>, lambda: f64| {
            let left = self.samples as f64 - inputs.freedom(lambda);
            (y - x * coefficients).squared_norm_l2() / (left * left)
        };
        let candidates = LAMBDAS.map(|tenths| 10f64.powf(f64::from(tenths) / 10.0)).map(|lambda| {
            let coefficients = inputs.solve(lambda);
            (score(&coefficients, lambda), coefficients)
        });
        let best = candidates.min_by(|a, b| a.0.total_cmp(&b.0));
        best.map_or_else(|| inputs.solve(0.0), |(_, coefficients)| coefficients)
    }
}

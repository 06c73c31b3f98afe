//! Failures of methods that approximate attention from its queries and keys.

use faer::{Mat, Par};
use serde_json::json;

use super::{Provoked, approximate, method};
use crate::{
    linalg::gaussian::gaussian,
    problem::{Head, Problem, Structure},
    random::Rng,
    study::{Bench, StudyError, numerics::relative_error},
};

/// Attention of Gaussian queries and keys whose logits have this standard deviation.
fn head(length: usize, head_dim: usize, sharpness: f64, rng: &mut Rng) -> Problem<f64> {
    let (queries, keys) = (gaussian::<f64>(length, head_dim, rng), gaussian::<f64>(length, head_dim, rng));
    let head = Head { queries, keys, scale: sharpness / (head_dim as f64).sqrt(), causal: false };
    let formed = Some(head.form(Par::Seq));
    Problem {
        formed,
        structure: Structure::Attention(head),
        values: Mat::zeros(length, 1),
        prescribed_singular_values: None,
    }
}

/// 512 tokens, 128 landmarks, d = 24: landmarks are means of four tokens, nearer the origin than any token, so that the core of
/// their attention is all but constant. Its least singular values are 10⁴ times smaller than its largest, and the exact
/// pseudoinverse multiplies what is left of the rest by as much; by how much the error grows differs from draw to draw.
pub fn exact_pseudoinverse(bench: &mut Bench<'_>) -> Result<Provoked, StudyError> {
    let problem = head(512, 24, 1.0, bench.rng);
    let mut error = |cutoff: f64| {
        let method = method("nystromformer", json!({ "pseudoinverse": "exact", "cutoff": cutoff }))?;
        let found = approximate(&method, &problem, 128, bench)?.factors.to_dense();
        Ok::<f64, StudyError>(relative_error(found.as_ref(), problem.matrix()))
    };
    Ok(Provoked { bad: Some(error(0.0)?), cure: error(1e-2)? })
}

/// Logits of standard deviation 10: the variance of a feature grows like exp(‖q + k‖²), and no number of features averages it
/// out. Top-k rows of the same storage (a weight and an index where a feature takes a number of a query and one of a key) hold
/// nearly all of such attention.
pub fn large_norms(bench: &mut Bench<'_>) -> Result<Provoked, StudyError> {
    let (length, features) = (256, 64);
    let problem = head(length, 16, 10.0, bench.rng);
    let mut error = |kind: &str, rank: usize| {
        let found = approximate(&method(kind, json!({}))?, &problem, rank, bench)?.factors.to_dense();
        Ok::<f64, StudyError>(relative_error(found.as_ref(), problem.matrix()))
    };
    Ok(Provoked { bad: Some(error("performer", features)?), cure: error("top_k", features)? })
}

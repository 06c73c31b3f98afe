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
    Problem { formed, structure: Structure::Attention(head), values: Mat::zeros(length, 1), prescribed_singular_values: None }
}

/// 512 tokens, 64 landmarks, d = 12: landmarks are means of eight tokens, all of them near the origin, so that the core of
/// their attention is all but constant: its condition number is beyond 10⁵, and its pseudoinverse multiplies the rest by as much.
pub fn exact_pseudoinverse(bench: &mut Bench<'_>) -> Result<Provoked, StudyError> {
    let problem = head(512, 12, 1.0, bench.rng);
    let mut error = |cutoff: f64| {
        let method = method("nystromformer", json!({ "pseudoinverse": "exact", "cutoff": cutoff }))?;
        let found = approximate(&method, &problem, 64, bench)?.factors.to_dense();
        Ok::<f64, StudyError>(relative_error(found.as_ref(), problem.matrix()))
    };
    Ok(Provoked { bad: Some(error(0.0)?), cure: error(1e-2)? })
}

/// Logits of standard deviation 10: ‖q‖² is about 10√d·d, and the variance of a feature grows with its exponential. Top-k
/// rows of the same storage (an index and a weight each: half as many as features of a query and a key) hold nearly all of it.
pub fn large_norms(bench: &mut Bench<'_>) -> Result<Provoked, StudyError> {
    let (length, features) = (256, 64);
    let problem = head(length, 16, 10.0, bench.rng);
    let mut error = |kind: &str, rank: usize| {
        let found = approximate(&method(kind, json!({}))?, &problem, rank, bench)?.factors.to_dense();
        Ok::<f64, StudyError>(relative_error(found.as_ref(), problem.matrix()))
    };
    Ok(Provoked { bad: Some(error("performer", features)?), cure: error("top_k", features)? })
}

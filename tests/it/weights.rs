//! Promise: weights are found by name or pattern, calibrated on one text and judged on another, and whitening is what its theorem says.

mod activations;
mod sample;
mod specs;
mod theory;

use std::path::Path;

use factoreo::{
    method::{Draw, MethodSpec},
    problem::Problem,
    random::generator,
};
use faer::{Mat, MatRef, Par};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn method(kind: &str, parameters: serde_json::Value) -> MethodSpec {
    let serde_json::Value::Object(map) = parameters else { panic!("parameters are an object") };
    MethodSpec::from_parameters(kind, map).unwrap().unwrap()
}

fn factored(problem: &Problem<f64>, method: &MethodSpec, target_rank: usize) -> Mat<f64> {
    let draw = Draw { target_rank, rng: &mut generator(1), parallelism: Par::Seq };
    method.factor(problem, draw).unwrap().factors.to_dense()
}

fn object(value: serde_json::Value) -> serde_json::Map<String, serde_json::Value> {
    let serde_json::Value::Object(map) = value else { panic!("an object") };
    map
}

/// ‖(W − Ŵ)X‖_F/‖WX‖_F in plain loops; `inputs` is Xᵀ.
fn output_error(weight: MatRef<'_, f64>, approximation: MatRef<'_, f64>, inputs: MatRef<'_, f64>) -> f64 {
    let (mut error, mut norm) = (0.0, 0.0);
    for t in 0..inputs.nrows() {
        for i in 0..weight.nrows() {
            let (mut exact, mut difference) = (0.0, 0.0);
            for j in 0..weight.ncols() {
                exact += weight[(i, j)] * inputs[(t, j)];
                difference += (weight[(i, j)] - approximation[(i, j)]) * inputs[(t, j)];
            }
            error += difference * difference;
            norm += exact * exact;
        }
    }
    f64::sqrt(error / norm)
}

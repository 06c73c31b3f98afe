//! Figures of attention: what it costs, how random features miss it, and what many layers of it do.

use faer::{Accum, Mat, MatRef, linalg::matmul::matmul};
use serde_json::json;

use super::row;
use crate::{
    linalg::{
        gaussian::{gaussian, haar},
        range_finder::product,
        softmax::{attention_matrix, softmax_rows_in_place},
    },
    problem::{Head, Problem, Structure},
    random::Rng,
    study::{
        Bench, Instruments, Measurement, StudyError,
        failure::{approximate, method},
        numerics::relative_error,
    },
};

/// Columns of the module whose head this is.
const MODEL_WIDTH: usize = 768;

/// Lengths of the published table.
const LENGTHS: [usize; 5] = [512, 1024, 2048, 4096, 8192];

/// Seconds and bytes of one head, n = 512 to 8192, d = 64, 64 landmarks, f32: exact attention with its n×n matrix formed, as the
/// paper's baseline, against Nyströmformer. Exponents are of attention alone. The published costs are of a whole module, so
/// the ratios at the longest include the head's share of it: three projections of 768 columns to 64, and one after attention.
pub fn nystromformer_scaling(bench: &mut Bench<'_>) -> Result<Vec<Measurement>, StudyError> {
    const LANDMARKS: usize = 64;
    let mut found = Vec::new();
    let nystromformer = method("nystromformer", json!({}))?;
    for length in LENGTHS {
        let problem = unformed_head(length, 64, bench.rng).round::<f32>();
        let Structure::Attention(head) = &problem.structure else { continue };
        let parallelism = bench.parallelism;
        let mut exact = || {
            let weights = head.form(parallelism);
            std::hint::black_box(product(weights.as_ref(), problem.values.as_ref(), parallelism));
        };
        // The same into a matrix that is kept, as a graphics card's allocator keeps it: no memory is asked of the system.
        let mut kept = Mat::<f32>::zeros(length, length);
        let scaled_keys = Mat::from_fn(head.keys.ncols(), length, |i, j| head.keys[(j, i)] * head.scale as f32);
        let mut in_place = || {
            matmul(&mut kept, Accum::Replace, &head.queries, &scaled_keys, 1.0, parallelism);
            softmax_rows_in_place(&mut kept, parallelism);
            std::hint::black_box(product(kept.as_ref(), problem.values.as_ref(), parallelism));
        };
        found.push(time_of(bench.instruments, "exact_attention_kept", length, &mut in_place));
        drop(kept);
        let (tokens, weights) =
            (gaussian::<f32>(length, MODEL_WIDTH, bench.rng), gaussian::<f32>(MODEL_WIDTH, 64, bench.rng));
        let mut projections = || {
            let one = || product(tokens.as_ref(), weights.as_ref(), parallelism);
            std::hint::black_box([one(), one(), one(), one()]);
        };
        found.extend(cost(bench, "projections", length, &mut projections));
        found.extend(cost(bench, "exact_attention", length, &mut exact));
        let instruments = bench.instruments;
        let mut failed = None;
        let mut approximate = || match approximate(&nystromformer, &problem, LANDMARKS, bench) {
            Ok(found) => {
                use crate::approximant::Operator;
                std::hint::black_box(found.factors.apply(problem.values.as_ref(), parallelism));
            }
            Err(error) => failed = Some(error),
        };
        found.extend(cost_of(instruments, "nystromformer", length, &mut approximate));
        if let Some(error) = failed {
            return Err(error);
        }
    }
    let points = |series: &str, quantity: &str| -> Vec<(f64, f64)> {
        let own = found.iter().filter(|one| one.series == series && one.quantity == quantity);
        own.filter_map(|one| Some((one.x?, one.value))).collect()
    };
    let mut rows = Vec::new();
    for (series, paper) in [("exact_attention", 2.0), ("nystromformer", 1.0)] {
        for quantity in ["time", "memory"] {
            let (points, name) = (points(series, quantity), format!("{series}_{quantity}_exponent"));
            if let Some(all) = exponent(&points) {
                rows.extend(row(&name, paper, all, 0.25));
                // Where nothing outgrows the caches, and from the last length but one to the last.
                let parts = [("short_lengths", &points[..3]), ("last_doubling", &points[points.len() - 2..])];
                for (quantity, part) in parts {
                    rows.extend(exponent(part).map(|value| Measurement::new(&name, None, quantity, value)));
                }
            }
        }
    }
    if let Some(kept) = exponent(&points("exact_attention_kept", "time")) {
        rows.push(Measurement::new("exact_attention_time_exponent", None, "memory_kept", kept));
    }
    for (quantity, paper) in [("time", 155.4 / 12.3), ("memory", 10_233.0 / 450.0)] {
        let last = |series: &str| points(series, quantity).last().map(|(_, value)| *value);
        let costs = (last("exact_attention"), last("nystromformer"), last("projections"));
        if let (Some(exact), Some(ours), Some(rest)) = costs {
            let name = format!("{quantity}_ratio");
            rows.extend(row(&name, paper, (exact + rest) / (ours + rest), paper / 2.0));
            rows.push(Measurement::new(&name, None, "attention_alone", exact / ours));
        }
    }
    found.extend(rows);
    Ok(found)
}

fn cost(bench: &Bench<'_>, series: &str, length: usize, work: &mut dyn FnMut()) -> Vec<Measurement> {
    cost_of(bench.instruments, series, length, work)
}

/// The shortest of three times, and the peak of the heap.
fn cost_of(instruments: &dyn Instruments, series: &str, length: usize, work: &mut dyn FnMut()) -> Vec<Measurement> {
    let time = time_of(instruments, series, length, work);
    let bytes = instruments.peak_bytes(work);
    let memory = bytes.map(|bytes| Measurement::new(series, length as f64, "memory", bytes as f64).in_unit("B"));
    std::iter::once(time).chain(memory).collect()
}

/// The shortest of three times.
fn time_of(instruments: &dyn Instruments, series: &str, length: usize, work: &mut dyn FnMut()) -> Measurement {
    let seconds = (0..3).map(|_| instruments.seconds(work)).fold(f64::INFINITY, f64::min);
    Measurement::new(series, length as f64, "time", seconds).in_unit("s")
}

/// The slope of log y on log x by least squares.
fn exponent(points: &[(f64, f64)]) -> Option<f64> {
    if points.len() < 2 || points.iter().any(|(x, y)| *x <= 0.0 || *y <= 0.0) {
        return None;
    }
    let logs: Vec<(f64, f64)> = points.iter().map(|(x, y)| (x.ln(), y.ln())).collect();
    let count = logs.len() as f64;
    let mean = |part: fn(&(f64, f64)) -> f64| logs.iter().map(part).sum::<f64>() / count;
    let (x, y) = (mean(|log| log.0), mean(|log| log.1));
    let along: f64 = logs.iter().map(|log| (log.0 - x) * (log.1 - y)).sum();
    Some(along / logs.iter().map(|log| (log.0 - x).powi(2)).sum::<f64>())
}

fn unformed_head(length: usize, head_dim: usize, rng: &mut Rng) -> Problem<f64> {
    let (queries, keys) = (gaussian::<f64>(length, head_dim, rng), gaussian::<f64>(length, head_dim, rng));
    let head = Head { queries, keys, scale: 1.0 / (head_dim as f64).sqrt(), causal: false };
    let values = gaussian(length, head_dim, rng);
    Problem { formed: None, structure: Structure::Attention(head), values, prescribed_singular_values: None }
}

/// n = 24, d = 128, 1024 orthogonal features, unit Gaussian Q and K, ε = 1e-4 as in that implementation.
pub fn favor_error(bench: &mut Bench<'_>) -> Result<Vec<Measurement>, StudyError> {
    let problem = unformed_head(24, 128, bench.rng).form();
    let performer = method("performer", json!({ "epsilon": 1e-4 }))?;
    let found = approximate(&performer, &problem, 1024, bench)?.factors.to_dense();
    Ok(row("relative_error", 0.73, relative_error(found.as_ref(), problem.matrix()), 0.02).to_vec())
}

/// X ← softmax(XW(X)ᵀ/√d)·X·V, n = 64, d = 32, V orthogonal. The distance of X from the matrices with equal rows is cubed by each
/// layer once it is small (Theorem 2.2): its exponent is fitted over one layer from distances of 10⁻¹ to 10⁻³; depth is then
/// walked through with and without skip connections.
pub fn rank_collapse(bench: &mut Bench<'_>) -> Result<Vec<Measurement>, StudyError> {
    const DEPTH: usize = 6;
    let (tokens, width) = (64, 32);
    let common = gaussian::<f64>(1, width, bench.rng);
    let deviation = gaussian::<f64>(tokens, width, bench.rng);
    let start = |size: f64| Mat::from_fn(tokens, width, |i, j| common[(0, j)] + size * deviation[(i, j)]);
    let layers: Vec<Layer> = (0..DEPTH).map(|_| Layer::draw(width, bench.rng)).collect();

    let sizes = [1e-1, 3e-2, 1e-2, 3e-3, 1e-3];
    let steps: Vec<(f64, f64)> = sizes
        .iter()
        .map(|size| {
            let before = start(*size);
            (distance(before.as_ref()), distance(layers[0].attend(before.as_ref()).as_ref()))
        })
        .collect();
    let rate = exponent(&steps).ok_or_else(|| StudyError::Numerical("a layer left no distance at all".to_owned()))?;
    let mut found = row("exponent_per_layer", 3.0, rate, 0.2).to_vec();
    for (series, skips) in [("attention_alone", false), ("with_skip_connections", true)] {
        let mut tokens = start(1.0);
        found.push(Measurement::new(series, 0.0, "distance", distance(tokens.as_ref())));
        for (depth, layer) in layers.iter().enumerate() {
            let attended = layer.attend(tokens.as_ref());
            tokens = if skips { &tokens + &attended } else { attended };
            found.push(Measurement::new(series, (depth + 1) as f64, "distance", distance(tokens.as_ref())));
        }
    }
    Ok(found)
}

/// One layer of self-attention of one head.
struct Layer {
    /// W_Q·W_Kᵀ.
    scores: Mat<f64>,
    values: Mat<f64>,
}

impl Layer {
    fn draw(width: usize, rng: &mut Rng) -> Self {
        let scale = 1.0 / (width as f64).sqrt();
        Self { scores: gaussian::<f64>(width, width, rng) * faer::Scale(scale), values: haar(width, width, rng) }
    }

    fn attend(&self, tokens: MatRef<'_, f64>) -> Mat<f64> {
        let queries = tokens * &self.scores;
        let scale = 1.0 / (tokens.ncols() as f64).sqrt();
        let weights = attention_matrix(queries.as_ref(), tokens, scale, false, faer::Par::Seq);
        weights * (tokens * &self.values)
    }
}

/// ‖X − 1x̄ᵀ‖_F/‖X‖_F, x̄ the mean of the rows.
fn distance(tokens: MatRef<'_, f64>) -> f64 {
    let n = tokens.nrows();
    let mean: Vec<f64> = (0..tokens.ncols()).map(|j| tokens.col(j).iter().sum::<f64>() / n as f64).collect();
    let centred = Mat::from_fn(n, tokens.ncols(), |i, j| tokens[(i, j)] - mean[j]);
    centred.norm_l2() / tokens.norm_l2()
}

//! Tables as a run would leave them, from closed formulas: the shapes of real results, without computing any.

use factoreo::table::{MatrixRow, Results, SpectrumRow, SummaryRow};

/// An instance of a method: label, kind, variant, and its error and time from the optimum and the rank.
#[derive(Clone, Copy)]
pub struct Method {
    pub label: &'static str,
    pub kind: &'static str,
    pub variant: &'static str,
    /// Error at rank k: optimum · factor + floor.
    pub factor: f64,
    pub floor: f64,
    /// Seconds: fixed + rank · slope.
    pub fixed: f64,
    pub slope: f64,
    /// Theoretical bound over optimum.
    pub bound: Option<f64>,
}

const fn method(label: &'static str, kind: &'static str, variant: &'static str, factor: f64, fixed: f64) -> Method {
    Method { label, kind, variant, factor, floor: 0.0, fixed, slope: fixed / 60.0, bound: None }
}

/// Ten instances; five of them on top of the optimum.
pub fn ten_methods() -> Vec<Method> {
    let bound = |method: Method, bound| Method { bound: Some(bound), ..method };
    vec![
        method("truncated_svd", "truncated_svd", "algorithm=full", 1.0, 0.12),
        method("truncated_svd", "truncated_svd", "algorithm=krylov", 1.0, 0.03),
        bound(method("randomized_svd", "randomized_svd", "power_iterations=0", 1.31, 1.4e-3), 3.1),
        bound(method("randomized_svd", "randomized_svd", "power_iterations=1", 1.02, 2.6e-3), 1.9),
        bound(method("randomized_svd", "randomized_svd", "power_iterations=2", 1.0003, 3.9e-3), 1.5),
        method("block_krylov", "block_krylov", "", 1.0, 5.1e-3),
        method("generalized_nystrom", "generalized_nystrom", "", 2.1, 1.1e-3),
        method("cur", "cur", "", 1.9, 2.2e-3),
        Method { floor: 0.04, ..method("nystromformer", "nystromformer", "pseudoinverse=exact", 1.4, 0.5e-3) },
        Method { floor: 0.06, ..method("nystromformer", "nystromformer", "pseudoinverse=iterative", 1.5, 0.3e-3) },
    ]
}

/// The default sweep.
pub const RANKS: [u64; 7] = [2, 4, 8, 16, 32, 64, 128];

/// A number in [−1, 1] that depends on its arguments alone.
fn wobble(seed: u64) -> f64 {
    let mixed =
        (seed ^ 0x9E37_79B9).wrapping_mul(0xD6E8_FEB8_6659_FD93).rotate_left(29).wrapping_mul(0xCA5A_8263_9512_1157);
    (mixed >> 11) as f64 / (1u64 << 52) as f64 - 1.0
}

fn optimum(rank: u64) -> f64 {
    0.9 * (-(rank as f64).powf(0.6) / 2.3).exp()
}

/// How a problem is set up.
pub struct Family<'a> {
    pub label: &'a str,
    pub precision: &'a str,
    pub variants: usize,
    pub ranks: &'a [u64],
    pub methods: &'a [Method],
    pub attention: bool,
}

pub fn empty(name: &str) -> Results {
    Results {
        name: name.to_owned(),
        matrices: vec![],
        spectra: vec![],
        cells: vec![],
        samples: vec![],
        summary: vec![],
        measurements: vec![],
        variants: vec![],
        provenance: serde_json::Value::Null,
        spec: String::new(),
    }
}

pub fn add(results: &mut Results, family: &Family<'_>) {
    for variant in 0..family.variants {
        let problem_variant = if family.variants == 1 { String::new() } else { format!("head=layer{variant}.head3") };
        results.matrices.push(matrix(family, &problem_variant));
        let size = 256;
        let value = |j: u64| (-(j as f64 - 1.0).powf(0.75) / (2.0 + variant as f64 * 0.5)).exp() + 2e-17;
        let total: f64 = (1..=size).map(|j| value(j).powi(2)).sum();
        let mut energy = 0.0;
        for index in 1..=size {
            energy += value(index).powi(2);
            results.spectra.push(SpectrumRow {
                problem: family.label.to_owned(),
                problem_variant: problem_variant.clone(),
                precision: family.precision.to_owned(),
                index,
                singular_value: 17.0 * value(index),
                cumulative_energy: energy / total,
            });
        }
    }
    for (m, method) in family.methods.iter().enumerate() {
        for &rank in family.ranks {
            let seed = (m as u64) << 32 | rank;
            let best = optimum(rank);
            let error = best * method.factor + method.floor * (1.0 + 0.5 * wobble(seed));
            let mut push = |quantity: &str, unit: &str, median: f64, spread: f64, count: u64| {
                results.summary.push(row(family, method, rank, (quantity, unit), median, spread, count));
            };
            push("relative_frobenius_error", "1", error, 0.12 + 0.05 * wobble(seed + 1), 8);
            push("optimal_frobenius_error", "1", best, 0.1, 8);
            if let Some(bound) = method.bound {
                push("error_bound", "1", best * bound, 0.0, 8);
            }
            let seconds = (method.fixed + method.slope * rank as f64) * (1.0 + 0.1 * wobble(seed + 2));
            push("total_seconds", "s", seconds, 0.06, 80);
            if family.attention {
                push("row_sum_deviation", "1", error * 0.3 * (1.0 + 0.3 * wobble(seed + 3)), 0.2, 8);
                let negative = if method.kind == "nystromformer" { 0.0 } else { error * 0.11 };
                push("negative_mass", "1", negative, 0.2, 8);
            }
        }
    }
}

fn matrix(family: &Family<'_>, problem_variant: &str) -> MatrixRow {
    MatrixRow {
        problem: family.label.to_owned(),
        problem_variant: problem_variant.to_owned(),
        precision: family.precision.to_owned(),
        problem_kind: if family.attention { "qkv" } else { "spectrum" }.to_owned(),
        problem_parameters: "{}".to_owned(),
        rows: 256,
        columns: 256,
        numerical_rank: Some(256),
        stable_rank: Some(3.0),
        effective_rank: Some(20.0),
        rank_energy_90: Some(4),
        rank_energy_99: Some(12),
        rank_energy_999: Some(25),
        frobenius_norm: Some(20.0),
        spectral_norm: Some(17.0),
        form_seconds: None,
    }
}

pub fn row(
    family: &Family<'_>,
    method: &Method,
    target_rank: u64,
    (quantity, unit): (&str, &str),
    median: f64,
    spread: f64,
    count: u64,
) -> SummaryRow {
    let (low, high) = (median * (1.0 - spread), median * (1.0 + 1.3 * spread));
    SummaryRow {
        problem: family.label.to_owned(),
        problem_variant: String::new(),
        matrices: family.variants as u64,
        precision: family.precision.to_owned(),
        method: method.label.to_owned(),
        method_variant: method.variant.to_owned(),
        method_kind: method.kind.to_owned(),
        role: None,
        target_rank,
        asked_rank: None,
        quantity: quantity.to_owned(),
        unit: unit.to_owned(),
        count,
        median,
        mean: median,
        q25: low,
        q75: high,
        min: low,
        max: high,
        ci_low: (count >= 6).then_some(low),
        ci_high: (count >= 6).then_some(high),
        machine: None,
    }
}

/// Eight attention heads, ten methods, f64.
pub fn sweep() -> Results {
    let mut results = empty("rank_sweep");
    let methods = ten_methods();
    let minilm =
        Family { label: "minilm", precision: "f64", variants: 8, ranks: &RANKS, methods: &methods, attention: true };
    add(&mut results, &minilm);
    results
}

/// Tables at the edges of what a run can leave, by name.
pub fn edge_cases() -> Vec<(&'static str, Results)> {
    let methods = ten_methods();
    let plain =
        Family { label: "power", precision: "f64", variants: 1, ranks: &RANKS, methods: &methods, attention: false };
    let with = |family: &Family<'_>, change: &dyn Fn(&mut SummaryRow)| {
        let mut results = empty("edge");
        add(&mut results, family);
        results.summary.iter_mut().for_each(change);
        results
    };
    let set = |row: &mut SummaryRow, value: f64| {
        (row.median, row.mean, row.q25, row.q75, row.min, row.max) = (value, value, value, value, value, value);
        (row.ci_low, row.ci_high) = (Some(value), Some(value));
    };
    let is_error = |row: &SummaryRow| row.quantity.ends_with("_frobenius_error");
    let unchanged = |_: &mut SummaryRow| {};
    let two: Vec<Method> = vec![methods[0], methods[4]];
    let unknown: Vec<Method> = (0..10)
        .map(|i| Method {
            kind: ["linformer", "performer", "skyformer", "wildcat", "top_k"][i % 5],
            label: "a label with a remarkably long name that nobody could want in a figure",
            variant: ["", "feature_count=128, orthogonal=true"][i / 5],
            ..methods[i]
        })
        .collect();
    let dense: Vec<u64> = (1..=64).collect();
    vec![
        ("one_rank", with(&Family { ranks: &[32], ..plain_of(&plain) }, &unchanged)),
        ("one_rank_one_method", with(&Family { ranks: &[32], methods: &methods[..1], ..plain_of(&plain) }, &unchanged)),
        ("one_method", with(&Family { methods: &methods[2..3], ..plain_of(&plain) }, &unchanged)),
        ("two_methods", with(&Family { methods: &two, ..plain_of(&plain) }, &unchanged)),
        ("all_equal", with(&plain, &|row| set(row, 0.25))),
        (
            "all_zero_errors",
            with(&plain, &|row| {
                if is_error(row) {
                    set(row, 0.0)
                }
            }),
        ),
        (
            "rounding_level",
            with(&plain, &|row| {
                if is_error(row) {
                    set(row, 3.1e-17 * (1.0 + row.target_rank as f64 / 900.0))
                }
            }),
        ),
        (
            "exact_at_last_rank",
            with(&plain, &|row| {
                if is_error(row) && row.target_rank == 128 {
                    set(row, 0.0)
                }
            }),
        ),
        (
            "not_finite",
            with(&plain, &|row| {
                if row.target_rank == 16 {
                    set(row, f64::NAN)
                }
            }),
        ),
        (
            "infinite",
            with(&plain, &|row| {
                if row.target_rank == 8 {
                    set(row, f64::INFINITY)
                }
            }),
        ),
        ("no_intervals", with(&plain, &|row| (row.ci_low, row.ci_high, row.count) = (None, None, 3))),
        ("dense_ranks", with(&Family { ranks: &dense, ..plain_of(&plain) }, &unchanged)),
        ("odd_ranks", with(&Family { ranks: &[10, 11, 12, 100, 1000, 1024], ..plain_of(&plain) }, &unchanged)),
        ("unknown_kinds", with(&Family { methods: &unknown, ..plain_of(&plain) }, &unchanged)),
        (
            "hostile_label",
            with(
                &Family {
                    label: "</title><script>alert(\"1\")</script> & ../../x \u{1}\u{202e} 矩阵",
                    ..plain_of(&plain)
                },
                &unchanged,
            ),
        ),
        ("nothing", empty("nothing")),
    ]
}

fn plain_of<'a>(family: &Family<'a>) -> Family<'a> {
    Family {
        label: family.label,
        precision: family.precision,
        variants: family.variants,
        ranks: family.ranks,
        methods: family.methods,
        attention: family.attention,
    }
}

//! Results as a run would leave them, from closed formulas, summarised by the program's own tables.

use factoreo::table::{CellRow, MatrixRow, Results, SampleRow, SpectrumRow, Status, summarise};

/// An experiment to alter: everything the report's sentences depend on.
#[derive(Clone)]
pub struct Experiment {
    pub name: &'static str,
    pub spec: String,
    pub families: Vec<Family>,
    pub methods: Vec<Method>,
    pub ranks: Vec<u64>,
    pub precisions: Vec<&'static str>,
    pub trials: u64,
    pub repeats: u64,
    /// Time and excess error in f32 over those in f64.
    pub single: (f64, f64),
}

#[derive(Clone)]
pub struct Family {
    pub label: &'static str,
    pub kind: &'static str,
    pub variants: Vec<&'static str>,
    /// Error of the optimum at rank k: decay^k.
    pub decay: f64,
    pub numerical_rank: u64,
    pub rank_energy_99: u64,
    pub parameters: &'static str,
}

#[derive(Clone)]
pub struct Method {
    pub label: &'static str,
    pub kind: &'static str,
    pub variant: &'static str,
    pub parameters: &'static str,
    /// Error over optimum, for the middle draw.
    pub suboptimality: f64,
    pub seconds: f64,
    /// Half-width of the samples around the median, as a share.
    pub spread: f64,
    /// Families it refuses: all whose kind is not this one, with the reason.
    pub only: Option<(&'static str, &'static str)>,
    pub forms_matrix: bool,
}

pub const SPEC: &str = r#"
seed = 7
trials = 3
[title]
en = "Rank against error"
es = "Rango frente a error"
[question]
en = "How much rank does attention need?"
es = "¿Cuánto rango necesita la atención?"
[timing]
repeats = 10
warmup = 2
threads = 1
"#;

const METHOD: Method = Method {
    label: "truncated_svd",
    kind: "truncated_svd",
    variant: "",
    parameters: r#"{"algorithm":"full"}"#,
    suboptimality: 1.0,
    seconds: 40e-3,
    spread: 0.05,
    only: None,
    forms_matrix: true,
};

pub fn sweep() -> Experiment {
    Experiment {
        name: "rank_sweep",
        spec: SPEC.to_owned(),
        families: vec![
            Family {
                label: "heads",
                kind: "qkv",
                variants: vec!["head=layer0.head3", "head=layer1.head0", "head=layer4.head7"],
                decay: 0.93,
                numerical_rank: 512,
                rank_energy_99: 61,
                parameters: r#"{"file":"experiments/data/minilm-heads.safetensors","head":"layer0.head3"}"#,
            },
            Family {
                label: "kernel",
                kind: "kernel",
                variants: vec![""],
                decay: 0.8,
                numerical_rank: 200,
                rank_energy_99: 20,
                parameters: "{}",
            },
        ],
        methods: vec![
            METHOD,
            Method {
                label: "randomized_svd",
                kind: "randomized_svd",
                variant: "power_iterations=0",
                parameters: r#"{"oversampling":10,"power_iterations":0}"#,
                suboptimality: 1.25,
                seconds: 4e-3,
                ..METHOD
            },
            Method {
                label: "randomized_svd",
                kind: "randomized_svd",
                variant: "power_iterations=2",
                parameters: r#"{"oversampling":10,"power_iterations":2}"#,
                suboptimality: 1.01,
                seconds: 8e-3,
                ..METHOD
            },
            Method {
                label: "nystrom",
                kind: "nystrom",
                variant: "sampling=uniform",
                parameters: r#"{"sampling":"uniform"}"#,
                suboptimality: 3.0,
                seconds: 2e-3,
                only: Some(("kernel", "needs a positive semi-definite matrix")),
                ..METHOD
            },
            Method {
                label: "nystrom",
                kind: "nystrom",
                variant: "sampling=rp_cholesky",
                parameters: r#"{"sampling":"rp_cholesky"}"#,
                suboptimality: 1.8,
                seconds: 3e-3,
                only: Some(("kernel", "needs a positive semi-definite matrix")),
                ..METHOD
            },
            Method {
                label: "nystromformer",
                kind: "nystromformer",
                variant: "",
                parameters: r#"{"pseudoinverse":"iterative"}"#,
                suboptimality: 12.5,
                seconds: 0.5e-3,
                only: Some(("qkv", "needs the queries and keys of an attention head")),
                forms_matrix: false,
                ..METHOD
            },
        ],
        ranks: vec![8, 16, 32, 64],
        precisions: vec!["f64"],
        trials: 3,
        repeats: 10,
        single: (0.5, 1.0),
    }
}

impl Experiment {
    pub fn method(&mut self, kind: &str, variant: &str) -> &mut Method {
        self.methods.iter_mut().find(|method| method.kind == kind && method.variant == variant).unwrap()
    }

    pub fn results(&self) -> Results {
        let mut results = Results {
            name: self.name.to_owned(),
            matrices: vec![],
            spectra: vec![],
            cells: vec![],
            samples: vec![],
            summary: vec![],
            measurements: vec![],
            variants: vec![],
            provenance: serde_json::json!({
                "seed": "7",
                "warmup": 2,
                "date": "2026-01-31T23:59:59Z",
                "commit": "0123456789abcdef",
                "dirty": false,
                "cpu": "A Processor @ 3.00GHz",
                "cores": 2,
                "memory_bytes": 8u64 << 30,
                "turbo": "unknown",
                "load_average": [0.25, 0.5, 1.0],
                "threads": 1,
                "build": { "rustc": "rustc 1.95.0", "profile": "dev" },
                "earlier_sessions": [{}],
            }),
            spec: self.spec.clone(),
        };
        for precision in &self.precisions {
            for family in &self.families {
                for variant in &family.variants {
                    results.matrices.push(family.matrix(variant, precision));
                    results.spectra.extend(family.spectrum(variant, precision));
                    self.add_cells(&mut results, family, variant, precision);
                }
            }
        }
        let formed: Vec<_> = results.matrices.clone();
        let forms = |cell: &CellRow, _: Option<u64>| {
            let matrix = formed.iter().find(|row| {
                (&row.problem, &row.problem_variant, &row.precision)
                    == (&cell.problem, &cell.problem_variant, &cell.precision)
            });
            let reads = self.methods.iter().any(|method| method.forms_matrix && method.kind == cell.method_kind);
            matrix.filter(|_| reads)?.form_seconds
        };
        results.summary = summarise(&results.matrices, &results.cells, &results.samples, forms).unwrap();
        results
    }

    fn add_cells(&self, results: &mut Results, family: &Family, variant: &str, precision: &&'static str) {
        for method in &self.methods {
            for &rank in &self.ranks {
                let trials = if method.kind == "truncated_svd" { 1 } else { self.trials };
                for trial in 0..trials {
                    let id = format!("{:032x}", results.cells.len());
                    let mut cell = cell(&id, family, variant, precision, method, (rank, trial, trials));
                    let (time, excess) = if *precision == "f32" { self.single } else { (1.0, 1.0) };
                    cell.relative_frobenius_error = cell.relative_frobenius_error.map(|error| error * excess);
                    if cell.status == Status::Completed {
                        results.samples.extend((0..self.repeats).map(|repeat| {
                            // Evenly spread around the median, whatever the number of repeats.
                            let at = (repeat as f64 + 0.5) / self.repeats as f64 * 2.0 - 1.0;
                            SampleRow {
                                cell: id.clone(),
                                repeat,
                                position: repeat,
                                factor_seconds: method.seconds * time * (1.0 + method.spread * at),
                                apply_seconds: 1e-4,
                                machine: None,
                            }
                        }));
                    }
                    results.cells.push(cell);
                }
            }
        }
    }
}

impl Family {
    fn matrix(&self, variant: &str, precision: &str) -> MatrixRow {
        MatrixRow {
            problem: self.label.to_owned(),
            problem_variant: variant.to_owned(),
            precision: precision.to_owned(),
            problem_kind: self.kind.to_owned(),
            problem_parameters: self.parameters.to_owned(),
            rows: 512,
            columns: 512,
            numerical_rank: Some(self.numerical_rank),
            stable_rank: Some(3.25),
            effective_rank: Some(120.5),
            rank_energy_90: Some(17),
            rank_energy_99: Some(self.rank_energy_99),
            rank_energy_999: Some(130),
            frobenius_norm: Some(22.5),
            spectral_norm: Some(17.5),
            form_seconds: None,
        }
    }

    fn spectrum(&self, variant: &str, precision: &str) -> Vec<SpectrumRow> {
        let row = |index: u64| SpectrumRow {
            problem: self.label.to_owned(),
            problem_variant: variant.to_owned(),
            precision: precision.to_owned(),
            index,
            singular_value: self.decay.powi(index as i32),
            cumulative_energy: 1.0 - self.decay.powi(2 * index as i32),
        };
        (1..=64).map(row).collect()
    }
}

fn cell(
    id: &str,
    family: &Family,
    variant: &str,
    precision: &str,
    method: &Method,
    (rank, trial, trials): (u64, u64, u64),
) -> CellRow {
    let refused = method.only.filter(|(kind, _)| *kind != family.kind).map(|(_, reason)| reason);
    let runs = refused.is_none();
    let optimum = family.decay.powi(rank as i32);
    // Draws lie evenly around the middle one, 10 % of their excess apart.
    let off = (trial as f64 - (trials - 1) as f64 / 2.0) * 0.1;
    let suboptimality = 1.0 + (method.suboptimality - 1.0) * (1.0 + off);
    let attention = runs && family.kind == "qkv";
    let is_randomized = runs && method.kind == "randomized_svd";
    CellRow {
        cell: id.to_owned(),
        problem: family.label.to_owned(),
        problem_variant: variant.to_owned(),
        precision: precision.to_owned(),
        method: method.label.to_owned(),
        method_variant: method.variant.to_owned(),
        method_kind: method.kind.to_owned(),
        role: None,
        method_parameters: method.parameters.to_owned(),
        target_rank: rank,
        asked_rank: None,
        trial,
        seed: trial.to_string(),
        status: if runs { Status::Completed } else { Status::Skipped },
        reason: refused.map(str::to_owned),
        notes: (runs && method.kind == "nystrom").then(|| "core of numerical rank 7 of 8".to_owned()),
        rank: runs.then_some(rank),
        relative_frobenius_error: runs.then_some(optimum * suboptimality),
        relative_spectral_error: runs.then_some(optimum * suboptimality),
        optimal_frobenius_error: runs.then_some(optimum),
        optimal_spectral_error: runs.then_some(optimum),
        suboptimality: runs.then_some(suboptimality),
        relative_output_error: runs.then_some(optimum * suboptimality / 2.0),
        measured_rows: None,
        frobenius_error_low: None,
        frobenius_error_high: None,
        output_error_low: None,
        output_error_high: None,
        row_sum_deviation: attention.then_some(0.0625),
        negative_mass: attention.then_some(0.015_625),
        kl_divergence: attention.then_some(0.25),
        top1_agreement: attention.then_some(0.875),
        error_bound: is_randomized.then_some(optimum * 4.0),
        bound_tightness: is_randomized.then_some(suboptimality / 4.0),
        bound_source: is_randomized.then(|| "HMT 2011, Theorem 10.5 with truncation".to_owned()),
        parameters: runs.then_some(rank * 1024),
        bytes: runs.then_some(rank * 1024 * 8),
        factor_flops: runs.then_some(1_000_000 * rank),
        apply_flops: runs.then_some(65_536 * rank),
        peak_bytes: runs.then_some(1 << 20),
        output_peak_bytes: None,
    }
}

//! Measurements as studies would leave them, from closed formulas.

use factoreo::table::{MeasurementRow, Results, Status};

use super::synthetic;

struct Writer<'a> {
    results: &'a mut Results,
    study: &'static str,
    kind: &'static str,
    variant: String,
}

impl Writer<'_> {
    fn add(&mut self, series: &str, x: Option<f64>, quantity: &str, value: f64) {
        for trial in 0..7 {
            self.results.measurements.push(MeasurementRow {
                cell: format!("{}{}{trial}", self.study, self.variant),
                study: self.study.to_owned(),
                study_variant: self.variant.clone(),
                study_kind: self.kind.to_owned(),
                study_parameters: "{}".to_owned(),
                trial,
                seed: "1".to_owned(),
                series: series.to_owned(),
                x,
                quantity: quantity.to_owned(),
                unit: "1".to_owned(),
                value: Some(value * (1.0 + 0.02 * (trial as f64 - 3.0))),
                status: Status::Completed,
                reason: None,
            });
        }
    }
}

/// Every kind of figure of a study, with long names, many curves, and numbers a logarithmic axis does not show.
pub fn studies() -> Results {
    let mut results = synthetic::empty("studies");
    for variant in ["samples=60, noise=0.25", "samples=60, noise=1", "samples=160, noise=0.25", "samples=160, noise=1"]
    {
        let (study, kind, variant) = ("regression", "reduced_rank_regression", variant.to_owned());
        let mut writer = Writer { results: &mut results, study, kind, variant };
        for rank in 1..=30 {
            let k = f64::from(rank);
            writer.add("reduced_rank", Some(k), "training_error", 1.0 / k);
            writer.add("reduced_rank", Some(k), "test_error", 0.1 + (k - 5.0).abs() / 30.0);
        }
        writer.add("ridge", None, "test_error", 0.3);
        writer.add("", None, "true_rank", 5.0);
        writer.add("", None, "gavish_donoho_rank", 5.0);
    }
    for which in ["flat_spectrum", "unshifted_nystrom", "exact_pseudoinverse", "unknown_to_all_words"] {
        let variant = format!("which={which}");
        let mut writer = Writer { results: &mut results, study: "atlas", kind: "failure", variant };
        writer.add("bad", None, "error", 1.0);
        writer.add("cure", None, "error", if which == "flat_spectrum" { 1.0 } else { 1e-13 });
        writer.add("", None, "no_answer", f64::from(u8::from(which == "unshifted_nystrom")));
    }
    let variant = "figure=rank_collapse".to_owned();
    let mut writer = Writer { results: &mut results, study: "published", kind: "reproduction", variant };
    for depth in 0..=6 {
        let x = f64::from(depth);
        writer.add("attention_alone", Some(x), "distance", if depth == 6 { 0.0 } else { 10f64.powf(-x * x / 2.0) });
        writer.add("with_skip_connections", Some(x), "distance", 0.9);
    }
    for (nth, share) in [0.25, 0.5, 1.0].into_iter().enumerate() {
        let variant = format!("rank_share={share}");
        let mut writer = Writer { results: &mut results, study: "both", kind: "light_model", variant };
        for series in ["coreset+svd_llm k=64", "top_k+svd_llm k=64"] {
            writer.add(series, Some(share), "loss_by_rank_share", 0.5 / (nth + 1) as f64);
            writer.add(series, Some(share), "speed_by_rank_share", 1.0 + share);
        }
    }
    results
}

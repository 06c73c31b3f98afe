//! What is said of the weight matrices of linear maps: each beside a matrix that has learnt nothing, what knowing their inputs
//! is worth, and from which rank on y = U(Vx) is slower than y = Wx.

mod findings;
mod latency;
mod tables;

pub use findings::{against_gaussian, whitening};
pub use latency::finding as latency;
pub use tables::tables;

use std::collections::BTreeMap;

use serde_json::Value;

use super::survey::{Family, Method, median};
use crate::table::{CellRow, MatrixRow, Results};

/// The parameters of a matrix, from its row.
fn parameters(matrix: &MatrixRow) -> BTreeMap<String, Value> {
    serde_json::from_str(&matrix.problem_parameters).unwrap_or_default()
}

/// The name of a weight matrix in its file; of others, what tells them apart in their family.
fn tensor(matrix: &MatrixRow) -> String {
    let named = parameters(matrix).get("tensor").and_then(Value::as_str).map(str::to_owned);
    named.unwrap_or_else(|| matrix.problem_variant.clone())
}

/// The layer a weight matrix is of: its name up to the first part that is a number, `encoder.layer.3`.
fn layer(tensor: &str) -> Option<&str> {
    let mut end = 0;
    for part in tensor.split('.') {
        end += part.len();
        if !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()) {
            return Some(&tensor[..end]);
        }
        end += 1;
    }
    None
}

/// The dotted parts that several names of tensors have in common at both ends, with their dots: what a table need say only once.
pub(in crate::report) fn shared(names: &[String]) -> (String, String) {
    let parts: Vec<Vec<&str>> = names.iter().map(|name| name.split('.').collect()).collect();
    let [first, others @ ..] = parts.as_slice() else { return Default::default() };
    if others.is_empty() {
        return Default::default();
    }
    // Of every name something is left.
    let least = parts.iter().map(Vec::len).min().unwrap_or_default().saturating_sub(1);
    let alike = |place: fn(&[&str], usize) -> usize, most: usize| {
        let same = |at: &usize| others.iter().all(|other| other[place(other, *at)] == first[place(first, *at)]);
        (0..most).take_while(same).count()
    };
    let front = alike(|_, at| at, least);
    let back = alike(|parts, at| parts.len() - 1 - at, least - front);
    let dotted = |parts: &[&str]| parts.iter().map(|part| format!("{part}.")).collect::<String>();
    (dotted(&first[..front]), first[first.len() - back..].iter().map(|part| format!(".{part}")).collect())
}

/// ⌊mn/(m+n)⌋: a pair of a higher rank stores more than the matrix.
fn break_even(matrix: &MatrixRow) -> u64 {
    let (m, n) = (matrix.rows, matrix.columns);
    (m * n).checked_div(m + n).unwrap_or(0)
}

/// Half the break-even rank, where the pair stores half of what the matrix does.
fn half(matrix: &MatrixRow) -> u64 {
    break_even(matrix) / 2
}

/// Whether a method is what factors are compared to, not a way to find them.
pub(super) fn is_baseline(method: &Method<'_>) -> bool {
    method.kind == "dense"
}

impl<'a> Family<'a> {
    pub fn is_weight(&self) -> bool {
        self.kind == "weight"
    }

    /// Its matrices, each once: a weight matrix that is run with several batches is one matrix.
    pub fn distinct(&self) -> Vec<&'a MatrixRow> {
        if !self.is_weight() {
            return self.matrices.clone();
        }
        let mut seen: Vec<(Option<Value>, String)> = Vec::new();
        let new = |matrix: &&&MatrixRow| {
            let key = (parameters(matrix).remove("file"), tensor(matrix));
            let new = !seen.contains(&key);
            if new {
                seen.push(key);
            }
            new
        };
        self.matrices.iter().filter(new).copied().collect()
    }

    /// Whether its outputs are those of a text that nothing was fitted to.
    fn is_judged_on_text(&self) -> bool {
        self.matrices.iter().all(|matrix| parameters(matrix).get("evaluation").is_some_and(Value::is_string))
    }
}

impl<'a> Method<'a> {
    /// Median over the draws of a quantity on one matrix at one rank.
    fn at(&self, variant: &str, rank: u64, quantity: fn(&CellRow) -> Option<f64>) -> Option<f64> {
        let own = |cell: &&'a CellRow| cell.problem_variant == variant && cell.target_rank == rank;
        median(self.completed().filter(own).filter_map(quantity).collect())
    }

    fn output_error(&self, matrix: &MatrixRow, rank: u64) -> Option<f64> {
        self.at(&matrix.problem_variant, rank, |cell| cell.relative_output_error)
    }
}

/// The Gaussian matrix of the same shape, or of the transposed one, in the same experiment and precision.
fn gaussian<'a>(results: &'a Results, matrix: &MatrixRow) -> Option<&'a MatrixRow> {
    let sides = |matrix: &MatrixRow| (matrix.rows.min(matrix.columns), matrix.rows.max(matrix.columns));
    let alike = |other: &&MatrixRow| {
        other.problem_kind == "gaussian" && other.precision == matrix.precision && sides(other) == sides(matrix)
    };
    results.matrices.iter().find(alike)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layer_ends_with_the_first_number() {
        assert_eq!(layer("encoder.layer.3.output.dense.weight"), Some("encoder.layer.3"));
        assert_eq!(layer("layers.10.0.weight"), Some("layers.10"));
        assert_eq!(layer("pooler.dense.weight"), None);
        assert_eq!(layer(""), None);
    }

    #[test]
    fn what_names_share_is_whole_parts_and_leaves_something_of_each() {
        let shared = |names: &[&str]| shared(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        let both = |front: &str, back: &str| (front.to_owned(), back.to_owned());
        assert_eq!(shared(&["layer.0.key.weight", "layer.10.output.key.weight"]), both("layer.", ".key.weight"));
        assert_eq!(shared(&["layer.1.query", "layer.10.query"]), both("layer.", ".query"));
        assert_eq!(shared(&["a.b", "a.b.c"]), both("a.", ""));
        assert_eq!(shared(&["w.w", "w.w"]), both("w.", ""));
        assert_eq!(shared(&["a", "b"]), both("", ""));
        assert_eq!(shared(&["a.b.c"]), both("", ""));
        assert_eq!(shared(&[]), both("", ""));
    }
}

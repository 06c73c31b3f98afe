//! The time of y = U(Vx) against that of y = Wx.

use serde::Serialize;
use serde_json::Value;

use super::{break_even, half, is_baseline, parameters, tensor};
use crate::{
    report::{
        comparison::{Ratio, compare, ratio},
        document::{MethodName, Text, Verdict},
        survey::{Family, Method, Survey},
    },
    table::{MatrixRow, Results, SummaryRow},
};

/// One matrix with one batch, and how long its pairs take.
pub struct Latency<'a> {
    pub matrix: &'a MatrixRow,
    /// Tokens at once; `None` if all of the evaluation.
    pub batch: Option<u64>,
    pub dense: &'a SummaryRow,
    /// By rank, ascending.
    pub pairs: Vec<(u64, &'a SummaryRow)>,
}

impl<'a> Latency<'a> {
    /// Of every matrix and batch of a family that was timed, with the first method that factors.
    pub fn of_family(survey: &Survey<'a>, family: &Family<'a>) -> Option<(MethodName, Vec<Self>)> {
        let dense = family.methods.iter().find(|method| is_baseline(method))?;
        let method = family.methods.iter().find(|method| !is_baseline(method))?;
        let time = |matrix: &MatrixRow, method: &Method<'_>, rank| row(survey.results, family, matrix, method, rank);
        let latency = |matrix: &&'a MatrixRow| {
            let dense = time(matrix, dense, matrix.rows.min(matrix.columns))?;
            let at_rank = |&rank: &u64| Some((rank, time(matrix, method, rank)?));
            let pairs: Vec<_> = family.ranks.iter().filter_map(at_rank).collect();
            let batch = parameters(matrix).get("batch").and_then(Value::as_u64);
            (!pairs.is_empty()).then_some(Self { matrix, batch, dense, pairs })
        };
        let all: Vec<Self> = family.matrices.iter().filter_map(latency).collect();
        (!all.is_empty()).then(|| (method.name(), all))
    }

    /// The largest rank measured up to which every pair is measurably faster than the matrix.
    pub fn pays_up_to(&self) -> Option<u64> {
        let faster = self.pairs.iter().take_while(|(_, time)| compare(time, self.dense) == Verdict::Faster);
        faster.last().map(|(rank, _)| *rank)
    }

    /// How many times faster than the matrix the pair at half the break-even rank is.
    fn at_half(&self) -> Option<Ratio> {
        let (_, time) = self.pairs.iter().find(|(rank, _)| *rank == half(self.matrix))?;
        ratio(self.dense, time)
    }
}

/// The times to apply one method on one matrix at one rank.
fn row<'a>(
    results: &'a Results,
    family: &Family<'_>,
    matrix: &MatrixRow,
    method: &Method<'_>,
    rank: u64,
) -> Option<&'a SummaryRow> {
    results.summary.iter().find(|row| {
        row.quantity == "apply_seconds"
            && row.problem == family.part.problem
            && row.precision == family.precision
            && row.problem_variant == matrix.problem_variant
            && row.method == method.label
            && row.method_variant == method.variant
            && row.target_rank == rank
    })
}

#[derive(Serialize)]
struct Finding<'a> {
    family: &'a str,
    method: MethodName,
    matrices: Vec<OfMatrix>,
}

#[derive(Serialize)]
struct OfMatrix {
    tensor: String,
    rows: u64,
    columns: u64,
    break_even: u64,
    half: u64,
    /// The least and the largest rank measured.
    least: u64,
    largest: u64,
    batches: Vec<OfBatch>,
}

#[derive(Serialize)]
struct OfBatch {
    tokens: Option<u64>,
    pays_up_to: Option<u64>,
    at_half: Option<Ratio>,
}

/// Up to which rank factoring pays in storage, and up to which in time.
pub fn finding(survey: &Survey<'_>, family: &Family<'_>) -> Option<Text> {
    let (method, all) = Latency::of_family(survey, family)?;
    let mut matrices: Vec<OfMatrix> = Vec::new();
    for latency in &all {
        let name = tensor(latency.matrix);
        let place = matrices.iter().position(|known| known.tensor == name).unwrap_or(matrices.len());
        if place == matrices.len() {
            matrices.push(OfMatrix {
                tensor: name,
                rows: latency.matrix.rows,
                columns: latency.matrix.columns,
                break_even: break_even(latency.matrix),
                half: half(latency.matrix),
                least: latency.pairs.first()?.0,
                largest: latency.pairs.last()?.0,
                batches: Vec::new(),
            });
        }
        let batch = OfBatch { tokens: latency.batch, pays_up_to: latency.pays_up_to(), at_half: latency.at_half() };
        matrices[place].batches.push(batch);
    }
    Some(Text::new("answer/latency", Finding { family: &family.name, method, matrices }))
}

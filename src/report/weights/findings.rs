//! What the answer says of weights and of what is known of their inputs.

use serde::Serialize;

use super::{gaussian, half, tensor};
use crate::report::{
    document::{MethodName, Text},
    survey::{Family, Survey, median},
};

/// Energy ranks beside those of Gaussian matrices.
#[derive(Serialize)]
struct Beside<'a> {
    family: &'a str,
    /// Those with a Gaussian matrix of their shape.
    matrices: usize,
    /// Of them, those that keep the energy in fewer singular values; and the median of their ranks over the Gaussian's.
    fewer_90: usize,
    ratio_90: f64,
    fewer_99: usize,
    ratio_99: f64,
}

pub fn against_gaussian(survey: &Survey<'_>, family: &Family<'_>) -> Option<Text> {
    let distinct = family.distinct();
    let pairs: Vec<_> =
        distinct.iter().filter_map(|matrix| Some((*matrix, gaussian(survey.results, matrix)?))).collect();
    let ranks = |rank: fn(&crate::table::MatrixRow) -> Option<u64>| -> Vec<(u64, u64)> {
        pairs.iter().filter_map(|(matrix, other)| Some((rank(matrix)?, rank(other)?))).collect()
    };
    let ratio = |ranks: &[(u64, u64)]| median(ranks.iter().map(|&(own, other)| own as f64 / other as f64).collect());
    let fewer = |ranks: &[(u64, u64)]| ranks.iter().filter(|(own, other)| own < other).count();
    let (ranks_90, ranks_99) = (ranks(|matrix| matrix.rank_energy_90), ranks(|matrix| matrix.rank_energy_99));
    Some(Text::new(
        "answer/weights_gaussian",
        Beside {
            family: &family.name,
            matrices: pairs.len(),
            fewer_90: fewer(&ranks_90),
            ratio_90: ratio(&ranks_90)?,
            fewer_99: fewer(&ranks_99),
            ratio_99: ratio(&ranks_99)?,
        },
    ))
}

/// A method that knows the inputs against one that does not, at half the break-even rank.
#[derive(Serialize)]
struct Whitening<'a> {
    family: &'a str,
    held_out: bool,
    method: MethodName,
    plain: MethodName,
    /// Matrices both were run on.
    matrices: usize,
    /// Of them, those with the lower output error.
    lower: usize,
    /// The others.
    exceptions: Vec<Exception>,
    median: f64,
    median_plain: f64,
}

#[derive(Serialize)]
struct Exception {
    tensor: String,
    error: f64,
    plain: f64,
}

/// One finding for each method that is fitted to activations.
pub fn whitening(family: &Family<'_>) -> Vec<Text> {
    let fitted = family.methods.iter().filter(|method| matches!(method.kind, "svd_llm" | "asvd"));
    let Some(plain) = family.first_of_kind("truncated_svd") else { return Vec::new() };
    let finding = |method| {
        let mut pairs = Vec::new();
        for matrix in family.distinct() {
            let error = |method: &crate::report::survey::Method<'_>| method.output_error(matrix, half(matrix));
            pairs.extend(error(method).zip(error(plain)).map(|(error, plain)| (tensor(matrix), error, plain)));
        }
        let exceptions: Vec<Exception> = pairs
            .iter()
            .filter(|(_, error, plain)| error >= plain)
            .map(|(tensor, error, plain)| Exception { tensor: tensor.clone(), error: *error, plain: *plain })
            .collect();
        Some(Text::new(
            "answer/whitening",
            Whitening {
                family: &family.name,
                held_out: family.is_judged_on_text(),
                method: method.name(),
                plain: plain.name(),
                matrices: pairs.len(),
                lower: pairs.len() - exceptions.len(),
                exceptions,
                median: median(pairs.iter().map(|(_, error, _)| *error).collect())?,
                median_plain: median(pairs.iter().map(|(.., plain)| *plain).collect())?,
            },
        ))
    };
    fitted.filter_map(finding).collect()
}

//! What single precision costs in error and saves in time, where both were run.

use serde::Serialize;

use crate::report::{
    comparison::{Ratio, compare, ratio},
    document::{MethodName, Text, Verdict},
    survey::{Family, Survey},
    tables::reference_rank,
};

/// The same method in both precisions at one rank.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
struct Errors {
    target_rank: u64,
    single: f64,
    double: f64,
}

/// What is said of one problem run in both precisions.
#[derive(Debug, Serialize)]
struct Halved<'a> {
    family: &'a str,
    method: MethodName,
    /// The least rank at which the error in single precision is over a tenth above that in double.
    limited: Option<Errors>,
    largest: Errors,
    /// Where the times are compared.
    target_rank: Option<u64>,
    faster: Vec<Gain>,
    same: Vec<MethodName>,
    slower: Vec<MethodName>,
}

#[derive(Debug, Serialize)]
struct Gain {
    method: MethodName,
    ratio: Option<Ratio>,
}

/// One finding for each problem with both precisions.
pub fn of(survey: &Survey<'_>) -> Vec<Text> {
    let names = survey.family_names().into_iter();
    names.filter_map(|name| halved(survey.family(name, "f32")?, survey.family(name, "f64")?)).collect()
}

fn halved(single: &Family<'_>, double: &Family<'_>) -> Option<Text> {
    let svd = double.first_of_kind("truncated_svd")?;
    let errors: Vec<Errors> = double
        .ranks
        .iter()
        .filter_map(|&target_rank| {
            let error = |family: &Family<'_>| family.median(svd, target_rank, "relative_frobenius_error");
            Some(Errors { target_rank, single: error(single)?, double: error(double)? })
        })
        .collect();
    let target_rank = reference_rank(double);
    let (mut faster, mut same, mut slower) = (Vec::new(), Vec::new(), Vec::new());
    for method in &double.methods {
        let Some(target_rank) = target_rank else { continue };
        let narrow = single.summary(method, target_rank, "total_seconds");
        let Some((narrow, wide)) = narrow.zip(double.summary(method, target_rank, "total_seconds")) else { continue };
        match compare(narrow, wide) {
            Verdict::Faster => faster.push(Gain { method: method.name(), ratio: ratio(wide, narrow) }),
            Verdict::Slower => slower.push(method.name()),
            Verdict::NoMeasurableDifference => same.push(method.name()),
            Verdict::Unknown => {}
        }
    }
    let data = Halved {
        family: &double.name,
        method: svd.name(),
        limited: errors.iter().copied().find(|errors| errors.single > 1.1 * errors.double),
        largest: *errors.last()?,
        target_rank,
        faster,
        same,
        slower,
    };
    Some(Text::new("answer/precision", data))
}

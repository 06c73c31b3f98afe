//! The answer to an experiment's question: what the tables say, as numbers and flags for sentences to be made of.
//!
//! Every finding is computed, and so is its tone: what was expected and did not happen reaches the template as a flag, and the
//! template says that it did not happen.

mod accuracy;
mod precision;
mod rank;
mod replicates;
mod soundness;
mod speed;
mod vectors;

use super::{
    document::{MethodName, Text},
    lattice,
    survey::{Family, Method, Survey},
    sweeps, weights,
};

pub use rank::least_rank_within;

/// The relative Frobenius error the answer asks for.
pub const TARGET_ERROR: f64 = 0.1;

/// One sentence or two for each finding, the experiment's main matrices first.
pub fn findings(survey: &Survey<'_>) -> Vec<Text> {
    let told_by_parameters = survey.results.told_by_parameters();
    let is_told = |family: &Family<'_>| {
        told_by_parameters.contains(&(family.part.problem.to_owned(), family.precision.to_owned()))
    };
    let lead = survey.lead_precision();
    let families: Vec<_> =
        survey.families.iter().filter(|family| family.precision == lead && !is_told(family)).collect();
    let lattices = survey.results.lattices();
    let of_parameters = lattices.iter().filter(|lattice| lattice.precision == lead).flat_map(lattice::findings);
    let lead = lead_kind(&families);
    let (mut leads, mut others): (Vec<&Family<'_>>, Vec<&Family<'_>>) =
        families.into_iter().partition(|family| lead.is_none_or(|lead| family.kind == lead));
    let mut findings = Vec::new();
    for family in leads.iter().chain(&others) {
        if let Some(sweep) = &family.sweep {
            findings.extend(sweeps::rank_growth(family, sweep));
            findings.extend(sweeps::growth(family, sweep));
            findings.extend(sweeps::ends(family, sweep));
        }
    }
    // What follows speaks of ranks, and of a family as a whole.
    leads.retain(|family| family.sweep.is_none());
    others.retain(|family| family.sweep.is_none());
    for family in &leads {
        findings.extend(rank::energy(family));
        findings.extend(rank::least(family));
        findings.extend(accuracy::randomized_svd(family));
        findings.extend(accuracy::nystromformer(family));
        if family.is_weight() {
            findings.extend(weights::against_gaussian(survey, family));
            findings.extend(weights::whitening(family));
            findings.extend(weights::latency(survey, family));
            continue;
        }
        findings.extend(replicates::agreement(family));
        findings.extend(speed::at_equal_rank(family));
        findings.extend(speed::at_equal_error(family));
    }
    findings.extend(of_parameters);
    for family in &others {
        findings.extend(rank::of_other(family));
        findings.extend(replicates::agreement(family));
        findings.extend(accuracy::nystromformer(family));
    }
    for family in leads.iter().chain(&others) {
        findings.extend(accuracy::nystrom(family));
    }
    findings.extend(vectors::findings(survey));
    findings.extend(precision::of(survey));
    findings.extend(soundness::of(survey));
    findings
}

/// Real heads are what an experiment is about if it has any, then real weights, synthetic attention otherwise, and else everything.
fn lead_kind(families: &[&Family<'_>]) -> Option<&'static str> {
    ["qkv", "weight", "attention"].into_iter().find(|&kind| families.iter().any(|family| family.kind == kind))
}

impl Method<'_> {
    /// What identifies it to a reader.
    pub fn name(&self) -> MethodName {
        MethodName { kind: self.kind.to_owned(), label: self.label.to_owned(), variant: self.variant.to_owned() }
    }
}

//! The claims of the assignment, each with its verdict, the evidence for it and the rows that evidence stands in.

use serde::Serialize;

use super::document::{Block, Document, Item, Table, Text};
use crate::{
    claim::{Claim, Condition, Judgement, Place, Threshold, Topic, Verdict, judge_all, overall},
    table::Results,
};

/// A claim of a spec, judged on its experiment.
pub struct Evidence<'a> {
    pub label: &'a str,
    pub claim: &'a Claim,
    pub experiment: &'a str,
    /// The file of the table its numbers stand in.
    file: String,
    pub judgement: Judgement,
}

/// Every claim of some experiments, judged.
pub fn gather<'a>(experiments: impl Iterator<Item = (&'a [(String, Claim)], &'a Results)>) -> Vec<Evidence<'a>> {
    let mut evidence = Vec::new();
    for (claims, results) in experiments {
        let judgements = judge_all(claims.iter().map(|(_, claim)| claim), results);
        for ((label, claim), judgement) in claims.iter().zip(judgements) {
            let file = results.file_of(match (&claim.study, claim.quantity.starts_with("rank_energy")) {
                (Some(_), _) => "measurements",
                (None, true) => "matrices",
                (None, false) => "summary",
            });
            evidence.push(Evidence { label, claim, experiment: &results.name, file, judgement });
        }
    }
    evidence
}

/// What an experiment claims, each with its verdict; nothing where its spec claims nothing.
pub fn lay_out(document: &mut Document, evidence: &[Evidence<'_>], experiment: &str) {
    let evidence: Vec<&Evidence<'_>> = evidence.iter().filter(|evidence| evidence.experiment == experiment).collect();
    if evidence.is_empty() {
        return;
    }
    document.heading(2, Text::plain("heading.claims"));
    document.prose(Text::plain("claim.introduction"));
    document.blocks.push(Block::Table(verdicts(&evidence)));
    for topic in Topic::ALL {
        let own: Vec<&Evidence<'_>> =
            evidence.iter().copied().filter(|evidence| evidence.claim.topic == topic).collect();
        if own.is_empty() {
            continue;
        }
        document.heading(3, Text::plain(format!("claim.topic.{}", topic.name())));
        let ruled = overall(own.iter().map(|evidence| &evidence.judgement.verdict));
        let holding = own.iter().filter(|it| it.judgement.verdict == Verdict::Holds).count();
        document.prose(Text::new("claim.overall", Overall { ruled: name_of(&ruled), holding, statements: own.len() }));
        document
            .blocks
            .push(Block::List(own.iter().map(|evidence| Text::new("claim.statement", Said::of(evidence))).collect()));
    }
}

/// The six claims at a glance.
fn verdicts(evidence: &[&Evidence<'_>]) -> Table {
    let is_claimed = |topic: &Topic| evidence.iter().any(|evidence| evidence.claim.topic == *topic);
    let row = |topic: Topic| {
        let own: Vec<&Evidence<'_>> =
            evidence.iter().copied().filter(|evidence| evidence.claim.topic == topic).collect();
        let ruled = overall(own.iter().map(|evidence| &evidence.judgement.verdict));
        let on_real = own.iter().filter(|evidence| evidence.claim.real_model).count() as u64;
        vec![
            Item::Text(Text::plain(format!("claim.topic.{}", topic.name()))),
            Item::Text(Text::plain(format!("claim.verdict.{}", name_of(&ruled)))),
            Item::Count(Some(own.len() as u64)),
            Item::Count(Some(on_real)),
        ]
    };
    Table {
        label: "claims".to_owned(),
        caption: Text::plain("claim.caption"),
        header: ["claim.column.claim", "claim.column.verdict", "claim.column.statements", "claim.column.real"]
            .map(Item::Word)
            .to_vec(),
        rows: Topic::ALL.into_iter().filter(is_claimed).map(row).collect(),
    }
}

#[derive(Serialize)]
struct Overall {
    ruled: String,
    holding: usize,
    statements: usize,
}

/// What is said of one statement.
#[derive(Serialize)]
pub struct Said<'a> {
    en: &'a str,
    es: &'a str,
    label: &'a str,
    experiment: &'a str,
    file: &'a str,
    real_model: bool,
    quantity: &'a str,
    ratio: bool,
    exponent: bool,
    threshold: Option<Threshold>,
    proviso: Option<(&'a str, Threshold)>,
    ruled: String,
    /// The least and the greatest value of what must be on its side too.
    proviso_found: Option<(f64, f64)>,
    condition: Option<&'a Condition>,
    along: Option<&'a str>,
    places: usize,
    least: Option<&'a Place>,
    greatest: Option<&'a Place>,
    /// Of these two the one nearer to what is claimed, and the other.
    best: Option<&'a Place>,
    worst: Option<&'a Place>,
}

impl<'a> Said<'a> {
    pub fn of(evidence: &'a Evidence<'_>) -> Self {
        let Evidence { label, claim, experiment, file, judgement } = evidence;
        let by_value = |a: &&Place, b: &&Place| a.value.total_cmp(&b.value);
        let ends = [judgement.places.iter().min_by(by_value), judgement.places.iter().max_by(by_value)];
        let [least, greatest] = ends;
        let [best, worst] = match claim.threshold() {
            Some(threshold) if !threshold.below => [greatest, least],
            _ => ends,
        };
        let condition = match &judgement.verdict {
            Verdict::Conditional(condition) => Some(condition),
            _ => None,
        };
        let provisos = || judgement.places.iter().filter_map(|place| place.proviso);
        Self {
            en: &claim.en,
            es: &claim.es,
            label,
            experiment,
            file,
            real_model: claim.real_model,
            quantity: &claim.quantity,
            ratio: claim.is_ratio(),
            exponent: claim.exponent,
            threshold: claim.threshold(),
            proviso: claim.proviso(),
            ruled: name_of(&judgement.verdict.ruled()),
            proviso_found: provisos().reduce(f64::min).zip(provisos().reduce(f64::max)),
            condition,
            along: claim.along.as_deref(),
            places: judgement.places.len(),
            least,
            greatest,
            best,
            worst,
        }
    }
}

/// As the words of the report are keyed.
fn name_of(ruled: &impl Serialize) -> String {
    serde_json::to_value(ruled).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        language::Language,
        report::wording::{Numbering, References, Wording},
    };

    #[test]
    fn one_statement_is_not_said_to_be_several() {
        for language in Language::ALL {
            let wording = Wording::new(language, Numbering::default(), References::Plain).unwrap();
            for ruled in ["holds", "fails", "conditional", "inconclusive", "not_measured"] {
                for (statements, holding) in [(1, 0), (1, 1), (2, 0), (2, 1), (3, 1), (3, 2)] {
                    let overall = Overall { ruled: ruled.to_owned(), holding, statements };
                    let said = wording.text(&Text::new("claim.overall", overall)).unwrap();
                    for wrong in ["1 statements", "1 enunciados", "none of its 1", "ninguno de sus 1"] {
                        assert!(!said.contains(wrong), "{said}");
                    }
                    // Where none holds everywhere there are no others, and where all but one do there is one other.
                    let others = ["others", "los demás"].iter().any(|word| said.contains(word));
                    assert!(!others || (holding > 0 && statements - holding > 1), "{said}");
                }
            }
        }
    }
}

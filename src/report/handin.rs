//! The report that is handed in: the question, the answer as one table, then half a page and a figure for each claim of the
//! assignment, methods, limits, how to repeat it. Everything else that was measured stands in the annexes.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    ReportError, answer,
    chapters::{self, Chapter},
    claims::{Evidence, Said},
    document::{Block, Document, Illustration, Item, Table, Text},
    studies,
    wording::in_words,
};
use crate::{
    claim::{Topic, Verdict},
    figure::{self, Figure, FigureKind},
    language::Language,
};

/// Findings that an experiment without claims has in the hand-in, if nothing claims anything.
const FINDINGS: usize = 3;

/// The figure that decides each topic, where its claims lie along a number: by experiment.
///
/// # Errors
/// A fault of the drawing library.
pub fn draw(evidence: &[Evidence<'_>], language: Language) -> Result<Vec<(String, Figure)>, ReportError> {
    let mut figures = Vec::new();
    for topic in Topic::ALL {
        for found in by_topic(evidence, topic) {
            let title = title(found, language);
            let drawn = figure::draw_claim(found.label, found.claim, &found.judgement, &title, language)
                .map_err(|source| ReportError::Figure { experiment: found.experiment.to_owned(), source })?;
            if let Some(drawn) = drawn {
                figures.push((found.experiment.to_owned(), drawn));
                break;
            }
        }
    }
    Ok(figures)
}

/// The claim with its verdict, as one line without marks.
fn title(found: &Evidence<'_>, language: Language) -> String {
    let claim = match language {
        Language::English => &found.claim.en,
        Language::Spanish => &found.claim.es,
    };
    let (yes, no, open) = match language {
        Language::English => ("yes", "no", "undecided"),
        Language::Spanish => ("sí", "no", "sin decidir"),
    };
    let verdict = match &found.judgement.verdict {
        Verdict::Holds => yes.to_owned(),
        Verdict::Fails => no.to_owned(),
        Verdict::Conditional(condition) => {
            // Where it holds; how many places more is told below.
            let words = in_words(condition, language).replace(['\\', '`'], "");
            words.split(';').next().unwrap_or_default().to_owned()
        }
        Verdict::Inconclusive | Verdict::NotMeasured => open.to_owned(),
    };
    format!("{}: {verdict}", claim.trim_end_matches('.'))
}

/// Those of one topic: what decides first. A claim that is decided along a range says more than one that holds or fails
/// everywhere, and these more than one that names places; those that stand beside the topic come last.
fn by_topic<'e, 'a>(evidence: &'e [Evidence<'a>], topic: Topic) -> Vec<&'e Evidence<'a>> {
    let mut own: Vec<&Evidence<'_>> = evidence
        .iter()
        .filter(|found| found.claim.topic == topic && found.judgement.verdict != Verdict::NotMeasured)
        .collect();
    let rank = |found: &&Evidence<'_>| match &found.judgement.verdict {
        Verdict::Conditional(condition)
            if condition.clauses.len() == 1 && found.judgement.places.iter().all(|place| place.at.is_some()) =>
        {
            0
        }
        Verdict::Holds => 1,
        Verdict::Fails => 2,
        _ => 3,
    };
    own.sort_by_key(|found| (found.claim.beside_en.is_some(), rank(found), found.claim.real_model));
    own
}

/// The hand-in.
pub fn lay_out(chapters: &[Chapter<'_>], evidence: &[Evidence<'_>], figures: &[(String, Figure)]) -> Document {
    let mut document = Document::default();
    document.heading(1, Text::plain("title.report"));
    document.heading(2, Text::plain("heading.question"));
    document.prose(Text::plain("handin/question"));
    document.heading(2, Text::plain("heading.answer"));
    document.prose(Text::plain("handin/answer"));
    if evidence.is_empty() {
        findings(&mut document, chapters);
    } else {
        document.prose(Text::plain("handin.rows"));
        document.blocks.push(Block::Table(table(evidence)));
        document.prose(Text::new("handin.sum", Sum::of(evidence)));
    }
    document.blocks.extend(chapters.iter().filter_map(chapters::missing).map(Block::Prose));
    for topic in Topic::ALL {
        half_page(&mut document, topic, evidence, figures, chapters);
    }
    others(&mut document, chapters);
    document.heading(2, Text::plain("heading.methods"));
    document.prose(Text::plain("handin/methods"));
    document.heading(2, Text::plain("heading.limits"));
    let whole_model = chapters.iter().any(|chapter| studies::of_whole_model(chapter.survey.results));
    document.prose(Text::new("limits", BTreeMap::from([("whole_model", whole_model)])));
    document.heading(2, Text::plain("heading.reproduce"));
    let names: Vec<&str> = chapters.iter().map(|chapter| chapter.survey.results.name.as_str()).collect();
    document.prose(Text::new("reproduce", BTreeMap::from([("experiments", names)])));
    document.heading(2, Text::plain("heading.references"));
    document.blocks.push(Block::References);
    document
}

/// A row of the answer: what is said, whether it holds, by how much, and where not.
fn table(evidence: &[Evidence<'_>]) -> Table {
    let mut rows = Vec::new();
    for topic in Topic::ALL {
        let own = by_topic(evidence, topic);
        let (beside, plain): (Vec<_>, Vec<_>) = own.into_iter().partition(|found| found.claim.beside_en.is_some());
        let leads = [false, true].map(|real| plain.iter().find(|found| found.claim.real_model == real).copied());
        for found in leads.into_iter().flatten().chain(beside) {
            let said = Said::of(found);
            let what = if found.claim.real_model { "handin.said_of_model" } else { "handin.said" };
            let beside = |words: &Option<String>| words.clone().unwrap_or_default();
            let (en, es) = (beside(&found.claim.beside_en), beside(&found.claim.beside_es));
            let words = BTreeMap::from([("topic", topic.name().to_owned()), ("en", en), ("es", es)]);
            rows.push(vec![
                Item::Text(Text::new(what, words)),
                Item::Text(Text::new("handin.verdict", &said)),
                Item::Text(Text::new("handin.best", &said)),
                Item::Text(Text::new("handin.worst", &said)),
            ]);
        }
    }
    Table {
        label: "answer".to_owned(),
        caption: Text::plain("handin.caption"),
        header: ["handin.column.said", "handin.column.verdict", "handin.column.best", "handin.column.worst"]
            .map(Item::Word)
            .to_vec(),
        rows,
    }
}

/// How factoring is used there, the figure that decides, and every statement with what was found.
fn half_page(
    document: &mut Document,
    topic: Topic,
    evidence: &[Evidence<'_>],
    figures: &[(String, Figure)],
    chapters: &[Chapter<'_>],
) {
    let own = by_topic(evidence, topic);
    if own.is_empty() {
        return;
    }
    document.heading(2, Text::plain(format!("claim.topic.{}", topic.name())));
    // Lighter models have a rival that is no factorisation.
    let of_topic = chapters.iter().filter(|_| topic == Topic::LightModels);
    let rivals: Vec<Text> = of_topic.filter_map(|chapter| studies::rivals(chapter.survey.results)).collect();
    let how = format!("handin.how.{}", topic.name());
    document.prose(Text::new(&how, BTreeMap::from([("rivals", !rivals.is_empty())])));
    let figure = own.iter().find_map(|found| {
        let id = figures.iter().find(|(experiment, figure)| {
            experiment == found.experiment
                && figure.kind == FigureKind::Claim
                && figure.id == figure::claim_id(found.label)
        });
        id.map(|(experiment, figure)| Illustration { experiment: experiment.clone(), id: figure.id.clone() })
    });
    let figure = figure.or_else(|| of_growth(&own, chapters));
    document.blocks.extend(figure.map(Block::Figure));
    document.blocks.push(Block::List(own.iter().map(|found| Text::new("handin.statement", Said::of(found))).collect()));
    if !rivals.is_empty() {
        document.blocks.push(Block::List(rivals));
    }
    let mut names: Vec<&str> = own.iter().map(|found| found.experiment).collect();
    names.sort_unstable();
    names.dedup();
    document.prose(Text::new("handin.annexes", BTreeMap::from([("names", names)])));
}

/// Where claims are about exponents: a figure of an annex in which they are slopes.
fn of_growth(own: &[&Evidence<'_>], chapters: &[Chapter<'_>]) -> Option<Illustration> {
    let shows = |kind: FigureKind| {
        own.iter().find_map(|found| {
            let chapter = chapters.iter().find(|chapter| chapter.survey.results.name == found.experiment)?;
            let figure = chapter.figures.iter().find(|figure| figure.id.starts_with(kind.name()))?;
            Some(Illustration { experiment: found.experiment.to_owned(), id: figure.id.clone() })
        })
    };
    shows(FigureKind::RankBySweep).or_else(|| shows(FigureKind::TimeBySweep))
}

/// The most decisive findings of experiments that claim nothing, if nothing does.
fn findings(document: &mut Document, chapters: &[Chapter<'_>]) {
    let mut found = Vec::new();
    for chapter in chapters {
        let survey = &chapter.survey;
        let about =
            BTreeMap::from([("experiment", survey.results.name.as_str()), ("precision", survey.lead_precision())]);
        let all = answer::findings(survey).into_iter().chain(studies::findings(survey.results));
        found.extend(all.take(FINDINGS).map(|finding| finding.with(&about)));
    }
    if found.is_empty() {
        document.prose(Text::plain("nothing_measured"));
    } else {
        document.blocks.push(Block::List(found));
    }
}

/// A line for every experiment: its question, and its annex.
fn others(document: &mut Document, chapters: &[Chapter<'_>]) {
    document.heading(2, Text::plain("heading.annexes"));
    let line = |chapter: &Chapter<'_>| {
        let mut data = chapter.question.clone();
        data.insert("name".to_owned(), chapter.survey.results.name.clone());
        Text::new("handin.annex", data)
    };
    document.blocks.push(Block::List(chapters.iter().map(line).collect()));
}

/// How many statements hold everywhere, somewhere, nowhere.
#[derive(Serialize)]
struct Sum {
    statements: usize,
    holding: usize,
    conditional: usize,
    failing: usize,
    on_model: usize,
}

impl Sum {
    fn of(evidence: &[Evidence<'_>]) -> Self {
        let measured = || evidence.iter().filter(|found| found.judgement.verdict != Verdict::NotMeasured);
        let count = |is: fn(&Verdict) -> bool| measured().filter(|found| is(&found.judgement.verdict)).count();
        Self {
            statements: measured().count(),
            holding: count(|verdict| *verdict == Verdict::Holds),
            conditional: count(|verdict| matches!(verdict, Verdict::Conditional(_))),
            failing: count(|verdict| *verdict == Verdict::Fails),
            on_model: measured().filter(|found| found.claim.real_model).count(),
        }
    }
}

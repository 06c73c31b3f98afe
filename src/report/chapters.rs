//! The annex of an experiment, section by section: what is asked, what was found, how, and where it ends.

use std::collections::{BTreeMap, HashSet};

use serde::Serialize;

use super::{
    answer,
    claims::{self, Evidence},
    document::{Block, Document, Illustration, Text},
    lattice, machines, provenance, studies,
    survey::{Family, Survey},
    tables,
};
use crate::{
    claim::Claim,
    figure::Figure,
    problem::ProblemSpec,
    table::{Status, SummaryRow, parts_of_name},
};

/// An experiment with everything a report says of it.
pub struct Chapter<'a> {
    pub survey: Survey<'a>,
    /// `[title]` of its spec, by language.
    pub title: BTreeMap<String, String>,
    pub question: BTreeMap<String, String>,
    /// What its spec claims, with the labels.
    pub claims: Vec<(String, Claim)>,
    pub protocol: Protocol,
    /// What other machines took than the one that timed most.
    pub elsewhere: Vec<SummaryRow>,
    /// Its figures, in the order they were drawn.
    pub figures: Vec<FigureOf>,
}

/// Which figure, and what it is about.
pub struct FigureOf {
    pub id: String,
    pub family: String,
    pub precision: String,
}

impl FigureOf {
    pub fn of(figure: &Figure) -> Self {
        Self { id: figure.id.clone(), family: figure.family.clone(), precision: figure.precision.clone() }
    }
}

/// How the numbers were taken.
#[derive(Debug, Serialize)]
pub struct Protocol {
    pub seed: Option<String>,
    pub trials: u64,
    /// Timings of one draw that count; 0 if nothing was timed.
    pub repeats: u64,
    pub warmup: Option<u64>,
    pub threads: Option<u64>,
    pub precisions: Vec<String>,
    pub ranks: Vec<u64>,
}

/// The annex of an experiment: all that was measured in it.
pub fn lay_out(chapter: &Chapter<'_>, evidence: &[Evidence<'_>]) -> Document {
    let mut document = Document::default();
    document.heading(1, Text::new("title.experiment", &chapter.title));
    document.blocks.extend(missing(chapter).map(Block::Prose));
    document.prose(Text::plain("introduction"));
    document.heading(2, Text::plain("heading.question"));
    document.prose(Text::new("title.question", &chapter.question));
    claims::lay_out(&mut document, evidence, &chapter.survey.results.name);
    document.heading(2, Text::plain("heading.answer"));
    answer(&mut document, chapter);
    document.heading(2, Text::plain("heading.methods"));
    methods(&mut document, chapter);
    document.heading(2, Text::plain("heading.set_up"));
    set_up(&mut document, chapter);
    document.blocks.extend(provenance::machine(std::slice::from_ref(chapter)).into_iter().map(Block::Table));
    if let Some((text, table)) = machines::told(chapter) {
        document.prose(text);
        document.blocks.push(Block::Table(table));
    }
    document.heading(2, Text::plain("heading.results"));
    document.prose(Text::new("how_to_read", BTreeMap::from([("target", answer::TARGET_ERROR)])));
    results(&mut document, chapter, 3);
    study_results(&mut document, chapter, 3);
    document.heading(2, Text::plain("heading.coverage"));
    coverage(&mut document, chapter);
    document.heading(2, Text::plain("heading.limits"));
    let whole_model = studies::of_whole_model(chapter.survey.results);
    document.prose(Text::new("limits", BTreeMap::from([("whole_model", whole_model)])));
    document.heading(2, Text::plain("heading.reproduce"));
    document.prose(Text::new("reproduce", BTreeMap::from([("experiments", [chapter.survey.results.name.as_str()])])));
    document.heading(2, Text::plain("heading.references"));
    document.blocks.push(Block::References);
    document
}

/// The cells no journal had when the tables were written, and their shares.
pub fn missing(chapter: &Chapter<'_>) -> Option<Text> {
    let results = chapter.survey.results;
    let missing = results.provenance.get("missing")?;
    let experiment = BTreeMap::from([("experiment", results.name.as_str())]);
    Some(Text::new("handin.missing", missing).with(experiment))
}

fn answer(document: &mut Document, chapter: &Chapter<'_>) {
    let survey = &chapter.survey;
    let about = BTreeMap::from([("experiment", survey.results.name.as_str()), ("precision", survey.lead_precision())]);
    let findings = answer::findings(survey).into_iter().chain(studies::findings(survey.results));
    let findings: Vec<Text> = findings.map(|finding| finding.with(&about)).collect();
    if findings.is_empty() {
        document.prose(Text::plain("nothing_measured"));
    } else {
        document.blocks.push(Block::List(findings));
    }
}

/// A paragraph for each kind of method that was used.
fn methods(document: &mut Document, chapter: &Chapter<'_>) {
    for kind in studies::kinds(chapter.survey.results) {
        document.heading(3, Text::plain(format!("study.name.{kind}")));
        document.prose(Text::plain(format!("study.about.{kind}")));
    }
    if chapter.survey.results.cells.is_empty() {
        return;
    }
    document.prose(Text::plain("notation"));
    for kind in chapter.survey.method_kinds() {
        let data = BTreeMap::from([("kind", kind)]);
        document.heading(3, Text::new("heading.method", &data));
        document.blocks.push(Block::Method { kind: kind.to_owned(), text: Text::new("method/unknown", data) });
    }
}

fn set_up(document: &mut Document, chapter: &Chapter<'_>) {
    let survey = &chapter.survey;
    let lead = survey.lead_precision();
    let lead_families =
        || survey.families.iter().filter(|family| family.precision == lead && !family.matrices.is_empty());
    // A problem at several settings is introduced once.
    let families = lead_families().filter(|family| {
        lead_families()
            .find(|other| other.part.problem == family.part.problem)
            .is_some_and(|first| std::ptr::eq(first, *family))
    });
    document.blocks.extend(lattice::design(survey.results, chapter.protocol.trials).map(Block::Table));
    if !survey.families.is_empty() || survey.results.measurements.is_empty() {
        document.blocks.push(Block::List(
            families.map(|family| Text::new(problem_text(family), FamilyText::of(survey, family))).collect(),
        ));
        document.blocks.extend(tables::matrices(survey).map(Block::Table));
        document.prose(Text::new("protocol", &chapter.protocol));
    }
    if !survey.results.measurements.is_empty() {
        document.prose(Text::new("study.protocol", &chapter.protocol));
    }
}

#[derive(Serialize)]
struct FamilyText<'a> {
    family: &'a str,
    kind: &'a str,
    matrices: usize,
    /// What they were read from, as the spec names it.
    file: Option<String>,
    /// What goes through weights, to fit to and to judge on.
    calibration: Option<String>,
    evaluation: Option<String>,
    /// The file is named after all-MiniLM-L6-v2.
    minilm: bool,
}

impl<'a> FamilyText<'a> {
    fn of(survey: &'a Survey<'_>, family: &'a Family<'_>) -> Self {
        let parameters = family.matrices.first().map_or("", |matrix| matrix.problem_parameters.as_str());
        let parameters: BTreeMap<String, serde_json::Value> = serde_json::from_str(parameters).unwrap_or_default();
        let text = |name: &str| parameters.get(name).and_then(serde_json::Value::as_str).map(str::to_owned);
        let file = text("file");
        Self {
            family: family.part.problem,
            kind: family.kind,
            matrices: survey.settings_of(family).map(|family| family.distinct().len()).sum(),
            calibration: text("calibration"),
            evaluation: text("evaluation"),
            minilm: file.as_deref().is_some_and(|file| file.to_lowercase().contains("minilm")),
            file,
        }
    }
}

fn problem_text(family: &Family<'_>) -> String {
    if ProblemSpec::KINDS.contains(&family.kind) {
        format!("problem.{}", family.kind)
    } else {
        // Of results that another version of the program wrote.
        "problem.unknown".to_owned()
    }
}

/// A table of more rows than this is shown on demand.
const MOST_ROWS: usize = 24;

fn results(document: &mut Document, chapter: &Chapter<'_>, level: usize) {
    let survey = &chapter.survey;
    // A study has no precision.
    let about_no_family = |figure: &&FigureOf| {
        !figure.precision.is_empty()
            && survey.family(&figure.family, &figure.precision).is_none()
            && !survey.families.iter().any(|family| family.part.problem == figure.family)
    };
    for figure in chapter.figures.iter().filter(about_no_family) {
        document.blocks.push(illustration(survey, figure));
    }
    let lattices = survey.results.lattices();
    let told_by_parameters = survey.results.told_by_parameters();
    let mut begun: HashSet<&str> = HashSet::new();
    for name in survey.family_names() {
        let problem = parts_of_name(name).0;
        let of_problem = || lattices.iter().filter(|lattice| lattice.problem == problem);
        if begun.insert(problem) && of_problem().next().is_some() {
            document.heading(level, Text::new("heading.family", BTreeMap::from([("family", problem)])));
            for lattice in of_problem() {
                let about = |figure: &&FigureOf| figure.family == problem && figure.precision == lattice.precision;
                document.blocks.extend(chapter.figures.iter().filter(about).map(|figure| illustration(survey, figure)));
                document.blocks.extend(lattice::table(&survey.results.name, lattice).map(Block::Table));
            }
        }
        if told_by_parameters.iter().any(|(told, _)| told == problem) {
            continue;
        }
        document.heading(level, Text::new("heading.family", BTreeMap::from([("family", name)])));
        for (place, precision) in survey.precisions().into_iter().enumerate() {
            let Some(family) = survey.family(name, precision) else { continue };
            let data = BTreeMap::from([("family", name), ("precision", precision)]);
            if place > 0 {
                document.blocks.push(Block::Fold(Text::new("fold.precision", &data)));
            }
            for figure in &chapter.figures {
                if figure.family == name && figure.precision == precision {
                    document.blocks.push(illustration(survey, figure));
                }
            }
            let tables = tables::of_family(survey, family);
            if tables.is_empty() {
                document.prose(Text::new("nothing_completed", &data));
            }
            for table in tables {
                let rows = table.rows.len();
                if rows > MOST_ROWS {
                    let summary = Text::new("fold.rows", BTreeMap::from([("rows", rows)]));
                    document.blocks.extend([Block::Fold(summary), Block::Table(table), Block::EndFold]);
                } else {
                    document.blocks.push(Block::Table(table));
                }
            }
            if place > 0 {
                document.blocks.push(Block::EndFold);
            }
        }
    }
}

/// The figures and tables of every study.
fn study_results(document: &mut Document, chapter: &Chapter<'_>, level: usize) {
    let survey = &chapter.survey;
    for study in studies::all(survey.results) {
        document.heading(level, Text::new("study.heading", BTreeMap::from([("study", &study.label)])));
        for figure in &chapter.figures {
            if figure.precision.is_empty() && figure.family == study.label {
                document.blocks.push(illustration(survey, figure));
            }
        }
        studies::results(document, &survey.results.name, &study);
    }
}

fn illustration(survey: &Survey<'_>, figure: &FigureOf) -> Block {
    Block::Figure(Illustration { experiment: survey.results.name.clone(), id: figure.id.clone() })
}

#[derive(Serialize)]
struct Coverage {
    cells: usize,
    completed: usize,
    skipped: usize,
    failed: usize,
}

fn coverage(document: &mut Document, chapter: &Chapter<'_>) {
    let survey = &chapter.survey;
    if !survey.results.measurements.is_empty() {
        document.prose(Text::new("study.coverage", studies::coverage(survey.results)));
        document.blocks.extend(studies::reasons(survey.results).map(Block::Table));
        if survey.results.cells.is_empty() {
            return;
        }
    }
    let cells = &survey.results.cells;
    let ended = |status| cells.iter().filter(|cell| cell.status == status).count();
    document.prose(Text::new(
        "coverage",
        Coverage {
            cells: cells.len(),
            completed: ended(Status::Completed),
            skipped: ended(Status::Skipped),
            failed: ended(Status::Failed),
        },
    ));
    document.blocks.push(Block::Fold(Text::plain("fold.cells")));
    document.blocks.push(Block::Table(tables::cells_by_method(survey)));
    document.blocks.extend(tables::reasons(survey).map(Block::Table));
    document.blocks.push(Block::EndFold);
}

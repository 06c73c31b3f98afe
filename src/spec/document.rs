//! A whole spec: from its text to an [`Experiment`], or to everything that is wrong with it.

use std::path::Path;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;
use toml::de::DeTable;

use super::{
    Bilingual, Experiment, LARGEST_GRID, Timing, claims,
    diagnostic::{Diagnostic, Problems},
    exclude, family,
    files::{TensorFiles, outlines_of, refuse_absent_models, refuse_impossible_studies},
    grid::{self, Grid},
    pattern::expand_patterns,
    property::properties,
    ranks::{self, Asked},
    section::{Section, Swept, first_values, meaningless, properties_of},
    spelling::is_hidden,
    sweep::Axis,
    syntax::syntax_errors,
    tree::{Content, Entry, Span, Table},
};
use crate::{linalg::Precision, parameters::Invalid, rank::Rank};

/// The keys of a spec outside its tables.
#[derive(JsonSchema)]
#[allow(dead_code, reason = "only its schema is read: two of its fields are swept and no struct holds a sweep")]
pub(super) struct Draws {
    /// Base of every seed: the same spec with the same seed draws the same numbers everywhere.
    pub seed: u64,
    /// Independent draws of every random method and study.
    #[schemars(range(min = 1), default = "one")]
    pub trials: usize,
    /// Arithmetic of the methods: one or both of `f32` and `f64`. Metrics always accumulate in f64.
    #[schemars(default = "double")]
    pub precision: Precision,
    /// k, the rank asked of every method: a number, or what gives it for each problem. Required where there are problems,
    /// unless each of them, or each method, has its own.
    pub target_rank: Rank,
}

fn one() -> usize {
    1
}

fn double() -> Precision {
    Precision::F64
}

/// The keys of [`Draws`] that take lists and ranges.
pub(super) const SWEPT: &[&str] = &["precision", "target_rank"];

/// The tables of a spec, in the order in which they are read best.
pub(super) const TABLES: &[&str] =
    &["title", "question", "timing", "streaming", "problem", "method", "exclude", "study", "claim"];

impl Timing {
    fn check(&self) -> Result<(), Invalid> {
        if (1..10).contains(&self.repeats) {
            let reason = format!("is {}: an interval of the median needs at least 10", self.repeats);
            return Err(Invalid::new("repeats", reason, "write `repeats = 10`, or `repeats = 0` to time nothing"));
        }
        Ok(())
    }
}

/// Reads a spec's text; `name` is the file's stem.
pub(super) fn read(
    source: &str,
    name: &str,
    root: &Path,
    files: &dyn TensorFiles,
) -> Result<Experiment, Vec<Diagnostic>> {
    let (document, syntax) = DeTable::parse_recoverable(source);
    let syntax = syntax_errors(&syntax, source);
    let document = Table::of(document.get_ref());
    let mut problems = Problems::default();
    refuse_hidden_characters(source, &mut problems);
    let experiment = experiment(&document, source, name, root, files, &mut problems);
    match experiment {
        Some(experiment) if syntax.is_empty() && problems.is_empty() => Ok(experiment),
        _ => Err(problems.after_syntax_errors(syntax, source)),
    }
}

fn experiment(
    document: &Table,
    source: &str,
    name: &str,
    root: &Path,
    files: &dyn TensorFiles,
    problems: &mut Problems,
) -> Option<Experiment> {
    let kinds = Kinds::of(document);
    let mut draws = properties_of::<Draws>();
    for property in &mut draws {
        property.required &= kinds.matrices || !OF_MATRICES.contains(&property.name.as_str());
        property.required &= property.name != "target_rank" || !have_ranks_of_their_own(document);
    }
    let section =
        Section { name: "the spec", header: None, properties: &draws, others: TABLES, swept: Swept::Only(SWEPT) };
    let axes = section.read(document, problems);
    let axis = |name: &str| axes.iter().find(|axis| axis.name == name);
    let seed = axis("seed").and_then(|axis| axis.value(0).as_u64());
    let trials = axis("trials").and_then(|axis| usize::try_from(axis.value(0).as_u64()?).ok()).unwrap_or_else(one);

    let title = bilingual(document, "title", problems);
    let question = bilingual(document, "question", problems);
    let timing = timing(document, problems);
    let streaming = match settings(document, "streaming", "for example `streaming.rows = 2048`", problems) {
        Settings::Read(streaming, ..) => Some(streaming),
        Settings::Absent | Settings::Wrong => None,
    };
    let (problem_grids, method_grids) = if kinds.matrices {
        let mut problem_grids = family::read::<crate::problem::ProblemSpec>(document, problems);
        expand_patterns(&mut problem_grids, root, files, problems);
        (problem_grids, family::read::<crate::method::MethodSpec>(document, problems))
    } else {
        refuse_keys_of_matrices(document, problems);
        (Vec::new(), Vec::new())
    };
    let study_grids =
        if kinds.studies { family::read::<crate::study::StudySpec>(document, problems) } else { Vec::new() };

    let excludes = exclude::read(document, [&problem_grids, &method_grids], problems);
    let claims = claims::read(document, problems);

    if let Err(problem) = refuse_too_many_cells(&axes, trials, &problem_grids, &method_grids, &study_grids) {
        // Nothing is expanded: what would be found in a million points is not worth their memory.
        problems.push(problem);
        return None;
    }
    let problem_instances = grid::expand(&problem_grids, problems);
    let method_instances = grid::expand(&method_grids, problems);
    let study_instances = grid::expand(&study_grids, problems);
    refuse_absent_models(&study_grids, &study_instances, root, problems);
    refuse_impossible_studies(&study_grids, &study_instances, root, files, problems);
    let ranks = axis("target_rank").map(grid::ranks).unwrap_or_default();
    let outlines = outlines_of(&problem_grids, &problem_instances, root, files, problems);
    let target_ranks: Vec<Rank> = ranks.iter().map(|(rank, _)| *rank).collect();
    let asked =
        Asked { problems: &problem_instances, outlines: &outlines, methods: &method_instances, ranks: &target_ranks };
    ranks::refuse_impossible(&asked, &ranks, [&problem_grids, &method_grids], streaming.is_some(), problems);
    ranks::refuse_idle_excludes(&asked, &excludes, problems);
    Some(Experiment {
        name: name.to_owned(),
        source: source.to_owned(),
        title: title?,
        question: question?,
        seed: seed?,
        trials,
        precisions: axis("precision").map_or_else(|| vec![double()], precisions),
        target_ranks,
        excludes: excludes.into_iter().map(|(exclude, _)| exclude).collect(),
        timing: timing?,
        streaming,
        problems: problem_instances.into_iter().map(|placed| placed.instance).collect(),
        methods: method_instances.into_iter().map(|placed| placed.instance).collect(),
        studies: study_instances.into_iter().map(|placed| placed.instance).collect(),
        claims,
    })
}

/// What a spec is about: matrices under methods, studies, or both.
#[derive(Debug, Clone, Copy)]
struct Kinds {
    matrices: bool,
    studies: bool,
}

impl Kinds {
    fn of(document: &Table) -> Self {
        let has = |name: &str| document.get(name).is_some();
        let studies = has("study");
        // A spec with neither is told what most specs have.
        Self { matrices: !studies || has("problem") || has("method"), studies }
    }
}

/// Keys that say how methods are run on matrices.
const OF_MATRICES: [&str; 4] = ["target_rank", "precision", "streaming", "exclude"];

/// A key that nothing reads would be believed to mean something.
fn refuse_keys_of_matrices(document: &Table, problems: &mut Problems) {
    for entry in OF_MATRICES.iter().filter_map(|name| document.get(name)) {
        let title = format!("`{}` is for methods, and the spec has studies only", entry.key);
        let help = "remove it, or add a `[problem.LABEL]` and a `[method.LABEL]`";
        problems.push(Diagnostic::new(&entry.key_span, title, "means nothing here", help));
    }
}

fn precisions(axis: &Axis) -> Vec<Precision> {
    axis.values().filter_map(|(value, _)| serde_json::from_value(value).ok()).collect()
}

/// Whether every problem, or every method, has target ranks of its own.
fn have_ranks_of_their_own(document: &Table) -> bool {
    ["problem", "method"].into_iter().any(|family| match document.get(family).map(|entry| &entry.node.content) {
        Some(Content::Table(tables)) if !tables.entries.is_empty() => tables
            .entries
            .iter()
            .all(|entry| matches!(&entry.node.content, Content::Table(table) if table.get("target_rank").is_some())),
        _ => false,
    })
}

/// A table that must be there, or the reason why it cannot be used.
fn table<'a>(document: &'a Table, name: &str, help: &str, problems: &mut Problems) -> Option<(&'a Entry, &'a Table)> {
    let Some(entry) = document.get(name) else {
        problems.push_absence(Diagnostic::of_file(format!("the spec has no `[{name}]`"), help));
        return None;
    };
    let Content::Table(table) = &entry.node.content else {
        let what = entry.node.content.what();
        let title = format!("`{name}` must be a table, not {what}");
        problems.push(Diagnostic::new(&entry.node.span, title, format!("this is {what}"), help));
        return None;
    };
    Some((entry, table))
}

fn bilingual(document: &Table, name: &str, problems: &mut Problems) -> Option<Bilingual> {
    let help = format!("the report is written in both languages: `{name}.en = \"…\"` and `{name}.es = \"…\"`");
    let (entry, table) = table(document, name, &help, problems)?;
    let (before, header) = (problems.count(), family::header_of(entry));
    let section = Section {
        name: &format!("`[{name}]`"),
        header: Some(&header),
        properties: &properties_of::<Bilingual>(),
        others: &[],
        swept: Swept::Only(&[]),
    };
    let axes = section.read(table, problems);
    for axis in &axes {
        let Value::String(text) = axis.value(0) else { continue };
        let title = if text.trim().is_empty() {
            "is empty"
        } else if text.chars().any(|letter| letter.is_control() || is_hidden(letter))
            && !problems.has_within(axis.value_span(0))
        {
            "holds a line break or a character that cannot be seen"
        } else {
            continue;
        };
        let title = format!("`{name}.{}` {title}", axis.name);
        problems.push(Diagnostic::new(axis.value_span(0), title, "one line of text", "write one line of visible text"));
    }
    if problems.count() > before {
        return None;
    }
    serde_json::from_value(Value::Object(first_values(&axes))).ok()
}

fn timing(document: &Table, problems: &mut Problems) -> Option<Timing> {
    let help = "for example `timing.repeats = 10`, with `warmup` and `threads`";
    let (timing, axes, header) = match settings::<Timing>(document, "timing", help, problems) {
        Settings::Absent => return Some(Timing::default()),
        Settings::Wrong => return None,
        Settings::Read(timing, axes, header) => (timing, axes, header),
    };
    if let Err(invalid) = timing.check() {
        let written = axes.iter().find(|axis| axis.name == invalid.parameter);
        let span = written.map_or(&header, |axis| axis.value_span(0));
        problems.push(meaningless(&invalid, "`[timing]`", span));
    }
    Some(timing)
}

/// What a table without sweeps says.
enum Settings<T> {
    Absent,
    /// It is wrong, and the problems say how.
    Wrong,
    /// With its axes, and where its header is.
    Read(T, Vec<Axis>, Span),
}

fn settings<T: JsonSchema + DeserializeOwned>(
    document: &Table,
    name: &str,
    help: &str,
    problems: &mut Problems,
) -> Settings<T> {
    if document.get(name).is_none() {
        return Settings::Absent;
    }
    let Some((entry, table)) = table(document, name, help, problems) else { return Settings::Wrong };
    let (before, header) = (problems.count(), family::header_of(entry));
    let properties = properties(schemars::schema_for!(T).as_value());
    let section = Section {
        name: &format!("`[{name}]`"),
        header: Some(&header),
        properties: &properties,
        others: &[],
        swept: Swept::Only(&[]),
    };
    let axes = section.read(table, problems);
    if problems.count() > before {
        return Settings::Wrong;
    }
    match serde_json::from_value(Value::Object(first_values(&axes))) {
        Ok(read) => Settings::Read(read, axes, header),
        Err(_) => Settings::Wrong,
    }
}

/// Refuses a grid that is too large, from the lengths of its axes alone.
fn refuse_too_many_cells(
    axes: &[Axis],
    trials: usize,
    problems: &[Grid],
    methods: &[Grid],
    studies: &[Grid],
) -> Result<(), Diagnostic> {
    let length = |name: &str| axes.iter().find(|axis| axis.name == name).map_or(1, |axis| axis.count() as u128);
    let sum = |grids: &[Grid]| grids.iter().fold(0, |sum: u128, grid| sum.saturating_add(grid.size()));
    let points = |grids: &[Grid]| sum(grids).max(1);
    let factors = [length("precision"), length("target_rank"), trials as u128, points(problems), points(methods)];
    let of_studies = sum(studies).saturating_mul(trials as u128);
    let cells = factors.into_iter().fold(1, u128::saturating_mul).saturating_add(of_studies);
    if cells <= LARGEST_GRID as u128 {
        return Ok(());
    }
    let swept = axes.iter().chain(problems.iter().chain(methods).chain(studies).flat_map(|grid| &grid.axes));
    let longest = swept.filter(|axis| axis.count() > 1).max_by_key(|axis| axis.count());
    let title = format!("the spec asks for {cells} cells, more than {LARGEST_GRID}");
    let trials_span = axes.iter().find(|axis| axis.name == "trials").map(|axis| axis.value_span(0).clone());
    Err(match (longest, trials_span) {
        (Some(axis), _) if axis.count() >= trials => {
            let help = format!(
                "shorten the longest sweep, `{}` with its {} values, or split the spec",
                axis.name,
                axis.count()
            );
            Diagnostic::new(&axis.span(), title, "the longest sweep", help)
        }
        (_, Some(span)) => Diagnostic::new(&span, title, "too many draws", "ask for fewer trials"),
        _ => Diagnostic::of_file(title, "ask for fewer problems, methods or studies"),
    })
}

/// Characters that make a text read otherwise than it is; the reader of a spec must see what the program sees.
pub(super) fn refuse_hidden_characters(source: &str, problems: &mut Problems) {
    for (start, letter) in source.char_indices().filter(|(start, letter)| is_hidden(*letter) && *start > 0) {
        let title = format!("the invisible character U+{:04X}", letter as u32);
        let span = start..start + letter.len_utf8();
        problems.push(Diagnostic::new(&span, title, "here", "delete it: retype this part of the line"));
    }
}

//! The report: document model, one template folder per language, Markdown, HTML and PDF.
//!
//! Tables are surveyed (`survey`), findings computed from them (`answer`), and both laid out as a document in no language
//! (`chapters`, `document`). Templates and number formats put it into words (`wording`), and `markdown`, `html`
//! and, with the feature of that name, `pdf` write it. `coursework.toml` gives the `cover`.
//! Everything comes from `results/` alone: no clock, no machine, no order that could change.

mod answer;
mod chapters;
mod claims;
mod clause;
mod comparison;
mod cover;
mod document;
mod escape;
mod file;
mod formula;
mod html;
mod markdown;
#[cfg(feature = "pdf")]
mod pdf;
mod provenance;
mod references;
mod studies;
mod survey;
mod sweeps;
mod tables;
mod weights;
mod wording;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use rayon::prelude::{IntoParallelRefIterator, ParallelIterator};

use crate::{
    claim::Claim,
    figure::{self, Figure, FigureError},
    language::Language,
    spec::{self, Diagnostics},
    table::{Results, TableError},
};
use chapters::{Chapter, FigureOf, Protocol};
use document::{Drawing, Drawings};
use html::Edition;
use survey::Survey;

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    #[error("no results under {0}: run a spec first, for example `cargo run -- experiments/rank_sweep.toml`")]
    NoResults(PathBuf),
    #[error("{path}: {source}")]
    Io { path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    Table(#[from] TableError),
    #[error("results of {experiment}: {source}")]
    Figure { experiment: String, source: FigureError },
    #[error(transparent)]
    Cover(#[from] Diagnostics),
    #[error("the formula `{latex}` cannot be set: {reason}")]
    Formula { latex: String, reason: String },
    #[cfg(feature = "pdf")]
    #[error("the PDF cannot be set: {0}")]
    Pdf(String),
    #[error("a template of the report is wrong: {0:#}")]
    Template(#[from] minijinja::Error),
    #[error("the words of the report are wrong: {0}")]
    Words(#[from] toml::de::Error),
}

/// Width of the PNG copies, in pixels: twice the figures' own, for screens of high density.
const PNG_WIDTH: u32 = 1280;

/// Which results a report is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Whole experiments, reported in `report/`.
    Whole,
    /// First looks, reported in `report/quick/` and marked as such: they never mix with the others.
    Quick,
}

/// [`build_of`] the whole experiments.
///
/// # Errors
/// As [`build_of`].
pub fn build(root: &Path, png: bool) -> Result<Vec<PathBuf>, ReportError> {
    build_of(root, Scope::Whole, png)
}

/// Writes `report/report.LANGUAGE.md` with its figures, and `report/index.html` in all languages, from every folder of
/// `results/` that a run has finished, and removes figures that no longer belong. Returns what was written.
///
/// The same results give the same bytes. `png` adds a PNG beside each SVG. A `coursework.toml` beside `results/` gives the cover.
///
/// # Errors
/// There are no results, they or the data of the cover cannot be read, or the report cannot be written.
pub fn build_of(root: &Path, scope: Scope, png: bool) -> Result<Vec<PathBuf>, ReportError> {
    let coursework = spec::coursework(root)?;
    let experiments = read_results(&root.join("results"), scope)?;
    let folder = match scope {
        Scope::Whole => root.join("report"),
        Scope::Quick => root.join("report").join("quick"),
    };
    let mut files = Vec::new();
    let edition = |language: Language| {
        let drawn = draw(&experiments, language)?;
        let chapters: Vec<Chapter<'_>> =
            experiments.iter().zip(&drawn).map(|(results, figures)| chapter(results, figures)).collect();
        let mut document = chapters::lay_out(&chapters);
        if scope == Scope::Quick {
            cover::mark_quick(&mut document);
        }
        if let Some(coursework) = &coursework {
            cover::open(&mut document, coursework);
        }
        Ok((language, drawn, document))
    };
    let editions =
        Language::ALL.par_iter().map(|&language| edition(language)).collect::<Result<Vec<_>, ReportError>>()?;
    let drawings: Vec<Drawings<'_>> =
        editions.iter().map(|(language, drawn, _)| drawings(&experiments, drawn, *language)).collect();
    for ((language, drawn, document), drawings) in editions.iter().zip(&drawings) {
        for (results, figures) in experiments.iter().zip(drawn) {
            for drawn in figures {
                let path = folder.join(figure_path(&results.name, drawn, *language));
                if png {
                    let pixels = figure::to_png(&drawn.svg, PNG_WIDTH)
                        .map_err(|source| ReportError::Figure { experiment: results.name.clone(), source })?;
                    files.push((path.with_extension("png"), pixels));
                }
                files.push((path, drawn.svg.clone().into_bytes()));
            }
        }
        let text = markdown::write(document, drawings, *language)?;
        files.push((folder.join(format!("report.{}.md", language.code())), text.into_bytes()));
        #[cfg(feature = "pdf")]
        files
            .push((folder.join(format!("report.{}.pdf", language.code())), pdf::write(document, drawings, *language)?));
    }
    let page: Vec<Edition<'_>> = editions
        .iter()
        .zip(&drawings)
        // The assignment is in Spanish.
        .rev()
        .map(|((language, _, document), drawings)| Edition { document, drawings, language: *language })
        .collect();
    files.push((folder.join("index.html"), html::write(&page)?.into_bytes()));
    for (path, bytes) in &files {
        file::replace(path, bytes)?;
    }
    let written: Vec<PathBuf> = files.into_iter().map(|(path, _)| path).collect();
    for language in Language::ALL {
        file::remove_others(&folder.join("figures").join(language.code()), &written)?;
    }
    Ok(written)
}

/// Every finished experiment of a scope, by name.
fn read_results(folder: &Path, scope: Scope) -> Result<Vec<Results>, ReportError> {
    let mut experiments = file::folders_with(folder, "provenance.json")?
        .par_iter()
        .filter(|folder| {
            let name = folder.file_name().map(std::ffi::OsStr::to_string_lossy).unwrap_or_default();
            name.ends_with(spec::QUICK_SUFFIX) == (scope == Scope::Quick)
        })
        .map(|folder| Results::read(folder))
        .collect::<Result<Vec<_>, _>>()?;
    experiments.sort_by(|a, b| a.name.cmp(&b.name));
    if experiments.is_empty() { Err(ReportError::NoResults(folder.to_owned())) } else { Ok(experiments) }
}

fn draw(experiments: &[Results], language: Language) -> Result<Vec<Vec<Figure>>, ReportError> {
    let figures = |results: &Results| {
        figure::draw_all(results, language)
            .map_err(|source| ReportError::Figure { experiment: results.name.clone(), source })
    };
    experiments.par_iter().map(figures).collect()
}

/// Where a figure is, from the report.
fn figure_path(experiment: &str, figure: &Figure, language: Language) -> String {
    format!("figures/{}/{experiment}.{}.svg", language.code(), figure.id)
}

fn drawings<'a>(experiments: &'a [Results], drawn: &'a [Vec<Figure>], language: Language) -> Drawings<'a> {
    let mut drawings = Drawings::default();
    for (results, figures) in experiments.iter().zip(drawn) {
        for figure in figures {
            let drawing = Drawing {
                title: figure.title.clone(),
                description: figure.description.clone(),
                path: figure_path(&results.name, figure, language),
                svg: &figure.svg,
            };
            drawings.0.insert((&results.name, figure.id.clone()), drawing);
        }
    }
    drawings
}

fn chapter<'a>(results: &'a Results, figures: &[Figure]) -> Chapter<'a> {
    let survey = Survey::new(results);
    // The run has checked the spec; what an edited copy lacks is left out.
    let spec: toml::Table = results.spec.parse().unwrap_or_default();
    let figure = |figure: &Figure| FigureOf {
        id: figure.id.clone(),
        family: figure.family.clone(),
        precision: figure.precision.clone(),
    };
    Chapter {
        title: texts(&spec, "title", &results.name),
        question: texts(&spec, "question", &results.name),
        claims: claims_of(&spec),
        protocol: protocol(&survey),
        figures: figures.iter().map(figure).collect(),
        survey,
    }
}

/// The claims of a spec, in its order; those an edited copy has made impossible are left out.
fn claims_of(spec: &toml::Table) -> Vec<(String, Claim)> {
    let tables = spec.get("claim").and_then(toml::Value::as_table).into_iter().flatten();
    let claims = tables.filter_map(|(label, table)| Some((label.clone(), table.clone().try_into::<Claim>().ok()?)));
    claims.filter(|(label, claim)| spec::is_label(label) && claim.check().is_ok()).collect()
}

/// A text of the spec in every language; the experiment's name where it has none.
fn texts(spec: &toml::Table, key: &str, name: &str) -> BTreeMap<String, String> {
    let text = |language: Language| {
        let written = spec.get(key).and_then(|texts| texts.get(language.code())).and_then(toml::Value::as_str);
        (language.code().to_owned(), written.unwrap_or(name).to_owned())
    };
    Language::ALL.into_iter().map(text).collect()
}

/// How the numbers were taken, as the run recorded it.
fn protocol(survey: &Survey<'_>) -> Protocol {
    let results = survey.results;
    let recorded = |key: &str| results.provenance.get(key).and_then(serde_json::Value::as_u64);
    let mut ranks: Vec<u64> = results.cells.iter().map(|cell| cell.target_rank).collect();
    ranks.sort_unstable();
    ranks.dedup();
    Protocol {
        seed: results.provenance.get("seed").and_then(serde_json::Value::as_str).map(str::to_owned),
        trials: results
            .cells
            .iter()
            .map(|cell| cell.trial + 1)
            .chain(results.measurements.iter().map(|row| row.trial + 1))
            .max()
            .unwrap_or(0),
        repeats: results.samples.iter().map(|sample| sample.repeat + 1).max().unwrap_or(0),
        warmup: recorded("warmup"),
        threads: recorded("threads"),
        precisions: survey.precisions().into_iter().map(str::to_owned).collect(),
        ranks,
    }
}

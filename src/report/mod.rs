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
mod handin;
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

/// Writes what is handed in, `report/report.LANGUAGE.md` with its figures and `report/index.html` in all languages, and an annex
/// for each folder of `results/` that a run has finished, `report/experiments/NAME.LANGUAGE.md` and `.html`; and removes figures
/// and annexes that no longer belong. Returns what was written.
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
    let editions =
        Language::ALL.par_iter().map(|&language| edition(&experiments, language)).collect::<Result<Vec<_>, _>>()?;
    let mut whole: Vec<Written<'_>> = Vec::new();
    for (language, drawn, of_claims) in &editions {
        let of_claims_named = of_claims.iter().map(|(name, figure)| (name.as_str(), figure));
        let all: Vec<(&str, &Figure)> = named(&experiments, drawn).chain(of_claims_named).collect();
        let path = |experiment: &str, figure: &Figure| folder.join(figure_path(experiment, figure, *language));
        if png {
            let paint = |&(experiment, figure): &(&str, &Figure)| {
                let pixels = figure::to_png(&figure.svg, PNG_WIDTH)
                    .map_err(|source| ReportError::Figure { experiment: experiment.to_owned(), source })?;
                Ok((path(experiment, figure).with_extension("png"), pixels))
            };
            files.extend(all.par_iter().map(paint).collect::<Result<Vec<_>, ReportError>>()?);
        }
        files
            .extend(all.iter().map(|(experiment, figure)| (path(experiment, figure), figure.svg.clone().into_bytes())));
        let chapters: Vec<Chapter<'_>> =
            experiments.iter().zip(drawn).map(|(results, figures)| chapter(results, figures)).collect();
        let mut hand_in = handin::lay_out(&chapters, &handin::evidence(&chapters), of_claims);
        if let Some(coursework) = &coursework {
            cover::open(&mut hand_in, coursework);
        }
        let drawings_of = |place| drawings(&experiments, drawn, of_claims, *language, place);
        whole.push(Written {
            name: None,
            language: *language,
            document: hand_in,
            drawings: drawings_of(Place::HandIn),
        });
        for chapter in &chapters {
            let (name, document) = (Some(chapter.survey.results.name.clone()), chapters::lay_out(chapter));
            whole.push(Written { name, language: *language, document, drawings: drawings_of(Place::Annex) });
        }
    }
    if scope == Scope::Quick {
        whole.iter_mut().for_each(|written| cover::mark_quick(&mut written.document));
    }
    let text = |written: &Written<'_>| Ok((folder.join(written.path("md")), written.markdown()?.into_bytes()));
    files.extend(whole.par_iter().map(text).collect::<Result<Vec<_>, ReportError>>()?);
    #[cfg(feature = "pdf")]
    for written in whole.iter().filter(|written| written.name.is_none()) {
        files.push((
            folder.join(written.path("pdf")),
            pdf::write(&written.document, &written.drawings, written.language)?,
        ));
    }
    let mut names: Vec<Option<String>> = whole.iter().map(|written| written.name.clone()).collect();
    names.sort();
    names.dedup();
    let html = |name: &Option<String>| {
        let (path, html) = page(&whole, name.as_deref())?;
        Ok((folder.join(path), html.into_bytes()))
    };
    files.extend(names.par_iter().map(html).collect::<Result<Vec<_>, ReportError>>()?);
    for (path, bytes) in &files {
        file::replace(path, bytes)?;
    }
    let written: Vec<PathBuf> = files.into_iter().map(|(path, _)| path).collect();
    for language in Language::ALL {
        file::remove_others(&folder.join("figures").join(language.code()), &written)?;
    }
    file::remove_others(&folder.join(ANNEXES), &written)?;
    Ok(written)
}

/// Where the annexes are, from the report.
const ANNEXES: &str = "experiments";

/// Where a document stands: annexes are a folder deeper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    HandIn,
    Annex,
}

/// A document with its figures.
struct Written<'a> {
    /// The experiment it is the annex of; `None` of the hand-in.
    name: Option<String>,
    language: Language,
    document: document::Document,
    drawings: Drawings<'a>,
}

impl Written<'_> {
    /// From the folder of the report.
    fn path(&self, extension: &str) -> String {
        let code = self.language.code();
        match &self.name {
            None => format!("report.{code}.{extension}"),
            Some(name) => format!("{ANNEXES}/{name}.{code}.{extension}"),
        }
    }

    fn markdown(&self) -> Result<String, ReportError> {
        let text = markdown::write(&self.document, &self.drawings, self.language)?;
        // Links are written as from the folder of the report.
        Ok(if self.name.is_some() { text.replace("](../results/", "](../../results/") } else { text })
    }
}

/// The hand-in, or an annex, in all languages on one page.
fn page(whole: &[Written<'_>], name: Option<&str>) -> Result<(PathBuf, String), ReportError> {
    // The assignment is in Spanish.
    let own = whole.iter().filter(|written| written.name.as_deref() == name).rev();
    let editions: Vec<Edition<'_>> = own
        .map(|Written { language, document, drawings, .. }| Edition {
            document,
            drawings,
            language: *language,
            is_brief: name.is_none(),
        })
        .collect();
    let html = html::write(&editions)?;
    Ok(match name {
        Some(name) => (
            PathBuf::from(format!("{ANNEXES}/{name}.html")),
            html.replace("href=\"../results/", "href=\"../../results/"),
        ),
        None => {
            let to_page = |html: String, language: &Language| {
                let code = language.code();
                html.replace(&format!(".{code}.md\">"), &format!(".html#{code}\">"))
            };
            (PathBuf::from("index.html"), Language::ALL.iter().fold(html, to_page))
        }
    })
}

/// What is drawn for one language: the figures of every experiment, and those of the claims.
type Drawn = (Language, Vec<Vec<Figure>>, Vec<(String, Figure)>);

fn edition(experiments: &[Results], language: Language) -> Result<Drawn, ReportError> {
    let drawn = draw(experiments, language)?;
    let chapters: Vec<Chapter<'_>> = experiments.iter().map(|results| chapter(results, &[])).collect();
    let of_claims = handin::draw(&handin::evidence(&chapters), language)?;
    Ok((language, drawn, of_claims))
}

/// Figures with the names of their experiments.
fn named<'a>(experiments: &'a [Results], drawn: &'a [Vec<Figure>]) -> impl Iterator<Item = (&'a str, &'a Figure)> {
    let of = |(results, figures): (&'a Results, &'a Vec<Figure>)| {
        figures.iter().map(|figure| (results.name.as_str(), figure))
    };
    experiments.iter().zip(drawn).flat_map(of)
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

fn drawings<'a>(
    experiments: &'a [Results],
    drawn: &'a [Vec<Figure>],
    of_claims: &'a [(String, Figure)],
    language: Language,
    place: Place,
) -> Drawings<'a> {
    let up = if place == Place::Annex { "../" } else { "" };
    let mut drawings = Drawings::default();
    for (name, figure) in
        named(experiments, drawn).chain(of_claims.iter().map(|(name, figure)| (name.as_str(), figure)))
    {
        let drawing = Drawing {
            title: figure.title.clone(),
            description: figure.description.clone(),
            path: format!("{up}{}", figure_path(name, figure, language)),
            svg: &figure.svg,
        };
        drawings.0.insert((name, figure.id.clone()), drawing);
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

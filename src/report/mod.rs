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
mod lattice;
mod machines;
mod markdown;
mod only;
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

use crate::paths::Shown as _;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use rayon::prelude::{IntoParallelRefIterator, ParallelIterator};

use crate::{
    claim::Claim,
    figure::{self, Figure, FigureError},
    language::Language,
    spec::{self, Diagnostics, Only},
    table::{Results, SummaryRow, TableError},
};
use chapters::{Chapter, FigureOf, Protocol};
use document::{Drawing, Drawings, Text};
use html::Edition;
use survey::Survey;

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    #[error("no results under {}: run a spec first, for example `cargo run -- experiments/rank_sweep.toml`", .0.shown())]
    NoResults(PathBuf),
    #[error("--only {0}: no row under results/ meets all of that")]
    NothingMeets(String),
    #[error("{path}: {source}", path = path.shown())]
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
#[derive(Debug, Clone, PartialEq)]
pub enum Scope {
    /// Whole experiments, reported in `report/`.
    Whole,
    /// First looks, reported in `report/quick/` and marked as such: they never mix with the others.
    Quick,
    /// What meets conditions of whole experiments, reported in `report/only/` and marked as such.
    Only(Only),
}

impl Scope {
    /// The folder below `report/`; empty of whole experiments.
    fn folder(&self) -> &'static str {
        match self {
            Self::Whole => "",
            Self::Quick => "quick",
            Self::Only(_) => "only",
        }
    }
}

/// [`build_of`] the whole experiments.
///
/// # Errors
/// As [`build_of`].
pub fn build(root: &Path, png: bool) -> Result<Vec<PathBuf>, ReportError> {
    build_of(root, &Scope::Whole, png)
}

/// Writes what is handed in, `report/report.LANGUAGE.md` with its figures and `report/index.html` in all languages, and an annex
/// for each folder of `results/` that a run has finished, `report/experiments/NAME.LANGUAGE.md` and `.html`; and removes figures
/// and annexes that no longer belong. Returns what was written.
///
/// The same results give the same bytes. `png` adds a PNG beside each SVG. A `coursework.toml` beside `results/` gives the cover.
///
/// # Errors
/// There are no results, they or the data of the cover cannot be read, or the report cannot be written.
pub fn build_of(root: &Path, scope: &Scope, png: bool) -> Result<Vec<PathBuf>, ReportError> {
    let coursework = spec::coursework(root)?;
    let mut experiments = read_results(&root.join("results"), scope)?;
    let folder = root.join("report").join(scope.folder());
    // What is said of time is said within one machine.
    let elsewhere: Vec<Vec<SummaryRow>> = experiments.iter_mut().map(machines::keep_lead).collect();
    let drawn =
        Language::ALL.par_iter().map(|&language| draw(&experiments, language)).collect::<Result<Vec<_>, _>>()?;
    // What is drawn is the same in every language.
    let figures_of = |results: &Results| {
        let own = drawn[0].iter().filter(|(name, _)| *name == results.name);
        own.map(|(_, figure)| FigureOf::of(figure)).collect()
    };
    let chapters: Vec<Chapter<'_>> = experiments
        .iter()
        .zip(elsewhere)
        .map(|(results, elsewhere)| Chapter { elsewhere, ..chapter(results, figures_of(results)) })
        .collect();
    let evidence = claims::gather(chapters.iter().map(|it| (it.claims.as_slice(), it.survey.results)));
    let decisive = Language::ALL
        .par_iter()
        .map(|&language| handin::draw(&evidence, language))
        .collect::<Result<Vec<_>, ReportError>>()?;
    let mut parts = vec![Part { name: None, document: handin::lay_out(&chapters, &evidence, &decisive[0]) }];
    if let Some(coursework) = &coursework {
        cover::open(&mut parts[0].document, coursework);
    }
    parts.extend(chapters.iter().map(|chapter| Part {
        name: Some(&chapter.survey.results.name),
        document: chapters::lay_out(chapter, &evidence),
    }));
    for part in &mut parts {
        match scope {
            Scope::Whole => {}
            Scope::Quick => cover::mark(&mut part.document, Text::plain("quick_look")),
            Scope::Only(only) => {
                let conditions = BTreeMap::from([("only", only.to_string())]);
                cover::mark(&mut part.document, Text::new("only", conditions));
            }
        }
    }

    let pictures: Vec<Pictures> = Language::ALL
        .into_iter()
        .zip(drawn.into_iter().zip(decisive))
        .map(|(language, (drawn, decisive))| Pictures { language, figures: [drawn, decisive].concat() })
        .collect();
    let mut files: Vec<(PathBuf, Vec<u8>)> = Vec::new();
    for pictures in &pictures {
        let path = |(experiment, figure): &(String, Figure)| figure_path(experiment, figure, pictures.language);
        if png {
            let paint = |of: &(String, Figure)| {
                let pixels = figure::to_png(&of.1.svg, PNG_WIDTH)
                    .map_err(|source| ReportError::Figure { experiment: of.0.clone(), source })?;
                Ok((PathBuf::from(path(of)).with_extension("png"), pixels))
            };
            files.extend(pictures.figures.par_iter().map(paint).collect::<Result<Vec<_>, ReportError>>()?);
        }
        files.extend(pictures.figures.iter().map(|of| (path(of).into(), of.1.svg.clone().into_bytes())));
    }
    let written = parts.par_iter().map(|part| part.write(&pictures, scope)).collect::<Result<Vec<_>, _>>()?;
    files.extend(written.into_iter().flatten());

    let files: Vec<(PathBuf, Vec<u8>)> = files.into_iter().map(|(path, bytes)| (folder.join(path), bytes)).collect();
    for (path, bytes) in &files {
        file::replace(path, bytes)?;
    }
    let written: Vec<PathBuf> = files.into_iter().map(|(path, _)| path).collect();
    for language in Language::ALL {
        file::remove_others(&folder.join("figures").join(language.code()), &[".svg", ".png"], &written)?;
    }
    let of_annexes = Language::ALL.map(|language| format!(".{}.md", language.code()));
    let ends: Vec<&str> = of_annexes.iter().map(String::as_str).chain([".html"]).collect();
    file::remove_others(&folder.join(ANNEXES), &ends, &written)?;
    Ok(written)
}

/// Where the annexes are, from the report.
const ANNEXES: &str = "experiments";

/// The figures of all experiments and of the claims in one language, each with the name of its experiment.
struct Pictures {
    language: Language,
    figures: Vec<(String, Figure)>,
}

impl Pictures {
    /// As a document names them that lies so far `up` from the folder of the report.
    fn drawings(&self, up: &str) -> Drawings<'_> {
        let mut drawings = Drawings::default();
        for (experiment, figure) in &self.figures {
            let drawing = Drawing {
                title: figure.title.clone(),
                description: figure.description.clone(),
                path: format!("{up}{}", figure_path(experiment, figure, self.language)),
                svg: &figure.svg,
            };
            drawings.0.insert((experiment, figure.id.clone()), drawing);
        }
        drawings
    }
}

/// A document of the report, in no language.
struct Part<'a> {
    /// The experiment it is the annex of; `None` of the hand-in.
    name: Option<&'a str>,
    document: document::Document,
}

impl Part<'_> {
    /// As Markdown in each language, as one page in all of them, and the hand-in as PDF: with their paths from the folder of
    /// the report.
    fn write(&self, pictures: &[Pictures], scope: &Scope) -> Result<Vec<(PathBuf, Vec<u8>)>, ReportError> {
        let mut files = Vec::new();
        // Annexes are a folder deeper, and links are written as from the folder of the report.
        let up = if self.name.is_some() { "../" } else { "" };
        let up_to_results = if scope.folder().is_empty() { up.to_owned() } else { format!("{up}../") };
        let drawings: Vec<Drawings<'_>> = pictures.iter().map(|pictures| pictures.drawings(up)).collect();
        for (Pictures { language, .. }, drawings) in pictures.iter().zip(&drawings) {
            let text = markdown::write(&self.document, drawings, *language)?;
            let text = text.replace("](../results/", &format!("]({up_to_results}../results/"));
            files.push((self.path(*language, "md"), text.into_bytes()));
            #[cfg(feature = "pdf")]
            if self.name.is_none() {
                files.push((self.path(*language, "pdf"), pdf::write(&self.document, drawings, *language)?));
            }
        }
        // The assignment is in Spanish.
        let editions = pictures.iter().zip(&drawings).rev().map(|(Pictures { language, .. }, drawings)| Edition {
            document: &self.document,
            drawings,
            language: *language,
            is_brief: self.name.is_none(),
        });
        let mut html = html::write(&editions.collect::<Vec<_>>())?;
        html = html.replace("href=\"../results/", &format!("href=\"{up_to_results}../results/"));
        for code in Language::ALL.map(Language::code) {
            // A page leads to pages.
            html = html.replace(&format!(".{code}.md\">"), &format!(".html#{code}\">"));
        }
        let page = self.name.map_or("index.html".into(), |name| format!("{ANNEXES}/{name}.html"));
        files.push((page.into(), html.into_bytes()));
        Ok(files)
    }

    fn path(&self, language: Language, extension: &str) -> PathBuf {
        let code = language.code();
        match self.name {
            None => format!("report.{code}.{extension}").into(),
            Some(name) => format!("{ANNEXES}/{name}.{code}.{extension}").into(),
        }
    }
}

/// Every finished experiment of a scope, by name.
fn read_results(folder: &Path, scope: &Scope) -> Result<Vec<Results>, ReportError> {
    let mut experiments = file::folders_with(folder, "provenance.json")?
        .par_iter()
        .filter(|folder| {
            let name = folder.file_name().map(std::ffi::OsStr::to_string_lossy).unwrap_or_default();
            name.ends_with(spec::QUICK_SUFFIX) == (*scope == Scope::Quick)
        })
        .map(|folder| Results::read(folder))
        .collect::<Result<Vec<_>, _>>()?;
    experiments.sort_by(|a, b| a.name.cmp(&b.name));
    if let Scope::Only(only) = scope
        && !experiments.is_empty()
    {
        experiments =
            experiments.into_iter().filter_map(|all| only::part(all, only).transpose()).collect::<Result<_, _>>()?;
        if experiments.is_empty() {
            return Err(ReportError::NothingMeets(only.to_string()));
        }
    }
    if experiments.is_empty() { Err(ReportError::NoResults(folder.to_owned())) } else { Ok(experiments) }
}

fn draw(experiments: &[Results], language: Language) -> Result<Vec<(String, Figure)>, ReportError> {
    let figures = |results: &Results| {
        let drawn = figure::draw_all(results, language)
            .map_err(|source| ReportError::Figure { experiment: results.name.clone(), source })?;
        Ok(drawn.into_iter().map(|figure| (results.name.clone(), figure)).collect::<Vec<_>>())
    };
    let drawn = experiments.par_iter().map(figures).collect::<Result<Vec<_>, ReportError>>()?;
    Ok(drawn.into_iter().flatten().collect())
}

/// Where a figure is, from the report.
fn figure_path(experiment: &str, figure: &Figure, language: Language) -> String {
    format!("figures/{}/{experiment}.{}.svg", language.code(), figure.id)
}

fn chapter(results: &Results, figures: Vec<FigureOf>) -> Chapter<'_> {
    let survey = Survey::new(results);
    // The run has checked the spec; what an edited copy lacks is left out.
    let spec: toml::Table = results.spec.parse().unwrap_or_default();
    Chapter {
        title: texts(&spec, "title", &results.name),
        question: texts(&spec, "question", &results.name),
        claims: claims_of(&spec),
        protocol: protocol(&survey),
        elsewhere: Vec::new(),
        figures,
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
    // A baseline has no rank.
    let ranked = results.cells.iter().filter(|cell| cell.role != Some(crate::method::Role::Baseline));
    let mut ranks: Vec<u64> = ranked.map(|cell| cell.target_rank).collect();
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

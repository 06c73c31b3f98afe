//! The figures of a report, as SVG for light and dark pages and as PNG.
//!
//! Each figure is one file that selects rows (`series`) and lays them out on a `chart`; `theme` and `axis` own every
//! colour, marker, tick and letter. Figures read the tables alone.

pub mod names;

mod axis;
mod canvas;
mod chart;
mod inline;
mod label;
mod rank_panel;
mod raster;
mod series;
mod svg;
mod theme;

mod by_parameter;
mod by_share;
mod by_sweep;
mod by_two;
mod claim_plot;
mod error_by_rank;
mod error_by_time;
mod latency_by_rank;
mod spectrum_decay;
mod stochasticity;
mod study;
mod time_by_rank;

pub use claim_plot::{claim_id, draw_claim};
pub use inline::{for_page, page_colours, page_style};
pub use raster::to_png;

use crate::{
    language::Language,
    table::{Part, Results},
};
use series::{Group, Roster};

/// One finished figure.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// Unique among the figures of a report and safe as a file name: `error_by_rank.minilm`, `error_by_rank.minilm.f32`.
    pub id: String,
    pub kind: FigureKind,
    /// The label of the problem's or study's table in the spec.
    pub family: String,
    /// `f64` or `f32`; empty of a study.
    pub precision: String,
    pub title: String,
    /// What is shown, in a few sentences: the SVG's `<desc>`.
    pub description: String,
    /// 640 user units wide; shrinks with its page; dark where the reader prefers dark.
    pub svg: String,
}

/// What a figure shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FigureKind {
    /// Singular values, and the energy of the first j.
    SpectrumDecay,
    /// Relative Frobenius error against target rank, with the optimum and the theoretical bound.
    ErrorByRank,
    /// Relative output error against target rank, of weights.
    OutputErrorByRank,
    /// Seconds against target rank.
    TimeByRank,
    /// Relative Frobenius error against seconds, with the Pareto front.
    ErrorByTime,
    /// What an approximate attention matrix loses of being stochastic, against target rank.
    Stochasticity,
    /// Seconds to the output against a swept number.
    TimeBySweep,
    /// Peak memory against a swept number.
    MemoryBySweep,
    /// Relative Frobenius error against a swept number.
    ErrorBySweep,
    /// Relative output error against a swept number.
    OutputErrorBySweep,
    /// Ranks that keep most of the energy against a swept number.
    RankBySweep,
    /// Relative Frobenius error at one rank against one of several swept parameters.
    ErrorByParameter,
    /// The least possible error at one rank over two swept numbers.
    ErrorMap,
    /// Singular values at several settings, against the share of the size.
    SpectrumByShare,
    /// Relative Frobenius error against the share of the rank, a curve for each size.
    ErrorByShare,
    /// Seconds to apply the pair over seconds to apply the matrix, against target rank.
    LatencyByRank,
    /// What a study found against its horizontal axis, a curve for each series.
    StudyCurves,
    /// The same for each point of the study's grid, a curve for each.
    StudyVariants,
    /// Failing variants, each on a line with its cure.
    Failures,
    /// What a claim is judged by, against the parameter that tells where it holds; drawn for the hand-in.
    Claim,
}

impl FigureKind {
    /// In the order of a report.
    pub const ALL: [Self; 20] = [
        Self::ErrorByParameter,
        Self::ErrorMap,
        Self::ErrorByShare,
        Self::SpectrumByShare,
        Self::SpectrumDecay,
        Self::ErrorByRank,
        Self::OutputErrorByRank,
        Self::TimeByRank,
        Self::ErrorByTime,
        Self::LatencyByRank,
        Self::Stochasticity,
        Self::RankBySweep,
        Self::TimeBySweep,
        Self::MemoryBySweep,
        Self::ErrorBySweep,
        Self::OutputErrorBySweep,
        Self::StudyCurves,
        Self::StudyVariants,
        Self::Failures,
        Self::Claim,
    ];

    /// The first part of a figure's id.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::SpectrumDecay => "spectrum_decay",
            Self::ErrorByRank => "error_by_rank",
            Self::OutputErrorByRank => "output_error_by_rank",
            Self::TimeByRank => "time_by_rank",
            Self::ErrorByTime => "error_by_time",
            Self::Stochasticity => "stochasticity",
            Self::TimeBySweep => "time_by_sweep",
            Self::MemoryBySweep => "memory_by_sweep",
            Self::ErrorBySweep => "error_by_sweep",
            Self::OutputErrorBySweep => "output_error_by_sweep",
            Self::RankBySweep => "rank_by_sweep",
            Self::ErrorByParameter => "error_by_parameter",
            Self::ErrorMap => "error_map",
            Self::SpectrumByShare => "spectrum_by_share",
            Self::ErrorByShare => "error_by_share",
            Self::LatencyByRank => "latency_by_rank",
            Self::StudyCurves => "study_curves",
            Self::StudyVariants => "study_variants",
            Self::Failures => "failures",
            Self::Claim => "claim",
        }
    }

    /// `None` where the tables have nothing to show.
    fn draw(
        self,
        results: &Results,
        group: &Group<'_>,
        roster: &Roster,
        language: Language,
    ) -> Result<Option<Figure>, FigureError> {
        // Pooled over a sweep, curves against rank would be averages over matrices that are meant to differ.
        let swept = group.part.sweep.is_some();
        match self {
            // Of a family at all its settings, of studies and of claims.
            Self::ErrorByParameter
            | Self::ErrorByShare
            | Self::ErrorMap
            | Self::SpectrumByShare
            | Self::StudyCurves
            | Self::StudyVariants
            | Self::Failures
            | Self::Claim => Ok(None),
            Self::RankBySweep => by_sweep::draw_ranks(results, group, language),
            Self::LatencyByRank => latency_by_rank::draw(results, group, language),
            // What was not timed is not about cost.
            Self::MemoryBySweep if !group.is_timed() => Ok(None),
            Self::TimeBySweep | Self::MemoryBySweep | Self::ErrorBySweep | Self::OutputErrorBySweep => {
                by_sweep::draw(self, group, roster, language)
            }
            _ if swept => Ok(None),
            // Weights are factored once and applied ever after: their time is that of y = U(Vx).
            Self::TimeByRank | Self::ErrorByTime if group.is_of_kind(results, "weight") => Ok(None),
            Self::SpectrumDecay => spectrum_decay::draw(results, group, language),
            Self::ErrorByRank => error_by_rank::draw(group, roster, language),
            Self::OutputErrorByRank => error_by_rank::draw_output(results, group, roster, language),
            Self::TimeByRank => time_by_rank::draw(group, roster, language),
            Self::ErrorByTime => error_by_time::draw(group, roster, language),
            Self::Stochasticity => stochasticity::draw(group, roster, language),
        }
    }
}

/// The font of the figures' letters.
#[cfg(feature = "pdf")]
pub(crate) fn font() -> &'static [u8] {
    theme::FONT
}

/// Why a figure could not be drawn: a fault of the program, not of the tables.
#[derive(Debug, thiserror::Error)]
pub enum FigureError {
    #[error("the figure could not be painted: {0}")]
    Draw(String),
    #[error("the painted figure has other tags than the shapes it was made of")]
    Painted,
    #[error("the SVG could not be read back for the PNG: {0}")]
    Read(String),
    #[error("a PNG {0} pixels wide cannot be made")]
    Size(u32),
    #[error("the PNG could not be encoded: {0}")]
    Encode(String),
}

/// Every figure the tables have rows for: by family of problems, then precision (f64 first), then kind; then those of studies.
/// The same tables give the same bytes.
///
/// # Errors
/// A fault of the drawing library; tables of any content are drawn or left out.
pub fn draw_all(results: &Results, language: Language) -> Result<Vec<Figure>, FigureError> {
    let roster = Roster::new(results, language);
    let mut figures: Vec<Figure> = Vec::new();
    let of_lattices = [by_parameter::draw_all, by_two::draw_all, by_share::draw_all];
    for figure in of_lattices
        .iter()
        .map(|draw| draw(results, &roster, language))
        .collect::<Result<Vec<_>, _>>()?
        .into_iter()
        .flatten()
    {
        push_apart(&mut figures, figure);
    }
    let told_by_parameters = results.told_by_parameters();
    let is_told = |part: &Part<'_>| told_by_parameters.contains(&(part.problem.to_owned(), part.precision.to_owned()));
    for group in Group::all(results).into_iter().filter(|group| !is_told(&group.part)) {
        for kind in FigureKind::ALL {
            if let Some(figure) = kind.draw(results, &group, &roster, language)? {
                push_apart(&mut figures, figure);
            }
        }
    }
    for figure in study::draw_all(results, language)? {
        push_apart(&mut figures, figure);
    }
    Ok(figures)
}

/// Adds a figure under an id of its own: labels may differ only in characters unfit for a file name.
fn push_apart(figures: &mut Vec<Figure>, mut figure: Figure) {
    let again = format!("{}~", figure.id);
    let same = figures.iter().filter(|other| other.id == figure.id || other.id.starts_with(&again)).count();
    if same > 0 {
        figure.id = format!("{again}{}", same + 1);
    }
    figures.push(figure);
}

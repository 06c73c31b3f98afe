//! Target ranks against the problems they are asked of, and what `[[exclude]]` leaves of them.

use std::collections::HashSet;

use super::{
    Instance,
    diagnostic::{Diagnostic, Problems},
    exclude::{AtRank, Exclude},
    grid::{Grid, Placed, ranks},
    tree::Span,
};
use crate::{
    method::{MethodSpec, Role},
    problem::{Outline, ProblemSpec, StructureKind},
    rank::Rank,
};

/// Which ranks a method is asked for on a problem: its own, else the problem's, else the spec's.
pub(super) fn asked_of<'a>(
    problem: &'a Instance<ProblemSpec>,
    method: &'a Instance<MethodSpec>,
    of_spec: &'a [Rank],
) -> &'a [Rank] {
    method.target_ranks.as_deref().or(problem.target_ranks.as_deref()).unwrap_or(of_spec)
}

/// What a spec asks of matrices.
pub(super) struct Asked<'a> {
    pub problems: &'a [Placed<ProblemSpec>],
    /// Of each problem, where it is known.
    pub outlines: &'a [Option<Outline>],
    pub methods: &'a [Placed<MethodSpec>],
    pub ranks: &'a [Rank],
}

/// Refuses ranks for which every matrix they are asked of is too small, and those that nothing will ever tell.
pub(super) fn refuse_impossible(
    asked: &Asked<'_>,
    of_spec: &[(Rank, Span)],
    [problem_grids, method_grids]: [&[Grid]; 2],
    is_streamed: bool,
    problems: &mut Problems,
) {
    let known: Vec<Sized> = asked
        .problems
        .iter()
        .zip(asked.outlines)
        .filter_map(|(placed, outline)| Some(Sized { placed, outline: (*outline)?, is_streamed }))
        .collect();
    let of_grids = |grids: &[Grid]| -> Vec<(usize, Vec<(Rank, Span)>)> {
        grids.iter().enumerate().filter_map(|(grid, all)| Some((grid, ranks(all.ranks.as_ref()?)))).collect()
    };
    // Those that the ranks of a table replace are not asked for the spec's.
    let without: Vec<&Sized> = known.iter().filter(|sized| problem_grids[sized.placed.grid].ranks.is_none()).collect();
    refuse_too_large(of_spec, &without, problems);
    for (grid, ranks) in of_grids(problem_grids) {
        let own: Vec<&Sized> = known.iter().filter(|sized| sized.placed.grid == grid).collect();
        refuse_too_large(&ranks, &own, problems);
    }
    for (_, ranks) in of_grids(method_grids) {
        refuse_too_large(&ranks, &known.iter().collect::<Vec<_>>(), problems);
    }
}

struct Sized<'a> {
    placed: &'a Placed<ProblemSpec>,
    outline: Outline,
    is_streamed: bool,
}

impl Sized<'_> {
    fn side(&self) -> usize {
        self.outline.rows.min(self.outline.columns)
    }

    fn has_no_spectrum(&self) -> bool {
        self.is_streamed && matches!(self.outline.structure, StructureKind::Attention { .. })
    }
}

fn refuse_too_large(ranks: &[(Rank, Span)], of: &[&Sized<'_>], problems: &mut Problems) {
    // A rank above the size of some problems is a cell that is skipped; above that of all it is a mistake.
    let Some(largest) = of.iter().max_by_key(|sized| sized.side()) else { return };
    let name = largest.placed.instance.name();
    let mut told = HashSet::new();
    // The ranks of a range share one place: the largest speaks for them.
    for (rank, span) in ranks.iter().rev() {
        let unknown = of.iter().find(|sized| matches!(rank, Rank::Energy(_)) && sized.has_no_spectrum());
        let fits = of.iter().any(|sized| {
            rank.of_shape(sized.outline.rows, sized.outline.columns).is_none_or(|rank| rank <= sized.side())
        });
        if (fits && unknown.is_none()) || !told.insert(span.start) {
            continue;
        }
        let diagnostic = match unknown {
            Some(sized) => {
                let name = sized.placed.instance.name();
                let title =
                    format!("target_rank `{rank}` takes singular values, which attention that is never formed lacks");
                let help = format!("problem `{name}` is streamed: write a number, `\"5 %\"` or `\"0.5 break-even\"`");
                Diagnostic::new(span, title, "never known", help)
            }
            None => {
                let side = largest.side();
                let of = match of.len() {
                    1 => format!("of problem `{name}`"),
                    _ => format!("of every problem, of which `{name}` has the largest"),
                };
                let title = format!("target_rank {rank} is above min(m, n) = {side} {of}");
                Diagnostic::new(span, title, "larger than the matrix", format!("write ranks of at most {side}"))
            }
        };
        problems.push(diagnostic);
    }
}

/// Refuses an `[[exclude]]` that leaves nothing out, and all together if they leave nothing.
pub(super) fn refuse_idle_excludes(asked: &Asked<'_>, excludes: &[(Exclude, Span)], problems: &mut Problems) {
    if excludes.is_empty() || asked.outlines.iter().any(Option::is_none) || asked.methods.is_empty() {
        return;
    }
    let mut used = vec![false; excludes.len()];
    let mut left = false;
    for (problem, outline) in asked.problems.iter().zip(asked.outlines) {
        let Some(outline) = outline else { continue };
        for method in asked.methods {
            let (problem, method) = (&problem.instance, &method.instance);
            let at: Vec<Option<AtRank>> = match method.spec.role() {
                Role::Baseline => vec![None],
                _ => asked_of(problem, method, asked.ranks)
                    .iter()
                    .map(|rank| Some(rank.of_shape(outline.rows, outline.columns).map_or(AtRank::Unknown, AtRank::Of)))
                    .collect(),
            };
            for rank in at {
                let mut out = false;
                for ((exclude, _), used) in excludes.iter().zip(&mut used) {
                    let leaves_out = exclude.leaves_out(problem, method, rank);
                    *used |= leaves_out;
                    // What is not known yet may be left.
                    out |= leaves_out && rank != Some(AtRank::Unknown);
                }
                left |= !out;
            }
        }
    }
    let help = "change or remove a condition: all of them must be met by a cell for it to be left out";
    for ((_, span), _) in excludes.iter().zip(used).filter(|(_, used)| !used) {
        problems.push(Diagnostic::new(span, "an `[[exclude]]` that leaves nothing out", "no cell is so", help));
    }
    if !left {
        let span = &excludes[0].1;
        problems.push(Diagnostic::new(
            span,
            "`[[exclude]]` leaves no cell at all",
            "nothing would be run",
            "exclude less",
        ));
    }
}

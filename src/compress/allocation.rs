//! Which rank each matrix gets under one budget for all of them.
//!
//! A matrix costs `cost_per_rank` for every unit of rank, or `cost_dense` if it is left as it is, whichever is chosen; its error
//! at rank r is given, and is 0 if it is left dense. Three ways to choose:
//!
//! - *uniform*: every matrix gets the same share of its break-even rank. Knows nothing of the errors.
//! - *energy*: every matrix keeps the same share of its energy, `1 − error(r)/error(0)`.
//! - *marginal*: the step that takes most error away for its cost, again and again (Fox 1966, "Discrete optimization via marginal
//!   analysis", Management Science 13). Steps are the edges of the lower convex hull of every matrix's (cost, error) points, so
//!   that leaving a matrix dense, one large step whose whole gain comes at its end, competes fairly. What has been spent when
//!   edges stop to fit is spent optimally: no allocation of that cost has a smaller sum of errors. The rest of the budget, less
//!   than one step of some matrix, goes to the best single steps that still fit.
//!
//! Cost: O(Σ ranks × matrices). Breaks: where errors of different matrices do not add up, which is as good as the errors are
//! scaled; the caller scales them.

use std::cmp::Ordering;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A matrix that may be replaced by a pair.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// The error at rank 0, 1, 2 … min(m, n); not negative, not growing.
    pub errors: Vec<f64>,
    /// What one unit of rank costs.
    pub cost_per_rank: u64,
    /// What the matrix costs as it is.
    pub cost_dense: u64,
}

/// What becomes of one matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    Dense,
    /// At least 1, and so low that the pair costs less than the matrix.
    Rank(usize),
}

/// How ranks are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Allocation {
    Uniform,
    Energy,
    Marginal,
}

impl Candidate {
    /// The largest rank whose pair costs less than the matrix; 0 if no pair does.
    #[must_use]
    pub fn most(&self) -> usize {
        let cheaper = self.cost_dense.saturating_sub(1).checked_div(self.cost_per_rank).unwrap_or(0);
        usize::try_from(cheaper).unwrap_or(usize::MAX).min(self.errors.len().saturating_sub(1))
    }

    /// What a choice costs.
    #[must_use]
    pub fn cost(&self, choice: Choice) -> u64 {
        match choice {
            Choice::Dense => self.cost_dense,
            Choice::Rank(rank) => rank as u64 * self.cost_per_rank,
        }
    }

    /// What a choice leaves as error.
    #[must_use]
    pub fn error(&self, choice: Choice) -> f64 {
        match choice {
            Choice::Dense => 0.0,
            Choice::Rank(rank) => self.errors.get(rank).copied().unwrap_or(0.0),
        }
    }

    fn cheapest(&self) -> Choice {
        if self.most() == 0 { Choice::Dense } else { Choice::Rank(1) }
    }

    /// Rank `rank`, or dense where a pair of it would cost as much.
    fn rank_or_dense(&self, rank: usize) -> Choice {
        if rank > self.most() { Choice::Dense } else { Choice::Rank(rank.max(1)) }
    }

    /// The choices on the lower convex hull of (cost, error), from the cheapest to dense.
    fn hull(&self) -> Vec<Choice> {
        let mut hull: Vec<Choice> = Vec::new();
        for choice in (1..=self.most()).map(Choice::Rank).chain([Choice::Dense]) {
            while let [.., before, last] = hull[..] {
                // A point above the line from the one before it to the one after it, or on it, is no corner.
                if self.gain_rate(before, last) > self.gain_rate(last, choice) {
                    break;
                }
                hull.pop();
            }
            hull.push(choice);
        }
        hull
    }

    /// Error taken away per unit of cost, from a choice to a dearer one.
    fn gain_rate(&self, from: Choice, to: Choice) -> f64 {
        (self.error(from) - self.error(to)) / (self.cost(to) - self.cost(from)) as f64
    }
}

/// The least any allocation costs.
#[must_use]
pub fn least_cost(candidates: &[Candidate]) -> u64 {
    candidates.iter().map(|candidate| candidate.cost(candidate.cheapest())).sum()
}

/// What an allocation costs.
#[must_use]
pub fn total_cost(candidates: &[Candidate], choices: &[Choice]) -> u64 {
    candidates.iter().zip(choices).map(|(candidate, &choice)| candidate.cost(choice)).sum()
}

/// The sum of the errors of an allocation.
#[must_use]
pub fn total_error(candidates: &[Candidate], choices: &[Choice]) -> f64 {
    candidates.iter().zip(choices).map(|(candidate, &choice)| candidate.error(choice)).sum()
}

/// A choice for every matrix, together within the budget; `None` if even [`least_cost`] is beyond it.
#[must_use]
pub fn allocate(candidates: &[Candidate], budget: u64, by: Allocation) -> Option<Vec<Choice>> {
    if least_cost(candidates) > budget {
        return None;
    }
    let dense = vec![Choice::Dense; candidates.len()];
    if total_cost(candidates, &dense) <= budget {
        return Some(dense);
    }
    Some(match by {
        Allocation::Uniform => largest_share(candidates, budget, |candidate, share| {
            let break_even = candidate.cost_dense as f64 / candidate.cost_per_rank as f64;
            candidate.rank_or_dense((share * break_even) as usize)
        }),
        Allocation::Energy => largest_share(candidates, budget, |candidate, share| {
            let allowed = (1.0 - share) * candidate.errors[0];
            let rank = candidate.errors.partition_point(|&error| error > allowed);
            candidate.rank_or_dense(rank)
        }),
        Allocation::Marginal => marginal(candidates, budget),
    })
}

/// The choices at the largest share in [0, 1) that is within the budget, by bisection to the last bit: a larger share must cost
/// no less.
fn largest_share(candidates: &[Candidate], budget: u64, choose: impl Fn(&Candidate, f64) -> Choice) -> Vec<Choice> {
    let at = |share: f64| -> Vec<Choice> {
        candidates
            .iter()
            .map(|candidate| if candidate.most() == 0 { Choice::Dense } else { choose(candidate, share) })
            .collect()
    };
    let (mut low, mut high) = (0.0, 1.0);
    loop {
        let middle = f64::midpoint(low, high);
        if middle <= low || middle >= high {
            return at(low);
        }
        if total_cost(candidates, &at(middle)) <= budget { low = middle } else { high = middle }
    }
}

fn marginal(candidates: &[Candidate], budget: u64) -> Vec<Choice> {
    let mut choices: Vec<Choice> = candidates.iter().map(Candidate::cheapest).collect();
    let mut left = budget - total_cost(candidates, &choices);
    let mut edges: Vec<_> =
        candidates.iter().map(|candidate| candidate.hull().into_iter().skip(1).peekable()).collect();
    loop {
        let open = edges.iter_mut().enumerate();
        let steps = open.filter_map(|(number, edges)| edges.peek().map(|&to| (number, to)));
        let Some((number, to)) = best(candidates, &choices, steps) else { break };
        let cost = candidates[number].cost(to) - candidates[number].cost(choices[number]);
        if cost <= left {
            left -= cost;
            choices[number] = to;
            edges[number].next();
        } else {
            // No edge beyond it is for this matrix, but one of another may still fit.
            edges[number].by_ref().for_each(drop);
        }
    }
    loop {
        let steps = candidates.iter().zip(&choices).enumerate().flat_map(|(number, (candidate, &choice))| {
            let next = match choice {
                Choice::Rank(rank) if rank < candidate.most() => Some(Choice::Rank(rank + 1)),
                _ => None,
            };
            let dense = (choice != Choice::Dense).then_some(Choice::Dense);
            [next, dense].into_iter().flatten().map(move |to| (number, to))
        });
        let fitting = steps
            .filter(|&(number, to)| candidates[number].cost(to) - candidates[number].cost(choices[number]) <= left);
        let Some((number, to)) = best(candidates, &choices, fitting) else { return choices };
        left -= candidates[number].cost(to) - candidates[number].cost(choices[number]);
        choices[number] = to;
    }
}

/// The step that takes most error away for its cost; of equal ones, the first.
fn best(
    candidates: &[Candidate],
    choices: &[Choice],
    steps: impl Iterator<Item = (usize, Choice)>,
) -> Option<(usize, Choice)> {
    let rate = |&(number, to): &(usize, Choice)| candidates[number].gain_rate(choices[number], to);
    steps.min_by(|left, right| rate(right).partial_cmp(&rate(left)).unwrap_or(Ordering::Equal))
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::*, strategy::Strategy as PropStrategy};

    use super::*;

    const ALLOCATIONS: [Allocation; 3] = [Allocation::Uniform, Allocation::Energy, Allocation::Marginal];

    /// An m×n matrix with these squared singular values, descending.
    fn candidate(rows: u64, columns: u64, squares: &[f64]) -> Candidate {
        let mut errors = vec![0.0; squares.len() + 1];
        for (rank, square) in squares.iter().enumerate().rev() {
            errors[rank] = errors[rank + 1] + square;
        }
        Candidate { errors, cost_per_rank: rows + columns, cost_dense: rows * columns }
    }

    fn candidates(most: usize) -> impl PropStrategy<Value = Vec<Candidate>> {
        let one =
            (1..9_u64, 1..9_u64, proptest::collection::vec(0.0..1.0_f64, 8)).prop_map(|(rows, columns, values)| {
                let mut squares = values[..rows.min(columns) as usize].to_vec();
                squares.sort_by(|left, right| right.total_cmp(left));
                candidate(rows, columns, &squares)
            });
        proptest::collection::vec(one, 1..=most)
    }

    /// Every allocation there is.
    fn every(candidates: &[Candidate]) -> Vec<Vec<Choice>> {
        candidates.iter().fold(vec![Vec::new()], |before, candidate| {
            let choices: Vec<Choice> = (1..=candidate.most()).map(Choice::Rank).chain([Choice::Dense]).collect();
            before
                .iter()
                .flat_map(|before| choices.iter().map(move |&choice| [&before[..], &[choice]].concat()))
                .collect()
        })
    }

    proptest! {
        #[test]
        fn the_budget_is_respected_and_every_pair_is_smaller_than_its_matrix(
            candidates in candidates(6), share in 0.0..1.2_f64,
        ) {
            let dense: u64 = candidates.iter().map(|candidate| candidate.cost_dense).sum();
            let budget = (share * dense as f64) as u64;
            for by in ALLOCATIONS {
                match allocate(&candidates, budget, by) {
                    None => prop_assert!(least_cost(&candidates) > budget),
                    Some(choices) => {
                        prop_assert!(total_cost(&candidates, &choices) <= budget);
                        for (candidate, &choice) in candidates.iter().zip(&choices) {
                            if let Choice::Rank(rank) = choice {
                                prop_assert!(rank >= 1 && candidate.cost(choice) < candidate.cost_dense);
                            }
                        }
                    }
                }
            }
        }

        #[test]
        fn a_larger_budget_never_leaves_more_error(candidates in candidates(6), low in 0.0..1.0_f64, more in 0.0..1.0_f64) {
            let dense: u64 = candidates.iter().map(|candidate| candidate.cost_dense).sum();
            let (small, large) = ((low * dense as f64) as u64, ((low + more) * dense as f64) as u64);
            for by in ALLOCATIONS {
                let Some(before) = allocate(&candidates, small, by) else { continue };
                let after = allocate(&candidates, large, by).unwrap();
                let (before, after) = (total_error(&candidates, &before), total_error(&candidates, &after));
                prop_assert!(after <= before * (1.0 + 1e-12) + 1e-12, "{by:?}: {before} → {after}");
            }
        }

        #[test]
        fn what_marginal_spends_on_hull_edges_nobody_spends_better(candidates in candidates(3), share in 0.0..1.0_f64) {
            let dense: u64 = candidates.iter().map(|candidate| candidate.cost_dense).sum();
            let Some(choices) = allocate(&candidates, (share * dense as f64) as u64, Allocation::Marginal) else {
                return Ok(());
            };
            // The allocation by edges alone: every matrix at its last hull point not beyond the choice.
            let on_hull = candidates.iter().zip(&choices).all(|(candidate, choice)| candidate.hull().contains(choice));
            let slopes = candidates.iter().zip(&choices).map(|(candidate, &choice)| {
                let hull = candidate.hull();
                let place = hull.iter().position(|&corner| corner == choice);
                let behind = place.filter(|&place| place > 0).map(|place| candidate.gain_rate(hull[place - 1], choice));
                let ahead = place.and_then(|place| hull.get(place + 1)).map(|&next| candidate.gain_rate(choice, next));
                (behind.unwrap_or(f64::INFINITY), ahead.unwrap_or(0.0))
            });
            let slopes: Vec<(f64, f64)> = slopes.collect();
            let behind = slopes.iter().map(|slope| slope.0).fold(f64::INFINITY, f64::min);
            let ahead = slopes.iter().map(|slope| slope.1).fold(0.0, f64::max);
            // Where the rest of the budget bought no step out of turn, the choice is the best of all that cost as much or less.
            prop_assume!(on_hull && behind >= ahead);
            let spent = total_cost(&candidates, &choices);
            let found = total_error(&candidates, &choices);
            for other in every(&candidates).iter().filter(|other| total_cost(&candidates, other) <= spent) {
                prop_assert!(total_error(&candidates, other) >= found - 1e-12, "{choices:?} at {spent}, better: {other:?}");
            }
        }

        #[test]
        fn of_equal_shapes_without_a_dense_jump_marginal_is_optimal_at_every_budget(
            spectra in proptest::collection::vec(proptest::collection::vec(0.01..1.0_f64, 4), 1..4), units in 1..13_u64,
        ) {
            // Dense costs far more than the full rank, so only ranks compete.
            let candidates: Vec<Candidate> = spectra.iter().map(|values| {
                let mut squares = values.clone();
                squares.sort_by(|left, right| right.total_cmp(left));
                Candidate { cost_dense: 10_000, ..candidate(10, 10, &squares) }
            }).collect();
            let budget = units * 20;
            let Some(choices) = allocate(&candidates, budget, Allocation::Marginal) else { return Ok(()) };
            let found = total_error(&candidates, &choices);
            for other in every(&candidates).iter().filter(|other| total_cost(&candidates, other) <= budget) {
                prop_assert!(total_error(&candidates, other) >= found - 1e-12);
            }
        }
    }

    #[test]
    fn uniform_gives_every_matrix_the_same_share_of_its_break_even_rank() {
        let flat = |rows, columns| candidate(rows, columns, &vec![1.0; rows.min(columns) as usize]);
        let candidates = [flat(100, 100), flat(100, 300), flat(400, 100)];
        let choices = allocate(&candidates, (100 * 100 + 100 * 300 + 400 * 100) / 2, Allocation::Uniform).unwrap();
        assert_eq!(choices, [Choice::Rank(25), Choice::Rank(37), Choice::Rank(40)]);
    }

    #[test]
    fn energy_spends_where_spectra_are_flat_and_marginal_where_they_pay() {
        let steep: Vec<f64> = (0..20).map(|j| 0.25_f64.powi(j)).collect();
        let candidates = [candidate(20, 20, &[0.05; 20]), candidate(20, 20, &steep)];
        let energy = allocate(&candidates, 400, Allocation::Energy).unwrap();
        let [Choice::Rank(flat), Choice::Rank(steep)] = energy[..] else { panic!("{energy:?}") };
        assert!(flat >= 7 && steep <= 1, "{energy:?}");
        // Leaving the flat matrix dense costs as much as ten ranks and takes all its error away.
        assert_eq!(allocate(&candidates, 520, Allocation::Marginal).unwrap(), [Choice::Dense, Choice::Rank(3)]);
    }

    #[test]
    fn a_budget_below_rank_one_everywhere_is_refused_and_one_above_all_leaves_all_as_it_is() {
        let candidates = [candidate(4, 4, &[1.0; 4]), candidate(2, 2, &[1.0; 2])];
        // A 2×2 matrix has no smaller pair.
        assert_eq!(least_cost(&candidates), 8 + 4);
        for by in ALLOCATIONS {
            assert_eq!(allocate(&candidates, 11, by), None);
            assert_eq!(allocate(&candidates, 12, by), Some(vec![Choice::Rank(1), Choice::Dense]));
            assert_eq!(allocate(&candidates, 20, by), Some(vec![Choice::Dense; 2]));
        }
    }
}

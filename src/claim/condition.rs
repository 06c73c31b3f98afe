//! Where a claim holds that does not hold everywhere: the values of one swept parameter, or of two together, that tell its
//! places apart.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::verdict::{Place, Ruling, natural};

/// Where a claim holds, and how much of that the condition tells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Condition {
    /// At every place that meets all of these it holds; none where no parameter tells it.
    pub clauses: Vec<Clause>,
    /// Places that meet them.
    pub inside: usize,
    /// Places where it holds, inside and out.
    pub holding: usize,
    /// All places.
    pub of: usize,
}

/// The values of one parameter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Clause {
    /// Its name in the spec; `target_rank`, `x`, `method`, `series`, `problem`, `study` or `precision`.
    pub parameter: String,
    pub extent: Extent,
}

/// Which of the values that were measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Extent {
    /// From this value on.
    From(f64),
    /// Up to this value.
    UpTo(f64),
    /// Between two values.
    Between(f64, f64),
    /// These values and no other.
    Only(Vec<String>),
    /// All values but these.
    Except(Vec<String>),
}

/// One clause if the values of one parameter tell every place where the claim holds, those of `along` before any other; else two
/// if those of two parameters do; else the clause that tells most of these places.
pub(super) fn condition(places: &[Place], along: Option<&str>) -> Condition {
    let axes = axes(places, along);
    let holding = places.iter().filter(|place| holds(place)).count();
    let made = |clauses, inside| Condition { clauses, inside, holding, of: places.len() };
    let singles: Vec<(Clause, usize)> = axes.iter().filter_map(|axis| axis.alone(places)).collect();
    let whole = singles.iter().filter(|(_, inside)| *inside == holding);
    // The first of the shortest: a range is shorter than a list.
    if let Some((clause, inside)) =
        whole.min_by_key(|(clause, _)| (Some(&*clause.parameter) != along, clause.extent.length()))
    {
        return made(vec![clause.clone()], *inside);
    }
    let pairs = axes.iter().enumerate().flat_map(|(i, first)| axes[i + 1..].iter().map(move |second| [first, second]));
    let whole = pairs.filter_map(|pair| together(pair, places));
    if let Some(clauses) =
        whole.min_by_key(|clauses| clauses.iter().map(|clause| clause.extent.length()).sum::<usize>())
    {
        return made(clauses, holding);
    }
    let most = singles.into_iter().max_by_key(|(clause, inside)| {
        (*inside, Some(&*clause.parameter) == along, usize::MAX - clause.extent.length())
    });
    match most.filter(|(_, inside)| *inside > 0) {
        Some((clause, inside)) => made(vec![clause], inside),
        None => made(Vec::new(), 0),
    }
}

fn holds(place: &Place) -> bool {
    place.ruling == Ruling::Holds
}

/// A parameter with every value that some place has, in order.
struct Axis {
    parameter: String,
    values: Vec<String>,
    /// The value of each place.
    of: Vec<usize>,
}

/// The parameters that every place has and that differ among places; `along` first.
fn axes(places: &[Place], along: Option<&str>) -> Vec<Axis> {
    let Some(first) = places.first() else { return Vec::new() };
    let axis = |name: &str| {
        let value = |place: &Place| place.settings.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        let found: Vec<String> = places.iter().map(value).collect::<Option<_>>()?;
        let mut values = found.clone();
        let number = |text: &String| text.parse::<f64>().ok().filter(|number| number.is_finite());
        values.sort_by(|a, b| match (number(a), number(b)) {
            (Some(a), Some(b)) => a.total_cmp(&b),
            _ => natural(a).cmp(&natural(b)),
        });
        values.dedup();
        let places: HashMap<&str, usize> =
            values.iter().enumerate().map(|(place, value)| (value.as_str(), place)).collect();
        let of = found.iter().map(|value| places[value.as_str()]).collect();
        (values.len() > 1).then_some(Axis { parameter: name.to_owned(), values, of })
    };
    let mut axes: Vec<Axis> = first.settings.iter().filter_map(|(name, _)| axis(name)).collect();
    axes.sort_by_key(|axis| Some(&*axis.parameter) != along);
    axes
}

impl Axis {
    /// The values at all of whose places the claim holds, with the number of those places. `None` if there are none.
    fn alone(&self, places: &[Place]) -> Option<(Clause, usize)> {
        let mut all = vec![(true, 0); self.values.len()];
        for (&value, place) in self.of.iter().zip(places) {
            all[value].0 &= holds(place);
            all[value].1 += 1;
        }
        let inside: usize = all.iter().filter(|(holds, _)| *holds).map(|(_, count)| count).sum();
        let chosen: Vec<bool> = all.iter().map(|(holds, _)| *holds).collect();
        Some((self.clause(&chosen)?, inside))
    }

    /// Some of the values, but not all of them.
    fn clause(&self, chosen: &[bool]) -> Option<Clause> {
        let count = chosen.iter().filter(|&&chosen| chosen).count();
        if count == 0 || count == chosen.len() {
            return None;
        }
        let first = chosen.iter().position(|&chosen| chosen)?;
        let last = chosen.iter().rposition(|&chosen| chosen)?;
        let number = |place: usize| self.values[place].parse::<f64>().ok().filter(|number| number.is_finite());
        let are_numbers = (0..self.values.len()).all(|place| number(place).is_some());
        let named = |wanted: bool| {
            let named = self.values.iter().zip(chosen).filter(|(_, chosen)| **chosen == wanted);
            named.map(|(value, _)| value.clone()).collect()
        };
        let extent = match (number(first), number(last)) {
            (Some(from), Some(to)) if are_numbers && last - first + 1 == count => {
                match (first, last + 1 == chosen.len()) {
                    (_, true) => Extent::From(from),
                    (0, false) => Extent::UpTo(to),
                    _ => Extent::Between(from, to),
                }
            }
            _ if 2 * count <= chosen.len() => Extent::Only(named(true)),
            _ => Extent::Except(named(false)),
        };
        Some(Clause { parameter: self.parameter.clone(), extent })
    }
}

/// Values of two parameters such that the claim holds where both are met, and nowhere else.
fn together(pair: [&Axis; 2], places: &[Place]) -> Option<Vec<Clause>> {
    let met = pair.map(|axis| {
        let mut met = vec![false; axis.values.len()];
        axis.of.iter().zip(places).filter(|(_, place)| holds(place)).for_each(|(&value, _)| met[value] = true);
        met
    });
    let mut places = places.iter().enumerate();
    let tells = places.all(|(i, place)| (met[0][pair[0].of[i]] && met[1][pair[1].of[i]]) == holds(place));
    if !tells {
        return None;
    }
    pair.into_iter().zip(&met).map(|(axis, met)| axis.clause(met)).collect()
}

impl Extent {
    /// How much there is to say.
    fn length(&self) -> usize {
        match self {
            Self::From(_) | Self::UpTo(_) => 1,
            Self::Between(..) => 2,
            Self::Only(names) | Self::Except(names) => 2 + names.len(),
        }
    }
}

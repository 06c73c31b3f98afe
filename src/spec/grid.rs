//! A table's grid: every combination of the values of its keys, those that walk together as one, without those that are idle.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use super::{
    Instance, LARGEST_GRID,
    diagnostic::{Diagnostic, Problems},
    family::Family,
    property::Property,
    section::meaningless,
    spelling::{listed, nearest},
    sweep::Axis,
    tree::{Content, Span, Table},
};
use crate::{parameters::When, rank::Rank};

/// No more problems of one table are listed: its grid repeats them.
const TOLD: usize = 20;

/// One table, read but not expanded.
pub(super) struct Grid {
    pub label: String,
    /// The table's header.
    pub header: Span,
    pub kind: String,
    pub axes: Vec<Axis>,
    /// The target ranks of its own, which take the place of the spec's.
    pub ranks: Option<Axis>,
    /// The keys of `together`, and where they were written.
    pub together: Option<(Vec<String>, Span)>,
    /// What its kind can hold.
    pub properties: Vec<Property>,
    /// Every key of the table was read; otherwise defaults stand in for what was written.
    pub complete: bool,
}

/// An instance and the table it came from.
pub(super) struct Placed<S> {
    pub instance: Instance<S>,
    /// Index of its [`Grid`].
    pub grid: usize,
    /// Which value of each axis it holds.
    pub indices: Vec<usize>,
}

/// The keys a table says walk together, whether it has them or not.
pub(super) fn walking(table: &Table) -> Vec<&str> {
    let Some(Content::List(names)) = table.get("together").map(|entry| &entry.node.content) else { return Vec::new() };
    names
        .iter()
        .filter_map(|name| if let Content::Text(key) = &name.content { Some(key.as_str()) } else { None })
        .collect()
}

/// `together = ["rows", "columns"]`: the keys whose lists walk together.
pub(super) fn together(table: &Table, axes: &[Axis], problems: &mut Problems) -> Option<(Vec<String>, Span)> {
    let node = &table.get("together")?.node;
    let help = "for example `together = [\"rows\", \"columns\"]`, each a key with as many values";
    let Content::List(names) = &node.content else {
        let what = node.content.what();
        let title = format!("`together` must be a list of keys, not {what}");
        problems.push(Diagnostic::new(&node.span, title, format!("this is {what}"), help));
        return None;
    };
    let (mut walking, before) = (Vec::new(), problems.count());
    for name in names {
        let refused = match &name.content {
            Content::Text(key) if walking.contains(key) => Some(format!("`{key}` stands twice in `together`")),
            Content::Text(key) if axes.iter().any(|axis| axis.name == *key) => {
                walking.push(key.clone());
                None
            }
            // It was written, and what is wrong with it has been said.
            Content::Text(key) if table.get(key).is_some() && key != "together" && key != "kind" => None,
            Content::Text(key) => {
                Some(format!("`together` names `{}`, which the table does not have", key.escape_debug()))
            }
            other => Some(format!("`together` must be a list of keys, and holds {}", other.what())),
        };
        if let Some(title) = refused {
            let near = match &name.content {
                Content::Text(key) if !walking.contains(key) => {
                    nearest(key, axes.iter().map(|axis| axis.name.as_str()))
                }
                _ => None,
            };
            let help = near.map_or_else(|| help.to_owned(), |near| format!("write `\"{near}\"`"));
            problems.push(Diagnostic::new(&name.span, title, "cannot walk", help));
        }
    }
    if problems.count() == before && walking.len() < 2 {
        let title = "`together` needs at least two keys";
        problems.push(Diagnostic::new(&node.span, title, "nothing walks with it", help));
    }
    (problems.count() == before).then(|| (walking, node.span.clone()))
}

impl Grid {
    /// Points of the grid, whatever their number, idle parameters included.
    pub fn size(&self) -> u128 {
        let longest = |wheel: &Vec<usize>| wheel.iter().map(|&axis| self.axes[axis].count()).max().unwrap_or(1);
        self.wheels().iter().fold(1, |size, wheel| size.saturating_mul(longest(wheel) as u128))
    }

    /// Where the value of a parameter was written, at one point of the grid.
    pub fn place_of(&self, parameter: &str, indices: &[usize]) -> &Span {
        let written = self.axes.iter().zip(indices).find(|(axis, _)| axis.name == parameter);
        written.map_or(&self.header, |(axis, &index)| axis.value_span(index))
    }

    /// The axes that turn as one, in the order of the text: those that walk together where the first of them stands.
    fn wheels(&self) -> Vec<Vec<usize>> {
        let walks = |axis: &Axis| self.together.as_ref().is_some_and(|(names, _)| names.contains(&axis.name));
        let mut wheels: Vec<Vec<usize>> = Vec::new();
        let mut walking = None;
        for (place, axis) in self.axes.iter().enumerate() {
            match walking {
                Some(wheel) if walks(axis) => {
                    let wheel: &mut Vec<usize> = &mut wheels[wheel];
                    wheel.push(place);
                }
                _ => {
                    if walks(axis) {
                        walking = Some(wheels.len());
                    }
                    wheels.push(vec![place]);
                }
            }
        }
        wheels
    }

    /// Keys that walk together have as many values, and no two steps are the same.
    fn refuse_uneven_walk(&self, problems: &mut Problems) -> bool {
        let Some((names, span)) = &self.together else { return false };
        let walking: Vec<&Axis> = self.axes.iter().filter(|axis| names.contains(&axis.name)).collect();
        let counts: Vec<String> = walking.iter().map(|axis| format!("`{}` has {}", axis.name, axis.count())).collect();
        if walking.iter().any(|axis| axis.count() != walking[0].count()) {
            let title = format!("keys that walk together need as many values: {}", counts.join(", "));
            let help = "give each as many values, or remove `together` to have every combination";
            problems.push(Diagnostic::new(span, title, "of unequal length", help));
            return true;
        }
        let mut steps = HashSet::new();
        for index in 0..walking[0].count() {
            let step: Vec<String> = walking.iter().map(|axis| axis.value(index).to_string()).collect();
            if !steps.insert(step.join(", ")) {
                let title = format!("the values {} stand twice in what walks together", step.join(" and "));
                let place = walking[0].value_span(index);
                problems.push(Diagnostic::new(place, title, "a repetition", "remove one of the two"));
                return true;
            }
        }
        false
    }
}

/// Every target rank of a key, numbers first and ascending, and where it was written.
pub(super) fn ranks(axis: &Axis) -> Vec<(Rank, Span)> {
    let rank = |(value, span): (Value, &Span)| Some((Rank::of_value(&value)?, span.clone()));
    let mut ranks: Vec<_> = axis.values().take(LARGEST_GRID).filter_map(rank).collect();
    ranks.sort_by_key(|(rank, _)| if let Rank::Count(count) = rank { *count } else { usize::MAX });
    ranks
}

/// Every point of every grid, in the order of the text; the last key of a table moves fastest.
pub(super) fn expand<S: Family>(grids: &[Grid], problems: &mut Problems) -> Vec<Placed<S>> {
    let mut placed = Vec::new();
    for (number, grid) in grids.iter().enumerate() {
        if grid.refuse_uneven_walk(problems) {
            continue;
        }
        let before = problems.count();
        let wheels = grid.wheels();
        let telling = grid.telling(&wheels);
        let mut read = vec![false; grid.axes.len()];
        let mut turned = Some(vec![0; wheels.len()]);
        while let Some(turn) = turned
            && problems.count() < before + TOLD
        {
            let mut point = vec![0; grid.axes.len()];
            wheels.iter().zip(&turn).for_each(|(wheel, &index)| wheel.iter().for_each(|&axis| point[axis] = index));
            match spec_at::<S>(grid, &point) {
                Ok((spec, idle)) => {
                    read.iter_mut().zip(&idle).for_each(|(read, idle)| *read |= !idle);
                    // Points that differ in idle parameters alone are one: the first.
                    if wheels
                        .iter()
                        .zip(&turn)
                        .all(|(wheel, &index)| index == 0 || wheel.iter().any(|&axis| !idle[axis]))
                    {
                        let variant = grid.variant(&telling, &point, &idle);
                        let target_ranks =
                            grid.ranks.as_ref().map(|axis| ranks(axis).into_iter().map(|(rank, _)| rank).collect());
                        let instance = Instance { family: grid.label.clone(), variant, target_ranks, spec };
                        placed.push(Placed { instance, grid: number, indices: point });
                    }
                }
                Err(Refused { parameter, problem }) => {
                    read.fill(true);
                    // With a default in the place of what was written, only what was written can be wrong.
                    if grid.complete || parameter.is_some_and(|name| grid.axes.iter().any(|axis| axis.name == name)) {
                        problems.push(problem);
                    }
                }
            }
            turned = next(turn, &wheels, &grid.axes);
        }
        if grid.complete {
            grid.axes.iter().zip(&read).filter(|(_, read)| !**read).for_each(|(axis, _)| {
                problems.push(never_used::<S>(grid, axis));
            });
        }
    }
    refuse_repetitions(grids, &placed, problems);
    placed
}

fn next(mut turn: Vec<usize>, wheels: &[Vec<usize>], axes: &[Axis]) -> Option<Vec<usize>> {
    for (index, wheel) in turn.iter_mut().zip(wheels).rev() {
        *index += 1;
        if *index < axes[wheel[0]].count() {
            return Some(turn);
        }
        *index = 0;
    }
    None
}

/// A parameter that no point of its table reads.
fn never_used<S: Family>(grid: &Grid, axis: &Axis) -> Diagnostic {
    let belongs = S::belongs(&grid.kind).iter().find(|belongs| belongs.parameter == axis.name);
    let (choice, wanted) = belongs.map_or(("", String::new()), |belongs| {
        let wanted = match belongs.when {
            When::Is(values) => listed(values.iter().copied()),
            When::IsNot(value) => format!("other than `{value}`"),
        };
        (belongs.choice, wanted)
    });
    let title = format!("`{}` is never used: no `{choice}` of {} `{}` is {wanted}", axis.name, S::TABLE, grid.label);
    Diagnostic::new(&axis.key_span, title, "idle", format!("remove it, or choose another `{choice}`"))
}

/// Why a point of a grid has no meaning.
struct Refused {
    /// The parameter to blame, if it is one.
    parameter: Option<String>,
    problem: Diagnostic,
}

/// What stands at one point, and which axes are idle there.
fn spec_at<S: Family>(grid: &Grid, point: &[usize]) -> Result<(S, Vec<bool>), Refused> {
    let written: Map<String, Value> =
        grid.axes.iter().zip(point).map(|(axis, &index)| (axis.name.clone(), axis.value(index))).collect();
    let mut spec = made::<S>(grid, point, written.clone())?;
    let mut idle = vec![false; grid.axes.len()];
    let belongs = S::belongs(&grid.kind);
    if !belongs.is_empty() {
        let all = spec.parameters();
        let is_idle = |name: &str| {
            let mut of = belongs.iter().filter(|belongs| belongs.parameter == name);
            of.any(|belongs| all.get(belongs.choice).is_some_and(|value| !belongs.is_read_with(value)))
        };
        idle = grid.axes.iter().map(|axis| is_idle(&axis.name)).collect();
        if idle.contains(&true) {
            // Its default in its place: two points are the same cell if they differ in nothing that is read.
            let read = written.into_iter().filter(|(name, _)| !is_idle(name)).collect();
            spec = made::<S>(grid, point, read)?;
        }
    }
    match spec.check() {
        Ok(()) => Ok((spec, idle)),
        Err(invalid) => {
            let owner = format!("{} `{}`", S::TABLE, grid.label);
            let problem = meaningless(&invalid, &owner, grid.place_of(invalid.parameter, point));
            Err(Refused { parameter: Some(invalid.parameter.to_owned()), problem })
        }
    }
}

fn made<S: Family>(grid: &Grid, point: &[usize], parameters: Map<String, Value>) -> Result<S, Refused> {
    match S::from_parameters(&grid.kind, parameters) {
        Some(Ok(spec)) => Ok(spec),
        // The schema has been satisfied, so this is a rule that only the struct knows.
        Some(Err(error)) => {
            let message = error.to_string();
            let blamed = grid.axes.iter().find(|axis| message.contains(&format!("`{}`", axis.name)));
            let span = blamed.map_or(&grid.header, |axis| grid.place_of(&axis.name, point));
            let help = format!("see `{}.{}` in the JSON Schema (`factoreo schema`)", S::TABLE, grid.kind);
            let title = format!("{} `{}`: {message}", S::TABLE, grid.label);
            let problem = Diagnostic::new(span, title, "impossible", help);
            Err(Refused { parameter: blamed.map(|axis| axis.name.clone()), problem })
        }
        None => {
            let help = listed(S::KINDS.iter().copied());
            let title = format!("`{}` is not a kind of {}", grid.kind, S::TABLE);
            let problem = Diagnostic::new(&grid.header, title, "unknown kind", help);
            Err(Refused { parameter: None, problem })
        }
    }
}

impl Grid {
    /// The axes whose values tell the points apart: those with several values; of those that walk together, as few of the first as
    /// tell their steps apart.
    fn telling(&self, wheels: &[Vec<usize>]) -> Vec<usize> {
        let mut telling: Vec<usize> = Vec::new();
        for wheel in wheels.iter().filter(|wheel| self.axes[wheel[0]].count() > 1) {
            let steps = self.axes[wheel[0]].count();
            let step =
                |axes: &[usize], index| axes.iter().map(|&axis| format!("{},", self.axes[axis].value(index))).collect();
            let tells = |named: &usize| {
                *named == wheel.len()
                    || (0..steps).map(|index| step(&wheel[..*named], index)).collect::<HashSet<String>>().len() == steps
            };
            telling.extend((1..=wheel.len()).find(tells).map_or(&wheel[..], |named| &wheel[..named]));
        }
        telling.sort_unstable();
        telling
    }

    /// The swept parameters of one point that are read there: `head=layer0.head3, causal=true`.
    fn variant(&self, telling: &[usize], point: &[usize], idle: &[bool]) -> String {
        let values = telling.iter().filter(|&&place| !idle[place]).map(|&place| {
            let axis = &self.axes[place];
            match axis.value(point[place]) {
                Value::String(text) => format!("{}={text}", axis.name),
                Value::Number(number) if number.is_f64() => {
                    format!("{}={}", axis.name, number.as_f64().unwrap_or(f64::NAN))
                }
                other => format!("{}={other}", axis.name),
            }
        });
        values.collect::<Vec<_>>().join(", ")
    }
}

/// Two tables that ask for the same thing would be one cell under two names.
fn refuse_repetitions<S: Family>(grids: &[Grid], placed: &[Placed<S>], problems: &mut Problems) {
    let mut first: HashMap<String, usize> = HashMap::with_capacity(placed.len());
    for Placed { instance, grid, .. } in placed {
        let identity = format!("{} {}", instance.spec.kind(), Value::Object(instance.spec.parameters()));
        let earlier = *first.entry(identity).or_insert(*grid);
        if earlier != *grid {
            let (family, label) = (S::TABLE, &grids[earlier].label);
            let title = format!("`{family}.{}` asks for the same as `{family}.{label}`", instance.family);
            let help = "change a parameter of one of the two, or remove it";
            problems.push(Diagnostic::new(&grids[*grid].header, title, "same kind, same parameters", help));
        }
    }
}

//! Settings: the values of all that was swept. Matrices of one family at one setting are replicates of each other (heads, tensors,
//! draws) and may be pooled; others never are, nor are matrices of several sizes.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::{MatrixRow, Results, SummaryRow, Sweep, settings, without_parameter};
use crate::problem::ProblemSpec;

/// At which setting each matrix of an experiment stands.
pub struct Settings<'a> {
    of_variant: HashMap<(&'a str, &'a str), String>,
    /// The settings of each family, in the order of its matrices.
    of_family: BTreeMap<&'a str, Vec<String>>,
}

impl<'a> Settings<'a> {
    /// From the rows of matrices; their precision does not matter.
    #[must_use]
    pub fn of(matrices: &'a [MatrixRow]) -> Self {
        let mut shapes: HashMap<(&str, String), BTreeSet<(u64, u64)>> = HashMap::new();
        for row in matrices {
            shapes.entry((&row.problem, swept(row))).or_default().insert((row.rows, row.columns));
        }
        let mut of_variant = HashMap::new();
        let mut of_family: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for row in matrices {
            let mut setting = swept(row);
            // Replicates of several sizes are no replicates of each other.
            if shapes.get(&(row.problem.as_str(), setting.clone())).is_some_and(|shapes| shapes.len() > 1) {
                let size = format!("rows={}, columns={}", row.rows, row.columns);
                setting = if setting.is_empty() { size } else { format!("{setting}, {size}") };
            }
            let known = of_family.entry(&row.problem).or_default();
            if !known.contains(&setting) {
                known.push(setting.clone());
            }
            of_variant.insert((row.problem.as_str(), row.problem_variant.as_str()), setting);
        }
        Self { of_variant, of_family }
    }

    /// The setting of a matrix; of one that has no row, because it could not be built, its whole variant.
    #[must_use]
    pub fn at<'s>(&'s self, problem: &'s str, variant: &'s str) -> &'s str {
        self.of_variant.get(&(problem, variant)).map_or(variant, String::as_str)
    }

    /// The settings of a family, in the order of its matrices.
    fn of_family(&self, problem: &str) -> &[String] {
        self.of_family.get(problem).map_or(&[], Vec::as_slice)
    }
}

/// A variant without what tells replicates apart.
fn swept(row: &MatrixRow) -> String {
    let replicates = ProblemSpec::replicates(&row.problem_kind);
    let told = settings(&row.problem_variant).filter(|(name, _)| !replicates.contains(name));
    told.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(", ")
}

impl Results {
    /// At which setting each of its matrices stands.
    #[must_use]
    pub fn settings(&self) -> Settings<'_> {
        Settings::of(&self.matrices)
    }
}

/// A family at one of its settings, as reports and figures name it: `attention (length=64)`; the family alone where it has but one.
#[must_use]
pub fn name_at(family: &str, setting: &str) -> String {
    if setting.is_empty() { family.to_owned() } else { format!("{family} ({setting})") }
}

/// The family and the setting of such a name.
#[must_use]
pub fn parts_of_name(name: &str) -> (&str, &str) {
    // A label has neither blanks nor brackets.
    name.strip_suffix(')').and_then(|name| name.split_once(" (")).unwrap_or((name, ""))
}

/// What reports and figures speak of at once: a family at one setting in one precision, or all of a family that is swept over a
/// number at one rank.
#[derive(Debug, Clone)]
pub struct Part<'a> {
    /// The label of the problem in the spec.
    pub problem: &'a str,
    /// The label, and the setting where the family has several: [`name_at`].
    pub name: String,
    /// The setting that pooled rows have.
    pub setting: String,
    pub precision: &'a str,
    /// The number it is swept over, if there is one.
    pub sweep: Option<Sweep>,
    /// The summaries of it as a whole, which its figures and tables tell: over its replicates, of its only matrix, or, where it has
    /// matrices that are not pooled, those in which all of them agree to the last bit.
    pub rows: Vec<&'a SummaryRow>,
    /// The summaries of its single matrices.
    pub by_variant: Vec<&'a SummaryRow>,
    /// Of its matrices.
    pub variants: BTreeSet<&'a str>,
}

impl<'a> Part<'a> {
    pub fn holds(&self, problem: &str, variant: &str, precision: &str) -> bool {
        self.problem == problem && self.precision == precision && self.variants.contains(variant)
    }

    /// The rows of the whole, from those over its replicates and those of its matrices.
    fn settle(&mut self, pooled: Vec<&'a SummaryRow>) {
        self.rows = match (self.variants.len(), &self.sweep) {
            (1, _) => self.by_variant.clone(),
            (_, Some(_)) => Vec::new(),
            _ if !pooled.is_empty() => pooled,
            (all, None) => agreeing(&self.by_variant, all),
        };
    }
}

/// One of each summary that is the same, to the last bit, for so many matrices.
fn agreeing<'a>(rows: &[&'a SummaryRow], all: usize) -> Vec<&'a SummaryRow> {
    type Key<'k> = (&'k str, &'k str, u64, &'k str);
    let mut found: BTreeMap<Key<'_>, (&SummaryRow, usize)> = BTreeMap::new();
    for &row in rows {
        let key = (&*row.method, &*row.method_variant, row.target_rank, &*row.quantity);
        let (first, alike) = found.entry(key).or_insert((row, 0));
        *alike += usize::from(first.median.to_bits() == row.median.to_bits());
    }
    found.into_values().filter(|(_, alike)| *alike == all).map(|(row, _)| row).collect()
}

/// Of a matrix, or of rows over several: problem, variant, precision.
type Place<'a> = (&'a str, &'a str, &'a str);

impl Results {
    /// The parts of an experiment: families in the order of their rows, then settings and precisions as they come.
    #[must_use]
    pub fn parts(&self) -> Vec<Part<'_>> {
        let settings = self.settings();
        let mut parts = self.parts_without_rows(&settings);
        let mut singles: HashMap<Place<'_>, Vec<&SummaryRow>> = HashMap::new();
        let mut pooled: HashMap<Place<'_>, Vec<&SummaryRow>> = HashMap::new();
        for row in &self.summary {
            let rows = if row.matrices == 1 { &mut singles } else { &mut pooled };
            rows.entry((&row.problem, &row.problem_variant, &row.precision)).or_default().push(row);
        }
        for part in &mut parts {
            for variant in &part.variants {
                part.by_variant.extend(singles.get(&(part.problem, *variant, part.precision)).into_iter().flatten());
            }
            let over = pooled.get(&(part.problem, part.setting.as_str(), part.precision)).cloned();
            part.settle(over.unwrap_or_default());
        }
        parts
    }

    fn parts_without_rows<'a>(&'a self, settings: &Settings<'a>) -> Vec<Part<'a>> {
        let matrices = self.matrices.iter().map(|row| (&*row.problem, &*row.problem_variant, &*row.precision));
        let cells = self.cells.iter().map(|row| (&*row.problem, &*row.problem_variant, &*row.precision));
        let weights: BTreeSet<&str> =
            self.matrices.iter().filter(|row| row.problem_kind == "weight").map(|row| &*row.problem).collect();
        let mut sweeps: HashMap<(&str, &str), Option<Sweep>> = HashMap::new();
        let mut parts: Vec<Part<'_>> = Vec::new();
        let mut places: HashMap<(&str, &str, String), usize> = HashMap::new();
        let mut seen: HashSet<Place<'_>> = HashSet::new();
        let mut order: HashMap<&str, usize> = HashMap::new();
        for (problem, variant, precision) in matrices.chain(cells).filter(|place| seen.insert(*place)) {
            let sweep = sweeps.entry((problem, precision)).or_insert_with(|| {
                // Of a family that is swept over something else too, values of the number are not alike.
                let is_only = |sweep: &Sweep| {
                    let parameters = settings.of_family(problem).iter().flat_map(|setting| super::settings(setting));
                    parameters.map(|(name, _)| name).all(|name| name == sweep.parameter)
                };
                Sweep::of_family(self, problem, precision).filter(is_only)
            });
            let whole = settings.at(problem, variant);
            let setting = match sweep {
                Some(_) => String::new(),
                // A weight matrix that is run with several batches is one matrix.
                None if weights.contains(problem) => without_parameter(whole, "batch"),
                None => whole.to_owned(),
            };
            let place = *places.entry((problem, precision, setting.clone())).or_insert_with(|| {
                let name = name_at(problem, &setting);
                let (sweep, variants) = (sweep.clone(), BTreeSet::new());
                let (rows, by_variant) = (Vec::new(), Vec::new());
                parts.push(Part { problem, name, setting, precision, sweep, rows, by_variant, variants });
                parts.len() - 1
            });
            parts[place].variants.insert(variant);
            let next = order.len();
            order.entry(problem).or_insert(next);
        }
        parts.sort_by_key(|part| order.get(part.problem).copied());
        parts
    }
}

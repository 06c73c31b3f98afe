//! [`Experiment`] → every cell it asks for: ids, named seeds, forecast of flops and bytes.

mod identity;
mod memory;
mod part;
mod quick;
mod shard;
mod work;

use std::{
    collections::{BTreeMap, HashMap, hash_map::Entry},
    path::Path,
};

use faer::Par;

pub use memory::{available_memory, in_words, memory_needed};
pub use part::Part;
pub use quick::quick;
pub use shard::Share;

use crate::{
    linalg::{Precision, Scalar, svd::singular_values, to_f64},
    method::{Forecast, MethodSpec, Role},
    metric::Spectrum,
    problem::{Outline, Problem, ProblemSpec, StructureKind},
    random::{generator, named_seed},
    rank::Rank,
    spec::{AtRank, Experiment, Instance, OnDisk, TensorFiles},
    study::StudySpec,
    tensor,
};
use identity::{CellIds, described, hashed};

/// Every cell of an experiment, grouped by matrix.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    pub blocks: Vec<Block>,
    /// Cells that `[[exclude]]` left out.
    pub excluded: usize,
    pub studies: Vec<StudyCell>,
}

/// One point of the grid of a study, and one draw.
#[derive(Debug, Clone, PartialEq)]
pub struct StudyCell {
    /// Hash of all parameters, version, seed, trial, input files and, where it is timed, the timing protocol: 32 hex digits.
    pub id: String,
    /// Index into [`Experiment::studies`](crate::spec::Experiment::studies).
    pub study: usize,
    /// From 0.
    pub trial: usize,
    pub seed: u64,
}

/// One matrix in one precision, and the cells that share it (and its reference SVD).
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    /// Hash of everything the matrix depends on: 32 hex digits.
    pub id: String,
    /// Index into [`Experiment::problems`](crate::spec::Experiment::problems).
    pub problem: usize,
    pub precision: Precision,
    pub outline: Outline,
    /// Whether the matrix is formed; streamed attention is not.
    pub formed: bool,
    /// Seed of the matrix.
    pub seed: u64,
    pub cells: Vec<Cell>,
}

/// One matrix, one method, one rank, one draw.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// Hash of all parameters, seed, method version and input file hash: 32 hex digits.
    pub id: String,
    /// Index into [`Experiment::methods`](crate::spec::Experiment::methods).
    pub method: usize,
    pub target_rank: usize,
    /// How the spec asks for that rank, where it does so by a share: `5 %`; several joined by `, `.
    pub asked_rank: Option<String>,
    /// From 0.
    pub trial: usize,
    pub seed: u64,
    pub forecast: Forecast,
    /// Known before running: why the cell is skipped.
    pub skip: Option<String>,
}

/// Why an experiment that was read has no plan: its files changed under it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("problem `{problem}`: {reason}")]
pub struct PlanError {
    pub problem: String,
    pub reason: String,
}

impl Plan {
    /// Cells of all blocks, and of the studies.
    #[must_use]
    pub fn cells(&self) -> usize {
        self.blocks.iter().map(|block| block.cells.len()).sum::<usize>() + self.studies.len()
    }
}

/// Every cell of an experiment: the problems in the order of the spec, each in every precision, under every method at every
/// rank, trials last. Cells that would need more than `available_bytes` are there, marked as skipped.
///
/// # Errors
/// A tensor file that cannot be read any more, or has lost its shape.
pub fn plan(experiment: &Experiment, root: &Path, available_bytes: u64) -> Result<Plan, PlanError> {
    let spectrum_of = |block: &Block| spectrum_of(experiment, root, block);
    plan_with(experiment, &OnDisk { root }, &spectrum_of, available_bytes)
}

/// `spectrum_of` is asked where a rank takes the singular values.
pub(crate) fn plan_with(
    experiment: &Experiment,
    files: &dyn TensorFiles,
    spectrum_of: &dyn Fn(&Block) -> Result<Spectrum, String>,
    available_bytes: u64,
) -> Result<Plan, PlanError> {
    let mut hashes = HashMap::new();
    let methods: Vec<Written> = experiment.methods.iter().map(|method| Written::of(&method.spec)).collect();
    let timing = identity::canonical(&serde_json::json!(experiment.timing));
    let mut blocks = Vec::with_capacity(experiment.problems.len() * experiment.precisions.len());
    let mut excluded = 0;
    for (problem, instance) in experiment.problems.iter().enumerate() {
        let fails = |reason: String| PlanError { problem: instance.name(), reason };
        let tensors = instance.spec.tensors();
        let shapes: Vec<Vec<usize>> =
            tensors.iter().map(|tensor| files.shape(tensor)).collect::<Result<_, _>>().map_err(fails)?;
        let outline = instance.spec.outline(&shapes).map_err(fails)?;
        for tensor in tensors {
            if let Entry::Vacant(unread) = hashes.entry(tensor.path) {
                let hash = files.hash(unread.key()).map_err(fails)?;
                unread.insert(hash);
            }
        }
        for &precision in &experiment.precisions {
            let mut block = empty_block(experiment, problem, precision, outline, &hashes);
            let problem_name = name_of_problem(&instance.spec);
            let takes_spectrum =
                |method| experiment.ranks_of(instance, method).iter().any(|rank| matches!(rank, Rank::Energy(_)));
            let spectrum = match experiment.methods.iter().any(takes_spectrum) {
                true => Some(spectrum_of(&block).map_err(fails)?),
                false => None,
            };
            for (method, written) in methods.iter().enumerate() {
                let ids = CellIds::new(&block.id, &written.identity, &timing);
                let seed_of = |trial: usize| {
                    let names = ["method", &*problem_name, &*written.name, "trial", &*trial.to_string()];
                    named_seed(experiment.seed, &names)
                };
                let ranks = ranks(experiment, &block, method, spectrum.as_ref());
                let cells = cells(experiment, &block, method, &ranks.asked, &ids, seed_of, available_bytes);
                excluded += ranks.excluded * trials(experiment, method);
                block.cells.extend(cells);
            }
            if !block.cells.is_empty() {
                blocks.push(block);
            }
        }
    }
    Ok(Plan { blocks, excluded, studies: study_cells(experiment, files, &mut hashes)? })
}

/// The cells of every study: points in the order of the spec, trials last.
fn study_cells(
    experiment: &Experiment,
    files: &dyn TensorFiles,
    hashes: &mut HashMap<String, String>,
) -> Result<Vec<StudyCell>, PlanError> {
    let mut cells = Vec::new();
    for (study, instance) in experiment.studies.iter().enumerate() {
        let spec = &instance.spec;
        let mut read: Vec<(String, String)> = Vec::new();
        let of_model = spec.model().map(|model| model.paths()).unwrap_or_default();
        let of_problem = spec.problem().map(|problem| problem.tensors()).unwrap_or_default();
        let mut paths: Vec<String> = of_problem.into_iter().map(|tensor| tensor.path).collect();
        paths.dedup();
        for path in of_model.into_iter().chain(paths) {
            let fails = |reason: String| PlanError { problem: instance.name(), reason };
            if let Entry::Vacant(unread) = hashes.entry(path.clone()) {
                let hash = files.hash(unread.key()).map_err(fails)?;
                unread.insert(hash);
            }
            read.push((path.clone(), hashes.get(&path).cloned().unwrap_or_default()));
        }
        let traits = spec.traits();
        let trials = if traits.random || traits.timed { experiment.trials } else { 1 };
        let name = identity::name(spec.kind(), spec.parameters());
        for trial in 0..trials {
            let mut identity = serde_json::json!({
                "study": described(spec.kind(), spec.version(), spec.parameters()),
                "seed": experiment.seed,
                "trial": trial,
            });
            if !read.is_empty() {
                identity["files"] = serde_json::json!(read);
            }
            if traits.timed {
                identity["timing"] = serde_json::json!(experiment.timing);
            }
            let seed = named_seed(experiment.seed, &["study", &name, "trial", &trial.to_string()]);
            cells.push(StudyCell { id: hashed(&identity), study, trial, seed });
        }
    }
    Ok(cells)
}

/// The matrix in one precision, without cells. Its seed does not depend on the precision: both precisions see one matrix,
/// rounded.
fn empty_block(
    experiment: &Experiment,
    problem: usize,
    precision: Precision,
    outline: Outline,
    hashes: &HashMap<String, String>,
) -> Block {
    let spec = &experiment.problems[problem].spec;
    let described = described(spec.kind(), spec.version(), spec.parameters());
    let mut files: Vec<(String, String)> = spec
        .tensors()
        .into_iter()
        .map(|tensor| {
            let hash = hashes.get(&tensor.path).cloned().unwrap_or_default();
            (tensor.path, hash)
        })
        .collect();
    files.sort();
    files.dedup();
    let streaming = experiment.streaming.filter(|_| matches!(outline.structure, StructureKind::Attention { .. }));
    let mut identity = serde_json::json!({
        "problem": described,
        "files": files,
        "precision": precision,
        "seed": experiment.seed,
    });
    if let Some(streaming) = streaming {
        identity["streaming"] = serde_json::json!(streaming);
    }
    let id = hashed(&identity);
    let seed = named_seed(experiment.seed, &["problem", &name_of_problem(spec)]);
    Block { id, problem, precision, outline, formed: streaming.is_none(), seed, cells: Vec::new() }
}

/// Draws of a method.
fn trials(experiment: &Experiment, method: usize) -> usize {
    if experiment.methods[method].spec.traits().random { experiment.trials } else { 1 }
}

/// The ranks of one method on one matrix.
struct Ranks {
    /// With the words of those that are asked for by a share; asked for twice, a rank is one.
    asked: BTreeMap<usize, Option<String>>,
    /// How many `[[exclude]]` left out.
    excluded: usize,
}

fn ranks(experiment: &Experiment, block: &Block, method: usize, spectrum: Option<&Spectrum>) -> Ranks {
    let (problem, method) = (experiment.problem_of(block), &experiment.methods[method]);
    let (m, n) = (block.outline.rows, block.outline.columns);
    let mut asked: BTreeMap<usize, Vec<Rank>> = BTreeMap::new();
    for rank in experiment.ranks_of(problem, method) {
        let used = rank.of_shape(m, n).or_else(|| Some(rank.of_spectrum(m, n, spectrum?)));
        asked.entry(used.unwrap_or(1)).or_default().push(*rank);
    }
    let used: Vec<usize> = asked.keys().copied().collect();
    let is_baseline = method.spec.role() == Role::Baseline;
    let mut ranks = Ranks { asked: BTreeMap::new(), excluded: 0 };
    for rank in method.spec.target_ranks(block.outline, &used) {
        let at = (!is_baseline).then_some(AtRank::Of(rank));
        if experiment.excludes.iter().any(|exclude| exclude.leaves_out(problem, method, at)) {
            ranks.excluded += 1;
            continue;
        }
        let words = asked.get(&rank).filter(|asked| !is_baseline && asked.iter().any(|rank| rank.is_relative()));
        let words = words.map(|asked| asked.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
        ranks.asked.insert(rank, words);
    }
    ranks
}

/// The singular values of a block's matrix, as the run will measure against.
fn spectrum_of(experiment: &Experiment, root: &Path, block: &Block) -> Result<Spectrum, String> {
    match block.precision {
        Precision::F64 => spectrum_in::<f64>(experiment, root, block),
        Precision::F32 => spectrum_in::<f32>(experiment, root, block),
    }
}

fn spectrum_in<T: Scalar>(experiment: &Experiment, root: &Path, block: &Block) -> Result<Spectrum, String> {
    let spec = &experiment.problem_of(block).spec;
    let tensors: Result<Vec<_>, _> = spec.tensors().iter().map(|name| tensor::read(root, name)).collect();
    let tensors = tensors.map_err(|error| error.to_string())?;
    let problem: Problem<T> =
        spec.build(&tensors, &mut generator(block.seed)).map_err(|error| error.to_string())?.round();
    let formed = problem.formed.ok_or("it is not formed, and has no singular values")?;
    let values = singular_values(to_f64(formed.as_ref()).as_ref(), Par::Seq).map_err(|error| error.to_string())?;
    Ok(Spectrum::new(values, block.outline.rows, block.outline.columns, block.precision))
}

/// The cells of one method on one matrix. A seed depends on the problem, the method and the trial: not on the rank, so that one
/// factorisation of a nested method serves them all, and not on the precision.
fn cells(
    experiment: &Experiment,
    block: &Block,
    method: usize,
    ranks: &BTreeMap<usize, Option<String>>,
    ids: &CellIds<'_>,
    seed_of: impl Fn(usize) -> u64,
    available_bytes: u64,
) -> Vec<Cell> {
    let spec = &experiment.methods[method].spec;
    let seeds: Vec<u64> = (0..trials(experiment, method)).map(seed_of).collect();
    let mut cells = Vec::with_capacity(ranks.len() * seeds.len());
    for (&target_rank, asked_rank) in ranks {
        let mut forecast = spec.forecast(block.outline, target_rank);
        if !block.formed && spec.traits().needs_matrix {
            // It forms the matrix itself, and keeps it while it works.
            let (m, n, d) =
                (block.outline.rows as u64, block.outline.columns as u64, block.outline.value_columns as u64);
            forecast.entries = forecast.entries.saturating_add(m.saturating_mul(n));
            forecast.flops = forecast.flops.saturating_add(m.saturating_mul(n).saturating_mul(2 * d));
        }
        let smaller_side = block.outline.rows.min(block.outline.columns);
        let too_large = (target_rank > smaller_side)
            .then(|| format!("target rank {target_rank} is above min(m, n) = {smaller_side}"));
        let skip = too_large.or_else(|| spec.refuses(block.outline, target_rank)).or_else(|| {
            let needed = memory_needed(block.outline, block.formed, block.precision, forecast);
            (needed > available_bytes)
                .then(|| format!("needs about {}, and {} are available", in_words(needed), in_words(available_bytes)))
        });
        for (trial, &seed) in seeds.iter().enumerate() {
            let id = ids.of(target_rank, trial);
            let (asked_rank, skip) = (asked_rank.clone(), skip.clone());
            cells.push(Cell { id, method, target_rank, asked_rank, trial, seed, forecast, skip });
        }
    }
    cells
}

/// What a problem is, in one name for its seeds: kind and parameters, not its label, place in the spec or version.
fn name_of_problem(spec: &ProblemSpec) -> String {
    identity::name(spec.kind(), spec.parameters())
}

/// A method in the texts its cells are hashed from, made once and not for every matrix.
struct Written {
    /// Kind, version and parameters.
    identity: String,
    /// Kind and parameters: its name in seeds.
    name: String,
}

impl Written {
    fn of(spec: &MethodSpec) -> Self {
        let identity = identity::canonical(&described(spec.kind(), spec.version(), spec.parameters()));
        Self { identity, name: identity::name(spec.kind(), spec.parameters()) }
    }
}

impl Experiment {
    /// The problem of a block.
    #[must_use]
    pub fn problem_of(&self, block: &Block) -> &Instance<ProblemSpec> {
        &self.problems[block.problem]
    }

    /// The study of a cell.
    #[must_use]
    pub fn study_of(&self, cell: &StudyCell) -> &Instance<StudySpec> {
        &self.studies[cell.study]
    }

    /// The method of a cell.
    #[must_use]
    pub fn method_of(&self, cell: &Cell) -> &Instance<MethodSpec> {
        &self.methods[cell.method]
    }
}

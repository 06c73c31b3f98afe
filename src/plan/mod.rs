//! [`Experiment`] → every cell it asks for: ids, named seeds, forecast of flops and bytes.

mod identity;
mod memory;
mod quick;
mod shard;

use std::{
    collections::{HashMap, hash_map::Entry},
    path::Path,
};

pub use memory::{available_memory, in_words, memory_needed};
pub use quick::quick;
pub use shard::Share;

use crate::{
    linalg::Precision,
    method::{Forecast, MethodSpec},
    problem::{Outline, ProblemSpec, StructureKind},
    random::named_seed,
    spec::{Experiment, Instance, OnDisk, TensorFiles},
    study::StudySpec,
};
use identity::{CellIds, described, hashed};

/// Every cell of an experiment, grouped by matrix.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    pub blocks: Vec<Block>,
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
    plan_with(experiment, &OnDisk { root }, available_bytes)
}

pub(crate) fn plan_with(
    experiment: &Experiment,
    files: &dyn TensorFiles,
    available_bytes: u64,
) -> Result<Plan, PlanError> {
    let mut hashes = HashMap::new();
    let methods: Vec<Written> = experiment.methods.iter().map(|method| Written::of(&method.spec)).collect();
    let timing = identity::canonical(&serde_json::json!(experiment.timing));
    let mut blocks = Vec::with_capacity(experiment.problems.len() * experiment.precisions.len());
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
            for (method, written) in methods.iter().enumerate() {
                let ids = CellIds::new(&block.id, &written.identity, &timing);
                let seed_of = |trial: usize| {
                    let names = ["method", &*problem_name, &*written.name, "trial", &*trial.to_string()];
                    named_seed(experiment.seed, &names)
                };
                block.cells.extend(cells(experiment, &block, method, &ids, seed_of, available_bytes));
            }
            blocks.push(block);
        }
    }
    Ok(Plan { blocks, studies: study_cells(experiment, files, &mut hashes)? })
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

/// The cells of one method on one matrix. A seed depends on the problem, the method and the trial: not on the rank, so that one
/// factorisation of a nested method serves them all, and not on the precision.
fn cells(
    experiment: &Experiment,
    block: &Block,
    method: usize,
    ids: &CellIds<'_>,
    seed_of: impl Fn(usize) -> u64,
    available_bytes: u64,
) -> Vec<Cell> {
    let spec = &experiment.methods[method].spec;
    let trials = if spec.traits().random { experiment.trials } else { 1 };
    let seeds: Vec<u64> = (0..trials).map(seed_of).collect();
    let mut cells = Vec::with_capacity(experiment.target_ranks.len() * trials);
    for target_rank in spec.target_ranks(block.outline, &experiment.target_ranks) {
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
            cells.push(Cell { id, method, target_rank, trial, seed, forecast, skip: skip.clone() });
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

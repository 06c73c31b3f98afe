//! How much there is to do, in flops, before any of it is done: for shares that end at about the same time.

use super::{Block, Cell};
use crate::{problem::StructureKind, spec::Experiment};

/// What a cell costs beside its numbers: a record that is checked and written, a matrix that is looked at.
const CELL: f64 = 1e6;

/// Flops of an SVD of an m×n matrix, over mn·min(m, n).
const SVD: f64 = 12.0;

/// Products with a residual that its norms take.
const RESIDUAL_PRODUCTS: f64 = 16.0;

/// All of a matrix.
pub fn of_block(experiment: &Experiment, block: &Block) -> f64 {
    let cells = block.cells.chunk_by(|a, b| a.method == b.method).map(|part| of_cells(experiment, block, part));
    of_reference(experiment, block) + cells.sum::<f64>()
}

/// What is done once for whoever has a cell of the matrix: it is formed, and its singular values are computed.
pub fn of_reference(experiment: &Experiment, block: &Block) -> f64 {
    let [m, n, d] = sides(block);
    if block.formed { SVD * m * n * m.min(n) + 2.0 * m * n * d } else { 4.0 * rows(experiment, block) * n * d }
}

/// The cells of one method on the matrix: each draw computed and judged, the first one timed as well.
pub fn of_cells(experiment: &Experiment, block: &Block, cells: &[Cell]) -> f64 {
    let [_, n, d] = sides(block);
    let judged = rows(experiment, block);
    let timings = match experiment.timing.repeats {
        0 => 0,
        repeats => experiment.timing.warmup + repeats,
    };
    let Some(first) = cells.first() else { return 0.0 };
    let nested = experiment.method_of(first).spec.traits().nested;
    let mut factored: Vec<(usize, f64)> = Vec::new();
    let mut work = 0.0;
    for cell in cells.iter().filter(|cell| can_be_run(experiment, block, cell)) {
        let runs = if cell.trial == 0 { 1 + timings } else { 1 };
        let flops = cell.forecast.flops as f64 * runs as f64;
        // One factorisation of a nested method serves all ranks of a draw: the dearest.
        match factored.iter_mut().find(|(trial, _)| nested && *trial == cell.trial) {
            Some((_, dearest)) => *dearest = dearest.max(flops),
            None => factored.push((cell.trial, flops)),
        }
        let rank = cell.target_rank as f64;
        let applied = 4.0 * (judged.max(n)) * rank * d * runs as f64;
        work += CELL + applied + 4.0 * judged * n * (rank + RESIDUAL_PRODUCTS);
    }
    work + factored.iter().map(|(_, flops)| flops).sum::<f64>()
}

/// Whether it is run where there is memory enough: what this machine has must not decide which share has what.
fn can_be_run(experiment: &Experiment, block: &Block, cell: &Cell) -> bool {
    let (m, n) = (block.outline.rows, block.outline.columns);
    cell.target_rank <= m.min(n) && experiment.method_of(cell).spec.refuses(block.outline, cell.target_rank).is_none()
}

fn sides(block: &Block) -> [f64; 3] {
    [block.outline.rows as f64, block.outline.columns as f64, block.outline.value_columns as f64]
}

/// Rows on which errors are measured.
fn rows(experiment: &Experiment, block: &Block) -> f64 {
    let all = block.outline.rows;
    let attention = matches!(block.outline.structure, StructureKind::Attention { .. });
    experiment.streaming.filter(|_| attention).map_or(all, |streaming| all.min(streaming.rows)) as f64
}

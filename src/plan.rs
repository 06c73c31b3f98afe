//! [`Experiment`](crate::spec::Experiment) → every cell it asks for: ids, named seeds, forecast of flops and bytes.

use crate::{linalg::Precision, method::Forecast, problem::Outline};

/// Every cell of an experiment, grouped by matrix.
#[derive(Debug, Clone)]
pub struct Plan {
    pub blocks: Vec<Block>,
}

/// One matrix in one precision, and the cells that share it (and its reference SVD).
#[derive(Debug, Clone)]
pub struct Block {
    /// Hash of everything the matrix depends on: 32 hex digits.
    pub id: String,
    /// Index into [`Experiment::problems`](crate::spec::Experiment::problems).
    pub problem: usize,
    pub precision: Precision,
    pub outline: Outline,
    /// Seed of the matrix.
    pub seed: u64,
    pub cells: Vec<Cell>,
}

/// One matrix, one method, one rank, one draw.
#[derive(Debug, Clone)]
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

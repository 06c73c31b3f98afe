//! What matrix factorisation does for Transformers, in numbers.
//!
//! A TOML spec ([`spec`]) becomes a list of cells ([`plan`]): one matrix, one method, one rank, one draw each. The runner
//! ([`run`]) builds every matrix ([`problem`]), approximates it ([`method`]) by a pair of factors ([`low_rank`]), measures
//! the result ([`metric`]) and its cost, and keeps each finished cell in a journal. The journals become tables ([`table`]),
//! the tables become figures ([`figure`]) and a report in two languages ([`report`]).
//!
//! Controls that are no pair stand beside the pairs ([`approximant`]).
//!
//! The numerics ([`linalg`], [`low_rank`], [`approximant`], [`problem`], [`method`], [`metric`]) are pure: no disk, no clock, no global state.

pub mod language;
pub mod parameters;
pub mod paths;
pub mod random;
pub mod terminal;

pub mod approximant;
pub mod linalg;
pub mod low_rank;

pub mod method;
pub mod metric;
pub mod problem;
pub mod rank;
pub mod study;

pub mod model;
pub mod tensor;

pub mod advise;
pub mod compress;

pub mod plan;
pub mod spec;

pub mod claim;
pub mod compare;
pub mod run;
pub mod slurm;
pub mod table;

pub mod figure;
pub mod report;

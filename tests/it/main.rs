//! One test crate, one module per promise: every integration-test file of its own would link the whole program again.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod figures;
mod lapack_ratios;
mod methods;
mod randomized_svd;

mod tables;

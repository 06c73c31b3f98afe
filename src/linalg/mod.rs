//! Pure numerics on faer: what the methods are made of.

pub mod orthonormalize;
pub mod scale;
pub mod svd;
mod scalar;

pub use scalar::{Precision, Scalar, first_non_finite, from_f64, to_f64};

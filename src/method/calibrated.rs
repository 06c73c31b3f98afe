//! What the methods that know the activations of a linear map have in common.

use faer::MatRef;

use super::MethodError;
use crate::{
    linalg::Scalar,
    problem::{Outline, Problem, Structure, StructureKind},
};

/// XXᵀ of the calibration activations.
pub(super) fn gram<T: Scalar>(problem: &Problem<T>) -> Result<MatRef<'_, f64>, MethodError> {
    match &problem.structure {
        Structure::Weight { gram: Some(gram) } => Ok(gram.as_ref()),
        _ => Err(MethodError::Numerical(NEEDED.into())),
    }
}

const NEEDED: &str = "needs calibration activations";

/// Why it cannot be applied.
pub(super) fn uncalibrated(outline: Outline) -> Option<String> {
    (outline.structure != StructureKind::Weight { calibrated: true }).then(|| NEEDED.to_owned())
}

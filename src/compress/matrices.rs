//! Which matrices of a checkpoint may be factored.

use crate::paths::Shown as _;
use faer::{Mat, MatRef};

use super::{CompressError, CompressOptions, WeightMethod};
use crate::{
    model::{Encoder, LinearMap, ModelError, plain_name},
    tensor::{Checkpoint, TensorError, width},
};

/// A matrix of the checkpoint.
pub(super) struct Matrix {
    /// As its tensor is called.
    pub(super) name: String,
    pub(super) dtype: String,
    pub(super) rows: usize,
    pub(super) columns: usize,
    /// The linear map whose weights it is; `None` for the word embeddings, and in models that are not understood.
    pub(super) map: Option<LinearMap>,
}

impl Matrix {
    /// The largest rank whose pair is smaller than the matrix.
    pub(super) fn most(&self) -> usize {
        let numbers = self.rows * self.columns;
        (numbers.saturating_sub(1) / (self.rows + self.columns)).min(self.rows.min(self.columns))
    }

    /// What the factors are called.
    pub(super) fn sides(&self) -> [String; 2] {
        [format!("{}.left", self.name), format!("{}.right", self.name)]
    }

    /// Bytes of one number.
    pub(super) fn width(&self) -> u64 {
        width(&self.dtype).unwrap_or(0)
    }

    pub(super) fn read(&self, checkpoint: &Checkpoint) -> Result<Mat<f64>, TensorError> {
        let tensor = checkpoint.read(&self.name)?;
        Ok(MatRef::from_row_major_slice(&tensor.entries, self.rows, self.columns).to_owned())
    }
}

/// The matrices that may be factored, in the checkpoint's order, and the encoder if the model is one that can be run.
///
/// Of a BERT encoder: the word embeddings and the weights of the linear maps. Of any other model, with the plain SVD: every
/// tensor of two dimensions.
pub(super) fn find(
    options: &CompressOptions,
    checkpoint: &Checkpoint,
) -> Result<(Vec<Matrix>, Option<Encoder>), CompressError> {
    let factored = |name: &str| {
        let problem =
            format!("{}: has {name}: this model is factored already; give the original", options.model.shown());
        CompressError::Request(problem)
    };
    if let Some(stored) = checkpoint.tensors().iter().find(|stored| {
        let base = stored.name.strip_suffix(".left");
        base.is_some_and(|base| checkpoint.has(&format!("{base}.right")))
    }) {
        return Err(factored(&stored.name));
    }
    let encoder = match Encoder::read(&options.model) {
        Ok(encoder) => Some(encoder),
        // Not one we can run, or nothing to say what it is: its matrices can still be factored as such.
        Err(ModelError::NotUnderstood { .. } | ModelError::Incomplete { .. })
            if options.method == WeightMethod::TruncatedSvd && options.calibration.is_none() =>
        {
            None
        }
        Err(error) => return Err(error.into()),
    };
    let known: Option<Vec<(String, Option<LinearMap>)>> = encoder.as_ref().map(|encoder| {
        let maps = LinearMap::of_model(encoder.config());
        let of = |name: &str| maps.iter().copied().find(|map| name.strip_suffix(".weight") == Some(&map.name()));
        encoder.matrices().into_iter().map(|matrix| (matrix.name.clone(), of(&matrix.name))).collect()
    });
    let mut matrices = Vec::new();
    for stored in checkpoint.tensors() {
        let map = match &known {
            Some(known) => match known.iter().find(|(name, _)| name == plain_name(&stored.name)) {
                Some((_, map)) => *map,
                None => continue,
            },
            None => None,
        };
        if stored.shape.len() != 2 || stored.shape.contains(&0) || width(&stored.dtype).is_none() {
            continue;
        }
        let shape = checkpoint.shape(&stored.name)?;
        let matrix =
            Matrix { name: stored.name.clone(), dtype: stored.dtype.clone(), rows: shape[0], columns: shape[1], map };
        if let Some(side) = matrix.sides().iter().find(|side| checkpoint.has(side)) {
            return Err(factored(side));
        }
        if matrix.most() > 0 {
            matrices.push(matrix);
        }
    }
    if matrices.is_empty() {
        let problem = format!("{}: no matrix that a pair could make smaller", options.model.shown());
        return Err(CompressError::Request(problem));
    }
    Ok((matrices, encoder))
}

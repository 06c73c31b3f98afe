//! From the tensors of a file to matrices with finite entries.

use faer::{Mat, MatRef};

use super::{ProblemError, Tensor, TensorName};
use crate::parameters::Invalid;

/// The formats a tensor can be read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Npy,
    SafeTensors,
}

/// The format of a file, by its name.
pub(super) fn format(parameter: &'static str, path: &str) -> Result<Format, Invalid> {
    match std::path::Path::new(path).extension().and_then(|extension| extension.to_str()) {
        Some("npy") => Ok(Format::Npy),
        Some("safetensors") => Ok(Format::SafeTensors),
        _ => Err(Invalid::new(
            parameter,
            "must be a .npy or a .safetensors file",
            format!("for example `{parameter} = \"experiments/data/minilm-heads.safetensors\"`"),
        )),
    }
}

/// Shapes as a reader writes them: `512×32, 512×32 and 512`.
pub(super) fn shapes(tensors: &[Vec<usize>]) -> String {
    let written: Vec<String> = tensors
        .iter()
        .map(|shape| match &shape[..] {
            [] => "a single number".to_owned(),
            sides => sides.iter().map(usize::to_string).collect::<Vec<_>>().join("×"),
        })
        .collect();
    match &written[..] {
        [] => "nothing".to_owned(),
        [one] => one.clone(),
        [start @ .., last] => format!("{} and {last}", start.join(", ")),
    }
}

/// A tensor of two dimensions where it lies, without a copy; every entry finite.
pub(super) fn rows_of<'a>(name: &TensorName, tensor: Option<&'a Tensor>) -> Result<MatRef<'a, f64>, ProblemError> {
    let missing = || ProblemError::Impossible(format!("{name}: was not read"));
    let tensor = tensor.ok_or_else(missing)?;
    match tensor.shape[..] {
        [rows, columns] if tensor.entries.len() == rows * columns => {
            tensor.refuse_not_finite(name)?;
            Ok(MatRef::from_row_major_slice(&tensor.entries, rows, columns))
        }
        _ => Err(wrong_shape(name, tensor, "a matrix")),
    }
}

/// A tensor of two dimensions as a matrix; every entry finite.
pub(super) fn matrix(name: &TensorName, tensor: Option<&Tensor>) -> Result<Mat<f64>, ProblemError> {
    let missing = || ProblemError::Impossible(format!("{name}: was not read"));
    let tensor = tensor.ok_or_else(missing)?;
    tensor.refuse_not_finite(name)?;
    match tensor.shape[..] {
        [rows, columns] => block(name, tensor, 0, rows, columns),
        _ => Err(wrong_shape(name, tensor, "a matrix")),
    }
}

/// A tensor of 3×n×d as three matrices n×d; every entry finite.
pub(super) fn three_matrices(name: &TensorName, tensor: &Tensor) -> Result<[Mat<f64>; 3], ProblemError> {
    tensor.refuse_not_finite(name)?;
    match tensor.shape[..] {
        [3, rows, columns] => Ok([
            block(name, tensor, 0, rows, columns)?,
            block(name, tensor, 1, rows, columns)?,
            block(name, tensor, 2, rows, columns)?,
        ]),
        _ => Err(wrong_shape(name, tensor, "3×n×d")),
    }
}

fn wrong_shape(name: &TensorName, tensor: &Tensor, expected: &str) -> ProblemError {
    ProblemError::Shape { tensor: name.to_string(), expected: expected.into(), found: tensor.shape.clone() }
}

/// The `rows`×`columns` entries after `leading` whole blocks of that size.
fn block(
    name: &TensorName,
    tensor: &Tensor,
    leading: usize,
    rows: usize,
    columns: usize,
) -> Result<Mat<f64>, ProblemError> {
    let start = leading * rows * columns;
    let Some(entries) = tensor.entries.get(start..start + rows * columns) else {
        return Err(wrong_shape(name, tensor, &format!("{} entries in all", tensor.entries.len())));
    };
    Ok(Mat::from_fn(rows, columns, |i, j| entries[i * columns + j]))
}

//! Any matrix from a file.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Outline, Problem, ProblemError, Source, Structure, StructureKind, Tensor, TensorName, VALUE_COLUMNS,
    file::{self, Format},
};
use crate::{
    linalg::gaussian::gaussian,
    parameters::{Invalid, Parameters},
    random::Rng,
};

/// A matrix read from a `.npy` or `.safetensors` file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TensorFile {
    /// Path of the file, `.npy` or `.safetensors`, relative to the project.
    pub file: String,
    /// Name of the tensor in a `.safetensors` file; a `.npy` file holds one without a name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tensor: Option<String>,
}

impl Parameters for TensorFile {
    const KIND: &'static str = "tensor_file";
    const VERSION: u32 = 1;
    const REPLICATES: &'static [&'static str] = &["file", "tensor"];

    fn check(&self) -> Result<(), Invalid> {
        match (file::format("file", &self.file)?, &self.tensor) {
            (Format::SafeTensors, None) => Err(Invalid::new(
                "tensor",
                "must be given: a .safetensors file holds several tensors",
                "for example `tensor = \"encoder.layer.0.output.dense.weight\"`",
            )),
            (Format::Npy, Some(_)) => Err(Invalid::new(
                "tensor",
                "has no meaning: a .npy file holds one tensor, without a name",
                "leave it out",
            )),
            _ => Ok(()),
        }
    }
}

impl Source for TensorFile {
    fn tensors(&self) -> Vec<TensorName> {
        vec![TensorName { path: self.file.clone(), name: self.tensor.clone() }]
    }

    fn outline(&self, tensors: &[Vec<usize>]) -> Result<Outline, String> {
        match tensors {
            [shape] if shape.len() == 2 && !shape.contains(&0) => Ok(Outline {
                rows: shape[0],
                columns: shape[1],
                value_columns: VALUE_COLUMNS,
                structure: StructureKind::General,
            }),
            _ => Err(format!("expected a matrix (two dimensions, none of them 0), found {}", file::shapes(tensors))),
        }
    }

    fn build(&self, tensors: &[Tensor], rng: &mut Rng) -> Result<Problem<f64>, ProblemError> {
        let matrix = file::matrix(&self.tensors()[0], tensors.first())?;
        let values = gaussian(matrix.ncols(), VALUE_COLUMNS, rng);
        Ok(Problem { formed: Some(matrix), structure: Structure::General, values, prescribed_singular_values: None })
    }
}

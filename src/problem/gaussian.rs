//! A matrix of independent normal entries: what a matrix without any structure looks like.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Outline, Problem, ProblemError, Source, Structure, StructureKind, Tensor, VALUE_COLUMNS, square};
use crate::{
    linalg::gaussian::gaussian,
    parameters::{Invalid, Parameters},
    random::Rng,
};

/// Independent standard normal entries: the matrix that others of its shape are compared with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Gaussian {
    /// m.
    pub rows: usize,
    /// n; as many as rows if left out.
    pub columns: Option<usize>,
}

impl Gaussian {
    fn columns(&self) -> usize {
        self.columns.unwrap_or(self.rows)
    }
}

impl Parameters for Gaussian {
    const KIND: &'static str = "gaussian";
    const VERSION: u32 = 1;

    fn complete(written: &mut Map<String, Value>) {
        square(written);
    }

    fn check(&self) -> Result<(), Invalid> {
        super::check_side("rows", self.rows, 384)?;
        super::check_side("columns", self.columns(), 384)
    }
}

impl Source for Gaussian {
    fn outline(&self, _tensors: &[Vec<usize>]) -> Result<Outline, String> {
        Ok(Outline {
            rows: self.rows,
            columns: self.columns(),
            value_columns: VALUE_COLUMNS,
            structure: StructureKind::General,
        })
    }

    fn build(&self, _tensors: &[Tensor], rng: &mut Rng) -> Result<Problem<f64>, ProblemError> {
        Ok(Problem {
            formed: Some(gaussian(self.rows, self.columns(), rng)),
            structure: Structure::General,
            values: gaussian(self.columns(), VALUE_COLUMNS, rng),
            prescribed_singular_values: None,
        })
    }
}

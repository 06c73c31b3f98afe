//! STUB

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Outline, Problem, ProblemError, Source, Tensor};
use crate::{
    parameters::{Invalid, Parameters},
    random::Rng,
};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Kernel {}

impl Parameters for Kernel {
    const KIND: &'static str = "kernel";
    const VERSION: u32 = 1;
    fn check(&self) -> Result<(), Invalid> {
        Ok(())
    }
}

impl Source for Kernel {
    fn outline(&self, _tensors: &[Vec<usize>]) -> Result<Outline, String> {
        todo!()
    }
    fn build(&self, _tensors: &[Tensor], _rng: &mut Rng) -> Result<Problem<f64>, ProblemError> {
        todo!()
    }
}

//! STUB
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::parameters::{Invalid, Parameters};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TruncatedSvd {}

impl Parameters for TruncatedSvd {
    const KIND: &'static str = "truncated_svd";
    const VERSION: u32 = 1;
    fn check(&self) -> Result<(), Invalid> {
        Ok(())
    }
}

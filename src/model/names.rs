//! How published checkpoints call the tensors of a BERT encoder.
//!
//! One that was saved with a head on top (`bert-base-uncased` itself) has `bert.` before the names of the encoder, and
//! conversions from TensorFlow call the scale and the shift of a norm `gamma` and `beta`.

use crate::paths::Shown as _;
use std::path::Path;

use super::{Config, weights::WORDS};
use crate::tensor::Checkpoint;

/// What stands before the names of the encoder where the model was saved with a head on top.
const PREFIX: &str = "bert.";

/// The name without what stands before it in some checkpoints.
#[must_use]
pub fn plain(name: &str) -> &str {
    name.strip_prefix(PREFIX).unwrap_or(name)
}

/// How one checkpoint spells the names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Names {
    prefix: &'static str,
    norms: [&'static str; 2],
}

impl Names {
    pub(super) fn of(file: &Checkpoint) -> Self {
        let has_words = |prefix: &str| {
            let words = format!("{prefix}{WORDS}");
            file.has(&words) || file.has(&format!("{words}.left"))
        };
        let prefix = if !has_words("") && has_words(PREFIX) { PREFIX } else { "" };
        let turned = file.has(&format!("{prefix}embeddings.LayerNorm.gamma"));
        Self { prefix, norms: if turned { ["gamma", "beta"] } else { ["weight", "bias"] } }
    }

    /// As the file calls the tensor `name`.
    pub(super) fn stored(self, name: &str) -> String {
        let prefix = self.prefix;
        match name.rsplit_once("LayerNorm.") {
            Some((start, "weight")) => format!("{prefix}{start}LayerNorm.{}", self.norms[0]),
            Some((start, "bias")) => format!("{prefix}{start}LayerNorm.{}", self.norms[1]),
            _ => format!("{prefix}{name}"),
        }
    }
}

/// What a person should know of a model folder that can be used all the same; nothing of one that cannot.
#[must_use]
pub fn warnings(folder: &Path) -> Vec<String> {
    let (Ok(config), Ok(file)) = (Config::read(folder), Checkpoint::open(folder)) else { return Vec::new() };
    let layer = |name: &str| plain(name).strip_prefix("encoder.layer.")?.split('.').next()?.parse::<usize>().ok();
    let found =
        file.tensors().iter().filter_map(|tensor| layer(&tensor.name)).max().map_or(0, |last| last.saturating_add(1));
    let expected = config.num_hidden_layers;
    let more = format!(
        "{}: the file has {found} layers and config.json says {expected}: the first {expected} are used",
        folder.shown()
    );
    (found > expected).then_some(more).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_spelled_as_the_checkpoint_has_them() {
        let published = Names { prefix: PREFIX, norms: ["gamma", "beta"] };
        for (name, stored) in [
            ("embeddings.LayerNorm.weight", "bert.embeddings.LayerNorm.gamma"),
            ("encoder.layer.0.output.LayerNorm.bias", "bert.encoder.layer.0.output.LayerNorm.beta"),
            ("encoder.layer.0.output.dense.weight", "bert.encoder.layer.0.output.dense.weight"),
            ("encoder.layer.0.output.dense.weight.left", "bert.encoder.layer.0.output.dense.weight.left"),
        ] {
            assert_eq!(published.stored(name), stored);
        }
        assert_eq!(plain("bert.encoder.layer.0.output.dense.bias"), "encoder.layer.0.output.dense.bias");
        assert_eq!(plain("embeddings.LayerNorm.weight"), "embeddings.LayerNorm.weight");
    }
}

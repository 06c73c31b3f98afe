//! Sentence embeddings as Sentence-Transformers makes them (Reimers & Gurevych 2019): the mean of the last hidden vectors of
//! all tokens, `[CLS]` and `[SEP]` among them, scaled to length 1.

use faer::{Mat, MatRef, Par};

use super::{Encoder, ModelError, Tokenizer};

impl Encoder {
    /// The embeddings of texts given by their framed token ids, hidden_size × texts.
    ///
    /// # Errors
    /// As [`Encoder::forward_batch`].
    pub fn embed_ids<I: AsRef<[u32]> + Sync>(&self, texts: &[I], parallelism: Par) -> Result<Mat<f32>, ModelError> {
        let embeddings = self.map_batch(texts, parallelism, pooled)?;
        Ok(Mat::from_fn(self.config().hidden_size, texts.len(), |row, text| embeddings[text][row]))
    }

    /// The embeddings of texts, hidden_size × texts, each cut to at most `limit` tokens.
    ///
    /// # Errors
    /// As [`Encoder::forward_batch`]; `limit` has no room for a token.
    pub fn embed_texts(
        &self,
        tokenizer: &Tokenizer,
        texts: &[&str],
        limit: usize,
        parallelism: Par,
    ) -> Result<Mat<f32>, ModelError> {
        let ids = texts.iter().map(|text| truncated(tokenizer, text, limit)).collect::<Result<Vec<_>, _>>()?;
        self.embed_ids(&ids, parallelism)
    }
}

/// `[CLS]`, as many ids of the text as there is room for, `[SEP]`: `limit` tokens at most.
///
/// # Errors
/// There is no room for a token.
pub fn truncated(tokenizer: &Tokenizer, text: &str, limit: usize) -> Result<Vec<u32>, ModelError> {
    let mut ids = tokenizer.tokenize(text);
    ids.truncate(room(limit)?);
    Ok(tokenizer.frame(&ids))
}

/// A text in chunks of exactly `tokens` tokens, `[CLS]` and `[SEP]` included, each ready for [`Encoder::embed_ids`]. What is
/// left at the end, and shorter, is left out, so that chunks differ in nothing but what they say.
///
/// # Errors
/// There is no room for a token.
pub fn chunks(tokenizer: &Tokenizer, text: &str, tokens: usize) -> Result<Vec<Vec<u32>>, ModelError> {
    let ids = tokenizer.tokenize(text);
    Ok(ids.chunks_exact(room(tokens)?).map(|chunk| tokenizer.frame(chunk)).collect())
}

/// Tokens beside `[CLS]` and `[SEP]`.
fn room(limit: usize) -> Result<usize, ModelError> {
    match limit.checked_sub(2) {
        None | Some(0) => Err(ModelError::Request(format!(
            "{limit} tokens have no room for a text besides [CLS] and [SEP]; give 3 or more"
        ))),
        Some(room) => Ok(room),
    }
}

/// The mean of the columns, scaled to length 1.
fn pooled(hidden: MatRef<'_, f32>) -> Vec<f32> {
    let mut sums = vec![0.0f64; hidden.nrows()];
    for token in hidden.col_iter() {
        sums.iter_mut().zip(token.iter()).for_each(|(sum, &entry)| *sum += f64::from(entry));
    }
    // Sentence-Transformers keeps from dividing by zero likewise; the mean's own length is that of the sums by the tokens.
    let length = sums.iter().map(|sum| sum * sum).sum::<f64>().sqrt().max(1e-12 * hidden.ncols() as f64);
    sums.iter().map(|sum| (sum / length) as f32).collect()
}

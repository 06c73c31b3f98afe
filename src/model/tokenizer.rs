//! BERT's tokenizer: text is cleaned, split at spaces and punctuation, and each word cut greedily into pieces of the
//! vocabulary (Wu et al. 2016, WordPiece).
//!
//! Follows the `tokenizers` library, whose `tokenizer.json` it reads, step by step; where that library's character tables
//! are those of Unicode 8, these are newer, so characters assigned since 2015 may differ.

use std::{collections::HashMap, path::Path};

use icu_properties::{
    CodePointMapData,
    props::{GeneralCategory, GeneralCategoryGroup},
};
use serde::Deserialize;
use unicode_normalization::UnicodeNormalization;

use super::{ModelError, TOKENIZER, check_folder, read_json};

/// Turns text into the token ids of a model.
#[derive(Debug, Clone)]
pub struct Tokenizer {
    normalizer: Normalizer,
    model: WordPiece,
    /// Tokens found in the text as they stand, before anything is done to it.
    special: Vec<(String, u32)>,
    unknown: u32,
    classification: u32,
    separator: u32,
}

/// `tokenizer.json`: truncation and padding, which it may ask for, are the caller's business here.
#[derive(Deserialize)]
struct TokenizerFile {
    added_tokens: Vec<AddedToken>,
    normalizer: Normalizer,
    pre_tokenizer: Kind,
    model: WordPiece,
}

#[derive(Deserialize)]
struct AddedToken {
    id: u32,
    content: String,
    single_word: bool,
    lstrip: bool,
    rstrip: bool,
    normalized: bool,
}

#[derive(Deserialize)]
struct Kind {
    r#type: String,
}

#[derive(Debug, Clone, Deserialize)]
struct Normalizer {
    r#type: String,
    clean_text: bool,
    handle_chinese_chars: bool,
    /// Unsaid, accents go when capitals go.
    strip_accents: Option<bool>,
    lowercase: bool,
}

#[derive(Debug, Clone, Deserialize)]
struct WordPiece {
    r#type: String,
    unk_token: String,
    continuing_subword_prefix: String,
    max_input_chars_per_word: usize,
    vocab: HashMap<String, u32>,
}

impl Tokenizer {
    /// Reads `tokenizer.json` of a model folder.
    ///
    /// # Errors
    /// A file of the folder is missing, or the tokenizer is not BERT's.
    pub fn read(folder: &Path) -> Result<Self, ModelError> {
        check_folder(folder)?;
        let path = folder.join(TOKENIZER);
        let file: TokenizerFile = read_json(&path)?;
        Self::new(file).map_err(|problem| ModelError::NotUnderstood { path, problem })
    }

    fn new(file: TokenizerFile) -> Result<Self, String> {
        let TokenizerFile { added_tokens, normalizer, pre_tokenizer, model } = file;
        for (part, found, known) in [
            ("normalizer", &normalizer.r#type, "BertNormalizer"),
            ("pre_tokenizer", &pre_tokenizer.r#type, "BertPreTokenizer"),
            ("model", &model.r#type, "WordPiece"),
        ] {
            if found != known {
                return Err(format!("its {part} is {found:?}, and only {known:?} is understood"));
            }
        }
        if let Some(token) =
            added_tokens.iter().find(|token| token.single_word || token.lstrip || token.rstrip || token.normalized)
        {
            let content = &token.content;
            return Err(format!("the added token {content:?} is not matched as it stands, which is not understood"));
        }
        let id =
            |token: &str| model.vocab.get(token).copied().ok_or_else(|| format!("{token:?} is not in its vocabulary"));
        Ok(Self {
            unknown: id(&model.unk_token)?,
            classification: id("[CLS]")?,
            separator: id("[SEP]")?,
            special: added_tokens.into_iter().map(|token| (token.content, token.id)).collect(),
            normalizer,
            model,
        })
    }

    /// `[CLS]`, the ids, `[SEP]`: one text as the model was trained to see it.
    #[must_use]
    pub fn frame(&self, ids: &[u32]) -> Vec<u32> {
        [&[self.classification], ids, &[self.separator]].concat()
    }

    /// The ids of a text, without `[CLS]` and `[SEP]`.
    #[must_use]
    pub fn tokenize(&self, text: &str) -> Vec<u32> {
        let mut ids = Vec::new();
        let mut rest = text;
        while let Some((place, token, id)) = self.first_special(rest) {
            self.tokenize_plain(&rest[..place], &mut ids);
            ids.push(id);
            rest = &rest[place + token.len()..];
        }
        self.tokenize_plain(rest, &mut ids);
        ids
    }

    /// The special token that comes first, and of those that begin there the longest.
    fn first_special(&self, text: &str) -> Option<(usize, &str, u32)> {
        self.special
            .iter()
            .filter(|(token, _)| !token.is_empty())
            .filter_map(|(token, id)| text.find(token.as_str()).map(|place| (place, token.as_str(), *id)))
            .min_by_key(|(place, token, _)| (*place, usize::MAX - token.len()))
    }

    fn tokenize_plain(&self, text: &str, ids: &mut Vec<u32>) {
        for word in self.normalizer.apply(text).split_whitespace().flat_map(split_at_punctuation) {
            match self.model.pieces(word) {
                Some(pieces) => ids.extend(pieces),
                None => ids.push(self.unknown),
            }
        }
    }
}

impl Normalizer {
    fn apply(&self, text: &str) -> String {
        let mut text = text.to_owned();
        if self.clean_text {
            text = text
                .chars()
                .filter(|&c| !(c == '\0' || c == '\u{fffd}' || is_control(c)))
                .map(|c| if c.is_whitespace() { ' ' } else { c })
                .collect();
        }
        if self.handle_chinese_chars {
            text = text.chars().fold(String::with_capacity(text.len()), |mut spaced, c| {
                let space = if is_chinese(c) { " " } else { "" };
                spaced.push_str(space);
                spaced.push(c);
                spaced.push_str(space);
                spaced
            });
        }
        if self.strip_accents.unwrap_or(self.lowercase) {
            text = text.nfd().filter(|&c| category(c) != GeneralCategory::NonspacingMark).collect();
        }
        if self.lowercase {
            // Character by character: `str::to_lowercase` gives a final sigma its own form.
            text = text.chars().flat_map(char::to_lowercase).collect();
        }
        text
    }
}

impl WordPiece {
    /// The longest piece of the vocabulary the word begins with, then the longest its rest begins with, and so on; nothing
    /// if there is none somewhere, or the word is too long.
    fn pieces(&self, word: &str) -> Option<Vec<u32>> {
        if word.chars().count() > self.max_input_chars_per_word {
            return None;
        }
        let mut ids = Vec::new();
        let mut begin = 0;
        let mut piece = String::new();
        while begin < word.len() {
            let ends = word[begin..].char_indices().map(|(place, c)| begin + place + c.len_utf8());
            let (end, id) = ends.rev().find_map(|end| {
                piece.clear();
                piece.push_str(if begin == 0 { "" } else { &self.continuing_subword_prefix });
                piece.push_str(&word[begin..end]);
                self.vocab.get(&piece).map(|&id| (end, id))
            })?;
            ids.push(id);
            begin = end;
        }
        Some(ids)
    }
}

/// Every punctuation mark a word of its own.
fn split_at_punctuation(word: &str) -> impl Iterator<Item = &str> {
    word.split_inclusive(is_punctuation).flat_map(|part| {
        let last = part.chars().next_back().filter(|&c| is_punctuation(c)).map_or(0, char::len_utf8);
        let (before, mark) = part.split_at(part.len() - last);
        [before, mark].into_iter().filter(|part| !part.is_empty())
    })
}

fn category(c: char) -> GeneralCategory {
    CodePointMapData::<GeneralCategory>::new().get(c)
}

/// Cc, Cf or Co, and not one of the three that count as spaces.
fn is_control(c: char) -> bool {
    !matches!(c, '\t' | '\n' | '\r')
        && matches!(category(c), GeneralCategory::Control | GeneralCategory::Format | GeneralCategory::PrivateUse)
}

fn is_punctuation(c: char) -> bool {
    c.is_ascii_punctuation() || GeneralCategoryGroup::Punctuation.contains(category(c))
}

/// The blocks BERT takes for Chinese. One begins at U+2B920 and not U+2B820: so does the library's.
fn is_chinese(c: char) -> bool {
    matches!(u32::from(c),
        0x4E00..=0x9FFF | 0x3400..=0x4DBF | 0x20000..=0x2A6DF | 0x2A700..=0x2B73F | 0x2B740..=0x2B81F
        | 0x2B920..=0x2CEAF | 0xF900..=0xFAFF | 0x2F800..=0x2FA1F)
}

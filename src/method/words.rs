//! What reports call a method, say of it, and draw it with: one file for each, `NAME.toml` beside `NAME.rs`.

use std::{collections::BTreeMap, sync::LazyLock};

use serde::Deserialize;

use super::MethodSpec;
use crate::language::Language;

/// What the file of a method holds.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Words {
    /// Of its curves, by the palette's names.
    pub colour: String,
    /// The outline of its first marker.
    pub marker: String,
    /// What the field calls it.
    pub name: Both,
    /// Its formula, its cost, and when it breaks: a paragraph, with citations.
    pub about: Both,
    /// The works that it alone cites: key and entry.
    #[serde(default)]
    references: BTreeMap<String, String>,
}

/// A text in both languages.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Both {
    en: String,
    es: String,
}

impl Both {
    #[must_use]
    pub fn of(&self, language: Language) -> &str {
        match language {
            Language::English => &self.en,
            Language::Spanish => &self.es,
        }
    }
}

/// Of every kind whose file can be read, and a test says that all can.
static WORDS: LazyLock<BTreeMap<&str, Words>> = LazyLock::new(|| {
    let read = |kind: &&'static str| Some((*kind, toml::from_str(MethodSpec::words(kind)).ok()?));
    MethodSpec::KINDS.iter().filter_map(read).collect()
});

/// What is said of a kind of method; `None` of one that is not registered.
#[must_use]
pub fn of(kind: &str) -> Option<&'static Words> {
    WORDS.get(kind)
}

/// The works that single methods cite: key and entry.
pub fn references() -> impl Iterator<Item = (&'static str, &'static str)> {
    WORDS.values().flat_map(|words| &words.references).map(|(key, entry)| (&**key, &**entry))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_registered_method_has_its_file() {
        for kind in MethodSpec::KINDS {
            let words: Words =
                toml::from_str(MethodSpec::words(kind)).unwrap_or_else(|error| panic!("{kind}: {error}"));
            for language in Language::ALL {
                assert!(!words.name.of(language).is_empty() && words.about.of(language).len() > 100, "{kind}");
            }
        }
    }
}

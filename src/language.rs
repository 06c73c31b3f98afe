//! The two languages of the report, and how each writes a number.
//!
//! Numbers are rounded from their exact binary value (ties to even) and never lose their size: what does not fit between
//! 0.001 and 10⁵ is written as `1.2·10⁻³`. Groups of three digits are parted by a narrow space from 10 000 on, a unit stands
//! behind a space that does not break, and a number that is not there is a dash.

mod number;

/// A language a report is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Language {
    English,
    Spanish,
}

impl Language {
    pub const ALL: [Self; 2] = [Self::English, Self::Spanish];

    /// ISO 639-1: `en`, `es`.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Spanish => "es",
        }
    }

    /// Puts this language's decimal mark into a number written with a point.
    #[must_use]
    pub fn localise(self, number: &str) -> String {
        match self {
            Self::English => number.to_owned(),
            Self::Spanish => number.replace('.', ","),
        }
    }

    /// Joins words as a sentence does: `a, b and c`; `a, b y c`, with `e` before the sound of i.
    #[must_use]
    pub fn join(self, words: &[String]) -> String {
        let Some((last, others)) = words.split_last() else { return String::new() };
        if others.is_empty() {
            return last.clone();
        }
        let and = match self {
            Self::English => "and",
            Self::Spanish if sounds_like_i(last) => "e",
            Self::Spanish => "y",
        };
        format!("{} {and} {last}", others.join(", "))
    }
}

/// Whether a Spanish word begins with the sound of i (`interpolación`, `Hilbert`; not `hielo`).
fn sounds_like_i(word: &str) -> bool {
    let start: String = word.chars().take(3).flat_map(char::to_lowercase).collect();
    let vowel = start.strip_prefix('h').unwrap_or(&start);
    let diphthong = vowel.chars().nth(1).is_some_and(|second| "aeouáéóú".contains(second));
    (vowel.starts_with('i') || vowel.starts_with('í')) && !diphthong
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(list: &[&str]) -> Vec<String> {
        list.iter().map(|&word| word.to_owned()).collect()
    }

    #[test]
    fn lists_read_as_sentences() {
        assert_eq!(Language::English.join(&[]), "");
        assert_eq!(Language::English.join(&words(&["a"])), "a");
        assert_eq!(Language::English.join(&words(&["a", "b", "c"])), "a, b and c");
        assert_eq!(Language::Spanish.join(&words(&["a", "b"])), "a y b");
    }

    #[test]
    fn spanish_avoids_two_sounds_of_i() {
        assert_eq!(Language::Spanish.join(&words(&["a", "interpolación"])), "a e interpolación");
        assert_eq!(Language::Spanish.join(&words(&["a", "Hilbert"])), "a e Hilbert");
        assert_eq!(Language::Spanish.join(&words(&["agua", "hielo"])), "agua y hielo");
    }
}

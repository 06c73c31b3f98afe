//! Promise: the report on the committed results has no word of the other language, and counts agree with their nouns.

use factoreo::language::Language;

use super::committed;

/// Common words that the other language has not.
const ENGLISH: [&str; 51] = [
    "the", "of", "and", "with", "for", "from", "is", "are", "by", "at", "to", "into", "not", "than", "that", "this",
    "which", "rank", "ranks", "layer", "head", "heads", "matrix", "times", "faster", "slower", "median", "length",
    "sampled", "spectrum", "weights", "weight", "dense", "input", "output", "unknown", "none", "yes", "row", "rows",
    "draw", "draws", "each", "below", "above", "where", "memory", "time", "growth", "step", "flat",
];
const SPANISH: [&str; 40] = [
    "el",
    "la",
    "los",
    "las",
    "de",
    "del",
    "con",
    "para",
    "por",
    "una",
    "un",
    "según",
    "rango",
    "matriz",
    "y",
    "que",
    "es",
    "son",
    "en",
    "se",
    "su",
    "sus",
    "más",
    "menos",
    "tiempo",
    "filas",
    "capa",
    "cabeza",
    "sorteos",
    "semillas",
    "afirmación",
    "cuando",
    "donde",
    "cada",
    "entre",
    "desde",
    "hasta",
    "veces",
    "sin",
    "sobre",
];

/// The text without its works, code, formulas, addresses and names that are written with dots, slashes or underscores.
fn words(language: &str) -> Vec<(String, String)> {
    let text = &committed::texts()[language];
    let text = format!("{}\n{}", committed::hand_ins()[language], text);
    let mut works = false;
    let is_prose = |line: &&str| {
        works = line.starts_with("## Refer") || works && !line.starts_with("# ");
        !works
    };
    let text = &text.lines().filter(is_prose).collect::<Vec<_>>().join("\n");
    let mut words = Vec::new();
    let mut code = false;
    for line in text.lines() {
        code ^= line.starts_with("```");
        if code || line.starts_with("```") || line.starts_with("$$") || line.starts_with('\\') {
            continue;
        }
        // The product is no word.
        let mut rest = line.replace("y = Wx", "");
        for (open, close) in [("$", "$"), ("`", "`"), ("](", ")")] {
            while let Some((before, after)) = rest.split_once(open) {
                let Some((_, after)) = after.split_once(close) else { break };
                rest = format!("{before} {after}");
            }
        }
        for word in rest.split([' ', '\u{a0}', '\u{202f}']) {
            let name = word.trim_matches(|letter: char| !letter.is_alphanumeric());
            let is_name = name.contains(|letter: char| letter.is_ascii_digit() || "./_@\\".contains(letter));
            if !is_name {
                let parts = name.split(|letter: char| !letter.is_alphabetic());
                words.extend(parts.map(|part| (part.to_lowercase(), line.to_owned())));
            }
        }
    }
    words
}

#[test]
fn no_word_of_one_language_is_left_in_the_other() {
    for (language, foreign) in [("es", ENGLISH.as_slice()), ("en", SPANISH.as_slice())] {
        let words = words(language);
        assert!(words.len() > 5000, "{}", words.len());
        let left: Vec<String> = words
            .iter()
            .filter(|(word, _)| foreign.contains(&word.as_str()))
            .map(|(word, line)| format!("{word}: {}", line.chars().take(200).collect::<String>()))
            .collect();
        assert!(left.is_empty(), "{language}:\n{}", left.join("\n"));
    }
}

#[test]
fn variants_are_told_in_words() {
    for (language, text) in committed::texts() {
        for raw in [
            "length=",
            "temperature=",
            "head=",
            "decay=",
            "batch=",
            "samples=",
            "noise=",
            "rank_share",
            "rank\\_share",
            "target\\_rank",
        ] {
            // Names of files are not read.
            let shown = |line: &&str| !line.starts_with("![") && line.contains(raw);
            assert_eq!(text.lines().find(shown), None, "{language}: {raw}");
        }
    }
}

#[test]
fn counts_agree_with_their_nouns() {
    let nouns = [
        ("sorteo", "sorteos"),
        ("semilla", "semillas"),
        ("celda", "celdas"),
        ("matriz", "matrices"),
        ("token", "tokens"),
        ("hilo", "hilos"),
        ("fila", "filas"),
        ("lugar", "lugares"),
        ("método", "métodos"),
        ("vez", "veces"),
        ("iteración", "iteraciones"),
        ("configuración", "configuraciones"),
        ("draw", "draws"),
        ("seed", "seeds"),
        ("cell", "cells"),
        ("matrix", "matrices"),
        ("thread", "threads"),
        ("row", "rows"),
        ("place", "places"),
        ("method", "methods"),
        ("iteration", "iterations"),
        ("setting", "settings"),
    ];
    for language in Language::ALL {
        let text = committed::texts()[language.code()].replace(['\u{a0}', '\u{202f}'], " ");
        for (one, many) in nouns {
            for (place, _) in text.match_indices(&format!(" {many}")) {
                let before = text[..place].rsplit([' ', '(', '\n']).next().unwrap_or_default();
                assert_ne!(
                    before,
                    "1",
                    "{}",
                    &text[text.floor_char_boundary(place.saturating_sub(80))..place + many.len() + 1]
                );
            }
            for (place, found) in text.match_indices(&format!(" {one} ")) {
                let before = text[..place].rsplit([' ', '(', '\n']).next().unwrap_or_default();
                let counted = before.parse::<u64>().is_ok_and(|count| count != 1);
                assert!(!counted, "{}", &text[text.floor_char_boundary(place.saturating_sub(80))..place + found.len()]);
            }
        }
    }
}

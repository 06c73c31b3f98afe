//! Reasons and notes: clauses the program writes into its tables in English, said in the language of the report.

use super::escape;
use crate::language::Language;

/// English clauses and their Spanish; `{}` stands for a number or a name.
const SPANISH: &[(&str, &str)] = &[
    // Methods that do not apply.
    ("needs a positive semi-definite matrix", "requiere una matriz semidefinida positiva"),
    ("needs the queries and keys of an attention head", "requiere las consultas y claves de una cabeza de atención"),
    (
        "segment means look ahead: its published form is not causal",
        "las medias por segmentos miran hacia adelante: su forma publicada no es causal",
    ),
    // Numerical failures.
    ("entry ({}, {}) is not a finite number", "la entrada ({}, {}) no es un número finito"),
    (
        "the SVD did not converge, neither as given, nor sequentially, nor transposed",
        "la SVD no convergió: ni tal cual, ni en secuencia, ni transpuesta",
    ),
    (
        "the sketched core is not positive definite after six shifts: is the matrix PSD?",
        "el núcleo del bosquejo no es definido positivo tras seis desplazamientos: ¿es la matriz semidefinida positiva?",
    ),
    // Notes.
    ("core of numerical rank {} of {}", "núcleo de rango numérico {} de {}"),
    ("chosen columns and rows of numerical rank {} of {}", "columnas y filas elegidas de rango numérico {} de {}"),
    (
        "stopped at rank {} of {}: the residual is at rounding level",
        "detenido en el rango {} de {}: el residuo está al nivel del redondeo",
    ),
    ("shift raised to {}", "desplazamiento elevado a {}"),
];

/// A clause in `language`; one that is not known is quoted as it is.
pub fn in_language(clause: &str, language: Language) -> String {
    match language {
        Language::English => escape::markdown(clause),
        Language::Spanish => SPANISH
            .iter()
            .find_map(|(english, spanish)| Some(filled(spanish, &captured(english, clause)?, language)))
            .unwrap_or_else(|| format!("«{}»", escape::markdown(clause))),
    }
}

/// What stands in a clause where its pattern has `{}`; `None` if the clause is another one.
fn captured<'a>(pattern: &str, clause: &'a str) -> Option<Vec<&'a str>> {
    let mut pieces = pattern.split("{}");
    let mut rest = clause.strip_prefix(pieces.next()?)?;
    let pieces: Vec<&str> = pieces.collect();
    let Some((last, between)) = pieces.split_last() else { return rest.is_empty().then(Vec::new) };
    let mut captures = Vec::new();
    for piece in between {
        let (capture, after) = rest.split_once(piece)?;
        captures.push(capture);
        rest = after;
    }
    captures.push(rest.strip_suffix(last)?);
    Some(captures)
}

fn filled(pattern: &str, captures: &[&str], language: Language) -> String {
    let mut captures = captures.iter();
    let mut text = String::new();
    for (place, piece) in pattern.split("{}").enumerate() {
        if place > 0 {
            let capture = captures.next().copied().unwrap_or_default();
            let is_number = capture.parse::<f64>().is_ok();
            text += &if is_number { language.localise(capture) } else { escape::markdown(capture) };
        }
        text += piece;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_clauses_are_translated_with_their_numbers() {
        let spanish = |clause| in_language(clause, Language::Spanish);
        assert_eq!(spanish("core of numerical rank 7 of 16"), "núcleo de rango numérico 7 de 16");
        assert_eq!(spanish("shift raised to 1.2e-5"), "desplazamiento elevado a 1,2e-5");
        assert_eq!(spanish("needs a positive semi-definite matrix"), "requiere una matriz semidefinida positiva");
    }

    #[test]
    fn unknown_clauses_are_quoted_and_escaped() {
        assert_eq!(in_language("needs a|b", Language::Spanish), r"«needs a\|b»");
        assert_eq!(in_language("needs a|b", Language::English), r"needs a\|b");
        assert_eq!(in_language("core of numerical rank 7", Language::Spanish), "«core of numerical rank 7»");
    }

    #[test]
    fn patterns_agree_in_their_places() {
        for (english, spanish) in SPANISH {
            assert_eq!(english.matches("{}").count(), spanish.matches("{}").count(), "{english}");
        }
    }
}

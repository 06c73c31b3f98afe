//! Reasons and notes: clauses the program writes into its tables in English, said in the language of the report.

use super::escape;
use crate::language::Language;

/// English clauses and their Spanish; `{}` stands for a number or a name.
const SPANISH: &[(&str, &str)] = &[
    // Methods that do not apply.
    ("target rank {} is above min(m, n) = {}", "el rango objetivo {} supera min(m, n) = {}"),
    ("needs a positive semi-definite matrix", "requiere una matriz semidefinida positiva"),
    ("needs the queries and keys of an attention head", "requiere las consultas y claves de una cabeza de atención"),
    (
        "landmarks look ahead: its published form is not causal",
        "los puntos de referencia miran hacia adelante: su forma publicada no es causal",
    ),
    (
        "mixtures of keys look ahead: its published form is not causal",
        "las mezclas de claves miran hacia adelante: su forma publicada no es causal",
    ),
    (
        "its causal form is a prefix sum, not a pair of factors",
        "su forma causal es una suma de prefijos, no un par de factores",
    ),
    ("needs calibration activations", "requiere activaciones de calibración"),
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
    ("the left factor: {}", "el factor izquierdo: {}"),
    ("the right factor: {}", "el factor derecho: {}"),
    ("the residual: {}", "el residuo: {}"),
    (
        "the factors multiply to {}×{}, and the matrix is {}×{}",
        "el producto de los factores es {}×{}, y la matriz es {}×{}",
    ),
    // The harness.
    ("needs about {}, and {} are available", "requiere unos {} y hay {} disponibles"),
    ("no reference to measure against: {}", "no hay referencia con la que medir: {}"),
    (
        "the independent probe of {} is off by {} in row {}, where rounding explains {}: the product was computed wrongly; \
         run it again with threads = 1",
        "la prueba independiente de {} difiere en {} en la fila {}, donde el redondeo explica {}: el producto se calculó \
         mal; ejecútese de nuevo con threads = 1",
    ),
    (
        "relative {} error {} is below {}, the least any matrix of rank {} has: a mistake in the harness",
        "el error relativo ({}) {} es menor que {}, el mínimo de toda matriz de rango {}: un fallo del banco de pruebas",
    ),
    ("spectral", "espectral"),
    (
        "the same draw succeeded once and failed when it was timed: {}",
        "el mismo sorteo funcionó una vez y falló al cronometrarlo: {}",
    ),
    (
        "the same draw gave other factors when it was timed: the method is not deterministic",
        "el mismo sorteo dio otros factores al cronometrarlo: el método no es determinista",
    ),
    // Notes.
    ("the calibration spans {} of {} directions", "la calibración abarca {} de {} direcciones"),
    ("svd: sequential retry", "svd: reintento secuencial"),
    ("svd: transposed retry", "svd: reintento con la transpuesta"),
    (
        "krylov: no convergence within half the matrix, full SVD instead",
        "krylov: sin convergencia con la mitad de la matriz; SVD completa en su lugar",
    ),
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
        Language::Spanish => in_spanish(clause).unwrap_or_else(|| format!("«{}»", escape::markdown(clause))),
    }
}

fn in_spanish(clause: &str) -> Option<String> {
    SPANISH.iter().find_map(|(english, spanish)| Some(filled(spanish, &captured(english, clause)?)))
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

/// The pattern with its captures: numbers in Spanish digits, clauses in Spanish, anything else as it is.
fn filled(pattern: &str, captures: &[&str]) -> String {
    let mut captures = captures.iter();
    let mut text = String::new();
    for (place, piece) in pattern.split("{}").enumerate() {
        if place > 0 {
            let capture = captures.next().copied().unwrap_or_default();
            let number = capture.split(' ').next().unwrap_or_default();
            text += &if number.parse::<f64>().is_ok() {
                Language::Spanish.localise(capture)
            } else {
                in_spanish(capture).unwrap_or_else(|| escape::markdown(capture))
            };
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
        assert_eq!(
            spanish("needs about 1.5 GB, and 1.0 GB are available"),
            "requiere unos 1,5 GB y hay 1,0 GB disponibles"
        );
        assert_eq!(
            spanish("no reference to measure against: entry (3, 4) is not a finite number"),
            "no hay referencia con la que medir: la entrada (3, 4) no es un número finito"
        );
        assert_eq!(spanish("needs a positive semi-definite matrix"), "requiere una matriz semidefinida positiva");
    }

    #[test]
    fn unknown_clauses_are_quoted_and_escaped() {
        assert_eq!(in_language("needs a|b", Language::Spanish), r"«needs a\|b»");
        assert_eq!(in_language("needs a|b", Language::English), r"needs a\|b");
        assert_eq!(in_language("core of numerical rank 7", Language::Spanish), "«core of numerical rank 7»");
    }

    /// The wording of the code and the patterns here must not drift apart.
    #[test]
    fn clauses_of_the_code_are_known() {
        use crate::metric::{BetterThanOptimal, MeasureError, ProbeError};
        let probe = ProbeError { product: "A·V", row: 3, difference: 1e-3, allowed: 1e-12 };
        let optimum = BetterThanOptimal { norm: "spectral", rank: 8, error: 0.1, optimum: 0.2 };
        let shape = MeasureError::Shape { rows: 2, columns: 2, found_rows: 3, found_columns: 2 };
        for clause in [probe.to_string(), optimum.to_string(), shape.to_string()] {
            assert!(in_spanish(&clause).is_some(), "{clause}");
        }
    }

    #[test]
    fn patterns_agree_in_their_places() {
        for (english, spanish) in SPANISH {
            assert_eq!(english.matches("{}").count(), spanish.matches("{}").count(), "{english}");
        }
    }
}

//! What the parameters of specs are called, in both languages.

use super::either;
use crate::language::Language;

/// Name in the spec, English, Spanish with its article.
const PARAMETERS: [(&str, &str, (&str, &str)); 34] = [
    ("length", "sequence length n", ("la", "longitud de la secuencia n")),
    ("temperature", "temperature τ", ("la", "temperatura τ")),
    ("batch", "tokens at once", ("los", "tokens a la vez")),
    ("rows", "number of rows m", ("el", "número de filas m")),
    ("columns", "number of columns n", ("el", "número de columnas n")),
    ("head_dim", "head dimension d", ("la", "dimensión de la cabeza d")),
    ("clusters", "number of clusters", ("el", "número de grupos")),
    ("cluster_noise", "noise around the clusters", ("el", "ruido en torno a los grupos")),
    ("causal", "causal mask", ("la", "máscara causal")),
    ("points", "number of points", ("el", "número de puntos")),
    ("dimension", "dimension of the points", ("la", "dimensión de los puntos")),
    ("bandwidth", "bandwidth", ("el", "ancho de banda")),
    ("decay", "decay of the spectrum", ("el", "decaimiento del espectro")),
    ("exponent", "exponent of the decay", ("el", "exponente del decaimiento")),
    ("rate", "rate of the decay", ("la", "tasa de decaimiento")),
    ("step_rank", "rank of the step", ("el", "rango del escalón")),
    ("step_drop", "drop at the step", ("la", "caída del escalón")),
    ("spikes", "number of spikes", ("el", "número de picos")),
    ("spike_ratio", "height of the spikes", ("la", "altura de los picos")),
    ("file", "file", ("el", "archivo")),
    ("head", "head", ("la", "cabeza")),
    ("tensor", "tensor", ("el", "tensor")),
    ("calibration", "calibration text", ("el", "texto de calibración")),
    ("evaluation", "evaluation text", ("el", "texto de evaluación")),
    ("target_rank", "target rank k", ("el", "rango objetivo k")),
    ("correction_rank", "rank k of the added pair", ("el", "rango k del par añadido")),
    ("power_iterations", "power iterations q", ("las", "iteraciones de potencia q")),
    ("oversampling", "oversampling p", ("el", "sobremuestreo p")),
    ("sampling", "sampling", ("el", "muestreo")),
    ("algorithm", "algorithm", ("el", "algoritmo")),
    ("pseudoinverse", "pseudoinverse", ("la", "pseudoinversa")),
    ("landmarks", "landmarks", ("los", "puntos de referencia")),
    ("projection", "projection", ("la", "proyección")),
    ("features", "random features", ("las", "características aleatorias")),
];

fn known(parameter: &str) -> Option<(&'static str, (&'static str, &'static str))> {
    PARAMETERS.iter().find(|(name, ..)| *name == parameter).map(|(_, english, spanish)| (*english, *spanish))
}

/// What the axis of a swept parameter says: `sequence length n`; its name in the spec if this table does not know it.
#[must_use]
pub fn parameter_title(parameter: &str, language: Language) -> String {
    known(parameter).map_or(parameter, |(english, (_, spanish))| either(language, english, spanish)).to_owned()
}

/// The same in a sentence: `the sequence length n`.
#[must_use]
pub fn parameter_in_sentence(parameter: &str, language: Language) -> String {
    match (known(parameter), language) {
        (Some((english, _)), Language::English) => format!("the {english}"),
        (Some((_, (article, spanish))), Language::Spanish) => format!("{article} {spanish}"),
        (None, _) => parameter.to_owned(),
    }
}

/// The letter of the literature for a parameter, or the parameter itself.
#[must_use]
pub fn parameter_symbol(parameter: &str) -> &str {
    match parameter {
        "target_rank" => "k",
        "power_iterations" => "q",
        "oversampling" => "p",
        "sketch_size" => "ℓ",
        "landmarks" | "rows" => "m",
        "tolerance" => "ε",
        "samples" | "length" | "columns" => "n",
        "noise" => "σ",
        "rank_share" => "ρ",
        "correction_rank" => "k",
        "shift" => "ν",
        "alpha" => "α",
        "temperature" => "τ",
        "batch" => "tokens",
        "head_dim" => "d",
        other => other,
    }
}

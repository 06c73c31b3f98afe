//! What methods, their variants and the terms of the field are called, in both languages.

use crate::language::Language;

/// A kind of method as the field calls it; `None` for a kind this table does not know.
#[must_use]
pub fn kind_name(kind: &str, language: Language) -> Option<&'static str> {
    let (english, spanish) = match kind {
        "truncated_svd" => ("Truncated SVD", "SVD truncada"),
        "randomized_svd" => ("Randomized SVD", "SVD aleatorizada"),
        "block_krylov" => ("Block Krylov", "Krylov por bloques"),
        "nystrom" => ("Nyström", "Nyström"),
        "generalized_nystrom" => ("Generalized Nyström", "Nyström generalizado"),
        "cur" => ("CUR", "CUR"),
        "nystromformer" => ("Nyströmformer", "Nyströmformer"),
        "linformer" => ("Linformer (untrained)", "Linformer (sin entrenar)"),
        "performer" => ("Performer", "Performer"),
        "coreset" => ("RPCholesky coreset", "Coreset RPCholesky"),
        "skyformer" => ("Skyformer", "Skyformer"),
        "exact_attention" => ("Exact attention", "Atención exacta"),
        "top_k" => ("Top-k rows", "Filas top-k"),
        "sliding_window" => ("Sliding window", "Ventana deslizante"),
        "activation_aware_svd" => ("Activation-aware SVD", "SVD según las activaciones"),
        "scaled_svd" => ("Scaled SVD", "SVD con columnas escaladas"),
        "dense" => ("Dense matrix", "Matriz densa"),
        _ => return None,
    };
    Some(either(language, english, spanish))
}

/// A family of instances, from its label in the spec. A label that is the kind, or begins with it, becomes the kind's name
/// (`nystrom_uniform` → `Nyström (uniform)`); any other label was chosen by its author and stays as it is.
#[must_use]
pub fn method_name(kind: &str, label: &str, language: Language) -> String {
    let Some(name) = kind_name(kind, language) else { return label.to_owned() };
    match label.strip_prefix(kind) {
        Some("") => name.to_owned(),
        Some(rest) if rest.starts_with(['_', '-']) => {
            let words: Vec<String> =
                rest.split(['_', '-']).filter(|word| !word.is_empty()).map(|word| value_name(word, language)).collect();
            in_brackets(name, &words.join(" "))
        }
        _ => label.to_owned(),
    }
}

/// What the axis of a swept parameter says.
#[must_use]
pub fn parameter_title(parameter: &str, language: Language) -> String {
    match parameter {
        "length" => either(language, "sequence length n", "longitud de la secuencia n").to_owned(),
        "temperature" => either(language, "temperature τ", "temperatura τ").to_owned(),
        "batch" => either(language, "tokens at once", "tokens a la vez").to_owned(),
        other => other.to_owned(),
    }
}

/// The swept parameters of an instance as the literature writes them: `power_iterations=2, oversampling=10` → `q=2, p=10`.
/// A parameter that is a word rather than a number is its own name: `sampling=uniform` → `(uniform)`.
#[must_use]
pub fn variant_name(variant: &str, language: Language) -> String {
    let (words, numbers) = swept_parts(variant, language);
    let words = if words.is_empty() { words } else { format!("({words})") };
    [words, numbers].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The same as a name of its own: `attention=performer, landmarks=16` → `Performer, m=16`.
#[must_use]
pub fn setting_name(variant: &str, language: Language) -> String {
    let (words, numbers) = swept_parts(variant, language);
    [words, numbers].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}

/// The words and the numbers among swept parameters.
fn swept_parts(variant: &str, language: Language) -> (String, String) {
    let (mut words, mut numbers) = (Vec::new(), Vec::new());
    for part in variant.split(", ").filter(|part| !part.is_empty()) {
        match part.split_once('=') {
            Some((parameter, value)) if value.parse::<f64>().is_ok() => {
                numbers.push(format!("{}={}", parameter_symbol(parameter), language.localise(value)));
            }
            Some((parameter, value @ ("true" | "false"))) => {
                numbers.push(format!("{}={value}", parameter_symbol(parameter)));
            }
            Some((_, value)) => words.push(value_name(value, language)),
            None => words.push(part.to_owned()),
        }
    }
    (words.join(", "), numbers.join(", "))
}

/// One instance of a method: [`method_name`] and [`variant_name`].
#[must_use]
pub fn instance_name(kind: &str, label: &str, variant: &str, language: Language) -> String {
    let (words, numbers) = swept_parts(variant, language);
    let name = in_brackets(&method_name(kind, label, language), &words);
    if numbers.is_empty() { name } else { format!("{name} {numbers}") }
}

/// A name with words in brackets behind it, in those it has where it has some: `Linformer (untrained, Gaussian)`.
fn in_brackets(name: &str, words: &str) -> String {
    match name.strip_suffix(')') {
        _ if words.is_empty() => name.to_owned(),
        Some(open) if open.contains(" (") => format!("{open}, {words})"),
        _ => format!("{name} ({words})"),
    }
}

/// A series, quantity, failure or published figure of a study, by the word its rows carry; `None` for a word this table does not
/// know.
#[must_use]
pub fn study_word(word: &str, language: Language) -> Option<&'static str> {
    let (english, spanish) = match word {
        // Series.
        "reduced_rank" => ("Reduced rank", "Rango reducido"),
        "ridge" => ("Ridge", "Regresión ridge"),
        "bad" => ("Failing", "Fallo"),
        "cure" => ("Cure", "Remedio"),
        "attention_alone" => ("Attention alone", "Solo atención"),
        "with_skip_connections" => ("With skip connections", "Con conexiones residuales"),
        "exact_attention_kept" => ("Exact, memory kept", "Exacta, memoria conservada"),
        "projections" => ("Projections", "Proyecciones"),
        // Quantities.
        "training_error" => ("training error", "error de entrenamiento"),
        "test_error" => ("test error", "error de prueba"),
        "true_rank" => ("true rank", "rango verdadero"),
        "gavish_donoho_rank" => ("Gavish–Donoho", "Gavish–Donoho"),
        // Failures.
        "flat_spectrum" => ("Flat spectrum", "Espectro plano"),
        "flat_tail" => ("Flat tail", "Cola plana"),
        "naive_powering" => ("Naive powering", "Potencias ingenuas"),
        "unshifted_nystrom" => ("Unshifted Nyström", "Nyström sin desplazar"),
        "exact_pseudoinverse" => ("Exact pseudoinverse", "Pseudoinversa exacta"),
        "large_norms" => ("Large norms", "Normas grandes"),
        "greedy_pivots" => ("Greedy pivots", "Pivotes voraces"),
        "singular_gram" => ("Singular Gram matrix", "Matriz de Gram singular"),
        "unscaled_svd" => ("Unscaled SVD", "SVD sin escalar"),
        // Published figures.
        "albert_embeddings" => ("ALBERT, embeddings", "ALBERT, embeddings"),
        "lora_gpt3" => ("LoRA, GPT-3", "LoRA, GPT-3"),
        "break_even" => ("Break-even rank", "Umbral de equilibrio"),
        "nystromformer_scaling" => ("Nyströmformer, growth", "Nyströmformer, crecimiento"),
        "favor_error" => ("FAVOR+, error", "FAVOR+, error"),
        "bksvd" => ("Block Krylov (bksvd)", "Krylov por bloques (bksvd)"),
        "randsvd" => ("Adaptive sketch (svdsketch)", "Bosquejo adaptativo (svdsketch)"),
        "rank_collapse" => ("Rank collapse", "Colapso del rango"),
        // Rows of published figures.
        "full" => ("parameters, not factored", "parámetros, sin factorizar"),
        "factored" => ("parameters, factored", "parámetros, factorizados"),
        "trainable" => ("trainable parameters", "parámetros entrenables"),
        "exact_attention_time_exponent" => ("exponent of time, exact", "exponente del tiempo, exacta"),
        "exact_attention_memory_exponent" => ("exponent of memory, exact", "exponente de la memoria, exacta"),
        "nystromformer_time_exponent" => ("exponent of time, Nyströmformer", "exponente del tiempo, Nyströmformer"),
        "nystromformer_memory_exponent" => {
            ("exponent of memory, Nyströmformer", "exponente de la memoria, Nyströmformer")
        }
        "time_ratio" => ("exact over Nyströmformer, time at 8192", "exacta entre Nyströmformer, tiempo en 8192"),
        "memory_ratio" => ("exact over Nyströmformer, memory at 8192", "exacta entre Nyströmformer, memoria en 8192"),
        "relative_error" => ("relative error", "error relativo"),
        "block_krylov_error" => ("error of block Krylov", "error de Krylov por bloques"),
        "lanczos_error" => ("error of the Lanczos SVD", "error de la SVD de Lanczos"),
        "speed_up" => ("block Krylov faster by", "Krylov por bloques, más rápido por"),
        "rank" => ("rank at tolerance 1e-2", "rango con tolerancia 1e-2"),
        "error" => ("error at tolerance 1e-2", "error con tolerancia 1e-2"),
        "default_rank" => ("rank at the default tolerance", "rango con la tolerancia por defecto"),
        "exponent_per_layer" => ("exponent of the collapse per layer", "exponente del colapso por capa"),
        method => return kind_name(method, language),
    };
    Some(either(language, english, spanish))
}

/// [`study_word`], or the word itself.
#[must_use]
pub fn study_name(word: &str, language: Language) -> String {
    // `a+b k=64`: several methods at once, with what is fixed.
    let (names, fixed) = word.split_once(' ').unwrap_or((word, ""));
    let known: Option<Vec<&str>> = names.split('+').map(|name| study_word(name, language)).collect();
    match known {
        Some(known) => format!("{} {fixed}", known.join(" + ")).trim_end().to_owned(),
        None => word.to_owned(),
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
        "landmarks" => "m",
        "tolerance" => "ε",
        "samples" | "length" => "n",
        "noise" => "σ",
        "rank_share" => "ρ",
        "shift" => "ν",
        "alpha" => "α",
        other => other,
    }
}

/// The one of two texts that is in `language`.
pub(super) fn either<'a>(language: Language, english: &'a str, spanish: &'a str) -> &'a str {
    match language {
        Language::English => english,
        Language::Spanish => spanish,
    }
}

fn value_name(value: &str, language: Language) -> String {
    let (english, spanish) = match value {
        "uniform" => ("uniform", "uniforme"),
        "rp_cholesky" => ("RPCholesky", "RPCholesky"),
        "gaussian" => ("Gaussian", "gaussiano"),
        "segment_means" => ("segment means", "medias por segmentos"),
        "k_means" => ("k-means", "k-medias"),
        "orthogonal" => ("orthogonal", "ortogonal"),
        "exact" => ("exact", "exacta"),
        "iterative" => ("iterative", "iterativa"),
        "full" => ("full", "completa"),
        "krylov" => ("Krylov", "Krylov"),
        other => return kind_name(other, language).unwrap_or(other).to_owned(),
    };
    either(language, english, spanish).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instances_are_named_as_in_the_literature() {
        let name = |kind, label, variant, language| instance_name(kind, label, variant, language);
        assert_eq!(
            name("randomized_svd", "randomized_svd", "power_iterations=2, oversampling=10", Language::Spanish),
            "SVD aleatorizada q=2, p=10"
        );
        assert_eq!(name("nystrom", "nystrom_uniform", "", Language::Spanish), "Nyström (uniforme)");
        assert_eq!(name("nystrom", "nystrom", "sampling=rp_cholesky", Language::English), "Nyström (RPCholesky)");
        assert_eq!(name("truncated_svd", "tsvd", "tolerance=0.5", Language::Spanish), "tsvd ε=0,5");
        assert_eq!(name("bigbird", "bigbird", "", Language::English), "bigbird");
        // One pair of brackets.
        let linformer = "Linformer (untrained, segment means) q=2";
        assert_eq!(
            name("linformer", "linformer", "projection=segment_means, power_iterations=2", Language::English),
            linformer
        );
        assert_eq!(
            method_name("linformer", "linformer_gaussian", Language::English),
            "Linformer (untrained, Gaussian)"
        );
    }

    /// A label is text of the spec's author and may be anything.
    #[test]
    fn a_label_of_several_kinds_is_not_mistaken() {
        assert_eq!(method_name("nystrom", "nystromformer", Language::English), "nystromformer");
        assert_eq!(variant_name("file=a=b, , plain", Language::English), "(a=b, plain)");
    }
}

//! What methods, their variants and the terms of the field are called, in both languages.

mod parameter;

use crate::{
    language::Language,
    method::words,
    table::{parts_of_name, settings},
};

pub use parameter::{parameter_in_sentence, parameter_symbol, parameter_title};

/// A kind of method as the field calls it; `None` for a kind that is not registered.
#[must_use]
pub fn kind_name(kind: &str, language: Language) -> Option<&'static str> {
    words::of(kind).map(|words| words.name.of(language))
}

/// A problem or study by its label, or a problem at one of its settings (`attention (length=64)`).
#[must_use]
pub fn label_name(name: &str, language: Language) -> String {
    match parts_of_name(name) {
        (label, "") => known_label(label, language).to_owned(),
        (label, setting) => format!("{}, {}", known_label(label, language), setting_name(setting, language)),
    }
}

/// A problem or study of the specs that come with the program, by its label; any other label is a name its author chose and stays as
/// it is.
fn known_label(label: &str, language: Language) -> &str {
    let (english, spanish) = match label {
        "minilm" => ("MiniLM", "MiniLM"),
        "minilm_heads" => ("all heads of MiniLM", "todas las cabezas de MiniLM"),
        "minilm_causal" => ("causal MiniLM", "MiniLM causal"),
        "spectra_of_minilm" => ("spectra of MiniLM", "espectros de MiniLM"),
        "synthetic_attention" | "synthetic" => ("synthetic attention", "atención sintética"),
        "synthetic_causal" => ("causal synthetic attention", "atención sintética causal"),
        "attention" => ("attention", "atención"),
        "spectra" => ("prescribed spectra", "espectros prescritos"),
        "spectrum" => ("prescribed spectrum", "espectro prescrito"),
        "kernel" => ("Gaussian kernel", "núcleo gaussiano"),
        "encoder" => ("encoder weights", "pesos del codificador"),
        "gaussian" => ("Gaussian matrices", "matrices gaussianas"),
        "square" => ("a square weight matrix", "una matriz de pesos cuadrada"),
        "wide" => ("a wide weight matrix", "una matriz de pesos ancha"),
        "regression" => ("regression", "regresión"),
        "full_rank_regression" => ("regression of full rank", "regresión de rango completo"),
        "denoised_attention" => ("denoised attention", "atención sin ruido"),
        "denoised_full_rank" => ("a denoised matrix of full rank", "una matriz de rango completo sin ruido"),
        "noisy_heads" => ("heads of MiniLM under noise", "cabezas de MiniLM con ruido"),
        "noisier_head" => ("a head of MiniLM under more noise", "una cabeza de MiniLM con más ruido"),
        "atlas" => ("atlas", "atlas"),
        "declaration" => ("the Declaration of Independence", "la Declaración de Independencia"),
        "licence" => ("a licence", "una licencia"),
        "published" => ("published figures", "cifras publicadas"),
        "weights" => ("weights", "pesos"),
        "both" => ("weights and attention", "pesos y atención"),
        other => return other,
    };
    either(language, english, spanish)
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

/// A rank as a spec asks for it, in a sentence: `k = 32`, `k = 5% of the size`.
#[must_use]
pub fn rank_told(rank: &str, language: Language) -> String {
    let (number, english, spanish) = match rank.split_once(' ') {
        Some((share, "%")) => (share, "k = {}% of the size", "k = {}\u{a0}% del tamaño"),
        Some((times, "break-even")) => (times, "k = {} of the break-even rank", "k = {} del rango de equilibrio"),
        Some(("energy", share)) => (share, "the k that keeps {} of the energy", "el k que conserva {} de la energía"),
        _ => (rank, "k = {}", "k = {}"),
    };
    either(language, english, spanish).replace("{}", &language.localise(number))
}

/// A column of the tables, as the axis of a claim calls it; its own name if this table does not know it.
#[must_use]
pub fn quantity_name(quantity: &str, language: Language) -> String {
    let (english, spanish) = match quantity {
        "total_flops" => ("floating-point operations, factoring included", "operaciones, la factorización incluida"),
        "apply_flops" => ("floating-point operations", "operaciones"),
        "bytes_share" => ("share of the bytes", "parte de los bytes"),
        "flops_share" => ("share of the operations", "parte de las operaciones"),
        "parameters" => ("numbers stored", "números almacenados"),
        "parameters_share" => ("share of the numbers stored", "parte de los números almacenados"),
        "output_peak_bytes" => ("peak memory", "memoria máxima"),
        "output_seconds" => ("time to the output", "tiempo hasta la salida"),
        "apply_seconds" => ("time to apply", "tiempo de aplicar"),
        "speed_up" => ("tokens per second over the exact model's", "tokens por segundo entre los del modelo exacto"),
        "mean_cosine" => ("mean cosine to the exact embeddings", "coseno medio con los vectores exactos"),
        "relative_output_error" => ("relative error of the output", "error relativo de la salida"),
        "relative_frobenius_error" => ("relative Frobenius error", "error relativo de Frobenius"),
        "suboptimality" => ("error over the optimum of the rank", "error entre el óptimo del rango"),
        "test_error" => ("test error", "error de prueba"),
        "unconstrained_error" => ("error without truncation", "error sin truncar"),
        "gavish_donoho_error" => ("error after truncation", "error tras truncar"),
        "rank_energy_90" => ("rank that keeps 90% of the energy", "rango que conserva el 90 % de la energía"),
        "rank_energy_99" => ("rank that keeps 99% of the energy", "rango que conserva el 99 % de la energía"),
        "rank_energy_99_over_break_even" => (
            "rank that keeps 99% of the energy ÷ break-even rank",
            "rango que conserva el 99 % de la energía ÷ umbral de equilibrio",
        ),
        other => return other.to_owned(),
    };
    either(language, english, spanish).to_owned()
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
    if !variant.contains('=') && !variant.is_empty() {
        words.push(value_name(variant, language));
    }
    // A size is read as one.
    let size = |name: &str| settings(variant).find(|(parameter, _)| *parameter == name).map(|(_, value)| value);
    let size = size("rows").zip(size("columns"));
    numbers.extend(size.map(|(rows, columns)| format!("{rows} × {columns}")));
    for (parameter, value) in settings(variant) {
        match value {
            _ if size.is_some() && matches!(parameter, "rows" | "columns") => {}
            value if value.parse::<f64>().is_ok() => {
                numbers.push(format!("{}={}", parameter_symbol(parameter), language.localise(value)));
            }
            "true" | "false" => numbers.push(format!("{}={value}", parameter_symbol(parameter))),
            value if matches!(parameter, "figure" | "which" | "format") => words.push(study_name(value, language)),
            value => words.push(value_name(value, language)),
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
        "fewer_bits" => ("Fewer bits (16, 8, 4, 3)", "Menos bits (16, 8, 4, 3)"),
        "float16" => ("16 bits", "16 bits"),
        "int8" => ("8 bits", "8 bits"),
        "int4" => ("4 bits", "4 bits"),
        "int3" => ("3 bits", "3 bits"),
        "svd_llm_float16" => ("SVD-LLM, 16 bits", "SVD-LLM, 16 bits"),
        "svd_llm_int8" => ("SVD-LLM, 8 bits", "SVD-LLM, 8 bits"),
        "int4_plus_pair" => ("4 bits + pair (QERA)", "4 bits + par (QERA)"),
        "int3_plus_pair" => ("3 bits + pair (QERA)", "3 bits + par (QERA)"),
        "int3_plus_plain_pair" => ("3 bits + pair (LQER)", "3 bits + par (LQER)"),
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
        "albert_embeddings" => ("ALBERT, embeddings", "ALBERT, vectores de palabras"),
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
        "time_ratio" => {
            ("exact over Nyströmformer, time, 8192 tokens", "exacta entre Nyströmformer, tiempo, 8192 tokens")
        }
        "memory_ratio" => {
            ("exact over Nyströmformer, memory, 8192 tokens", "exacta entre Nyströmformer, memoria, 8192 tokens")
        }
        "relative_error" => ("relative error", "error relativo"),
        "block_krylov_error" => ("error of block Krylov", "error de Krylov por bloques"),
        "lanczos_error" => ("error of the Lanczos SVD", "error de la SVD de Lanczos"),
        "speed_up" => ("factor of speed", "factor de velocidad"),
        "rank" => ("rank at tolerance 0.01", "rango con tolerancia 0,01"),
        "error" => ("error at tolerance 0.01", "error con tolerancia 0,01"),
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
        "power" => ("power law", "ley de potencia"),
        "exponential" => ("exponential", "exponencial"),
        "flat" => ("flat", "plano"),
        other => {
            let part = head_name(other, language).or_else(|| kind_name(other, language).map(str::to_owned));
            return part.unwrap_or_else(|| other.to_owned());
        }
    };
    either(language, english, spanish).to_owned()
}

/// `layer0.head2`, or `layer0` alone, as files of heads name them.
fn head_name(value: &str, language: Language) -> Option<String> {
    let number =
        |text: &str| (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.to_owned());
    let (layer, head) = value.split_once('.').map_or((value, None), |(layer, head)| (layer, Some(head)));
    let layer = format!("{} {}", either(language, "layer", "capa"), number(layer.strip_prefix("layer")?)?);
    match head {
        Some(head) => {
            let head = number(head.strip_prefix("head")?)?;
            Some(format!("{layer}, {} {head}", either(language, "head", "cabeza")))
        }
        None => Some(layer),
    }
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

    #[test]
    fn what_is_told_apart_by_words_has_them_in_both_languages() {
        assert_eq!(setting_name("head=layer0.head2, temperature=0.25", Language::Spanish), "capa 0, cabeza 2, τ=0,25");
        assert_eq!(setting_name("layer3", Language::English), "layer 3");
        assert_eq!(setting_name("decay=power", Language::Spanish), "ley de potencia");
        assert_eq!(setting_name("head=layer.head", Language::Spanish), "layer.head");
    }

    /// The reports of the specs that come with the program have no word of the other language.
    #[test]
    fn every_label_of_the_specs_has_a_name() {
        for entry in std::fs::read_dir("experiments").unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "toml") {
                continue;
            }
            let spec: toml::Table = std::fs::read_to_string(&path).unwrap().parse().unwrap();
            for part in ["problem", "study"] {
                for label in spec.get(part).and_then(toml::Value::as_table).into_iter().flat_map(toml::Table::keys) {
                    for language in Language::ALL {
                        let name = label_name(label, language);
                        assert!(
                            !name.contains('_') && (name != *label || name == "atlas" || language == Language::English),
                            "{label}"
                        );
                    }
                }
            }
        }
    }

    /// A label is text of the spec's author and may be anything.
    #[test]
    fn a_label_of_several_kinds_is_not_mistaken() {
        assert_eq!(method_name("nystrom", "nystromformer", Language::English), "nystromformer");
        assert_eq!(variant_name("file=a=b, , plain", Language::English), "(a=b, , plain)");
    }
}

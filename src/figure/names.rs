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
            format!("{name} ({})", words.join(" "))
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
    let (words, numbers) = (words.join(", "), numbers.join(", "));
    match (words.as_str(), numbers.as_str()) {
        ("", _) => numbers,
        (_, "") => format!("({words})"),
        _ => format!("({words}) {numbers}"),
    }
}

/// One instance of a method: [`method_name`] and [`variant_name`].
#[must_use]
pub fn instance_name(kind: &str, label: &str, variant: &str, language: Language) -> String {
    let (name, variant) = (method_name(kind, label, language), variant_name(variant, language));
    if variant.is_empty() { name } else { format!("{name} {variant}") }
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
        other => (other, other),
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
    }

    /// A label is text of the spec's author and may be anything.
    #[test]
    fn a_label_of_several_kinds_is_not_mistaken() {
        assert_eq!(method_name("nystrom", "nystromformer", Language::English), "nystromformer");
        assert_eq!(variant_name("file=a=b, , plain", Language::English), "(a=b, plain)");
    }
}

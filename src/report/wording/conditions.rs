//! Where a claim holds, in words: «from n = 2 048 on», «with q = 1 or 2 and up to τ = 1».

use crate::{
    claim::{Clause, Condition, Extent},
    figure::names,
    language::Language,
    report::{escape, weights::shared},
};

/// Of more names than these, the places are counted.
const NAMED: usize = 8;

/// The condition after the word «holds», as Markdown.
pub fn in_words(condition: &Condition, language: Language) -> String {
    let count = |number: usize| language.count(Some(number as u64));
    let Condition { clauses, inside, holding, of } = condition;
    let told: Vec<String> = clauses.iter().map(|clause| clause_in_words(clause, language)).collect();
    let told = match language {
        Language::English => told.join(" and "),
        Language::Spanish => told.join(" y "),
    };
    let rest = holding - inside;
    let is_long = |clause: &Clause| match &clause.extent {
        Extent::Only(names) | Extent::Except(names) => names.len() > NAMED,
        _ => false,
    };
    match (language, clauses.is_empty() || clauses.iter().any(is_long), rest) {
        (Language::English, true, _) => format!("at {} of {} places", count(*holding), count(*of)),
        (Language::Spanish, true, _) => format!("en {} de {} lugares", count(*holding), count(*of)),
        (_, _, 0) => told,
        (Language::English, ..) => format!("{told}; in all, at {} of {} places", count(*holding), count(*of)),
        (Language::Spanish, ..) => format!("{told}; en total, en {} de {} lugares", count(*holding), count(*of)),
    }
}

fn clause_in_words(clause: &Clause, language: Language) -> String {
    let Clause { parameter, extent } = clause;
    let symbol = escape::markdown(names::parameter_symbol(parameter));
    let number = |value: f64| number(value, language);
    let listed = |list: &[String]| {
        let (front, back) = shared(list);
        let name = |name: &String| match name.strip_prefix(&front).and_then(|rest| rest.strip_suffix(&back)) {
            Some(short) if !front.is_empty() => format!("`{}`", escape::one_line(short)),
            _ => value_in_words(parameter, name, language),
        };
        language.join(&list.iter().map(name).collect::<Vec<_>>())
    };
    match (language, extent) {
        (Language::English, Extent::From(from)) => format!("from {symbol} = {} on", number(*from)),
        (Language::English, Extent::UpTo(to)) => format!("up to {symbol} = {}", number(*to)),
        (Language::English, Extent::Between(from, to)) if from == to => format!("at {symbol} = {}", number(*from)),
        (Language::English, Extent::Between(from, to)) => {
            format!("between {symbol} = {} and {}", number(*from), number(*to))
        }
        (Language::English, Extent::Only(list)) => format!("for {}", listed(list)),
        (Language::English, Extent::Except(list)) => format!("except for {}", listed(list)),
        (Language::Spanish, Extent::From(from)) => format!("desde {symbol} = {}", number(*from)),
        (Language::Spanish, Extent::UpTo(to)) => format!("hasta {symbol} = {}", number(*to)),
        (Language::Spanish, Extent::Between(from, to)) if from == to => format!("con {symbol} = {}", number(*from)),
        (Language::Spanish, Extent::Between(from, to)) => {
            format!("entre {symbol} = {} y {}", number(*from), number(*to))
        }
        (Language::Spanish, Extent::Only(list)) => format!("para {}", listed(list)),
        (Language::Spanish, Extent::Except(list)) => format!("salvo para {}", listed(list)),
    }
}

fn value_in_words(parameter: &str, value: &str, language: Language) -> String {
    escape::markdown(&match parameter {
        "method" => {
            let (kind, variant) = value.split_once(", ").unwrap_or((value, ""));
            names::instance_name(kind, kind, variant, language)
        }
        "series" => names::study_word(value, language).map_or_else(|| value.to_owned(), str::to_owned),
        "problem" | "study" => value.to_owned(),
        parameter => names::setting_name(&format!("{parameter}={value}"), language),
    })
}

fn number(value: f64, language: Language) -> String {
    if value.fract() == 0.0 && (0.0..1e15).contains(&value) {
        language.count(Some(value as u64))
    } else {
        language.localise(&value.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_said_in_both_languages() {
        let clause = |parameter: &str, extent| Clause { parameter: parameter.to_owned(), extent };
        let length = clause("length", Extent::From(2048.0));
        let steps = clause("power_iterations", Extent::Only(vec!["1".into(), "2".into()]));
        for (clauses, inside, english, spanish) in [
            (vec![length.clone()], 3, "from n = 2048 on", "desde n = 2048"),
            (vec![length.clone(), steps], 3, "from n = 2048 on and for q=1 and q=2", "desde n = 2048 y para q=1 y q=2"),
            (
                vec![length],
                2,
                "from n = 2048 on; in all, at 3 of 9 places",
                "desde n = 2048; en total, en 3 de 9 lugares",
            ),
            (vec![], 0, "at 3 of 9 places", "en 3 de 9 lugares"),
        ] {
            let condition = Condition { clauses, inside, holding: 3, of: 9 };
            let plain = |language| in_words(&condition, language).replace(['\u{202f}', '\u{a0}', '\\'], "");
            assert_eq!(plain(Language::English), english);
            assert_eq!(plain(Language::Spanish), spanish);
        }
    }
}

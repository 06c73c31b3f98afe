//! `--only`: the part of an experiment that a command is asked for, as `method=cur,problem=heads,rank<=64`.

use std::{fmt, str::FromStr};

use serde_json::{Map, Value};

use super::{
    Experiment,
    exclude::Condition,
    spelling::{listed, nearest},
};

/// What a cell must be: under each key all comparisons, and one of the values.
#[derive(Debug, Clone, PartialEq)]
pub struct Only {
    /// As it was written.
    text: String,
    keys: Vec<(String, Vec<Condition>)>,
}

/// Keys that are no parameters.
const PROBLEM: &str = "problem";
const METHOD: &str = "method";
const STUDY: &str = "study";
const PRECISION: &str = "precision";
const TARGET_RANK: &str = "target_rank";

impl FromStr for Only {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut only = Self { text: text.to_owned(), keys: Vec::new() };
        for condition in text.split(',').map(str::trim).filter(|condition| !condition.is_empty()) {
            let at = condition.find(['=', '<', '>']).filter(|at| *at > 0);
            let (key, rest) = at.map(|at| condition.split_at(at)).ok_or_else(|| {
                format!(
                    "`{}` is no condition: write KEY=VALUE or KEY<=NUMBER, joined by commas",
                    condition.escape_debug()
                )
            })?;
            let found = match rest.strip_prefix('=') {
                Some(value) => Condition::Is(value_of(value.trim())),
                None => Condition::of(rest),
            };
            if matches!(&found, Condition::Is(Value::String(text)) if text.starts_with(['<', '>']) || text.is_empty()) {
                let shown = condition.escape_debug();
                return Err(format!("`{shown}` compares with no number: write for example `rank<=64`"));
            }
            let key = if key.trim() == "rank" { TARGET_RANK } else { key.trim() };
            match only.keys.iter_mut().find(|(known, _)| known == key) {
                Some((_, conditions)) => conditions.push(found),
                None => only.keys.push((key.to_owned(), vec![found])),
            }
        }
        if only.keys.is_empty() {
            Err("it has no condition: write for example `method=cur`".to_owned())
        } else {
            Ok(only)
        }
    }
}

impl fmt::Display for Only {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

/// A number or `true` or `false` if it is one, else the text itself.
fn value_of(text: &str) -> Value {
    match serde_json::from_str(text) {
        Ok(value @ (Value::Number(_) | Value::Bool(_))) => value,
        _ => Value::from(text),
    }
}

impl Only {
    /// Whether it asks for what has these values under the keys. What has no value under one is not asked for; `Null`, the rank of
    /// a baseline, meets every condition, because baselines have no rank and others are compared with them.
    pub fn admits(&self, value_of: impl Fn(&str) -> Option<Value>) -> bool {
        self.keys.iter().all(|(key, conditions)| match value_of(key) {
            None => false,
            Some(Value::Null) => true,
            Some(value) => {
                let (values, comparisons): (Vec<_>, Vec<_>) =
                    conditions.iter().partition(|condition| matches!(condition, Condition::Is(_)));
                comparisons.iter().all(|condition| condition.is_met_by(&value))
                    && (values.is_empty() || values.iter().any(|condition| condition.is_met_by(&value)))
            }
        })
    }

    /// Whether an experiment has the keys and labels it names.
    ///
    /// # Errors
    /// In words, with the nearest name.
    pub fn check(&self, experiment: &Experiment) -> Result<(), String> {
        let names = Names::of(experiment);
        for (key, conditions) in &self.keys {
            let labels = match key.as_str() {
                PROBLEM => &names.problems,
                METHOD => &names.methods,
                STUDY => &names.studies,
                PRECISION | TARGET_RANK => continue,
                key if names.parameters.iter().any(|known| known == key) => continue,
                key => {
                    let fixed = [PROBLEM, METHOD, STUDY, PRECISION, "rank"];
                    let all = || names.parameters.iter().map(String::as_str).chain(fixed);
                    let help = nearest(key, all()).map_or_else(|| listed(all()), |near| format!("`{near}`"));
                    let (key, name) = (key.escape_debug(), &experiment.name);
                    return Err(format!("`{key}` is no parameter of {name}: write {help}"));
                }
            };
            for condition in conditions {
                let Condition::Is(Value::String(label)) = condition else {
                    return Err(format!(
                        "`{key}` must be a label: one of {}",
                        listed(labels.iter().map(String::as_str))
                    ));
                };
                if !labels.contains(label) {
                    let all = || labels.iter().map(String::as_str);
                    let help = match nearest(label, all()) {
                        Some(near) => format!("write `{near}`"),
                        None if labels.is_empty() => "it has none".to_owned(),
                        None => format!("write one of {}", listed(all())),
                    };
                    let (label, name) = (label.escape_debug(), &experiment.name);
                    return Err(format!("{name} has no {key} `{label}`: {help}"));
                }
            }
        }
        Ok(())
    }
}

/// What a spec can be asked for by.
struct Names {
    problems: Vec<String>,
    methods: Vec<String>,
    studies: Vec<String>,
    parameters: Vec<String>,
}

impl Names {
    fn of(experiment: &Experiment) -> Self {
        let mut parameters: Vec<String> = Vec::new();
        let mut add = |own: Map<String, Value>| parameters.extend(own.into_iter().map(|(name, _)| name));
        experiment.problems.iter().for_each(|at| add(at.spec.parameters()));
        experiment.methods.iter().for_each(|at| add(at.spec.parameters()));
        experiment.studies.iter().for_each(|at| add(at.spec.parameters()));
        parameters.sort_unstable();
        parameters.dedup();
        let once = |families: Vec<&String>| {
            let mut labels: Vec<String> = families.into_iter().cloned().collect();
            labels.dedup();
            labels
        };
        Self {
            problems: once(experiment.problems.iter().map(|at| &at.family).collect()),
            methods: once(experiment.methods.iter().map(|at| &at.family).collect()),
            studies: once(experiment.studies.iter().map(|at| &at.family).collect()),
            parameters,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admits(text: &str, values: &Value) -> bool {
        text.parse::<Only>().unwrap().admits(|key| values.get(key).cloned())
    }

    #[test]
    fn values_of_one_key_are_alternatives_and_comparisons_all_hold() {
        let cell =
            serde_json::json!({ "method": "cur", "target_rank": 32, "length": 128, "causal": true, "text": "a=b" });
        for (text, is_asked_for) in [
            ("method=cur", true),
            ("method=cur,method=nystrom", true),
            ("method=nystrom", false),
            ("rank<=32, rank>8", true),
            ("rank<32", false),
            ("rank>=8,rank<=16", false),
            ("rank=8,rank=32", true),
            ("length=128.0,method=cur", true),
            ("causal=true", true),
            ("causal=false", false),
            ("text=a=b", true),
            ("width=4", false),
        ] {
            assert_eq!(admits(text, &cell), is_asked_for, "{text}");
        }
        assert!(admits("rank<=2,method=exact", &serde_json::json!({ "target_rank": null, "method": "exact" })));
    }

    #[test]
    fn what_is_no_condition_is_refused() {
        for wrong in ["", ",", "cur", "=cur", "rank<=many", "rank<", "method="] {
            assert!(wrong.parse::<Only>().is_err(), "{wrong}");
        }
    }
}

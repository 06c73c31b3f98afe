//! One experiment: its titles, and its facts by what they are about.

use std::{collections::BTreeMap, fs, path::Path};

use factoreo::{figure::names::label_name, language::Language};

use super::{
    claims,
    csv::{Csv, Row},
    facts::{self, Fact, Facts, Tables},
    parts,
    prose::{Number, What},
    studies, vectors,
};

pub struct Experiment {
    pub name: String,
    /// By language.
    pub titles: BTreeMap<String, String>,
    facts: Facts,
    /// Topics of its claims.
    topics: Vec<String>,
    /// What its claims say, by label.
    claims: BTreeMap<String, Vec<String>>,
    /// Cells, and of them completed, skipped and failed: of problems, of studies.
    pub ended: [[usize; 4]; 2],
}

pub fn all(results: &Path) -> BTreeMap<String, Experiment> {
    let folders = fs::read_dir(results).unwrap().map(|entry| entry.unwrap().path());
    let whole = folders
        .filter(|folder| folder.join("provenance.json").is_file() && !folder.to_string_lossy().ends_with("-quick"));
    whole.map(|folder| read(&folder)).map(|experiment| (experiment.name.clone(), experiment)).collect()
}

fn read(folder: &Path) -> Experiment {
    let tables = Tables::read(folder);
    let spec: toml::Table = fs::read_to_string(folder.join("spec.toml")).unwrap().parse().unwrap();
    let provenance: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(folder.join("provenance.json")).unwrap()).unwrap();
    let mut facts = studies::of_studies(&tables);
    facts.extend(claims::of_claims(&tables, &spec));
    for problem in facts::labels(&tables.runs, "problem") {
        for (name, variants) in parts::parts(&tables, &problem) {
            let own = facts.entry(name.clone()).or_default();
            for precision in facts::labels(&tables.runs, "precision") {
                own.extend(facts::of_problem(&tables, &name, variants.as_ref(), &precision));
            }
        }
    }
    let mut whole = of_all_cells(&tables);
    let ended = [ended(&tables.runs), ended(&tables.measurements)];
    whole.extend(of_protocol(&tables, &provenance));
    whole.extend(vectors::of_vectors(&tables));
    facts.insert(String::new(), whole);
    let text = |table: &str, language: &str| spec[table][language].as_str().unwrap().to_owned();
    let titles = Language::ALL.map(|language| (language.code().to_owned(), text("title", language.code())));
    let claims = || spec.get("claim").and_then(toml::Value::as_table).into_iter().flatten();
    let said = |claim: &toml::Value| {
        let text = |language| Some(claim.get(language)?.as_str()?.trim_end_matches('.').to_owned());
        ["en", "es", "beside_en", "beside_es"].into_iter().filter_map(text).collect()
    };
    let texts = claims().map(|(label, claim)| (label.clone(), said(claim))).collect();
    let topics = claims().filter_map(|(_, claim)| Some(claim.get("topic")?.as_str()?.to_owned())).collect();
    Experiment {
        name: folder.file_name().unwrap().to_string_lossy().into_owned(),
        titles: titles.into(),
        facts,
        topics,
        claims: texts,
        ended,
    }
}

impl Experiment {
    /// The facts of each claim, and what it says in both languages.
    pub fn claims(&self) -> impl Iterator<Item = (&[Fact], Vec<&str>)> {
        self.claims.iter().filter_map(|(label, texts)| {
            let facts = self.facts.get(&format!("claim:{label}"))?;
            Some((facts.as_slice(), texts.iter().map(String::as_str).collect()))
        })
    }

    /// The facts of what a sentence names; of everything if it names nothing.
    pub fn facts_of(&self, context: &str, language: Language) -> Vec<&Fact> {
        let claimed = self
            .facts
            .keys()
            .find(|label| label.strip_prefix("claim:").is_some_and(|label| context.contains(&format!("`{label}`"))));
        if let Some(claim) = claimed {
            return self.facts[claim].iter().collect();
        }
        let labels: Vec<&String> =
            self.facts.keys().filter(|label| !label.is_empty() && !label.starts_with("claim:")).collect();
        let named = |label: &&&String| context.contains(&label_name(label, language));
        let mut chosen: Vec<&String> = labels.iter().filter(named).copied().collect();
        // A setting is named with its problem.
        let settings: Vec<&String> = chosen.iter().filter(|label| label.ends_with(')')).copied().collect();
        chosen.retain(|label| !settings.iter().any(|name| name.starts_with(&format!("{label} ("))));
        if chosen.is_empty() {
            chosen = labels;
        }
        chosen.into_iter().chain([&String::new()]).flat_map(|label| &self.facts[label]).collect()
    }
}

/// Numbers of statements on each claim of the assignment, which no experiment has alone.
pub fn claims_have(experiments: &BTreeMap<String, Experiment>, number: &Number) -> bool {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for topic in experiments.values().flat_map(|experiment| &experiment.topics) {
        *counts.entry(topic).or_default() += 1;
    }
    let most = counts.values().copied().max().unwrap_or(0);
    number.what == What::Any && (1..=most).any(|count| number.printed.is(count as f64))
}

/// How cells ended, and how well theory is kept to.
fn of_all_cells(tables: &Tables) -> Vec<Fact> {
    let mut facts = Vec::new();
    let runs: Vec<Row<'_>> = tables.runs.rows().collect();
    let completed = || runs.iter().filter(|row| row.text("status") == "completed");
    for precision in ["f64", "f32"] {
        let own: Vec<&Row<'_>> = completed().filter(|row| row.text("precision") == precision).collect();
        let over: Vec<f64> = own.iter().filter_map(|row| row.number("suboptimality")).collect();
        let counted = |count: usize| [What::Cells, What::Any].map(|what| Fact::of(count as f64, what));
        facts.extend(counted(over.len()));
        facts.extend(over.iter().copied().reduce(f64::min).map(|least| Fact::of(least, What::Any)));
        let svd = own
            .iter()
            .filter(|row| row.text("method_kind") == "truncated_svd")
            .filter_map(|row| row.number("suboptimality"));
        let off: Vec<f64> = svd.map(|over| (over - 1.0).abs()).collect();
        facts.extend(counted(off.len()));
        facts.extend(off.into_iter().reduce(f64::max).map(|most| Fact::of(most, What::Any)));
        let mut bounds: BTreeMap<[&str; 5], Vec<f64>> = BTreeMap::new();
        for row in &own {
            let key = ["problem", "problem_variant", "method", "method_variant", "target_rank"]
                .map(|column| row.text(column));
            bounds.entry(key).or_default().extend(row.number("bound_tightness"));
        }
        bounds.retain(|_, draws| !draws.is_empty());
        let means: Vec<f64> = bounds.values().map(|draws| draws.iter().sum::<f64>() / draws.len() as f64).collect();
        facts.push(Fact::of(means.len() as f64, What::Any));
        facts.push(Fact::of(means.iter().filter(|mean| **mean > 1.0).count() as f64, What::Any));
        facts.extend(means.into_iter().reduce(f64::max).map(|tightest| Fact::part(tightest, What::Any)));
        let sampled = own
            .iter()
            .filter(|row| row.number("output_error_low").is_some())
            .filter_map(|row| row.number("measured_rows"));
        facts.extend(
            sampled
                .reduce(f64::max)
                .into_iter()
                .flat_map(|rows| [What::Tokens, What::Any].map(|what| Fact::of(rows, what))),
        );
    }
    facts
}

fn ended(csv: &Csv) -> [usize; 4] {
    let cells: BTreeMap<&str, &str> = csv.rows().map(|row| (row.text("cell"), row.text("status"))).collect();
    let count = |status| cells.values().filter(|ended| **ended == status).count();
    [cells.len(), count("completed"), count("skipped"), count("failed")]
}

/// Draws, timings and the seed.
fn of_protocol(tables: &Tables, provenance: &serde_json::Value) -> Vec<Fact> {
    let most = |csv: &Csv, column: &str| csv.rows().filter_map(|row| row.number(column)).reduce(f64::max);
    let draws = [most(&tables.runs, "trial"), most(&tables.measurements, "trial")];
    let mut facts: Vec<Fact> = draws
        .into_iter()
        .flatten()
        .flat_map(|last| [What::Draws, What::Any].map(|what| Fact::of(last + 1.0, what)))
        .collect();
    facts.extend(most(&tables.samples, "repeat").map(|last| Fact::of(last + 1.0, What::Any)));
    for (key, what) in [("warmup", What::Runs), ("threads", What::Threads)] {
        facts.extend(provenance.get(key).and_then(serde_json::Value::as_f64).map(|value| Fact::of(value, what)));
    }
    let seed = provenance.get("seed").and_then(serde_json::Value::as_str).and_then(|seed| seed.parse().ok());
    facts.extend(seed.map(|seed| Fact::of(seed, What::Any)));
    facts
}

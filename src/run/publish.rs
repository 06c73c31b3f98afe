//! From the journals to the tables of `results/NAME/`.

use std::{collections::HashMap, fs, path::Path, sync::Arc};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{
    Counts, Folder, RunError, cell,
    job::forms_matrix,
    ledger::{CellEntry, Ledger},
    machine::Machines,
    shares,
};
use crate::{
    metric::Spectrum,
    plan::Plan,
    spec::{Experiment, Instance},
    table::{
        CellRow, MatrixRow, MeasurementRow, Point, Results, SampleRow, Status, file_names, lead_machine, summarise,
        variants,
    },
};

/// What the tables were made of when they were last written, kept beside the journals: if it is still true, there is
/// nothing to do.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Stamp {
    /// Hash of every row before summaries, of the provenance and of the spec.
    content: String,
    /// Hash of every file.
    files: Vec<(String, String)>,
    /// Of what all of it was made, and how the cells stand; told once nothing is left to compute.
    #[serde(default)]
    settled: Option<(String, Counts)>,
}

impl Stamp {
    fn read(folder: &Folder) -> Option<Self> {
        serde_json::from_slice(&fs::read(folder.stamp()).ok()?).ok()
    }
}

/// How the cells stand, if all were computed from just these [`inputs`](super::settled::inputs) and the tables are as they were
/// written.
pub fn settled(folder: &Folder, inputs: Option<&str>) -> Option<Counts> {
    let stamp = Stamp::read(folder)?;
    let (made_of, counts) = stamp.settled?;
    (Some(made_of.as_str()) == inputs && stamp.files == hash_of_files(&folder.results)).then_some(counts)
}

/// How the cells stand, and whether a file had to be written.
#[derive(Debug, Clone, Copy)]
pub struct Published {
    pub counts: Counts,
    pub changed: bool,
}

/// Writes the tables of what a ledger says of a plan, unless they say it already.
///
/// `inputs` is of what the ledger was read from. A cell counts once it has `repeats` timings: 0 in a build that takes none, which still publishes those that are there.
pub fn publish(
    experiment: &Experiment,
    plan: &Plan,
    folder: &Folder,
    ledger: &Ledger,
    repeats: u64,
    inputs: Option<String>,
) -> Result<Published, RunError> {
    let shares = shares::count(&folder.journals)?;
    let Rows { mut results, counts, forms } = rows(experiment, plan, ledger, repeats, shares);
    let content = hash_of_rows(&results);
    let settled = inputs.filter(|_| counts.missing == 0).map(|inputs| (inputs, counts));
    // A stamp that cannot be written costs the next run some seconds of work, no more.
    let leave = |stamp: Stamp| drop(fs::write(folder.stamp(), json!(stamp).to_string()));
    if let Some(stamp) = Stamp::read(folder)
        && stamp.content == content
        && stamp.files == hash_of_files(&folder.results)
    {
        if stamp.settled != settled {
            leave(Stamp { settled, ..stamp });
        }
        return Ok(Published { counts, changed: false });
    }
    let formed_for = blocks_formed_for(experiment, plan);
    results.summary = summarise(&results.matrices, &results.cells, &results.samples, |row, machine| {
        let block = formed_for.get(row.cell.as_str())?;
        forms.seconds(block, machine)
    })?;
    results.write(&folder.results)?;
    leave(Stamp { content, files: hash_of_files(&folder.results), settled });
    Ok(Published { counts, changed: true })
}

/// Every row but the summaries, in the order of the plan. What is missing is told by `shares` if the plan is computed in so many.
fn rows<'p>(experiment: &Experiment, plan: &'p Plan, ledger: &Ledger, repeats: u64, shares: Option<u32>) -> Rows<'p> {
    let mut counts = Counts::default();
    let mut matrices: Vec<MatrixRow> = Vec::new();
    let mut of_matrices = Vec::new();
    let mut spectra = Vec::new();
    let mut cells: Vec<CellRow> = Vec::new();
    let mut samples: Vec<SampleRow> = Vec::new();
    let mut machines = Machines::default();
    let mut sessions: Vec<&Arc<Value>> = Vec::new();
    let mut missing: Vec<&str> = Vec::new();
    for block in &plan.blocks {
        let cells_before = cells.len();
        for planned in &block.cells {
            match ledger.cells.get(&planned.id).filter(|entry| entry.is_finished(repeats)) {
                Some(entry) => {
                    cells.push(cell::renamed(entry.record.row.clone(), experiment, block, planned));
                    samples.extend(counted_samples(entry, experiment.timing.repeats as u64, &mut machines));
                    if !sessions.iter().any(|session| Arc::ptr_eq(session, &entry.session)) {
                        sessions.push(&entry.session);
                    }
                }
                None if planned.skip.is_some() => cells.push(cell::planned(experiment, block, planned)),
                None => missing.push(&planned.id),
            }
        }
        for row in &cells[cells_before..] {
            match row.status {
                Status::Completed => counts.completed += 1,
                Status::Skipped => counts.skipped += 1,
                Status::Failed => counts.failed += 1,
            }
        }
        if let Some(record) = ledger.matrices.get(&block.id) {
            let (rows, columns) = (block.outline.rows, block.outline.columns);
            let problem = experiment.problem_of(block);
            let row = MatrixRow {
                problem: problem.family.clone(),
                problem_variant: problem.variant.clone(),
                form_seconds: None,
                ..record.row.clone()
            };
            if !record.singular_values.is_empty() {
                let spectrum = Spectrum::new(record.singular_values.clone(), rows, columns, block.precision);
                spectra.extend(cell::spectrum(&row, &spectrum));
            }
            matrices.push(row);
            of_matrices.push(block.id.as_str());
        }
    }
    let measurements = measurements(experiment, plan, ledger, &mut counts, &mut sessions, &mut missing);
    counts.missing = missing.len();
    let mut provenance = provenance(experiment, &sessions);
    let machines = machines.number(&mut samples);
    if !machines.is_empty() {
        let parsed = |machine: &String| serde_json::from_str(machine).unwrap_or_else(|_| json!(machine));
        provenance["machines"] = machines.iter().map(parsed).collect();
    }
    let forms = Forms::of(plan, ledger, &machines);
    // What one number stands for is that of the machine that timed most.
    let lead = lead_machine(&samples);
    for (row, block) in matrices.iter_mut().zip(&of_matrices) {
        row.form_seconds = forms.seconds(block, lead);
    }
    if !missing.is_empty() {
        provenance["missing"] = shares::missing(experiment, plan, &missing, shares);
    }
    let results = Results {
        name: experiment.name.clone(),
        matrices,
        spectra,
        cells,
        samples,
        summary: Vec::new(),
        measurements,
        variants: variants(&points(experiment)),
        provenance,
        spec: experiment.source.clone(),
    };
    Rows { results, counts, forms }
}

struct Rows<'p> {
    results: Results,
    counts: Counts,
    forms: Forms<'p>,
}

/// How long it took to form the matrices, on each machine.
struct Forms<'p> {
    /// Medians in seconds, by block and machine, counted from 1.
    seconds: HashMap<(&'p str, u64), f64>,
    machines: u64,
}

impl<'p> Forms<'p> {
    fn of(plan: &'p Plan, ledger: &Ledger, machines: &[String]) -> Self {
        let mut seconds = HashMap::new();
        for block in &plan.blocks {
            for (machine, number) in machines.iter().zip(1..) {
                let forms = ledger.forms.get(&(block.id.clone(), machine.clone()));
                if let Some(median) = forms.and_then(|forms| median(forms.values().copied().collect())) {
                    seconds.insert((block.id.as_str(), number), median);
                }
            }
        }
        Self { seconds, machines: machines.len() as u64 }
    }

    /// On one machine, or where nothing says which, on the first that did it.
    fn seconds(&self, block: &str, machine: Option<u64>) -> Option<f64> {
        match machine {
            Some(machine) => self.seconds.get(&(block, machine)).copied(),
            None => (1..=self.machines).find_map(|machine| self.seconds.get(&(block, machine)).copied()),
        }
    }
}

/// Every point of every grid of the spec.
fn points(experiment: &Experiment) -> Vec<Point> {
    fn point<S>(of: &'static str, from: &Instance<S>, kind: &str, parameters: Map<String, Value>) -> Point {
        Point { of, label: from.family.clone(), variant: from.variant.clone(), kind: kind.to_owned(), parameters }
    }
    let problems = experiment.problems.iter().map(|at| point("problem", at, at.spec.kind(), at.spec.parameters()));
    let methods = experiment.methods.iter().map(|at| point("method", at, at.spec.kind(), at.spec.parameters()));
    let studies = experiment.studies.iter().map(|at| point("study", at, at.spec.kind(), at.spec.parameters()));
    problems.chain(methods).chain(studies).collect()
}

/// The rows of the studies in the order of the plan, under the names the spec gives them today.
fn measurements<'l>(
    experiment: &Experiment,
    plan: &'l Plan,
    ledger: &'l Ledger,
    counts: &mut Counts,
    sessions: &mut Vec<&'l Arc<Value>>,
    missing: &mut Vec<&'l str>,
) -> Vec<MeasurementRow> {
    let mut measurements = Vec::new();
    for cell in &plan.studies {
        let Some((record, session)) = ledger.studies.get(&cell.id) else {
            missing.push(&cell.id);
            continue;
        };
        let study = experiment.study_of(cell);
        match record.rows.first().map(|row| row.status) {
            Some(Status::Completed) => counts.completed += 1,
            Some(Status::Skipped) => counts.skipped += 1,
            Some(Status::Failed) | None => counts.failed += 1,
        }
        measurements.extend(record.rows.iter().map(|row| MeasurementRow {
            study: study.family.clone(),
            study_variant: study.variant.clone(),
            ..row.clone()
        }));
        if !sessions.iter().any(|known| Arc::ptr_eq(known, session)) {
            sessions.push(session);
        }
    }
    measurements
}

/// The times of an entry that the experiment asks for, in order, each with the place of its machine.
fn counted_samples(entry: &CellEntry, repeats: u64, machines: &mut Machines) -> impl Iterator<Item = SampleRow> {
    entry
        .samples
        .range(..repeats)
        .map(|(_, (sample, session))| SampleRow { machine: Some(machines.place(session)), ..sample.clone() })
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        count if count % 2 == 1 => Some(values[middle]),
        _ => Some(f64::midpoint(values[middle - 1], values[middle])),
    }
}

/// `provenance.json`: what was asked, then the machine and build of the latest session that gave a row, then the others.
fn provenance(experiment: &Experiment, sessions: &[&Arc<Value>]) -> Value {
    let mut sessions: Vec<Value> = sessions.iter().map(|session| Value::clone(session)).collect();
    // By date, then by text: the order of the journals must not show.
    sessions.sort_by_key(|session| (session["date"].to_string(), session.to_string()));
    let latest = sessions.pop();
    let mut provenance = json!({
        "experiment": experiment.name,
        "spec_hash": blake3::hash(experiment.source.as_bytes()).to_hex().as_str(),
        "seed": experiment.seed.to_string(),
        "trials": experiment.trials,
        "repeats": experiment.timing.repeats,
        "warmup": experiment.timing.warmup,
    });
    if let (Some(map), Some(Value::Object(latest))) = (provenance.as_object_mut(), latest) {
        map.extend(latest);
        map.insert("earlier_sessions".to_owned(), Value::Array(sessions));
    }
    provenance
}

/// The cells whose method reads a matrix that had to be formed, each with its block.
fn blocks_formed_for<'p>(experiment: &Experiment, plan: &'p Plan) -> HashMap<&'p str, &'p str> {
    let mut formed = HashMap::new();
    for block in &plan.blocks {
        for cell in block.cells.iter().filter(|cell| forms_matrix(&experiment.method_of(cell).spec, block)) {
            formed.insert(cell.id.as_str(), block.id.as_str());
        }
    }
    formed
}

fn hash_of_rows(results: &Results) -> String {
    let rows = (&results.matrices, &results.spectra, &results.cells, &results.samples);
    let mut hasher = blake3::Hasher::new();
    // Rows come from JSON: writing them again cannot fail.
    let _ = serde_json::to_writer(&mut hasher, &(env!("CARGO_PKG_VERSION"), rows, &results.provenance, &results.spec));
    // An experiment without studies keeps the hash it had before there were any.
    if !results.measurements.is_empty() {
        let _ = serde_json::to_writer(&mut hasher, &results.measurements);
    }
    hasher.finalize().to_hex().to_string()
}

/// Names and hashes of the files that are there.
fn hash_of_files(directory: &Path) -> Vec<(String, String)> {
    let hash = |name: String| {
        let bytes = fs::read(directory.join(&name)).ok()?;
        Some((name, blake3::hash(&bytes).to_hex().to_string()))
    };
    file_names().into_iter().filter_map(hash).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_of_times_lies_between_the_middle_two() {
        assert_eq!(median(vec![]), None);
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0, 2.0, 8.0]), Some(3.0));
    }
}

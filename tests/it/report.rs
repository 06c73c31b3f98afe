//! Promise: the report says what the tables say, in both languages alike, and the same every time.

mod committed;
mod form;
mod grids;
mod hostile;
mod languages;
mod machines;
mod numbers;
mod page;
mod rivals;
mod swept;
mod synthetic;
mod weights;
mod written;

use std::{collections::BTreeMap, fs, path::Path};

use factoreo::{
    language::Language,
    report::{self, ReportError},
    table::Results,
};
use synthetic::{Experiment, sweep};

/// The reports of some results, by language.
fn reports(results: &[Results]) -> BTreeMap<&'static str, String> {
    let root = tempfile::tempdir().unwrap();
    for results in results {
        results.write(&root.path().join("results").join(&results.name)).unwrap();
    }
    report::build(root.path(), false).unwrap();
    Language::ALL.into_iter().map(|language| (language.code(), annexes(root.path(), language.code()))).collect()
}

/// The annexes of a report in one language, one after the other by the names of their experiments.
pub(crate) fn annexes(root: &Path, language: &str) -> String {
    let end = format!(".{language}.md");
    let entries = fs::read_dir(root.join("report/experiments")).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> = entries.filter(|path| path.to_string_lossy().ends_with(&end)).collect();
    paths.sort();
    paths.iter().map(|path| fs::read_to_string(path).unwrap()).collect::<Vec<_>>().join("\n")
}

fn report(experiment: &Experiment) -> BTreeMap<&'static str, String> {
    reports(&[experiment.results()])
}

/// The entry of the answer that begins with this.
fn finding<'a>(report: &'a str, start: &str) -> &'a str {
    report
        .lines()
        .find(|line| line.starts_with(&format!("- **{start}")))
        .unwrap_or_else(|| panic!("no finding «{start}» in\n{report}"))
}

#[test]
fn the_answer_states_ranks_energies_and_errors() {
    let reports = report(&sweep());
    let (en, es) = (&reports["en"], &reports["es"]);
    assert!(en.starts_with("# Rank against error\n"), "{en}");
    assert!(es.starts_with("# Rango frente a error\n"));
    assert!(en.contains("How much rank does attention need?"));
    assert!(es.contains("¿Cuánto rango necesita la atención?"));

    let rank = finding(en, "Rank of heads");
    assert!(rank.contains("none of the 3 matrices is of low rank"), "{rank}");
    assert!(rank.contains("99% takes 61 (12%)"), "{rank}");
    assert!(rank.contains("All of them keep 99% below the break-even rank (median 256)"), "{rank}");
    let rango = finding(es, "Rango de heads");
    assert!(rango.contains("ninguna de las 3 matrices es de rango bajo"), "{rango}");
    assert!(rango.contains("umbral de equilibrio (rango mediano 256)"), "{rango}");

    // 0.93^16 = 0.313, 0.93^32 = 0.0981.
    let least = finding(en, "Rank for an error of 10% on heads");
    assert!(least.contains("ranks tried, 32 (6.2% of the size)") && least.contains("to 9.81%"), "{least}");
    let menor = finding(es, "Rango para un error del 10\u{202f}% en heads");
    assert!(menor.contains("al 9,81\u{202f}%"), "{menor}");
}

#[test]
fn sentences_turn_with_the_tables() {
    let mut altered = sweep();
    altered.families[0].decay = 0.999;
    altered.families[0].numerical_rank = 40;
    altered.families[0].rank_energy_99 = 400;
    let (before, after) = (report(&sweep()), report(&altered));
    let rank = finding(&after["en"], "Rank of heads");
    assert!(rank.contains("all 3 matrices are rank-deficient") && rank.contains("40 of 512"), "{rank}");
    assert!(rank.contains("None keeps 99% below the break-even rank"), "{rank}");
    assert!(finding(&after["es"], "Rango de heads").contains("Ninguna conserva el 99\u{202f}%"));
    let least = finding(&after["en"], "Rank for an error");
    // 0.999^64 = 0.938.
    assert!(least.contains("None of the ranks tried is enough: even at rank 64") && least.contains("93.8%"), "{least}");
    assert_ne!(before["es"], after["es"]);
}

#[test]
fn what_contradicts_expectation_is_said() {
    let reports = report(&sweep());
    let powers = finding(&reports["en"], "Randomized SVD on heads");
    // Draws at 0.9, 1 and 1.1 of the excess: medians 1.25 and 1.01, worst 1.275 and 1.011.
    assert!(powers.contains("1.250 times") && powers.contains("1.010 times"), "{powers}");
    assert!(powers.contains("1.27 times") || powers.contains("1.28 times"), "{powers}");
    assert!(powers.contains("closer to the optimum, as theory says"), "{powers}");
    assert!(powers.contains("within 10% of the optimum"), "{powers}");
    let pivots = finding(&reports["es"], "Aproximaciones de Nyström de núcleo gaussiano");
    assert!(pivots.contains("mejores que las uniformes, como dice la teoría"), "{pivots}");

    let mut altered = sweep();
    altered.method("randomized_svd", "power_iterations=2").suboptimality = 1.5;
    altered.method("nystrom", "sampling=rp_cholesky").suboptimality = 4.0;
    let reports = report(&altered);
    let powers = finding(&reports["en"], "Randomized SVD on heads");
    assert!(powers.contains("Contrary to what theory leads one to expect"), "{powers}");
    assert!(!powers.contains("within 10%"), "{powers}");
    assert!(
        finding(&reports["es"], "SVD aleatorizada en heads").contains("En contra de lo que hace esperar la teoría")
    );
    assert!(finding(&reports["en"], "Nyström approximations").contains("Contrary to expectation"));
}

#[test]
fn landmarks_are_held_against_the_optimum_and_the_zero_matrix() {
    let reports = report(&sweep());
    let landmarks = finding(&reports["en"], "Nyströmformer on heads");
    assert!(landmarks.contains("12.5 times the optimum at rank 8"), "{landmarks}");
    // 12.5·0.93^32 > 1 > 12.5·0.93^64: of four ranks, three have all 9 cells above 1.
    assert!(landmarks.contains("In 27 of its 36 completed cells the error exceeds 100%"), "{landmarks}");
    assert!(landmarks.contains("off by 0.062"), "{landmarks}");
    assert!(
        landmarks.contains("More landmarks leave its distance from the optimum of their rank as it is"),
        "{landmarks}"
    );
    let mut altered = sweep();
    altered.method("nystromformer", "").suboptimality = 1.05;
    let landmarks = report(&altered);
    assert!(!finding(&landmarks["en"], "Nyströmformer on heads").contains("zero matrix"));
    assert!(finding(&landmarks["es"], "Nyströmformer en heads").contains("a menos de un 10\u{202f}% del óptimo"));
}

#[test]
fn faster_is_said_only_where_intervals_do_not_overlap() {
    let reports = report(&sweep());
    let speed = finding(&reports["en"], "Time at rank 32 on heads");
    assert!(speed.contains("that of Nyströmformer: 500\u{202f}µs ["), "{speed}");
    assert!(speed.contains("Nyströmformer is faster, by a factor of 80.0 ["), "{speed}");
    let tiempo = finding(&reports["es"], "Tiempo con rango 32 en heads");
    assert!(tiempo.contains("el primero es más rápido, por un factor de 80,0 ["), "{tiempo}");
    // Its error is 1.23 at this rank; of the others, the randomized SVD with powers is within a tenth of the optimum.
    assert!(speed.contains("is of no use at this rank"), "{speed}");
    assert!(speed.contains("Randomized SVD q=2 has the shortest median: 8.00\u{202f}ms ["), "{speed}");
    assert!(speed.contains("faster than Truncated SVD, by a factor of 5.00 ["), "{speed}");
    let to_error = finding(&reports["en"], "Time to an error of 10% on heads");
    assert!(to_error.contains("Randomized SVD q=0 gets there soonest, at rank 64 in 4.00\u{202f}ms"), "{to_error}");
    assert!(to_error.contains("At no rank tried is this error reached by Nyströmformer"), "{to_error}");
    let table =
        reports["en"].lines().find(|line| line.starts_with("| Nyströmformer |") && line.contains("µs")).unwrap();
    assert_eq!(table.matches('▼').count(), 4, "{table}");

    let mut altered = sweep();
    for method in &mut altered.methods {
        method.seconds = 10e-3;
        method.spread = 0.5;
    }
    altered.method("nystromformer", "").seconds = 9.9e-3;
    let reports = report(&altered);
    let speed = finding(&reports["en"], "Time at rank 32 on heads");
    assert!(speed.contains("the intervals overlap, so there is no measurable difference"), "{speed}");
    assert!(!speed.contains("is faster"), "{speed}");
    let tiempo = finding(&reports["es"], "Tiempo con rango 32 en heads");
    assert!(tiempo.contains("no hay diferencia medible") && !tiempo.contains("más rápido"), "{tiempo}");
    for report in reports.values() {
        assert!(!report.lines().any(|line| line.starts_with("| ") && line.contains(['▼', '▲'])));
    }
}

#[test]
fn without_enough_samples_nothing_is_compared() {
    let mut few = sweep();
    few.repeats = 1;
    few.families[0].variants.truncate(1);
    few.trials = 1;
    let reports = report(&few);
    let speed = finding(&reports["en"], "Time at rank 32 on heads");
    assert!(speed.contains("too few samples to compare") && !speed.contains("is faster"), "{speed}");
    assert!(reports["es"].contains("de menos de seis muestras"));
    let mut untimed = sweep();
    untimed.repeats = 0;
    let reports = report(&untimed);
    assert!(reports["en"].contains("Nothing was timed."));
    assert!(!reports["en"].contains("- **Time "));
}

#[test]
fn single_precision_is_held_against_double() {
    let both = Experiment { precisions: vec!["f64", "f32"], ..sweep() };
    let en = &report(&both)["en"];
    let halved = finding(en, "Single against double precision on heads");
    assert!(halved.contains("Up to rank 64 single precision does not limit"), "{halved}");
    assert!(halved.contains("it is faster for Truncated SVD (by a factor of 2.00 ["), "{halved}");
    assert!(en.contains("<summary>The same problem in f32</summary>"));
    let reports = report(&Experiment { single: (1.0, 1.5), ..both });
    let halved = finding(&reports["es"], "Precisión simple frente a doble en heads");
    assert!(
        halved.contains("A partir del rango 8 la precisión simple limita") && halved.contains("0,839 frente a 0,560")
    );
    assert!(halved.contains("no hay diferencia medible") && !halved.contains("más rápida"), "{halved}");
}

#[test]
fn the_impossible_is_called_a_mistake() {
    let mut results = sweep().results();
    let sound = reports(std::slice::from_ref(&results));
    assert!(finding(&sound["en"], "Do the measurements agree").contains("No double-precision cell is better"));
    let sentence = finding(&sound["en"], "Do the measurements agree");
    // Two instances, four ranks, four matrices; the mean over draws of 1.25 against a bound of 4 is about 31 %.
    assert!(sentence.contains("all 32 errors") && sentence.contains("the nearest at 31."), "{sentence}");
    results.cells.iter_mut().find(|cell| cell.suboptimality.is_some()).unwrap().suboptimality = Some(0.5);
    for cell in results.cells.iter_mut().filter(|cell| cell.method_kind == "randomized_svd").take(3) {
        cell.bound_tightness = Some(if cell.trial == 0 { 3.0 } else { 0.25 });
    }
    let reports = reports(&[results]);
    let soundness = finding(&reports["en"], "Do the measurements agree");
    assert!(soundness.contains("Something is wrong: 1 of ") && soundness.contains("0.500000"), "{soundness}");
    assert!(soundness.contains("1 lies above it, the farthest at 117%"), "{soundness}");
    assert!(finding(&reports["es"], "¿Concuerdan las mediciones").contains("Algo falla: 1 de "));
}

#[test]
fn cells_are_counted_with_their_reasons() {
    let reports = report(&sweep());
    // Per rank: heads 3·(1 + 2·3 + 3) run and 3·2·3 are skipped; kernel 1 + 2·3 + 2·3 run and 3 are skipped.
    assert!(reports["en"].contains("Of 256 cells") || reports["en"].contains("Of 2"), "{}", reports["en"]);
    assert!(reports["en"].contains("172 completed, 84 were skipped and 0 failed"), "{}", reports["en"]);
    assert!(reports["es"].contains("172 se completaron, 84 se omitieron y 0 fallaron"));
    assert!(reports["en"].contains("| skipped | Nyström | needs a positive semi-definite matrix | 72 |"));
    assert!(reports["es"].contains("| omitida | Nyström | requiere una matriz semidefinida positiva | 72 |"));
    assert!(
        reports["es"].contains("| completada con una alternativa | Nyström | núcleo de rango numérico 7 de 8 | 24 |")
    );
}

#[test]
fn nothing_completed_is_a_report_too() {
    let mut results = sweep().results();
    for cell in &mut results.cells {
        cell.status = factoreo::table::Status::Failed;
        cell.reason = Some("out of luck".to_owned());
        cell.suboptimality = None;
        cell.bound_tightness = None;
        cell.optimal_frobenius_error = None;
    }
    results.samples.clear();
    results.summary.clear();
    let nothing = reports(&[results.clone()]);
    assert!(nothing["es"].contains("256 fallaron"));
    results.matrices.clear();
    results.spectra.clear();
    results.cells.clear();
    results.spec.clear();
    let nothing = reports(&[results]);
    assert!(nothing["en"].contains("# rank\\_sweep"), "{}", nothing["en"]);
    assert!(nothing["en"].contains("No cell completed"));
}

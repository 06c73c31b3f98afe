//! Grids as people write them: what a spec means, cell by cell.

use factoreo::paths::Shown as _;
use std::{collections::BTreeSet, fs, path::Path};

use factoreo::{
    method::MethodSpec,
    parameters::{Belongs, When},
    plan::{Plan, plan},
    problem::ProblemSpec,
    spec::{self, Experiment},
    study::StudySpec,
};
use safetensors::{Dtype, tensor::TensorView};

const TEXTS: &str = "seed = 7\ntitle = { en = \"T\", es = \"T\" }\nquestion = { en = \"Q\", es = \"Q\" }\n";

fn experiment(text: &str) -> Experiment {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spec.toml");
    fs::write(&path, TEXTS.to_owned() + text).unwrap();
    write_tensors(folder.path());
    spec::load(&path, folder.path()).unwrap_or_else(|diagnostics| panic!("{diagnostics}"))
}

/// Matrices and heads of 4×4 ones, each of two names.
fn write_tensors(folder: &Path) {
    let ones = [1.0f64; 16].map(f64::to_le_bytes).concat();
    let header = format!("{:<117}\n", "{'descr': '<f8', 'fortran_order': False, 'shape': (4, 4), }");
    let npy = [b"\x93NUMPY\x01\x00\x76\x00", header.as_bytes(), &ones].concat();
    let tensors = ["a", "b"].iter().flat_map(|name| {
        let names = ["", ".query", ".key", ".value"].map(|role| format!("{name}{role}"));
        let ones = &ones;
        names.map(|name| (name, TensorView::new(Dtype::F64, vec![4, 4], ones).unwrap()))
    });
    fs::write(folder.join("ab.safetensors"), safetensors::serialize(tensors, None).unwrap()).unwrap();
    for name in ["a.npy", "b.npy"] {
        fs::write(folder.join(name), &npy).unwrap();
    }
}

fn planned(experiment: &Experiment) -> Plan {
    plan(experiment, Path::new("."), u64::MAX).unwrap()
}

fn variants<S>(instances: &[spec::Instance<S>]) -> Vec<&str> {
    instances.iter().map(|instance| instance.variant.as_str()).collect()
}

/// (matrix, rank, how it was asked for, whether it is skipped) of every cell.
fn cells(text: &str) -> Vec<(String, usize, Option<String>, bool)> {
    let experiment = experiment(text);
    let plan = planned(&experiment);
    let of_block = |block: &factoreo::plan::Block| {
        let name = experiment.problem_of(block).name();
        let cells = block.cells.iter();
        cells
            .map(|cell| (name.clone(), cell.target_rank, cell.asked_rank.clone(), cell.skip.is_some()))
            .collect::<Vec<_>>()
    };
    plan.blocks.iter().flat_map(of_block).collect()
}

#[test]
fn sizes_by_ranks_skip_the_ranks_a_size_does_not_have() {
    let cells = cells(
        "target_rank = [8, 32, 128]\n[problem.attention]\nlength = [64, 128, 256]\nhead_dim = 8\n[method.truncated_svd]\n",
    );
    assert_eq!(cells.len(), 9);
    let skipped: Vec<_> = cells.iter().filter(|(.., skipped)| *skipped).collect();
    assert_eq!(skipped.len(), 1);
    assert_eq!((skipped[0].0.as_str(), skipped[0].1), ("attention (length=64)", 128));
}

#[test]
fn columns_left_out_are_as_many_as_rows_and_lists_can_walk_together() {
    let square = experiment(
        "target_rank = 4\n[problem.spectrum]\nrows = [64, 128]\n[problem.gaussian]\nrows = [16, 24]\n[method.cur]\n",
    );
    let shapes: Vec<_> =
        planned(&square).blocks.iter().map(|block| (block.outline.rows, block.outline.columns)).collect();
    assert_eq!(shapes, [(64, 64), (128, 128), (16, 16), (24, 24)]);
    // Written out, it is the same matrix.
    let written = experiment("target_rank = 4\n[problem.spectrum]\nrows = 64\ncolumns = 64\n[method.cur]\n");
    assert_eq!(planned(&written).blocks[0].id, planned(&square).blocks[0].id);

    let walking = experiment(
        "target_rank = 4\n[problem.gaussian]\ntogether = [\"rows\", \"columns\"]\nrows = [64, 64, 128]\ncolumns = [8, 16, 8]\n\
         [method.cur]\noversampling = [5, 10]\n",
    );
    assert_eq!(variants(&walking.problems), ["rows=64, columns=8", "rows=64, columns=16", "rows=128, columns=8"]);
    assert_eq!(planned(&walking).cells(), 3 * 2);
    let named_by_one = experiment(
        "target_rank = 4\n[problem.gaussian]\nrows = [64, 128]\ncolumns = [8, 8]\ntogether = [\"columns\", \"rows\"]\n[method.cur]\n",
    );
    assert_eq!(variants(&named_by_one.problems), ["rows=64", "rows=128"]);
}

#[test]
fn an_idle_parameter_is_no_part_of_the_variant() {
    let five = experiment(
        "target_rank = 4\n[problem.spectrum]\nrows = 16\ndecay = [\"power\", \"exponential\", \"flat\"]\n\
         exponent = [0.5, 1.0]\nrate = [0.1, 0.2]\n[method.truncated_svd]\n",
    );
    let expected = [
        "decay=power, exponent=0.5",
        "decay=power, exponent=1",
        "decay=exponential, rate=0.1",
        "decay=exponential, rate=0.2",
        "decay=flat",
    ];
    assert_eq!(variants(&five.problems), expected);
    // A parameter that is idle does not change what a cell is.
    let alone =
        experiment("target_rank = 4\n[problem.spectrum]\nrows = 16\ndecay = \"flat\"\n[method.truncated_svd]\n");
    assert_eq!(planned(&alone).blocks[0].id, planned(&five).blocks[4].id);
}

/// A table of every kind that has parameters which another's value makes idle.
fn base(kind: &str, parameter: &str) -> &'static str {
    match kind {
        "spectrum" => match parameter {
            "rows" => "file = \"a.npy\"\n",
            "columns" => "rows = 16\nfile = \"a.npy\"\n",
            "tensor" | "head" => "rows = 16\nfile = \"ab.safetensors\"\n",
            _ => "rows = 16\n",
        },
        "attention" => "length = 16\nhead_dim = 4\n",
        "denoising" => "length = 16\nnoise = 0.1\n",
        "light_model" => "model = \"m\"\ntext = \"t\"\nattention = \"coreset\"\n",
        "truncated_svd" | "nystromformer" => "",
        other => panic!("add a table of `{other}`, which has idle parameters"),
    }
}

/// Every parameter that is declared idle with some values of a choice, and every one that says so to readers.
#[test]
fn what_is_declared_idle_is_idle_and_what_says_so_is_declared() {
    type Kinds = (&'static [&'static str], Vec<(&'static str, schemars::Schema)>, fn(&str) -> &'static [Belongs]);
    let families: [(&str, Kinds); 3] = [
        ("problem", (ProblemSpec::KINDS, ProblemSpec::schemas(), ProblemSpec::belongs)),
        ("method", (MethodSpec::KINDS, MethodSpec::schemas(), MethodSpec::belongs)),
        ("study", (StudySpec::KINDS, StudySpec::schemas(), StudySpec::belongs)),
    ];
    let mut seen = 0;
    for (family, (kinds, schemas, belongs_of)) in families {
        for (kind, schema) in kinds.iter().zip(&schemas).map(|(kind, (_, schema))| (*kind, schema.as_value())) {
            let declared = belongs_of(kind);
            for (name, property) in schema["properties"].as_object().into_iter().flatten() {
                let told = property["description"].as_str().unwrap_or_default();
                let says_so = told.contains("` only:") || told.contains("no meaning for") || told.contains("` decay:");
                let is_declared = declared.iter().any(|belongs| belongs.parameter == name);
                assert!(!says_so || is_declared, "{kind}.{name}: {told}");
            }
            for belongs in declared {
                let properties = &schema["properties"];
                for name in [belongs.parameter, belongs.choice] {
                    assert!(properties[name].is_object(), "{kind} has no `{name}`");
                }
                if matches!(kind, "light_model" | "model_storage") {
                    // It takes the files of a model; its declaration is judged by the struct alone.
                    seen += 1;
                    continue;
                }
                let (read, idle) = choices(kind, belongs);
                let values = two_values(belongs.parameter);
                let table = format!("[{family}.it]\nkind = \"{kind}\"\n{}", base(kind, belongs.parameter));
                let rest = match family {
                    "problem" => "[method.truncated_svd]\n".to_owned(),
                    "method" => format!("[problem.attention]\n{}", base("attention", "")),
                    _ => String::new(),
                };
                let top = if family == "study" { "" } else { "target_rank = 4\n" };
                let text = format!(
                    "{top}{table}{} = [{read}, {idle}]\n{} = [{}]\n{rest}",
                    belongs.choice,
                    belongs.parameter,
                    values.join(", ")
                );
                let experiment = experiment(&text);
                let found = match family {
                    "problem" => variants(&experiment.problems),
                    "method" => variants(&experiment.methods),
                    _ => variants(&experiment.studies),
                };
                assert_eq!(found.len(), 3, "{kind}.{}: {found:?}", belongs.parameter);
                assert!(!found[2].contains(belongs.parameter), "{kind}: {found:?}");
                seen += 1;
            }
        }
    }
    assert!(seen >= 19, "{seen}");
}

/// A value of the choice with which the parameter is read, and one with which it is idle, as TOML.
fn choices(kind: &str, belongs: &Belongs) -> (String, String) {
    let quoted = |word: &str| if word.parse::<f64>().is_ok() { word.to_owned() } else { format!("\"{word}\"") };
    match (kind, belongs.when) {
        ("spectrum", When::IsNot(value)) => (quoted("flat"), quoted(value)),
        (_, When::IsNot(value)) => ("2".to_owned(), quoted(value)),
        ("spectrum", When::Is(values)) => (quoted(values[0]), quoted("flat")),
        ("truncated_svd", When::Is(values)) => (quoted(values[0]), quoted("full")),
        ("denoising", When::Is(values)) => (quoted(values[0]), quoted("gaussian")),
        ("nystromformer", When::Is(values)) => {
            (quoted(values[0]), quoted(if values[0] == "exact" { "iterative" } else { "exact" }))
        }
        (other, _) => panic!("say which value of `{}` of `{other}` makes `{}` idle", belongs.choice, belongs.parameter),
    }
}

fn two_values(parameter: &str) -> [&'static str; 2] {
    match parameter {
        "exponent" | "rate" | "cluster_noise" | "step_drop" => ["0.25", "0.5"],
        "tolerance" | "cutoff" => ["1e-6", "1e-4"],
        "file" => ["\"a.npy\"", "\"b.npy\""],
        "tensor" | "head" => ["\"a\"", "\"b\""],
        "singular_values" => ["[1.0, 0.5]", "[2.0, 1.0]"],
        _ => ["2", "4"],
    }
}

#[test]
fn sizes_by_relative_ranks_by_decays_are_as_many_as_a_person_counts() {
    let text = "target_rank = [\"1 %\", \"5 %\", \"25 %\", \"1 break-even\"]\n[problem.spectrum]\nrows = [32, 64, 96, 128, 160]\n\
                decay = [\"power\", \"exponential\", \"flat\"]\n[method.truncated_svd]\n";
    // 5 sizes × 3 decays × 4 ranks; at 32 rows 1 % and 5 % are both rank 1: one cell for each of the three decays.
    let cells = cells(text);
    assert_eq!(cells.len(), 5 * 3 * 4 - 3);
    let of_smallest: Vec<_> = cells[..3].iter().map(|(_, rank, asked, _)| (*rank, asked.as_deref().unwrap())).collect();
    assert_eq!(of_smallest, [(1, "1 %, 5 %"), (8, "25 %"), (16, "1 break-even")]);
    let largest: Vec<_> = cells[cells.len() - 4..].iter().map(|(_, rank, ..)| *rank).collect();
    assert_eq!(largest, [1, 8, 40, 80]);
}

#[test]
fn energy_is_taken_from_the_singular_values_and_an_equal_number_is_the_same_cell() {
    // Squares 16, 4, 4 and 1 of 25: 64, 80, 96 and 100 %.
    let text = |ranks: &str| {
        format!(
            "target_rank = {ranks}\n[problem.spectrum]\nrows = 12\ndecay = \"listed\"\nsingular_values = [4.0, 2.0, 2.0, 1.0]\n\
             [method.truncated_svd]\n"
        )
    };
    let ranks: Vec<_> = cells(&text("[\"energy 0.6\", \"energy 0.9\", \"energy 0.99\", 3]"))
        .into_iter()
        .map(|cell| (cell.1, cell.2))
        .collect();
    let words = |text: &str| Some(text.to_owned());
    assert_eq!(ranks, [(1, words("energy 0.6")), (3, words("3, energy 0.9")), (4, words("energy 0.99"))]);
    let ids = |ranks: &str| -> BTreeSet<String> {
        let plan = planned(&experiment(&text(ranks)));
        plan.blocks.iter().flat_map(|block| &block.cells).map(|cell| cell.id.clone()).collect()
    };
    assert_eq!(ids("[\"energy 0.9\", \"energy 0.99\"]"), ids("[3, 4]"), "what a cell is does not depend on the words");
}

#[test]
fn ranks_of_a_table_take_the_place_of_the_spec_s() {
    let text = "target_rank = [4, 8]\n[problem.spectrum]\nrows = 16\n[problem.small]\nkind = \"gaussian\"\nrows = 12\n\
                target_rank = 2\n[method.truncated_svd]\n[method.cur]\ntarget_rank = [\"50 %\", 3]\n";
    let ranks: Vec<_> = cells(text).into_iter().map(|(problem, rank, ..)| (problem, rank)).collect();
    let expected =
        [("spectrum", 4), ("spectrum", 8), ("spectrum", 3), ("spectrum", 8), ("small", 2), ("small", 3), ("small", 6)];
    assert_eq!(ranks, expected.map(|(problem, rank)| (problem.to_owned(), rank)));
    // Where every method has its own, the spec needs none.
    let own = "[problem.spectrum]\nrows = 16\n[method.cur]\ntarget_rank = 3\n";
    assert_eq!(cells(own).len(), 1);
}

#[test]
fn what_is_excluded_is_not_of_the_experiment_and_is_counted() {
    let text = "target_rank = [4, 8, 16]\ntrials = 2\n[problem.spectrum]\nrows = [16, 32]\n[problem.gaussian]\nrows = 16\n\
                [method.truncated_svd]\n[method.randomized_svd]\npower_iterations = [0, 1]\n\
                [[exclude]]\nmethod = \"randomized_svd\"\ntarget_rank = \"> 8\"\n\
                [[exclude]]\nrows = 32\npower_iterations = 0\n\
                [[exclude]]\nproblem = \"gaussian\"\ntarget_rank = [4, 8]\n";
    let experiment = experiment(text);
    let plan = planned(&experiment);
    // Truncated SVD: 3 ranks on 3 matrices without the gaussian's 4 and 8. Randomized: 2 powers × ranks 4, 8 × 2 draws on 16 rows,
    // one power on 32 rows, none on the gaussian.
    assert_eq!(plan.cells(), (9 - 2) + (2 * 2 * 2) + (2 * 2));
    assert_eq!(plan.cells() + plan.excluded, 3 * (3 + 2 * 3 * 2));
}

/// Ids live in results that outlast a version: those of the committed results are those of the committed specs.
#[test]
fn committed_cells_are_the_cells_of_their_specs() {
    let mut seen = 0;
    for entry in fs::read_dir("results").unwrap() {
        let folder = entry.unwrap().path();
        let spec = Path::new("experiments").join(folder.file_name().unwrap()).with_extension("toml");
        // Of a spec whose model is not at hand nothing can be planned.
        let Ok(experiment) = spec::load(&spec, Path::new(".")) else { continue };
        let plan = planned(&experiment);
        let ids: BTreeSet<String> =
            plan.blocks.iter().flat_map(|block| &block.cells).map(|cell| cell.id.clone()).collect();
        let studied: BTreeSet<String> = plan.studies.iter().map(|cell| cell.id.clone()).collect();
        for (table, planned) in [("runs.csv", ids), ("measurements.csv", studied)] {
            let Ok(text) = fs::read_to_string(folder.join(table)) else { continue };
            assert!(text.starts_with("cell,"), "{table}");
            let id = |line: &str| Some(line.split_once(',')?.0.to_owned());
            let is_id = |id: &String| id.len() == 32 && id.bytes().all(|digit| digit.is_ascii_hexdigit());
            let committed: BTreeSet<String> = text.lines().filter_map(id).filter(is_id).collect();
            assert_eq!(committed, planned, "{table} of {}", spec.shown());
            seen += 1;
        }
    }
    assert!(seen >= 6, "{seen} committed results have their data at hand");
}

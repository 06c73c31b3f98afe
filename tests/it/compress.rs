//! A compressed model is what it says it is: within its budget, complete, readable by others, the same each time; and it is there
//! whole or not at all.

mod hostile;

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use factoreo::{
    compress::{
        CompressError, CompressOptions, EvalOptions, Evaluation, Manifest, Measure, WeightMethod,
        allocation::Allocation, compress, evaluate,
    },
    tensor::Checkpoint,
};

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn tiny() -> PathBuf {
    project().join("tests/fixtures/tiny-bert")
}

/// all-MiniLM-L6-v2's folder, or nothing and a word about it.
fn minilm() -> Option<PathBuf> {
    let folder = env::var_os("FACTOREO_MODEL_DIR").map(PathBuf::from);
    if folder.is_none() {
        println!("skipped: FACTOREO_MODEL_DIR does not name the folder of all-MiniLM-L6-v2");
    }
    folder
}

fn text(name: &str) -> PathBuf {
    project().join("experiments/data").join(name)
}

/// The tiny model at 80 % of its bytes, into `folder/out`.
fn request(folder: &Path) -> CompressOptions {
    CompressOptions {
        model: tiny(),
        out: folder.join("out"),
        measure: Measure::Bytes,
        budget: 0.8,
        calibration: Some(text("us-constitution.txt")),
        allocation: Allocation::Marginal,
        method: WeightMethod::ActivationAwareSvd,
        force: false,
        seed: 1,
    }
}

fn run(options: &CompressOptions) -> Result<Manifest, CompressError> {
    compress(options, &mut |_| {})
}

fn measure(folder: &Path, against: &Path, embeddings: Option<PathBuf>) -> Evaluation {
    let options = EvalOptions {
        folder: folder.to_owned(),
        against: Some(against.to_owned()),
        text: text("us-declaration.txt"),
        embeddings,
    };
    evaluate(&options).unwrap()
}

/// Every file below a folder, by its relative path.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                found.insert(name, fs::read(path).unwrap());
            }
        }
    }
    found
}

#[test]
fn the_file_is_within_the_budget_and_near_it_and_the_manifest_tells_what_is_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let options = request(folder.path());
    let manifest = run(&options).unwrap();
    let written = fs::metadata(options.out.join("model.safetensors")).unwrap().len();
    let original = fs::metadata(tiny().join("model.safetensors")).unwrap().len();
    assert_eq!((manifest.bytes, manifest.source.bytes), (written, original));
    assert!(written as f64 <= 0.8 * original as f64 && manifest.budget.reached > 0.78, "{:?}", manifest.budget);

    let saved: Manifest = serde_json::from_slice(&fs::read(options.out.join("manifest.json")).unwrap()).unwrap();
    assert_eq!(saved, manifest);
    let checkpoint = Checkpoint::open(&options.out).unwrap();
    let (mut pairs, mut numbers) = (0, 0);
    for matrix in &manifest.matrices {
        let sides = ["left", "right"].map(|side| format!("{}.{side}", matrix.name));
        match matrix.rank {
            None => assert!(checkpoint.has(&matrix.name) && !checkpoint.has(&sides[0])),
            Some(rank) => {
                assert!(!checkpoint.has(&matrix.name));
                assert_eq!(checkpoint.shape(&sides[0]).unwrap(), [matrix.rows, rank]);
                assert_eq!(checkpoint.shape(&sides[1]).unwrap(), [rank, matrix.columns]);
                assert!(matrix.predicted_error > 0.0 && matrix.importance.unwrap() > 0.0);
                assert_eq!(matrix.held_out_error.is_none(), matrix.name == "embeddings.word_embeddings.weight");
                pairs += 1;
            }
        }
        numbers += matrix.parameters;
    }
    assert!(pairs > 0 && numbers < manifest.parameters && manifest.parameters < manifest.source.parameters);
    assert_eq!(manifest.source.blake3["model.safetensors"].len(), 64);
    let calibration = manifest.calibration.unwrap();
    assert_eq!(calibration.blake3, blake3::hash(&fs::read(text("us-constitution.txt")).unwrap()).to_hex().as_str());
}

#[test]
fn what_is_not_factored_is_copied_byte_for_byte_and_what_belongs_to_the_model_goes_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("model");
    fs::create_dir_all(model.join("1_Pooling")).unwrap();
    for entry in fs::read_dir(tiny()).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), model.join(entry.file_name())).unwrap();
    }
    fs::write(model.join("1_Pooling/config.json"), "{}").unwrap();
    fs::write(model.join("README.md"), "license: apache-2.0").unwrap();
    fs::write(model.join("pytorch_model.bin"), "weights").unwrap();
    let options = CompressOptions { model: model.clone(), ..request(folder.path()) };
    run(&options).unwrap();
    let written = files(&options.out);
    let original = files(&model);
    for name in ["config.json", "tokenizer.json", "1_Pooling/config.json"] {
        assert_eq!(written[name], original[name], "{name}");
    }
    assert_eq!(written["README.source.md"], original["README.md"]);
    assert!(!written.contains_key("pytorch_model.bin") && !written.contains_key("expected.safetensors"));

    let bytes = |file: &[u8]| -> BTreeMap<String, Vec<u8>> {
        let tensors = safetensors::SafeTensors::deserialize(file).unwrap();
        tensors.iter().map(|(name, view)| (name.to_owned(), view.data().to_vec())).collect()
    };
    let (written, original) = (bytes(&written["model.safetensors"]), bytes(&original["model.safetensors"]));
    let mut whole = 0;
    for (name, found) in written.iter().filter(|(name, _)| !name.ends_with(".left") && !name.ends_with(".right")) {
        assert_eq!(found, &original[name], "{name}");
        whole += 1;
    }
    assert!(whole > 10);
}

#[test]
fn the_same_request_gives_the_same_bytes_and_another_seed_holds_out_another_text() {
    let folder = tempfile::tempdir().unwrap();
    let request = request(folder.path());
    let of = |name: &str, seed| {
        let options = CompressOptions { out: folder.path().join(name), seed, ..request.clone() };
        (run(&options).unwrap(), files(&options.out))
    };
    let (first, second, other) = (of("a", 1), of("b", 1), of("c", 2));
    assert!(first.1 == second.1);
    assert_ne!(first.0.calibration, other.0.calibration);
}

#[test]
fn a_larger_budget_is_nearer_and_a_whole_one_is_the_model_itself() {
    let folder = tempfile::tempdir().unwrap();
    let cosine = |budget: f64| {
        let options =
            CompressOptions { out: folder.path().join(format!("{budget}")), budget, ..request(folder.path()) };
        let manifest = run(&options).unwrap();
        let evaluation = measure(&options.out, &tiny(), None);
        let against = evaluation.against.unwrap();
        assert!(against.texts >= 40 && evaluation.bytes == manifest.bytes);
        assert_eq!(against.bytes_share, manifest.bytes as f64 / manifest.source.bytes as f64);
        (against.mean_cosine, evaluation.pairs)
    };
    let (low, high, whole) = (cosine(0.6), cosine(0.95), cosine(1.0));
    assert!(low.0 < high.0 && high.0 < whole.0, "{low:?} {high:?} {whole:?}");
    assert!((whole.0 - 1.0).abs() < 1e-6 && whole.1 == 0 && low.1 > high.1, "{low:?} {high:?} {whole:?}");
}

#[test]
fn flops_and_a_cosine_can_be_asked_for_instead_of_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let flops = CompressOptions { measure: Measure::Flops, budget: 0.5, ..request(folder.path()) };
    let manifest = run(&flops).unwrap();
    assert!(manifest.budget.reached <= 0.5 && manifest.budget.reached > 0.45, "{:?}", manifest.budget);
    // A look-up costs nothing; a pair would.
    let words = manifest.matrices.iter().find(|matrix| matrix.name.contains("word_embeddings")).unwrap();
    assert_eq!(words.rank, None);

    let at = |cosine: f64| {
        let out = folder.path().join(format!("cosine{cosine}"));
        run(&CompressOptions { measure: Measure::Cosine, budget: cosine, out, ..request(folder.path()) }).unwrap()
    };
    let (loose, tight) = (at(0.9), at(0.99));
    for (manifest, least) in [(&loose, 0.9), (&tight, 0.99)] {
        let found = manifest.calibration.as_ref().unwrap().held_out_mean_cosine;
        assert!(found >= least && (found - manifest.budget.reached).abs() < 1e-12, "{found} {:?}", manifest.budget);
    }
    assert!(loose.bytes < tight.bytes && tight.bytes < tight.source.bytes);
}

#[test]
fn a_folder_is_replaced_only_if_this_program_wrote_it_and_only_when_asked_to() {
    let folder = tempfile::tempdir().unwrap();
    let options = request(folder.path());
    let refused = |options: &CompressOptions| {
        run(options)
            .expect_err("a folder was replaced")
            .to_string()
            .replace(&folder.path().display().to_string(), "DIR")
    };
    run(&options).unwrap();
    let before = files(&options.out);
    assert_eq!(refused(&options), "DIR/out: there already; name another folder, or replace this one with --force");
    let force = CompressOptions { force: true, budget: 0.9, ..options.clone() };
    run(&force).unwrap();
    assert!(files(&options.out) != before);

    let foreign = CompressOptions { out: folder.path().join("foreign"), ..force.clone() };
    fs::create_dir(&foreign.out).unwrap();
    fs::write(foreign.out.join("thesis.txt"), "years of work").unwrap();
    assert_eq!(
        refused(&foreign),
        "DIR/foreign: not a folder that this command wrote, which is all that --force replaces; name another one"
    );
    let model = folder.path().join("model");
    fs::create_dir(&model).unwrap();
    for entry in fs::read_dir(tiny()).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), model.join(entry.file_name())).unwrap();
    }
    let itself = CompressOptions { model: model.clone(), out: model.clone(), ..force.clone() };
    assert_eq!(refused(&itself), "DIR/model: this is where the model itself lies; name another folder");
    let parentless = CompressOptions { out: folder.path().join("absent/out"), ..force.clone() };
    assert_eq!(refused(&parentless), "DIR/absent: no such folder; make it first");
    let mut names: Vec<String> =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["foreign", "model", "out"], "something was left behind");
}

#[test]
fn a_request_that_makes_no_sense_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |change: &dyn Fn(&mut CompressOptions)| {
        let mut options = request(folder.path());
        change(&mut options);
        let message = run(&options).expect_err("nonsense was done").to_string();
        assert!(
            fs::read_dir(folder.path()).unwrap().filter(|entry| entry.as_ref().unwrap().path().is_dir()).count() == 0
        );
        message.replace(&folder.path().display().to_string(), "DIR")
    };
    for budget in [0.0, -1.0, 1.5, f64::NAN] {
        let message = refused(&|options| options.budget = budget);
        assert_eq!(message, format!("--budget {budget} is not between 0 and 1; 0.6, for example, is"));
    }
    assert_eq!(
        refused(&|options| options.calibration = None),
        "activation_aware_svd needs a text to calibrate on: give one with --calibration FILE, or --method truncated_svd"
    );
    let too_little = refused(&|options| options.budget = 0.01);
    assert!(
        too_little.starts_with("a share of 0.01 is less than what rank 1 everywhere takes; the least here is 0."),
        "{too_little}"
    );
    let short = folder.path().join("short.txt");
    fs::write(&short, "Hello world").unwrap();
    let message = refused(&|options| options.calibration = Some(short.clone()));
    assert!(message.starts_with("DIR/short.txt: 2 tokens are too few to calibrate on"), "{message}");
}

/// A checkpoint that is no BERT, in shards of several types.
/// Name, type, shape and bytes of a tensor.
type Described<'a> = (&'a str, safetensors::Dtype, Vec<usize>, Vec<u8>);

fn sharded(folder: &Path, shards: &[(&str, Vec<Described<'_>>)]) {
    fs::create_dir_all(folder).unwrap();
    let mut map = serde_json::Map::new();
    for (shard, tensors) in shards {
        let views = tensors.iter().map(|(name, dtype, shape, bytes)| {
            (*name, safetensors::tensor::TensorView::new(*dtype, shape.clone(), bytes).unwrap())
        });
        fs::write(folder.join(shard), safetensors::serialize(views, None).unwrap()).unwrap();
        for (name, ..) in tensors {
            map.insert((*name).to_owned(), (*shard).into());
        }
    }
    let index = serde_json::json!({ "metadata": { "total_size": 1 }, "weight_map": map });
    fs::write(folder.join("model.safetensors.index.json"), index.to_string()).unwrap();
}

/// A matrix of rank 2 and a little more, in F32.
fn nearly_low_rank(rows: usize, columns: usize) -> Vec<f32> {
    let entry = |i: usize, j: usize| {
        let (x, y) = (i as f32 / rows as f32, j as f32 / columns as f32);
        x * y + (3.0 * x).sin() * (2.0 * y).cos() + 1e-3 * ((i * 31 + j * 17) % 13) as f32
    };
    (0..rows * columns).map(|at| entry(at / columns, at % columns)).collect()
}

#[test]
fn a_sharded_model_of_any_kind_is_factored_matrix_by_matrix_in_its_own_types() {
    use safetensors::Dtype::{BF16, F16, F32, I64};
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("model");
    let matrix = nearly_low_rank(40, 60);
    let f32_bytes: Vec<u8> = matrix.iter().flat_map(|entry| entry.to_le_bytes()).collect();
    let f16_bytes: Vec<u8> = matrix.iter().flat_map(|&entry| half::f16::from_f32(entry).to_le_bytes()).collect();
    let bf16_bytes: Vec<u8> = matrix.iter().flat_map(|&entry| half::bf16::from_f32(entry).to_le_bytes()).collect();
    let ids: Vec<u8> = (0..12_i64).flat_map(i64::to_le_bytes).collect();
    sharded(
        &model,
        &[
            ("a.safetensors", vec![("h.0.w", F32, vec![40, 60], f32_bytes), ("h.0.ids", I64, vec![3, 4], ids.clone())]),
            ("b.safetensors", vec![("h.1.w", F16, vec![40, 60], f16_bytes), ("h.2.w", BF16, vec![60, 40], bf16_bytes)]),
        ],
    );
    let options = CompressOptions {
        model,
        calibration: None,
        method: WeightMethod::TruncatedSvd,
        budget: 0.5,
        ..request(folder.path())
    };
    let manifest = run(&options).unwrap();
    assert!(manifest.budget.reached <= 0.5 && manifest.matrices.len() == 3 && manifest.calibration.is_none());
    assert_eq!(manifest.source.blake3.keys().collect::<Vec<_>>(), ["a.safetensors", "b.safetensors"]);
    let file = fs::read(options.out.join("model.safetensors")).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&file).unwrap();
    assert_eq!(tensors.tensor("h.0.ids").unwrap().data(), ids);
    for (name, dtype) in [("h.0.w", F32), ("h.1.w", F16), ("h.2.w", BF16)] {
        let left = tensors.tensor(&format!("{name}.left")).unwrap();
        assert_eq!(left.dtype(), dtype, "{name}");
    }
    // The product is the matrix, as nearly as was predicted.
    let checkpoint = Checkpoint::open(&options.out).unwrap();
    let read = |name: &str| checkpoint.read(name).unwrap();
    let (left, right) = (read("h.0.w.left"), read("h.0.w.right"));
    let rank = left.shape[1];
    let (mut error, mut whole) = (0.0, 0.0);
    for (at, &entry) in matrix.iter().enumerate() {
        let product: f64 = (0..rank).map(|k| left.entries[at / 60 * rank + k] * right.entries[k * 60 + at % 60]).sum();
        error += (product - f64::from(entry)).powi(2);
        whole += f64::from(entry).powi(2);
    }
    let predicted = manifest.matrices.iter().find(|matrix| matrix.name == "h.0.w").unwrap().predicted_error;
    assert!(
        ((error / whole).sqrt() - predicted).abs() < 1e-6 && predicted < 1e-2,
        "{} {predicted}",
        (error / whole).sqrt()
    );

    // And once factored, it is not factored again.
    let again = CompressOptions { model: options.out.clone(), out: folder.path().join("again"), ..options };
    assert!(run(&again).expect_err("factored twice").to_string().contains("this model is factored already"));
}

#[test]
fn a_sharded_bert_is_the_same_model() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("model");
    fs::create_dir(&model).unwrap();
    for name in ["config.json", "tokenizer.json"] {
        fs::copy(tiny().join(name), model.join(name)).unwrap();
    }
    let file = fs::read(tiny().join("model.safetensors")).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&file).unwrap();
    let of = |first: bool| -> Vec<_> {
        let views = tensors.iter().filter(|(name, _)| name.contains("layer.0") == first);
        views.map(|(name, view)| (name, view.dtype(), view.shape().to_vec(), view.data().to_vec())).collect()
    };
    sharded(&model, &[("one.safetensors", of(true)), ("two.safetensors", of(false))]);
    let against = measure(&model, &tiny(), None).against.unwrap();
    assert!((against.mean_cosine - 1.0).abs() < 1e-7, "{against:?}");
    let options = CompressOptions { model, ..request(folder.path()) };
    let (sharded, single) = (
        run(&options).unwrap(),
        run(&CompressOptions { out: folder.path().join("single"), ..request(folder.path()) }).unwrap(),
    );
    let ranks = |manifest: &Manifest| -> BTreeMap<String, Option<usize>> {
        manifest.matrices.iter().map(|matrix| (matrix.name.clone(), matrix.rank)).collect()
    };
    assert_eq!(ranks(&sharded).len(), ranks(&single).len());
    assert!(sharded.parameters.abs_diff(single.parameters) < 100);
}

fn factoreo(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_factoreo")).current_dir(project()).args(arguments).output().unwrap()
}

#[test]
fn the_commands_print_json_and_exit_with_2_on_bad_input() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let (model, out) = (tiny(), out.to_str().unwrap().to_owned());
    let model = model.to_str().unwrap();
    let constitution = "experiments/data/us-constitution.txt";
    let compress = ["compress", model, "--budget", "0.8", "--calibration", constitution, "--out", &out];
    let done = factoreo(&compress);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert!(String::from_utf8_lossy(&done.stdout).contains("% of the original's"));
    let evaluated = factoreo(&["eval", &out, "--against", model, "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&evaluated.stdout).unwrap();
    assert!(json["against"]["mean_cosine"].as_f64().unwrap() > 0.5 && json["against"]["texts"].as_u64().unwrap() >= 40);
    let words = factoreo(&["eval", &out]);
    assert!(String::from_utf8_lossy(&words.stdout).contains("matrices as pairs"));
    for wrong in [
        &compress[..],
        &["compress", model, "--budget", "0.8", "--out", &out][..],
        &["compress", model, "--calibration", constitution, "--out", &out],
        &["compress", "absent", "--budget", "0.8", "--calibration", constitution, "--out", "target/never"],
        &["eval", "absent"],
        &["eval", &out, "--against", model, "--text", "absent.txt"],
    ] {
        let output = factoreo(wrong);
        assert_eq!(output.status.code(), Some(2), "{wrong:?}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(output.stdout.is_empty());
    }
    assert!(!project().join("target/never").exists());
}

#[test]
#[cfg(unix)]
fn a_stop_leaves_nothing_behind() {
    // Long enough to be met in the middle: the real model where there is one.
    let Some(model) = minilm() else { return };
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let mut child = Command::new(env!("CARGO_BIN_EXE_factoreo"))
        .current_dir(project())
        .args(["compress", model.to_str().unwrap(), "--budget", "0.6", "--method", "truncated_svd", "--out"])
        .arg(&out)
        .stderr(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut words = std::io::BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.starts_with("factoring 2 ") {
        line.clear();
        assert!(std::io::BufRead::read_line(&mut words, &mut line).unwrap() > 0, "it ended before it was stopped");
    }
    let kill = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    let mut rest = String::new();
    std::io::Read::read_to_string(&mut words, &mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{rest}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    assert!(rest.ends_with("interrupted; nothing was written\n"), "{rest}");
}

#[test]
fn minilm_at_60_percent_is_within_1_percent_of_it_and_marginal_beats_uniform() {
    let Some(model) = minilm() else { return };
    let folder = tempfile::tempdir().unwrap();
    let cosine = |allocation, name: &str| {
        let out = folder.path().join(name);
        let options = CompressOptions { model: model.clone(), out, budget: 0.6, allocation, ..request(folder.path()) };
        let manifest = run(&options).unwrap();
        assert!(manifest.budget.reached <= 0.6 && manifest.budget.reached > 0.6 * 0.99, "{:?}", manifest.budget);
        let against = measure(&options.out, &model, None).against.unwrap();
        println!("{name}: {against:?}");
        against.mean_cosine
    };
    let (uniform, marginal) = (cosine(Allocation::Uniform, "uniform"), cosine(Allocation::Marginal, "marginal"));
    assert!(marginal > uniform, "marginal {marginal}, uniform {uniform}");
}

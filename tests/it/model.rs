//! A whole model: its embeddings are those of two independent programs (`scripts/embedding_fixture.py`), and stay what they are
//! when a matrix is replaced by a pair that loses nothing, attention by a method that loses nothing, or one thread by two.
//! A BERT of random weights is checked always; all-MiniLM-L6-v2, which is not kept here, where FACTOREO_MODEL_DIR names its
//! folder.

use factoreo::paths::Shown as _;
use std::{
    fs,
    path::{Path, PathBuf},
};

use factoreo::{
    linalg::svd::thin_svd,
    low_rank::LowRank,
    method::MethodSpec,
    model::{Attention, Encoder, Map, Quality, Tokenizer, embedding::chunks},
    problem::TensorName,
    tensor::{Entries, NamedEntries, read, write_safetensors},
};
use faer::{Mat, Par};
use serde::Deserialize;

use crate::real_model::minilm;

fn fixtures() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures"))
}

fn tiny() -> PathBuf {
    fixtures().join("tiny-bert")
}

#[derive(Deserialize)]
struct Case {
    text: String,
    ids: Vec<u32>,
}

fn cases(fixture: &str) -> Vec<Case> {
    serde_json::from_str(&fs::read_to_string(fixtures().join(fixture).join("embeddings.json")).unwrap()).unwrap()
}

/// The expected embeddings, width × texts.
fn expected(fixture: &str) -> Mat<f32> {
    let name = TensorName { path: format!("{fixture}/embeddings.safetensors"), name: Some("embeddings".to_owned()) };
    let tensor = read(fixtures(), &name).unwrap();
    Mat::from_fn(tensor.shape[1], tensor.shape[0], |i, j| tensor.entries[j * tensor.shape[1] + i] as f32)
}

fn assert_close(found: &Mat<f32>, expected: &Mat<f32>, what: &str) {
    assert_eq!(found.shape(), expected.shape(), "{what}");
    let difference = (found - expected).norm_max();
    println!("{what:.40}: largest difference {difference:.1e}");
    assert!(difference < 1e-4, "{what}: embeddings differ by {difference:.1e}");
}

fn assert_embeddings_are_numpys(model: &Path, fixture: &str, limit: usize) {
    let (tokenizer, encoder) = (Tokenizer::read(model).unwrap(), Encoder::read(model).unwrap());
    let cases = cases(fixture);
    let texts: Vec<&str> = cases.iter().map(|case| case.text.as_str()).collect();
    let together = encoder.embed_texts(&tokenizer, &texts, limit, Par::rayon(2)).unwrap();
    assert_close(&together, &expected(fixture), fixture);
    for (number, case) in cases.iter().enumerate() {
        let alone = encoder.embed_ids(&[&case.ids], Par::Seq).unwrap();
        assert_close(&alone, &expected(fixture).subcols(number, 1).to_owned(), &case.text);
    }
}

#[test]
fn the_tiny_models_embeddings_are_numpys() {
    assert_embeddings_are_numpys(&tiny(), "tiny-bert", 24);
}

#[test]
fn minilms_embeddings_of_16_to_512_tokens_are_numpys() {
    let Some(model) = minilm() else { return };
    let lengths: Vec<usize> = cases("minilm").iter().map(|case| case.ids.len()).collect();
    assert_eq!((lengths.len(), lengths.iter().min(), lengths.iter().max()), (20, Some(&16), Some(&512)));
    assert_embeddings_are_numpys(&model, "minilm", 512);
}

#[test]
fn the_similarities_of_the_model_card_are_reproduced() {
    let Some(model) = minilm() else { return };
    let (tokenizer, encoder) = (Tokenizer::read(&model).unwrap(), Encoder::read(&model).unwrap());
    let texts = ["The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium."];
    let found = encoder.embed_texts(&tokenizer, &texts, 256, Par::Seq).unwrap();
    let similarities = [(0, 1), (0, 2), (1, 2)].map(|(i, j)| found.col(i).transpose() * found.col(j));
    println!("similarities {similarities:.5?}; published .6660, .1046, .1411");
    assert_eq!(similarities.map(|similarity| format!("{similarity:.3}")), ["0.666", "0.105", "0.141"]);
}

/// The tiny model with the ids of its cases.
fn tiny_with_ids() -> (Encoder, Vec<Vec<u32>>) {
    (Encoder::read(&tiny()).unwrap(), cases("tiny-bert").into_iter().map(|case| case.ids).collect())
}

/// The best pair of a rank.
fn pair(matrix: &Mat<f32>, rank: usize) -> LowRank<f32> {
    let svd = thin_svd(matrix.as_ref(), Par::Seq).unwrap();
    let left = Mat::from_fn(matrix.nrows(), svd.left.ncols(), |i, j| svd.left[(i, j)] * svd.singular_values[j] as f32);
    LowRank::new(left, svd.right.transpose().to_owned()).truncate(rank)
}

#[test]
fn pairs_of_full_rank_in_the_place_of_every_matrix_change_nothing_and_of_less_rank_something() {
    let (exact, ids) = tiny_with_ids();
    let matrices = exact.matrices();
    assert_eq!(matrices.len(), 1 + 6 * 2);
    assert_eq!(matrices[0].name, "embeddings.word_embeddings.weight");
    assert!(exact.linears().map(|(name, _)| name).eq(matrices[1..].iter().map(|matrix| matrix.name.clone())));
    let factored = |rank: usize| {
        let mut model = exact.clone();
        for matrix in &matrices {
            let dense = exact.dense(&matrix.name).unwrap();
            assert_eq!(dense.shape(), (matrix.rows, matrix.columns));
            model.replace(&matrix.name, Map::Pair(pair(&dense, rank))).unwrap();
        }
        model
    };
    let embeddings = exact.embed_ids(&ids, Par::Seq).unwrap();
    let whole = factored(16);
    assert!(whole.matrices().iter().all(|matrix| matrix.rank == Some(16)));
    assert_close(&whole.embed_ids(&ids, Par::Seq).unwrap(), &embeddings, "full rank");
    for matrix in &matrices {
        assert_close(&whole.dense(&matrix.name).unwrap(), &exact.dense(&matrix.name).unwrap(), &matrix.name);
    }

    let quality = |changed: &Encoder| {
        Quality::measure(embeddings.as_ref(), changed.embed_ids(&ids, Par::Seq).unwrap().as_ref()).unwrap()
    };
    let (some, more) = (quality(&factored(8)), quality(&factored(12)));
    assert!(some.mean_cosine < more.mean_cosine && more.mean_cosine < 0.999, "{some:?}, {more:?}");

    let mut model = exact.clone();
    model.replace(&matrices[3].name, Map::Dense(exact.dense(&matrices[3].name).unwrap())).unwrap();
    assert!(model.embed_ids(&ids, Par::Seq).unwrap() == embeddings, "a matrix was replaced by itself");
}

#[test]
fn what_cannot_replace_a_matrix_is_refused() {
    let (mut model, _) = tiny_with_ids();
    let mut refused = |name: &str, map| model.replace(name, map).expect_err("it was replaced").to_string();
    let name = "encoder.layer.1.intermediate.dense.weight";
    assert_eq!(
        refused(name, Map::Dense(Mat::zeros(16, 24))),
        format!("{name}: a matrix of 16×24 cannot replace one of 24×16")
    );
    let right = Mat::from_fn(1, 16, |_, j| if j == 2 { f32::NAN } else { 0.0 });
    assert_eq!(
        refused(name, Map::Pair(LowRank::new(Mat::zeros(24, 1), right))),
        format!("{name}: its replacement has an entry [0, 2] that is not a finite number")
    );
    assert_eq!(
        refused("pooler.dense.weight", Map::Dense(Mat::zeros(1, 1))),
        "\"pooler.dense.weight\" is no matrix of this model; they are embeddings.word_embeddings.weight and \
         encoder.layer.0.attention.self.query.weight, and so on"
    );
}

/// A copy of the tiny model whose tensors are what `change` makes of them.
pub(crate) fn rewritten(folder: &Path, change: impl Fn(NamedEntries) -> Vec<NamedEntries>) {
    let bytes = fs::read(tiny().join("model.safetensors")).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let tensors = file.names().into_iter().flat_map(|name| {
        let tensor =
            read(fixtures(), &TensorName { path: "tiny-bert/model.safetensors".into(), name: Some(name.to_owned()) })
                .unwrap();
        let entries = tensor.entries.iter().map(|&entry| entry as f32).collect();
        change(NamedEntries { name: name.to_owned(), shape: tensor.shape, entries })
    });
    write_safetensors(&folder.join("model.safetensors"), &tensors.collect::<Vec<_>>(), &[]).unwrap();
    for file in ["config.json", "tokenizer.json"] {
        fs::copy(tiny().join(file), folder.join(file)).unwrap();
    }
}

fn named(name: String, matrix: &Mat<f32>) -> NamedEntries {
    let rows = (0..matrix.nrows()).flat_map(|i| (0..matrix.ncols()).map(move |j| (i, j)));
    NamedEntries {
        name,
        shape: vec![matrix.nrows(), matrix.ncols()],
        entries: rows.map(|place| matrix[place]).collect(),
    }
}

fn reals(tensor: &NamedEntries) -> &[f32] {
    let Entries::Real(entries) = &tensor.entries else { panic!("{} holds whole numbers", tensor.name) };
    entries
}

/// The pair of a matrix, under the names by which it is read.
fn sides(tensor: &NamedEntries, rank: usize) -> [NamedEntries; 2] {
    let columns = tensor.shape[1];
    let matrix = Mat::from_fn(tensor.shape[0], columns, |i, j| reals(tensor)[i * columns + j]);
    let LowRank { left, right } = pair(&matrix, rank);
    [named(format!("{}.left", tensor.name), &left), named(format!("{}.right", tensor.name), &right)]
}

#[test]
fn a_checkpoint_of_pairs_is_the_model_with_the_same_pairs_put_in() {
    let (mut model, ids) = tiny_with_ids();
    let folder = tempfile::tempdir().unwrap();
    let names: Vec<String> = model.matrices().into_iter().map(|matrix| matrix.name).collect();
    let factored = |name: &str| names.iter().any(|found| found == name) && !name.contains("layer.1.output");
    rewritten(folder.path(), |tensor| if factored(&tensor.name) { sides(&tensor, 7).into() } else { vec![tensor] });
    let written = Encoder::read(folder.path()).unwrap();
    for name in names.iter().filter(|name| factored(name)) {
        let dense = model.dense(name).unwrap();
        model.replace(name, Map::Pair(pair(&dense, 7))).unwrap();
    }
    assert_eq!(written.matrices(), model.matrices());
    assert_eq!(written.matrices().iter().filter(|matrix| matrix.rank.is_none()).count(), 1);
    assert!(written.embed_ids(&ids, Par::Seq).unwrap() == model.embed_ids(&ids, Par::Seq).unwrap());
}

#[test]
fn a_checkpoint_whose_pairs_make_no_matrix_is_refused() {
    const NAME: &str = "encoder.layer.0.intermediate.dense.weight";
    let refused = |change: &dyn Fn(NamedEntries) -> Vec<NamedEntries>| {
        let folder = tempfile::tempdir().unwrap();
        rewritten(folder.path(), |tensor| if tensor.name == NAME { change(tensor) } else { vec![tensor] });
        let message = Encoder::read(folder.path()).map(drop).expect_err("a broken model was read").to_string();
        let file = format!("{}/model.safetensors: ", folder.path().shown());
        message.strip_prefix(&file).unwrap().to_owned()
    };
    let all = "not the weights that config.json describes: ";
    assert_eq!(
        refused(&|tensor| [sides(&tensor, 3).to_vec(), vec![tensor]].concat()),
        format!("{all}{NAME} is there both whole and as a pair (.left, .right): keep one of them")
    );
    assert_eq!(refused(&|_| vec![]), format!("{all}{NAME} [24, 16] is not there"));
    assert_eq!(
        refused(&|tensor| vec![sides(&tensor, 3)[0].clone()]),
        format!("{all}{NAME}.left is there without {NAME}.right")
    );
    assert_eq!(
        refused(&|tensor| vec![sides(&tensor, 3)[1].clone()]),
        format!("{all}{NAME}.right is there without {NAME}.left")
    );
    assert_eq!(
        refused(&|tensor| vec![sides(&tensor, 3)[0].clone(), sides(&tensor, 4)[1].clone()]),
        format!("{all}{NAME}.left has 3 columns and {NAME}.right 4 rows: they make no product")
    );
    assert_eq!(
        refused(&|tensor| {
            let [left, right] = sides(&tensor, 3);
            vec![NamedEntries { shape: vec![3, 24], ..left }, right]
        }),
        format!("{all}{NAME}.left has the shape [3, 24], expected [24, r]")
    );
    assert_eq!(
        refused(&|tensor| {
            let [left, right] = sides(&tensor, 3);
            vec![left, NamedEntries { shape: vec![48], ..right }]
        }),
        format!("{all}{NAME}.right has the shape [48], expected [r, 16]")
    );
    assert_eq!(
        refused(&|mut tensor| {
            let mut entries = reals(&tensor).to_vec();
            entries[18] = f32::INFINITY;
            tensor.entries = Entries::Real(entries);
            vec![tensor]
        }),
        format!("{all}entry [1, 2] of {NAME} is inf, not a finite number")
    );
}

fn method(kind: &str) -> MethodSpec {
    MethodSpec::from_parameters(kind, serde_json::Map::new()).unwrap().unwrap()
}

fn with_attention(model: &Encoder, attention: &Attention) -> Encoder {
    let mut model = model.clone();
    for layer in 0..model.config().num_hidden_layers {
        model.set_attention(layer, attention.clone()).unwrap();
    }
    model
}

#[test]
fn attention_by_a_method_that_loses_nothing_is_exact_attention() {
    let (exact, ids) = tiny_with_ids();
    let embeddings = exact.embed_ids(&ids, Par::Seq).unwrap();
    for kind in ["truncated_svd", "exact_attention", "top_k"] {
        let attention = Attention::Method { method: method(kind), target_rank: 24, seed: 0 };
        assert_close(&with_attention(&exact, &attention).embed_ids(&ids, Par::Seq).unwrap(), &embeddings, kind);
    }
    let attention = Attention::Method { method: method("truncated_svd"), target_rank: 2, seed: 0 };
    let changed = with_attention(&exact, &attention).embed_ids(&ids, Par::Seq).unwrap();
    let quality = Quality::measure(embeddings.as_ref(), changed.as_ref()).unwrap();
    assert!((0.5..0.9999).contains(&quality.mean_cosine), "{quality:?}");
}

#[test]
fn a_random_method_draws_by_its_seed_and_not_by_its_batch() {
    let (exact, ids) = tiny_with_ids();
    let embed = |seed: u64, ids: &[Vec<u32>]| {
        let attention = Attention::Method { method: method("performer"), target_rank: 4, seed };
        with_attention(&exact, &attention).embed_ids(ids, Par::Seq).unwrap()
    };
    let all = embed(1, &ids);
    assert!(all == embed(1, &ids));
    assert!((&all - embed(2, &ids)).norm_max() > 1e-3);
    assert_close(&embed(1, &ids[2..3]), &all.subcols(2, 1).to_owned(), "alone");
}

#[test]
fn attention_that_is_impossible_says_where_and_why() {
    let (exact, ids) = tiny_with_ids();
    let mut model = exact.clone();
    let parameters = serde_json::json!({ "sampling": "uniform" }).as_object().unwrap().clone();
    let nystrom = MethodSpec::from_parameters("nystrom", parameters).unwrap().unwrap();
    model.set_attention(1, Attention::Method { method: nystrom, target_rank: 3, seed: 0 }).unwrap();
    let message = model.embed_ids(&ids, Par::Seq).map(drop).unwrap_err().to_string();
    assert!(message.starts_with("layer 1, head 0: nystrom: "), "{message}");
    assert_eq!(
        model.set_attention(2, Attention::Exact).unwrap_err().to_string(),
        "there is no layer 2: the model has the layers 0 to 1"
    );
}

#[test]
fn threads_do_not_change_a_bit_of_an_embedding() {
    let (exact, ids) = tiny_with_ids();
    let many: Vec<Vec<u32>> = ids.iter().cycle().take(100).cloned().collect();
    let random = Attention::Method { method: method("performer"), target_rank: 4, seed: 1 };
    for model in [&exact, &with_attention(&exact, &random)] {
        let one = model.embed_ids(&many, Par::Seq).unwrap();
        for threads in [2, 3, 8] {
            assert!(model.embed_ids(&many, Par::rayon(threads)).unwrap() == one, "{threads} threads");
        }
        assert_eq!(model.forward_batch(&many, Par::rayon(2)).unwrap(), model.forward_batch(&many, Par::Seq).unwrap());
    }
}

#[test]
fn a_models_cost_is_what_its_file_holds_and_what_its_products_take() {
    let (exact, _) = tiny_with_ids();
    let bytes = fs::read(tiny().join("model.safetensors")).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let stored: usize = file.tensors().iter().map(|(_, tensor)| tensor.shape().iter().product::<usize>()).sum();
    let cost = exact.cost(10);
    assert_eq!((cost.parameters, cost.bytes), (stored, 4 * stored));
    // Of a layer: four maps of 16×16 and two of 24×16 with their biases, and 2 heads of width 8 over 10 tokens.
    let layer = 2 * (4 * 256 + 2 * 384) + (4 * 16 + 24 + 16) + 4 * 10 * 16;
    assert_eq!(cost.flops_per_token, f64::from(2 * layer));

    let mut model = exact.clone();
    let name = "encoder.layer.0.output.dense.weight";
    model.replace(name, Map::Pair(LowRank::new(Mat::zeros(16, 3), Mat::zeros(3, 24)))).unwrap();
    let changed = model.cost(10);
    assert_eq!(cost.parameters - changed.parameters, 384 - 3 * 40);
    assert_eq!(cost.flops_per_token - changed.flops_per_token, f64::from(2 * (384 - 3 * 40)));
    // Six entries in each row instead of ten products of a row.
    model = exact.clone();
    let window = Attention::Method { method: method("sliding_window"), target_rank: 6, seed: 0 };
    model.set_attention(0, window).unwrap();
    assert_eq!(cost.flops_per_token - model.cost(10).flops_per_token, f64::from(4 * (10 - 6) * 16));
}

#[test]
fn chunks_have_all_the_same_length_and_lose_nothing_but_the_end() {
    let tokenizer = Tokenizer::read(&tiny()).unwrap();
    let text = "Hello world, the self isn't it. ".repeat(20);
    let ids = tokenizer.tokenize(&text);
    let found = chunks(&tokenizer, &text, 9).unwrap();
    assert_eq!(found.len(), ids.len() / 7);
    let inside: Vec<u32> = found.iter().flat_map(|chunk| chunk[1..8].to_vec()).collect();
    assert_eq!(inside, ids[..7 * found.len()]);
    assert!(found.iter().all(|chunk| chunk.len() == 9 && *chunk == tokenizer.frame(&chunk[1..8])));
    assert_eq!(
        chunks(&tokenizer, &text, 2).unwrap_err().to_string(),
        "2 tokens have no room for a text besides [CLS] and [SEP]; give 3 or more"
    );
}

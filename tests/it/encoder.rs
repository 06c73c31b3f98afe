//! Tokenizer and encoder say what two independent programs say: the `tokenizers` package and a forward pass in plain numpy,
//! in float64 (`scripts/encoder_fixture.py`). A BERT of random weights is checked always; all-MiniLM-L6-v2, which is not kept
//! here, where FACTOREO_MODEL_DIR names its folder.

use factoreo::paths::Shown as _;
use std::{
    fs,
    path::{Path, PathBuf},
};

use factoreo::{
    model::{Encoder, ExtractOptions, Extracted, HeadName, Projections, Tokenizer, extract},
    problem::TensorName,
    tensor::read,
};
use faer::Mat;
use serde::Deserialize;

use crate::real_model::minilm;

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn tiny() -> PathBuf {
    project().join("tests/fixtures/tiny-bert")
}

#[derive(Deserialize)]
struct TokenCase {
    text: String,
    ids: Vec<u32>,
}

fn assert_same_tokens(model: &Path, fixture: &Path) {
    let tokenizer = Tokenizer::read(model).unwrap();
    let cases: Vec<TokenCase> = serde_json::from_str(&fs::read_to_string(fixture).unwrap()).unwrap();
    assert!(cases.len() >= 10);
    for TokenCase { text, ids } in cases {
        assert_eq!(tokenizer.frame(&tokenizer.tokenize(&text)), ids, "{text:?}");
    }
}

/// A tensor of a file of expected rows.
fn expected(folder: &str, name: &str) -> Mat<f64> {
    let name = TensorName { path: format!("{folder}/expected.safetensors"), name: Some(name.to_owned()) };
    let tensor = read(&project().join("tests/fixtures"), &name).unwrap();
    Mat::from_fn(tensor.shape[0], tensor.shape[1], |i, j| tensor.entries[i * tensor.shape[1] + j])
}

/// Compares some tokens (columns) of some features (rows) with expected rows and columns.
fn assert_close(found: &Mat<f32>, first_feature: usize, tokens: &[usize], expected: &Mat<f64>, what: &str) {
    assert_eq!(expected.nrows(), tokens.len(), "{what}");
    for (row, &token) in tokens.iter().enumerate() {
        for column in 0..expected.ncols() {
            let (found, expected) = (f64::from(found[(first_feature + column, token)]), expected[(row, column)]);
            assert!((found - expected).abs() < 1e-4, "{what}, token {token}, {column}: {found}, expected {expected}");
        }
    }
}

fn assert_same_forward_pass(
    model: &Path,
    fixture: &str,
    text: &str,
    limit: usize,
    heads: &[HeadName],
    tokens: &[usize],
) {
    let tokenizer = Tokenizer::read(model).unwrap();
    let encoder = Encoder::read(model).unwrap();
    let ids = tokenizer.tokenize(text);
    let ids = tokenizer.frame(&ids[..limit.min(ids.len())]);
    let head_dim = encoder.config().head_dim();
    let mut compared = 0;
    let hidden = encoder
        .forward(&ids, |layer, Projections { query, key, value }| {
            for head in heads.iter().filter(|head| head.layer == layer) {
                for (kind, found) in [("query", query), ("key", key), ("value", value)] {
                    let name = format!("{head}.{kind}");
                    assert_close(found, head.head * head_dim, tokens, &expected(fixture, &name), &name);
                    compared += 1;
                }
            }
        })
        .unwrap();
    assert_eq!(compared, 3 * heads.len());
    assert_eq!(hidden.ncols(), ids.len());
    assert_close(&hidden, 0, tokens, &expected(fixture, "hidden"), "hidden");
}

#[test]
fn the_tiny_models_tokens_are_those_of_the_tokenizers_package() {
    assert_same_tokens(&tiny(), &tiny().join("tokens.json"));
}

#[test]
fn the_tiny_models_whole_forward_pass_is_that_of_numpy() {
    let heads = ["layer0.head0", "layer0.head1", "layer1.head0", "layer1.head1"].map(|name| name.parse().unwrap());
    let text = "Hello world, crème naïve the 中京 isn't self-nesting!";
    assert_same_forward_pass(&tiny(), "tiny-bert", text, 22, &heads, &(0..24).collect::<Vec<_>>());
}

#[test]
fn minilms_tokens_are_those_of_the_tokenizers_package() {
    let Some(model) = minilm() else { return };
    assert_same_tokens(&model, &project().join("tests/fixtures/minilm/tokens.json"));
}

#[test]
fn minilms_forward_pass_is_that_of_numpy() {
    let Some(model) = minilm() else { return };
    let text = fs::read_to_string(project().join("experiments/data/us-declaration.txt")).unwrap();
    let heads = ["layer0.head0", "layer0.head11", "layer2.head5", "layer5.head3"].map(|name| name.parse().unwrap());
    assert_same_forward_pass(&model, "minilm", &text, 30, &heads, &[0, 7, 31]);
}

/// A request to the tiny model that succeeds, with a text of 24 tokens and a place for the result.
fn request(folder: &Path) -> ExtractOptions {
    fs::write(folder.join("text.txt"), "Hello world, crème naïve the 中京 isn't self-nesting! ").unwrap();
    ExtractOptions {
        model: tiny(),
        text: folder.join("text.txt"),
        heads: vec![HeadName { layer: 1, head: 1 }, HeadName { layer: 0, head: 0 }],
        tokens: 24,
        out: folder.join("heads.safetensors"),
    }
}

#[test]
fn extract_writes_the_heads_asked_for_and_says_where_they_come_from() {
    let folder = tempfile::tempdir().unwrap();
    let options = request(folder.path());
    let Extracted { heads, tokens, head_dim, bytes, hash } = extract(&options).unwrap();
    assert_eq!((heads, tokens, head_dim), (2, 24, 8));
    let written = fs::read(&options.out).unwrap();
    assert_eq!(written.len() as u64, bytes);
    assert_eq!(blake3::hash(&written).to_hex().to_string(), hash);

    for name in ["layer0.head0", "layer1.head1"] {
        for kind in ["query", "key", "value"] {
            let name = format!("{name}.{kind}");
            let found =
                read(folder.path(), &TensorName { path: "heads.safetensors".to_owned(), name: Some(name.clone()) })
                    .unwrap();
            assert_eq!(found.shape, [24, 8], "{name}");
            let found = Mat::from_fn(8, 24, |feature, token| found.entries[token * 8 + feature] as f32);
            assert_close(&found, 0, &(0..24).collect::<Vec<_>>(), &expected("tiny-bert", &name), &name);
        }
    }

    let (_, header) = safetensors::SafeTensors::read_metadata(&written).unwrap();
    let metadata = header.metadata().as_ref().unwrap();
    assert_eq!(metadata["model"], "tiny-bert");
    assert_eq!(metadata["model_licence"], "unknown");
    assert_eq!(metadata["tokens"], "24");
    assert_eq!(metadata["text"], "text.txt");
    assert_eq!(metadata["text_blake3"], blake3::hash(&fs::read(&options.text).unwrap()).to_hex().as_str());
    assert!(metadata["command"].contains("--heads layer1.head1,layer0.head0 --tokens 24 --out "), "{metadata:?}");

    extract(&options).unwrap();
    assert_eq!(fs::read(&options.out).unwrap(), written, "a second extraction gave other bytes");

    // Without names, all heads of all layers.
    let all = extract(&ExtractOptions { heads: Vec::new(), ..options.clone() }).unwrap();
    assert_eq!(all.heads, 4);
    let written = fs::read(&options.out).unwrap();
    let names = safetensors::SafeTensors::deserialize(&written).unwrap();
    assert_eq!(names.len(), 12);
    assert!(names.tensor("layer1.head0.key").is_ok());
}

#[test]
fn a_request_that_cannot_be_met_says_why_and_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |change: &dyn Fn(&mut ExtractOptions)| {
        let mut options = request(folder.path());
        change(&mut options);
        let message = extract(&options).expect_err("an impossible request was met").to_string();
        assert!(!options.out.exists(), "{message}");
        message.replace(&folder.path().shown(), "DIR")
    };
    assert_eq!(
        refused(&|options| options.tokens = 25),
        "--tokens 25 is not between 3 and the 24 this model has room for"
    );
    assert_eq!(
        refused(&|options| options.heads[0].layer = 2),
        "layer2.head1 does not exist: the model has the layers 0 to 1 with the heads 0 to 1"
    );
    assert_eq!(
        refused(&|options| options.heads[0] = options.heads[1]),
        "layer0.head0 is asked for twice; name each head once"
    );
    assert_eq!(
        refused(&|options| fs::write(&options.text, "Hello world").unwrap()),
        "DIR/text.txt: the text has 2 tokens, and --tokens 24 takes 22 of them besides [CLS] and [SEP]; give a longer text \
         or fewer tokens"
    );
    assert_eq!(
        refused(&|options| options.model = folder.path().to_owned()),
        "DIR: the folder lacks config.json, tokenizer.json, model.safetensors; a model folder holds config.json, \
         tokenizer.json and model.safetensors"
    );
    assert_eq!(
        refused(&|options| options.model.push("absent")).replace(&tiny().shown(), "TINY"),
        "TINY/absent: no such folder; a model folder holds config.json, tokenizer.json and model.safetensors"
    );
}

#[test]
fn a_heads_name_is_read_in_one_spelling_only() {
    assert_eq!("layer5.head11".parse(), Ok(HeadName { layer: 5, head: 11 }));
    for wrong in ["", "layer0", "0.3", "layer0.head", "layer00.head3", "layer0.head+3", "Layer0.head3", "layer-1.head0"]
    {
        assert_eq!(
            wrong.parse::<HeadName>(),
            Err(format!("{wrong:?} is not a head; write layer0.head3 for the fourth head of the first layer"))
        );
    }
}

/// A copy of the tiny model with one file changed, and the message of reading it.
fn broken_model(file: &str, change: impl Fn(String) -> String) -> String {
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(tiny()).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
    }
    let path = folder.path().join(file);
    fs::write(&path, change(fs::read_to_string(&path).unwrap())).unwrap();
    let encoder = Encoder::read(folder.path()).map(drop);
    let message = encoder.and_then(|()| Tokenizer::read(folder.path()).map(drop)).expect_err("a broken model was read");
    message.to_string().replace(&folder.path().shown(), "DIR")
}

#[test]
fn a_model_that_is_not_understood_is_refused_with_what_was_looked_for() {
    let config = |from: &'static str, to: &'static str| broken_model("config.json", |text| text.replace(from, to));
    assert_eq!(
        config("\"bert\"", "\"gpt2\""),
        "DIR/config.json: model_type is \"gpt2\", and only \"bert\" is computed; give the folder of a BERT model as published"
    );
    assert_eq!(
        config("\"num_attention_heads\": 2", "\"num_attention_heads\": 3"),
        "DIR/config.json: hidden_size 16 is not a multiple of num_attention_heads 3; give the folder of a BERT model as \
         published"
    );
    assert_eq!(
        config("\"hidden_size\": 16,", ""),
        "DIR/config.json: missing field `hidden_size` at line 12 column 1; give the folder of a BERT model as published"
    );
    assert_eq!(
        config("\"intermediate_size\": 24", "\"intermediate_size\": 25"),
        "DIR/model.safetensors: not the weights that config.json describes: encoder.layer.0.intermediate.dense.weight has \
         the shape [24, 16], expected [25, 16]; encoder.layer.0.intermediate.dense.bias has the shape [24], expected [25]; \
         encoder.layer.0.output.dense.weight has the shape [16, 24], expected [16, 25]; \
         encoder.layer.1.intermediate.dense.weight has the shape [24, 16], expected [25, 16]; and more"
    );
    // As many layers as there are numbers: the list of what is missing stays short, and so does the wait.
    assert_eq!(
        config("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 18446744073709551615"),
        "DIR/model.safetensors: not the weights that config.json describes: encoder.layer.2.attention.self.query.weight \
         [16, 16] is not there; encoder.layer.2.attention.self.query.bias [16] is not there; \
         encoder.layer.2.attention.self.key.weight [16, 16] is not there; encoder.layer.2.attention.self.key.bias [16] is \
         not there; and more"
    );
    assert_eq!(
        broken_model("tokenizer.json", |text| text
            .replace("\"type\": \"WordPiece\", \"unk", "\"type\": \"BPE\", \"unk")),
        "DIR/tokenizer.json: its model is \"BPE\", and only \"WordPiece\" is understood; give the folder of a BERT model as \
         published"
    );
    assert_eq!(
        broken_model("tokenizer.json", |text| text.replace("\"vocab\": {\"[PAD]\": 0, \"[UNK]\": 1,", "\"vocab\": {")),
        "DIR/tokenizer.json: \"[UNK]\" is not in its vocabulary; give the folder of a BERT model as published"
    );
}

#[test]
fn ids_the_model_cannot_take_are_refused() {
    let encoder = Encoder::read(&tiny()).unwrap();
    let refused = |ids: &[u32]| encoder.forward(ids, |_, _| ()).map(drop).unwrap_err().to_string();
    assert_eq!(refused(&[]), "0 tokens asked for; this model takes 1 to 24");
    assert_eq!(refused(&[0; 25]), "25 tokens asked for; this model takes 1 to 24");
    let vocabulary = encoder.config().vocab_size;
    assert_eq!(
        refused(&[vocabulary as u32]),
        format!("token id {vocabulary} is beyond the vocabulary of {vocabulary}: the tokenizer is not this model's")
    );
}

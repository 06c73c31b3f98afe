//! Promise: a model that is stored otherwise takes the bytes its format says, and is worth what theory says of it.

use std::{fs, path::Path};

use factoreo::{
    model::{Encoder, Tokenizer},
    random::generator,
    study::{Bench, ModelInput, ModelStorage, Study},
};
use faer::Par;

use super::NoInstruments;

#[test]
fn a_model_stored_otherwise_takes_the_bytes_its_format_says_and_a_pair_mends_what_few_bits_lost() {
    let Some(folder) = crate::real_model::minilm() else { return };
    let text = |name: &str| {
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments/data").join(name)).unwrap()
    };
    let texts = ["us-declaration.txt", "us-constitution.txt"].map(text).to_vec();
    let input = ModelInput::new(Encoder::read(&folder).unwrap(), Tokenizer::read(&folder).unwrap(), texts);
    let stored = |more: serde_json::Value| -> [f64; 2] {
        let mut parameters = serde_json::json!({
            "model": "m", "text": "t", "calibration": "c", "chunk_tokens": 36, "rank_share": 0.5, "correction_rank": 64,
        });
        parameters.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let study: ModelStorage = serde_json::from_value(parameters).unwrap();
        let mut rng = generator(1);
        let mut bench = Bench {
            rng: &mut rng,
            parallelism: Par::rayon(2),
            instruments: &NoInstruments,
            model: Some(&input),
            problem: None,
        };
        let found = study.measure(&mut bench).unwrap();
        ["memory", "mean_cosine"].map(|quantity| found.iter().find(|one| one.quantity == quantity).unwrap().value)
    };
    // Counted from the shapes: what is no matrix stays in 32 bits.
    let matrices = input.encoder.matrices();
    let numbers: usize = matrices.iter().map(|matrix| matrix.rows * matrix.columns).sum();
    let rest = 4 * (input.encoder.cost(36).parameters - numbers);
    let words = &matrices[0];
    let maps = || matrices[1..].iter().map(|matrix| (matrix.rows, matrix.columns));
    let [float16, int8, int3, pair, mended] = [
        serde_json::json!({ "format": "float16" }),
        serde_json::json!({ "format": "int8" }),
        serde_json::json!({ "format": "int3" }),
        serde_json::json!({ "format": "svd_llm_int8" }),
        serde_json::json!({ "format": "int3_plus_pair" }),
    ]
    .map(stored);
    let in_int8 = |rows: usize, columns: usize| rows * (columns + 4);
    // Of 32 numbers in a row, 12 bytes of codes and 4 of scale and lowest value.
    let in_int3 = numbers / 32 * 16;
    let pairs_in_int8: usize = maps()
        .map(|(m, n)| (m, n, (m * n) as f64 / (m + n) as f64 * 0.5))
        .map(|(m, n, rank)| in_int8(rank as usize, m) + in_int8(rank as usize, n))
        .sum();
    assert_eq!(float16[0], (2 * numbers + rest) as f64);
    assert_eq!(
        int8[0],
        (matrices.iter().map(|matrix| in_int8(matrix.rows, matrix.columns)).sum::<usize>() + rest) as f64
    );
    assert_eq!(int3[0], (in_int3 + rest) as f64);
    assert_eq!(pair[0], (pairs_in_int8 + in_int8(words.rows, words.columns) + rest) as f64);
    assert_eq!(mended[0], (in_int3 + rest + maps().map(|(m, n)| 2 * 64 * (m + n)).sum::<usize>()) as f64);
    assert!(float16[1] > 0.9999 && int8[1] > 0.99, "{float16:?} {int8:?}");
    assert!(1.0 - mended[1] < 0.7 * (1.0 - int3[1]), "{mended:?} of {int3:?}");
}

//! `extract --activations`: what goes into each linear map, sequence after sequence.

use std::{fs, path::Path};

use factoreo::{
    model::{ActivationOptions, Encoder, LinearMap, Tokenizer, extract_activations},
    problem::TensorName,
    tensor,
};

fn tiny() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/tiny-bert"))
}

#[test]
fn activations_are_what_goes_into_each_map_sequence_after_sequence() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text.txt");
    fs::write(&text, "the house of the king and the laws of the land ".repeat(4)).unwrap();
    let options = ActivationOptions {
        model: tiny().to_owned(),
        text: text.clone(),
        tokens: 8,
        sequences: None,
        out: folder.path().join("activations.safetensors"),
    };
    let extracted = extract_activations(&options).unwrap();
    let (tokenizer, encoder) = (Tokenizer::read(tiny()).unwrap(), Encoder::read(tiny()).unwrap());
    let ids = tokenizer.tokenize(&fs::read_to_string(&text).unwrap());
    let sequences: Vec<Vec<u32>> = ids.chunks(6).map(|ids| tokenizer.frame(ids)).collect();
    let tokens: usize = sequences.iter().map(Vec::len).sum();
    assert!(sequences.len() > 2 && !ids.len().is_multiple_of(6), "the last sequence is a short one");
    assert_eq!((extracted.sequences, extracted.tokens), (sequences.len(), tokens));

    let maps = LinearMap::of_model(encoder.config());
    assert_eq!(extracted.maps, maps.len());
    for map in maps {
        let name =
            TensorName { path: "activations.safetensors".to_owned(), name: Some(format!("{}.input", map.name())) };
        let written = tensor::read(folder.path(), &name).unwrap();
        let mut expected = Vec::new();
        for ids in &sequences {
            encoder
                .forward_seeing_inputs(ids, |seen, input| {
                    if seen == map {
                        expected.extend(input.col_iter().flat_map(|token| token.iter().map(|&entry| f64::from(entry))));
                    }
                })
                .unwrap();
        }
        assert_eq!(written.shape, [tokens, map.inputs(encoder.config())], "{}", map.name());
        assert!(written.entries == expected, "{}", map.name());
        // The weights have as many columns.
        let weights = TensorName { path: "model.safetensors".to_owned(), name: Some(format!("{}.weight", map.name())) };
        assert_eq!(tensor::shape(tiny(), &weights).unwrap()[1], written.shape[1], "{}", map.name());
    }
    let hash = tensor::file_hash(folder.path(), "text.txt").unwrap();
    assert_eq!(tensor::metadata(folder.path(), "activations.safetensors", "text_blake3").unwrap(), Some(hash));

    let first = extract_activations(&ActivationOptions { sequences: Some(2), ..options.clone() }).unwrap();
    assert_eq!((first.sequences, first.tokens), (2, 16));
    for (wrong, words) in [
        (ActivationOptions { tokens: 2, ..options.clone() }, "--tokens 2 is not between"),
        (ActivationOptions { sequences: Some(0), ..options.clone() }, "--sequences 0 leaves nothing to run"),
    ] {
        let message = extract_activations(&wrong).unwrap_err().to_string();
        assert!(message.contains(words), "{message}");
    }
    fs::write(&text, " \n").unwrap();
    let out = folder.path().join("nothing.safetensors");
    let message = extract_activations(&ActivationOptions { out: out.clone(), ..options }).unwrap_err().to_string();
    assert!(message.contains("the text has no tokens") && !out.exists(), "{message}");
}

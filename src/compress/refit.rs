//! Pairs fitted to what they really meet.
//!
//! A pair that is best for the inputs of the original model meets others: those that the pairs before it make. So once the ranks
//! are chosen, the maps are gone through in the order of the forward pass, the original and the changed model side by side on the
//! calibration text, and each pair becomes the Ŵ of its rank with the least ‖Y − ŴX̂‖² + λ‖W − Ŵ‖². X̂ is what the changed model
//! sends in; Y is what would put it right: WX, and where the map's outputs are added to the hidden vectors, what these lack by
//! now as well, WX + (H − Ĥ). That is reduced-rank regression (Izenman 1975, "Reduced-rank regression for the multivariate linear
//! model") with a ridge towards W, and has a closed form: with S·Sᵀ = X̂X̂ᵀ + λI and B = W + (Y − WX̂)X̂ᵀ(SSᵀ)⁻¹, the truncated SVD
//! of BS, undone by S⁻¹ (Eckart & Young). Without anything changed before it, that is the pair it was.
//!
//! Cost: five passes of each layer over the text, and one SVD for each pair. Breaks: a text of few tokens is learnt by heart;
//! λ is there for that, a share of the mean eigenvalue of X̂X̂ᵀ.

use std::collections::HashMap;

use faer::{
    Accum, Mat, MatRef, Par,
    linalg::matmul::{
        matmul,
        triangular::{self, BlockStructure},
    },
};

use super::{CompressError, check_interrupt, factors::failed, importance::rounded};
use crate::{
    linalg::{
        range_finder::product,
        to_f64,
        weighted_svd::Coordinates,
        whitening::{FLOOR, Whitening},
    },
    low_rank::LowRank,
    model::{Encoder, LinearMap, Role},
};

/// λ over the mean eigenvalue of X̂X̂ᵀ: of 0.001, 0.01 and 0.1 the best on held-out parts of the calibration text.
const RIDGE: f64 = 0.1;
/// Pieces that go through the models side by side.
const BLOCK: usize = 16;
/// Maps with the same inputs, in the order in which a layer comes to them.
const STAGES: [&[Role]; 4] =
    [&[Role::Query, Role::Key, Role::Value], &[Role::AttentionOutput], &[Role::Intermediate], &[Role::Output]];

/// A pair to be fitted.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) map: LinearMap,
    /// Of the matrix's tensor.
    pub(super) name: String,
    pub(super) rank: usize,
}

/// Some pieces on their way through both models.
struct Block<'a> {
    texts: Vec<&'a [u32]>,
    original: Mat<f32>,
    changed: Mat<f32>,
    /// What goes into the maps of the layer that the original is through.
    inputs: HashMap<Role, Mat<f32>>,
}

/// Fits the pairs at these places of `changed`, in the order of the maps, and leaves them in it.
pub(super) fn refit(
    original: &Encoder,
    changed: &mut Encoder,
    pieces: &[Vec<u32>],
    places: &[Place],
    say: &mut dyn FnMut(&str),
) -> Result<Vec<LowRank<f64>>, CompressError> {
    let mut blocks = Vec::new();
    for pieces in pieces.chunks(BLOCK) {
        let texts: Vec<&[u32]> = pieces.iter().map(Vec::as_slice).collect();
        let (before, after) = (original.embedded(&texts)?, changed.embedded(&texts)?);
        blocks.push(Block { texts, original: before, changed: after, inputs: HashMap::new() });
    }
    let mut found: HashMap<LinearMap, LowRank<f64>> = HashMap::new();
    for layer in 0..original.config().num_hidden_layers {
        say(&format!("fitting the pairs of layer {layer} to what they meet"));
        for block in &mut blocks {
            check_interrupt()?;
            let Block { texts, original: hidden, inputs, .. } = block;
            original.through_layer(layer, hidden, texts, |map, input| {
                inputs.insert(map.role, input.clone());
            })?;
        }
        for stage in STAGES {
            let here: Vec<&Place> =
                places.iter().filter(|place| place.map.layer == layer && stage.contains(&place.map.role)).collect();
            if here.is_empty() {
                continue;
            }
            let dense = here.iter().map(|place| original.dense(&place.name)).collect::<Result<Vec<_>, _>>()?;
            let sums = Sums::of(changed, &blocks, layer, stage[0], &dense)?;
            let whitening = sums.whitening(&here[0].name)?;
            for ((place, dense), missing) in here.into_iter().zip(&dense).zip(&sums.missing) {
                check_interrupt()?;
                let pair = fit(place, dense.as_ref(), missing.as_ref(), &whitening)?;
                changed.replace(&place.name, rounded(&pair))?;
                found.insert(place.map, pair);
            }
        }
        for block in &mut blocks {
            check_interrupt()?;
            changed.through_layer(layer, &mut block.changed, &block.texts, |_, _| ())?;
        }
    }
    Ok(places.iter().filter_map(|place| found.remove(&place.map)).collect())
}

/// Over all tokens.
struct Sums {
    /// X̂X̂ᵀ.
    gram: Mat<f64>,
    /// (Y − WX̂)X̂ᵀ of every map with these inputs.
    missing: Vec<Mat<f64>>,
}

impl Sums {
    fn of(
        changed: &Encoder,
        blocks: &[Block<'_>],
        layer: usize,
        role: Role,
        dense: &[Mat<f32>],
    ) -> Result<Self, CompressError> {
        let size = dense[0].ncols();
        let mut sums = Self {
            gram: Mat::zeros(size, size),
            missing: dense.iter().map(|dense| Mat::zeros(dense.nrows(), size)).collect(),
        };
        for block in blocks {
            check_interrupt()?;
            let mut inputs: HashMap<Role, Mat<f32>> = HashMap::new();
            changed.through_layer(layer, &mut block.changed.clone(), &block.texts, |map, input| {
                if map.role == role || Some(map.role) == added_to(role) {
                    inputs.insert(map.role, input.clone());
                }
            })?;
            let astray = |role: Role| &block.inputs[&role] - &inputs[&role];
            let input = to_f64(inputs[&role].as_ref());
            triangular::matmul(
                &mut sums.gram,
                BlockStructure::TriangularLower,
                Accum::Add,
                &input,
                BlockStructure::Rectangular,
                input.transpose(),
                BlockStructure::Rectangular,
                1.0,
                Par::Seq,
            );
            for (dense, missing) in dense.iter().zip(&mut sums.missing) {
                let mut lack = product(dense.as_ref(), astray(role).as_ref(), Par::Seq);
                if let Some(stream) = added_to(role) {
                    lack += astray(stream);
                }
                matmul(missing, Accum::Add, to_f64(lack.as_ref()), input.transpose(), 1.0, Par::Seq);
            }
        }
        for j in 0..size {
            for i in 0..j {
                sums.gram[(i, j)] = sums.gram[(j, i)];
            }
        }
        Ok(sums)
    }

    /// S, of X̂X̂ᵀ + λI.
    fn whitening(&self, name: &str) -> Result<Whitening, CompressError> {
        let mut gram = self.gram.clone();
        let size = gram.nrows();
        let mean = gram.diagonal().column_vector().iter().sum::<f64>() / size as f64;
        (0..size).for_each(|i| gram[(i, i)] += RIDGE * mean);
        Whitening::of_gram(gram.as_ref(), FLOOR, Par::rayon(0)).map_err(|source| failed(name, source))
    }
}

/// The hidden vectors that a map's outputs are added to are the inputs of this one; `None` if they are added to none.
fn added_to(role: Role) -> Option<Role> {
    match role {
        Role::AttentionOutput => Some(Role::Query),
        Role::Output => Some(Role::Intermediate),
        Role::Query | Role::Key | Role::Value | Role::Intermediate => None,
    }
}

/// The pair of the place's rank.
fn fit(
    place: &Place,
    dense: MatRef<'_, f32>,
    missing: MatRef<'_, f64>,
    whitening: &Whitening,
) -> Result<LowRank<f64>, CompressError> {
    let parallelism = Par::rayon(0);
    // BS = WS + (Y − WX̂)X̂ᵀS⁻ᵀ.
    let target = whitening.apply(to_f64(dense).as_ref(), parallelism) + whitening.divide(missing, parallelism);
    let decomposed =
        Coordinates { columns: Some(whitening), rows: None }.decompose_weighted(target.as_ref(), parallelism);
    Ok(decomposed.map_err(|source| failed(&place.name, source))?.pair(place.rank))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::compress::{calibration::grams, factors::error_on};

    fn tiny() -> Encoder {
        Encoder::read(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/tiny-bert"))).unwrap()
    }

    fn pieces(count: u32, first: u32) -> Vec<Vec<u32>> {
        (first..first + count)
            .map(|piece| (0..20).map(|at| (piece * 7 + at * at * (piece % 5 + 1)) % 40).collect())
            .collect()
    }

    fn places(encoder: &Encoder, rank: usize, wanted: impl Fn(LinearMap) -> bool) -> Vec<Place> {
        let maps = LinearMap::of_model(encoder.config()).into_iter().filter(|&map| wanted(map));
        maps.map(|map| Place { map, name: format!("{}.weight", map.name()), rank }).collect()
    }

    /// The pairs that are best for the original model's inputs.
    fn unfitted(encoder: &Encoder, pieces: &[Vec<u32>], places: &[Place]) -> Encoder {
        let grams = grams(encoder, pieces).unwrap();
        let mut changed = encoder.clone();
        for place in places {
            let whitening = grams.whitening(place.map, Par::rayon(0)).unwrap().unwrap();
            let dense = to_f64(encoder.dense(&place.name).unwrap().as_ref());
            let coordinates = Coordinates { rows: None, columns: Some(&whitening) };
            let pair = coordinates.decompose(dense.as_ref(), Par::rayon(0)).unwrap().pair(place.rank);
            changed.replace(&place.name, rounded(&pair)).unwrap();
        }
        changed
    }

    /// Of the last hidden vectors.
    fn distance(exact: &Encoder, changed: &Encoder, pieces: &[Vec<u32>]) -> f64 {
        let hidden = |encoder: &Encoder| encoder.forward_batch(pieces, Par::Seq).unwrap();
        let pairs = hidden(exact).into_iter().zip(hidden(changed));
        pairs.map(|(exact, changed)| f64::from((exact - changed).norm_l2()).powi(2)).sum::<f64>().sqrt()
    }

    #[test]
    fn fitted_pairs_come_nearer_to_the_model_on_what_they_saw_and_on_what_they_did_not() {
        let exact = tiny();
        let (seen, unseen) = (pieces(60, 0), pieces(20, 100));
        for rank in [3, 6] {
            let places = places(&exact, rank, |_| true);
            let before = unfitted(&exact, &seen, &places);
            let mut after = before.clone();
            let pairs = refit(&exact, &mut after, &seen, &places, &mut |_| ()).unwrap();
            assert!(pairs.len() == 12 && pairs.iter().all(|pair| pair.rank() == rank));
            for pieces in [&seen, &unseen] {
                let [before, after] = [&before, &after].map(|changed| distance(&exact, changed, pieces));
                assert!(after < before, "rank {rank}: {after} against {before}");
            }
        }
    }

    #[test]
    fn a_pair_with_nothing_changed_before_it_is_almost_the_one_it_was() {
        let exact = tiny();
        let seen = pieces(60, 0);
        let first = places(&exact, 5, |map| map.layer == 0 && map.role == Role::Query);
        let mut changed = unfitted(&exact, &seen, &first);
        let grams = grams(&exact, &seen).unwrap();
        let dense = to_f64(exact.dense(&first[0].name).unwrap().as_ref());
        let error = |pair: &LowRank<f64>| error_on(dense.as_ref(), pair, grams.of(first[0].map).unwrap().as_ref());
        let whitening = grams.whitening(first[0].map, Par::rayon(0)).unwrap().unwrap();
        let best = Coordinates { rows: None, columns: Some(&whitening) }
            .decompose(dense.as_ref(), Par::rayon(0))
            .unwrap()
            .pair(5);
        let found = refit(&exact, &mut changed, &seen, &first, &mut |_| ()).unwrap();
        // The ridge takes a little of what fits the text best.
        let (found, best) = (error(&found[0]), error(&best));
        assert!(best <= found * (1.0 + 1e-6) && found < 1.05 * best, "{found} against {best}");
    }
}

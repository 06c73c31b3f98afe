//! Randomness by name: every draw comes from a generator seeded with the hash of what it is for, never from a global, never
//! from thread order.

use rand::SeedableRng;

/// The generator of the whole program: PCG XSL RR 128/64, whose output is specified and the same on every platform.
pub type Rng = rand_pcg::Pcg64;

/// The seed that belongs to a list of names under a base seed.
///
/// Names are hashed (BLAKE3) with their lengths, so `["ab", "c"]` and `["a", "bc"]` differ.
#[must_use]
pub fn named_seed(base: u64, names: &[&str]) -> u64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&base.to_le_bytes());
    for name in names {
        hasher.update(&(name.len() as u64).to_le_bytes());
        hasher.update(name.as_bytes());
    }
    let mut first = [0; 8];
    first.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
    u64::from_le_bytes(first)
}

/// A generator started from `seed`.
#[must_use]
pub fn generator(seed: u64) -> Rng {
    Rng::seed_from_u64(seed)
}

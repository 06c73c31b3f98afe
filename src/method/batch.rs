//! All heads of a layer at once.

use faer::{Mat, Par};
use rayon::prelude::{IndexedParallelIterator, IntoParallelRefIterator, ParallelIterator};

use super::{Draw, MethodError, MethodSpec};
use crate::{approximant::Operator, linalg::Scalar, problem::Problem, random::generator};

impl MethodSpec {
    /// What a method gives for every head: its approximation of each P, applied to V. `seeds` has one seed for each head.
    ///
    /// Heads are shared out among `threads` threads and each is computed on one: the bits are those of one head at a time, and
    /// small heads keep all cores busy, which threads within a head would not.
    ///
    /// # Errors
    /// The first head (in their order) that fails, and why.
    ///
    /// # Panics
    /// If there are not as many seeds as heads.
    pub fn attend<T: Scalar>(
        &self,
        heads: &[Problem<T>],
        target_rank: usize,
        seeds: &[u64],
        threads: usize,
    ) -> Result<Vec<Mat<T>>, (usize, MethodError)> {
        assert_eq!(heads.len(), seeds.len(), "every head has a seed");
        let one = |(index, (head, &seed)): (usize, (&Problem<T>, &u64))| {
            let draw = Draw { target_rank, rng: &mut generator(seed), parallelism: Par::Seq };
            let approximation = self.factor(head, draw).map_err(|error| (index, error))?;
            Ok(approximation.factors.apply(head.values.as_ref(), Par::Seq))
        };
        // As many tasks as threads, so that no more of them run at once.
        let share = heads.len().div_ceil(threads.max(1)).max(1);
        let all = heads.par_iter().zip(seeds).enumerate().with_min_len(share).map(one);
        all.collect::<Vec<Result<_, _>>>().into_iter().collect()
    }
}

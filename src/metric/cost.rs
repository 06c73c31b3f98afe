//! What keeping and using an approximation costs.

use crate::{approximant::Operator, linalg::Scalar};

/// What an approximation costs beside the exact matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Numbers stored: r(m+n) of a pair.
    pub parameters: u64,
    /// Bytes stored.
    pub bytes: u64,
    /// Flops to apply it to V.
    pub apply_flops: u64,
}

impl Cost {
    /// Of an approximation that is applied to an n×`value_columns` block.
    #[must_use]
    pub fn of<T: Scalar>(approximant: &impl Operator<T>, value_columns: usize) -> Self {
        Self {
            parameters: approximant.parameters() as u64,
            bytes: approximant.bytes() as u64,
            apply_flops: approximant.apply_flops(value_columns),
        }
    }
}

/// ⌊mn/(m+n)⌋: the largest rank at which a pair holds no more numbers than the m×n matrix it replaces.
#[must_use]
pub fn break_even_rank(rows: usize, columns: usize) -> usize {
    if rows == 0 || columns == 0 { 0 } else { rows * columns / (rows + columns) }
}

#[cfg(test)]
mod tests {
    use faer::Mat;

    use super::*;
    use crate::low_rank::LowRank;

    #[test]
    fn the_break_even_rank_is_that_of_the_published_examples() {
        let shapes = [(768, 768), (768, 3072), (4096, 4096), (4096, 11008), (0, 0)];
        assert_eq!(shapes.map(|(m, n)| break_even_rank(m, n)), [384, 614, 2048, 2985, 0]);
    }

    #[test]
    fn at_the_break_even_rank_a_pair_costs_no_more_than_the_matrix_and_above_it_more() {
        let cost = |rank| Cost::of(&LowRank::new(Mat::<f32>::zeros(30, rank), Mat::zeros(rank, 20)), 7);
        let even = break_even_rank(30, 20);
        assert!(cost(even).parameters <= 30 * 20 && cost(even + 1).parameters > 30 * 20);
        assert_eq!(cost(12), Cost { parameters: 600, bytes: 2400, apply_flops: 2 * 600 * 7 });
    }
}

//! What a random sample of rows says of all of them.

/// A ratio √(Σ errors / Σ sizes) over all rows, from some of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    pub value: f64,
    /// 95 % interval; `None` where all rows were seen.
    pub interval: Option<(f64, f64)>,
}

/// Estimates √(Σe/Σf) over `population` rows from a sample without replacement; `None` if the sizes are zero.
///
/// The ratio estimator with its linearised variance and the finite-population correction (Cochran 1977, *Sampling Techniques*,
/// equations 6.4 and 6.13). The interval is taken for the logarithm: errors are positive and skewed, and so is their ratio.
pub fn root_ratio(errors: &[f64], sizes: &[f64], population: usize) -> Option<Estimate> {
    let count = errors.len() as f64;
    let (error, size): (f64, f64) = (errors.iter().sum(), sizes.iter().sum());
    if size <= 0.0 {
        return None;
    }
    let ratio = error / size;
    let value = ratio.sqrt();
    if errors.len() >= population {
        return Some(Estimate { value, interval: None });
    }
    let deviations = errors.iter().zip(sizes).map(|(error, size)| (error - ratio * size).powi(2)).sum::<f64>();
    let unseen = 1.0 - count / population as f64;
    let deviation = (unseen / count * deviations / (count - 1.0).max(1.0)).sqrt() / (size / count);
    // Of ln √ratio: half of that of ln ratio.
    let half_width = if ratio > 0.0 { 0.5 * NORMAL_95 * deviation / ratio } else { 0.0 };
    Some(Estimate { value, interval: Some((value * (-half_width).exp(), value * half_width.exp())) })
}

/// The 97.5 % quantile of the normal distribution.
const NORMAL_95: f64 = 1.959_963_984_540_054;

#[cfg(test)]
mod tests {
    use rand::{RngExt, seq::index};

    use super::*;
    use crate::random::generator;

    #[test]
    fn all_rows_give_the_ratio_itself() {
        let estimate = root_ratio(&[1.0, 3.0], &[8.0, 8.0], 2).unwrap();
        assert_eq!(estimate, Estimate { value: 0.5, interval: None });
        assert_eq!(root_ratio(&[0.0], &[0.0], 1), None);
    }

    /// Log-normal errors, as skewed as those of an attention head with a few hard rows.
    #[test]
    fn the_interval_covers_the_truth_in_nine_samples_of_ten_or_more() {
        let population = 8192;
        let mut rng = generator(17);
        let sizes: Vec<f64> = (0..population).map(|_| rng.random_range(0.5..1.5)).collect();
        let mut normal = || (0..12).map(|_| rng.random_range(0.0..1.0)).sum::<f64>() - 6.0;
        let errors: Vec<f64> = sizes.iter().map(|size| size * (-4.0 + normal()).exp()).collect();
        let truth = root_ratio(&errors, &sizes, population).unwrap().value;
        let covered = (0..400).filter(|&seed| {
            let rows = index::sample(&mut generator(seed), population, 512).into_vec();
            let of = |values: &[f64]| rows.iter().map(|&row| values[row]).collect::<Vec<_>>();
            let (low, high) = root_ratio(&of(&errors), &of(&sizes), population).unwrap().interval.unwrap();
            (low..=high).contains(&truth)
        });
        assert!(covered.count() >= 360);
    }
}

//! One plain answer, with its reason.

use serde::Serialize;

use super::{BreakEven, Tolerance};
use crate::metric::Spectrum;

/// Whether to factor a matrix, and how.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Recommendation {
    pub factor: bool,
    /// The rank to take; null where the matrix is better left as it is.
    pub rank: Option<usize>,
    /// The method to take it with, as specs call it: `truncated_svd`, `randomized_svd`, for attention `nystromformer`; null
    /// where the matrix is better left as it is.
    pub method: Option<&'static str>,
    /// In a word: `zero`, `rank_too_high`, `flat_spectrum`, `smaller`, `smaller_and_faster`.
    pub verdict: &'static str,
    /// In sentences.
    pub reason: String,
}

/// What the answer follows from.
pub(super) struct Facts<'a> {
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) attention: bool,
    pub(super) spectrum: &'a Spectrum,
    pub(super) gavish_donoho: usize,
    pub(super) tolerance: Tolerance,
    pub(super) break_even: &'a BreakEven,
}

pub(super) fn recommend(facts: &Facts<'_>) -> Recommendation {
    let Facts { tolerance, .. } = facts;
    let leave = |verdict, reason| Recommendation { factor: false, rank: None, method: None, verdict, reason };
    if facts.spectrum.spectral_norm() == 0.0 {
        return leave("zero", "Every entry is zero: there is nothing to factor.".to_owned());
    }
    let flat = facts.gavish_donoho == 0;
    let parameters = facts.rows * facts.columns;
    let Tolerance { asked, rank, error, .. } = *tolerance;
    // The largest rank of a pair that is smaller.
    let most = (parameters - 1) / (facts.rows + facts.columns);
    if most == 0 {
        let reason = format!(
            "It has {parameters} numbers, and already a pair of rank 1 would have {}.",
            facts.rows + facts.columns
        );
        return leave("rank_too_high", reason);
    }
    if rank > most {
        let mut reason = format!(
            "An error of {} takes rank {rank}, and a pair is smaller than the matrix only up to rank {most}.",
            percent(asked)
        );
        if flat {
            reason += " Its spectrum is as flat as that of noise: no direction stands out.";
        }
        let least = facts.spectrum.optimal_frobenius_error(most) / facts.spectrum.frobenius_norm();
        reason += &format!(" At that rank the error is still {}.", percent(least));
        return leave(if flat { "flat_spectrum" } else { "rank_too_high" }, reason);
    }
    if flat {
        let reason = format!(
            "Rank {rank} would meet {}, but the spectrum is as flat as that of noise: no direction stands out, and every \
             rank that is saved takes its full share of the matrix with it.",
            percent(asked)
        );
        return leave("flat_spectrum", reason);
    }
    let (method, why) = method(facts);
    let faster = faster_batches(facts);
    let smaller = format!(
        "Rank {rank} has an error of {} and stores {} of the numbers.",
        percent(error),
        percent(tolerance.parameters as f64 / parameters as f64)
    );
    let (verdict, time) = if faster.is_empty() {
        (
            "smaller",
            " It saves storage, not time: on this machine the pair is slower for every batch measured.".to_owned(),
        )
    } else {
        ("smaller_and_faster", format!(" It is faster on this machine for batches of {}.", faster.join(", ")))
    };
    Recommendation {
        factor: true,
        rank: Some(rank),
        method: Some(method),
        verdict,
        reason: smaller + &time + " " + &why,
    }
}

/// The batches for which the rank lies below the break-even in time.
fn faster_batches(facts: &Facts<'_>) -> Vec<String> {
    let rank = facts.tolerance.rank;
    let times = facts.break_even.time.iter();
    times
        .filter(|batch| batch.break_even_rank.is_none_or(|even| rank < even))
        .map(|batch| batch.batch.to_string())
        .collect()
}

/// By size and decay: a sketch pays where the rank is a small part of a large matrix.
fn method(facts: &Facts<'_>) -> (&'static str, String) {
    const LARGE: usize = 512;
    const PART: usize = 4;
    let rank = facts.tolerance.rank;
    let size = facts.rows.min(facts.columns);
    if facts.attention {
        let reason = "This is attention of one text: to gain time, take such factors without forming the matrix \
                      (nystromformer and its kin), whose error is larger than this optimum; measure them with a spec.";
        return ("nystromformer", reason.to_owned());
    }
    if size < LARGE || rank * PART > size {
        let reason = if size < LARGE {
            format!("Take truncated_svd: with {size} on the short side the whole SVD is quick, and it is exact.")
        } else {
            format!("Take truncated_svd: rank {rank} is too large a part of {size} for a sketch to be quicker.")
        };
        return ("truncated_svd", reason);
    }
    let next = facts.spectrum.optimal_spectral_error(rank) / facts.spectrum.spectral_norm();
    let powers = if next > 0.1 { "2 power iterations, since the spectrum decays slowly" } else { "1 power iteration" };
    ("randomized_svd", format!("Take randomized_svd with {powers}: rank {rank} is a small part of {size}."))
}

/// `12 %`, `0.12 %`: three digits.
pub(super) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent == 0.0 {
        return "0 %".to_owned();
    }
    if percent < 1e-4 {
        return format!("{percent:.2e} %");
    }
    let digits = (2 - percent.abs().log10().floor() as i32).clamp(0, 12) as usize;
    format!("{percent:.digits$} %")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{linalg::Precision, metric::break_even_rank};

    fn of(
        values: &[f64],
        sides: [usize; 2],
        tolerance: f64,
        time_even: Option<usize>,
        noise_rank: usize,
    ) -> Recommendation {
        let [rows, columns] = sides;
        let spectrum = Spectrum::new(values.to_vec(), rows, columns, Precision::F32);
        let rank = spectrum.rank_within(tolerance);
        let error = spectrum.optimal_frobenius_error(rank) / spectrum.frobenius_norm();
        let time =
            vec![super::super::Batch { batch: 16, dense_seconds: 1.0, pairs: Vec::new(), break_even_rank: time_even }];
        recommend(&Facts {
            rows,
            columns,
            attention: false,
            spectrum: &spectrum,
            gavish_donoho: noise_rank,
            tolerance: Tolerance { asked: tolerance, rank, error, parameters: rank * (rows + columns) },
            break_even: &BreakEven { storage: break_even_rank(rows, columns), time },
        })
    }

    #[test]
    fn each_verdict_follows_from_its_reason() {
        let steep: Vec<f64> = (0..10).map(|j| 0.1_f64.powi(j)).collect();
        let verdict = |found: &Recommendation| (found.factor, found.rank, found.method, found.verdict);
        let found = of(&steep, [10, 10], 0.02, None, 3);
        assert_eq!(verdict(&found), (true, Some(2), Some("truncated_svd"), "smaller_and_faster"));
        assert!(
            found.reason.starts_with("Rank 2 has an error of 1.00 % and stores 40.0 % of the numbers."),
            "{}",
            found.reason
        );
        assert_eq!(verdict(&of(&steep, [10, 10], 0.02, Some(2), 3)), (true, Some(2), Some("truncated_svd"), "smaller"));
        // Rank 5 stores as much as the matrix.
        assert_eq!(verdict(&of(&steep, [10, 10], 1e-5, None, 3)), (false, None, None, "rank_too_high"));
        assert_eq!(verdict(&of(&[1.0; 10], [10, 10], 0.01, None, 0)), (false, None, None, "flat_spectrum"));
        assert_eq!(verdict(&of(&[1.0; 10], [10, 10], 0.9, None, 0)), (false, None, None, "flat_spectrum"));
        assert_eq!(verdict(&of(&[0.0; 10], [10, 10], 0.01, None, 0)), (false, None, None, "zero"));
        let vector = of(&[3.0], [1, 50], 0.01, None, 0);
        assert_eq!(verdict(&vector), (false, None, None, "rank_too_high"));
        assert_eq!(vector.reason, "It has 50 numbers, and already a pair of rank 1 would have 51.");
        let large: Vec<f64> = (0..600).map(|j| 0.5_f64.powi(j)).collect();
        assert_eq!(of(&large, [600, 900], 0.01, None, 5).method, Some("randomized_svd"));
    }

    #[test]
    fn percentages_have_three_digits() {
        assert_eq!(
            [0.0, 0.4, 0.0123, 1.0, 0.000_045_67, 1.234e-15].map(percent),
            ["0 %", "40.0 %", "1.23 %", "100 %", "0.00457 %", "1.23e-13 %"]
        );
    }
}

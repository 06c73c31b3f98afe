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
    /// In a word: `zero`, `rank_too_high`, `flat_spectrum`, `smaller`, `smaller_and_faster` (for one of the batches at least; the
    /// reason names them).
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

/// An error that is told with what it costs.
const CONSIDERABLE: f64 = 0.1;

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
    let mut smaller = format!(
        "Rank {rank} has an error of {} and stores {} of the numbers.",
        percent(error),
        percent(tolerance.parameters as f64 / parameters as f64)
    );
    if error > CONSIDERABLE {
        smaller += &format!(
            " That keeps {} of the energy and loses the rest: measure what the model makes of it (`compress`, `eval`) before it \
             is used.",
            percent(1.0 - error * error)
        );
    }
    let batches = |wanted: Option<bool>| -> Vec<String> {
        let times = facts.break_even.time.iter();
        times.filter(|batch| batch.is_faster_at(rank) == wanted).map(|batch| batch.batch.to_string()).collect()
    };
    let (faster, slower, open) = (batches(Some(true)), batches(Some(false)), batches(None));
    let mut time = Vec::new();
    for (batches, what) in [(&faster, "faster"), (&slower, "slower")] {
        if !batches.is_empty() {
            time.push(format!("{what} for batches of {}", batches.join(", ")));
        }
    }
    let mut time =
        if time.is_empty() { String::new() } else { format!(" On this machine it is {}.", time.join(" and ")) };
    if !open.is_empty() {
        time +=
            &format!(" Whether it is faster for batches of {} cannot be told: the intervals overlap.", open.join(", "));
    }
    let verdict = if faster.is_empty() { "smaller" } else { "smaller_and_faster" };
    Recommendation {
        factor: true,
        rank: Some(rank),
        method: Some(method),
        verdict,
        reason: smaller + &time + " " + &why,
    }
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
    use crate::{
        advise::{Batch, TimedRank},
        linalg::Precision,
        metric::break_even_rank,
        run::latency::Time,
    };

    fn of(values: &[f64], sides: [usize; 2], tolerance: f64, seconds: f64, noise_rank: usize) -> Recommendation {
        let [rows, columns] = sides;
        let spectrum = Spectrum::new(values.to_vec(), rows, columns, Precision::F32);
        let rank = spectrum.rank_within(tolerance);
        let error = spectrum.optimal_frobenius_error(rank) / spectrum.frobenius_norm();
        // The matrix takes a second, give or take a tenth.
        let around = |seconds: f64| Time { seconds, low: 0.9 * seconds, high: 1.1 * seconds };
        let pairs = vec![TimedRank { rank, time: around(seconds) }];
        let time = vec![Batch { batch: 16, dense: around(1.0), pairs, faster_up_to: None, slower_from: None }];
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
        let found = of(&steep, [10, 10], 0.02, 0.5, 3);
        assert_eq!(verdict(&found), (true, Some(2), Some("truncated_svd"), "smaller_and_faster"));
        assert!(
            found.reason.starts_with("Rank 2 has an error of 1.00 % and stores 40.0 % of the numbers."),
            "{}",
            found.reason
        );
        assert!(found.reason.contains("On this machine it is faster for batches of 16."), "{}", found.reason);
        let slower = of(&steep, [10, 10], 0.02, 2.0, 3);
        assert_eq!(verdict(&slower), (true, Some(2), Some("truncated_svd"), "smaller"));
        assert!(slower.reason.contains("slower for batches of 16"), "{}", slower.reason);
        let open = of(&steep, [10, 10], 0.02, 0.95, 3);
        assert_eq!(verdict(&open), (true, Some(2), Some("truncated_svd"), "smaller"));
        assert!(open.reason.contains("batches of 16 cannot be told"), "{}", open.reason);
        // Half of the norm is not given away without a word.
        let half: Vec<f64> = (0..10).map(|j| if j == 0 { 1.0 } else { 0.15 }).collect();
        let costly = of(&half, [10, 10], 0.5, 0.5, 3);
        assert!(costly.factor && costly.reason.contains("of the energy and loses the rest"), "{}", costly.reason);
        // Rank 5 stores as much as the matrix.
        assert_eq!(verdict(&of(&steep, [10, 10], 1e-5, 0.5, 3)), (false, None, None, "rank_too_high"));
        assert_eq!(verdict(&of(&[1.0; 10], [10, 10], 0.01, 0.5, 0)), (false, None, None, "flat_spectrum"));
        assert_eq!(verdict(&of(&[1.0; 10], [10, 10], 0.9, 0.5, 0)), (false, None, None, "flat_spectrum"));
        assert_eq!(verdict(&of(&[0.0; 10], [10, 10], 0.01, 0.5, 0)), (false, None, None, "zero"));
        let vector = of(&[3.0], [1, 50], 0.01, 0.5, 0);
        assert_eq!(verdict(&vector), (false, None, None, "rank_too_high"));
        assert_eq!(vector.reason, "It has 50 numbers, and already a pair of rank 1 would have 51.");
        let large: Vec<f64> = (0..600).map(|j| 0.5_f64.powi(j)).collect();
        assert_eq!(of(&large, [600, 900], 0.01, 0.5, 5).method, Some("randomized_svd"));
    }

    #[test]
    fn percentages_have_three_digits() {
        assert_eq!(
            [0.0, 0.4, 0.0123, 1.0, 0.000_045_67, 1.234e-15].map(percent),
            ["0 %", "40.0 %", "1.23 %", "100 %", "0.00457 %", "1.23e-13 %"]
        );
    }
}

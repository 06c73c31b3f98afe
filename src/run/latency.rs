//! Medians of short pieces of work, taken against one another outside of any experiment.
//!
//! Pieces take turns, round by round, so that a drift of the machine hits all alike; a piece that is over too soon for the clock
//! is done several times between two readings of it.

use std::time::{Duration, Instant};

use super::{interrupt, timing::clocked};

/// A reading of the clock covers at least this much work.
const LEAST: Duration = Duration::from_micros(200);
/// Rounds of which the median is taken.
const ROUNDS: usize = 15;

/// The median time of each piece of work, in seconds; `None` if a stop was asked for in between.
pub fn medians(pieces: &mut [Box<dyn FnMut() + '_>]) -> Option<Vec<f64>> {
    let times: Vec<u32> = pieces.iter_mut().map(times_to_fill_a_reading).collect();
    let mut readings = vec![Vec::with_capacity(ROUNDS); pieces.len()];
    for round in 0..ROUNDS {
        for turn in 0..pieces.len() {
            if interrupt::requested() {
                return None;
            }
            // Another one begins each round.
            let piece = (turn + round) % pieces.len();
            let ((), elapsed) = clocked(|| (0..times[piece]).for_each(|_| pieces[piece]()));
            readings[piece].push(elapsed.as_secs_f64() / f64::from(times[piece]));
        }
    }
    Some(readings.into_iter().map(median).collect())
}

/// Warms up, too.
fn times_to_fill_a_reading(piece: &mut Box<dyn FnMut() + '_>) -> u32 {
    let mut times = 1;
    loop {
        let start = Instant::now();
        (0..times).for_each(|_| piece());
        if start.elapsed() >= LEAST || times >= 1 << 16 {
            return times;
        }
        times *= 2;
    }
}

/// Of an odd number of readings.
fn median(mut readings: Vec<f64>) -> f64 {
    readings.sort_by(f64::total_cmp);
    readings[readings.len() / 2]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_work_that_sleeps_is_how_long_it_sleeps_at_least() {
        let sleep = |milliseconds| -> Box<dyn FnMut()> {
            Box::new(move || std::thread::sleep(Duration::from_millis(milliseconds)))
        };
        let medians = medians(&mut [sleep(1), sleep(4)]).unwrap();
        assert!(medians[0] >= 0.001 && medians[1] >= 0.004 && medians[1] > medians[0], "{medians:?}");
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
    }
}

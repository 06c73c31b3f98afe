//! Times of short pieces of work, with their intervals, taken against one another outside of any experiment.
//!
//! Pieces take turns, round by round, so that a drift of the machine hits all alike; a piece that is over too soon for the clock
//! is done several times between two readings of it.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::{interrupt, timing::clocked};
use crate::table::median_interval;

/// A reading of the clock covers at least this much work.
const LEAST: Duration = Duration::from_micros(200);
/// Rounds of which the median is taken, with an interval for it.
const ROUNDS: usize = 31;

/// The median of some times, in seconds, with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Time {
    pub seconds: f64,
    pub low: f64,
    pub high: f64,
}

impl Time {
    /// Whether it is less than another: its whole interval lies below; or more; `None` if that cannot be told.
    #[must_use]
    pub fn is_less_than(&self, other: &Self) -> Option<bool> {
        match (self.high < other.low, self.low > other.high) {
            (true, _) => Some(true),
            (_, true) => Some(false),
            _ => None,
        }
    }
}

/// The time of each piece of work; `None` if a stop was asked for in between.
pub fn times(pieces: &mut [Box<dyn FnMut() + '_>]) -> Option<Vec<Time>> {
    let counts: Vec<u32> = pieces.iter_mut().map(times_to_fill_a_reading).collect();
    let mut readings = vec![Vec::with_capacity(ROUNDS); pieces.len()];
    for round in 0..ROUNDS {
        for turn in 0..pieces.len() {
            if interrupt::requested() {
                return None;
            }
            // Another one begins each round.
            let piece = (turn + round) % pieces.len();
            let ((), elapsed) = clocked(|| (0..counts[piece]).for_each(|_| pieces[piece]()));
            readings[piece].push(elapsed.as_secs_f64() / f64::from(counts[piece]));
        }
    }
    Some(readings.into_iter().map(time).collect())
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
fn time(mut readings: Vec<f64>) -> Time {
    readings.sort_by(f64::total_cmp);
    let (low, high) = median_interval(readings.len()).unwrap_or((1, readings.len()));
    Time { seconds: readings[readings.len() / 2], low: readings[low - 1], high: readings[high - 1] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_work_that_sleeps_is_how_long_it_sleeps_at_least() {
        let sleep = |milliseconds| -> Box<dyn FnMut()> {
            Box::new(move || std::thread::sleep(Duration::from_millis(milliseconds)))
        };
        let found = times(&mut [sleep(1), sleep(4)]).unwrap();
        assert!(found[0].low >= 0.001 && found[1].low >= 0.004 && found[1].seconds > found[0].seconds, "{found:?}");
        assert_eq!(time(vec![3.0, 1.0, 2.0]), Time { seconds: 2.0, low: 1.0, high: 3.0 });
    }

    #[test]
    fn times_whose_intervals_overlap_cannot_be_told_apart() {
        let time = |low, high| Time { seconds: f64::midpoint(low, high), low, high };
        assert_eq!(time(1.0, 2.0).is_less_than(&time(3.0, 4.0)), Some(true));
        assert_eq!(time(3.0, 4.0).is_less_than(&time(1.0, 2.0)), Some(false));
        assert_eq!(time(1.0, 3.0).is_less_than(&time(2.0, 4.0)), None);
    }
}

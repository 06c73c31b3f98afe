//! The Rust half of `contest.py`: a contestant that waits on its standard input and answers each line `RUNS REQUEST...` with one
//! line of JSON.
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on says so by panicking")]

use std::{
    io::{BufRead, Write},
    time::Instant,
};

use faer::Par;

/// Of a contestant without an argument for it: what the program itself takes, every thread of the machine.
pub fn parallelism(threads: Option<&String>) -> Par {
    match threads.map(|threads| threads.parse().unwrap()) {
        Some(1) => Par::Seq,
        Some(threads) => Par::rayon(threads),
        None => Par::rayon(0),
    }
}

/// Times `run` as often as `RUNS` says, and adds the number `value` finds in the last result, outside the clocks.
pub fn timed<R>(runs: usize, mut run: impl FnMut() -> R, value: impl FnOnce(R) -> f64) -> String {
    let mut seconds = Vec::new();
    let mut last = None;
    for _ in 0..runs {
        let start = Instant::now();
        let result = run();
        seconds.push(start.elapsed().as_secs_f64());
        last = Some(result);
    }
    serde_json::json!({ "seconds": seconds, "value": value(last.unwrap()) }).to_string()
}

pub fn serve(mut answer: impl FnMut(usize, &[&str]) -> String) {
    for line in std::io::stdin().lock().lines() {
        let line = line.unwrap();
        let words: Vec<&str> = line.split_whitespace().collect();
        println!("{}", answer(words[0].parse().unwrap(), &words[1..]));
        std::io::stdout().flush().unwrap();
    }
}

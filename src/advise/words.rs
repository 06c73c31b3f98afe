//! Advice as a person reads it.

use std::fmt;

use super::{Advice, Batch, recommendation::percent};
use crate::run::latency::Time;

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            file,
            name,
            kind,
            rows,
            columns,
            parameters,
            spectrum,
            ranks,
            tolerance,
            break_even,
            recommendation,
        } = self;
        let of = if *kind == "attention" { "attention matrix of " } else { "" };
        let space = if name.is_empty() { "" } else { " in " };
        writeln!(f, "{of}{name}{space}{file}: {rows}×{columns}, {parameters} numbers\n")?;
        writeln!(
            f,
            "singular values  largest {:.4e}, median {:.4e}, smallest {:.4e}; Frobenius norm {:.4e}",
            spectrum.largest, spectrum.median, spectrum.smallest, spectrum.frobenius_norm
        )?;
        let decay: Vec<String> =
            spectrum.decay.iter().map(|point| format!("σ{} {:.2e}", point.index, point.share_of_largest)).collect();
        writeln!(f, "decay            of σ1: {}", decay.join(", "))?;
        writeln!(
            f,
            "rank             numerical {}, effective {:.1}, stable {:.1}, out of noise {} (Gavish & Donoho)",
            ranks.numerical, ranks.effective, ranks.stable, ranks.gavish_donoho
        )?;
        writeln!(
            f,
            "energy           90 % in rank {}, 99 % in {}, 99.9 % in {}",
            ranks.energy_90, ranks.energy_99, ranks.energy_99_9
        )?;
        writeln!(
            f,
            "tolerance        {} takes rank {} (error {}), {} numbers",
            percent(tolerance.asked),
            tolerance.rank,
            percent(tolerance.error),
            tolerance.parameters
        )?;
        writeln!(f, "break-even       in storage at rank {}", break_even.storage)?;
        for batch in &break_even.time {
            writeln!(f, "                 {}", times(batch))?;
        }
        let answer = match (recommendation.factor, recommendation.rank) {
            (true, Some(rank)) => format!("Factor it, at rank {rank}."),
            _ => "Do not factor this.".to_owned(),
        };
        writeln!(f, "\n{answer} {}", recommendation.reason)
    }
}

fn times(batch: &Batch) -> String {
    let faster =
        batch.faster_up_to.map_or("faster at no rank for sure".to_owned(), |rank| format!("faster up to rank {rank}"));
    let slower =
        batch.slower_from.map_or("slower at none for sure".to_owned(), |rank| format!("slower from rank {rank}"));
    let micro = |time: &Time| {
        let Time { seconds, low, high } = time;
        format!("{:.1} µs [{:.1}, {:.1}]", seconds * 1e6, low * 1e6, high * 1e6)
    };
    let ranks: Vec<String> = batch.pairs.iter().map(|pair| format!("{} {}", pair.rank, micro(&pair.time))).collect();
    format!(
        "in time {faster}, {slower}, batch {}: {} whole; by rank {}",
        batch.batch,
        micro(&batch.dense),
        ranks.join(", ")
    )
}

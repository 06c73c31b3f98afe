//! Advice as a person reads it.

use std::fmt;

use super::{Advice, Batch, recommendation::percent};

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
    let even = match batch.break_even_rank {
        Some(0) => "at no rank measured".to_owned(),
        Some(rank) => format!("at rank {rank}"),
        None => "beyond every rank measured".to_owned(),
    };
    let micro = |seconds: f64| format!("{:.1} µs", seconds * 1e6);
    let ranks: Vec<String> = batch.pairs.iter().map(|pair| format!("{} {}", pair.rank, micro(pair.seconds))).collect();
    format!("in time {even}, batch {}: {} whole; by rank {}", batch.batch, micro(batch.dense_seconds), ranks.join(", "))
}

//! A target rank as a spec asks for it: a number, or a share of what a matrix has.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value;

use crate::metric::Spectrum;

/// k, or what gives it for each m×n matrix. Relative ranks are rounded down, and are at least 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rank {
    Count(usize),
    /// `"5 %"` of min(m, n).
    Share(f64),
    /// `"0.5 break-even"`: of mn/(m + n), where a pair stores as much as the matrix.
    BreakEven(f64),
    /// `"energy 0.99"`: the least that keeps this share of the sum of the squared singular values.
    Energy(f64),
}

/// Something of each form.
pub const FORMS: &str =
    "an integer of 1 or more, `\"5 %\"` (of min(m, n)), `\"0.5 break-even\"` (of mn/(m + n)) or `\"energy 0.99\"`";

/// Shares that are written in decimals, `0.29 · 100`, may fall a rounding short of the integer that is meant.
const ROUNDING: f64 = 1e-9;

impl Rank {
    /// Reads the words of a relative rank.
    ///
    /// # Errors
    /// What is wrong with them, as a clause.
    pub fn read(text: &str) -> Result<Self, String> {
        let number = |digits: &str| digits.trim().parse::<f64>().ok().filter(|number| number.is_finite());
        let text = text.trim();
        let (form, value, most): (fn(f64) -> Self, _, _) = if let Some(digits) = text.strip_suffix('%') {
            (|percent| Self::Share(percent / 100.0), number(digits), 100.0)
        } else if let Some(digits) = text.strip_suffix("break-even") {
            (Self::BreakEven, number(digits), f64::MAX)
        } else if let Some(digits) = text.strip_prefix("energy") {
            (Self::Energy, number(digits), 1.0)
        } else {
            return Err("is no rank".to_owned());
        };
        match value {
            None => Err("has no number that can be read".to_owned()),
            Some(value) if value <= 0.0 => Err("must be above 0".to_owned()),
            Some(value) if value > most => Err(match most {
                100.0 => "is more than 100 % of the matrix".to_owned(),
                _ => "is more than all the energy there is, which is 1".to_owned(),
            }),
            Some(value) => Ok(form(value)),
        }
    }

    /// As [`Value`]s of a spec hold it, once it was read.
    #[must_use]
    pub fn of_value(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => Self::read(text).ok(),
            number => Some(Self::Count(usize::try_from(number.as_u64()?).ok()?)),
        }
    }

    /// The rank it asks of an m×n matrix; `None` if that takes its singular values.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "sides of a matrix in memory")]
    pub fn of_shape(self, rows: usize, columns: usize) -> Option<usize> {
        let (m, n) = (rows as f64, columns as f64);
        match self {
            Self::Count(rank) => Some(rank),
            Self::Share(share) => Some(down(share * m.min(n))),
            Self::BreakEven(share) => Some(down(share * m * n / (m + n))),
            Self::Energy(_) => None,
        }
    }

    /// The rank it asks of a matrix with these singular values.
    #[must_use]
    pub fn of_spectrum(self, rows: usize, columns: usize, spectrum: &Spectrum) -> usize {
        match self {
            Self::Energy(share) => spectrum.energy_rank(share).max(1),
            shape => shape.of_shape(rows, columns).unwrap_or(1),
        }
    }

    #[must_use]
    pub fn is_relative(self) -> bool {
        !matches!(self, Self::Count(_))
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive, and of the size of a matrix")]
fn down(rank: f64) -> usize {
    ((rank * (1.0 + ROUNDING)).floor() as usize).max(1)
}

impl fmt::Display for Rank {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(rank) => write!(f, "{rank}"),
            // A hundredth that was written in percent comes back as it was written.
            Self::Share(share) => {
                write!(f, "{} %", format!("{:.12}", share * 100.0).trim_end_matches('0').trim_end_matches('.'))
            }
            Self::BreakEven(share) => write!(f, "{share} break-even"),
            Self::Energy(share) => write!(f, "energy {share}"),
        }
    }
}

impl JsonSchema for Rank {
    fn schema_name() -> Cow<'static, str> {
        "Rank".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "rank": true, "anyOf": [
            { "type": "integer", "minimum": 1 },
            { "type": "string", "pattern": "^ *([0-9.]+ *%|[0-9.]+ *break-even|energy +[0-9.]+) *$" },
        ] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::Precision;

    #[test]
    fn ranks_are_read_as_they_are_written() {
        for (text, rank, again) in [
            ("5 %", Rank::Share(0.05), "5 %"),
            ("12.5%", Rank::Share(0.125), "12.5 %"),
            (" 0.1 % ", Rank::Share(0.001), "0.1 %"),
            ("100 %", Rank::Share(1.0), "100 %"),
            ("0.5 break-even", Rank::BreakEven(0.5), "0.5 break-even"),
            ("energy 0.99", Rank::Energy(0.99), "energy 0.99"),
        ] {
            assert_eq!(Rank::read(text), Ok(rank), "{text}");
            assert_eq!(rank.to_string(), again);
        }
        for text in
            ["", "5", "five %", "%", "0 %", "-1 %", "110 %", "nan %", "energy", "energy 1.5", "energy 0", "break-even"]
        {
            assert!(Rank::read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn relative_ranks_are_rounded_down_and_at_least_one() {
        let of = |text: &str, m, n| Rank::read(text).unwrap().of_shape(m, n);
        assert_eq!(of("5 %", 64, 64), Some(3));
        assert_eq!(of("1 %", 64, 300), Some(1));
        assert_eq!(of("29 %", 100, 100), Some(29));
        assert_eq!(of("100 %", 48, 64), Some(48));
        // 64·32/96 = 21.33.
        assert_eq!(of("1 break-even", 64, 32), Some(21));
        assert_eq!(of("0.5 break-even", 64, 32), Some(10));
        assert_eq!(of("energy 0.9", 64, 32), None);
        // Squares 16, 4, 1 of 21.
        let spectrum = Spectrum::new(vec![4.0, 2.0, 1.0], 3, 3, Precision::F64);
        let energy = |share| Rank::Energy(share).of_spectrum(3, 3, &spectrum);
        assert_eq!([0.5, 0.76, 0.77, 0.95, 0.96, 1.0].map(energy), [1, 1, 2, 2, 3, 3]);
    }
}

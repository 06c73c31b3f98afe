//! What a sweep of a length or a temperature says, from the CSV files alone.

use std::collections::BTreeMap;

use factoreo::table::{log_log_slope, mean_log_log_slope, without_parameter};

use super::{
    csv::{Row, median},
    facts::{Fact, swept, unit_of},
    prose::What,
};

/// Values along a length or a temperature, and the exponents they grow with over the five largest.
pub fn of_sweep(summary: &[Row<'_>], matrices: &[Row<'_>], parameter: &str) -> Vec<Fact> {
    let mut facts = Vec::new();
    let mut places: Vec<f64> =
        matrices.iter().filter_map(|row| swept(row.text("problem_variant"), parameter)).collect();
    places.sort_by(f64::total_cmp);
    places.dedup();
    let Some(&from) = places.get(places.len().saturating_sub(5)).filter(|_| places.len() > 2) else { return facts };
    let slope = |points: &[(f64, f64)]| {
        let slope = log_log_slope(points.iter().copied().filter(|(at, _)| *at >= from))?;
        Some(Fact { ends: slope.interval, ..Fact::of(slope.value, What::Any) })
    };
    let mut series: BTreeMap<[&str; 3], Vec<(f64, f64)>> = BTreeMap::new();
    let (mut kinds, mut low_rank) = (BTreeMap::new(), Vec::new());
    for row in summary {
        let quantity = row.text("quantity");
        let at = swept(row.text("problem_variant"), parameter);
        if let (Some(at), Some(value), true) =
            (at, row.number("median"), quantity.starts_with("output_") || quantity.starts_with("relative_"))
        {
            let method = [row.text("method"), row.text("method_variant"), quantity];
            series.entry(method).or_default().push((at, value));
            kinds.insert([row.text("method"), row.text("method_variant")], row.text("method_kind"));
        }
    }
    for (key, points) in &series {
        for &place in &places {
            let here: Vec<f64> = points.iter().filter(|(at, _)| *at == place).map(|(_, value)| *value).collect();
            let unit = unit_of(key[2]);
            facts.extend(median(here).map(|value| Fact { unit, place: Some(place), ..Fact::of(value, What::Any) }));
        }
        facts.extend(slope(points));
        if key[2] == "output_seconds" {
            let exact = kinds.iter().find(|(_, kind)| **kind == "exact_attention").map(|(key, _)| *key);
            let exact = exact.and_then(|[method, variant]| series.get(&[method, variant, "output_seconds"]));
            for (at, other) in exact.into_iter().flatten() {
                let here = points.iter().find(|(place, _)| place == at);
                facts.extend(here.map(|(_, own)| Fact { place: Some(*at), ..Fact::of(other / own, What::Any) }));
            }
            if !matches!(kinds[&[key[0], key[1]]], "exact_attention" | "top_k" | "sliding_window" | "truncated_svd") {
                low_rank.push(key);
            }
        }
    }
    facts.push(Fact::of(low_rank.len() as f64, What::Methods));
    facts.extend(
        places.iter().map(|&place| Fact::of(place, if parameter == "length" { What::Tokens } else { What::Any })),
    );
    for name in ["rank_energy_90", "rank_energy_99", "rank_energy_999"] {
        let points: Vec<(f64, f64)> = matrices
            .iter()
            .filter_map(|row| Some((swept(row.text("problem_variant"), parameter)?, row.number(name)?)))
            .collect();
        for &place in &places {
            let here = points.iter().filter(|(at, _)| *at == place).map(|(_, rank)| *rank).collect();
            facts.extend(median(here).map(|rank| Fact::of(rank, What::Any)));
        }
        // Of each matrix by itself.
        let mut curves: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
        for row in matrices {
            let variant = row.text("problem_variant");
            let point = swept(variant, parameter).filter(|at| *at >= from).zip(row.number(name));
            curves.entry(without_parameter(variant, parameter)).or_default().extend(point);
        }
        let mean = mean_log_log_slope(curves.into_values());
        facts.extend(mean.map(|slope| Fact { ends: slope.interval, ..Fact::of(slope.value, What::Any) }));
    }
    facts
}

//! The tables of weight matrices: by matrix, by layer, what pairs store, and how long they take.

use serde::Serialize;

use super::{break_even, gaussian, half, is_baseline, latency::Latency, layer, shared, tensor};
use crate::{
    report::{
        comparison::compare,
        document::{Item, MethodName, Table, Text, Verdict},
        survey::{Family, Method, Survey, median},
        wording::label,
    },
    table::{MatrixRow, evenly},
};

/// Ranks of a table of times, beside its four other columns.
const RANKS_SHOWN: usize = 6;

/// Every table about the weights of a family; those without a single number are left out.
pub fn tables(survey: &Survey<'_>, family: &Family<'_>) -> Vec<Table> {
    let paper = Paper { survey, family };
    [paper.by_matrix(), paper.by_layer(), paper.storage(), paper.latency()].into_iter().flatten().collect()
}

struct Paper<'p, 'a> {
    survey: &'p Survey<'a>,
    family: &'p Family<'a>,
}

#[derive(Serialize)]
struct Caption<'a> {
    family: &'a str,
    precision: &'a str,
    /// The outputs are those on a text nothing was fitted to.
    held_out: bool,
    /// There are Gaussian matrices to compare with.
    beside: bool,
    /// There are output errors at half the break-even rank.
    errors: bool,
    /// What was timed.
    method: Option<MethodName>,
    /// What stands before and behind the names in the table: `encoder.layer.` and `.weight`.
    shared: Option<(String, String)>,
}

/// What the caption of one table says beside what all of them say.
#[derive(Default)]
struct Said {
    method: Option<MethodName>,
    shared: Option<(String, String)>,
}

#[derive(Serialize)]
struct Both {
    own: Option<u64>,
    other: Option<u64>,
}

impl<'a> Paper<'_, 'a> {
    fn table(&self, topic: &str, header: Vec<Item>, rows: Vec<Vec<Item>>, said: Said) -> Option<Table> {
        let family = self.family;
        let caption = Caption {
            family: &family.name,
            precision: family.precision,
            held_out: family.is_judged_on_text(),
            beside: family.distinct().iter().any(|matrix| gaussian(self.survey.results, matrix).is_some()),
            errors: !self.judged().is_empty(),
            method: said.method,
            shared: said.shared,
        };
        (!rows.is_empty()).then(|| Table {
            label: label(topic, &self.survey.results.name, &family.name, family.precision),
            caption: Text::new(format!("caption.{topic}"), caption),
            header,
            rows,
        })
    }

    /// The methods that have an output error at half the break-even rank of some matrix.
    fn judged(&self) -> Vec<&Method<'a>> {
        let distinct = self.family.distinct();
        let has = |method: &&Method<'a>| {
            !is_baseline(method) && distinct.iter().any(|matrix| method.output_error(matrix, half(matrix)).is_some())
        };
        self.family.methods.iter().filter(has).collect()
    }

    fn by_matrix(&self) -> Option<Table> {
        let methods = self.judged();
        let mut header: Vec<Item> =
            ["column.matrix", "column.size", "column.break_even", "column.energy_90", "column.energy_99"]
                .map(Item::Word)
                .to_vec();
        header.extend(methods.iter().map(|method| Item::Method(method.name())));
        let matrices = self.family.distinct();
        let names: Vec<String> = matrices.iter().map(|matrix| tensor(matrix)).collect();
        // As code, which names of any letters might leave.
        let plain = |name: &String| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        let (front, back) = if names.iter().all(plain) { shared(&names) } else { Default::default() };
        let row = |(matrix, name): (&&MatrixRow, &String)| {
            let other = gaussian(self.survey.results, matrix);
            let both = |rank: fn(&MatrixRow) -> Option<u64>| {
                Item::Text(Text::new("cell.beside", Both { own: rank(matrix), other: other.and_then(rank) }))
            };
            let mut row = vec![
                Item::Quoted(name[front.len()..name.len() - back.len()].to_owned()),
                Item::Size(matrix.rows, matrix.columns),
                Item::Count(Some(break_even(matrix))),
                both(|matrix| matrix.rank_energy_90),
                both(|matrix| matrix.rank_energy_99),
            ];
            row.extend(methods.iter().map(|method| Item::Percent(method.output_error(matrix, half(matrix)), 3)));
            row
        };
        let rows = matrices.iter().zip(&names).map(row).collect();
        let shared = (!front.is_empty() || !back.is_empty()).then_some((front, back));
        self.table("weights", header, rows, Said { shared, ..Said::default() })
    }

    /// Medians over the matrices of a layer; of a family with several layers.
    fn by_layer(&self) -> Option<Table> {
        let mut layers: Vec<(String, Vec<&MatrixRow>)> = Vec::new();
        for matrix in self.family.distinct() {
            let name = tensor(matrix);
            let layer = layer(&name)?;
            match layers.iter_mut().find(|(known, _)| known == layer) {
                Some((_, matrices)) => matrices.push(matrix),
                None => layers.push((layer.to_owned(), vec![matrix])),
            }
        }
        if layers.len() < 2 || layers.iter().all(|(_, matrices)| matrices.len() < 2) {
            return None;
        }
        let methods = self.judged();
        let mut header: Vec<Item> =
            ["column.layer", "column.matrices", "column.share_90", "column.share_99"].map(Item::Word).to_vec();
        header.extend(methods.iter().map(|method| Item::Method(method.name())));
        let row = |(name, matrices): &(String, Vec<&MatrixRow>)| {
            let share = |rank: fn(&MatrixRow) -> Option<u64>| {
                let share = |matrix: &&MatrixRow| Some(rank(matrix)? as f64 / matrix.rows.min(matrix.columns) as f64);
                Item::Percent(median(matrices.iter().filter_map(share).collect()), 3)
            };
            let error = |method: &&Method<'a>| {
                let errors = matrices.iter().filter_map(|matrix| method.output_error(matrix, half(matrix)));
                Item::Percent(median(errors.collect()), 3)
            };
            let mut row = vec![
                Item::Quoted(name.clone()),
                Item::Count(Some(matrices.len() as u64)),
                share(|matrix| matrix.rank_energy_90),
                share(|matrix| matrix.rank_energy_99),
            ];
            row.extend(methods.iter().map(error));
            row
        };
        self.table("weights_by_layer", header, layers.iter().map(row).collect(), Said::default())
    }

    /// What a pair stores and multiplies, beside the matrix, by shape and rank.
    fn storage(&self) -> Option<Table> {
        let mut shapes: Vec<&MatrixRow> = Vec::new();
        for matrix in self.family.distinct() {
            if !shapes.iter().any(|known| (known.rows, known.columns) == (matrix.rows, matrix.columns)) {
                shapes.push(matrix);
            }
        }
        let mut rows = Vec::new();
        for matrix in shapes {
            let dense = matrix.rows * matrix.columns;
            let pairs = self.family.methods.iter().filter(|method| !is_baseline(method));
            let cells = pairs.flat_map(|method| method.completed());
            let mut cells: Vec<_> = cells.filter(|cell| cell.problem_variant == matrix.problem_variant).collect();
            cells.sort_by_key(|cell| cell.target_rank);
            cells.dedup_by_key(|cell| cell.target_rank);
            for cell in cells {
                let Some(parameters) = cell.parameters else { continue };
                rows.push(vec![
                    Item::Size(matrix.rows, matrix.columns),
                    Item::Count(Some(cell.target_rank)),
                    Item::Percent(Some(cell.target_rank as f64 / matrix.rows.min(matrix.columns) as f64), 3),
                    Item::Count(Some(parameters)),
                    Item::Percent(Some(parameters as f64 / dense as f64), 3),
                    Item::Bytes(cell.bytes),
                    Item::Flops(Some(2 * parameters)),
                ]);
            }
        }
        let words = [
            "column.size",
            "column.target_rank",
            "column.rank_share",
            "column.parameters",
            "column.of_matrix",
            "column.bytes",
            "column.flops_per_token",
        ];
        self.table("storage", words.map(Item::Word).to_vec(), rows, Said::default())
    }

    /// Times to apply the pair at each rank, marked against the matrix itself.
    fn latency(&self) -> Option<Table> {
        let (method, all) = Latency::of_family(self.survey, self.family)?;
        let ranks = evenly(&self.family.ranks, RANKS_SHOWN);
        let mut header = vec![Item::Word("column.size"), Item::Word("column.tokens"), Item::Word("column.dense")];
        header.extend(
            ranks
                .iter()
                .map(|&rank| Item::Text(Text::new("column.rank", std::collections::BTreeMap::from([("rank", rank)])))),
        );
        header.extend(["column.pays_in_storage", "column.pays_in_time"].map(Item::Word));
        let row = |latency: &Latency<'_>| {
            let mut row = vec![
                Item::Size(latency.matrix.rows, latency.matrix.columns),
                Item::Count(latency.batch),
                Item::Seconds(Some(latency.dense.median), Verdict::Unknown),
            ];
            for rank in &ranks {
                let time = latency.pairs.iter().find(|(known, _)| known == rank).map(|(_, time)| *time);
                let verdict = time.map_or(Verdict::Unknown, |time| compare(time, latency.dense));
                row.push(Item::Seconds(time.map(|time| time.median), verdict));
            }
            row.push(Item::Count(Some(break_even(latency.matrix))));
            row.push(Item::Count(latency.pays_up_to()));
            row
        };
        let said = Said { method: Some(method), ..Said::default() };
        self.table("latency", header, all.iter().map(row).collect(), said)
    }
}

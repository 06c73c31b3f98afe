//! Names of tensors with `*`: which of a file's matrices they mean.

use std::{cmp::Ordering, path::Path};

use serde_json::Value;

use super::{
    diagnostic::{Diagnostic, Problems},
    files::{TensorFiles, is_usable},
    grid::Grid,
    tree::Span,
};

/// What the schema of a field says that holds names of tensors: the field that names their file.
const KEYWORD: &str = "tensors_of";

/// Names a message lists.
const LISTED: usize = 5;

/// Replaces every name with `*` by the names of the matrices it matches, in the order people count. A table of which a pattern
/// matches nothing is reported and left out; files that cannot be read are left to who reads them.
pub(super) fn expand_patterns(grids: &mut Vec<Grid>, root: &Path, files: &dyn TensorFiles, problems: &mut Problems) {
    grids.retain_mut(|grid| {
        let held = grid.properties.iter().find_map(|property| {
            let file = property.schema[KEYWORD].as_str()?;
            Some((property.name.clone(), file.to_owned()))
        });
        let Some((tensor, file)) = held else { return true };
        let Some(paths) = grid.axes.iter().find(|axis| axis.name == file) else { return true };
        let paths: Vec<String> = paths.values().filter_map(|(path, _)| path.as_str().map(str::to_owned)).collect();
        let Some(axis) = grid.axes.iter_mut().find(|axis| axis.name == tensor) else { return true };
        let is_pattern = |value: &Value| value.as_str().is_some_and(|name| name.contains('*'));
        if !axis.values().any(|(value, _)| is_pattern(&value)) {
            return true;
        }
        let mut names = Vec::new();
        for path in &paths {
            match is_usable(root, path).then(|| files.matrices(path)) {
                Some(Ok(found)) => names.extend(found),
                _ => return true,
            }
        }
        names.sort_by(|a, b| in_order_of_counting(a, b));
        names.dedup();
        let mut expanded: Vec<(Value, Span)> = Vec::new();
        let mut matched_nothing = false;
        for (value, span) in axis.values() {
            let values = match value.as_str() {
                Some(pattern) if pattern.contains('*') => {
                    let matching: Vec<Value> =
                        names.iter().filter(|name| matches(pattern, name)).map(|name| name.as_str().into()).collect();
                    if matching.is_empty() {
                        problems.push(nothing_matches(pattern, &paths, &names, span));
                        matched_nothing = true;
                    }
                    matching
                }
                _ => vec![value],
            };
            // A name that two patterns mean is one matrix.
            for value in values {
                if !expanded.iter().any(|(known, _)| *known == value) {
                    expanded.push((value, span.clone()));
                }
            }
        }
        if matched_nothing {
            return false;
        }
        axis.list(expanded);
        true
    });
}

fn nothing_matches(pattern: &str, paths: &[String], names: &[String], span: &Span) -> Diagnostic {
    let paths: Vec<String> = paths.iter().map(|path| format!("`{}`", path.escape_debug())).collect();
    let title = format!("no matrix in {} has a name like `{}`", paths.join(" and "), pattern.escape_debug());
    // Spread over the file, so that its kinds of names show.
    let step = names.len().div_ceil(LISTED).max(1);
    let listed: Vec<String> = names.iter().step_by(step).map(|name| format!("`{}`", name.escape_debug())).collect();
    let help = match listed.len() {
        0 => "name a file that holds matrices".to_owned(),
        _ => format!("there are {} matrices, such as {}", names.len(), listed.join(", ")),
    };
    Diagnostic::new(span, title, "matches nothing", help)
}

/// Whether a name is a pattern's, `*` standing for any letters, or none.
fn matches(pattern: &str, name: &str) -> bool {
    let mut pieces = pattern.split('*');
    let Some(mut rest) = pieces.next().and_then(|first| name.strip_prefix(first)) else { return false };
    let pieces: Vec<&str> = pieces.collect();
    let Some((last, between)) = pieces.split_last() else { return rest.is_empty() };
    // The first place that fits leaves most to the pieces after it.
    for piece in between {
        match rest.find(piece) {
            Some(start) => rest = &rest[start + piece.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// `layer.2` before `layer.10`.
fn in_order_of_counting(a: &str, b: &str) -> Ordering {
    let number = |text: &str| text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let (mut left, mut right) = (a, b);
    loop {
        let (digits, other_digits) = (number(left), number(right));
        if digits > 0 && other_digits > 0 {
            let (one, other) = (left[..digits].trim_start_matches('0'), right[..other_digits].trim_start_matches('0'));
            let order = one.len().cmp(&other.len()).then(one.cmp(other));
            if order != Ordering::Equal {
                return order;
            }
            (left, right) = (&left[digits..], &right[other_digits..]);
            continue;
        }
        match (left.chars().next(), right.chars().next()) {
            (Some(one), Some(other)) if one == other => {
                (left, right) = (&left[one.len_utf8()..], &right[other.len_utf8()..]);
            }
            (one, other) => return one.cmp(&other).then(a.cmp(b)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_letters() {
        for (pattern, name, expected) in [
            ("encoder.layer.*.weight", "encoder.layer.0.output.dense.weight", true),
            ("encoder.layer.*.weight", "encoder.layer.weight", false),
            ("*.weight", ".weight", true),
            ("*", "", true),
            ("a*b*b", "abb", true),
            ("a*b*b", "ab", false),
            ("*query*", "layer.1.query.weight", true),
            ("a*", "ba", false),
            ("x", "x", true),
            ("x", "xy", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn names_come_in_the_order_people_count() {
        let mut names = ["l.10.a", "l.9.b", "l.9.a", "l.01.a", "l.1.a", "k", "l.1"];
        names.sort_by(|a, b| in_order_of_counting(a, b));
        assert_eq!(names, ["k", "l.1", "l.01.a", "l.1.a", "l.9.a", "l.9.b", "l.10.a"]);
    }
}

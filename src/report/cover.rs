//! What opens a report: the cover, from the fields of `coursework.toml` in the order of the page, and the mark of what is no whole report.

use super::document::{Block, Cover, Document, Field, Text};
use crate::spec::Coursework;

/// A line to fill in by hand.
pub const BLANK: &str = "________________";

/// Puts a cover before everything else of a document.
pub fn open(document: &mut Document, coursework: &Coursework) {
    let title = document.blocks.iter().find_map(|block| match block {
        Block::Heading { level: 1, text } => Some(text.clone()),
        _ => None,
    });
    if let Some(title) = title {
        document.blocks.insert(0, Block::Cover(Cover { title, fields: fields(coursework) }));
    }
}

/// Says under the title that what follows is a part of what there is, or a first look.
pub fn mark(document: &mut Document, mark: Text) {
    let title = document.blocks.iter().position(|block| matches!(block, Block::Heading { level: 1, .. }));
    let after = title.map_or(0, |title| title + 1);
    document.blocks.insert(after, Block::Prose(mark));
}

fn fields(coursework: &Coursework) -> Vec<Field> {
    // Exhaustive: a field that is added must find its place here.
    let Coursework { institution, faculty, course, activity, teacher, author, student_id, date } = coursework;
    let written = |text: &String| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let field = |label, text| Some(Field { label, value: written(text) });
    let if_given = |label, text| written(text).map(|value| Field { label, value: Some(value) });
    [
        field("cover.institution", institution),
        field("cover.faculty", faculty),
        field("cover.course", course),
        field("cover.activity", activity),
        if_given("cover.teacher", teacher),
        field("cover.author", author),
        if_given("cover.student_id", student_id),
        field("cover.date", date),
    ]
    .into_iter()
    .flatten()
    .collect()
}

//! Promise: the page is one file with both languages in it, and the cover is what its file says.

use super::*;

/// The page of an annex and its texts.
fn built(coursework: Option<&str>) -> (String, BTreeMap<&'static str, String>) {
    pages(coursework, "experiments/rank_sweep")
}

fn pages(coursework: Option<&str>, which: &str) -> (String, BTreeMap<&'static str, String>) {
    let root = tempfile::tempdir().unwrap();
    let both = Experiment { precisions: vec!["f64", "f32"], ..sweep() };
    both.results().write(&root.path().join("results/rank_sweep")).unwrap();
    if let Some(coursework) = coursework {
        fs::write(root.path().join("coursework.toml"), coursework).unwrap();
    }
    let written = report::build(root.path(), false).unwrap();
    assert!(written.contains(&root.path().join("report/index.html")));
    let read = |name: String| fs::read_to_string(root.path().join("report").join(name)).unwrap();
    let reports = Language::ALL.map(|language| (language.code(), read(format!("{which}.{}.md", language.code()))));
    let page = if which == "report" { "index.html".to_owned() } else { format!("{which}.html") };
    (read(page), reports.into_iter().collect())
}

/// Every value of an attribute.
fn values<'a>(html: &'a str, attribute: &str) -> Vec<&'a str> {
    let mark = format!(" {attribute}=\"");
    html.split(&mark).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

#[test]
fn the_page_needs_nothing_but_itself() {
    let (html, _) = built(None);
    for outside in
        ["src=", "@import", "url(", "<link rel=\"stylesheet", "<iframe", "fetch(", "XMLHttpRequest", "localStorage"]
    {
        assert!(!html.contains(outside), "{outside}");
    }
    assert!(
        values(&html, "href")
            .iter()
            .all(|href| { href.starts_with('#') || href.starts_with("https://") || *href == "data:," })
    );
    // The policy forbids attributes that style or run.
    assert!(values(&html, "style").is_empty());
    let policy = values(&html, "content").into_iter().find(|content| content.contains("default-src")).unwrap();
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"));
}

#[test]
fn ids_are_unique_and_every_reference_has_its_target() {
    let (html, _) = built(Some("author = \"A\"\n"));
    let ids = values(&html, "id");
    let mut unique = ids.clone();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(ids.len(), unique.len());
    for reference in values(&html, "aria-labelledby").into_iter().flat_map(|list| list.split(' ')) {
        assert!(unique.binary_search(&reference).is_ok(), "{reference}");
    }
    for href in values(&html, "href").into_iter().filter_map(|href| href.strip_prefix('#')) {
        assert!(unique.binary_search(&href).is_ok(), "#{href}");
    }
    assert!(unique.iter().any(|id| id.starts_with("es-work-")) && html.contains("href=\"#en-work-1\""));
    assert!(html.contains("href=\"#es-table-"));
}

#[test]
fn both_languages_have_the_same_parts_in_the_same_order() {
    let (html, reports) = built(None);
    let edition = |language: &str| {
        let start = html.find(&format!("<div id=\"{language}\"")).unwrap();
        let rest = &html[start..];
        let end = rest.find("</main>").unwrap();
        &rest[..end]
    };
    let parts = |language: &str| -> Vec<String> {
        let prefix = format!("{language}-");
        values(edition(language), "id").into_iter().skip(1).map(|id| id.replace(&prefix, "")).collect()
    };
    assert_eq!(parts("en"), parts("es"));
    for (language, report) in &reports {
        let edition = edition(language);
        let figures = report.lines().filter(|line| line.starts_with("![")).count();
        assert_eq!(edition.matches("<figure").count(), figures);
        assert_eq!(edition.matches("<svg").count(), figures);
        assert_eq!(edition.matches("<title id=").count(), figures);
        let tables = report.lines().filter(|line| line.starts_with("**Table ") || line.starts_with("**Tabla ")).count();
        assert_eq!(edition.matches("<table").count(), tables);
        let rows = report.lines().filter(|line| line.starts_with("| ")).count() - tables;
        assert_eq!(edition.matches("<tr>").count(), rows);
        let headings = report.lines().filter(|line| line.starts_with('#')).count();
        assert_eq!((1..=6).map(|level| edition.matches(&format!("<h{level} ")).count()).sum::<usize>(), headings);
    }
}

#[test]
fn the_numbers_of_the_page_are_those_of_the_text() {
    let (html, reports) = built(None);
    for (language, report) in &reports {
        let mark = format!("lang=\"{language}\"");
        let edition =
            html.split("<div id=").find(|part| part.starts_with(&format!("\"{language}\"")) && part.contains(&mark));
        let edition = edition.unwrap();
        let rows = report
            .lines()
            .filter(|line| line.starts_with("| ") && !line.contains(['\\', '*', '$', '&']) && !line.contains("---"));
        for cell in
            rows.flat_map(|row| row.trim_matches('|').split(" | ")).map(str::trim).filter(|cell| !cell.is_empty())
        {
            assert!(edition.contains(&format!(">{cell}<")), "{cell}");
        }
    }
}

#[test]
fn the_cover_opens_every_report_with_what_its_file_says() {
    let (html, reports) = pages(Some("author = \"Ana Núñez\"\nteacher = \"\"\ndate = \"25 de noviembre\"\n"), "report");
    assert!(reports["es"].starts_with("- **Institución:** \\_\\_"), "{}", &reports["es"][..80]);
    assert!(reports["es"].contains("- **Autor o autora:** Ana Núñez\n- **Fecha:** 25 de noviembre\n\n---\n\n# "));
    assert!(reports["en"].contains("- **Author:** Ana Núñez\n"));
    assert!(!reports["en"].contains("Teacher") && !reports["es"].contains("Docente"));
    assert!(html.contains("<dt>Autor o autora</dt><dd>Ana Núñez</dd>"));
    assert!(html.contains("<dt>Institution</dt><dd>____"));
    let (html, reports) = pages(None, "report");
    assert!(!html.contains("class=\"cover\"") && reports["es"].starts_with("# "));
}

#[test]
fn a_wrong_cover_is_told_and_nothing_is_written() {
    let root = tempfile::tempdir().unwrap();
    sweep().results().write(&root.path().join("results/rank_sweep")).unwrap();
    fs::write(root.path().join("coursework.toml"), "author = 3\n").unwrap();
    let error = report::build(root.path(), false).unwrap_err();
    assert!(matches!(error, ReportError::Cover(_)));
    let words = error.to_string();
    assert!(words.contains("coursework.toml:1:10") && words.contains("nothing was written"), "{words}");
    assert!(!root.path().join("report").exists());
}

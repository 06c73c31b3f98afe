//! Promise: what a spec, a file's name or the cover says is shown as it was written, and does nothing in any format.

use factoreo::table::{CellRow, MatrixRow, MeasurementRow, Status, read_csv};

use super::*;

/// What people have tried.
const TEXTS: [&str; 12] = [
    "<script>alert(1)</script>",
    "</title></style></svg><img src=x onerror=alert(1)>",
    "[x](javascript:alert(1))",
    "](javascript:alert(1))",
    "a | b || c",
    "`code` ``` $\\frac{1}{2}$ $$x$$",
    "=cmd|'/c calc'!A0",
    "+1+cmd()",
    "-2+3",
    "@SUM(A1)",
    "\" onmouseover=\"alert(1)",
    "&lt;b&gt; {{ 7*7 }} {% raw %} #eval(\"1\")",
];

/// All of them on one line, and two that are dangerous at the start of one.
fn together() -> [&'static str; 3] {
    [TEXTS.join(" ¦ ").leak(), TEXTS[6], TEXTS[8]]
}

fn build(results: &Results, cover: &str) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    results.write(&root.path().join("results").join(&results.name)).unwrap();
    let fields = ["institution", "faculty", "course", "activity", "teacher", "author", "student_id", "date"];
    let coursework: String = fields.map(|field| format!("{field} = {}\n", quoted(cover))).concat();
    fs::write(root.path().join("coursework.toml"), coursework).unwrap();
    report::build(root.path(), false).unwrap();
    root
}

/// A string of TOML.
fn quoted(text: &str) -> String {
    format!("{:?}", text.to_owned())
}

/// An experiment in whose every text stands `text`: title, question, claims, labels, variants, reasons, names of files, machine.
fn saying(text: &'static str) -> Results {
    let mut experiment = sweep();
    for own in ["Rank against error", "How much rank does attention need?", "¿Cuánto rango necesita la atención?"] {
        experiment.spec = experiment.spec.replace(&quoted(own), &quoted(text));
    }
    for (label, quantity) in [("good", "suboptimality"), ("\"`a`](javascript:b)\"", "suboptimality"), ("c", "`d` | e")]
    {
        experiment.spec += &format!(
            "[claim.{label}]\ntopic = \"compute\"\nen = {text}\nes = {text}\nquantity = {}\nbelow = 1.1\n",
            quoted(quantity),
            text = quoted(text),
        );
    }
    let parameters = serde_json::json!({ "file": text, "head": text, "calibration": text, "evaluation": text });
    for family in &mut experiment.families {
        family.variants = vec![text];
        family.parameters = parameters.to_string().leak();
    }
    experiment.families[0].label = text;
    experiment.methods[0].variant = text;
    experiment.methods[5].only = Some(("qkv", text));
    let mut results = experiment.results();
    for fact in ["cpu", "commit", "date"] {
        results.provenance[fact] = text.into();
    }
    for (trial, status) in [Status::Completed, Status::Failed].into_iter().enumerate() {
        results.measurements.push(MeasurementRow {
            cell: trial.to_string(),
            study: text.to_owned(),
            study_variant: text.to_owned(),
            study_kind: "failure".to_owned(),
            study_parameters: parameters.to_string(),
            trial: trial as u64,
            seed: "1".to_owned(),
            series: text.to_owned(),
            x: None,
            quantity: text.to_owned(),
            unit: "1".to_owned(),
            value: (status == Status::Completed).then_some(0.5),
            status,
            reason: (status == Status::Failed).then(|| text.to_owned()),
        });
    }
    results
}

/// The tags of a page, outside of what a reader sees.
fn tags(html: &str) -> impl Iterator<Item = &str> {
    html.split('<').skip(1).filter_map(|rest| rest.split_once('>')).map(|(tag, _)| tag)
}

fn shown(html: &str) -> String {
    let text: String = html.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text)).collect();
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
}

#[test]
fn no_text_adds_a_tag_an_attribute_or_a_script_to_the_page() {
    let names = |html: &str| {
        let mut names: Vec<String> = tags(html)
            .map(|tag| tag.split([' ', '\n']).next().unwrap_or_default().trim_start_matches('/').to_owned())
            .collect();
        names.sort();
        names.dedup();
        names
    };
    let plain = build(&saying("plain"), "plain");
    let pages = ["report/index.html", "report/experiments/rank_sweep.html"];
    let expected = pages.map(|page| names(&fs::read_to_string(plain.path().join(page)).unwrap()));
    for (text, (page, expected)) in
        together().into_iter().flat_map(|text| pages.into_iter().zip(&expected).map(move |it| (text, it)))
    {
        let root = build(&saying(text), text);
        let html = fs::read_to_string(root.path().join(page)).unwrap();
        assert_eq!(names(&html), *expected, "{text}");
        assert_eq!(html.matches("<script").count(), 1, "{text}");
        assert_eq!(html.matches("<style").count(), 1, "{text}");
        let (before, script) = html.split_once("<script").unwrap();
        let (_, after) = script.split_once("</script>").unwrap();
        for tag in tags(before).chain(tags(after)) {
            // Attributes without their values: none may have ended early.
            let attributes: String = tag.split('"').step_by(2).collect();
            assert!(!attributes.contains(" on") && !attributes.contains(['\'', '&']), "{text}: <{tag}>");
            assert!(!tag.contains("href=\"javascript:"), "{text}: <{tag}>");
        }
        // It is shown as it was written: on the cover, in titles, claims, tables and figures.
        let least = if page == pages[0] { 15 } else { 40 };
        let count = shown(&html).matches(text).count();
        assert!(count > least, "{page}: {count} times {text}");
    }
}

#[test]
fn figures_stay_what_they_are() {
    for text in together() {
        let root = build(&saying(text), text);
        for entry in fs::read_dir(root.path().join("report/figures/en")).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            let plain = |letter: char| letter.is_ascii_alphanumeric() || "._-~".contains(letter);
            assert!(name.chars().all(plain), "{name}");
            let svg = fs::read_to_string(&path).unwrap();
            for tag in tags(&svg) {
                let known = ["svg", "title", "desc", "style", "rect", "text", "polyline", "polygon", "circle"];
                let tag_name = tag.split([' ', '/']).find(|part| !part.is_empty()).unwrap_or_default();
                assert!(known.contains(&tag_name) && !tag.contains(" on"), "{text}: <{tag}>");
            }
        }
    }
}

#[test]
fn no_spreadsheet_runs_a_cell_and_every_text_reads_back() {
    for text in TEXTS {
        let folder = tempfile::tempdir().unwrap();
        let results = saying(text);
        results.write(folder.path()).unwrap();
        for table in ["runs", "matrices", "summary", "spectra", "samples", "measurements"] {
            let csv = fs::read_to_string(folder.path().join(format!("{table}.csv"))).unwrap();
            for cell in csv.lines().skip(1).flat_map(|line| line.split(',')) {
                let cell = cell.trim_start_matches('"');
                let number = cell.trim_end_matches('"').parse::<f64>().is_ok();
                assert!(number || !cell.starts_with(['=', '+', '-', '@']), "{table}: {cell}");
            }
        }
        let cells: Vec<CellRow> = read_csv(&folder.path().join("runs.csv")).unwrap();
        assert_eq!(cells, results.cells);
        let matrices: Vec<MatrixRow> = read_csv(&folder.path().join("matrices.csv")).unwrap();
        assert_eq!(matrices, results.matrices);
        let measurements: Vec<MeasurementRow> = read_csv(&folder.path().join("measurements.csv")).unwrap();
        assert_eq!(measurements, results.measurements);
    }
}

#[test]
fn markdown_shows_every_text_and_obeys_none() {
    for text in together() {
        let root = build(&saying(text), text);
        for language in Language::ALL {
            let path = root.path().join(format!("report/report.{}.md", language.code()));
            let report = fs::read_to_string(path).unwrap() + "\n" + &annexes(root.path(), language.code());
            for harm in ["<script", "<img", "[x](javascript", "$x$", "\n=cmd", "</svg>"] {
                assert!(!report.contains(harm), "{text}: {harm}");
            }
            // GitHub's reader is this one's cousin: it must find no markup where the text stands.
            let mut read = String::new();
            for event in pulldown_cmark::Parser::new_ext(&report, pulldown_cmark::Options::ENABLE_MATH) {
                match event {
                    pulldown_cmark::Event::Text(piece) | pulldown_cmark::Event::Code(piece) => read.push_str(&piece),
                    pulldown_cmark::Event::Html(html) | pulldown_cmark::Event::InlineHtml(html) => {
                        let own = ["<details>", "</details>", "<summary>", "</summary>"];
                        assert!(own.iter().any(|tag| html.contains(tag)), "{text}: {html}");
                    }
                    _ => {}
                }
            }
            let times = read.matches(text).count();
            // Of a variant only what stands behind its `=` is shown.
            assert!(times > 30, "{text}: {times} times in\n{}", &read[..read.floor_char_boundary(600)]);
            // Of the claims the one that can be: those whose label or quantity would break out of its code are left out.
            assert_eq!(report.matches("../results/rank_sweep/summary.csv").count(), 1, "{text}");
        }
    }
}

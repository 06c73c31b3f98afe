//! Promise: both languages have one structure, and what a spec says does nothing in either.

use super::*;

/// What a reader counts: headings by level, tables by width, figures.
fn structure(report: &str) -> Vec<String> {
    report
        .lines()
        .filter_map(|line| match line {
            _ if line.starts_with('#') => Some("#".repeat(line.chars().take_while(|&mark| mark == '#').count())),
            _ if line.starts_with("| ") => Some(format!("row of {}", line.matches(" | ").count() + 1)),
            _ if line.starts_with("![") => Some("figure".to_owned()),
            _ if line.starts_with("- ") => Some("entry".to_owned()),
            _ if line.starts_with("<") => Some("fold".to_owned()),
            _ => None,
        })
        .collect()
}

#[test]
fn both_languages_have_the_same_structure_and_the_same_digits() {
    let mut both = sweep();
    both.precisions = vec!["f64", "f32"];
    let reports = reports(&[both.results(), Experiment { name: "second", ..sweep() }.results()]);
    let (en, es) = (&reports["en"], &reports["es"]);
    assert_eq!(structure(en), structure(es));
    assert!(structure(en).iter().any(|part| part == "figure"));
    // Table rows hold the same digits, whatever the mark.
    let digits = |report: &str| -> Vec<String> {
        let in_words = |line: &str| line.contains("Top-1") || line.contains("Coincidencia");
        let rows = report.lines().filter(|line| line.starts_with("| ") && !in_words(line));
        rows.map(|line| line.chars().filter(char::is_ascii_digit).collect()).collect()
    };
    assert_eq!(digits(en), digits(es));
}

#[test]
fn tables_and_figures_are_numbered_in_order_and_referred_to() {
    let reports = report(&sweep());
    for (word, report) in [("**Table ", &reports["en"]), ("**Tabla ", &reports["es"]), ("**Figura ", &reports["es"])] {
        let numbers: Vec<usize> =
            report.lines().filter_map(|line| line.strip_prefix(word)?.split('.').next()?.parse().ok()).collect();
        assert!(numbers.len() > 3, "{word}");
        assert!(numbers.iter().copied().eq(1..=numbers.len()), "{word}: {numbers:?}");
    }
    // The table of errors on the heads is the one the answer names.
    let named =
        finding(&reports["en"], "Rank for an error").split("(Table ").nth(1).unwrap().split(')').next().unwrap();
    let caption = reports["en"].lines().find(|line| line.starts_with(&format!("**Table {named}.**"))).unwrap();
    assert!(caption.contains("Relative Frobenius error") && caption.contains("heads"), "{caption}");
}

#[test]
fn only_cited_works_are_listed_and_in_the_order_of_their_citation() {
    let reports = report(&sweep());
    for (report, heading) in [(&reports["en"], "## References"), (&reports["es"], "## Referencias")] {
        let (text, list) = report.split_once(heading).unwrap();
        let works = list.lines().filter(|line| line.starts_with(|start: char| start.is_ascii_digit())).count();
        for number in 1..=works {
            assert!(text.contains(&format!("[{number}]")), "{number}");
        }
        assert!(!text.contains(&format!("[{}]", works + 1)));
        // No block Krylov in this experiment.
        assert!(!list.contains("Musco"));
        let first = |number: usize| text.find(&format!("[{number}]")).unwrap();
        assert!((1..works).all(|number| first(number) < first(number + 1)));
    }
}

#[test]
fn each_language_keeps_to_itself_and_to_its_numbers() {
    let reports = report(&sweep());
    let text = |language: &str, end: &str| {
        let (text, _) = reports[language].split_once(end).unwrap();
        // Figures have their own words and are tested where they are drawn.
        text.lines().filter(|line| !line.starts_with("![") && !line.starts_with("**Fig")).collect::<Vec<_>>().join("\n")
    };
    let (en, es) = (text("en", "## References"), text("es", "## Referencias"));
    for word in
        ["the ", " of ", " rank ", "faster", "median ", "matrix", "error on", " and ", "completed", "unknown", "none"]
    {
        assert!(!es.contains(word), "«{word}» in\n{es}");
    }
    for word in [" el ", " de ", " rango ", "más ", "matriz", "ó", "desconocido"] {
        assert!(!en.contains(word), "«{word}» in\n{en}");
    }
    // No decimal point between digits in Spanish, but in identifiers and versions.
    let versions = ["3.00GHz", "1.95.0"];
    for (place, _) in es.match_indices('.') {
        let around =
            &es[es.floor_char_boundary(place.saturating_sub(6))..es.ceil_char_boundary((place + 6).min(es.len()))];
        let digit = |at: usize| es.as_bytes().get(at).is_some_and(u8::is_ascii_digit);
        let is_decimal = place > 0 && digit(place - 1) && digit(place + 1);
        assert!(!is_decimal || versions.iter().any(|version| around.contains(&version[..4])), "…{around}…");
    }
}

#[test]
fn the_text_is_set_cleanly() {
    let reports = reports(&[sweep().results(), Experiment { name: "second", ..sweep() }.results()]);
    for report in reports.values() {
        for line in report.lines().filter(|line| !line.starts_with("```")) {
            assert!(!line.contains("  "), "{line}");
            assert!(![" .", " ,", " ;", "( ", " )", "{{", "{%"].iter().any(|slip| line.contains(slip)), "{line}");
            assert!(line.trim_end() == line, "{line}");
        }
        assert!(!report.contains("\n\n\n"));
        let widest =
            report.lines().filter(|line| line.starts_with("| ")).map(|line| line.matches(" | ").count() + 1).max();
        assert!(widest.unwrap() <= 8, "{widest:?} columns");
    }
}

#[test]
fn text_of_specs_and_rows_does_nothing() {
    let mut hostile = sweep();
    hostile.spec = hostile.spec.replace(
        "Rank against error",
        "<script>alert(1)</script> [x](javascript:alert(1)) $a$ | `b` ![i](http://x.org/i.png)",
    );
    hostile.families[0].variants = vec!["file=a|b.npy", "file=](javascript:x)", "file=<img src=x>"];
    hostile.methods[5].only = Some(("qkv", "a|b\n\n# heading <b> $x$"));
    let reports = report(&hostile);
    for report in reports.values() {
        for harm in ["<script", "<img", "[x](javascript", "![i]", "\n# heading", "<b>", "$a$", "$x$", "://x.org"] {
            assert!(!report.contains(harm), "{harm} in\n{report}");
        }
        // No row has more cells than its header.
        let widths: Vec<usize> = report
            .split("\n\n")
            .filter(|block| block.starts_with("| "))
            .flat_map(|table| {
                let width = |line: &str| line.replace("\\|", "").matches('|').count();
                let header = table.lines().next().map(width).unwrap();
                table.lines().map(move |line| width(line).abs_diff(header))
            })
            .collect();
        assert!(widths.iter().all(|&excess| excess == 0), "{report}");
    }
    assert!(reports["en"].contains("&lt;script&gt;"));
}

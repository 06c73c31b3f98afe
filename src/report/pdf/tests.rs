use std::collections::{BTreeMap, HashSet};

use pulldown_cmark::{Event, Parser};
use serde_json::json;
use typst::syntax::{SyntaxKind, SyntaxNode};

use super::*;
use crate::report::document::{Drawing, Field, Illustration, Item, MethodName};

/// Every formula of every template of both languages, set.
#[test]
fn every_formula_is_set_by_typst() {
    let mut page = format!("{STYLE}\n");
    let mut formulas = 0;
    for (_, source) in crate::report::wording::sources() {
        for event in Parser::new_ext(&source, crate::report::html::options()) {
            let written = match event {
                Event::InlineMath(latex) => crate::report::formula::typst(&latex, false),
                Event::DisplayMath(latex) => crate::report::formula::typst(&latex, true),
                _ => continue,
            };
            page += &format!("{}\n\n", written.unwrap());
            formulas += 1;
        }
    }
    assert!(formulas > 100, "{formulas}");
    let bytes = world::pdf(page, Files::new(), "formulas").unwrap();
    assert!(bytes.starts_with(b"%PDF-"));
}

const SVG: &str =
    r#"<svg xmlns="http://www.w3.org/2000/svg" width="640" height="480"><rect width="9" height="9"/></svg>"#;

/// A document that says `text` wherever a spec, a row, a file's name or the cover may.
fn saying(text: &str) -> (Document, Drawings<'static>) {
    let mut document = Document::default();
    let title = || Text::new("title.experiment", BTreeMap::from([("en", text), ("es", text)]));
    let field = Field { label: "cover.author", value: Some(text.to_owned()) };
    document.blocks.push(Block::Cover(Cover { title: title(), fields: vec![field] }));
    document.heading(1, title());
    document.prose(Text::new("title.question", BTreeMap::from([("en", text), ("es", text)])));
    document.heading(2, Text::new("heading.family", BTreeMap::from([("family", text)])));
    let method = || MethodName { kind: text.to_owned(), label: text.to_owned(), variant: text.to_owned() };
    let place = json!({ "name": text, "value": 0.5, "low": 0.25, "high": 0.75 });
    document.blocks.push(Block::List(vec![
        Text::new(
            "claim.statement",
            json!({
                "en": text, "es": text, "label": "a", "experiment": "b", "file": "summary.csv", "real_model": true,
                "quantity": "c", "ratio": false, "exponent": false, "threshold": { "value": 1.0, "below": true },
                "proviso": null, "proviso_found": null, "ruled": "conditional",
                "along": null, "places": 2, "least": place, "greatest": place,
                "condition": {
                    "clauses": [{ "parameter": "tensor", "extent": { "only": [text] } }],
                    "inside": 1, "holding": 1, "of": 2,
                },
            }),
        ),
        Text::new(
            "problem.qkv",
            json!({ "family": text, "kind": "qkv", "matrices": 2, "minilm": false, "file": text }),
        ),
    ]));
    document.blocks.push(Block::Fold(Text::new("fold.precision", BTreeMap::from([("precision", text)]))));
    let cells = vec![Item::Quoted(text.to_owned()), Item::Clause(text.to_owned()), Item::Method(method())];
    document.blocks.push(Block::Table(Table {
        label: "a".to_owned(),
        caption: Text::new("heading.family", BTreeMap::from([("family", text)])),
        header: cells.clone(),
        rows: vec![cells],
    }));
    document.blocks.push(Block::EndFold);
    document.blocks.push(Block::References);
    document.blocks.push(Block::Figure(Illustration { experiment: "b".to_owned(), id: "c".to_owned() }));
    let drawing =
        Drawing { title: text.to_owned(), description: text.to_owned(), path: "figures/c.svg".to_owned(), svg: SVG };
    (document, Drawings(BTreeMap::from([(("b", "c".to_owned()), drawing)])))
}

/// What a text asks Typst to do: the kinds of its parts, with every name and link, and without the strings that are only shown.
fn asked(node: &SyntaxNode, asked: &mut HashSet<(SyntaxKind, String)>) {
    let names = matches!(node.kind(), SyntaxKind::Ident | SyntaxKind::MathIdent | SyntaxKind::Label | SyntaxKind::Text);
    asked.insert((node.kind(), if names { node.leaf_text().to_string() } else { String::new() }));
    for child in node.children() {
        self::asked(child, asked);
    }
}

#[test]
fn no_text_asks_typst_for_anything() {
    let written = |text: &str, language: Language| {
        let (document, drawings) = saying(text);
        source(&document, &drawings, language).unwrap()
    };
    let of = |source: &str| {
        let mut found = HashSet::new();
        asked(&typst::syntax::parse(source), &mut found);
        found
    };
    for language in Language::ALL {
        // Words of Spanish quote what they do not know, and so do these.
        let plain = of(&written("plain", language).0);
        for text in [
            "<script>alert(1)</script> </title></style></svg><img src=x onerror=alert(1)>",
            "[x](javascript:alert(1)) ](javascript:alert(1)) a | b || c",
            "`code` ``` $\\frac{1}{2}$ $$x$$ \\ \" ' \\u{41}",
            "=cmd|'/c calc'!A0",
            "-2+3 +1 @SUM(A1) @work-1 <work-1>",
            "#eval(\"1\") #read(\"/etc/passwd\") \"); #panic(\"a\"); // /* ] } )",
            "*a* _b_ ~ https://example.org // comment = heading",
        ] {
            let (source, files) = written(text, language);
            let more: Vec<_> = of(&source).difference(&plain).cloned().collect();
            assert!(more.is_empty(), "{text}: {more:?}");
            assert!(source.contains(&markup::text(text)), "{text}");
            world::pdf(source, files, "hostile").unwrap();
        }
    }
}

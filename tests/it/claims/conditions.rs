//! Where a claim holds is looked for along every parameter that was swept, and along two together.

use factoreo::{
    claim::{Claim, Condition, Extent, Verdict, judge},
    table::{Results, SummaryRow},
};
use serde_json::json;

use super::{claim, results, row, setting, sure, told};

/// The suboptimality of `sketch` at every length, temperature and number of power iterations; what is told holds.
fn planted(holds: impl Fn(u32, u32, u32, usize) -> bool) -> Verdict {
    let mut results = results();
    let mut place = 0;
    for length in [64, 128] {
        for temperature in [1, 2, 4] {
            let variant = format!("length={length}, temperature={temperature}");
            results.variants.push(setting("problem", "p", &variant, "length", &length.to_string()));
            results.variants.push(setting("problem", "p", &variant, "temperature", &temperature.to_string()));
            for iterations in [0, 1, 2] {
                let value = if holds(length, temperature, iterations, place) { 1.05 } else { 1.5 };
                let method_variant = format!("power_iterations={iterations}");
                let row = row("sketch", &variant, "suboptimality", sure(value));
                results.summary.push(SummaryRow { method_variant, ..row });
                place += 1;
            }
        }
    }
    for iterations in [0, 1, 2] {
        let variant = format!("power_iterations={iterations}");
        results.variants.push(setting("method", "sketch", &variant, "power_iterations", &iterations.to_string()));
    }
    let claim = claim(json!({ "method": "sketch", "quantity": "suboptimality", "below": 1.1, "along": "temperature" }));
    judge(&claim, &results).verdict
}

#[test]
fn a_condition_is_looked_for_along_every_parameter_and_along_two_together() {
    let conditional = |clauses, inside, holding| Verdict::Conditional(Condition { clauses, inside, holding, of: 18 });
    let iterations = || told("power_iterations", Extent::From(1.0));
    assert_eq!(planted(|_, _, iterations, _| iterations > 0), conditional(vec![iterations()], 12, 12));
    // What no place of q = 0 meets, and half of the others.
    assert_eq!(
        planted(|_, temperature, iterations, _| iterations > 0 && temperature < 4),
        conditional(vec![told("temperature", Extent::UpTo(2.0)), iterations()], 8, 8)
    );
    // One place more than the condition names.
    assert_eq!(
        planted(|_, _, iterations, place| iterations > 0 || place == 0),
        conditional(vec![iterations()], 12, 13)
    );
    // Neither one nor two parameters tell it, nor any a part of it.
    let scattered = |length: u32, temperature: u32, iterations: u32, _: usize| {
        (length / 64 + temperature + iterations).is_multiple_of(2)
    };
    let Verdict::Conditional(found) = planted(scattered) else { panic!("it holds at some places") };
    assert_eq!((found.clauses.len(), found.inside, found.of), (0, 0, 18));
}

#[test]
fn one_place_that_fails_of_many_is_named_and_fails_means_nowhere() {
    let Verdict::Conditional(found) = planted(|_, _, _, place| place != 0) else {
        panic!("it holds at 17 of 18 places")
    };
    assert_eq!((found.holding, found.of), (17, 18));
    assert!(found.inside >= 12 && !found.clauses.is_empty(), "{found:?}");
    assert_eq!(planted(|_, _, _, _| true), Verdict::Holds);
    assert_eq!(planted(|_, _, _, _| false), Verdict::Fails);
}

#[test]
fn one_place_that_fails_of_540_is_told_with_where_all_the_others_hold() {
    let mut results = results();
    for length in 0..540 {
        let variant = format!("length={length}");
        let value = if length == 0 { 1.5 } else { 1.05 };
        results.summary.push(row("sketch", &variant, "suboptimality", sure(value)));
        results.variants.push(setting("problem", "p", &variant, "length", &length.to_string()));
    }
    let claim = claim(json!({ "method": "sketch", "quantity": "suboptimality", "below": 1.1 }));
    let clauses = vec![told("length", Extent::From(1.0))];
    let expected = Condition { clauses, inside: 539, holding: 539, of: 540 };
    assert_eq!(judge(&claim, &results).verdict, Verdict::Conditional(expected));
}

/// Places of one temperature do not stand or fall together: that a sketch needs a power iteration is told.
#[test]
fn a_claim_that_holds_from_one_power_iteration_on_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let spec = "seed = 1\ntarget_rank = [2, 4, 8, 16, 32]\ntrials = 3\ntiming.repeats = 0\n\
                title = { en = \"T\", es = \"T\" }\nquestion = { en = \"Q\", es = \"Q\" }\n\
                [problem.attention]\nlength = [64, 128]\nhead_dim = [16, 32, 64]\ntemperature = [0.25, 1.0, 4.0]\n\
                [method.randomized_svd]\npower_iterations = [0, 1, 2]\n\
                [claim.near]\ntopic = \"compute\"\nen = \"Near\"\nes = \"Cerca\"\nquantity = \"suboptimality\"\n\
                method = \"randomized_svd\"\nbelow = 1.1\nalong = \"temperature\"\n";
    std::fs::write(folder.path().join("near.toml"), spec).unwrap();
    let mut command = crate::program();
    assert!(command.current_dir(folder.path()).arg("near.toml").output().unwrap().status.success());
    let results = Results::read(&folder.path().join("results/near")).unwrap();
    let spec: toml::Table = spec.parse().unwrap();
    let claim: Claim = spec["claim"]["near"].clone().try_into().unwrap();
    let Verdict::Conditional(found) = judge(&claim, &results).verdict else { panic!("it neither holds nor fails") };
    assert_eq!(found.clauses, [told("power_iterations", Extent::From(1.0))]);
    assert_eq!((found.inside, found.of), (180, 270));
    assert!(found.holding > 180 && found.holding < 270, "{found:?}");
    for (language, words) in [("en", "**Holds from q = 1 on; in all"), ("es", "**Se cumple desde q = 1; en total")] {
        let report = std::fs::read_to_string(folder.path().join(format!("report/report.{language}.md"))).unwrap();
        assert!(report.contains(words), "{report}");
    }
}

#[test]
fn a_name_that_looks_like_several_settings_is_one_value() {
    let mut results = results();
    for (tensor, value) in [("a, b=c.weight", 0.5), ("d, b=9.weight", 2.0)] {
        let variant = format!("tensor={tensor}");
        results.summary.push(row("fast", &variant, "output_seconds", sure(value)));
        results.variants.push(setting("problem", "p", &variant, "tensor", tensor));
    }
    let verdict = judge(&claim(json!({ "method": "fast", "along": "b" })), &results).verdict;
    let clauses = vec![told("tensor", Extent::Only(vec!["a, b=c.weight".into()]))];
    assert_eq!(verdict, Verdict::Conditional(Condition { clauses, inside: 1, holding: 1, of: 2 }));
}

//! Budgets whose types are chosen by what they cost on a text.

use crate::lab::{Lab, fixture};
use serde_json::Value;
use std::fs;

/// A text of a few windows, so that measuring takes a few seconds.
fn text(lab: &Lab, from: usize) -> &'static str {
    let whole = fs::read_to_string(fixture("golden/eval/eval.txt")).expect("the text of the golden data");
    let part: String = whole.chars().skip(from).take(1600).collect();
    let name = if from == 0 { "text.txt" } else { "other.txt" };
    lab.write(name, part);
    name
}

#[test]
fn costs_are_measured_kept_and_used_again() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    text(&lab, 0);
    text(&lab, 2000);
    let types = "--to gguf --budget-types q3_k,q6_k";
    lab.run(&format!("convert tiny-llama {types} --target-size 2.5MB --data text.txt --scores s.json -o a.gguf"))
        .expect(0);
    let scores: Value = serde_json::from_slice(&fs::read(lab.path("s.json")).unwrap()).unwrap();
    let costs = scores["tensors"]["blk.0.ffn_down.weight"]["types"].as_object().unwrap();
    let cost = |name: &str| costs[name].as_f64().unwrap();
    assert!(cost("Q3_K") > 4.0 * cost("Q6_K") && cost("Q6_K") > 0.0, "{costs:?}");

    // The file alone is enough, and leads to the same bytes.
    let again = lab
        .run(&format!("convert tiny-llama {types} --target-size 2.5MB --scores s.json -o b.gguf --dry-run"))
        .expect(0);
    assert!(again.out.contains("expected mean KL divergence"), "{}", again.out);
    lab.run(&format!("convert tiny-llama {types} --target-size 2.5MB --scores s.json -o b.gguf")).expect(0);
    assert_eq!(fs::read(lab.path("a.gguf")).unwrap(), fs::read(lab.path("b.gguf")).unwrap());

    // The smallest file of at most so much divergence: less allowed, larger file.
    for (nats, name) in [("0.02", "loose.gguf"), ("0.002", "tight.gguf")] {
        lab.run(&format!("convert tiny-llama {types} --max-kld {nats} --scores s.json -o {name}")).expect(0);
    }
    let size = |name: &str| fs::metadata(lab.path(name)).unwrap().len();
    assert!(size("loose.gguf") < size("tight.gguf"));
    let none = lab.run(&format!("convert tiny-llama {types} --max-kld 1e-8 --scores s.json -o c.gguf")).expect(2);
    assert!(none.err.contains("too few"), "{}", none.err);

    // Scores of other weights, or for another importance, are not taken for those of this model.
    lab.run("convert tiny-llama --to gguf:q4_0 -o coarse.gguf").expect(0);
    let changed = lab
        .run(&format!("convert coarse.gguf {types} --target-size 2.5MB --scores s.json --allow-requantize -o e.gguf"))
        .expect(2);
    assert!(changed.err.contains("other weights"), "{}", changed.err);
    let max = lab
        .run(&format!("convert tiny-llama {types} --target-size 2.5MB --scores s.json --effort max -o e.gguf"))
        .expect(2);
    assert!(max.err.contains("with the effort reference"), "{}", max.err);

    // Scores of another text are not mixed with these.
    let other = lab
        .run(&format!("convert tiny-llama {types} --target-size 2.5MB --data other.txt --scores s.json -o d.gguf"))
        .expect(2);
    assert!(other.err.contains("another text"), "{}", other.err);
    assert!(!lab.path("d.gguf").exists() && !lab.path("c.gguf").exists());
}

#[test]
fn mixes_are_compared_on_a_second_text_and_what_was_measured_is_kept() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    text(&lab, 0);
    text(&lab, 2000);
    let given = "--budget-types q3_k,q4_k,q6_k --data text.txt --check-data other.txt --scores s.json";
    // The second plan writes to a file that it was given.
    for (size, name) in [("2.5MB", "a.gguf"), ("2.7MB", "b.gguf")] {
        lab.run(&format!("convert tiny-llama --to gguf --target-size {size} {given} -o {name}")).expect(0);
    }
    let manifest: Value = serde_json::from_slice(&fs::read(lab.path("b.gguf.remold.json")).unwrap()).unwrap();
    let check = &manifest["output"]["divergence"]["check"];
    assert_eq!(check["text"], "other.txt");
    let mean = check["chosen"]["mean"].as_f64().unwrap();
    assert!(mean > 0.0 && check["mixes"].as_u64() >= Some(1), "{check}");
    if let Some(fixed) = check["file_type"].get(1).filter(|_| check["took_file_type"].is_null()) {
        for figure in ["mean", "p999", "max"] {
            assert!(check["chosen"][figure].as_f64() <= fixed[figure].as_f64(), "{figure}: {check}");
        }
    }
    // The plan says the same without measuring again, and has a divergence for every type.
    let plan = lab.run(&format!("plan tiny-llama --target-size 2.7MB {given} --json")).expect(0);
    let plan: Value = serde_json::from_str(&plan.out).unwrap();
    assert_eq!(plan["choice"]["check"]["chosen"]["mean"].as_f64(), Some(mean), "{}", plan["choice"]["check"]);
    let lossy = plan["types"].as_array().unwrap().iter().filter(|t| t["bits_per_weight"].as_f64() < Some(9.0));
    assert!(lossy.clone().count() > 5 && lossy.clone().all(|t| t["kld"].as_f64() > Some(0.0)));
    let shown = lab.run(&format!("plan tiny-llama --target-size 2.7MB {given}")).expect(0);
    assert!(shown.out.contains("KLD") && shown.out.contains("measured as a whole"), "{}", shown.out);
    // From the scores alone, as far as they go.
    lab.run("convert tiny-llama --to gguf --target-size 2.7MB --budget-types q3_k,q4_k,q6_k --scores s.json -o c.gguf")
        .expect(0);
    assert_eq!(fs::read(lab.path("b.gguf")).unwrap(), fs::read(lab.path("c.gguf")).unwrap());
    let alone = lab.run("convert tiny-llama --to gguf --target-size 2.7MB --check-data other.txt -o d.gguf").expect(2);
    assert!(alone.err.contains("none to measure costs on"), "{}", alone.err);
}

#[test]
fn a_limit_of_time_predicts_what_it_did_not_measure() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    text(&lab, 0);
    let run = |time: &str| {
        lab.run(&format!(
            "convert tiny-llama --to gguf --target-size 2.5MB --data text.txt --score-time {time} -o a.gguf --dry-run"
        ))
    };
    let nothing = run("0s").expect(2);
    assert!(nothing.err.contains("nothing was measured"), "{}", nothing.err);
    let some = run("1s").expect(0);
    let numbers = |with: &str| {
        let line = some.out.lines().find(|l| l.contains(with)).unwrap_or_else(|| panic!("{with}: {}", some.out));
        line.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse().ok()).collect::<Vec<usize>>()
    };
    let costs = numbers("costs measured");
    let (measured, of) = (costs[costs.len() - 2], costs[costs.len() - 1]);
    assert!(measured <= of, "{costs:?}");
    if measured < of {
        // Kinds and depths are covered before single tensors.
        let groups = numbers("are estimated");
        assert!(groups[0] <= groups[1] && (groups[0] == groups[1] || groups.len() > 2 || measured == 0), "{groups:?}");
        assert!(groups[0] > 0 || groups.len() > 2, "{groups:?}");
    }
    // There is no time left for a second plan: the result is the same, and no pass is made.
    let again = run("1s").expect(0);
    assert_eq!(again.out, some.out);
}

#[test]
fn what_cannot_be_measured_is_refused() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    text(&lab, 0);
    lab.write("short.txt", "one");
    lab.write("binary.txt", [0u8, 159, 146, 150]);
    lab.write("rubbish.json", "{\"remold_scores\": 1}");
    lab.write("nan.json", r#"{"remold_scores":1,"tokens_hash":"","tokens":1,"positions":1,"effort":"reference","seconds":0.0,"tensors":{"x":{"hash":"","types":{"Q4_K":-1.0}}}}"#);
    for (options, words) in [
        ("--max-kld 0.01", "budget_data"),
        ("--max-kld 0.01 --target-size 2MB", "cannot be used with"),
        ("--target-size 2.5MB --data short.txt", "fewer than one window"),
        ("--target-size 2.5MB --data binary.txt", "UTF-8"),
        ("--target-size 2.5MB --data none.txt", "none.txt"),
        ("--target-size 2.5MB --scores none.json", "no text to measure them on"),
        ("--target-size 2.5MB --scores rubbish.json", "not a file of scores"),
        ("--target-size 2.5MB --scores nan.json", "not a divergence"),
        ("--target-size 2.5MB --data text.txt --score-time soon", "not a time"),
    ] {
        let refused = lab.run(&format!("convert tiny-llama --to gguf {options} -o x.gguf")).expect(2);
        assert!(refused.err.contains(words), "{options}: {}", refused.err);
        assert!(!lab.path("x.gguf").exists(), "{options}");
    }
}

#[test]
fn types_are_copied_from_another_file() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    lab.model("mini-bert");
    lab.run("convert tiny-llama --to gguf --target-size 2.3MB -o mix.gguf").expect(0);
    lab.run("convert tiny-llama --to gguf --like mix.gguf -o copy.gguf").expect(0);
    assert_eq!(fs::read(lab.path("mix.gguf")).unwrap(), fs::read(lab.path("copy.gguf")).unwrap());
    lab.run("convert mini-bert --to gguf:q8_0 -o bert.gguf").expect(0);
    for (options, words) in [
        ("--like bert.gguf", "no types to copy"),
        ("--like tiny-llama", "from a GGUF only"),
        ("--like none.gguf", "none.gguf"),
        ("--like mix.gguf --target-size 2MB", "a budget chooses types"),
    ] {
        let refused = lab.run(&format!("convert tiny-llama --to gguf {options} -o x.gguf")).expect(2);
        assert!(refused.err.contains(words), "{options}: {}", refused.err);
    }
}

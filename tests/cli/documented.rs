//! docs/events.md has every key of the objects that commands print.

use crate::lab::Lab;
use serde_json::Value;

/// Objects whose keys are names from the model.
const FREE: [&str; 4] = ["metadata", "opsets", "kinds", "tensors"];

/// Every key of a value, at any depth.
fn keys(value: &Value, out: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                out.push(key.clone());
                match inner {
                    Value::Object(free) if FREE.contains(&key.as_str()) => free.values().for_each(|v| keys(v, out)),
                    inner => keys(inner, out),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|v| keys(v, out)),
        _ => {}
    }
}

/// The words between backticks of a section.
fn documented(section: &str) -> Vec<String> {
    let page = include_str!("../../docs/events.md");
    let text = page.split(&format!("### {section}\n")).nth(1).unwrap_or_else(|| panic!("no section {section}"));
    let text = text.split("\n### ").next().unwrap();
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn every_key_of_an_object_is_documented() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    lab.run("convert tiny-llama --to gguf:q8_0").expect(0);
    let shared = documented("jobs list");
    for (section, args, more) in [
        ("inspect", "inspect tiny-llama --json", Vec::new()),
        ("inspect", "inspect . --json", Vec::new()),
        ("plan", "plan tiny-llama --json", Vec::new()),
        ("convert --dry-run", "convert tiny-llama --to gguf:q4_k_m --dry-run --json", Vec::new()),
        ("jobs list", "jobs list --json", Vec::new()),
        ("jobs show", "jobs show 1 --json", shared),
        ("jobs clean", "jobs clean --json", Vec::new()),
    ] {
        let named: Vec<String> = documented(section).into_iter().chain(more).collect();
        let ran = lab.run(args).expect(0);
        assert!(!ran.out.trim().is_empty(), "{args}");
        for line in ran.out.lines() {
            let mut value: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{args}: {e}"));
            // What a report has is described with the job that makes it.
            if let Some(map) = value.as_object_mut() {
                map.remove("report");
            }
            let mut found = Vec::new();
            keys(&value, &mut found);
            found.retain(|key| !named.contains(key));
            found.dedup();
            assert!(found.is_empty(), "{args}: not in docs/events.md: {found:?}");
        }
    }
}

//! Models side by side.

use crate::lab::Lab;
use crate::made::{floats, noise};
use crate::table::{check, row};
use remold::testing::engine::EventBody;

/// A lab with tiny-llama, its exact f32 conversion and a quantized one.
fn lab() -> Lab {
    let lab = Lab::new();
    lab.model("tiny-llama");
    lab.run("convert tiny-llama --to gguf:f32 --to gguf:q4_k_m -o .").expect(0);
    lab
}

#[test]
fn a_folder_and_its_conversions() {
    let lab = lab();
    let ran = lab.run("compare tiny-llama tiny-llama-F32.gguf tiny-llama-Q4_K_M.gguf --tensors").expect(0);
    for part in ["◆ tiny-llama", "39 of 39 tensors", "+101 %", "−68.0 %", "memory @ 1024", "blk.3.attn_q.weight"] {
        assert!(ran.out.contains(part), "{part} in\n{}", ran.out);
    }
    assert_eq!(ran.err, "", "no progress in a pipe");
    let line =
        |name: &str| ran.out.lines().find(|l| l.starts_with(name)).unwrap_or_else(|| panic!("{name}")).to_owned();
    assert!(line("weights dB").contains("exact"), "heads of queries and keys are permuted alike: {}", ran.out);
    let db: f64 = line("weights dB").split_whitespace().nth(3).unwrap().parse().unwrap();
    assert!((24.0..26.0).contains(&db), "{db}");
    assert!(line("blk.0.attn_q.weight").contains("exact"));
}

#[test]
fn a_pytorch_copy_has_the_same_bytes() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    lab.run("convert tiny-llama --to pytorch -o copy").expect(0);
    let ran = lab.run("compare tiny-llama copy").expect(0);
    assert!(ran.out.contains("39 of 39\n") && ran.out.contains("identical"), "{}", ran.out);
    assert!(ran.out.contains("matched by the names in the files"), "{}", ran.out);
}

#[test]
fn a_lone_file_keeps_its_names_in_a_gguf() {
    let lab = Lab::new();
    lab.write(
        "m.safetensors",
        floats(&[("layers.0.w", &[4, 64], noise(256, 1)), ("layers.1.w", &[4, 64], noise(256, 2))]),
    );
    lab.run("convert m.safetensors --to gguf:q8_0 -o q.gguf").expect(0);
    let ran = lab.run("compare m.safetensors q.gguf").expect(0);
    assert!(ran.out.contains("2 of 2 tensors compared") && ran.out.contains(" dB"), "{}", ran.out);
}

#[test]
fn json_is_events_and_nothing_else() {
    let lab = lab();
    let ran = lab.run("compare tiny-llama-Q4_K_M.gguf tiny-llama-F32.gguf --baseline tiny-llama --json").expect(0);
    assert_eq!(ran.err, "");
    let events = ran.events();
    let metric = |name: &str, model: &str| {
        events.iter().find_map(|e| match &e.body {
            EventBody::Metric(m) if m.name == name && m.model == model && m.layer.is_none() => Some(m.value),
            _ => None,
        })
    };
    assert_eq!(metric("compared_tensors", "tiny-llama-F32.gguf"), Some(39.0));
    assert_eq!(metric("rmse", "tiny-llama-F32.gguf"), Some(0.0));
    assert_eq!(metric("sqnr_db", "tiny-llama-F32.gguf"), None, "infinite");
    assert!(metric("sqnr_db", "tiny-llama-Q4_K_M.gguf").is_some_and(|db| (24.0..26.0).contains(&db)));
    assert_eq!(metric("rmse", "tiny-llama"), None, "the baseline has no error");
    let tensors = events.iter().filter(|e| matches!(&e.body, EventBody::TensorFinished(t) if t.rmse.is_some()));
    assert_eq!(tensors.count(), 2 * 39);
    let layers = events.iter().filter(|e| matches!(&e.body, EventBody::Metric(m) if m.layer.is_some()));
    assert!(layers.count() >= 4 * 4);
}

#[test]
fn exports_are_written_once() {
    let lab = lab();
    let compare = "compare tiny-llama tiny-llama-Q4_K_M.gguf --export a.md --export a.csv --export a.json";
    lab.run(compare).expect(0);
    let read = |name: &str| std::fs::read_to_string(lab.path(name)).unwrap();
    assert!(read("a.md").contains("## By layer"), "{}", read("a.md"));
    assert_eq!(read("a.csv").lines().count(), 40);
    let json: serde_json::Value = serde_json::from_str(&read("a.json")).unwrap();
    assert_eq!(json["tensors"].as_array().unwrap().len(), 39);
    let again = lab.run(compare).expect(2);
    assert!(again.err.contains("a.md: the file exists already") && again.out.is_empty(), "{}", again.err);
}

/// `compare` with tiny-llama there.
fn llama(args: &'static str) -> impl Fn(&Lab) -> String {
    move |lab| {
        lab.model("tiny-llama");
        format!("compare {args}")
    }
}

#[test]
fn wrong_requests_are_reported() {
    let rows = vec![
        row("one model", 2, &["at least two models"], llama("tiny-llama")),
        row("no model", 2, &["<MODEL>"], llama("")),
        row("seven models", 2, &["7 models", "at most 6"], llama("a b c d e f g")),
        row("the same twice", 2, &["given twice"], llama("tiny-llama ./tiny-llama")),
        row("one that is not there", 2, &["none.gguf", "no such file"], llama("tiny-llama none.gguf")),
        row("another network", 2, &["mini-bert", "no tensor has the same name and shape", "same network"], |lab| {
            lab.model("mini-bert");
            llama("tiny-llama mini-bert")(lab)
        }),
        row("an ending that says nothing", 2, &["x.html", ".csv"], llama("tiny-llama a --export x.html")),
        row("a text", 2, &["not supported in this version", "--data"], llama("tiny-llama a --data t.txt")),
        row("a file without a config beside a GGUF", 2, &["config.json", "GGUF names"], |lab| {
            lab.model("tiny-llama");
            lab.run("convert tiny-llama --to gguf:f32 -o x.gguf").expect(0);
            std::fs::remove_dir_all(lab.jobs()).unwrap();
            std::fs::copy(lab.path("tiny-llama/model.safetensors"), lab.path("lone.safetensors")).unwrap();
            "compare x.gguf lone.safetensors".into()
        }),
    ];
    check("compare.txt", rows);
}

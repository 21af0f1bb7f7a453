//! `[validate]`: outputs are measured against their source after they are published.

use crate::lab::{Lab, finish, fixture, start, words};
use crate::watch::{checkpoint, events, exported};
use remold::testing::engine::{Event, EventBody};
use serde_json::Value;
use std::path::Path;

/// A lab with a small model and a text of a few windows.
fn lab() -> Lab {
    let lab = Lab::new();
    lab.model("tiny-llama");
    let text = std::fs::read_to_string(fixture("golden").join("eval/eval.txt")).unwrap();
    lab.write("text.txt", &text[..text.floor_char_boundary(4000)]);
    lab
}

fn recipe(lab: &Lab, name: &str, fail_if: &str) {
    let text = format!(
        "[source]\npath = \"tiny-llama\"\n\n[[target]]\nformat = \"gguf\"\nquantization = \"q4_0\"\noutput = \"out.gguf\"\n\n\
         [validate]\ndata = \"text.txt\"\ncontext = 64\nchunks = 4\nfail_if = {{ {fail_if} }}\n"
    );
    lab.write(name, text);
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn checks(events: &[Event]) -> Vec<(String, bool)> {
    let check = |e: &Event| match &e.body {
        EventBody::Check(c) => Some((c.metric.clone(), c.passed)),
        _ => None,
    };
    events.iter().filter_map(check).collect()
}

#[test]
fn checks_that_pass_are_in_events_report_and_manifest() {
    let lab = lab();
    recipe(&lab, "good.toml", "kld_mean = \"> 1\", top1_agreement = \"< 10\"");
    let ran = lab.run("run good.toml --json").expect(0);
    let all = ran.events();
    let made =
        [("kld_mean", true), ("top1_agreement", true), ("tokenizer_ids_equal", true), ("chat_template_equal", true)];
    assert_eq!(checks(&all), made.map(|(name, passed)| (name.to_owned(), passed)));
    let metric = all.iter().find_map(|e| match &e.body {
        EventBody::Metric(m) if m.name == "kld_mean" => Some(m.clone()),
        _ => None,
    });
    let metric = metric.expect("an event of the divergence");
    assert!(metric.value > 0.0 && metric.uncertainty.is_some(), "{metric:?}");
    assert_eq!((metric.model.as_str(), metric.baseline.as_deref()), ("out.gguf", Some("tiny-llama")));
    let stages: Vec<String> = ran.out.lines().filter(|l| l.contains("\"stage.finished\"")).map(str::to_owned).collect();
    assert!(stages.len() == 4 && stages[3].contains("\"evaluate\""), "{stages:?}");
    // The report and the manifest say the same.
    let report = json(&lab.job().join("report.json"));
    let manifest = json(&lab.path("out.gguf.remold.json"));
    let (report, manifest) = (&report["outputs"][0]["evaluation"], &manifest["evaluation"]);
    assert_eq!(report, manifest);
    assert_eq!(report["checks"].as_array().unwrap().len(), 4);
    assert_eq!(report["measured_on"], "4 windows of 64 tokens, 124 tokens scored");
    let kld = report["metrics"].as_array().unwrap().iter().find(|m| m["name"] == "kld_mean").unwrap();
    assert!((kld["value"].as_f64().unwrap() - metric.value).abs() < 1e-12);
    // The same figures as those of `remold eval`.
    let eval = lab.run("eval out.gguf --baseline tiny-llama --data text.txt --context 64 --chunks 4 --json").expect(0);
    let line = eval.out.lines().find(|l| l.contains("\"kld_mean\"")).unwrap();
    let value = serde_json::from_str::<Value>(line).unwrap()["value"].as_f64().unwrap();
    assert!((value - metric.value).abs() <= value * 1e-9, "{value} {}", metric.value);
    // The manifest is whole.
    lab.run("verify out.gguf").expect(0);
    lab.run("verify out.gguf --source tiny-llama").expect(0);
    let shown = lab.run("jobs show 1").expect(0);
    assert!(shown.out.contains("mean KLD 0.") && shown.out.contains("✓ kld_mean is "), "{}", shown.out);
}

#[test]
fn a_check_that_fails_ends_with_3_and_keeps_the_output() {
    let lab = lab();
    recipe(&lab, "bad.toml", "kld_mean = \"> 0.0000001\"");
    let ran = lab.run("run bad.toml").expect(3);
    assert!(
        ran.err.contains("check failed: kld_mean is 0.") && ran.err.contains("fails if kld_mean > 0.0000001"),
        "{}",
        ran.err
    );
    assert!(lab.path("out.gguf").is_file());
    assert_eq!(json(&lab.path("out.gguf.remold.json"))["evaluation"]["checks"][0]["passed"], false);
    assert_eq!(json(&lab.job().join("report.json"))["outputs"][0]["evaluation"]["checks"][0]["passed"], false);
    assert_eq!(lab.state("1"), "finished");
    let list = lab.run("jobs list").expect(0);
    assert!(list.out.contains("finished, check failed"), "{}", list.out);
    assert!(lab.run("jobs list --json").expect(0).out.contains("\"failed_checks\":1"));
    let attached = lab.run("jobs attach 1").expect(3);
    assert!(attached.err.contains("check failed: kld_mean"), "{}", attached.err);
    let shown = lab.run("jobs show 1").expect(0);
    assert!(
        shown.out.contains("finished, 1 check failed") && shown.out.contains("✗ check failed: kld_mean"),
        "{}",
        shown.out
    );
    let log = lab.run("jobs log 1").expect(0);
    assert!(log.out.contains("check      failed  kld_mean is "), "{}", log.out);
    // A worker ends the same way.
    lab.run("convert tiny-llama --to gguf:q4_0 -o two.gguf --validate text.txt --set validate.context=64 --set validate.chunks=2 --fail-if kld_mean>0.0000001 --detach")
        .expect(0);
    lab.run("jobs attach 2").expect(3);
}

/// Nothing is registered when a check failed.
#[test]
fn an_output_that_fails_a_check_is_not_registered() {
    use std::os::unix::fs::PermissionsExt;
    let lab = lab();
    let program = lab.write("bin/ollama", format!("#!/bin/sh\necho \"$@\" >> {}/called\n", lab.dir().display()));
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", lab.path("bin").display(), std::env::var("PATH").unwrap_or_default());
    let args = "convert tiny-llama --to gguf:q4_0 --ollama-create tiny --validate text.txt --set validate.context=64 --set validate.chunks=2";
    let run = |more: &str| {
        let mut command = lab.command();
        command.args(words(&format!("{args} {more}"))).env("PATH", &path);
        finish(start(&mut command))
    };
    let failed = run("--fail-if top1_agreement<101").expect(3);
    assert!(failed.err.contains("nothing was registered"), "{}", failed.err);
    assert!(!lab.path("called").exists());
    run("--force --fail-if top1_agreement<1").expect(0);
    assert!(lab.path("called").exists());
}

#[test]
fn a_folder_and_an_encoder_are_checked_too() {
    let lab = lab();
    lab.model("mini-bert");
    lab.write("lines.txt", "The capital of Norway is Oslo.\nA cat sat on the mat.\nTrains run on time.\n");
    let ran = lab
        .run("convert mini-bert --to gguf:f16 -o bert.gguf --validate lines.txt --fail-if cosine_min<0.9 --json")
        .expect(0);
    let passed = checks(&ran.events());
    assert!(passed.contains(&("cosine_min".to_owned(), true)), "{passed:?}");
    let two = "convert tiny-llama --to gguf:q8_0 --to safetensors:bf16 -o out/ --validate text.txt --set validate.context=64 --set validate.chunks=2 --json";
    let ran = lab.run(two).expect(0);
    let outputs: Vec<Option<usize>> = ran
        .events()
        .iter()
        .filter_map(|e| match &e.body {
            EventBody::Check(c) if c.metric == "tokenizer_ids_equal" => Some(c.output.map(|o| o.0)),
            _ => None,
        })
        .collect();
    assert_eq!(outputs, [Some(0), Some(1)]);
}

/// A chat template that the conversion replaces is another one.
#[test]
fn another_chat_template_fails_the_check() {
    let lab = lab();
    let args = "convert tiny-llama --to gguf:q8_0 -o out.gguf --validate text.txt --set validate.context=64 --set validate.chunks=2 \
                --override-kv tokenizer.chat_template=str:{{\u{a0}messages[0].content\u{a0}}} --json";
    let ran = lab.run(args).expect(3);
    assert!(checks(&ran.events()).contains(&("chat_template_equal".to_owned(), false)), "{}", ran.out);
}

#[test]
fn what_cannot_be_evaluated_is_refused_before_anything_is_written() {
    let lab = lab();
    lab.model("mini-bert");
    std::fs::rename(lab.model("tiny-llama"), lab.path("untold")).unwrap();
    for file in ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"] {
        std::fs::remove_file(lab.path("untold").join(file)).unwrap();
    }
    lab.model("tiny-llama");
    lab.write("short.txt", "Too short.\n");
    lab.write("binary.txt", b"\xff\xfe\x00");
    let before = lab.tree();
    let to = "convert tiny-llama --to gguf:q4_0";
    for (args, part) in [
        (format!("{to} --validate absent.txt"), "absent.txt"),
        (format!("{to} --validate short.txt"), "the text has"),
        (format!("{to} --validate binary.txt"), "not UTF-8"),
        (format!("{to} --fail-if kld_mean>1"), "needs a text to measure"),
        (format!("{to} --validate text.txt --fail-if kld_meen>1"), "no metric \"kld_meen\""),
        (format!("{to} --validate text.txt --fail-if kld_mean"), "not a condition"),
        (format!("{to} --validate text.txt --set validate.fail_if.kld_meen=>1"), "unknown metric `kld_meen`"),
        (format!("{to} --validate text.txt --set validate.context=4096"), "longer than the"),
        (format!("{to} --validate text.txt --fail-if cosine_min<1"), "not measured"),
        ("convert mini-bert --to gguf:f16 --validate text.txt --fail-if kld_mean>1".to_owned(), "not measured"),
        ("convert untold --to safetensors:bf16 --bare --validate text.txt".to_owned(), "tokenizer"),
        ("convert tiny-llama --to pytorch --bare --validate text.txt".to_owned(), "cannot be evaluated"),
    ] {
        let ran = lab.run(&args).expect(2);
        assert!(ran.err.contains(part) && ran.err.contains("hint"), "{args}: {}", ran.err);
    }
    assert_eq!(lab.tree(), before);
    let plan = lab
        .run(&format!("{to} --validate text.txt --set validate.context=64 --fail-if kld_mean>1 --dry-run"))
        .expect(0);
    assert!(plan.out.contains("on text.txt against the source; fails if kld_mean > 1"), "{}", plan.out);
}

/// The output stays and the warning says that it was not checked.
#[test]
fn weights_that_are_not_finite_are_an_error_with_the_tensor() {
    let lab = lab();
    let file = lab.path("tiny-llama").join("model.safetensors");
    let mut bytes = std::fs::read(&file).unwrap();
    let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let head: Value = serde_json::from_slice(&bytes[8..8 + header]).unwrap();
    let tensor = &head["model.layers.0.mlp.down_proj.weight"];
    let at = 8 + header + tensor["data_offsets"][0].as_u64().unwrap() as usize;
    let nan: &[u8] = if tensor["dtype"] == "F32" { &[0, 0, 0xc0, 0x7f] } else { &[0xc0, 0x7f] };
    bytes[at..at + nan.len()].copy_from_slice(nan);
    std::fs::write(&file, bytes).unwrap();
    let ran = lab
        .run("convert tiny-llama --to gguf:f32 -o out.gguf --validate text.txt --set validate.context=64 --set validate.chunks=2")
        .expect(1);
    assert!(ran.err.contains("blk.0.ffn_down.weight") || ran.err.contains("down_proj"), "{}", ran.err);
    assert!(ran.err.contains("the outputs are complete, but they were not checked"), "{}", ran.err);
    assert!(lab.path("out.gguf").is_file());
}

#[test]
fn a_watched_export_that_fails_a_check_is_reported() {
    let lab = lab();
    checkpoint(&lab, "run/checkpoint-100", true);
    let recipe = "[[target]]\nformat = \"gguf\"\nquantization = \"q4_0\"\n\n[validate]\ndata = \"text.txt\"\ncontext = 64\nchunks = 2\n\
                  fail_if = { kld_mean = \"> 0.0000001\" }\n";
    lab.write("watch.toml", recipe);
    let ran = lab.run("watch run -r watch.toml --once --json --quiet-time 0.2").expect(3);
    assert_eq!(exported(&ran.out), [("checkpoint-100".to_owned(), "check_failed".to_owned())], "{}", ran.out);
    let why = events(&ran.out, "watch.exported")[0]["why"].clone();
    assert!(why.as_str().unwrap().starts_with("kld_mean is 0."), "{why}");
    assert!(events(&ran.out, "metric").iter().any(|m| m["name"] == "kld_mean"), "{}", ran.out);
}

#[test]
fn outputs_that_are_graphs_are_run_on_the_same_inputs() {
    let lab = Lab::new();
    lab.write("a.onnx", std::fs::read(fixture("graphs/attention-f32.onnx")).unwrap());
    let recipe = |name: &str, fail_if: &str, more: &str| {
        let text = format!(
            "[source]\npath = \"a.onnx\"\n\n[[target]]\nformat = \"onnx\"\nquantization = \"f16\"\noutput = \"{name}.onnx\"\n\n\
             [validate]\nfail_if = {{ {fail_if} }}\n{more}"
        );
        lab.write(&format!("{name}.toml"), text);
    };
    recipe("good", "output_snr_db = \"< 20\", output_cosine = \"< 0.9\"", "");
    let ran = lab.run("run good.toml --json").expect(0);
    let made = [("output_snr_db", true), ("output_cosine", true)];
    assert_eq!(checks(&ran.events()), made.map(|(name, passed)| (name.to_owned(), passed)));
    let report = json(&lab.job().join("report.json"));
    let manifest = json(&lab.path("good.onnx.remold.json"));
    let (report, manifest) = (&report["outputs"][0]["evaluation"], &manifest["evaluation"]);
    assert_eq!(report, manifest);
    assert_eq!((&report["mode"], &report["data"]), (&"reference".into(), &Value::Null));
    assert!(report["measured_on"].as_str().unwrap().starts_with("inputs made from a seed: x [1, 8, 8]"), "{report}");
    assert_eq!(report["metrics"].as_array().unwrap().len(), 4);
    recipe("bad", "output_max_error = \"> 1e-12\"", "");
    let ran = lab.run("run bad.toml").expect(3);
    assert!(lab.path("bad.onnx").exists() && ran.err.contains("output_max_error"), "{}", ran.err);
    // What graphs do not have is refused before anything is written.
    for (name, fail_if, more, part) in [
        ("text", "kld_mean = \"> 1\"", "", "kld_mean is not measured here"),
        ("window", "output_cosine = \"< 0.9\"", "context = 64\n", "it is about texts"),
        ("file", "output_cosine = \"< 0.9\"", "data = \"none.npz\"\n", "none.npz"),
    ] {
        recipe(name, fail_if, more);
        let ran = lab.run(&format!("run {name}.toml")).expect(2);
        assert!(ran.err.contains(part), "{name}: {}", ran.err);
        assert!(!lab.path(&format!("{name}.onnx")).exists());
    }
}

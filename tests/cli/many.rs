//! Several models with one command.

use crate::lab::Lab;

/// A lab with `runs/a`, `runs/b`, a model that is cut off, and an output of remold.
fn runs() -> Lab {
    let lab = Lab::new();
    std::fs::create_dir(lab.path("runs")).unwrap();
    for name in ["a", "b", "cut"] {
        lab.model("mini-bert");
        std::fs::rename(lab.path("mini-bert"), lab.path("runs").join(name)).unwrap();
    }
    let cut = lab.path("runs/cut/model.safetensors");
    let bytes = std::fs::read(&cut).unwrap();
    std::fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
    lab
}

#[test]
fn each_model_is_converted_and_a_bad_one_is_skipped() {
    let lab = runs();
    let ran = lab.run("convert runs/a runs/cut runs/b --to gguf:q8_0 -o out").expect(1);
    assert!(lab.path("out/a-Q8_0.gguf").exists() && lab.path("out/b-Q8_0.gguf").exists());
    // The bad one is found before the first byte is written.
    let (error, begin) = (ran.err.find("runs/cut is skipped"), ran.err.find("[1/2] runs/a"));
    assert!(error.is_some() && error < begin, "{}", ran.err);
    let table: Vec<&str> = ran.err.lines().skip_while(|l| !l.starts_with("source ")).collect();
    assert_eq!(table.len(), 4, "{}", ran.err);
    for (row, end) in [(1, "✓"), (3, "✓")] {
        assert!(table[row].ends_with(end), "{}", ran.err);
    }
    assert!(table[2].starts_with("runs/cut") && table[2].contains("skipped: "), "{}", table[2]);
    let jobs = lab.run("jobs list --json").expect(0);
    assert_eq!(jobs.out.lines().count(), 2, "{}", jobs.out);
}

#[test]
fn fail_fast_writes_nothing_when_one_cannot_be_planned() {
    let lab = runs();
    let before = lab.tree();
    lab.run("convert runs/a runs/cut runs/b --to gguf:q8_0 -o out --fail-fast").expect(2);
    assert_eq!(lab.tree(), before);
    // Nor when none can be.
    lab.run("convert runs/cut nothing --to gguf:q8_0 -o out").expect(2);
    assert_eq!(lab.tree(), before);
    assert!(!lab.jobs().exists());
}

#[test]
fn a_folder_is_searched_and_own_outputs_are_left_out() {
    let lab = runs();
    std::fs::remove_dir_all(lab.path("runs/cut")).unwrap();
    lab.run("convert runs/a --to gguf:q8_0").expect(0);
    let ran = lab.run("convert --recursive runs --to gguf:q4_0 -o out").expect(0);
    assert!(ran.err.contains("1 model left out: written by remold"), "{}", ran.err);
    let made: Vec<String> = lab.tree().into_keys().filter(|k| k.starts_with("out/") && k.ends_with(".gguf")).collect();
    assert_eq!(made, ["out/a-Q4_0.gguf", "out/b-Q4_0.gguf"]);
    let none = lab.run("convert --recursive out --to gguf:q4_0").expect(2);
    assert!(none.err.contains("there are no models to convert"), "{}", none.err);
    // Without the flag, the hint names it.
    assert!(lab.run("convert out --to gguf").expect(2).err.contains("--recursive"));
}

#[test]
fn two_models_never_have_one_output() {
    let lab = runs();
    std::fs::create_dir(lab.path("other")).unwrap();
    std::fs::rename(lab.path("runs/b"), lab.path("other/a")).unwrap();
    let before = lab.tree();
    let ran = lab.run("convert runs/a other/a --to gguf:q8_0 -o out").expect(2);
    assert!(ran.err.contains("runs/a and other/a would be written to the same output"), "{}", ran.err);
    let file = lab.run("convert runs/a other/a --to gguf:q8_0 -o out.gguf").expect(2);
    assert!(file.err.contains("several models cannot be written to one file"), "{}", file.err);
    let reuse = lab.run("convert runs/a other/a --to gguf:q8_0 --reuse x.gguf").expect(2);
    assert!(reuse.err.contains("--reuse"), "{}", reuse.err);
    assert_eq!(lab.tree(), before);
    // Nor is the output of one a file of another.
    lab.run("convert runs/a --to gguf:f16 -o x/a.gguf --no-manifest").expect(0);
    std::fs::copy(lab.path("runs/a/model.safetensors"), lab.path("x/a.safetensors")).unwrap();
    let over = lab.run("convert x/a.safetensors x/a.gguf --to gguf --bare -o x --force").expect(2);
    assert!(over.err.contains("the output of x/a.safetensors is a file of x/a.gguf"), "{}", over.err);
}

#[test]
fn events_carry_their_source_and_end_with_a_summary() {
    let lab = runs();
    let ran = lab.run("convert runs/a runs/cut runs/b --to gguf:q8_0 -o out --json").expect(1);
    let lines: Vec<serde_json::Value> = ran.out.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let (summary, events) = lines.split_last().unwrap();
    for event in events {
        let source = event["source"].as_str().unwrap();
        assert!(["runs/a", "runs/b"].contains(&source) && event["job"].is_string(), "{event}");
    }
    assert_eq!(summary["kind"], "summary");
    let models = summary["models"].as_array().unwrap();
    let status: Vec<&str> = models.iter().map(|m| m["status"].as_str().unwrap()).collect();
    assert_eq!(status, ["done", "skipped", "done"]);
    assert!(models[1]["error"].as_str().unwrap().contains("model.safetensors"));
}

#[test]
fn a_dry_run_plans_all_and_a_detached_run_queues_all() {
    let lab = runs();
    let before = lab.tree();
    let ran = lab.run("convert runs/a runs/b --to gguf:q8_0 -o out --dry-run").expect(0);
    assert!(ran.out.contains("out/a-Q8_0.gguf") && ran.out.contains("out/b-Q8_0.gguf"), "{}", ran.out);
    assert!(ran.out.ends_with("write it with: remold convert runs/a runs/b --to gguf:q8_0 -o out\n"), "{}", ran.out);
    let json = lab.run("convert runs/a runs/b --to gguf:q8_0 -o out --dry-run --json").expect(0);
    assert_eq!(json.out.lines().filter(|l| l.contains("\"outputs\"")).count(), 2, "{}", json.out);
    lab.run("convert runs/a runs/cut --to gguf:q8_0 -o out --dry-run").expect(1);
    assert_eq!(lab.tree(), before);
    let ran = lab.run("convert runs/a runs/b --to gguf:q8_0 -o out --detach").expect(0);
    assert!(ran.err.contains("job 1") && ran.err.contains("job 2"), "{}", ran.err);
    for id in ["1", "2"] {
        lab.run(&format!("jobs attach {id}")).expect(0);
    }
    assert!(lab.path("out/a-Q8_0.gguf").exists() && lab.path("out/b-Q8_0.gguf").exists());
}

#[test]
fn a_recipe_takes_several_models() {
    let lab = runs();
    lab.write("r.toml", "output_dir = 'out'\n[[target]]\nformat = 'gguf'\nquantization = 'q8_0'\n");
    lab.run("run r.toml runs/a runs/b").expect(0);
    assert!(lab.path("out/a-Q8_0.gguf").exists() && lab.path("out/b-Q8_0.gguf").exists());
    lab.write("one.toml", "[[target]]\nformat = 'gguf'\noutput = 'one.gguf'\n");
    let ran = lab.run("run one.toml runs/a runs/b").expect(2);
    assert!(ran.err.contains("runs/a and runs/b would be written to the same output"), "{}", ran.err);
    lab.run("run one.toml runs/a").expect(0);
    assert!(lab.path("one.gguf").exists());
}

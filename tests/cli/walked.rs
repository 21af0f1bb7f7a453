//! What a newcomer to the command line stumbled over.

use crate::lab::Lab;
use crate::made::{floats, noise};

/// The line of a text that has these words.
fn line<'a>(text: &'a str, words: &str) -> &'a str {
    text.lines().find(|l| l.contains(words)).unwrap_or_else(|| panic!("{words} is not in\n{text}"))
}

#[test]
fn measurements_say_what_they_do_with_odd_requests() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    std::fs::copy(crate::lab::fixture("models/tiny-llama-holdout.txt"), lab.path("t.txt")).unwrap();
    // Nothing is written into a source, and -q prints the path as it was given.
    let ran = lab.run("imatrix tiny-llama --data t.txt --chunks 1 -c 64 -o tiny-llama/im.gguf").expect(2);
    assert!(ran.err.contains("the output is inside the source"), "{}", ran.err);
    let ran = lab.run("imatrix tiny-llama --data t.txt --chunks 1 -c 64 -o im.gguf -q").expect(0);
    assert_eq!(ran.out, "im.gguf\n");
    let ran = lab.run("imatrix --merge im.gguf tiny-llama --data t.txt").expect(2);
    assert!(line(&ran.err, "hint:").contains("Name the model before --merge"), "{}", ran.err);
    // A limit that cannot be met, and a model that is compared with itself.
    let ran = lab.run("eval tiny-llama --baseline tiny-llama --data t.txt --chunks 1 -c 64 --memory 1KB").expect(0);
    assert!(line(&ran.out, "1.00 kB of memory are allowed").contains("a window of 64 tokens takes"), "{}", ran.out);
    line(&ran.out, "tiny-llama is the only model: it is its own baseline");
    let repeat = line(&ran.out, "repeat ");
    assert!(repeat.contains("cd ") && repeat.ends_with("--memory 1KB"), "{repeat}");
    let ran = lab.run("eval tiny-llama tiny-llama --data t.txt").expect(2);
    assert!(ran.err.contains("hint: Name each model once"), "{}", ran.err);
}

#[test]
fn a_vocabulary_alone_is_not_called_damaged() {
    let vocabulary =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/material/gguf/vocab/ggml-vocab-gpt-2.gguf");
    if !vocabulary.exists() {
        return crate::skip::skipped("a file with only a vocabulary: ../shared/material is not here");
    }
    let lab = Lab::new();
    lab.write("t.txt", "some text ".repeat(200));
    let ran = lab.run(&format!("imatrix {} --data t.txt", vocabulary.display())).expect(2);
    assert!(ran.err.contains("there are no weights to run") && !ran.err.contains("damaged or"), "{}", ran.err);
}

#[test]
fn all_mistakes_of_a_recipe_are_reported_with_their_places() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    let bad = "sorce = \"x\"\n[[target]]\nformat = \"gguf\"\nquantization = \"q4_q_m\"\n[validate]\ndata = \"t.txt\"\n\
               fail_if = { kld_maen = \"> 1\" }\n";
    lab.write("bad.toml", bad);
    for args in ["recipe check bad.toml", "run bad.toml"] {
        let ran = lab.run(args).expect(2);
        for place in
            ["bad.toml:1:1: unknown key", "bad.toml:4:16: unknown quantization", "bad.toml:7:13: unknown metric"]
        {
            assert!(ran.err.contains(place), "{args}: {place}\n{}", ran.err);
        }
    }
    lab.write("noext", "source: tiny-llama\ntarget: gguf:q8_0\n");
    let ran = lab.run("recipe check noext").expect(2);
    assert!(ran.err.contains("this is YAML") && ran.err.contains("Name the file noext.yaml."), "{}", ran.err);
    // What is wrong with a file as a whole has no line.
    lab.write("empty.toml", "");
    for (file, what) in [("tiny-llama", "tiny-llama: "), ("empty.toml", "empty.toml: the recipe has no target")] {
        let ran = lab.run(&format!("recipe check {file}")).expect(2);
        assert!(ran.err.starts_with(what) && !ran.err.contains('^'), "{}", ran.err);
    }
    // A recipe by name: its file is named, and it is not listed with those that can be run.
    lab.write("../home/.config/remold/recipes/broken.toml", "target = \"gguf:q9\"\n");
    let ran = lab.run("run broken tiny-llama").expect(2);
    assert!(ran.err.contains("broken.toml:1:10: unknown quantization `q9`"), "{}", ran.err);
    let list = lab.run("recipe list").expect(0);
    assert!(!list.out.contains("broken") && list.err.contains("broken.toml has mistakes"), "{list:?}");
    let ran = lab.run("recipe check balanced").expect(2);
    assert!(ran.err.contains("`remold recipe show balanced`"), "{}", ran.err);
}

#[test]
fn an_export_is_replaced_on_request_and_no_input_is() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    lab.run("convert tiny-llama --to gguf:q8_0 -o q.gguf").expect(0);
    lab.run("compare tiny-llama q.gguf --export r.md").expect(0);
    let ran = lab.run("compare tiny-llama q.gguf --export r.md").expect(2);
    assert!(ran.err.contains("replace it with --force"), "{}", ran.err);
    lab.write("r.md", "old");
    lab.run("compare tiny-llama q.gguf --export r.md --force").expect(0);
    assert!(std::fs::read_to_string(lab.path("r.md")).unwrap().contains("# Comparison"));
    let ran = lab.run("compare tiny-llama q.gguf --export tiny-llama/config.json --force").expect(2);
    assert!(ran.err.contains("belongs to an input"), "{}", ran.err);
}

#[test]
fn what_is_not_finite_is_named() {
    let lab = Lab::new();
    let file =
        |values: Vec<f32>| floats(&[("a.weight", &[64, 32], noise(64 * 32, 1)), ("b.weight", &[64, 32], values)]);
    let mut broken = noise(64 * 32, 2);
    broken[77] = f32::NAN;
    lab.write("a.safetensors", file(noise(64 * 32, 2)));
    lab.write("b.safetensors", file(broken));
    let ran = lab.run("compare a.safetensors b.safetensors").expect(0);
    let warning = line(&ran.out, "not finite in");
    assert!(warning.contains("b.weight") && !warning.contains("a.weight"), "{warning}");
}

#[test]
fn a_watcher_says_what_it_leaves_out_and_what_a_pause_holds() {
    let lab = Lab::new();
    let model = lab.model("tiny-llama");
    std::fs::create_dir(lab.path("run")).unwrap();
    std::fs::rename(model, lab.path("run/m")).unwrap();
    let watch = "watch run --to gguf:q8_0 --once --quiet-time 0.1";
    let ran = lab.run(&format!("{watch} --include nothing*")).expect(0);
    assert!(line(&ran.err, "0 sources").contains("1 source left out by --include and --exclude"), "{}", ran.err);
    lab.run("watch pause").expect(0);
    let ran = lab.run(watch).expect(1);
    line(&ran.err, "complete; not exported, because the watcher is paused");
    let ran = lab.run("watch run --to gguf:q4k --once").expect(2);
    assert!(ran.err.contains("--to: unknown quantization `q4k`"), "{}", ran.err);
    assert!(ran.err.contains("`remold formats` lists them") && !ran.err.contains("iq2_xxs"), "{}", ran.err);
}

#[test]
fn what_is_asked_for_is_shown_whole_and_settings_without_effect_are_named() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    let ran = lab.run("inspect tiny-llama --config").expect(0);
    let field = line(&ran.out, "bos_token_id");
    assert!(field.ends_with("if the tokenizer files name no such token") && !field.contains(" ignored "), "{field}");
    let plans = ["1-2", "1,2"].map(|layers| {
        lab.run(&format!("convert tiny-llama --to gguf:q8_0 --prune-layers {layers} --dry-run -o x.gguf --json"))
            .expect(0)
            .out
    });
    assert_eq!(plans[0], plans[1]);
    let ran = lab.run("convert tiny-llama --to gguf: -o x.gguf").expect(2);
    assert!(ran.err.contains("no quantization behind the colon"), "{}", ran.err);
    let mut command = lab.command();
    command.args(["jobs", "list"]).env("REMOLD_JOBS_AT_ONCE", "x");
    let ran = crate::lab::finish(crate::lab::start(&mut command)).expect(0);
    assert!(ran.err.contains("REMOLD_JOBS_AT_ONCE=x is not a number from 1 to 64"), "{}", ran.err);
    // A set with a missing file is called by one of its files, not `.`.
    lab.run("convert tiny-llama --to gguf --max-shard-size 2MB -o sp/").expect(0);
    let files = crate::lab::gguf_files(&lab.path("sp"));
    std::fs::remove_file(&files[2]).unwrap();
    for file in files.iter().filter(|f| f.exists()) {
        std::fs::rename(file, lab.path(&file.file_name().unwrap().to_string_lossy())).unwrap();
    }
    let first = files[0].file_name().unwrap().to_string_lossy().into_owned();
    let ran = lab.run(&format!("inspect {first}")).expect(2);
    assert!(ran.err.contains(&format!("error: {first}: 1 of ")), "{}", ran.err);
}

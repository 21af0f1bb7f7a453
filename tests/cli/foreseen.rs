//! What is known before the work is said before it: folders that are missing, options that do nothing, limits of the system.

use crate::lab::{Lab, finish, fixture, start, words};
use crate::table::{Row, check, row};
use serde_json::Value;
use std::process::Command;

/// A lab with tiny-llama, a text, and a small GGUF.
fn lab(lab: &Lab) {
    lab.model("tiny-llama");
    std::fs::copy(fixture("models/tiny-llama-holdout.txt"), lab.path("t.txt")).unwrap();
}

fn refused(name: &'static str, says: &[&'static str], args: &'static str) -> Row {
    row(name, 2, says, move |l: &Lab| {
        lab(l);
        args.to_owned()
    })
}

#[test]
fn what_cannot_be_written_is_refused_before_the_work() {
    let missing = "the folder of the output does not exist";
    check(
        "foreseen.txt",
        vec![
            refused(
                "an export into no folder",
                &["nodir/x.md", missing],
                "compare tiny-llama tiny-llama --data t.txt --export nodir/x.md",
            ),
            refused(
                "two exports of one name",
                &["e.html", "two exports have this name"],
                "compare tiny-llama tiny-llama --export e.html --export ./e.html",
            ),
            refused(
                "an export into a source",
                &["inside the source"],
                "compare tiny-llama tiny-llama --export tiny-llama/e.html",
            ),
            refused(
                "scores into no folder",
                &["nodir/s.json", missing],
                "plan tiny-llama --data t.txt --scores nodir/s.json --score-time 5s",
            ),
            refused(
                "log-probabilities into no folder",
                &["nodir/l.bin", missing],
                "eval tiny-llama --data t.txt --save-logits nodir/l.bin",
            ),
            refused(
                "log-probabilities into a source",
                &["inside the source"],
                "eval tiny-llama --data t.txt --save-logits tiny-llama/l.bin",
            ),
            refused("a forecast with a pattern that matches nothing", &["`nosuch`", "matches no tensor"], {
                "plan tiny-llama --tensor-type nosuch=q8_0"
            }),
            refused("a recipe as JSON", &["x.json", "written as TOML", "x.toml"], "recipe new -o x.json"),
            refused("a recipe as YAML", &["x.yml", "written as TOML", "x.toml"], "recipe new -o x.yml"),
            refused(
                "a name that contradicts the form",
                &["x.gguf", "the name says gguf, and --output-format says dat"],
                "imatrix tiny-llama --data t.txt --output-format dat -o x.gguf",
            ),
            refused(
                "a text for a budget that is not there",
                &["nosuch.txt"],
                "convert tiny-llama --to gguf:q8_0 --data nosuch.txt --dry-run",
            ),
            refused(
                "a text for checks of a budget that is not there",
                &["nosuch.txt"],
                "convert tiny-llama --to gguf:q8_0 --check-data nosuch.txt --dry-run",
            ),
            refused("manual pages into a file", &["t.txt", "it is a file, not a folder"], "man --dir t.txt"),
            refused(
                "a device as output",
                &["/dev/null", "a device, a pipe or a socket"],
                "convert tiny-llama --to gguf:q8_0 -o /dev/null",
            ),
            refused(
                "an ending of no format",
                &["out.xyz", "the ending .xyz is that of no format"],
                "convert tiny-llama -o out.xyz",
            ),
            refused(
                "a target among the models",
                &["gguf", "a target, not a model", "`--to gguf`"],
                "convert tiny-llama gguf",
            ),
            row("a merge into another format", 2, &["x.safetensors", "End the name in .gguf"], |l: &Lab| {
                lab(l);
                l.run("convert tiny-llama --to gguf:q8_0 --max-shard-size 2MB -o m.gguf").expect(0);
                std::fs::remove_dir_all(l.jobs()).unwrap();
                "merge m-00001-of-00003.gguf -o x.safetensors".to_owned()
            }),
            refused(
                "a number of metadata that is too large",
                &["does not fit into 64 bits"],
                "convert tiny-llama --to gguf --override-kv a.b=int:99999999999999999999",
            ),
            row(
                "a folder without weights",
                2,
                &["no weights in this folder (safetensors", "ggml", "onnx"],
                |l: &Lab| {
                    std::fs::create_dir(l.path("emptyd")).unwrap();
                    "inspect emptyd".to_owned()
                },
            ),
        ],
    );
}

#[test]
fn options_that_do_nothing_are_named() {
    let l = Lab::new();
    lab(&l);
    for (args, option) in [
        ("gguf:q8_0 --check-data t.txt", "budget_check (--check-data) has no effect without target_size"),
        ("gguf:q8_0 --pure", "pure (--pure) has no effect"),
        ("gguf:f16 --pure", "pure (--pure) has no effect"),
        ("gguf --target-bpw 5 --pure", "pure (--pure) has no effect"),
        ("gguf:f16 --leave-output", "leave_output (--leave-output) has no effect"),
    ] {
        let ran = l.run(&format!("convert tiny-llama --to {args} --force")).expect(0);
        assert!(ran.err.contains(&format!("warning: {option}")), "{args}: {}", ran.err);
    }
}

#[test]
fn merged_chunks_are_told_from_computed_ones() {
    let l = Lab::new();
    lab(&l);
    let one = "imatrix tiny-llama --data t.txt -c 64 --chunks 1";
    l.run(&format!("{one} -o part.gguf")).expect(0);
    let ran = l.run(&format!("{one} --from-chunk 1 -o both.gguf --merge part.gguf")).expect(0);
    assert!(ran.err.contains("2 chunks, 1 of them computed now: 64 tokens in"), "{}", ran.err);
}

#[test]
fn pure_is_not_called_idle_where_it_changes_types() {
    let l = Lab::new();
    lab(&l);
    let ran = l.run("convert tiny-llama --to gguf:q4_k_m --pure --dry-run").expect(0);
    assert!(!ran.err.contains("has no effect"), "{}", ran.err);
}

#[test]
fn the_output_matrix_is_left_in_every_quantized_type() {
    let l = Lab::new();
    lab(&l);
    for more in ["", " --output-type q4_0"] {
        let ran = l.run(&format!("convert tiny-llama --to gguf:q8_0 --leave-output{more} --dry-run --json")).expect(0);
        let plan: Value = serde_json::from_str(ran.out.trim()).unwrap();
        let tensors = plan["outputs"][0]["tensors"].as_array().unwrap();
        let to = |name: &str| tensors.iter().find(|t| t["name"] == name).map(|t| t["to"].clone()).unwrap();
        assert_ne!(to("blk.0.ffn_up.weight"), to("output.weight"), "{more}");
        assert!(!to("output.weight").to_string().to_lowercase().contains('q'), "{more}: {}", to("output.weight"));
    }
}

/// Runs remold under a limit of the shell.
fn limited(lab: &Lab, limit: &str, args: &str) -> crate::lab::Ran {
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("ulimit {limit} && exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_remold")])
        .args(words(args));
    lab.surround(&mut command);
    finish(start(&mut command))
}

#[test]
fn limits_of_the_system_have_hints() {
    let l = Lab::new();
    lab(&l);
    let before = l.tree();
    let ran = limited(&l, "-f 1000", "convert tiny-llama --to gguf:q4_k_m -o ul.gguf").expect(1);
    assert!(ran.err.contains("too large") && ran.err.contains("`ulimit -f`"), "{}", ran.err);
    assert_eq!(l.tree(), before, "nothing is left");
    for files in 8..16 {
        let ran = limited(&l, &format!("-n {files}"), "convert tiny-llama --to gguf:q4_k_m -o n.gguf --force");
        assert!(!ran.err.contains("This is a bug"), "{files}: {}", ran.err);
        if ran.err.contains("too many open files") {
            // Where the work is done but for the last step, the hint says how to go on.
            let has_hint = ran.err.contains("`ulimit -n`") || ran.err.contains("Remove the cause");
            assert!(has_hint, "{files}: {}", ran.err);
        }
    }
}

#[test]
fn cleaning_answers_in_json() {
    let l = Lab::new();
    lab(&l);
    l.run("convert tiny-llama --to gguf:q8_0").expect(0);
    let ran = l.run("jobs clean --json").expect(0);
    let answer: Value = serde_json::from_str(ran.out.trim()).unwrap();
    assert!(answer["removed"] == 1 && answer["kept"] == 0 && ran.err.is_empty(), "{answer} {}", ran.err);
}

#[test]
fn warnings_about_files_from_before_gguf_come_once_and_for_every_family() {
    let golden = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/golden/ggml");
    if !golden.exists() {
        return crate::skip::skipped("files from before GGUF: ../shared/golden is not here");
    }
    let l = Lab::new();
    for family in ["gptj", "mpt", "gpt-neox"] {
        let file = golden.join(format!("families/g.{family}.f16.bin"));
        let ran = l.run(&format!("convert {} --to safetensors -o {family}", file.display())).expect(0);
        assert!(ran.err.contains("no config is written"), "{family}: {}", ran.err);
    }
    let (base, adapter) = (golden.join("llama/a.ggjt3.f32.bin"), golden.join("lora/ggml-adapter-model.bin"));
    let ran =
        l.run(&format!("convert {} --lora {} --to safetensors -o merged", base.display(), adapter.display())).expect(0);
    let warnings: Vec<&str> = ran.err.lines().filter(|line| line.starts_with("warning:")).collect();
    for (i, warning) in warnings.iter().enumerate() {
        assert!(!warnings[..i].contains(warning), "{}", ran.err);
    }
    assert!(!warnings.is_empty(), "{}", ran.err);
}

#[test]
fn a_link_to_itself_is_called_so() {
    let l = Lab::new();
    std::os::unix::fs::symlink("loop", l.path("loop")).unwrap();
    let ran = l.run("inspect loop").expect(1);
    assert!(ran.err.contains("hint: It is a link that leads back to itself."), "{}", ran.err);
}

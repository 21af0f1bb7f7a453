//! Paths that are not UTF-8, output streams and disks that take nothing.

use crate::lab::{Lab, Ran, finish, start};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::process::{Command, Stdio};

fn run(lab: &Lab, args: &[&OsStr]) -> Ran {
    let mut command = lab.command();
    command.args(args);
    finish(start(&mut command))
}

fn words(args: &str) -> Vec<&OsStr> {
    args.split(' ').map(OsStr::new).collect()
}

#[test]
fn an_argument_that_is_not_utf_8_does_not_end_a_conversion() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    let root = OsStr::from_bytes(b"jobs\xff");
    let args = [vec![OsStr::new("--jobs-root"), root], words("convert tiny-llama --to gguf:q8_0 -o a.gguf")].concat();
    let ran = run(&lab, &args).expect(0);
    assert!(!ran.err.contains("panicked") && lab.path("a.gguf").is_file(), "{}", ran.err);
    // An answer that JSON cannot have is an error, not an empty line.
    let ran = run(&lab, &[vec![OsStr::new("--jobs-root"), root], words("jobs --json")].concat()).expect(1);
    assert!(ran.out.is_empty() && ran.err.contains("cannot be written as JSON"), "{}{}", ran.out, ran.err);
}

#[test]
fn the_summary_of_several_models_names_one_whose_path_is_not_utf_8() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    std::fs::rename(lab.path("tiny-llama"), lab.dir().join(OsStr::from_bytes(b"b\xff"))).unwrap();
    lab.model("tiny-llama");
    let args =
        [vec![OsStr::new("convert"), OsStr::from_bytes(b"b\xff")], words("tiny-llama --to gguf:q8_0 -o out/ --json")]
            .concat();
    let ran = run(&lab, &args).expect(1);
    let last = ran.out.lines().last().unwrap();
    let summary: serde_json::Value = serde_json::from_str(last).unwrap();
    assert_eq!(summary["models"][0]["source"], "b\u{fffd}");
    assert_eq!(summary["models"][1]["status"], "done");
}

#[test]
fn an_answer_that_cannot_be_written_is_a_failure() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    lab.model("tiny-llama3-pt");
    for args in [
        "convert tiny-llama --to gguf:q8_0 -o a.gguf -q",
        "convert tiny-llama tiny-llama3-pt --to gguf:q8_0 -o out/ --json",
        "jobs --json",
    ] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut command = lab.command();
        command.args(words(args)).stdout(full).stderr(Stdio::piped());
        let ran = finish(command.spawn().unwrap()).expect(1);
        assert!(ran.err.contains("writing to standard output"), "{args}: {}", ran.err);
    }
    assert!(lab.path("a.gguf").is_file(), "the conversion itself is done");
}

#[test]
fn a_recipe_that_cannot_be_written_whole_leaves_nothing() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    // No file may have a byte; the signal that says so is ignored, so that the write fails as on a full disk.
    let mut command = Command::new("sh");
    lab.surround(&mut command);
    command.args(["-c", "trap '' XFSZ; ulimit -f 0; exec \"$0\" recipe new tiny-llama --goal archive -o r.toml"]);
    command.arg(env!("CARGO_BIN_EXE_remold"));
    let before = lab.tree();
    let ran = finish(start(&mut command)).expect(1);
    assert!(ran.err.contains("r.toml"), "{}", ran.err);
    assert_eq!(lab.tree(), before);
    lab.run("recipe new tiny-llama --goal archive -o r.toml").expect(0);
}

#[test]
fn a_path_with_a_nul_character_is_found_before_anything_runs() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    let recipe = |key: &str| {
        let (top, source, target) = match key {
            "output_dir" => ("output_dir = \"\\u0000x\"\n", "tiny-llama", ""),
            "path" => ("", "\\u0000x", ""),
            _ => ("", "tiny-llama", "output = \"\\u0000x\"\n"),
        };
        format!("{top}[source]\npath = \"{source}\"\n[[target]]\nformat = \"gguf\"\nquantization = \"q8_0\"\n{target}")
    };
    for key in ["output", "output_dir", "path"] {
        lab.write("r.toml", recipe(key));
        for command in ["recipe check r.toml", "run r.toml --dry-run", "run r.toml"] {
            let ran = lab.run(command).expect(2);
            assert!(ran.err.contains("NUL") || ran.out.contains("NUL"), "{key}, {command}: {}{}", ran.out, ran.err);
        }
    }
}

#[test]
fn the_hint_for_models_of_one_name_works() {
    let lab = Lab::new();
    for folder in ["a", "b"] {
        lab.model("tiny-llama");
        std::fs::create_dir(lab.path(folder)).unwrap();
        std::fs::rename(lab.path("tiny-llama"), lab.path(folder).join("m")).unwrap();
    }
    let refused = lab.run("convert a/m b/m --to gguf:q8_0 -o out/").expect(2);
    assert!(refused.err.contains("with -o") && !refused.err.contains("{source}"), "{}", refused.err);
}

//! What is written for Ollama, and `ollama create` as the last stage.

use crate::lab::Lab;
use remold::testing::formats;
use remold::testing::model::MetaValue;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// A program `ollama` that notes its arguments and ends as `script` says.
fn ollama(lab: &Lab, script: &str) -> String {
    let path = lab.write("bin/ollama", format!("#!/bin/sh\necho \"$@\" >> {}/called\n{script}\n", lab.dir().display()));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    format!("{}:{}", lab.path("bin").display(), std::env::var("PATH").unwrap_or_default())
}

fn called(lab: &Lab) -> String {
    std::fs::read_to_string(lab.path("called")).unwrap_or_default()
}

fn with_path(lab: &Lab, path: &str, args: &str) -> crate::lab::Ran {
    let mut command = lab.command();
    command.args(crate::lab::words(args)).env("PATH", path);
    crate::lab::finish(crate::lab::start(&mut command))
}

#[test]
fn the_chat_template_of_the_model_is_in_the_modelfile() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    lab.run("convert tiny-llama --to gguf:q8_0 --modelfile").expect(0);
    let text = std::fs::read_to_string(lab.path("tiny-llama-Q8_0.Modelfile")).unwrap();
    assert!(text.contains("TEMPLATE \"\"\"{{ range $i, $_ := .Messages }}"), "{text}");
    assert!(text.contains("{{ if eq .Role \"user\" }}<|user|>{{ .Content }}<|end|>"), "{text}");
    assert!(text.contains("\nPARAMETER stop \"<|end|>\"\n"), "{text}");
}

#[test]
fn a_context_beyond_the_trained_one_needs_rope_scaling() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    lab.model("tiny-llama3-pt");
    lab.model("mini-bert");
    let refused = lab.run("convert tiny-llama --to gguf:q8_0 --context-length 4096").expect(2);
    assert!(
        refused.err.contains("4096 tokens are more than the 1024") && refused.err.contains("--rope-scaling"),
        "{}",
        refused.err
    );
    lab.run("convert tiny-llama --to gguf:q8_0 --context-length 4096 --rope-scaling yarn -o long.gguf").expect(0);
    let of = |file: &str| formats::open(&lab.path(file)).unwrap().metadata;
    let long = of("long.gguf");
    assert_eq!(long["llama.context_length"], MetaValue::U32(4096));
    assert_eq!(long["llama.rope.scaling.type"], MetaValue::Str("yarn".into()));
    assert_eq!(long["llama.rope.scaling.factor"], MetaValue::F32(4.0));
    assert_eq!(long["llama.rope.scaling.original_context_length"], MetaValue::U32(1024));
    // From the GGUF, as from the folder; and through a mix.
    lab.run("convert long.gguf --to gguf:copy --context-length 8192 --rope-scaling yarn -o longer.gguf").expect(0);
    assert_eq!(of("longer.gguf")["llama.rope.scaling.factor"], MetaValue::F32(8.0));
    lab.run("convert tiny-llama --to gguf --target-bpw 5 --context-length 2048 --rope-scaling linear -o mix.gguf")
        .expect(0);
    assert_eq!(of("mix.gguf")["llama.rope.scaling.type"], MetaValue::Str("linear".into()));
    for (model, why) in
        [("tiny-llama3-pt", "in rope_freqs.weight, cannot be extended"), ("mini-bert", "positions are learned")]
    {
        let refused =
            lab.run(&format!("convert {model} --to gguf:q8_0 --context-length 99999 --rope-scaling yarn")).expect(2);
        assert!(refused.err.contains(why), "{}", refused.err);
    }
}

#[test]
fn an_output_is_registered_once_it_is_published() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    let path = ollama(&lab, "test -f tiny-llama-Q8_0.gguf || exit 9");
    let ran = with_path(&lab, &path, "convert tiny-llama --to gguf:q8_0 --ollama-create me/tiny:q8 --json").expect(0);
    assert_eq!(called(&lab), format!("create me/tiny:q8 -f {}\n", lab.path("tiny-llama-Q8_0.Modelfile").display()));
    assert!(lab.path("tiny-llama-Q8_0.Modelfile").is_file());
    let stages = ran.out.lines().filter(|l| l.contains("\"stage.finished\"")).count();
    assert_eq!(stages, 4, "{}", ran.out);
    // A plan does not register.
    with_path(&lab, &path, "convert tiny-llama --to gguf:q4_0 --ollama-create me/tiny --dry-run").expect(0);
    assert_eq!(called(&lab).lines().count(), 1);
}

#[test]
fn a_registration_that_fails_keeps_the_output() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    let path = ollama(&lab, "echo 'Error: could not connect to a running Ollama instance' >&2; exit 1");
    let ran = with_path(&lab, &path, "convert tiny-llama --to gguf:q8_0 --ollama-create tiny").expect(1);
    assert!(ran.err.contains("the output is written") && ran.err.contains("could not connect"), "{}", ran.err);
    assert!(lab.path("tiny-llama-Q8_0.gguf").is_file() && lab.path("tiny-llama-Q8_0.Modelfile").is_file());
    // Resumed when its reason is gone, it only registers.
    ollama(&lab, "exit 0");
    let id = lab.job().file_name().unwrap().to_string_lossy().into_owned();
    with_path(&lab, &path, &format!("jobs resume {id}")).expect(0);
    crate::lab::wait_for("the registration", || (lab.state(&id) == "finished").then_some(()));
}

#[test]
fn what_cannot_be_registered_is_refused_before_anything_is_written() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    let none = lab.path("empty");
    std::fs::create_dir(&none).unwrap();
    let before = lab.tree();
    let refused =
        with_path(&lab, &none.display().to_string(), "convert tiny-llama --to gguf:q8_0 --ollama-create tiny")
            .expect(2);
    assert!(
        refused.err.contains("no program `ollama`") && refused.err.contains("omit --ollama-create"),
        "{}",
        refused.err
    );
    let refused = lab.run("convert tiny-llama --to gguf:q8_0 --ollama-create -x").expect(2);
    assert!(!refused.err.is_empty());
    let refused = lab.run("convert tiny-llama --to gguf:q8_0 --modelfile --modelfile-adapter tiny-llama").expect(2);
    assert!(refused.err.contains("there is no adapter_config.json"), "{}", refused.err);
    assert_eq!(lab.tree(), before);
    assert!(Path::new(&none).read_dir().unwrap().next().is_none());
}

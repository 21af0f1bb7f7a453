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
    let told = with_path(&lab, &path, "convert tiny-llama --to gguf:q8_0 --ollama-create me/tiny:q8 --force").expect(0);
    assert!(told.err.contains("registered in Ollama as me/tiny:q8"), "{}", told.err);
    // A plan does not register.
    with_path(&lab, &path, "convert tiny-llama --to gguf:q4_0 --ollama-create me/tiny --dry-run").expect(0);
    assert_eq!(called(&lab).lines().count(), 2);
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

/// A copy of the model with another chat template.
fn with_template(lab: &Lab, name: &str, template: &str) {
    let folder = lab.path(name);
    std::fs::create_dir(&folder).unwrap();
    for entry in lab.path("tiny-llama").read_dir().unwrap().flatten() {
        std::fs::copy(entry.path(), folder.join(entry.file_name())).unwrap();
    }
    let _ = std::fs::remove_file(folder.join("chat_template.jinja"));
    let config = folder.join("tokenizer_config.json");
    let mut json: serde_json::Value = serde_json::from_slice(&std::fs::read(&config).unwrap()).unwrap();
    json["chat_template"] = template.into();
    std::fs::write(&config, json.to_string()).unwrap();
}

#[test]
fn a_chat_template_can_neither_abort_nor_hang_the_program() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    let loop_of = |body: &str, end: &str| {
        format!("{{% set ns = namespace(x='a', y='a') %}}{{% for i in range(60) %}}{body}{{% endfor %}}{end}")
    };
    let shared = "{% set ns.x = [ns.x, ns.x] %}{% set ns.y = [ns.y, ns.y] %}";
    let templates = [
        format!("{{{{ {} 1 }}}}", "not ".repeat(60_000)),
        format!("{{{{ {} 1 }}}}", "-".repeat(240_000)),
        format!("{{{{ x{} }}}}", ".a".repeat(120_000)),
        format!("{{{{ 'a'{} }}}}", "|upper".repeat(40_000)),
        format!("{{{{ 1{} }}}}", "+1".repeat(120_000)),
        format!("{{{{ {} 1 }}}}", "1 if 1 else ".repeat(20_000)),
        format!("{{% if x %}}{}{{% endif %}}", "{% elif y %}".repeat(20_000)),
        "{% set ns = namespace(x=[]) %}{% for i in range(30000) %}{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x|tojson }}"
            .to_owned(),
        "{{ '{:9000000000}'.format(1) }}".to_owned(),
        loop_of(shared, "{{ ns.x|tojson }}"),
        loop_of(shared, "{{ ns.x }}"),
        loop_of(shared, "{{ ns.x == ns.y }}"),
        "{% for m in messages %}{{ m.role + m.content + '<|end|>'*100000 }}{% endfor %}".to_owned(),
        "not ".repeat(200_000),
    ];
    for (n, template) in templates.iter().enumerate() {
        with_template(&lab, &format!("m{n}"), template);
        let ran = lab.run(&format!("convert m{n} --to gguf:q8_0 -o m{n}.gguf --modelfile")).expect(0);
        assert!(ran.err.contains("no TEMPLATE is written"), "{n}: {}", ran.err);
        let text = std::fs::read_to_string(lab.path(&format!("m{n}.Modelfile"))).unwrap();
        assert!(text.contains("\n# no TEMPLATE is written") && !text.contains("\nTEMPLATE"), "{n}: {text}");
    }
    // A signal does not wait for it.
    let mut command = lab.command();
    command.args(["convert", "m10", "--to", "gguf:q8_0", "-o", "s.gguf", "--modelfile"]);
    let child = crate::lab::start(&mut command);
    let pid = rustix::process::Pid::from_child(&child);
    crate::lab::wait_for("the process that renders", || {
        let children = std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", pid.as_raw_nonzero())).ok()?;
        (!children.trim().is_empty()).then_some(())
    });
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    crate::lab::finish(child).expect(130);
    assert!(!lab.path("s.gguf").exists());
}

#[test]
fn one_name_is_not_given_to_two_outputs() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    lab.model("tiny-llama3-pt");
    let path = ollama(&lab, "exit 0");
    for args in [
        "convert tiny-llama tiny-llama3-pt --to gguf:q8_0 -o out/ --ollama-create tiny",
        "convert tiny-llama --to gguf:q8_0 --to gguf:q4_0 --ollama-create tiny",
    ] {
        let refused = with_path(&lab, &path, args).expect(2);
        assert!(refused.err.contains("would be registered as `tiny`"), "{}", refused.err);
    }
    for name in ["a:", "a//b", "http://evil/x", "a/../../b"] {
        let args = format!("convert tiny-llama --to gguf:q8_0 --ollama-create {name}");
        let refused = with_path(&lab, &path, &args).expect(2);
        assert!(refused.err.contains("cannot be the name of a model in Ollama"), "{}", refused.err);
    }
    assert_eq!(called(&lab), "");
}

#[test]
fn a_registration_is_cancelled_with_what_it_started() {
    use std::os::unix::process::CommandExt;
    let lab = Lab::new();
    lab.model("tiny-llama");
    lab.model("tiny-llama3-pt");
    // It starts another program, which keeps its stderr open.
    let path = ollama(&lab, "echo $$ > started; sleep 1000; true");
    let recipe = "[source]\npath = \"tiny-llama\"\n[[target]]\nformat = \"gguf\"\nquantization = \"q8_0\"\nollama_create = \"tiny\"\n";
    lab.write("r.toml", recipe);
    let mut command = lab.command();
    command.args(["run", "r.toml"]).env("PATH", &path).process_group(0);
    let child = crate::lab::start(&mut command);
    crate::lab::wait_for("the registration", || {
        std::fs::read_to_string(lab.path("started")).ok().filter(|t| t.ends_with('\n'))
    });
    // As the terminal does.
    let group = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process_group(group, rustix::process::Signal::INT).unwrap();
    let ran = crate::lab::finish(child).expect(130);
    assert!(
        ran.err.contains("cancelled") && ran.err.contains("tiny-llama-Q8_0.gguf is complete and is kept"),
        "{}",
        ran.err
    );
    assert!(!ran.err.contains("failed"), "{}", ran.err);
}

#[test]
fn a_server_that_a_registration_leaves_behind_is_not_waited_for() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    let path = ollama(&lab, "sleep 1000 & echo $! > server; exit 0");
    with_path(&lab, &path, "convert tiny-llama --to gguf:q8_0 --ollama-create tiny").expect(0);
    let server: i32 = std::fs::read_to_string(lab.path("server")).unwrap().trim().parse().unwrap();
    let server = rustix::process::Pid::from_raw(server).unwrap();
    rustix::process::kill_process(server, rustix::process::Signal::KILL).unwrap();
    // One that fails says why, though the pipe stays open.
    let path =
        ollama(&lab, "sleep 1000 & echo $! > server; printf 'pulling\\r\\033]0;evil\\007Error: no\\n' >&2; exit 1");
    let ran = with_path(&lab, &path, "convert tiny-llama --to gguf:q4_0 --ollama-create tiny").expect(1);
    assert!(ran.err.contains("exit status: 1: Error: no"), "{}", ran.err);
    let server: i32 = std::fs::read_to_string(lab.path("server")).unwrap().trim().parse().unwrap();
    let server = rustix::process::Pid::from_raw(server).unwrap();
    rustix::process::kill_process(server, rustix::process::Signal::KILL).unwrap();
}

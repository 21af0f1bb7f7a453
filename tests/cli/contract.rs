//! What scripts depend on: events, streams, exit codes, names.

use crate::lab::{Lab, finish, fixture, start, words};
use remold::testing::engine::EventBody;
use std::io::Read;
use std::process::Stdio;

#[test]
fn json_is_events_in_order_and_nothing_else() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    let ran = lab.run("convert tiny-llama --to gguf:q4_k_m --to safetensors:f16 -o out/ --json").expect(0);
    assert_eq!(ran.err, "", "stderr is silent");
    for line in ran.out.lines() {
        let json: serde_json::Value = serde_json::from_str(line).unwrap();
        for key in ["t", "job", "kind"] {
            assert!(json[key].is_string(), "`{key}` is missing in {line}");
        }
    }
    let events = ran.events();
    let kinds: Vec<&str> = events
        .iter()
        .map(|e| match e.body {
            EventBody::Queued { .. } => "queued",
            EventBody::Started { .. } => "started",
            EventBody::Plan { .. } => "plan",
            EventBody::OutputWritten { .. } => "written",
            EventBody::OutputVerified { .. } => "verified",
            EventBody::OutputPublished { .. } => "published",
            EventBody::Finished { .. } => "finished",
            _ => "",
        })
        .filter(|k| !k.is_empty())
        .collect();
    let expected = "queued started plan written verified written verified published published finished";
    assert_eq!(kinds.join(" "), expected);
    // Each tensor starts once, finishes once, in that order.
    let mut state = std::collections::HashMap::new();
    for e in &events {
        match &e.body {
            EventBody::TensorStarted(t) => {
                assert!(state.insert((t.output, t.name.clone()), 1).is_none(), "{t:?} twice")
            }
            EventBody::TensorFinished(t) => {
                assert_eq!(state.insert((t.tensor.output, t.tensor.name.clone()), 2), Some(1), "{t:?}");
            }
            EventBody::OutputWritten { .. } => assert!(state.values().all(|s| *s == 2), "{state:?}"),
            _ => {}
        }
    }
    assert_eq!(state.len(), 39 * 2, "every tensor of both outputs");
    assert!(events.windows(2).all(|w| w[0].t <= w[1].t), "time goes on");
    // The job's folder has the same, with paths that hold in every folder.
    let kept = std::fs::read_to_string(lab.job().join("events.jsonl")).unwrap();
    let whole = format!("\"{}/out/", lab.dir().display());
    assert_eq!(kept, ran.out.replace("\"out/", &whole));
}

#[test]
fn failures_are_events_too() {
    let lab = Lab::new();
    lab.write("m.safetensors", crate::made::floats(&[("w", &[1, 32], vec![f32::NAN; 32])]));
    let ran = lab.run("convert m.safetensors --to gguf:q8_0 --json").expect(1);
    let Some(EventBody::Failed { error, .. }) = ran.events().pop().map(|e| e.body) else { panic!("{}", ran.out) };
    assert!(error.message.contains("NaN") && error.hint.is_some(), "{error:?}");
    assert_eq!(lab.state("1"), "failed");
    let attached = lab.run("jobs attach 1").expect(1);
    assert!(attached.err.contains(&error.message), "{}", attached.err);
    let log = lab.run("jobs log 1").expect(0);
    assert!(log.out.contains("failed") && log.out.contains("NaN"), "{}", log.out);
}

#[test]
fn a_dry_run_prints_every_tensor_and_writes_nothing() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    let before = lab.tree();
    let ran = lab.run("convert tiny-llama --to gguf:q4_k_m --dry-run -v").expect(0);
    let json = lab.run("convert tiny-llama --to gguf:q4_k_m --dry-run --json").expect(0);
    let plan: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    let tensors = plan["outputs"][0]["tensors"].as_array().unwrap();
    assert_eq!(tensors.len(), 39);
    for t in tensors {
        let name = t["name"].as_str().unwrap();
        let line = ran.out.lines().find(|l| l.split_whitespace().next() == Some(name));
        let line = line.unwrap_or_else(|| panic!("{name} is not in\n{}", ran.out));
        for key in ["from", "to"] {
            assert!(line.contains(t[key].as_str().unwrap()), "{key} of {name}: {line}");
        }
    }
    assert!(
        ran.out.contains("bits per weight") && ran.out.contains("disk") && ran.out.contains("memory"),
        "{}",
        ran.out
    );
    // By default there is a line for each kind, and how long it takes.
    let short = lab.run("convert tiny-llama --to gguf:q4_k_m --dry-run").expect(0).out;
    assert!(short.lines().any(|l| l.split_whitespace().take(4).eq(["attn_v", "2", "bf16", "Q6_K"])), "{short}");
    assert!(short.lines().count() < 25 && short.contains("to encode on ") && short.contains("-v lists"), "{short}");
    assert_eq!(lab.tree(), before);
    assert!(!lab.jobs().exists(), "not even a job folder");
    // What was forecast is what is written.
    lab.run("convert tiny-llama --to gguf:q4_k_m").expect(0);
    let bytes = std::fs::metadata(lab.path("tiny-llama-Q4_K_M.gguf")).unwrap().len();
    assert_eq!(plan["outputs"][0]["bytes"].as_u64(), Some(bytes));
}

#[test]
fn results_go_to_stdout_and_talk_to_stderr() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    let ran = lab.run("convert tiny-llama --to gguf:q8_0").expect(0);
    assert_eq!(ran.out, "", "convert has no result to print");
    assert!(ran.err.contains("39 tensors") && ran.err.contains("tiny-llama-Q8_0.gguf"), "{}", ran.err);
    for args in
        ["inspect tiny-llama --tensors", "inspect tiny-llama --json", "formats", "jobs list", "recipe new", "man"]
    {
        let ran = lab.run(args).expect(0);
        assert!(!ran.out.is_empty() && ran.err.is_empty(), "{args}: {ran:?}");
    }
    let refused = lab.run("inspect nothing").expect(2);
    assert!(refused.out.is_empty() && refused.err.starts_with("error: "), "{refused:?}");
}

/// No colours and no cursor movement where stdout and stderr are not terminals, whatever `TERM` says.
#[test]
fn pipes_get_plain_lines() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    for args in
        ["convert tiny-llama --to gguf:q8_0", "inspect tiny-llama", "formats", "inspect nothing", "jobs", "convert"]
    {
        let ran = lab.run(args);
        assert!(!ran.out.contains('\x1b') && !ran.err.contains('\x1b'), "{args}: {ran:?}");
        assert!(!ran.err.contains('\r'), "{args}: {ran:?}");
    }
}

/// Runs the program on a pseudo-terminal and gives all it drew.
fn on_a_terminal(lab: &Lab, args: &str, no_color: bool) -> String {
    let pty =
        portable_pty::native_pty_system().openpty(portable_pty::PtySize { rows: 24, cols: 100, ..Default::default() });
    let pty = pty.unwrap();
    let mut command = portable_pty::CommandBuilder::new(env!("CARGO_BIN_EXE_remold"));
    command.args(words(args));
    command.cwd(lab.dir());
    command.env("REMOLD_JOBS", lab.jobs());
    command.env("TERM", "xterm-256color");
    command.env_remove("NO_COLOR");
    if no_color {
        command.env("NO_COLOR", "1");
    }
    let mut child = pty.slave.spawn_command(command).unwrap();
    drop(pty.slave);
    let mut reader = pty.master.try_clone_reader().unwrap();
    let mut all = Vec::new();
    let _ = reader.read_to_end(&mut all);
    assert!(child.wait().unwrap().success());
    String::from_utf8_lossy(&all).into_owned()
}

#[test]
fn a_terminal_gets_colours_unless_no_color_is_set() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    assert!(on_a_terminal(&lab, "inspect tiny-llama", false).contains("\x1b[1m"));
    let plain = on_a_terminal(&lab, "inspect tiny-llama", true);
    assert!(plain.contains("tiny-llama") && !plain.contains('\x1b'), "{plain}");
    // Progress still moves the cursor, but has no colours.
    let plain = on_a_terminal(&lab, "convert tiny-llama --to gguf:q8_0", true);
    assert!(!plain.contains("\x1b[3") && !plain.contains("\x1b[1;3"), "{plain}");
}

#[test]
fn a_closed_pipe_is_no_panic() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    let all = [
        "inspect tiny-llama --tensors --metadata",
        "convert tiny-llama --to gguf:q8_0 --json --force",
        "man",
        "formats",
        "completions bash",
    ];
    for args in all {
        let mut command = lab.command();
        command.args(words(args));
        let mut child = start(&mut command);
        drop(child.stdout.take());
        let ran = finish(child);
        assert!(!ran.err.contains("panicked"), "{args}: {}", ran.err);
        assert_eq!(ran.code, Some(0), "{args}: {}", ran.err);
    }
    // No process reads stderr either: the work is done all the same.
    let mut command = lab.command();
    command.args(words("convert tiny-llama --to gguf:q4_0"));
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop((child.stdout.take(), child.stderr.take()));
    assert_eq!(finish(child).code, Some(0));
    assert!(lab.path("tiny-llama-Q4_0.gguf").exists());
}

#[test]
fn commands_that_only_print() {
    let lab = Lab::new();
    for (args, words) in [
        ("--version", &["remold "][..]),
        ("--help", &["inspect", "convert", "run", "jobs", "recipe", "formats", "Exit codes"]),
        ("completions bash", &["_remold", "convert"]),
        ("completions zsh", &["#compdef remold", "convert"]),
        ("completions fish", &["complete -c remold", "convert"]),
        ("man", &[".TH remold", "convert"]),
        ("formats", &["safetensors", "pytorch", "gguf", "llama", "Q4_K_M", "IQ4_XS"]),
        ("recipe list", &["q4_k_m"]),
        ("recipe new", &["[[target]]"]),
    ] {
        let ran = lab.run(args).expect(0);
        for word in words {
            assert!(ran.out.to_lowercase().contains(&word.to_lowercase()), "{args}: no `{word}` in\n{}", ran.out);
        }
    }
    // Whatever is listed can be shown, and what is shown passes the check.
    let names: Vec<String> =
        lab.run("recipe list").out.lines().filter_map(|l| l.split_whitespace().next().map(str::to_owned)).collect();
    assert!(!names.is_empty());
    for name in names {
        let shown = lab.run(&format!("recipe show {name}")).expect(0);
        lab.write("shown.toml", &shown.out);
        lab.run("recipe check shown.toml").expect(0);
    }
    lab.write("new.toml", lab.run("recipe new").out);
    lab.run("recipe check new.toml").expect(0);
    let refused = lab.run("recipe show no-such").expect(2);
    assert!(refused.err.contains("no-such"), "{}", refused.err);
}

#[test]
fn recipes_of_the_fixtures_check_as_their_folder_says() {
    let lab = Lab::new();
    let mut wrong = Vec::new();
    for entry in std::fs::read_dir(fixture("recipes/invalid")).unwrap().flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|e| e == "err") {
            continue;
        }
        let ran = lab.run(&format!("recipe check {}", path.display()));
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if ran.code != Some(2) || !ran.err.contains(&name) || ran.err.contains("panicked") {
            wrong.push(format!("check {name}: {ran:?}"));
        }
        let ran = lab.run(&format!("run {}", path.display()));
        if ran.code != Some(2) || ran.err.is_empty() || lab.jobs().exists() {
            wrong.push(format!("run {name}: {ran:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_recipe_runs_in_each_of_its_languages() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    lab.write("r.toml", "source = \"tiny-llama\"\noutput_dir = \"toml\"\ntarget = \"gguf:q8_0\"\n");
    lab.write("r.yaml", "source: tiny-llama\noutput_dir: yaml\ntargets:\n  - format: gguf\n    quantization: q8_0\n");
    lab.write(
        "r.json",
        r#"{"source": "tiny-llama", "output_dir": "json", "target": {"format": "gguf", "quantization": "q8_0"}}"#,
    );
    let mut all = Vec::new();
    for language in ["toml", "yaml", "json"] {
        lab.run(&format!("run r.{language}")).expect(0);
        all.push(crate::lab::hash(&lab.path(&format!("{language}/tiny-llama-Q8_0.gguf"))));
    }
    assert!(all.iter().all(|h| *h == all[0]));
    // A recipe of the fixtures, with the source named on the command line.
    let minimal = fixture("recipes/valid/minimal.toml");
    let recipe = std::fs::read_to_string(&minimal).unwrap();
    let ran = lab.run(&format!("run {} --source tiny-llama --dry-run", minimal.display()));
    assert!(matches!(ran.code, Some(0)), "{recipe}: {ran:?}");
}

//! The command line itself: help, slips, global options, completions, versions.

use crate::lab::{Lab, finish, start, words};
use std::process::{Command, Stdio};

/// Every command with its own help.
const COMMANDS: [&str; 17] = [
    "inspect",
    "convert",
    "split",
    "merge",
    "plan",
    "run",
    "watch",
    "verify",
    "compare",
    "eval",
    "jobs",
    "recipe",
    "doctor",
    "formats",
    "config",
    "completions",
    "man",
];

#[test]
fn help_of_a_command_is_what_its_option_prints() {
    let lab = Lab::new();
    for command in COMMANDS {
        let option = lab.run(&format!("{command} --help")).expect(0);
        assert_eq!(lab.run(&format!("help {command}")).expect(0).out, option.out, "{command}");
        assert!(option.out.contains("--quiet") && option.out.contains("--color"), "{command}: {}", option.out);
    }
    assert_eq!(lab.run("help").expect(0).out, lab.run("--help").expect(0).out);
}

#[test]
fn a_command_with_a_slip_is_suggested() {
    let lab = Lab::new();
    for args in ["convret", "convret x", "convret x --to gguf", "-q convret x", "--color never convret"] {
        let ran = lab.run(args).expect(2);
        assert!(ran.err.starts_with("error: no such command: `convret`\n"), "{args}: {}", ran.err);
        assert!(ran.err.contains("hint: Did you mean `convert`?"), "{args}: {}", ran.err);
    }
    let other = lab.run("some-folder").expect(2);
    assert!(other.err.contains("some-folder: no such file or folder"), "{}", other.err);
    // A folder of that name is opened, which needs a terminal.
    std::fs::create_dir(lab.path("convret")).unwrap();
    assert!(lab.run("convret").expect(2).err.contains("terminal"));
    let both = lab.run("--theme dark formats").expect(2);
    assert!(both.err.contains("--theme is for the workbench"), "{}", both.err);
}

/// A page that is named exists.
#[test]
fn manual_pages_that_are_named_can_be_written() {
    let lab = Lab::new();
    let named = |text: &str| -> Vec<String> {
        let plain = text.replace("\\-", "-");
        let words = plain.split(|c: char| !c.is_alphanumeric() && !"-()".contains(c)).map(str::to_owned);
        words.filter_map(|w| w.strip_suffix("(1)").map(str::to_owned)).filter(|w| w.starts_with("remold")).collect()
    };
    let alone = lab.run("man").expect(0).out;
    assert_eq!(named(&alone), [""; 0], "only this page is there");
    assert!(alone.contains("remold convert") && !alone.contains("worker"), "{alone}");
    let said = lab.run("man --dir man/man1").expect(0);
    assert!(said.err.contains("manual pages in man/man1"), "{}", said.err);
    let pages = lab.tree();
    let mut found = 0;
    for page in pages.keys().filter(|n| n.ends_with(".1")) {
        let text = std::fs::read_to_string(lab.path(page)).unwrap();
        for name in named(&text) {
            assert!(pages.contains_key(&format!("man/man1/{name}.1")), "{page} names {name}(1)");
            found += 1;
        }
    }
    assert!(found > 15 && pages.contains_key("man/man1/remold-jobs-show.1"), "{:?}", pages.keys());
    assert!(!pages.keys().any(|n| n.contains("worker") || n.contains("chat-shape") || n.contains("complete.1")));
    // An earlier version's pages are replaced.
    lab.run("man --dir man/man1").expect(0);
}

/// What is not done yet is not advertised.
#[test]
fn nothing_comes_later() {
    let lab = Lab::new();
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut texts: Vec<(String, String)> = COMMANDS.iter().map(|c| (format!("help {c}"), String::new())).collect();
    texts.iter_mut().for_each(|(args, text)| *text = lab.run(args).expect(0).out);
    texts.push(("formats".into(), lab.run("formats").expect(0).out));
    texts.push(("man".into(), lab.run("man").expect(0).out));
    let docs = std::fs::read_dir(root.join("docs")).unwrap().flatten().map(|e| e.path());
    for path in docs.chain([root.join("README.md")]).filter(|p| p.extension().is_some_and(|e| e == "md")) {
        texts.push((path.display().to_string(), std::fs::read_to_string(&path).unwrap()));
    }
    let promises = ["later version", "in this version", "comes later", "not yet", "| later |", "coming soon"];
    let mut found = Vec::new();
    for (name, text) in &texts {
        let lines = text.lines().filter(|l| promises.iter().any(|p| l.to_lowercase().contains(p)));
        found.extend(lines.map(|l| format!("{name}: {}", l.trim())));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_plan_has_the_options_that_change_it() {
    let lab = Lab::new();
    let help = lab.run("plan --help").expect(0).out;
    for flag in ["--modelfile", "--use-mlock", "--model-name", "--override-kv", "--split-max-tensors", "--pre "] {
        assert!(!help.contains(flag), "{flag}");
    }
    for flag in ["--imatrix", "--target-size", "--tensor-type", "--leave-output"] {
        assert!(help.contains(flag), "{flag}");
    }
    // They are accepted, for the command that is printed.
    lab.model("tiny-llama");
    let ran = lab.run("plan tiny-llama --target-bpw 5 --modelfile").expect(0);
    assert!(
        ran.out.ends_with("write it with: remold convert tiny-llama --to gguf --modelfile --target-bpw 5\n"),
        "{}",
        ran.out
    );
}

#[test]
fn verify_has_the_options_of_what_it_compares() {
    let lab = Lab::new();
    let help = lab.run("verify --help").expect(0).out;
    for flag in ["--modelfile", "--modelfile-adapter", "--use-mlock", "--ollama-create"] {
        assert!(!help.contains(flag), "{flag}");
    }
    for flag in ["--imatrix", "--context-length", "--override-kv", "--max-shard-size"] {
        assert!(help.contains(flag), "{flag}");
    }
    lab.model("mini-bert");
    lab.run("convert mini-bert --to gguf:f16 -o x.gguf").expect(0);
    let ran = lab.run("verify x.gguf --source mini-bert --to gguf:f16 --use-mlock").expect(0);
    assert!(ran.err.contains("warning: --use-mlock has no effect"), "{}", ran.err);
}

/// Runs a line of a shell in the lab, with the program in its path.
fn shell(lab: &Lab, line: &str) -> crate::lab::Ran {
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_remold"));
    let mut command = Command::new("bash");
    lab.surround(&mut command);
    let path = format!("{}:{}", program.parent().unwrap().display(), std::env::var("PATH").unwrap_or_default());
    command.arg("-c").arg(line).env("PATH", path);
    finish(start(&mut command))
}

#[test]
fn reports_end_with_a_command_that_runs() {
    let lab = Lab::new();
    lab.model("mini-bert");
    std::fs::rename(lab.path("mini-bert"), lab.path("it's a $model")).unwrap();
    let name = "it's\u{a0}a\u{a0}$model";
    for (args, output) in [
        (format!("plan {name}"), "it's a $model-Q4_K_M.gguf"),
        (format!("plan {name} --target-bpw 9"), "it's a $model-9bpw.gguf"),
        (format!("convert {name} --to gguf:q8_0 -o a\u{a0}b.gguf --dry-run"), "a b.gguf"),
    ] {
        let ran = lab.run(&args).expect(0);
        let last = ran.out.lines().last().unwrap();
        let (_, command) = last.split_once(" with: ").unwrap_or_else(|| panic!("{args}: {last}"));
        assert!(!lab.path(output).exists());
        shell(&lab, command).expect(0);
        assert!(lab.path(output).exists(), "{command}: {:?}", lab.tree().keys());
    }
}

#[test]
fn quiet_prints_the_outputs_and_verbose_the_tensors() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    let quiet = lab.run("-q convert tiny-llama --to gguf:q8_0 --to gguf:q4_0").expect(0);
    assert_eq!((quiet.out.as_str(), quiet.err.as_str()), ("tiny-llama-Q8_0.gguf\ntiny-llama-Q4_0.gguf\n", ""));
    let wrong = lab.run("convert tiny-llama --to gguf:q8_0 --quiet").expect(2);
    assert!(wrong.err.starts_with("error: ") && wrong.out.is_empty(), "{wrong:?}");
    let verbose = lab.run("convert tiny-llama --to gguf:q4_k_m -v").expect(0);
    let lines: Vec<&str> = verbose.err.lines().collect();
    assert!(lines[0].contains("memory at most") && lines[0].contains("thread"), "{}", lines[0]);
    let tensor = lines.iter().find(|l| l.starts_with("blk.2.attn_v.weight  bf16 → Q6_K")).unwrap();
    assert!(tensor.contains(" dB") && tensor.contains("(attention values keep more bits)"), "{tensor}");
    assert_eq!(lines.iter().filter(|l| l.contains(" → ") && l.starts_with("blk.")).count(), 36);
    assert!(lab.run("convert tiny-llama --to gguf -q -v").expect(2).err.contains("cannot be used with"));
}

#[test]
fn short_work_has_no_progress_in_a_pipe() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    let ran = lab.run("convert tiny-llama --to gguf:q8_0").expect(0);
    assert!(!ran.err.contains(" %  "), "{}", ran.err);
    assert_eq!(ran.err.lines().count(), 4, "{}", ran.err);
}

#[test]
fn colours_follow_the_flag_and_the_environment() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    for (args, vars, colored) in [
        ("inspect tiny-llama", &[][..], false),
        ("inspect tiny-llama --color always", &[], true),
        ("--color=always inspect tiny-llama", &[("NO_COLOR", "1")], true),
        ("inspect tiny-llama", &[("CLICOLOR_FORCE", "1")], true),
        ("inspect tiny-llama --color never", &[("CLICOLOR_FORCE", "1")], false),
        ("inspect tiny-llama", &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], false),
        ("--help", &[], false),
        ("--help --color always", &[], true),
        ("convert --help", &[("CLICOLOR_FORCE", "1")], true),
        ("inspect nothing --color always", &[], true),
        ("inspect --color always", &[], true),
    ] {
        let mut command = lab.command();
        command.args(words(args)).envs(vars.iter().copied());
        let ran = finish(start(&mut command));
        assert_eq!(format!("{}{}", ran.out, ran.err).contains('\x1b'), colored, "{args} {vars:?}: {ran:?}");
    }
}

/// `| head` closes the pipe while the job runs.
#[test]
fn a_closed_pipe_leaves_a_finished_job() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    std::fs::write(lab.path("r.toml"), "[source]\npath = 'tiny-llama'\n[[target]]\nformat = 'gguf'\n").unwrap();
    for (args, output) in [
        ("convert tiny-llama --to gguf:q8_0 --json", "tiny-llama-Q8_0.gguf"),
        ("run r.toml --json", "tiny-llama.gguf"),
        ("split tiny-llama-Q8_0.gguf --max-tensors 20 -o part --json", "part-00002-of-00002.gguf"),
        ("merge part-00001-of-00002.gguf -o whole.gguf --json", "whole.gguf"),
        ("convert tiny-llama --to gguf:q4_0 --quiet", "tiny-llama-Q4_0.gguf"),
        ("convert tiny-llama tiny-llama --to gguf:q5_0 --json", "tiny-llama-Q5_0.gguf"),
    ] {
        let mut child = lab.command().args(words(args)).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        // Nobody reads any of it.
        drop(child.stdout.take());
        assert_eq!(child.wait().unwrap().code(), Some(0), "{args}");
        assert!(lab.path(output).exists(), "{args}: {:?}", lab.tree().keys());
    }
    let listed = lab.run("jobs list --json").expect(0);
    for line in listed.out.lines() {
        assert!(line.contains("\"state\":\"finished\""), "{line}");
    }
    assert_eq!(listed.out.lines().count(), 6);
}

#[cfg(target_os = "linux")]
#[test]
fn results_that_cannot_be_written_are_an_error() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let ran = lab.command().args(["inspect", "tiny-llama"]).stdout(full).output().unwrap();
    assert_eq!(ran.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&ran.stderr).contains("writing to standard output"), "{ran:?}");
}

#[test]
fn formats_are_what_the_tables_say() {
    use remold::testing::formats::write_spec;
    use remold::testing::model::FormatId;
    let lab = Lab::new();
    let json: serde_json::Value = serde_json::from_str(&lab.run("formats --json").expect(0).out).unwrap();
    let text = lab.run("formats").expect(0).out;
    let formats = json["formats"].as_array().unwrap();
    assert_eq!(formats.len(), FormatId::ALL.len());
    for format in formats {
        let name = format["name"].as_str().unwrap();
        let id = FormatId::parse(name).unwrap();
        assert_eq!(format["write"].as_bool(), Some(write_spec(id).is_some()), "{name}");
        let row: Vec<&str> = text.lines().find(|l| l.starts_with(name)).unwrap().split_whitespace().collect();
        let read = if format["read"] == true { "yes" } else { "recognized" };
        let write = if format["write"] == true { "yes" } else { "no" };
        assert_eq!(&row[1..3], [read, write], "{name}");
        let quantizations = format["quantizations"].as_array().unwrap();
        assert_eq!(quantizations.is_empty(), write == "no", "{name}");
        assert!(!format["extensions"].as_array().unwrap().is_empty(), "{name}");
    }
    assert!(json["architectures"]["llama"].as_array().unwrap().contains(&"LlamaForCausalLM".into()));
    // An unknown format is answered with those that can be used.
    lab.model("tiny-llama");
    lab.write("r.toml", "[[target]]\nformat = 'zip'\n");
    for args in ["convert tiny-llama --to zip", "recipe check r.toml"] {
        let ran = lab.run(args).expect(2);
        assert!(ran.err.contains("gguf") && !ran.err.contains("tflite"), "{args}: {}", ran.err);
    }
}

#[test]
fn versions_say_what_was_built() {
    let lab = Lab::new();
    let version = env!("CARGO_PKG_VERSION");
    let short = lab.run("-V").expect(0).out;
    assert!(short.starts_with(&format!("remold {version}")) && short.lines().count() == 1, "{short}");
    let long = lab.run("--version").expect(0).out;
    assert!(long.starts_with(short.trim_end()), "{long}");
    for word in ["commit:", "target:", std::env::consts::ARCH, "cpu:", "scalar"] {
        assert!(long.contains(word), "{word} is not in {long}");
    }
}

#[test]
fn bash_completes_values_behind_colons() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    lab.run("convert tiny-llama --to gguf:q8_0").expect(0);
    let script = lab.run("completions bash").expect(0).out;
    lab.write("remold.bash", script);
    let complete = |typed: &[&str]| {
        let typed: Vec<String> = typed.iter().map(|w| format!("'{w}'")).collect();
        let line = format!(
            "source remold.bash; COMP_WORDS=({}); COMP_CWORD={}; _remold_with_colons remold; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            typed.join(" "),
            typed.len() - 1
        );
        shell(&lab, &line).expect(0).out.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    let has = |typed: &[&str], value: &str| {
        let found = complete(typed);
        assert!(found.iter().any(|f| f == value), "{typed:?}: {found:?}");
    };
    has(&["remold", "convert", "m", "--to", ""], "gguf:q4_k_m");
    has(&["remold", "convert", "m", "--to", "gguf", ":", "q4"], "q4_k_m");
    has(&["remold", "convert", "m", "--to", "gguf", ":"], "q4_k_m");
    has(&["remold", "convert", "m", "--recipe", "ba"], "balanced");
    has(&["remold", "convert", "m", "--output-type", "q6"], "q6_k");
    has(&["remold", "--theme", ""], "light");
    has(&["remold", "run", "ba"], "balanced");
    has(&["remold", "jobs", "show", ""], "1");
    has(&["remold", "con"], "convert");
    assert!(complete(&["remold", "convert", "m", "--to", "gguf", ":", "zz"]).is_empty());
    let help = lab.run("completions --help").expect(0).out;
    for line in ["remold completions bash >", "remold completions zsh >", "remold completions fish >"] {
        assert!(help.contains(line), "{line}");
    }
}

#[test]
fn a_theme_that_does_not_exist_is_an_error_with_the_names() {
    let lab = Lab::new();
    let ran = lab.run("--theme lihgt").expect(2);
    assert!(
        ran.err.starts_with("error: there is no theme `lihgt`\n  hint: Did you mean light? Themes: "),
        "{}",
        ran.err
    );
}

#[test]
fn a_recipe_that_is_not_found_has_a_hint() {
    let lab = Lab::new();
    let by_name = lab.run("run balancd").expect(2);
    assert!(by_name.err.contains("recipe `balancd` not found\n  hint: Did you mean `balanced`?"), "{}", by_name.err);
    let by_path = lab.run("run nosuch.toml").expect(2);
    assert!(by_path.err.contains("nosuch.toml: no such recipe file\n  hint: "), "{}", by_path.err);
    assert!(lab.run("recipe show nosuch").expect(2).err.starts_with("error: "));
}

/// Outputs that cannot be created are found when planning: nothing is begun.
#[cfg(target_os = "linux")]
#[test]
fn unwritable_outputs_are_found_when_planning() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    lab.run("convert tiny-llama --to gguf:q8_0 -o whole.gguf --no-manifest").expect(0);
    lab.run("split whole.gguf --max-tensors 20 -o part --no-manifest").expect(0);
    lab.write("file", "x");
    lab.write("r.toml", "[source]\npath = 'tiny-llama'\n[[target]]\nformat = 'gguf'\noutput = '/proc/x.gguf'\n");
    std::fs::remove_dir_all(lab.jobs()).unwrap();
    let before = lab.tree();
    for args in [
        "convert tiny-llama --to gguf -o /proc/x.gguf",
        "convert tiny-llama --to gguf -o /proc/x.gguf --dry-run",
        "convert tiny-llama --to gguf --detach -o /proc/new/x.gguf",
        "convert tiny-llama --to safetensors -o /sys/x",
        "convert tiny-llama --to gguf -o file/x.gguf --dry-run",
        "convert tiny-llama --to safetensors -o file/x/y",
        "run r.toml",
        "run r.toml --dry-run",
        "split whole.gguf --max-tensors 20 -o /proc/x",
        "split whole.gguf --max-tensors 20 -o file/x",
        "merge part-00001-of-00002.gguf -o /proc/x.gguf",
        "merge part-00001-of-00002.gguf -o file/x.gguf",
    ] {
        let ran = lab.run(args).expect(2);
        let said = ["holds no files", "no permission", "this is a file"].iter().any(|w| ran.err.contains(w));
        assert!(said && ran.err.contains("hint: ") && !ran.err.contains("os error"), "{args}: {}", ran.err);
    }
    assert_eq!(lab.tree(), before);
    assert!(!lab.jobs().exists(), "no job was made");
}

/// The superuser may write anywhere; for others the permissions decide.
#[test]
fn a_folder_without_permission_is_found_when_planning() {
    use std::os::unix::fs::PermissionsExt;
    let lab = Lab::new();
    lab.model("tiny-llama");
    std::fs::create_dir(lab.path("shut")).unwrap();
    std::fs::set_permissions(lab.path("shut"), std::fs::Permissions::from_mode(0o555)).unwrap();
    if std::fs::write(lab.path("shut/x"), "x").is_ok() {
        crate::skip::skipped("the superuser may write to folders without permission");
        return;
    }
    let ran = lab.run("convert tiny-llama --to gguf -o shut/x.gguf").expect(2);
    assert!(ran.err.contains("shut: there is no permission to create files in this folder"), "{}", ran.err);
}

#[test]
fn the_name_of_an_output_can_stand_for_the_target() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    lab.run("convert tiny-llama -o x-Q8_0.gguf").expect(0);
    lab.run("convert tiny-llama --to gguf:q8_0 -o y.gguf").expect(0);
    let bytes = |name: &str| std::fs::metadata(lab.path(name)).unwrap().len();
    assert_eq!(bytes("x-Q8_0.gguf"), bytes("y.gguf"));
    lab.run("convert tiny-llama -o z.safetensors").expect(0);
    assert!(lab.path("z.safetensors").is_file());
    assert!(lab.run("convert tiny-llama").expect(2).err.contains("there is no target"));
}

/// A vocabulary without weights is not a damaged file.
#[test]
fn a_file_without_weights_is_not_called_damaged() {
    let lab = Lab::new();
    lab.write("vocab.gguf", empty_gguf());
    let ran = lab.run("convert vocab.gguf --to gguf:f16 -o out.gguf").expect(2);
    assert!(ran.err.contains("there are no tensors to convert"), "{}", ran.err);
    assert!(ran.err.contains("not damaged") && !ran.err.contains("download"), "{}", ran.err);
}

/// A GGUF with an architecture and nothing else.
fn empty_gguf() -> Vec<u8> {
    let mut bytes = b"GGUF".to_vec();
    bytes.extend(3_u32.to_le_bytes());
    bytes.extend(0_u64.to_le_bytes());
    bytes.extend(1_u64.to_le_bytes());
    for text in ["general.architecture", "llama"] {
        if text == "llama" {
            bytes.extend(8_u32.to_le_bytes());
        }
        bytes.extend((text.len() as u64).to_le_bytes());
        bytes.extend(text.as_bytes());
    }
    bytes
}

//! What new users stumbled over: options that did nothing, hints that did not work, figures that did not agree.

use crate::lab::{Lab, Ran};
use crate::watch::{checkpoint, events, exported, names};
use crate::watch_lab::{Background, is};
use serde_json::Value;
use std::fs;

#[test]
fn what_a_recipe_file_may_not_say_cannot_be_set_either() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    lab.write("r.toml", "[[target]]\nformat = \"gguf\"\nquantization = \"q4_k_m\"\noutput = \"r.gguf\"\n");
    for (set, part) in [
        ("validate.fail_if.rmse=>\u{a0}0.0001", "unknown metric `rmse`"),
        ("validate.fail_if.foo=>\u{a0}1", "unknown metric `foo`"),
        ("custom_operators.x=y", "`custom_operators` is not available"),
    ] {
        let convert = lab.run(&format!("convert tiny-llama --to gguf:q4_k_m -o x.gguf --set {set}")).expect(2);
        let run = lab.run(&format!("run r.toml tiny-llama --set {set}")).expect(2);
        let watch = lab.run(&format!("watch tiny-llama --to gguf:q4_k_m --once --set {set}")).expect(2);
        for ran in [convert, run, watch] {
            assert!(ran.err.contains(part), "{set}: {}", ran.err);
        }
    }
    assert!(!lab.path("x.gguf").exists() && !lab.path("r.gguf").exists());
    // What is wrong already is reported by the plan, with what to do.
    assert!(lab.run("convert tiny-llama --set name=x").expect(2).err.contains("--to gguf:q4_k_m"));
}

#[test]
fn outputs_of_remold_are_no_sources_of_a_watcher() {
    let lab = Lab::new();
    checkpoint(&lab, "run/checkpoint-100", true);
    lab.run("convert run/checkpoint-100 --to gguf:q8_0 -o run/own-Q8_0.gguf").expect(0);
    lab.run("convert run/checkpoint-100 --to safetensors -o run/own-folder").expect(0);
    lab.run("convert run/checkpoint-100 --to gguf:q4_0 -o run/bare-Q4_0.gguf --no-manifest").expect(0);
    let line = "watch run --to gguf:q8_0 --once --json --quiet-time 0.2";
    let ran = lab.run(line).expect(0);
    assert_eq!(exported(&ran.out), [("checkpoint-100".to_owned(), "ok".to_owned())], "{}", ran.out);
    let found = &events(&ran.out, "watch.found")[0];
    assert_eq!((&found["sources"], &found["own"]), (&Value::from(1), &Value::from(3)), "{found}");
    assert!(events(&ran.out, "watch.source").iter().all(|e| e["name"] == "checkpoint-100"), "{}", ran.out);
    let why = lab.run("watch run --to gguf:q8_0 --explain run/own-Q8_0.gguf").expect(0);
    assert!(why.out.contains("remold wrote it"), "{}", why.out);
    // The exports of another watcher, in a folder above.
    lab.run("watch . --to gguf:q4_0 --once --quiet-time 0.2 -o ../above --exclude tiny-llama").expect(0);
    let above = names(&lab.dir().parent().unwrap().join("above"));
    assert_eq!(above, ["run-checkpoint-100-Q4_0.gguf"]);
    // One that is named is exported, and so is one that another program has written to since.
    let named = "watch run --to gguf:q8_0 --once --json --quiet-time 0.2 -o named --include own-folder";
    assert_eq!(exported(&lab.run(named).expect(0).out), [("own-folder".to_owned(), "ok".to_owned())]);
    let later = std::time::SystemTime::now() + std::time::Duration::from_secs(3600);
    let weights = fs::File::options().write(true).open(lab.path("run/own-folder/model.safetensors")).unwrap();
    weights.set_modified(later).unwrap();
    let ran = lab.run("watch run --to gguf:q8_0 --once --json --quiet-time 0.2 -o trained").expect(0);
    assert!(exported(&ran.out).iter().any(|(name, _)| name == "own-folder"), "{}", ran.out);
}

/// A checkpoint of an architecture that cannot be exported.
fn unknown_checkpoint(lab: &Lab) {
    checkpoint(lab, "run/checkpoint-100", true);
    let config = lab.path("run/checkpoint-100/config.json");
    let text = fs::read_to_string(&config).unwrap().replace("LlamaForCausalLM", "NobodyKnowsForCausalLM");
    fs::write(&config, text).unwrap();
}

#[test]
fn the_end_of_a_source_says_what_became_of_its_export() {
    let lab = Lab::new();
    unknown_checkpoint(&lab);
    let watcher = Background::start(&lab, "watch run --to gguf:q8_0 --quiet-time 0.2");
    watcher.wait("the failure", |e| is(e, "watch.exported", "checkpoint-100") && e["status"] == "failed");
    fs::remove_dir_all(lab.path("run/checkpoint-100")).unwrap();
    let gone = watcher.wait("the end", |e| is(e, "watch.source", "checkpoint-100") && e["state"] == "gone");
    assert_eq!(gone["text"], "removed; its export had failed");
    watcher.stop();
}

#[test]
fn the_end_of_a_watcher_counts_failures() {
    let lab = Lab::new();
    unknown_checkpoint(&lab);
    let once = lab.run("watch run --to gguf:q8_0 --once --quiet-time 0.2").expect(1);
    assert!(once.err.contains("nothing left to do; 1 export failed"), "{}", once.err);
    assert!(!once.err.contains("tried again"), "{}", once.err);
    let refused = lab.run("watch run --to gguf:q8_0 --once -o /proc/exports").expect(2);
    assert!(refused.err.contains("holds no files") || refused.err.contains("no permission"), "{}", refused.err);
}

#[test]
fn a_watcher_names_only_options_that_it_has() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    fs::create_dir(lab.path("run")).unwrap();
    lab.run("convert tiny-llama --to gguf:q8_0 -o run/step-100.gguf --no-manifest").expect(0);
    let flags = lab.run("convert run/step-100.gguf --to gguf:q4_k_m -o x.gguf").expect(2);
    assert!(flags.err.contains("pass --allow-requantize"), "{}", flags.err);
    let ran = lab.run("watch run --to gguf:q4_k_m --once --quiet-time 0.2 --include step-100.gguf").expect(1);
    assert!(ran.err.contains("--set allow_requantize=true") && !ran.err.contains("--allow-requantize"), "{}", ran.err);
    let ran = lab.run(
        "watch run --to gguf:q4_k_m --once --quiet-time 0.2 --include step-100.gguf -o b --set allow_requantize=true",
    );
    ran.expect(0);
}

#[test]
fn every_recipe_for_a_memory_can_be_run() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    let (mut refused, mut mixes) = (0, Vec::new());
    for tenth in 155..175 {
        let memory = format!("{}.{}MB", tenth / 10, tenth % 10);
        let file = format!("m{tenth}.toml");
        let ran = lab.run(&format!("recipe new tiny-llama --goal gpu --memory {memory} -o {file}"));
        match ran.code {
            Some(0) if fs::read_to_string(lab.path(&file)).unwrap().contains("target_size") => mixes.push(file),
            Some(0) => {}
            _ => {
                refused += 1;
                let needs = ran.err.split("which needs ").nth(1).unwrap().split(" of memory").next().unwrap();
                let needs = needs.replace(' ', "");
                lab.run(&format!("recipe new tiny-llama --goal gpu --memory {needs}")).expect(0);
            }
        }
    }
    assert!(refused > 0 && !mixes.is_empty(), "{refused} {mixes:?}");
    let smallest = &mixes[0];
    lab.run(&format!("run {smallest} --set output_dir=out")).expect(0);
}

#[test]
fn an_adapter_gets_its_modelfile() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    let none = lab.run("convert tiny-llama --to gguf:q4_k_m --modelfile-adapter nosuch -o a.gguf").expect(2);
    assert!(none.err.contains("nosuch"), "{}", none.err);
    for file in ["adapter_config.json", "adapter_model.safetensors"] {
        lab.write(&format!("lora/{file}"), "{}");
    }
    lab.run("convert tiny-llama --to gguf:q4_k_m --modelfile-adapter lora -o a.gguf").expect(0);
    assert!(fs::read_to_string(lab.path("a.Modelfile")).unwrap().contains("\nADAPTER "));
}

/// The `weights` figure of a report.
fn weights(ran: &Ran) -> (f64, f64) {
    let text = ran.err.split("weights ").nth(1).unwrap_or_else(|| panic!("{}", ran.err));
    let number = |text: &str| text.split([' ', ')']).next().unwrap().parse::<f64>().unwrap();
    (number(text), number(text.split("(forecast ").nth(1).unwrap()))
}

#[test]
fn weights_db_is_one_figure() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    lab.run("convert tiny-llama --to gguf:f16 -o f16.gguf").expect(0);
    let direct = lab.run("convert tiny-llama --to gguf:q4_k_m -o a.gguf").expect(0);
    let from_f16 = lab.run("convert f16.gguf --to gguf:q4_k_m -o b.gguf").expect(0);
    let (measured, forecast) = weights(&direct);
    let plan: Value = serde_json::from_str(&lab.run("plan tiny-llama --json").expect(0).out).unwrap();
    let planned = plan["types"].as_array().unwrap().iter().find(|t| t["name"] == "Q4_K_M").unwrap();
    let compared = lab.run("compare tiny-llama a.gguf").expect(0).out;
    let row = compared.lines().find(|l| l.trim_start().starts_with("weights dB")).unwrap().to_owned();
    let compared: f64 = row.split_whitespace().find_map(|w| w.parse().ok()).unwrap_or_else(|| panic!("{row}"));
    assert!((weights(&from_f16).0 - measured).abs() < 0.06, "{measured} {from_f16:?}");
    assert!((compared - measured).abs() < 0.06, "{measured} {row}");
    let planned = planned["sqnr_db"].as_f64().unwrap();
    assert!((forecast - planned).abs() < 0.06, "{forecast} {planned}");
    assert!((forecast - measured).abs() < 0.4, "{forecast} {measured}");
}

#[test]
fn a_folder_of_models_says_what_is_wrong_with_each() {
    let lab = Lab::new();
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let sharded = lab.model("tiny-mistral-sharded");
    fs::rename(&sharded, lab.path("m-half")).unwrap();
    fs::remove_file(lab.path("m-half/model-00003-of-00005.safetensors")).unwrap();
    fs::create_dir_all(lab.path("deep/folder")).unwrap();
    for name in ["call-os-system.pt", "big-endian.pt"] {
        fs::copy(root.join("fixtures/bad/pytorch").join(name), lab.path("deep/folder").join(name)).unwrap();
    }
    let said = lab.run("inspect .").expect(0).out;
    let line = |name: &str| said.lines().find(|l| l.contains(name)).unwrap_or_else(|| panic!("{said}")).to_owned();
    let half = line("m-half");
    assert!(half.contains("safetensors") && half.contains("MB") && half.contains("1 of 5 files is missing"), "{half}");
    let endian = line("big-endian.pt");
    assert!(endian.contains("its numbers are stored"), "{endian}");
    assert_eq!(endian.matches("big-endian.pt").count(), 1, "the path is not repeated: {endian}");
    let hint = line("call-os-system.pt");
    let command = hint.split('`').nth(1).unwrap().strip_prefix("remold ").unwrap().to_owned();
    assert!(lab.run(&command).expect(0).out.contains("system"), "{command}");
    let ranks = lab.run(&format!("inspect {}", root.join("fixtures/ranks").display())).expect(0).out;
    for name in ["dcp", "deepspeed", "hf"] {
        assert!(ranks.lines().any(|l| l.starts_with(name) && !l.contains("0 B")), "{name}: {ranks}");
    }
}

#[test]
fn messages_say_what_to_do() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    lab.write("laptop.toml", "x = 1");
    for (line, parts) in [
        (
            "plan nosuch",
            &[
                "nosuch: no such file or folder",
                "The current folder has no file or folder with this name",
                "`remold inspect .`",
            ][..],
        ),
        ("plan no/such/model", &["The current folder does not have the first folder of this path"]),
        ("help convret", &["no such command: `convret`", "Did you mean `convert`?"]),
        ("recipe check nosuch.toml", &["error: nosuch.toml: no such file or folder", "hint:"]),
        ("recipe check laptp.toml", &["error: laptp.toml", "laptop.toml?"]),
        ("convert tiny-llama -to gguf:q4_k_m", &["hint: Write `--to`"]),
        ("convert tiny-llama --to gguf --threads -1 -o x.gguf", &["hint: The value of --threads cannot be negative."]),
        (
            "convert tiny-llama --to gguf --target-size -5MB -o x.gguf",
            &["The value of --target-size cannot be negative."],
        ),
        ("quantize tiny-llama q4_k_m", &["hint: Write `remold convert tiny-llama --to gguf:q4_k_m`."]),
        ("convert tiny-llama --outtype f16", &["write `--to gguf:f16`"]),
        ("convert tiny-llama --to gguf q4_k_m", &["q4_k_m: this is a type, not a model", "Write `--to gguf:q4_k_m`."]),
        ("convert tiny-llama q4_k_m", &["Write `remold convert tiny-llama --to gguf:q4_k_m`."]),
        ("convert tiny-llama --to gguf -o -", &["cannot be written to stdout"]),
        (
            "convert tiny-llama --to gguf --reuse nosuch.gguf",
            &["nosuch.gguf: no such file or folder, so there is nothing to reuse"],
        ),
        ("verify tiny-llama --pure", &["need --source"]),
    ] {
        let ran = lab.run(line).expect(2);
        for part in parts {
            assert!(ran.err.contains(part), "{line}: {part}: {}", ran.err);
        }
        assert!(!ran.err.contains("tip:"), "{line}: {}", ran.err);
    }
    let named = lab.run("convert tiny-llama --to gguf:q4_k_m -o w-Q8_0.gguf").expect(0);
    assert!(named.err.contains("warning: the name of the output says Q8_0, but its type is Q4_K_M"), "{}", named.err);
    let both = lab.run("convert tiny-llama --to gguf:q4_k_m --to gguf --target-size 3MB --dry-run").expect(0);
    assert!(both.out.contains("tiny-llama-3MB.gguf") && both.out.contains("tiny-llama-Q4_K_M.gguf"), "{}", both.out);
    // The command that a dry run prints is one that works.
    let again = lab.run("convert tiny-llama --to gguf:q4_k_m -o w-Q8_0.gguf --dry-run").expect(0);
    assert!(again.out.trim_end().ends_with("-o w-Q8_0.gguf --force"), "{}", again.out);
    // A dry run ends as the run would.
    lab.run("convert tiny-llama nosuch --to gguf:q4_k_m --dry-run").expect(1);
    let list = lab.run("recipe list --json").expect(0).out;
    assert!(list.lines().all(|l| serde_json::from_str::<Value>(l).unwrap()["name"].is_string()), "{list}");
    let help = lab.run("convert --help").expect(0).out;
    let (before, _) = help.split_once("Several models:").unwrap();
    assert!(["--reuse", "--force", "--no-checksums"].iter().all(|f| before.contains(f)), "{help}");
}

/// A number means another job in another folder of jobs.
#[test]
fn what_is_said_of_jobs_in_a_chosen_folder_names_the_folder() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    let none = lab.run("--jobs-root nosuch jobs").expect(0);
    assert!(none.err.contains("nosuch does not exist"), "{}", none.err);
    lab.write("file", "x");
    assert!(lab.run("--jobs-root file jobs").expect(2).err.contains("not a folder of jobs"));
    lab.run("--jobs-root file convert tiny-llama --to gguf").expect(2);
    let ran = lab.run("--jobs-root own convert tiny-llama --to gguf:q8_0 --detach").expect(0);
    let root = lab.path("own");
    let follow = format!("remold --jobs-root {} jobs attach 1", root.display());
    assert!(ran.err.contains(&follow), "{}", ran.err);
    lab.run("--jobs-root own jobs attach 1").expect(0);
}

/// An importance matrix has the form of a model.
#[test]
fn an_importance_matrix_is_no_model() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    let matrix = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/golden/imatrix/tiny-llama.imatrix.gguf");
    lab.write("m/imatrix.gguf", fs::read(matrix).unwrap());
    lab.write("m/other.gguf", fs::read(matrix).unwrap());
    for command in ["convert m/imatrix.gguf --to gguf:q4_0", "plan m/imatrix.gguf"] {
        let ran = lab.run(command).expect(2);
        assert!(ran.err.contains("this is an importance matrix, not a model"), "{command}: {}", ran.err);
        assert!(ran.err.contains("--imatrix"), "{command}: {}", ran.err);
    }
    let ran = lab.run("convert m --recursive --to gguf:q4_0").expect(2);
    assert!(ran.err.contains("there are no models to convert"), "{}", ran.err);
    std::thread::sleep(std::time::Duration::from_millis(300));
    let why = lab.run("watch m --to gguf:q4_0 --quiet-time 0.1 --explain m/imatrix.gguf").expect(0);
    assert!(why.out.contains("it is an importance matrix, not a model"), "{}", why.out);
    lab.run(&format!("convert tiny-llama --to gguf:q4_0 --imatrix {matrix} -o with.gguf"));
}

/// Nothing that was asked for is ignored without a word, and each refusal names what was given.
#[test]
fn options_without_effect_are_named() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    lab.write("t.txt", "some text");
    let ran = lab.run("convert tiny-llama --to gguf:q8_0 -o a.gguf --scores nosuch.json --budget-types q4_k").expect(0);
    for text in ["scores (--scores) has no effect without target_size", "budget_types (--budget-types) has no effect"] {
        assert!(ran.err.contains(text), "{text}: {}", ran.err);
    }
    let ran = lab.run("convert tiny-llama --to gguf:q8_0 -o b.gguf --fail-if kld_mean>0.1").expect(2);
    assert!(ran.err.contains("--validate FILE") && !ran.err.contains("[validate]"), "{}", ran.err);
    let ran = lab.run("inspect . --tensors").expect(0);
    assert!(ran.err.contains("--tensors is for one model"), "{}", ran.err);
    let ran = lab.run("convert nosuch tiny-llama --to gguf:q8_0 --fail-fast").expect(2);
    assert!(ran.err.contains("nothing was written"), "{}", ran.err);
    let ran = lab.run("recipe check nosuch.toml").expect(2);
    assert!(!ran.err.contains("remold inspect"), "{}", ran.err);
    let unsafe_file = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/bad/pytorch/call-eval-legacy.pt");
    let ran = lab.run(&format!("convert {unsafe_file} --to gguf:q8_0 -o c.gguf")).expect(2);
    assert!(ran.err.contains("run code") && !ran.err.contains("vocabulary"), "{}", ran.err);
}

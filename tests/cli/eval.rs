//! What models say of a text.

use crate::lab::{Lab, finish, fixture, start, wait_for, words};
use crate::table::{check, row};
use remold::testing::engine::{Event, EventBody};
use rustix::process::{Pid, Signal, kill_process};

/// A lab with the text of the golden figures, tiny-llama and conversions of it.
fn lab(types: &[&str]) -> Lab {
    let lab = Lab::new();
    lab.model("tiny-llama");
    std::fs::copy(fixture("golden/eval/eval.txt"), lab.path("eval.txt")).unwrap();
    if !types.is_empty() {
        let to: String = types.iter().map(|t| format!(" --to gguf:{t}")).collect();
        lab.run(&format!("convert tiny-llama{to} -o .")).expect(0);
    }
    lab
}

fn metric(events: &[Event], name: &str, model: &str) -> Option<f64> {
    events.iter().rev().find_map(|e| match &e.body {
        EventBody::Metric(m) if m.name == name && m.model == model => Some(m.value),
        _ => None,
    })
}

/// The figures of llama-perplexity: name, type → value (fixtures/golden/eval).
fn golden() -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(fixture("golden/eval/tiny-llama.json")).unwrap()).unwrap()
}

const TYPES: [&str; 5] = ["q8_0", "q6_k", "q5_k_m", "q4_k_m", "q2_k"];

#[test]
fn exact_divergences_are_those_of_the_definition() {
    let lab = lab(&TYPES);
    let models: String = TYPES.iter().map(|t| format!(" tiny-llama-{}.gguf", t.to_uppercase())).collect();
    let ran = lab.run(&format!("eval{models} --baseline tiny-llama --data eval.txt -c 256 --json")).expect(0);
    let events = ran.events();
    // golden/quality/perplexity/exact-vs-llama.json: mean KLD and perplexity of an exact pass.
    let exact = [
        ("Q8_0", 0.000033, 28.483063),
        ("Q6_K", 0.000345, 28.469971),
        ("Q5_K_M", 0.000851, 28.479276),
        ("Q4_K_M", 0.002517, 28.632055),
        ("Q2_K", 0.039426, 29.090988),
    ];
    let mut wrong = Vec::new();
    for (kind, kld, ppl) in exact {
        let model = format!("tiny-llama-{kind}.gguf");
        let (got, got_ppl) =
            (metric(&events, "kld_mean", &model).unwrap(), metric(&events, "perplexity", &model).unwrap());
        if (got - kld).abs() > (kld * 0.01f64).max(3e-6) || (got_ppl / ppl - 1.0).abs() > 5e-5 {
            wrong.push(format!("{kind}: KLD {got} instead of {kld}, perplexity {got_ppl} instead of {ppl}"));
        }
        let layers = events.iter().filter(|e| {
            matches!(&e.body, EventBody::Metric(m) if m.layer.is_some() && m.name == "hidden_rms" && m.model == model)
        });
        assert_eq!(layers.count(), 4, "one event for each layer");
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let base = metric(&events, "perplexity", "tiny-llama").unwrap();
    assert!((base / 28.479_508 - 1.0).abs() < 5e-6, "{base}");
}

#[test]
fn as_llama_cpp_the_figures_are_those_of_llama_perplexity() {
    let lab = lab(&TYPES);
    let models: String = TYPES.iter().map(|t| format!(" tiny-llama-{}.gguf", t.to_uppercase())).collect();
    let args = format!("eval{models} --baseline tiny-llama --data eval.txt --context 256 --as llama.cpp --json");
    let events = lab.run(&args).expect(0).events();
    let golden = golden();
    let mut wrong = Vec::new();
    for kind in TYPES.map(str::to_uppercase) {
        let model = format!("tiny-llama-{kind}.gguf");
        let of = |name: &str| golden[&kind][name][0].as_f64().unwrap();
        let got = |name: &str| metric(&events, name, &model).unwrap();
        let near = |name: &str, theirs: &str, relative: f64, absolute: f64| {
            let (got, wanted) = (got(name), of(theirs));
            ((got - wanted).abs() > (wanted.abs() * relative).max(absolute))
                .then(|| format!("{kind} {name}: {got} instead of {wanted}"))
        };
        wrong.extend(near("kld_mean", "Mean KLD", 0.02, 5e-6));
        wrong.extend(near("top1_agreement", "Same top p", 0.0, 0.5));
        wrong.extend(near("perplexity", "Mean PPL(Q)", 1e-3, 0.0));
        wrong.extend(near("kld_median", "Median KLD", 0.1, 5e-6));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Perplexity of every golden model, and the divergence of two of its types where rounding does not choose other experts.
#[test]
fn every_architecture_has_the_figures_of_llama_perplexity() {
    let shared = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let mut wrong = Vec::new();
    for name in ["gemma3-c512", "gpt2", "mixtral", "qwen2", "qwen3", "qwen3moe-c128"] {
        let golden = shared.join(format!("golden/quality/perplexity/tiny-{name}.json"));
        let (model, context) = name.split_once("-c").unwrap_or((name, "256"));
        let folder = shared.join(format!("material/hf/tiny-{model}"));
        let Some(golden) = std::fs::read(&golden).ok().filter(|_| folder.is_dir()) else {
            crate::skip::skipped(&format!("perplexity of tiny-{model}: ../shared has no figures or no model"));
            continue;
        };
        let golden: serde_json::Value = serde_json::from_slice(&golden).unwrap();
        let lab = lab(&[]);
        let folder = folder.display();
        lab.run(&format!("convert {folder} --to gguf:f32 --to gguf:q8_0 --to gguf:q4_k_m -o .")).expect(0);
        let file = |kind: &str| format!("tiny-{model}-{kind}.gguf");
        let models = format!("{} {} --baseline {}", file("Q8_0"), file("Q4_K_M"), file("F32"));
        let args = format!("eval {models} --data eval.txt -c {context} --as llama.cpp --json");
        let events = lab.run(&args).expect(0).events();
        let got = |name: &str, kind: &str| metric(&events, name, &file(kind)).unwrap();
        let mut near = |what: String, got: f64, wanted: &serde_json::Value, relative: f64, absolute: f64| {
            let wanted = wanted.as_f64().unwrap();
            if (got - wanted).abs() > (wanted.abs() * relative).max(absolute) {
                wrong.push(format!("tiny-{name} {what}: {got} instead of {wanted}"));
            }
        };
        let experts = model.contains("moe") || model.contains("mixtral");
        let exact = if experts { 1e-3 } else { 5e-5 };
        near("perplexity".to_owned(), got("perplexity", "F32"), &golden["base"]["ppl"], exact, 0.0);
        for kind in ["Q8_0", "Q4_K_M"].into_iter().filter(|_| !experts) {
            let wanted = &golden[kind];
            near(format!("{kind} KLD"), got("kld_mean", kind), &wanted["Mean KLD"][0], 0.02, 5e-6);
            // These models have random weights: their first tokens are hardly more probable than the next ones.
            near(format!("{kind} top-1"), got("top1_agreement", kind), &wanted["Same top p"][0], 0.0, 1.0);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_report_names_what_it_is() {
    let lab = lab(&["q4_k_m"]);
    let ran = lab.run("eval tiny-llama-Q4_K_M.gguf --baseline tiny-llama --data eval.txt -c 256 --layers").expect(0);
    for part in [
        "15 windows of 256 tokens, 1905 tokens scored",
        "exact: ",
        "baseline tiny-llama",
        "◆ tiny-llama",
        "28.4795 ± 1.5776",
        "mean KLD",
        "0.0025",
        "top-5 agreement",
        "flips",
        "after each layer",
    ] {
        assert!(ran.out.contains(part), "{part} in\n{}", ran.out);
    }
    assert_eq!(ran.err, "", "no progress in a pipe");
    let figures = ran.out.lines().take_while(|l| !l.starts_with("repeat cd "));
    assert!(figures.clone().all(|l| l.chars().count() <= 80), "{}", ran.out);
    assert_eq!(figures.count() + 1, ran.out.lines().count(), "the command is the last line: {}", ran.out);
    let ran = lab.run("eval tiny-llama-Q4_K_M.gguf --data eval.txt -c 256 --as llama.cpp --chunks 3").expect(0);
    assert!(ran.out.contains("as llama.cpp: ") && ran.out.contains("3 windows"), "{}", ran.out);
    assert!(!ran.out.contains("KLD"), "{}", ran.out);
}

#[test]
fn conditions_decide_the_exit_code() {
    let lab = lab(&["q4_k_m"]);
    let run = |conditions: &[&str]| {
        let flags: String = conditions.iter().map(|c| format!(" --fail-if {}", c.replace(' ', "\u{a0}"))).collect();
        let eval = "eval tiny-llama-Q4_K_M.gguf --baseline tiny-llama --data eval.txt -c 256 --chunks 4";
        lab.run(&format!("{eval}{flags}"))
    };
    let ran = run(&["kld_mean > 0.01", "top1_agreement < 90 %"]).expect(0);
    assert!(ran.out.contains("passed tiny-llama-Q4_K_M.gguf: kld_mean is 0.002"), "{}", ran.out);
    let ran = run(&["kld_mean > 0.01", "hidden_rms > 0.0001"]).expect(3);
    assert!(ran.out.contains("failed tiny-llama-Q4_K_M.gguf: hidden_rms is "), "{}", ran.out);
}

#[test]
fn a_base_file_takes_the_place_of_the_baseline_and_the_text() {
    let lab = lab(&["q2_k"]);
    lab.run("eval tiny-llama --data eval.txt -c 256 --save-logits base.dat").expect(0);
    // 20 bytes, 15 windows of 256 tokens and of 127 rows of 2048 values with 8 bytes in front.
    let bytes = std::fs::metadata(lab.path("base.dat")).unwrap().len();
    assert_eq!(bytes, 20 + 15 * 256 * 4 + 15 * 127 * (2048 + 4) * 2);
    let events = lab.run("eval tiny-llama-Q2_K.gguf --logits base.dat --json").expect(0).events();
    let kld = metric(&events, "kld_mean", "tiny-llama-Q2_K.gguf").unwrap();
    assert!((kld - 0.039_426).abs() < 4e-4, "{kld}");
}

/// Nothing half-written stays.
#[test]
fn ctrl_c_cancels_and_leaves_nothing() {
    let lab = lab(&[]);
    lab.write("long.txt", std::fs::read_to_string(lab.path("eval.txt")).unwrap().repeat(40));
    let before = lab.tree();
    let mut command = lab.command();
    command.args(words("eval tiny-llama --data long.txt -c 256 --save-logits base.dat --threads 1"));
    let child = start(&mut command);
    // It is made just before the pass, which takes a minute on one thread.
    wait_for("the pass to begin", || {
        let names = std::fs::read_dir(lab.path(".")).unwrap().flatten().map(|e| e.file_name());
        names.into_iter().any(|n| n.to_string_lossy().starts_with(".base.dat.remold-")).then_some(())
    });
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let ran = finish(child);
    assert_eq!((ran.code, ran.out.as_str()), (Some(130), ""), "{}", ran.err);
    assert_eq!(lab.tree(), before);
}

#[test]
fn embedding_models_are_compared_by_their_vectors() {
    let lab = Lab::new();
    lab.model("mini-bert");
    lab.run("convert mini-bert --to gguf:q8_0 -o bert.gguf").expect(0);
    let lines: String =
        (0..40).map(|i| format!("text number {i} about {}\n\n", ["cats", "trains", "the sea"][i % 3])).collect();
    lab.write("lines.txt", lines);
    let events = lab.run("eval bert.gguf --baseline mini-bert --data lines.txt --json").expect(0).events();
    let get = |name: &str| metric(&events, name, "bert.gguf").unwrap();
    assert!(get("cosine_mean") > 0.99 && get("cosine_min") > 0.9, "{} {}", get("cosine_mean"), get("cosine_min"));
    assert!(get("similarity_spearman") > 0.9 && get("neighbour_overlap") > 50.0);
    assert_eq!(get("texts"), 40.0);
    let ran = lab.run("eval bert.gguf --baseline mini-bert --data lines.txt").expect(0);
    assert!(ran.out.contains("40 texts") && ran.out.contains("pooling: mean"), "{}", ran.out);
}

#[test]
fn wrong_requests() {
    let llama = |args: &'static str| {
        move |lab: &Lab| {
            lab.model("tiny-llama");
            lab.model("tiny-llama3-pt");
            std::fs::copy(fixture("golden/eval/eval.txt"), lab.path("eval.txt")).unwrap();
            lab.write("short.txt", "too short");
            lab.write("empty.txt", "");
            lab.write("data.bin", b"\xff\xfe\x00\x01");
            lab.write("bare/model.safetensors", crate::made::floats(&[("w", &[2, 2], vec![0.0; 4])]));
            std::fs::create_dir_all(lab.path("silent")).unwrap();
            for entry in std::fs::read_dir(lab.path("tiny-llama")).unwrap().flatten() {
                let name = entry.file_name().into_string().unwrap();
                if !name.contains("token") {
                    std::fs::copy(entry.path(), lab.path("silent").join(name)).unwrap();
                }
            }
            args.to_owned()
        }
    };
    check(
        "eval.txt",
        vec![
            row("no text", 2, &["--data"], llama("eval tiny-llama")),
            row("a text that is not there", 2, &["none.txt"], llama("eval tiny-llama --data none.txt")),
            row(
                "a text that is too short",
                2,
                &["short.txt", "at least 1024"],
                llama("eval tiny-llama --data short.txt"),
            ),
            row("an empty text", 2, &["empty.txt", "empty"], llama("eval tiny-llama --data empty.txt")),
            row("a text that is no text", 2, &["data.bin", "UTF-8"], llama("eval tiny-llama --data data.bin")),
            row(
                "a context that is too long",
                2,
                &["context of 100000 tokens"],
                llama("eval tiny-llama --data eval.txt -c 100000"),
            ),
            row(
                "another vocabulary",
                2,
                &["tiny-llama3-pt", "token 0 is"],
                llama("eval tiny-llama3-pt --baseline tiny-llama --data eval.txt -c 256"),
            ),
            row("no tokenizer", 2, &["silent"], llama("eval silent --data eval.txt")),
            row("no network", 2, &["bare"], llama("eval bare --data eval.txt")),
            row(
                "a condition on a metric that is not there",
                2,
                &["kld_meen", "kld_mean"],
                llama("eval tiny-llama --data eval.txt --fail-if kld_meen>1"),
            ),
            row(
                "a condition that needs a baseline",
                2,
                &["kld_mean", "--baseline"],
                llama("eval tiny-llama --data eval.txt -c 256 --fail-if kld_mean>1"),
            ),
            row("a base file that is none", 2, &["eval.txt"], llama("eval tiny-llama --logits eval.txt")),
            row(
                "an output that exists",
                2,
                &["short.txt", "exists"],
                llama("eval tiny-llama --data eval.txt -c 256 --save-logits short.txt"),
            ),
        ],
    );
}

/// A weight that is NaN is named.
#[test]
fn weights_that_are_not_finite_are_named() {
    let lab = lab(&["f32"]);
    let path = lab.path("tiny-llama-F32.gguf");
    let mut bytes = std::fs::read(&path).unwrap();
    let end = bytes.len();
    bytes[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    std::fs::write(&path, bytes).unwrap();
    let ran = lab.run("eval tiny-llama-F32.gguf --data eval.txt -c 256 --chunks 1");
    assert!(
        ran.code != Some(0) && ran.err.contains("weight") && ran.err.contains("tiny-llama-F32.gguf"),
        "{}",
        ran.err
    );
}

/// Tasks of all three formats whose text is that of the fixtures.
fn tasks(lab: &Lab) {
    lab.write("hs.txt", "def read(self\n1\n, name, x):\n):\n return 0\n import os\n".repeat(3).into_bytes());
    lab.write(
        "wg.csv",
        "0,\"import _ and then the name, as it is given.\",os,sys,1\n1,return _.,self,None,2\n".to_owned().into_bytes(),
    );
    let mut bytes: Vec<u8> = [1u32, 0].iter().flat_map(|n| n.to_le_bytes()).collect();
    let mut text = |t: &str| {
        bytes.extend((t.len() as u32).to_le_bytes());
        bytes.extend(t.as_bytes());
    };
    text("for i in");
    let mut list: Vec<u8> = 2u32.to_le_bytes().to_vec();
    for (answer, _) in [("range(n):", 1u32), ("zebra", 0)] {
        list.extend((answer.len() as u32).to_le_bytes());
        list.extend(answer.as_bytes());
    }
    list.extend([1u32, 0, 0].iter().flat_map(|n| n.to_le_bytes()));
    bytes.extend(list);
    lab.write("mc.bin", bytes);
}

#[test]
fn multiple_choice_tasks_are_scored_and_compared_with_a_baseline() {
    let lab = lab(&["q8_0"]);
    tasks(&lab);
    let args = "eval tiny-llama-Q8_0.gguf --baseline tiny-llama --hellaswag hs.txt --winogrande wg.csv --multiple-choice mc.bin";
    let events = lab.run(&format!("{args} --json --fail-if hellaswag_agreement<50")).expect(0).events();
    for kind in ["hellaswag", "winogrande", "multiple_choice"] {
        for model in ["tiny-llama", "tiny-llama-Q8_0.gguf"] {
            let accuracy = metric(&events, &format!("{kind}_accuracy"), model).unwrap();
            assert!((0.0..=100.0).contains(&accuracy), "{kind} {accuracy}");
        }
        let agreement = metric(&events, &format!("{kind}_agreement"), "tiny-llama-Q8_0.gguf").unwrap();
        assert_eq!(agreement, 100.0, "{kind}: Q8_0 answers as its source");
    }
    assert_eq!(metric(&events, "multiple_choice_accuracy", "tiny-llama"), Some(100.0), "range(n) follows 'for i in'");
    let text = lab.run(&format!("{args} --tasks 2")).expect(0).out;
    assert!(text.contains("hellaswag: 2 of 3 tasks, 25.0 % by chance"), "{text}");
    // What cannot be checked or read is refused.
    let refused = lab.run("eval tiny-llama --hellaswag hs.txt --fail-if winogrande_accuracy<50").expect(2);
    assert!(refused.err.contains("winogrande_accuracy is not measured here"), "{}", refused.err);
    let refused = lab.run("eval tiny-llama --hellaswag wg.csv").expect(2);
    assert!(refused.err.contains("wg.csv") && refused.err.contains("not a multiple of 6"), "{}", refused.err);
}

#[test]
fn speed_is_measured_in_llama_cpp_and_in_the_own_pass() {
    use std::os::unix::fs::PermissionsExt;
    let lab = lab(&["q8_0"]);
    let bench = "#!/bin/sh\ncat <<'E'\n[{\"build_commit\": \"abc\", \"build_number\": 7, \"backends\": \"CPU\", \"n_threads\": 2, \"n_prompt\": 128, \"n_gen\": 0, \"samples_ns\": [64000000]},\n{\"n_prompt\": 0, \"n_gen\": 16, \"samples_ns\": [160000000]}]\nE\n";
    std::fs::create_dir(lab.path("bin")).unwrap();
    lab.write("bin/llama-bench", bench.to_owned().into_bytes());
    std::fs::set_permissions(lab.path("bin/llama-bench"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let args = "eval tiny-llama-Q8_0.gguf tiny-llama --speed --speed-runs 1";
    let condition = "--fail-if llama_cpp_generation_tps<1000";
    let events = lab.run(&format!("{args} --llama-cpp bin --json {condition}")).expect(3).events();
    assert_eq!(metric(&events, "llama_cpp_prompt_tps", "tiny-llama-Q8_0.gguf"), Some(2000.0));
    assert_eq!(metric(&events, "llama_cpp_token_ms", "tiny-llama-Q8_0.gguf"), Some(10.0));
    assert_eq!(metric(&events, "llama_cpp_prompt_tps", "tiny-llama"), None, "no GGUF");
    assert!(metric(&events, "own_pass_generation_tps", "tiny-llama").is_some_and(|v| v > 0.0));
    let text = lab.run(&format!("{args} --llama-cpp bin")).expect(0).out;
    for part in
        ["llama.cpp build 7 (abc), CPU, 2 threads", "no runtime", "tiny-llama is no GGUF", "llama.cpp generation"]
    {
        assert!(text.contains(part), "{part} in\n{text}");
    }
    // Where it is not found, the report says what was looked for, and a condition on it is refused.
    let refused = lab.run(&format!("{args} --llama-cpp tiny-llama")).expect(2);
    assert!(refused.err.contains("there is no llama-bench"), "{}", refused.err);
}

/// The report in the newest job's folder, without what a run takes.
fn report(lab: &Lab) -> serde_json::Value {
    let mut report: serde_json::Value =
        serde_json::from_slice(&std::fs::read(lab.job().join("report.json")).unwrap()).unwrap();
    for key in ["seconds", "peak_rss", "threads", "command"] {
        report.as_object_mut().unwrap().remove(key);
    }
    report
}

#[test]
fn an_evaluation_is_a_job() {
    let lab = lab(&["q4_k_m"]);
    let args = "eval tiny-llama-Q4_K_M.gguf --baseline tiny-llama --data eval.txt -c 256 --chunks 4";
    lab.run(args).expect(0);
    let first = report(&lab);
    assert_eq!(first["kind"], "evaluation");
    assert_eq!((&first["text"]["windows"], &first["text"]["scored_tokens"]), (&4.into(), &508.into()));
    let models = first["models"].as_array().unwrap();
    assert_eq!((models.len(), models[0]["is_baseline"].as_bool()), (2, Some(true)));
    assert!(models.iter().all(|m| !m["files"].as_array().unwrap().is_empty()));
    let id = lab.job().file_name().unwrap().to_string_lossy().into_owned();
    let shown = lab.run(&format!("jobs show {id}")).expect(0).out;
    let title = "evaluate tiny-llama-Q4_K_M.gguf against tiny-llama on eval.txt";
    for part in [title, "mean KLD", "finished", "repeat cd "] {
        assert!(shown.contains(part), "{part} in\n{shown}");
    }
    let list = lab.run("jobs list --json").expect(0).out;
    assert!(list.lines().next().unwrap().contains("\"kind\":\"evaluation\""), "{list}");
    // In a worker, and once more from the folder of the job.
    let started = lab.run(&format!("{args} --fail-if kld_mean>0 --detach --json")).expect(0).out;
    let job: serde_json::Value = serde_json::from_str(&started).unwrap();
    let id = job["id"].as_str().unwrap();
    let attached = lab.run(&format!("jobs attach {id}")).expect(3);
    assert!(attached.out.contains("mean KLD") && attached.out.contains("failed "), "{}", attached.out);
    assert_eq!(report(&lab)["models"], first["models"]);
    lab.run(&format!("jobs rerun {id}")).expect(3);
    assert_eq!(report(&lab)["models"], first["models"]);
    lab.run(&format!("jobs remove {id}")).expect(0);
}

/// Asked to end in the middle of the layers, killed, and then resumed: the figures are those of a run without interruptions.
#[test]
fn an_interrupted_evaluation_continues_with_the_same_figures() {
    let lab = lab(&["q4_k_m"]);
    lab.write("long.txt", std::fs::read_to_string(lab.path("eval.txt")).unwrap().repeat(6));
    // Several batches.
    let args = "eval tiny-llama-Q4_K_M.gguf --baseline tiny-llama --data long.txt -c 256 --memory 6MB --threads 1";
    lab.run(args).expect(0);
    let wanted = report(&lab);
    let mut command = lab.command();
    command.args(words(args));
    let child = start(&mut command);
    let events = |lab: &Lab| std::fs::read_to_string(lab.job().join("events.jsonl")).unwrap_or_default();
    let before = lab.job();
    wait_for("the first batch", || (lab.job() != before && events(&lab).contains("\"layer\":2")).then_some(()));
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    finish(child).expect(143);
    let job = lab.job();
    let id = job.file_name().unwrap().to_string_lossy().into_owned();
    assert!(job.join("state/index.json").exists(), "the work is kept");
    lab.run(&format!("jobs resume {id}")).expect(0);
    lab.run(&format!("jobs attach {id}")).expect(0);
    assert_eq!(report(&lab), wanted);
    assert!(!job.join("state").exists(), "nothing is kept of finished work");
}

/// Two jobs write one file of log-probabilities at the same time: none has a row of the other's in its own, whichever is resumed or removed.
#[test]
fn jobs_with_one_base_file_do_not_share_what_is_unfinished() {
    let lab = lab(&["q2_k"]);
    lab.write("long.txt", std::fs::read_to_string(lab.path("eval.txt")).unwrap().repeat(6));
    let rest = "--data long.txt -c 256 --memory 6MB --threads 1 --save-logits";
    lab.run(&format!("eval tiny-llama {rest} wanted.dat")).expect(0);
    lab.run(&format!("eval tiny-llama-Q2_K.gguf {rest} other.dat")).expect(0);
    let read = |name: &str| std::fs::read(lab.path(name)).unwrap();
    let (wanted, other) = (read("wanted.dat"), read("other.dat"));
    assert_eq!(wanted.len(), other.len());
    assert_ne!(wanted, other, "the rows say whose they are");
    let parts = || {
        let names = std::fs::read_dir(lab.path(".")).unwrap().flatten().map(|e| e.path());
        names.filter(|p| p.to_string_lossy().contains(".base.dat.remold-")).collect::<Vec<_>>()
    };
    // Begins a job, and lets it get beyond the first rows of its file.
    let begin = |model: &str| {
        let before = (lab.job(), parts());
        let mut command = lab.command();
        command.args(words(&format!("eval {model} {rest} base.dat")));
        let child = start(&mut command);
        wait_for("the first rows", || {
            let has_rows = |p: &std::path::PathBuf| {
                // Behind the header and the tokens.
                !before.1.contains(p) && p.metadata().is_ok_and(|m| m.len() > 20 + wanted.len() as u64 / 8)
            };
            (lab.job() != before.0 && parts().iter().any(has_rows)).then_some(())
        });
        (child, lab.job().file_name().unwrap().to_string_lossy().into_owned())
    };
    let (first, first_id) = begin("tiny-llama");
    let (second, second_id) = begin("tiny-llama-Q2_K.gguf");
    assert_eq!(parts().len(), 2, "each has a file of its own");
    for child in [first, second] {
        kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
        finish(child).expect(143);
    }
    assert_eq!(parts().len(), 2, "both can be continued");
    // A third one, of the other model, ends while the first one continues; the second is removed.
    let (third, third_id) = begin("tiny-llama-Q2_K.gguf");
    lab.run(&format!("jobs remove {second_id}")).expect(0);
    assert_eq!(parts().len(), 2, "only the file of the removed job is gone");
    lab.run(&format!("jobs resume {first_id}")).expect(0);
    kill_process(Pid::from_child(&third), Signal::TERM).unwrap();
    finish(third).expect(143);
    lab.run(&format!("jobs attach {first_id}")).expect(0);
    assert!(read("base.dat") == wanted, "a row of another job is in the file");
    // The one that comes too late does not replace it.
    lab.run(&format!("jobs resume {third_id}")).expect(0);
    let late = lab.run(&format!("jobs attach {third_id}")).expect(1);
    assert!(late.err.contains("base.dat: the file exists already"), "{}", late.err);
    assert!(read("base.dat") == wanted);
    lab.run(&format!("jobs remove {third_id}")).expect(0);
    assert!(parts().is_empty(), "{:?}", parts());
}

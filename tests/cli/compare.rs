//! Models side by side.

use crate::lab::{Lab, finish, start, words};
use crate::made::{floats, noise};
use crate::table::{check, row};
use remold::testing::engine::EventBody;

/// A lab with tiny-llama, its exact f32 conversion and a quantized one.
fn lab() -> Lab {
    let lab = Lab::new();
    lab.model("tiny-llama");
    lab.run("convert tiny-llama --to gguf:f32 --to gguf:q4_k_m -o .").expect(0);
    lab
}

#[test]
fn a_folder_and_its_conversions() {
    let lab = lab();
    let ran = lab.run("compare tiny-llama tiny-llama-F32.gguf tiny-llama-Q4_K_M.gguf --tensors").expect(0);
    for part in ["◆ tiny-llama", "39 of 39 tensors", "+101 %", "−68.0 %", "memory @ 1024", "blk.3.attn_q.weight"] {
        assert!(ran.out.contains(part), "{part} in\n{}", ran.out);
    }
    assert_eq!(ran.err, "", "no progress in a pipe");
    let line =
        |name: &str| ran.out.lines().find(|l| l.starts_with(name)).unwrap_or_else(|| panic!("{name}")).to_owned();
    assert!(line("weights dB").contains("exact"), "heads of queries and keys are permuted alike: {}", ran.out);
    let db: f64 = line("weights dB").split_whitespace().find_map(|word| word.parse().ok()).unwrap();
    assert!((24.0..26.0).contains(&db), "{db}");
    assert!(line("blk.0.attn_q.weight").contains("exact"));
}

#[test]
fn a_pytorch_copy_has_the_same_bytes() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    lab.run("convert tiny-llama --to pytorch -o copy").expect(0);
    let ran = lab.run("compare tiny-llama copy").expect(0);
    assert!(ran.out.contains("39 of 39\n") && ran.out.contains("identical"), "{}", ran.out);
    assert!(ran.out.contains("matched by the names in the files"), "{}", ran.out);
}

#[test]
fn a_lone_file_keeps_its_names_in_a_gguf() {
    let lab = Lab::new();
    lab.write(
        "m.safetensors",
        floats(&[("layers.0.w", &[4, 64], noise(256, 1)), ("layers.1.w", &[4, 64], noise(256, 2))]),
    );
    lab.run("convert m.safetensors --to gguf:q8_0 -o q.gguf").expect(0);
    let ran = lab.run("compare m.safetensors q.gguf").expect(0);
    assert!(ran.out.contains("2 of 2 tensors compared") && ran.out.contains(" dB"), "{}", ran.out);
}

#[test]
fn json_is_events_and_nothing_else() {
    let lab = lab();
    let ran = lab.run("compare tiny-llama-Q4_K_M.gguf tiny-llama-F32.gguf --baseline tiny-llama --json").expect(0);
    assert_eq!(ran.err, "");
    let events = ran.events();
    let metric = |name: &str, model: &str| {
        events.iter().find_map(|e| match &e.body {
            EventBody::Metric(m) if m.name == name && m.model == model && m.layer.is_none() => Some(m.value),
            _ => None,
        })
    };
    assert_eq!(metric("compared_tensors", "tiny-llama-F32.gguf"), Some(39.0));
    assert_eq!(metric("rmse", "tiny-llama-F32.gguf"), Some(0.0));
    assert_eq!(metric("sqnr_db", "tiny-llama-F32.gguf"), None, "infinite");
    assert!(metric("sqnr_db", "tiny-llama-Q4_K_M.gguf").is_some_and(|db| (24.0..26.0).contains(&db)));
    assert_eq!(metric("rmse", "tiny-llama"), None, "the baseline has no error");
    let tensors = events.iter().filter(|e| matches!(&e.body, EventBody::TensorFinished(t) if t.rmse.is_some()));
    assert_eq!(tensors.count(), 2 * 39);
    let layers = events.iter().filter(|e| matches!(&e.body, EventBody::Metric(m) if m.layer.is_some()));
    assert!(layers.count() >= 4 * 4);
}

#[test]
fn a_text_adds_what_the_models_predict_to_all_forms() {
    let lab = lab();
    std::fs::copy(crate::lab::fixture("golden/eval/eval.txt"), lab.path("eval.txt")).unwrap();
    let args = "tiny-llama tiny-llama-F32.gguf tiny-llama-Q4_K_M.gguf --data eval.txt --window 256 --chunks 6";
    let exports = "--export r.html --export r.md --export r.csv --export r.json";
    let mut command = lab.command();
    command.env("COLUMNS", "80").args(words(&format!("compare {args} {exports}")));
    let ran = finish(start(&mut command)).expect(0);
    assert!(
        ran.out.lines().all(|l| l.chars().count() <= 80 || l.starts_with("text ") || l.starts_with("baseline ")),
        "{}",
        ran.out
    );
    for part in ["mean KLD", "top-1 agreement", "KV cache @ 1024", "6 windows of 256 tokens", "weights dB"] {
        assert!(ran.out.contains(part), "{part} in\n{}", ran.out);
    }
    // The same figures as those of eval.
    let models = "tiny-llama-F32.gguf tiny-llama-Q4_K_M.gguf --baseline tiny-llama";
    let eval = lab.run(&format!("eval {models} --data eval.txt -c 256 --chunks 6 --json")).expect(0).events();
    let compared = lab.run(&format!("compare {args} --json")).expect(0).events();
    let metrics = |events: &[remold::testing::engine::Event]| -> Vec<(String, String, f64, Option<u32>)> {
        let metric = |e: &remold::testing::engine::Event| match &e.body {
            EventBody::Metric(m) if m.mode.is_some() => Some((m.name.clone(), m.model.clone(), m.value, m.layer)),
            _ => None,
        };
        let mut all: Vec<_> = events.iter().filter_map(metric).collect();
        all.sort_by(|a, b| (&a.0, &a.1, a.3).cmp(&(&b.0, &b.1, b.3)));
        all
    };
    assert_eq!(metrics(&eval), metrics(&compared));
    let read = |name: &str| std::fs::read_to_string(lab.path(name)).unwrap();
    let html = read("r.html");
    for part in [
        "mean KL divergence, nats",
        "Divergence after each layer",
        "Where the loss is",
        "--window 256 --chunks 6",
        "eval.txt",
    ] {
        assert!(html.contains(part), "{part}");
    }
    assert!(
        read("r.md").contains("| mean KLD |") && read("r.md").contains("## Error of the hidden state"),
        "{}",
        read("r.md")
    );
    assert!(read("r.csv").lines().any(|l| l.starts_with("tiny-llama-Q4_K_M.gguf,") && l.contains(",kld_mean,0.00")));
    let json: serde_json::Value = serde_json::from_str(&read("r.json")).unwrap();
    assert!(json["evaluated"]["variants"][2]["metrics"]["kld_mean"]["value"].as_f64().is_some_and(|v| v > 0.0));
    assert_eq!(json["evaluated"]["variants"][2]["layers"].as_array().unwrap().len(), 4);
}

#[test]
fn exports_are_written_once() {
    let lab = lab();
    let compare = "compare tiny-llama tiny-llama-Q4_K_M.gguf --export a.md --export a.csv --export a.json";
    lab.run(compare).expect(0);
    let read = |name: &str| std::fs::read_to_string(lab.path(name)).unwrap();
    assert!(read("a.md").contains("## By layer"), "{}", read("a.md"));
    assert_eq!(read("a.csv").lines().count(), 40);
    let json: serde_json::Value = serde_json::from_str(&read("a.json")).unwrap();
    assert_eq!(json["tensors"].as_array().unwrap().len(), 39);
    let again = lab.run(compare).expect(2);
    assert!(again.err.contains("a.md: the file exists already") && again.out.is_empty(), "{}", again.err);
}

/// The baseline that a comparison takes: its event, and what is said on stdout.
fn baseline(lab: &Lab, args: &str) -> (String, serde_json::Value, String) {
    let json = lab.run(&format!("compare {args} --json")).expect(0);
    let first: serde_json::Value = serde_json::from_str(json.out.lines().next().unwrap()).unwrap();
    assert_eq!(first["kind"], "compare.baseline");
    let text = lab.run(&format!("compare {args}")).expect(0).out;
    let name = first["model"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    (name, first["baseline"].clone(), text)
}

#[test]
fn the_baseline_is_never_silently_a_quantized_file() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    lab.run("convert tiny-llama --to gguf:q4_k_m --to gguf:q8_0 --to gguf:q6_k -o .").expect(0);
    let (q4, q6, q8) = ("tiny-llama-Q4_K_M.gguf", "tiny-llama-Q6_K.gguf", "tiny-llama-Q8_0.gguf");
    let all = format!("{q4} {q6} {q8}");
    // The source is known from the manifests, also where it is none of the models; one model alone is compared with it.
    let (name, how, text) = baseline(&lab, &all);
    assert_eq!(
        (name.as_str(), how["source"].as_str(), how["lossy"].as_bool()),
        ("tiny-llama", Some("manifest"), Some(false))
    );
    assert!(text.contains("(the source named in the manifests)") && !text.contains("warning"), "{text}");
    assert!(text.contains("▲") && text.contains("▼"), "{text}");
    assert_eq!(baseline(&lab, q4).0, "tiny-llama");
    // An output of an output goes back to the first source.
    lab.run(&format!("convert {q8} --to gguf:q4_0 --allow-requantize -o again.gguf")).expect(0);
    assert_eq!(baseline(&lab, &format!("again.gguf {q6}")).0, "tiny-llama");
    // Without manifests the job says it.
    for name in [q4, q6, q8] {
        std::fs::remove_file(lab.path(&format!("{name}.remold.json"))).unwrap();
    }
    let (name, how, text) = baseline(&lab, &all);
    assert_eq!((name.as_str(), how["source"].as_str()), ("tiny-llama", Some("job")), "{text}");
    // The user's word comes first, and a lossy baseline is named.
    let (name, how, text) = baseline(&lab, &format!("{all} --baseline {q4}"));
    assert_eq!((name.as_str(), how["source"].as_str(), how["lossy"].as_bool()), (q4, Some("given"), Some(true)));
    let warning =
        "warning: the baseline tiny-llama-Q4_K_M.gguf is Q4_K, itself quantized: all errors are relative to it";
    assert!(text.contains(warning), "{text}");
    // One that was made from another source cannot have the same baseline.
    std::fs::create_dir(lab.path("elsewhere")).unwrap();
    for entry in std::fs::read_dir(lab.path("tiny-llama")).unwrap().flatten() {
        std::fs::copy(entry.path(), lab.path("elsewhere").join(entry.file_name())).unwrap();
    }
    lab.run("convert elsewhere --to gguf:q5_0 -o other.gguf").expect(0);
    let ran = lab.run(&format!("compare {q6} other.gguf")).expect(0);
    assert!(ran.err.contains("made from tiny-llama and elsewhere; --baseline"), "{}", ran.err);
    assert!(ran.out.contains("were made from different sources"), "{}", ran.out);
    // A source that changed is none: the most precise of the models is left.
    let weights = lab.path("tiny-llama/model.safetensors");
    let mut bytes = std::fs::read(&weights).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&weights, bytes).unwrap();
    let (name, how, text) = baseline(&lab, &all);
    assert_eq!((name.as_str(), how["source"].as_str(), how["lossy"].as_bool()), (q8, Some("most-precise"), Some(true)));
    assert!(text.contains("(the most precise of these)") && text.contains("is Q8_0, itself quantized"), "{text}");
    let ran = lab.run("compare other.gguf again.gguf").expect(0);
    assert!(!ran.err.contains("is gone or has changed"), "{}", ran.err);
    std::fs::remove_dir_all(lab.path("elsewhere")).unwrap();
    let ran = lab.run(&format!("compare {q4} other.gguf")).expect(0);
    assert!(
        ran.err.contains("elsewhere, which the manifests name as the source, is gone or has changed"),
        "{}",
        ran.err
    );
    lab.run(&format!("compare {all} --export c.md --export c.json")).expect(0);
    let read = |name: &str| std::fs::read_to_string(lab.path(name)).unwrap();
    assert!(read("c.md").contains("**Warning:** the baseline tiny-llama-Q8_0.gguf is Q8_0"), "{}", read("c.md"));
    let json: serde_json::Value = serde_json::from_str(&read("c.json")).unwrap();
    assert_eq!(json["baseline"], serde_json::json!({"variant": 2, "source": "most-precise", "lossy": true}));
    // Of what is not quantized there is nothing to warn of.
    lab.run("convert tiny-llama --to gguf:f16 -o f16.gguf --no-manifest").expect(0);
    std::fs::remove_dir_all(lab.jobs()).unwrap();
    let (name, how, _) = baseline(&lab, &format!("{q4} f16.gguf"));
    assert_eq!((name.as_str(), how["lossy"].as_bool()), ("f16.gguf", Some(false)), "{how}");
}

#[test]
fn output_decibel_leads_and_agrees_with_the_report() {
    let lab = lab();
    let text = lab.run("compare tiny-llama tiny-llama-Q4_K_M.gguf").expect(0).out;
    let at = |name: &str| text.lines().position(|l| l.starts_with(name)).unwrap_or_else(|| panic!("{name} in\n{text}"));
    assert!(at("output dB") < at("weights dB"), "{text}");
    let events = lab.run("compare tiny-llama tiny-llama-Q4_K_M.gguf --json").expect(0).events();
    let compared = events.iter().find_map(|e| match &e.body {
        EventBody::Metric(m) if m.name == "output_sqnr_db" => Some(m.value),
        _ => None,
    });
    let report: serde_json::Value =
        serde_json::from_slice(&std::fs::read(lab.job().join("report.json")).unwrap()).unwrap();
    let reported = report["outputs"][1]["output_sqnr_db"].as_f64().unwrap();
    assert!((compared.unwrap() - reported).abs() < 0.01, "{compared:?} {reported}");
    // By kind, the most lost first.
    lab.run("compare tiny-llama tiny-llama-Q4_K_M.gguf --export k.md").expect(0);
    let page = std::fs::read_to_string(lab.path("k.md")).unwrap();
    let kinds = page.split("## By kind").nth(1).unwrap().split("##").next().unwrap();
    let db = |l: &str| l.split('|').nth(2)?.trim().strip_suffix(" dB")?.parse::<f64>().ok();
    let dbs: Vec<f64> = kinds.lines().filter_map(db).collect();
    assert!(dbs.len() > 5 && dbs.is_sorted(), "{kinds}");
}

#[test]
fn a_finished_job_says_how_to_repeat_it() {
    let lab = lab();
    let shown = lab.run("jobs show 1").expect(0).out;
    let line = shown.lines().find(|l| l.starts_with("repeat ")).unwrap_or_else(|| panic!("{shown}"));
    assert!(line.ends_with("remold convert tiny-llama --to gguf:f32 --to gguf:q4_k_m -o ."), "{line}");
    let parts = ["(forecast ", "output 2", "weights 2", " planned)"];
    assert!(parts.iter().all(|p| shown.contains(p)), "{shown}");
    // Steps are listed, and a file that will not exist has no size.
    lab.write("r.toml", "[source]\npath = \"tiny-llama\"\n[[pipeline]]\nstep = \"prune_layers\"\nlayers = [3]\n[[target]]\nformat = \"gguf\"\nquantization = \"q8_0\"\noutput = \"p.gguf\"\n");
    lab.run("run r.toml").expect(0);
    let shown = lab.run("jobs show 2").expect(0).out;
    assert!(shown.contains("steps") && shown.contains("1 prune_layers: "), "{shown}");
    let json: serde_json::Value = serde_json::from_str(&lab.run("jobs show 2 --json").expect(0).out).unwrap();
    assert_eq!(json["steps"][0]["step"], "prune_layers");
    assert!(json["command"].as_str().unwrap().ends_with("remold run r.toml"), "{}", json["command"]);
}

/// `compare` with tiny-llama there.
fn llama(args: &'static str) -> impl Fn(&Lab) -> String {
    move |lab| {
        lab.model("tiny-llama");
        format!("compare {args}")
    }
}

#[test]
fn wrong_requests_are_reported() {
    let rows = vec![
        row("one model", 2, &["at least two models"], llama("tiny-llama")),
        row("no model", 2, &["<MODEL>"], llama("")),
        row("seven models", 2, &["7 models", "at most 6"], llama("a b c d e f g")),
        row("the same twice", 2, &["given twice"], llama("tiny-llama ./tiny-llama")),
        row("one that is not there", 2, &["none.gguf", "no such file"], llama("tiny-llama none.gguf")),
        row("another network", 2, &["mini-bert", "no tensor has the same name and shape", "same network"], |lab| {
            lab.model("mini-bert");
            llama("tiny-llama mini-bert")(lab)
        }),
        row("an ending that says nothing", 2, &["x.pdf", ".csv"], llama("tiny-llama a --export x.pdf")),
        row("rounding without a text", 2, &["--data"], llama("tiny-llama a --as llama.cpp")),
        row("a file without a config beside a GGUF", 2, &["config.json", "GGUF names"], |lab| {
            lab.model("tiny-llama");
            lab.run("convert tiny-llama --to gguf:f32 -o x.gguf").expect(0);
            std::fs::remove_dir_all(lab.jobs()).unwrap();
            std::fs::copy(lab.path("tiny-llama/model.safetensors"), lab.path("lone.safetensors")).unwrap();
            "compare x.gguf lone.safetensors".into()
        }),
    ];
    check("compare.txt", rows);
}

#[test]
fn outputs_of_graphs_are_compared() {
    let lab = Lab::new();
    lab.write("a.onnx", std::fs::read(crate::lab::fixture("graphs/attention-f32.onnx")).unwrap());
    lab.run("convert a.onnx --to onnx:f16 -o half.onnx").expect(0);
    lab.run("convert a.onnx --to onnx -o same.onnx").expect(0);
    let ran = lab.run("compare a.onnx same.onnx half.onnx --dim sequence=3 --bisect").expect(0);
    for part in [
        "inputs made from seed 0",
        "engine reference",
        "input x f32 [1, 3, 8]: normal",
        "output SNR",
        "outputs in tolerance",
        "equal",
        "pass",
        "tolerance: max error at most 5e-3 of the largest number",
        "operators Cast 0→",
        "nodes",
    ] {
        assert!(ran.out.contains(part), "{part} in\n{}", ran.out);
    }
    assert!(!ran.out.contains("FAIL") && !ran.out.contains("does not look like"), "{}", ran.out);
    let ran = lab.run("compare a.onnx half.onnx --json --seed 7").expect(0);
    let metric = |name: &str| {
        let found = ran.events().into_iter().find_map(|e| match e.body {
            EventBody::Metric(m) if m.name == name => Some(m.value),
            _ => None,
        });
        found.unwrap_or_else(|| panic!("{name}"))
    };
    assert!((40.0..90.0).contains(&metric("output_snr_db")), "{}", metric("output_snr_db"));
    assert!(metric("output_cosine") > 0.999 && metric("output_max_error") > 0.0);
    let last: serde_json::Value = serde_json::from_str(ran.out.lines().last().unwrap()).unwrap();
    assert_eq!((&last["kind"], &last["seed"]), (&"compare.graphs".into(), &7.into()));
    assert_eq!(last["variants"][1]["compared"][0]["passed"], true);
    // The last dimension should be 8.
    let mut header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 3, 9), }".to_owned();
    header.push_str(&" ".repeat(118 - 1 - header.len()));
    let npy = [b"\x93NUMPY\x01\x00\x76\x00".as_slice(), header.as_bytes(), b"\n", &[0; 108]].concat();
    lab.write("wide.npy", npy);
    lab.write("words.txt", "some words");
    for (wrong, part) in [
        ("compare a.onnx half.onnx --data wide.npy", "the outputs cannot be compared"),
        ("compare a.onnx half.onnx --data words.txt", "words.txt: not a file of arrays"),
        ("compare a.onnx half.onnx --window 8 --data a.onnx", "it is about texts"),
        ("compare a.onnx half.onnx --dim sequence", "NAME=N"),
        ("compare a.onnx half.onnx --data missing.npz", "missing.npz"),
    ] {
        let ran = lab.run(wrong).expect(2);
        assert!(ran.err.contains(part), "{wrong}: {}", ran.err);
    }
}

#[test]
fn weights_that_were_not_compared_are_not_called_equal() {
    let lab = Lab::new();
    lab.model("mini-bert");
    lab.run("convert mini-bert --to onnx -o m.onnx --no-manifest").expect(0);
    lab.run("convert m.onnx --to onnx:int8 -o int8.onnx --no-manifest").expect(0);
    let ran = lab.run("compare m.onnx int8.onnx --baseline m.onnx").expect(0);
    let row =
        |name: &str| ran.out.lines().find(|l| l.starts_with(name)).unwrap_or_else(|| panic!("{name}\n{}", ran.out));
    assert!(!row("missing tensors").trim_end().ends_with(" 0"), "{}", ran.out);
    assert!(row("same bytes").contains(" of "), "the others are equal: {}", ran.out);
    assert!(!ran.out.contains("identical") && !ran.out.lines().any(|l| l.starts_with("RMSE")), "{}", ran.out);
    // The graph that is built of a checkpoint has not the bytes of the checkpoint.
    let ran = lab.run("compare mini-bert m.onnx").expect(0);
    assert!(ran.out.contains("same values") && !ran.out.contains("same bytes"), "{}", ran.out);
}

#[test]
fn a_checkpoint_is_compared_with_its_export() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    lab.run("convert tiny-llama --to onnx -o made.onnx").expect(0);
    let ran = lab.run("compare tiny-llama made.onnx").expect(0);
    for part in ["tiny-llama is a checkpoint", "input input_ids i64 [1, 8]: below", "logits", "equal", "pass"] {
        assert!(ran.out.contains(part), "{part} in\n{}", ran.out);
    }
    assert!(!ran.out.contains("FAIL"), "{}", ran.out);
}

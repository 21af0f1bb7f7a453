//! Options and names: what they change in the file that is written.

use crate::lab::{Lab, finish, hash, start};
use crate::made::big;
use remold::testing::engine::{EventBody, Report, from_json};
use remold::testing::formats;
use remold::testing::model::MetaValue;

#[test]
fn outputs_are_named_after_the_source_and_the_type() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    for (args, made) in [
        ("tiny-llama --to gguf", "tiny-llama.gguf"),
        ("tiny-llama --to gguf:q4_k_m", "tiny-llama-Q4_K_M.gguf"),
        ("tiny-llama --to GGUF:Q8_0", "tiny-llama-Q8_0.gguf"),
        ("tiny-llama/model.safetensors --to pytorch", "tiny-llama/tiny-llama-pytorch/pytorch_model.bin"),
        ("tiny-llama-Q8_0.gguf --to gguf:f16 --allow-requantize", "tiny-llama-F16.gguf"),
        ("tiny-llama --to gguf:q4_0 -o named.gguf", "named.gguf"),
        ("tiny-llama --to gguf:q4_1 -o new/", "new/tiny-llama-Q4_1.gguf"),
        ("tiny-llama --to gguf:q5_0 --to gguf:q5_1 -o both", "both/tiny-llama-Q5_1.gguf"),
        ("tiny-llama.gguf --to safetensors -o hf", "hf/model.safetensors"),
    ] {
        let ran = lab.run(&format!("convert {args}"));
        assert_eq!(ran.code, Some(0), "{args}: {}", ran.err);
        assert!(lab.path(made).is_file(), "{args}: no {made} in {:?}", lab.tree().keys());
    }
    assert!(lab.path("both/tiny-llama-Q5_0.gguf").is_file() && lab.path("hf/config.json").is_file());
}

#[test]
fn one_read_for_several_targets_gives_the_bytes_of_single_runs() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    let types = ["q4_k_m", "q8_0", "f16", "iq4_xs", "auto"];
    let to: String = types.iter().map(|t| format!(" --to gguf:{t}")).collect();
    lab.run(&format!("convert tiny-llama{to} --to safetensors:f32 -o together/")).expect(0);
    for t in types {
        lab.run(&format!("convert tiny-llama --to gguf:{t} -o alone/")).expect(0);
    }
    lab.run("convert tiny-llama --to safetensors:f32 -o alone/").expect(0);
    let (together, alone) = (crate::lab::tree(&lab.path("together")), crate::lab::tree(&lab.path("alone")));
    assert!(together.len() > types.len(), "{together:?}");
    assert_eq!(together, alone);
}

#[test]
fn threads_do_not_change_the_bytes() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    lab.run("convert tiny-llama --to gguf:q3_k_m -o a.gguf --threads 1").expect(0);
    lab.run("convert tiny-llama --to gguf:q3_k_m -o b.gguf --threads 7").expect(0);
    assert_eq!(hash(&lab.path("a.gguf")), hash(&lab.path("b.gguf")));
}

#[test]
fn more_effort_gives_less_noise_in_a_file_of_the_same_shape() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    let report = || {
        let bytes = std::fs::read(lab.job().join("report.json")).unwrap();
        from_json::<Report>(&bytes).unwrap().outputs.remove(0)
    };
    lab.run("convert tiny-llama --to gguf:q4_k_m -o plain.gguf --effort reference").expect(0);
    assert_eq!(report().gain_db, None);
    lab.run("convert tiny-llama --to gguf:q4_k_m -o again.gguf --set target.effort=max --threads 3").expect(0);
    let ran = lab.run("convert tiny-llama --to gguf:q4_k_m -o best.gguf --effort max --threads 1 --json").expect(0);
    assert_eq!(hash(&lab.path("best.gguf")), hash(&lab.path("again.gguf")));
    assert_ne!(hash(&lab.path("best.gguf")), hash(&lab.path("plain.gguf")));

    let open = |name: &str| formats::open(&lab.path(name)).unwrap();
    let (plain, best) = (open("plain.gguf"), open("best.gguf"));
    assert_eq!(plain.metadata, best.metadata);
    for (a, b) in plain.tensors.iter().zip(&best.tensors) {
        assert_eq!((&a.name, a.encoding, &a.shape), (&b.name, b.encoding, &b.shape));
    }

    let report = report();
    assert!(report.gain_db.unwrap() > 0.1, "{:?}", report.gain_db);
    assert!(!report.verified_by.is_empty());
    let told: Vec<f64> = ran
        .events()
        .into_iter()
        .filter_map(|e| match e.body {
            EventBody::TensorFinished(t) => t.gain_db,
            _ => None,
        })
        .collect();
    assert!(told.len() > 20 && told.iter().all(|db| *db >= 0.0), "{told:?}");
    assert_eq!(told.len(), report.tensors.iter().filter(|t| t.gain_db.is_some()).count());
}

#[test]
fn an_effort_that_does_not_exist_is_refused() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    assert!(lab.run("convert tiny-llama --to gguf:q4_k_m --effort most").expect(2).err.contains("max"));
    let ran = lab.run("convert tiny-llama --to gguf:q4_k_m --set target.effort=most").expect(2);
    assert!(ran.err.contains("effort") && ran.err.contains("max"), "{}", ran.err);
}

#[test]
fn gguf_options_reach_the_file() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    lab.run("convert tiny-llama --to gguf:q4_k_m -o a.gguf --context-length 512 --embedding-type q8_0 --output-type f16 --tensor-type ffn_down=q6_k --model-name Mine").expect(0);
    let a = formats::open(&lab.path("a.gguf")).unwrap();
    assert_eq!(a.metadata["llama.context_length"], MetaValue::U32(512));
    assert_eq!(a.metadata["general.name"], MetaValue::Str("Mine".into()));
    let to = |name: &str| a.tensor(name).unwrap().encoding.name();
    assert_eq!((to("token_embd.weight"), to("output.weight"), to("blk.0.ffn_down.weight")), ("Q8_0", "f16", "Q6_K"));
    // The same words through `--set`, and llama.cpp's own.
    lab.run("convert tiny-llama --to gguf:q4_k_m -o b.gguf --set target.context_length=512 --token-embedding-type q8_0 --output-tensor-type f16 --set tensor_types.ffn_down=q6_k --model-name Mine").expect(0);
    assert_eq!(hash(&lab.path("a.gguf")), hash(&lab.path("b.gguf")));
    lab.run("convert tiny-llama --to gguf:q4_k_m --pure --leave-output -o c.gguf").expect(0);
    let c = formats::open(&lab.path("c.gguf")).unwrap();
    assert_eq!(c.tensor("blk.2.attn_v.weight").unwrap().encoding.name(), "Q4_K");
}

#[test]
fn the_modelfile_says_what_a_gguf_cannot() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    lab.run("convert tiny-llama --to gguf:q8_0 --modelfile --use-mlock --context-length 512").expect(0);
    let text = std::fs::read_to_string(lab.path("tiny-llama-Q8_0.Modelfile")).unwrap();
    assert!(text.contains("FROM ./tiny-llama-Q8_0.gguf") && text.contains("PARAMETER num_ctx 512"), "{text}");
    assert!(text.contains("PARAMETER use_mlock true"), "{text}");
    let ran = lab.run("convert tiny-llama --to gguf:q4_0 --use-mlock").expect(0);
    assert!(ran.err.contains("warning: use_mlock is a setting of the runtime"), "{}", ran.err);
    assert!(!lab.path("tiny-llama-Q4_0.Modelfile").exists());
    // An existing Modelfile may be the user's work.
    std::fs::remove_file(lab.path("tiny-llama-Q8_0.gguf")).unwrap();
    let ran = lab.run("convert tiny-llama --to gguf:q8_0 --modelfile").expect(2);
    assert!(ran.err.contains("tiny-llama-Q8_0.Modelfile") && ran.err.contains("--force"), "{}", ran.err);
}

#[test]
fn shards_are_cut_and_read_again() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    lab.run("convert tiny-llama --to safetensors:f32 --max-shard-size 5MB -o cut").expect(0);
    assert!(lab.path("cut/model.safetensors.index.json").is_file(), "{:?}", lab.tree().keys());
    lab.run("convert cut --to gguf:q8_0 -o a.gguf").expect(0);
    lab.run("convert tiny-llama --to gguf:q8_0 -o b.gguf").expect(0);
    let (a, b) = (formats::open(&lab.path("a.gguf")).unwrap(), formats::open(&lab.path("b.gguf")).unwrap());
    for (a, b) in a.tensors.iter().zip(&b.tensors) {
        assert_eq!((&a.name, a.read_all().unwrap()), (&b.name, b.read_all().unwrap()));
    }
    // A smaller set over a larger one leaves no shard of the larger behind.
    lab.run("convert tiny-llama --to safetensors:bf16 -o cut --force").expect(0);
    let names: Vec<String> =
        crate::lab::tree(&lab.path("cut")).into_keys().filter(|n| n.starts_with("model")).collect();
    assert_eq!(names, ["model.safetensors"]);
}

#[test]
fn an_option_goes_to_the_targets_that_take_it_and_no_other() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    let refused = lab.run("convert tiny-llama --to safetensors:f16 --context-length 77").expect(2);
    assert!(refused.err.contains("--context-length is an option of gguf targets"), "{}", refused.err);
    let refused = lab.run("convert tiny-llama --to safetensors --set target.context_length=77").expect(2);
    assert!(refused.err.contains("`context_length` is for gguf targets"), "{}", refused.err);
    lab.run("convert tiny-llama --to gguf:q8_0 --to safetensors:f16 -o both/ --context-length 77").expect(0);
    let said = lab.run("inspect both/tiny-llama-Q8_0.gguf --metadata").expect(0).out;
    assert!(said.lines().any(|l| l.contains("llama.context_length") && l.ends_with("77")), "{said}");
}

#[test]
fn the_format_of_the_source_decides_which_weights_of_a_folder_are_read() {
    let lab = Lab::new();
    lab.write("both/model.safetensors", big(2));
    lab.write("one.safetensors", big(1));
    lab.run("convert one.safetensors --to pytorch -o both/pytorch_model.bin").expect(0);
    for (format, tensors) in [("", 2), ("format = \"safetensors\"", 2), ("format = \"pytorch\"", 1)] {
        let target = "[[target]]\nformat = \"safetensors\"\nbare = true\nforce = true\noutput = \"x.safetensors\"\n";
        lab.write("r.toml", format!("[source]\npath = \"both\"\n{format}\n{target}"));
        lab.run("run r.toml").expect(0);
        assert_eq!(formats::open(&lab.path("x.safetensors")).unwrap().tensors.len(), tensors, "{format}");
    }
    lab.write("r.toml", "[source]\npath = \"both\"\nformat = \"tflite\"\n[[target]]\nformat = \"gguf\"\n");
    assert!(lab.run("run r.toml").expect(2).err.contains("reading tflite is not available in this version"));
}

#[test]
fn the_command_that_plan_prints_makes_the_same_file_in_a_shell() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    lab.write("types of mine.txt", "ffn_down=q6_k\n");
    let args = ["--target-bpw=5", "--model-name= it's $HOME; x", "--tensor-type-file=types of mine.txt", "--pure"];
    let mut command = lab.command();
    let ran = finish(start(command.arg("plan").arg("tiny-llama").args(args)));
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let line = ran.out.lines().find_map(|l| l.strip_prefix("write it with: ")).unwrap().to_owned();
    let shell = format!("remold() {{ \"$BIN\" \"$@\"; }}; {line} -o shell.gguf");
    let mut bash = std::process::Command::new("bash");
    bash.args(["-c", &shell]).current_dir(lab.path("")).env("BIN", lab.command().get_program());
    for (name, value) in lab.command().get_envs() {
        bash.env(name, value.unwrap_or_default());
    }
    assert!(bash.output().unwrap().status.success(), "{line}");
    let mut command = lab.command();
    command.args(["convert", "tiny-llama", "--to", "gguf", "-o", "own.gguf"]).args(args);
    assert_eq!(finish(start(&mut command)).code, Some(0));
    assert_eq!(hash(&lab.path("shell.gguf")), hash(&lab.path("own.gguf")), "{line}");
    assert!(lab.run("inspect own.gguf --metadata").expect(0).out.contains(" it's $HOME; x"));
}

#[test]
fn a_format_of_the_recipe_is_about_its_own_source() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    lab.write("r.toml", "[source]\npath = \"other\"\nformat = \"pytorch\"\n[[target]]\nformat = \"gguf\"\n");
    lab.run("convert tiny-llama -r r.toml -o x.gguf").expect(0);
    let refused = lab.run("convert tiny-llama --to gguf --set source.format=pytorch -o y.gguf").expect(2).err;
    assert!(refused.contains("the source is safetensors, but the recipe says pytorch"), "{refused}");
}

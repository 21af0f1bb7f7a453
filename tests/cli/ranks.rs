//! What the ranks of a training run leave: torch.distributed.checkpoint and DeepSpeed's model states.

use crate::lab::{Lab, hash};
use remold::testing::formats;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(|e| e.unwrap().path()) {
        let to = to.join(entry.file_name().unwrap());
        if entry.is_dir() {
            copy(&entry, &to);
        } else {
            fs::copy(&entry, &to).unwrap();
        }
    }
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

/// A folder with the configuration and the tokenizer of the model, and with a folder of `fixtures/ranks` at `at` in it.
fn checkpoint(lab: &Lab, name: &str, ranks: &str, at: &str) {
    let folder = lab.path(name);
    copy(&fixture("ranks").join(ranks), &folder.join(at));
    for file in ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja"] {
        fs::copy(fixture("models/tiny-llama").join(file), folder.join(file)).unwrap();
    }
    for file in ["config.json", "generation_config.json"] {
        fs::copy(fixture("ranks/hf").join(file), folder.join(file)).unwrap();
    }
}

/// Shape, type and bytes of every tensor.
fn values(path: &Path) -> BTreeMap<String, (String, Vec<u8>)> {
    let model = formats::open(path).unwrap();
    let of = |t: &remold::testing::model::TensorEntry| (format!("{} {}", t.encoding, t.shape), t.read_all().unwrap());
    let all = model.tensors.iter().map(|t| (t.name.to_string(), of(t))).collect();
    model.checks.finish(&Default::default()).unwrap();
    all
}

/// Converts a source, and the model of Hugging Face in a folder of the same name (metadata is derived from it), to GGUF and compares the bytes.
#[track_caller]
fn same_gguf(lab: &Lab, source: &str) {
    let reference = format!("gathered/{}", Path::new(source).file_name().unwrap().to_string_lossy());
    checkpoint(lab, &reference, "hf", "");
    for to in ["gguf:f16", "gguf:q8_0"] {
        for (from, out) in [(source, "ranks.gguf"), (&reference, "hf.gguf")] {
            let _ = fs::remove_file(lab.path(out));
            lab.run(&format!("convert {from} --to {to} -o {out}")).expect(0);
        }
        assert_eq!(hash(&lab.path("ranks.gguf")), hash(&lab.path("hf.gguf")), "{source} {to}");
    }
}

#[test]
fn a_distributed_checkpoint_has_the_values_of_the_gathered_one() {
    let lab = Lab::new();
    checkpoint(&lab, "hf", "hf", "");
    checkpoint(&lab, "step-100", "dcp", "");
    assert_eq!(values(&lab.path("step-100")), values(&lab.path("hf")));
    assert_eq!(values(&lab.path("step-100/.metadata")), values(&lab.path("hf")), "named by its metadata");
    let shown = lab.run("inspect step-100").expect(0);
    assert!(shown.out.contains("optimizer state under `optim`"), "{}", shown.out);
    same_gguf(&lab, "step-100");
    // accelerate's and the Trainer's form: the same files one folder deeper.
    checkpoint(&lab, "checkpoint-9", "dcp", "pytorch_model_fsdp_0");
    same_gguf(&lab, "checkpoint-9");
    same_gguf(&lab, "checkpoint-9/pytorch_model_fsdp_0");
    // Other targets take it too.
    lab.run("convert step-100 --to safetensors -o st").expect(0);
    assert_eq!(values(&lab.path("st")), values(&lab.path("hf")));
}

#[test]
fn a_tensor_divided_by_columns_names_the_script_that_merges() {
    let lab = Lab::new();
    checkpoint(&lab, "step-100", "columns", "");
    checkpoint(&lab, "checkpoint-9", "columns", "pytorch_model_fsdp_0");
    for (source, says) in [
        ("step-100", "dcp_to_torch . merged.pt"),
        ("checkpoint-9", "accelerate merge-weights pytorch_model_fsdp_0 merged"),
    ] {
        for command in [format!("convert {source} --to gguf:f32 -o x.gguf"), format!("inspect {source}")] {
            let ran = lab.run(&command).expect(2);
            let why = "must be merged first; `model.layers.0.mlp.down_proj.weight` is not split by rows";
            assert!(ran.err.contains(says) && ran.err.contains(why), "{command}: {}", ran.err);
        }
    }
}

#[test]
fn the_model_states_of_zero_2_are_the_model() {
    let lab = Lab::new();
    checkpoint(&lab, "hf", "hf", "");
    checkpoint(&lab, "checkpoint-5", "deepspeed", "");
    let mut states = values(&lab.path("checkpoint-5"));
    let head = states.remove("lm_head.weight").unwrap();
    assert_eq!(head, states["model.embed_tokens.weight"], "tied weights are in the state dict twice");
    assert_eq!(states, values(&lab.path("hf")));
    for source in ["checkpoint-5", "checkpoint-5/global_step5"] {
        let shown = lab.run(&format!("inspect {source}")).expect(0);
        let text = format!("{}{}", shown.out, shown.err);
        assert!(text.contains("the fp32 master weights are in the optimizer's shards"), "{source}: {text}");
        assert!(!text.contains("shard of the weights"), "{source}: {text}");
        same_gguf(&lab, source);
    }
    // The state of another model-parallel rank, or of ZeRO-3, means that the tensors are not whole.
    for name in ["mp_rank_01_model_states.pt", "zero_pp_rank_0_mp_rank_00_model_states.pt"] {
        let other = lab.write(&format!("checkpoint-5/global_step5/{name}"), "x");
        let ran = lab.run("inspect checkpoint-5").expect(2);
        assert!(ran.err.contains("must be merged first") && ran.err.contains("zero_to_fp32"), "{}", ran.err);
        fs::remove_file(other).unwrap();
    }
}

#[test]
fn a_shape_that_contradicts_param_shapes_is_refused() {
    let lab = Lab::new();
    checkpoint(&lab, "checkpoint-5", "deepspeed", "");
    let path = lab.path("checkpoint-5/global_step5/mp_rank_00_model_states.pt");
    let mut bytes = fs::read(&path).unwrap();
    // 2048 rows become 2049 where `param_shapes` begins: the last place that has the number.
    let at = bytes.windows(3).rposition(|w| w == b"M\0\x08").unwrap();
    bytes[at + 1] = 1;
    fs::write(&path, bytes).unwrap();
    let ran = lab.run("inspect checkpoint-5").expect(2);
    let says = ["must be merged first", "has different shapes in `module` and `param_shapes`", "zero_to_fp32"];
    assert!(says.iter().all(|s| ran.err.contains(s)), "{}", ran.err);
}

#[test]
fn model_states_that_do_not_show_that_they_are_whole_are_refused() {
    let lab = Lab::new();
    checkpoint(&lab, "checkpoint-5", "deepspeed", "");
    let path = lab.path("checkpoint-5/global_step5/mp_rank_00_model_states.pt");
    let mut bytes = fs::read(&path).unwrap();
    for key in ["param_shapes", "ds_config"] {
        let places: Vec<usize> =
            (0..bytes.len() - key.len()).filter(|at| bytes[*at..].starts_with(key.as_bytes())).collect();
        assert!(!places.is_empty());
        places.into_iter().for_each(|at| bytes[at] = b'x');
    }
    fs::write(&path, bytes).unwrap();
    let ran = lab.run("inspect checkpoint-5").expect(2);
    let says = ["must be merged first", "whether `module` is the whole model", "zero_to_fp32"];
    assert!(says.iter().all(|s| ran.err.contains(s)), "{}", ran.err);
}

#[test]
fn metadata_that_lists_nothing_names_the_command_that_merges() {
    let lab = Lab::new();
    lab.write("checkpoint-5/config.json", "{}");
    lab.write("checkpoint-5/pytorch_model_fsdp_0/__0_0.distcp", "x".repeat(64));
    lab.write("checkpoint-5/pytorch_model_fsdp_0/.metadata", "x");
    let ran = lab.run("inspect checkpoint-5").expect(2);
    let says = ["must be merged first", ".metadata cannot be read", "accelerate merge-weights pytorch_model_fsdp_0"];
    assert!(says.iter().all(|s| ran.err.contains(s)), "{}", ran.err);
}

#[test]
fn the_watcher_exports_what_the_ranks_left_whole() {
    let lab = Lab::new();
    checkpoint(&lab, "hf", "hf", "");
    checkpoint(&lab, "run/step-100", "dcp", "");
    checkpoint(&lab, "run/checkpoint-5", "deepspeed", "");
    lab.write("run/checkpoint-5/trainer_state.json", "{}");
    checkpoint(&lab, "run/step-200", "columns", "");
    // The metadata must be newer than the shards.
    for step in ["run/step-100", "run/step-200"] {
        let metadata = fs::read(lab.path(step).join(".metadata")).unwrap();
        lab.write(&format!("{step}/.metadata"), metadata);
    }
    let ran = lab.run("watch run --to gguf:q8_0 --once --json --quiet-time 0.2").expect(0);
    let events: Vec<serde_json::Value> = ran.out.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let of = |kind: &str| {
        events.iter().filter(|e| e["kind"] == kind).map(|e| e["name"].as_str().unwrap()).collect::<Vec<_>>()
    };
    let mut exported = of("watch.exported");
    exported.sort();
    assert_eq!(exported, ["checkpoint-5", "step-100"], "{}", ran.out);
    let last = events.iter().rfind(|e| e["kind"] == "watch.source" && e["name"] == "step-200").unwrap();
    assert!(last["text"].as_str().unwrap().contains("dcp_to_torch"), "{last}");
}

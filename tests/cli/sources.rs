//! Sources as people have them: caches, failed downloads, training runs, Python's JSON, wrapped names.

use crate::lab::{Lab, hash};
use remold::testing::formats;
use remold::testing::model::{MetaArray, MetaValue};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// `tiny-llama` under a name, with its files changed.
fn llama(lab: &Lab, name: &str) -> PathBuf {
    let dir = lab.model("tiny-llama");
    fs::rename(dir, lab.path(name)).unwrap();
    lab.path(name)
}

fn edit(path: &Path, change: impl FnOnce(&mut Value)) {
    let mut value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    change(&mut value);
    fs::write(path, serde_json::to_vec(&value).unwrap()).unwrap();
}

fn metadata(path: &Path) -> remold::testing::model::Metadata {
    formats::open(path).unwrap().metadata
}

#[test]
fn named_chat_templates_survive() {
    let lab = Lab::new();
    let model = llama(&lab, "m");
    let plain = fs::read_to_string(model.join("chat_template.jinja")).unwrap();
    lab.write("m/additional_chat_templates/tool_use.jinja", "TOOL {{ messages }}");
    lab.write("m/additional_chat_templates/rag v2.jinja", "RAG {{ messages }}");
    lab.write("m/additional_chat_templates/notes.txt", "no template");
    lab.run("convert m --to gguf:f32 -o m.gguf").expect(0);
    // gguf-py, `add_chat_template`: a key a template, the names, then the default one.
    let keys: Vec<(String, String)> = metadata(&lab.path("m.gguf"))
        .into_iter()
        .filter(|(k, _)| k.starts_with("tokenizer.chat_template"))
        .map(|(k, v)| match v {
            MetaValue::Str(s) => (k, s),
            MetaValue::Array(MetaArray::Str(names)) => (k, String::from_utf8(names.join(&b' ')).unwrap()),
            other => panic!("{k}: {other:?}"),
        })
        .collect();
    let want = [
        ("tokenizer.chat_template.rag_v2", "RAG {{ messages }}"),
        ("tokenizer.chat_template.tool_use", "TOOL {{ messages }}"),
        ("tokenizer.chat_templates", "rag_v2 tool_use"),
        ("tokenizer.chat_template", plain.as_str()),
    ];
    assert_eq!(keys, want.map(|(k, v)| (k.to_owned(), v.to_owned())));
    // From folder to folder the files are the same; and back from GGUF nothing is lost.
    for to in ["safetensors:f16", "pytorch"] {
        lab.run(&format!("convert m --to {to} -o {}/", to.replace(':', "-"))).expect(0);
    }
    for copy in ["safetensors-f16/m-F16-safetensors", "pytorch/m-pytorch"] {
        for file in ["tool_use.jinja", "rag v2.jinja"] {
            let name = format!("additional_chat_templates/{file}");
            assert_eq!(hash(&lab.path(copy).join(&name)), hash(&model.join(&name)), "{copy}");
        }
    }
    lab.run("convert m.gguf --to safetensors -o back").expect(0);
    lab.run("convert back --to gguf:f32 -o again.gguf").expect(0);
    let (one, two) = (metadata(&lab.path("m.gguf")), metadata(&lab.path("again.gguf")));
    for (key, _) in &keys {
        assert_eq!(one.get(key), two.get(key), "{key}");
    }
    // Alone, without a default one.
    fs::remove_file(model.join("chat_template.jinja")).unwrap();
    lab.run("convert m --to gguf:f32 -o alone.gguf").expect(0);
    assert!(metadata(&lab.path("alone.gguf")).contains_key("tokenizer.chat_template.tool_use"));
}

#[test]
fn json_of_python_is_read() {
    let lab = Lab::new();
    llama(&lab, "plain");
    lab.run("convert plain --to gguf:q8_0 --model-name x -o plain.gguf").expect(0);
    let marked = llama(&lab, "marked");
    for name in
        ["config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "generation_config.json"]
    {
        let bytes = fs::read(marked.join(name)).unwrap();
        fs::write(marked.join(name), [b"\xef\xbb\xbf".as_slice(), &bytes].concat()).unwrap();
    }
    let python = llama(&lab, "python");
    let numbers = "{ \"time_step_limit\": [0.0, Infinity], \"router_aux_loss_coef\": NaN, \"least\": -Infinity,";
    let config = fs::read_to_string(python.join("config.json")).unwrap();
    fs::write(python.join("config.json"), config.replacen('{', numbers, 1)).unwrap();
    for name in ["marked", "python"] {
        let ran = lab.run(&format!("convert {name} --to gguf:q8_0 --model-name x -o {name}.gguf")).expect(0);
        assert!(!ran.err.contains("not valid JSON"), "{}", ran.err);
        assert_eq!(hash(&lab.path(&format!("{name}.gguf"))), hash(&lab.path("plain.gguf")), "{name}");
    }
    // A copy in another type keeps the numbers.
    lab.run("convert python --to safetensors:f16 -o copy").expect(0);
    let copy = fs::read_to_string(lab.path("copy/config.json")).unwrap();
    for part in ["Infinity", "-Infinity", "NaN", "float16"] {
        assert!(copy.contains(part), "{copy}");
    }
    lab.run("convert copy --to gguf:q8_0 --dry-run").expect(0);
    // What Python does not read either is refused as before.
    fs::write(python.join("config.json"), "{\"a\": Infinit}").unwrap();
    assert!(lab.run("convert python --to gguf:q8_0").expect(2).err.contains("not valid JSON"));
    // A model of an architecture that is not known says that, not that its file is damaged.
    fs::write(
        python.join("config.json"),
        "{\"architectures\": [\"Mamba2ForCausalLM\"], \"time_step_limit\": [0.0, Infinity]}",
    )
    .unwrap();
    assert!(lab.run("convert python --to gguf:q8_0").expect(2).err.contains("Mamba2ForCausalLM is not supported"));
}

/// `hub/models--me--Tiny-Llama-Chat` with one snapshot of links; gives the snapshot's path from the lab.
fn cache(lab: &Lab) -> String {
    let model = llama(lab, "made");
    let top = lab.path("hub/models--me--Tiny-Llama-Chat");
    let snapshot = "snapshots/0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c";
    for folder in ["blobs", "refs", snapshot] {
        fs::create_dir_all(top.join(folder)).unwrap();
    }
    fs::write(top.join("refs/main"), snapshot.rsplit_once('/').unwrap().1).unwrap();
    for entry in fs::read_dir(&model).unwrap().map(|e| e.unwrap()) {
        let blob = hash(&entry.path());
        fs::copy(entry.path(), top.join("blobs").join(&blob)).unwrap();
        std::os::unix::fs::symlink(format!("../../blobs/{blob}"), top.join(snapshot).join(entry.file_name())).unwrap();
    }
    fs::remove_dir_all(model).unwrap();
    format!("hub/models--me--Tiny-Llama-Chat/{snapshot}")
}

#[test]
fn the_hugging_face_cache_is_opened_and_never_written_to() {
    let lab = Lab::new();
    let snapshot = cache(&lab);
    let before = crate::lab::tree(&lab.path("hub"));
    for (source, to, made) in [
        ("hub/models--me--Tiny-Llama-Chat", "gguf:q8_0", "Tiny-Llama-Chat-Q8_0.gguf"),
        ("hub/models--me--Tiny-Llama-Chat/", "safetensors:f16", "Tiny-Llama-Chat-F16-safetensors/model.safetensors"),
        (snapshot.as_str(), "gguf:q4_0", "Tiny-Llama-Chat-Q4_0.gguf"),
        (&format!("{snapshot}/model.safetensors"), "gguf:q4_1", "Tiny-Llama-Chat-Q4_1.gguf"),
    ] {
        lab.run(&format!("convert {source} --to {to}")).expect(0);
        assert!(lab.path(made).is_file(), "{source}: no {made}");
    }
    for out in ["hub/x.gguf", "hub/models--me--Tiny-Llama-Chat/x.gguf", "hub/models--me--Tiny-Llama-Chat/blobs/x.gguf"]
    {
        let ran = lab.run(&format!("convert {snapshot} --to gguf:q8_0 -o {out}")).expect(2);
        assert!(ran.err.contains("inside the Hugging Face cache") && ran.err.contains("-o"), "{out}: {}", ran.err);
    }
    // Started inside the cache, there is no place to write to by default.
    let mut command = lab.command();
    command.current_dir(lab.path(&snapshot)).args(["convert", ".", "--to", "gguf:q8_0"]);
    let ran = crate::lab::finish(crate::lab::start(&mut command)).expect(2);
    assert!(ran.err.contains("inside the Hugging Face cache"), "{}", ran.err);
    assert_eq!(crate::lab::tree(&lab.path("hub")), before);
    // The name inside is the reference's, and the message says how to choose another one.
    let ran = lab.run(&format!("convert {snapshot} --to gguf:q8_0 --dry-run")).expect(0);
    assert!(ran.out.contains("--model-name \"Tiny Llama Chat\""), "{}", ran.out);
    let name =
        |file: &str| metadata(&lab.path(file)).get("general.name").and_then(MetaValue::as_str).map(str::to_owned);
    assert_eq!(name("Tiny-Llama-Chat-Q8_0.gguf").as_deref(), Some("0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c"));
    lab.run(&format!("convert {snapshot} --to gguf:q8_0 --model-name Tiny\u{a0}Llama -o named.gguf")).expect(0);
    assert_eq!(name("named.gguf").as_deref(), Some("Tiny Llama"));
    let shown = lab.run("inspect hub/models--me--Tiny-Llama-Chat").expect(0);
    assert!(shown.out.contains("LlamaForCausalLM"), "{}", shown.out);
    assert!(lab.run("inspect hub").expect(0).out.contains("models--me--Tiny-Llama-Chat"));
    // A branch whose snapshot was not fetched.
    fs::write(lab.path("hub/models--me--Tiny-Llama-Chat/refs/main"), "aaaa").unwrap();
    let ran = lab.run("convert hub/models--me--Tiny-Llama-Chat --to gguf:q8_0").expect(2);
    assert!(ran.err.contains("hf download me/Tiny-Llama-Chat"), "{}", ran.err);
}

#[test]
fn what_failed_downloads_leave_is_called_by_its_name_in_any_file() {
    const POINTER: &str = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 17209920\n";
    const PAGE: &str = "<!DOCTYPE html><html><title>Log in</title></html>";
    const MESSAGE: &str = "{\"error\": \"Access to model me/x is restricted\"}";
    const TEXT: &str = "Access to model me/x is restricted and you are not in the authorized list.";
    let words = [
        (POINTER, "this is a Git LFS pointer, not the file itself", "git lfs pull"),
        (PAGE, "this is a web page, not a model file", "login"),
        (MESSAGE, "this is an error message from a server, not a model file: \"Access to model", "login"),
        (TEXT, "this is an error message from a server, not a model file: \"Access to model", "login"),
    ];
    for (model, file) in [
        ("tiny-llama", "tokenizer.json"),
        ("tiny-llama", "tokenizer_config.json"),
        ("tiny-llama", "config.json"),
        ("tiny-llama", "model.safetensors"),
        ("tiny-mistral-sharded", "tokenizer.model"),
        ("tiny-mistral-sharded", "model.safetensors.index.json"),
    ] {
        let lab = Lab::new();
        lab.model(model);
        for (text, fact, remedy) in words {
            lab.write(&format!("{model}/{file}"), text);
            let ran = lab.run(&format!("convert {model} --to gguf:f32 -o x.gguf")).expect(2);
            let says = |part: &str| ran.err.contains(part);
            assert!(says(fact) && says(remedy) && says(file) && !says("damaged"), "{file}: {}", ran.err);
        }
    }
}

/// Rewrites the names in a safetensors file.
fn rename_tensors(path: &Path, name: impl Fn(&str) -> String) {
    let bytes = fs::read(path).unwrap();
    let len = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header: serde_json::Map<String, Value> = serde_json::from_slice(&bytes[8..8 + len]).unwrap();
    let renamed = header.into_iter().map(|(k, v)| if k == "__metadata__" { (k, v) } else { (name(&k), v) });
    let mut text = serde_json::to_vec(&renamed.collect::<serde_json::Map<_, _>>()).unwrap();
    text.resize(text.len().next_multiple_of(8), b' ');
    let out = [&(text.len() as u64).to_le_bytes(), text.as_slice(), &bytes[8 + len..]].concat();
    fs::write(path, out).unwrap();
}

#[test]
fn names_that_a_framework_wrapped_are_unwrapped_with_a_warning() {
    let lab = Lab::new();
    llama(&lab, "plain");
    lab.run("convert plain --to gguf:q8_0 --model-name x -o plain.gguf").expect(0);
    lab.run("convert plain --to safetensors:f16 -o plain-f16").expect(0);
    type Rename = fn(&str) -> String;
    let cases: [(&str, Rename); 9] = [
        ("`_orig_mod`", |n| format!("_orig_mod.{n}")),
        ("`module.`", |n| format!("module.{n}")),
        ("`model.`", |n| format!("model.{n}")),
        ("`net.`", |n| format!("net.{n}")),
        ("`base_model.model.`", |n| format!("base_model.model.{n}")),
        ("`module.` and `_orig_mod`", |n| format!("module._orig_mod.{n}")),
        ("`model.base_model.model.`", |n| format!("model.base_model.model.{n}")),
        ("`_orig_mod`", |n| n.replace("layers.0.", "layers.0._orig_mod.")),
        ("`_fsdp_wrapped_module`", |n| {
            format!("_fsdp_wrapped_module.{}", n.replace(".mlp.", "._fsdp_wrapped_module.mlp."))
        }),
    ];
    for (i, (says, rename)) in cases.into_iter().enumerate() {
        let name = format!("w{i}");
        rename_tensors(&llama(&lab, &name).join("model.safetensors"), rename);
        let ran = lab.run(&format!("convert {name} --to gguf:q8_0 --model-name x -o {name}.gguf")).expect(0);
        assert!(ran.err.contains("warning: ") && ran.err.contains(says), "{says}: {}", ran.err);
        assert_eq!(hash(&lab.path(&format!("{name}.gguf"))), hash(&lab.path("plain.gguf")), "{says}");
        let ran = lab.run(&format!("convert {name} --to safetensors:f16 -o {name}-f16")).expect(0);
        assert!(ran.err.contains(says), "{says}: {}", ran.err);
        let file = |of: &str| hash(&lab.path(&format!("{of}-f16/model.safetensors")));
        assert_eq!(file(&name), file("plain"), "{says}");
    }
    // Names that fit stay; names that do not fit without the prefix either are reported unchanged.
    assert!(!lab.run("convert plain --to gguf:q8_0 --dry-run").expect(0).out.contains("begin with"));
    rename_tensors(&llama(&lab, "odd").join("model.safetensors"), |n| format!("module.{}", n.replace("mlp", "moe")));
    let ran = lab.run("convert odd --to gguf:q8_0").expect(2);
    assert!(ran.err.contains(" module.") && ran.err.contains("no place"), "{}", ran.err);
    rename_tensors(&llama(&lab, "adapter").join("model.safetensors"), |n| {
        format!("base_model.model.{}", n.replace("q_proj", "q_proj.base_layer"))
    });
    let ran = lab.run("convert adapter --to gguf:q8_0").expect(2);
    assert!(ran.err.contains("LoRA") && ran.err.contains("merge_and_unload"), "{}", ran.err);
}

#[test]
fn shards_of_training_ranks_name_the_script_that_merges_them() {
    let lab = Lab::new();
    let weights = |lab: &Lab, name: &str, files: &[&str]| {
        let dir = llama(lab, name);
        fs::remove_file(dir.join("model.safetensors")).unwrap();
        files.iter().for_each(|f| drop(lab.write(&format!("{name}/{f}"), "x")));
    };
    weights(
        &lab,
        "zero",
        &[
            "zero_to_fp32.py",
            "global_step10/zero_pp_rank_0_mp_rank_00_model_states.pt",
            "global_step10/bf16_zero_pp_rank_0_mp_rank_00_optim_states.pt",
        ],
    );
    lab.write("zero/latest", "global_step10");
    weights(
        &lab,
        "fsdp",
        &["pytorch_model_fsdp_0/__0_0.distcp", "pytorch_model_fsdp_0/.metadata", "scheduler.bin", "sampler.bin"],
    );
    // Metadata of another writer.
    lab.write("fsdp/pytorch_model_fsdp_0/.metadata", b"\x80\x02cmegatron.core\nMetadata\n)\x81.");
    for (source, says) in [
        ("zero", "python zero_to_fp32.py . merged` in that folder"),
        ("zero/global_step10", "python zero_to_fp32.py . merged` in the folder above"),
        ("fsdp", "accelerate merge-weights pytorch_model_fsdp_0 merged"),
        ("fsdp/pytorch_model_fsdp_0", "accelerate merge-weights . merged"),
    ] {
        for command in [format!("convert {source} --to gguf:f32 -o x.gguf"), format!("inspect {source}")] {
            let ran = lab.run(&command).expect(2);
            assert!(ran.err.contains(says) && ran.err.contains(source), "{command}: {}", ran.err);
        }
    }
    // Gathered weights are used, whatever is next to them.
    fs::copy(llama(&lab, "m").join("model.safetensors"), lab.path("zero/model.safetensors")).unwrap();
    lab.run("convert zero --to gguf:q8_0 -o x.gguf").expect(0);
}

#[test]
fn a_split_set_joined_with_cat_is_recognised() {
    let lab = Lab::new();
    llama(&lab, "m");
    lab.run("convert m --to gguf:q8_0 --split-max-tensors 20 -o s.gguf").expect(0);
    lab.run("convert m --to gguf:q8_0 --split-max-tensors 20 --no-tensor-first-split -o t.gguf").expect(0);
    for (name, set) in [("s", "s-0000"), ("t", "t-0000")] {
        let mut files: Vec<PathBuf> = crate::lab::gguf_files(&lab.dir());
        files.retain(|p| p.file_name().unwrap().to_string_lossy().starts_with(set));
        let all: Vec<u8> = files.iter().flat_map(|f| fs::read(f).unwrap()).collect();
        let joined = lab.write(&format!("{name}-all.gguf"), all);
        for command in ["convert", "inspect", "merge"] {
            let more = if command == "convert" { " --to gguf:q4_0 --allow-requantize" } else { "" };
            let ran = lab.run(&format!("{command} {name}-all.gguf{more}")).expect(2);
            let says = ["were concatenated", "@0x", "remold merge"].iter().all(|w| ran.err.contains(w));
            assert!(says && ran.err.contains(&format!("set of {}", files.len())), "{command}: {}", ran.err);
        }
        // The name of a part does not hide it.
        fs::rename(joined, &files[0]).unwrap();
        let ran = lab.run(&format!("inspect {}", files[0].display())).expect(2);
        assert!(ran.err.contains("were concatenated"), "{}", ran.err);
    }
}

#[test]
fn sections_of_several_axes_are_written_as_the_reference_does() {
    let lab = Lab::new();
    let model = llama(&lab, "m");
    edit(&model.join("config.json"), |c| {
        c["rope_scaling"] = serde_json::json!({"type": "mrope", "mrope_section": [2, 3, 3]})
    });
    lab.run("convert m --to gguf:f32 -o m.gguf").expect(0);
    let md = metadata(&lab.path("m.gguf"));
    let sections = md.get_index_of("llama.rope.dimension_sections").unwrap();
    assert_eq!(md[sections], MetaValue::Array(MetaArray::I32(vec![2, 3, 3, 0])));
    // conversion/base.py writes them before the base frequency.
    assert_eq!(md.get_index_of("llama.rope.freq_base"), Some(sections + 1));
    lab.run("convert m.gguf --to safetensors -o back").expect(0);
    let config: Value = serde_json::from_slice(&fs::read(lab.path("back/config.json")).unwrap()).unwrap();
    assert_eq!(config["rope_scaling"]["mrope_section"], serde_json::json!([2, 3, 3]));
}

#[test]
fn words_of_other_tools_get_the_word_to_write_here() {
    let lab = Lab::new();
    let model = llama(&lab, "m");
    for (args, says) in [
        ("m --to gguf:8bit", "Did you mean Q8_0?"),
        ("m --to gguf:int4", "Did you mean Q4_K_M?"),
        ("m --to gguf:4-bit", "Did you mean Q4_K_M?"),
        ("m --to gguf:q4_k_xl", "Did you mean Q4_K_M?"),
        ("m --to gguf:UD-Q2_K_XL", "Did you mean Q2_K?"),
        ("m --to gguf:nf4", "Did you mean Q4_K_M?"),
        ("m --to gguf:fp8", "Did you mean Q8_0?"),
        ("m --to gguf:q4_k_mm", "Did you mean Q4_K_M?"),
        ("m --to safetensors:int8", "--to gguf:q8_0"),
        ("m --to 8bit", "Did you mean gguf:q8_0?"),
        ("m --to gguf:q8_0 --tensor-type ffn_down=int4", "Did you mean q4_k?"),
        ("m --to gguf --set target.quantization=8bit", "Q8_0"),
        ("m --outtype f16", "--to gguf:f16"),
        ("m --outfile m.gguf", "-o FILE"),
        ("m --vocab-only", "only the vocabulary"),
        ("m.gguf m-q4.gguf Q4_K_M", "remold convert m.gguf --to gguf:q4_k_m -o m-q4.gguf"),
    ] {
        let ran = lab.run(&format!("convert {args}")).expect(2);
        assert!(ran.err.contains(says), "{args}: {}", ran.err);
        assert!(!ran.err.contains("--output-type"), "{args}: {}", ran.err);
    }
    for args in ["compare m m --pure", "inspect m --imatrix x.gguf", "split m.gguf --leave-output-tensor"] {
        let ran = lab.run(args).expect(2);
        assert!(ran.err.contains("is an option of `remold convert`"), "{args}: {}", ran.err);
    }
    for word in ["fp16", "float16", "half", "bfloat16", "fp32"] {
        lab.run(&format!("convert m --to gguf:{word} --dry-run")).expect(0);
    }
    edit(&model.join("config.json"), |c| c["architectures"] = serde_json::json!(["Qwen2VLForConditionalGeneration"]));
    let ran = lab.run("convert m --to gguf:q8_0").expect(2);
    assert!(ran.err.contains("The nearest one is Qwen2ForCausalLM"), "{}", ran.err);
}

/// A value that is there and cannot be used is named; one that was left out of the output would change the model silently.
#[test]
fn numbers_of_the_configuration_that_cannot_be_used_are_refused() {
    let lab = Lab::new();
    let mut wrong = Vec::new();
    let config = fs::read_to_string(llama(&lab, "plain").join("config.json")).unwrap();
    let keys =
        ["rms_norm_eps", "intermediate_size", "max_position_embeddings", "rope_theta", "hidden_size", "head_dim"];
    let model = llama(&lab, "m");
    for key in keys {
        for value in ["null", "NaN", "Infinity", "-Infinity", "-3", "\"x\"", "[1]"] {
            let mut json: Value = serde_json::from_str(&config).unwrap();
            json.as_object_mut().unwrap().remove(key);
            let text = serde_json::to_string(&json).unwrap();
            fs::write(model.join("config.json"), text.replacen('{', &format!("{{\"{key}\": {value},"), 1)).unwrap();
            let ran = lab.run("convert m --to gguf:f16 -o o.gguf --force");
            let absent = key == "head_dim" && value == "null";
            let named = ran.err.contains(key) && ran.err.contains(value.trim_matches('"'));
            if absent != (ran.code == Some(0)) || !absent && (ran.code != Some(2) || !named) {
                wrong.push(format!("{key}: {value}: {:?} {}", ran.code, ran.err));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Every command that opens an index that lists fewer tensors than its shards hold reports it, with the numbers.
#[test]
fn tensors_that_an_index_does_not_name_are_counted() {
    let lab = Lab::new();
    lab.model("tiny-mistral-sharded");
    let index = lab.path("tiny-mistral-sharded/model.safetensors.index.json");
    let mut all = 0;
    edit(&index, |v| {
        let map = v["weight_map"].as_object_mut().unwrap();
        all = map.len();
        map.remove("model.norm.weight");
    });
    let counts = format!("the index lists {} of the {all} tensors in its shards", all - 1);
    for line in [
        "inspect tiny-mistral-sharded",
        "inspect tiny-mistral-sharded --json",
        "convert tiny-mistral-sharded --to gguf:f16 --dry-run",
        "convert tiny-mistral-sharded --to gguf:f16 -o o.gguf",
        "convert tiny-mistral-sharded --to safetensors:f16 -o hf",
        "plan tiny-mistral-sharded",
        "compare tiny-mistral-sharded o.gguf",
    ] {
        let ran = lab.run(line).expect(0);
        let told = format!("{}{}", ran.out, ran.err);
        assert!(told.contains(&counts) && told.contains("model.norm.weight"), "{line}: {told}");
    }
    // The same for PyTorch, whose tensors were reported one by one.
    lab.run("convert tiny-mistral-sharded --to pytorch --max-shard-size 2MB -o torch").expect(0);
    edit(&lab.path("torch/pytorch_model.bin.index.json"), |v| {
        let map = v["weight_map"].as_object_mut().unwrap();
        map.remove("model.norm.weight");
        map.remove("lm_head.weight");
    });
    for line in ["inspect torch", "convert torch --to gguf:f16 --dry-run"] {
        let ran = lab.run(line).expect(0);
        let told = format!("{}{}", ran.out, ran.err);
        let counts = format!("the index lists {} of the {all} tensors in its shards", all - 2);
        assert!(told.contains(&counts), "{line}: {told}");
    }
    // A shard of the set that the index does not name at all.
    edit(&index, |v| {
        v["weight_map"].as_object_mut().unwrap().retain(|_, shard| !shard.as_str().unwrap().contains("00001-of"));
    });
    let ran = lab.run("inspect tiny-mistral-sharded");
    assert!(ran.err.contains("of a set of") || ran.out.contains("of a set of"), "{} {}", ran.out, ran.err);
}

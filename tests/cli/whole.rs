//! A conversion that ends well is the model: parts of models, adapters, folders without configuration, codes instead of weights and
//! tensors that cannot be read are refused, and nothing is written.

use crate::lab::Lab;
use crate::made::{Checkpoint, Pickled, floats, noise, safetensors, torch_zip};
use crate::table::{Row, check, row};
use serde_json::json;

/// `tiny-llama` with its tensors changed.
fn llama(change: impl Fn(&mut Checkpoint) + 'static, to: &'static str) -> impl Fn(&Lab) -> String {
    move |lab| {
        let path = lab.model("tiny-llama").join("model.safetensors");
        let mut tensors = Checkpoint::read(&path);
        change(&mut tensors);
        tensors.write(&path);
        format!("convert tiny-llama --to {to} -o out")
    }
}

/// Changes the configuration of `tiny-llama` in a lab.
fn configure(lab: &Lab, change: impl Fn(&mut serde_json::Value)) {
    let path = lab.path("tiny-llama/config.json");
    let mut config: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    change(&mut config);
    std::fs::write(&path, config.to_string()).unwrap();
}

fn without_two(tensors: &mut Checkpoint) {
    tensors.0.retain(|t| t.0 != "model.norm.weight" && t.0 != "model.layers.1.mlp.up_proj.weight");
}

/// Every projection in another form: its name without `.weight`, its rows and columns.
fn requantized(tensors: &mut Checkpoint, store: impl Fn(&mut Checkpoint, &str, u64, u64)) {
    let old = std::mem::take(&mut tensors.0);
    for t in old {
        match t.0.strip_suffix("proj.weight") {
            Some(stem) => store(tensors, &format!("{stem}proj"), t.2[0], t.2[1]),
            None => tensors.0.push(t),
        }
    }
}

fn gptq(tensors: &mut Checkpoint) {
    requantized(tensors, |t, name, rows, cols| {
        t.zeros(format!("{name}.qweight"), "I32", &[cols / 8, rows]);
        t.zeros(format!("{name}.qzeros"), "I32", &[cols / 128, rows / 8]);
        t.zeros(format!("{name}.scales"), "F16", &[cols / 128, rows]);
        t.zeros(format!("{name}.g_idx"), "I32", &[cols]);
    });
}

fn mlx(tensors: &mut Checkpoint) {
    requantized(tensors, |t, name, rows, cols| {
        t.zeros(format!("{name}.weight"), "U32", &[rows, cols / 8]);
        t.zeros(format!("{name}.scales"), "BF16", &[rows, cols / 64]);
        t.zeros(format!("{name}.biases"), "BF16", &[rows, cols / 64]);
    });
}

fn bitsandbytes(tensors: &mut Checkpoint) {
    requantized(tensors, |t, name, rows, cols| {
        t.zeros(format!("{name}.weight"), "U8", &[rows * cols / 2, 1]);
        t.zeros(format!("{name}.weight.absmax"), "F32", &[rows * cols / 64]);
        t.zeros(format!("{name}.weight.quant_map"), "F32", &[16]);
    });
}

fn fp8(tensors: &mut Checkpoint) {
    requantized(tensors, |t, name, rows, cols| {
        t.zeros(format!("{name}.weight"), "F8_E4M3", &[rows, cols]);
        t.zeros(format!("{name}.weight_scale_inv"), "F32", &[rows.div_ceil(128), cols.div_ceil(128)]);
    });
}

#[test]
fn parts_of_a_model() {
    let missing: &[&str] =
        &["2 tensors of the architecture", "missing", "model.norm.weight", "model.layers.1.mlp.up_proj.weight"];
    let wrong: &[&str] = &["12 tensors", "config.json", "intermediate_size 999", "model.layers.0.mlp.gate_proj.weight"];
    let contradicted = |to: &'static str| {
        move |lab: &Lab| {
            lab.model("tiny-llama");
            configure(lab, |c| c["intermediate_size"] = json!(999));
            format!("convert tiny-llama --to {to} -o out")
        }
    };
    check(
        "whole.txt",
        vec![
            row("tensors are missing, to GGUF", 2, missing, llama(without_two, "gguf:q4_k_m")),
            row("tensors are missing, to safetensors", 2, missing, llama(without_two, "safetensors")),
            row("tensors are missing, to PyTorch in another type", 2, missing, llama(without_two, "pytorch:f16")),
            row("tensors are missing, for a forecast", 2, missing, |lab| {
                llama(without_two, "gguf")(lab);
                "plan tiny-llama".into()
            }),
            row(
                "tensors are missing, and they are wanted alone",
                0,
                &["only the tensors"],
                llama(without_two, "gguf --bare"),
            ),
            row("a layer is missing", 2, &["layer 2 has no tensor at all", "num_hidden_layers 4"], {
                llama(|t| t.0.retain(|t| !t.0.starts_with("model.layers.2.")), "gguf")
            }),
            row("shapes contradict config.json, to GGUF", 2, wrong, contradicted("gguf:f16")),
            row("shapes contradict config.json, to safetensors", 2, wrong, contradicted("safetensors:f16")),
            row("the output matrix is missing and not tied", 2, &["1 tensor of", "lm_head.weight"], |lab| {
                let args = llama(|t| t.0.retain(|t| t.0 != "lm_head.weight"), "gguf")(lab);
                configure(lab, |c| c["tie_word_embeddings"] = json!(false));
                args
            }),
            row("a GGUF without a tensor of its architecture", 2, &["output_norm.weight", "missing"], |lab| {
                let path = lab.model("tiny-llama");
                lab.run("convert tiny-llama --to gguf:f16 -o whole.gguf").expect(0);
                std::fs::remove_dir_all(lab.jobs()).unwrap();
                std::fs::remove_dir_all(path).unwrap();
                // Of the same length, so that nothing else of the file changes.
                let bytes = std::fs::read(lab.path("whole.gguf")).unwrap();
                let at = bytes.windows(18).position(|w| w == b"output_norm.weight").unwrap();
                let mut bytes = bytes;
                bytes[at..at + 18].copy_from_slice(b"output_none.weight");
                lab.write("whole.gguf", bytes);
                "convert whole.gguf --to gguf:q8_0 -o out.gguf".into()
            }),
        ],
    );
}

#[test]
fn codes_that_are_no_weights() {
    let mut rows: Vec<Row> = Vec::new();
    type Scheme = (&'static str, fn(&mut Checkpoint), fn(&mut serde_json::Value));
    let schemes: [Scheme; 4] = [
        ("GPTQ", gptq, |_| ()),
        ("MLX, 4 bits, groups of 64", mlx, |c| c["quantization"] = json!({"group_size": 64, "bits": 4})),
        ("bitsandbytes", bitsandbytes, |_| ()),
        ("FP8, blocks of 128 × 128", fp8, |c| {
            c["quantization_config"] = json!({"quant_method": "fp8", "weight_block_size": [128, 128]});
        }),
    ];
    for (scheme, change, config) in schemes {
        for to in ["gguf:f32", "safetensors:bf16", "pytorch:f16"] {
            let title: &'static str = Box::leak(format!("{scheme} to {to}").into_boxed_str());
            rows.push(row(title, 2, &["the checkpoint is quantized", scheme], move |lab| {
                let args = llama(change, to)(lab);
                configure(lab, config);
                args
            }));
        }
        let title: &'static str = Box::leak(format!("{scheme} copied as it is").into_boxed_str());
        rows.push(row(title, 0, &[], move |lab| {
            let args = llama(change, "safetensors")(lab);
            configure(lab, config);
            args
        }));
    }
    rows.push(row("quantized by its configuration alone", 2, &["quantization_config", "of-tomorrow"], |lab| {
        lab.model("tiny-llama");
        configure(lab, |c| c["quantization_config"] = json!({"quant_method": "of-tomorrow"}));
        "convert tiny-llama --to safetensors:f16 -o out".into()
    }));
    rows.push(row("a lone file of FP8 codes with scales", 2, &["FP8"], |lab| {
        let mut tensors = Checkpoint(Vec::new());
        tensors.zeros("w.weight", "F8_E4M3", &[4, 32]);
        tensors.zeros("w.scale_weight", "F32", &[1]);
        tensors.write(&lab.path("m.safetensors"));
        "convert m.safetensors --to gguf:f16 -o out.gguf".into()
    }));
    rows.push(row("a lone file of FP8 values without scales", 0, &[], |lab| {
        let mut tensors = Checkpoint(Vec::new());
        tensors.zeros("w.weight", "F8_E4M3", &[4, 32]);
        tensors.write(&lab.path("m.safetensors"));
        "convert m.safetensors --to safetensors:bf16 -o out.safetensors".into()
    }));
    check("quantized.txt", rows);
}

/// A LoRA adapter of rank 8 as peft writes it.
fn lora() -> Vec<u8> {
    let stem = "base_model.model.model.layers.0.self_attn.q_proj.lora_";
    floats(&[
        (&format!("{stem}A.weight"), &[8, 256], noise(8 * 256, 1)),
        (&format!("{stem}B.weight"), &[256, 8], noise(256 * 8, 2)),
    ])
}

/// The folder that peft leaves: the adapter, its configuration, a tokenizer.
fn lora_folder(lab: &Lab) {
    let path = lab.model("tiny-llama");
    std::fs::remove_file(path.join("model.safetensors")).unwrap();
    std::fs::remove_file(path.join("config.json")).unwrap();
    std::fs::rename(&path, lab.path("lora")).unwrap();
    lab.write("lora/adapter_model.safetensors", lora());
    let config = json!({"peft_type": "LORA", "base_model_name_or_path": "meta-llama/Llama-3.2-1B", "r": 8});
    lab.write("lora/adapter_config.json", config.to_string());
}

#[test]
fn adapters_and_folders_without_configuration() {
    let adapter: &[&str] =
        &["LoRA adapter (r 8)", "meta-llama/Llama-3.2-1B", "merge_and_unload", "convert_lora_to_gguf"];
    let folder = |args: &'static str| {
        move |lab: &Lab| {
            lora_folder(lab);
            args.to_owned()
        }
    };
    let bare = |args: &'static str| {
        move |lab: &Lab| {
            std::fs::remove_file(lab.model("tiny-llama").join("config.json")).unwrap();
            args.to_owned()
        }
    };
    check(
        "adapters.txt",
        vec![
            row("an adapter's folder, to GGUF", 2, adapter, folder("convert lora --to gguf:q4_k_m -o out.gguf")),
            row("an adapter's folder, to safetensors", 2, adapter, folder("convert lora --to safetensors:f16 -o out")),
            row("an adapter's folder, for a forecast", 2, adapter, folder("plan lora")),
            row(
                "an adapter's file",
                2,
                adapter,
                folder("convert lora/adapter_model.safetensors --to pytorch -o o.bin"),
            ),
            row("an adapter alone", 2, &["LoRA adapter (r 8), not a model"], |lab| {
                lab.write("a.safetensors", lora());
                "convert a.safetensors --to gguf -o out.gguf".into()
            }),
            row("an adapter's tensors alone", 0, &[], |lab| {
                lab.write("a.safetensors", lora());
                "convert a.safetensors --to pytorch --bare -o out.pt".into()
            }),
            row("an adapter that is not merged", 2, &["not merged", "merge_and_unload"], {
                llama(
                    |t| {
                        for t in &mut t.0 {
                            t.0 = t.0.replace("q_proj.weight", "q_proj.base_layer.weight");
                        }
                        t.zeros("model.layers.0.self_attn.q_proj.lora_A.default.weight", "F32", &[8, 256]);
                        t.zeros("model.layers.0.self_attn.q_proj.lora_B.default.weight", "F32", &[256, 8]);
                    },
                    "gguf",
                )
            }),
            row("a network's folder without config.json", 2, &["config.json is missing", "--bare"], {
                bare("convert tiny-llama --to gguf:q4_k_m -o out.gguf")
            }),
            row(
                "the same, its tensors alone",
                0,
                &["only the tensors"],
                bare("convert tiny-llama --to gguf --bare -o o.gguf"),
            ),
            row(
                "the same by a recipe's key",
                0,
                &[],
                bare("convert tiny-llama --to gguf --set target.bare=true -o o.gguf"),
            ),
            row("Meta's own layout", 2, &["params.json", "Hugging Face files"], |lab| {
                lab.write("meta/params.json", "{\"dim\": 4}");
                lab.write("meta/consolidated.safetensors", floats(&[("norm.weight", &[4], noise(4, 1))]));
                "convert meta --to gguf -o out.gguf".into()
            }),
            row("a folder of one file", 0, &["no config.json"], |lab| {
                lab.write("m/w.safetensors", floats(&[("w", &[4, 32], noise(128, 1))]));
                "convert m --to gguf -o out.gguf".into()
            }),
        ],
    );
    let lab = Lab::new();
    lora_folder(&lab);
    let shown = lab.run("inspect lora").expect(0).out;
    assert!(shown.contains("adapter") && shown.contains("LoRA, r 8, for meta-llama/Llama-3.2-1B"), "{shown}");
    let told: serde_json::Value = serde_json::from_str(&lab.run("inspect lora --json").expect(0).out).unwrap();
    assert_eq!(told["adapter"]["rank"], 8);
}

/// A state dict with one plain tensor and this one.
fn with(value: Pickled) -> Vec<u8> {
    torch_zip(&[("a.weight", Pickled::Floats(vec![1, 2], vec![7.0, 8.0])), ("b.weight", value)])
}

fn coo() -> Pickled {
    Pickled::Sparse(vec![3, 4], vec![vec![0, 0, 2], vec![1, 3, 0]], vec![1.0, 2.0, 3.0])
}

#[test]
fn tensors_that_cannot_be_read() {
    type Case = (&'static str, fn() -> Pickled, &'static [&'static str]);
    let kinds: [Case; 5] = [
        ("sparse", coo, &["b.weight", "a sparse tensor, torch.sparse_coo", "--densify"]),
        ("qint8", || Pickled::Qint8(vec![2, 2]), &["b.weight", "a quantized tensor, torch.qint8", "dequantize()"]),
        ("a wrapper", || Pickled::Wrapped("torch.distributed.tensor\nDTensor"), &["DTensor", "full_tensor()"]),
        ("torchao", || Pickled::Wrapped("torchao.dtypes\nAffineQuantizedTensor"), &["AffineQuantizedTensor"]),
        ("a subclass", || Pickled::Subclass("elsewhere\nOddWeight"), &["b.weight", "elsewhere.OddWeight"]),
    ];
    let mut rows = Vec::new();
    for (name, make, says) in kinds {
        for to in ["gguf", "safetensors", "pytorch:f16"] {
            let title: &'static str = Box::leak(format!("{name} to {to}").into_boxed_str());
            rows.push(row(title, 2, says, move |lab| {
                lab.write("m.pt", with(make()));
                format!("convert m.pt --to {to} -o out")
            }));
        }
    }
    rows.push(row("under an empty key", 2, &["no name", "empty"], |lab| {
        let floats = || Pickled::Floats(vec![1, 2], vec![7.0, 8.0]);
        lab.write("m.pt", torch_zip(&[("tensor", floats()), ("", floats())]));
        "convert m.pt --to safetensors -o out.safetensors".into()
    }));
    rows.push(row("sparse, written in full, to GGUF", 0, &[], |lab| {
        lab.write("m.pt", with(coo()));
        "convert m.pt --to gguf --densify -o out.gguf".into()
    }));
    rows.push(row("sparse with indices out of order", 2, &["b.weight", "not coalesced", "coalesce()"], |lab| {
        let value = Pickled::Sparse(vec![3, 4], vec![vec![2, 0], vec![0, 1]], vec![1.0, 2.0]);
        lab.write("m.pt", with(value));
        "convert m.pt --to safetensors --densify -o out.safetensors".into()
    }));
    rows.push(row("sparse with an index outside", 2, &["b.weight", "out of bounds"], |lab| {
        lab.write("m.pt", with(Pickled::Sparse(vec![3, 4], vec![vec![0, 3], vec![0, 1]], vec![1.0, 2.0])));
        "convert m.pt --to safetensors --densify -o out.safetensors".into()
    }));
    check("unreadable.txt", rows);
}

#[test]
fn sparse_tensors_are_written_in_full_when_asked() {
    let lab = Lab::new();
    lab.write(
        "m.pt",
        torch_zip(&[
            ("z.weight", Pickled::Floats(vec![1, 2], vec![7.0, 8.0])),
            ("b.weight", coo()),
            ("a.weight", Pickled::Floats(vec![2], vec![5.0, 6.0])),
            ("none", Pickled::Sparse(vec![2, 2], vec![vec![], vec![]], vec![])),
        ]),
    );
    lab.run("convert m.pt --to safetensors --densify -o out.safetensors").expect(0);
    let written = Checkpoint::read(&lab.path("out.safetensors"));
    let get = |name: &str| {
        let t = written.0.iter().find(|t| t.0 == name).unwrap();
        let values: Vec<f32> = t.3.chunks(4).map(|c| f32::from_le_bytes(c.try_into().unwrap())).collect();
        (t.2.clone(), values)
    };
    assert_eq!(get("b.weight"), (vec![3, 4], vec![0., 1., 0., 2., 0., 0., 0., 0., 3., 0., 0., 0.]));
    assert_eq!(get("none"), (vec![2, 2], vec![0.0; 4]));
    lab.write(
        "r.toml",
        "[source]\npath = \"m.pt\"\ndensify = true\n[[target]]\nformat = \"safetensors\"\noutput = \"r.safetensors\"\n",
    );
    lab.run("run r.toml").expect(0);
    assert_eq!(std::fs::read(lab.path("r.safetensors")).unwrap(), std::fs::read(lab.path("out.safetensors")).unwrap());
    // Where nothing is sparse, the option is named as one without effect.
    let warning = "warning: densify (--densify) has no effect: the source has no sparse tensors";
    assert!(!lab.run("convert m.pt --to safetensors --densify -o o2.safetensors").expect(0).err.contains(warning));
    for args in
        ["convert out.safetensors --to safetensors -o again.safetensors", "convert out.safetensors --to gguf --dry-run"]
    {
        let ran = lab.run(&format!("{args} --densify")).expect(0);
        assert!(format!("{}{}", ran.out, ran.err).contains(warning), "{args}: {}{}", ran.out, ran.err);
    }
    let shown = lab.run("inspect m.pt").expect(0).out;
    assert!(shown.contains("a sparse tensor, torch.sparse_coo"), "{shown}");
}

#[test]
fn a_state_dict_of_nothing_but_such_tensors_says_what_they_are() {
    let lab = Lab::new();
    lab.write("m.pt", torch_zip(&[("a", Pickled::Qint8(vec![2])), ("b", Pickled::Qint8(vec![2]))]));
    let ran = lab.run("convert m.pt --to safetensors -o out.safetensors").expect(2);
    assert!(ran.err.contains("2 tensors of the model are not stored as plain values"), "{}", ran.err);
    // A header of nothing is still nothing.
    lab.write("m.safetensors", safetensors("{}", &[]));
    lab.run("convert m.safetensors --to gguf -o out.gguf").expect(2);
}

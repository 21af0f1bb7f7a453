//! Files that are wrong: truncated, overlapping, huge, of unknown types, twice the same name, empty, hostile.

use crate::lab::{Lab, fixture};
use crate::made::{Gguf, floats, noise, poke, safetensors};
use crate::table::{Row, check, row};

const ONE: &str = r#"{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#;

/// Converts a lone file of these bytes.
fn file(name: &'static str, bytes: impl Fn() -> Vec<u8> + 'static) -> impl Fn(&Lab) -> String {
    move |lab| {
        lab.write(name, bytes());
        format!("convert {name} --to gguf -o out.gguf")
    }
}

fn st(header: &'static str, data: usize) -> impl Fn(&Lab) -> String {
    file("bad.safetensors", move || safetensors(header, &vec![0; data]))
}

#[test]
fn safetensors_files() {
    let two = |a: &str, b: &str| -> &'static str {
        let text = format!(
            r#"{{"a":{{"dtype":"U8","shape":[4],"data_offsets":{a}}},"b":{{"dtype":"U8","shape":[4],"data_offsets":{b}}}}}"#
        );
        Box::leak(text.into_boxed_str())
    };
    let f = "bad.safetensors";
    check(
        "safetensors.txt",
        vec![
            row("safetensors: empty", 2, &[f, "empty"], file(f, Vec::new)),
            row("safetensors: cut off in the header", 2, &[f], file(f, || safetensors_cut(30))),
            row("safetensors: cut off in the data", 2, &[f, "w"], file(f, || safetensors_cut(8 + ONE.len() + 5))),
            row(
                "safetensors: header of a huge length",
                2,
                &[f, "18446744073709551615"],
                file(f, || {
                    let mut b = u64::MAX.to_le_bytes().to_vec();
                    b.extend([b'{'; 100]);
                    b
                }),
            ),
            row(
                "safetensors: a shape of a huge size",
                2,
                &[f, "w"],
                st(r#"{"w":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,8]}}"#, 8),
            ),
            row(
                "safetensors: a dtype that does not exist",
                2,
                &[f, "w", "F99"],
                st(r#"{"w":{"dtype":"F99","shape":[2],"data_offsets":[0,8]}}"#, 8),
            ),
            row(
                "safetensors: a range that does not fit the dtype",
                2,
                &[f, "w"],
                st(r#"{"w":{"dtype":"F64","shape":[2],"data_offsets":[0,8]}}"#, 8),
            ),
            row(
                "safetensors: two tensors of one name",
                2,
                &[f, "w"],
                st(
                    r#"{"w":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"w":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}}"#,
                    8,
                ),
            ),
            row("safetensors: tensors overlap", 2, &[f, "overlaps"], st(two("[0,4]", "[2,6]"), 6)),
            row("safetensors: bytes of no tensor", 2, &[f], st(two("[0,4]", "[8,12]"), 12)),
            row("safetensors: not JSON", 2, &[f], st("{\"w\": oops}", 8)),
            row(
                "safetensors: integers that GGUF cannot hold",
                2,
                &["w"],
                st(r#"{"w":{"dtype":"U64","shape":[1],"data_offsets":[0,8]}}"#, 8),
            ),
        ],
    );
}

fn safetensors_cut(len: usize) -> Vec<u8> {
    let mut bytes = safetensors(ONE, &[0; 8]);
    bytes.truncate(len);
    bytes
}

#[test]
fn gguf() {
    let f = "bad.gguf";
    let gguf = |bytes: fn() -> Vec<u8>| {
        move |lab: &Lab| {
            lab.write(f, bytes());
            format!("convert {f} --to safetensors -o out.safetensors")
        }
    };
    check(
        "gguf.txt",
        vec![
            row("gguf: empty", 2, &[f, "empty"], gguf(Vec::new)),
            row("gguf: cut off in the header", 2, &[f], gguf(|| Gguf::new(1, 0).str(b"weight").0)),
            row("gguf: cut off in the data", 2, &[f, "w"], gguf(|| Gguf::new(1, 0).tensor("w", &[64], 0, 0).data(100))),
            row("gguf: a huge number of tensors", 2, &[f, "tensor_count"], gguf(|| Gguf::new(u64::MAX, 0).0)),
            row("gguf: a name of a huge length", 2, &[f], gguf(|| Gguf::new(1, 0).u64(1 << 60).data(64))),
            row(
                "gguf: a shape of a huge size",
                2,
                &[f, "w"],
                gguf(|| Gguf::new(1, 0).tensor("w", &[1 << 62, 1 << 62], 0, 0).data(64)),
            ),
            row(
                "gguf: a type that does not exist",
                2,
                &[f, "w", "99"],
                gguf(|| Gguf::new(1, 0).tensor("w", &[32], 99, 0).data(64)),
            ),
            row(
                "gguf: rows that do not fit the blocks",
                2,
                &[f, "w"],
                gguf(|| Gguf::new(1, 0).tensor("w", &[33], 8, 0).data(64)),
            ),
            row(
                "gguf: two tensors of one name",
                2,
                &[f, "w"],
                gguf(|| Gguf::new(2, 0).tensor("w", &[8], 0, 0).tensor("w", &[8], 0, 32).data(64)),
            ),
            row(
                "gguf: tensors overlap",
                2,
                &[f, "b"],
                gguf(|| Gguf::new(2, 0).tensor("a", &[16], 0, 0).tensor("b", &[8], 0, 32).data(64)),
            ),
            row(
                "gguf: a version of tomorrow",
                2,
                &[f, "version"],
                gguf(|| {
                    let mut b = Gguf::new(0, 0).0;
                    b[4] = 9;
                    b
                }),
            ),
            row("gguf: a shard is missing", 2, &["00002-of-00002"], |lab| {
                let key = |g: Gguf, k: &str, v: u32| g.str(k.as_bytes()).u32(2).raw(&(v as u16).to_le_bytes());
                let g = key(key(Gguf::new(1, 3), "split.no", 0), "split.count", 2);
                let g = g.str(b"split.tensors.count").u32(5).u32(2);
                lab.write("m-00001-of-00002.gguf", g.tensor("w", &[8], 0, 0).data(32));
                "convert m-00001-of-00002.gguf --to safetensors -o out.safetensors".into()
            }),
        ],
    );
}

/// `fixtures/bad/pytorch` by name.
fn pickle(name: &'static str) -> impl Fn(&Lab) -> String {
    move |lab| {
        lab.write(name, std::fs::read(fixture("bad/pytorch").join(name)).unwrap());
        format!("convert {name} --to safetensors -o out.safetensors")
    }
}

#[test]
fn pytorch() {
    let mut rows: Vec<Row> = Vec::new();
    let mut names: Vec<String> = std::fs::read_dir(fixture("bad/pytorch"))
        .unwrap()
        .filter_map(|e| e.unwrap().file_name().into_string().ok())
        .filter(|n| n.ends_with(".pt"))
        .collect();
    names.sort();
    for name in names {
        let expected = std::fs::read_to_string(fixture("bad/pytorch").join(&name).with_extension("err")).unwrap();
        if expected.starts_with("opens") {
            continue;
        }
        let name: &'static str = Box::leak(name.into_boxed_str());
        let title: &'static str = Box::leak(format!("pytorch: {}", name.trim_end_matches(".pt")).into_boxed_str());
        let says: &'static str = match name {
            // Seen before any reader of PyTorch files is asked.
            "html-page.pt" => "this is a web page, not a model file",
            _ => Box::leak(expected.trim().to_owned().into_boxed_str()),
        };
        rows.push(row(title, 2, &[name, says], pickle(name)));
    }
    rows.push(row("pytorch: a dtype that does not exist", 2, &["wrong-dtype.pt", "storage"], |lab| {
        // The legacy stream has no checksum: a storage type of that name exists nowhere.
        let bytes = std::fs::read(fixture("bad/pytorch/legacy-storage-past-end.pt")).unwrap();
        let at = bytes.windows(12).position(|w| w == b"FloatStorage").expect("a storage type to change");
        let mut bytes = bytes;
        bytes[at + 11] = b'f';
        lab.write("wrong-dtype.pt", bytes);
        "convert wrong-dtype.pt --to safetensors -o out.safetensors".into()
    }));
    rows.push(row("pytorch: cut off", 2, &["cut.bin"], |lab| {
        let bytes = std::fs::read(fixture("models/tiny-llama3-pt/pytorch_model.bin")).unwrap();
        lab.write("cut.bin", &bytes[..bytes.len() / 2]);
        "convert cut.bin --to safetensors -o out.safetensors".into()
    }));
    check("pytorch.txt", rows);
}

/// Pickles that ask for a call: `inspect` names it, `convert` writes the tensors it can, nothing runs.
#[test]
fn pickles_that_call_functions_run_nothing() {
    let mut rows = Vec::new();
    for (name, call) in [("call-os-system.pt", "`os.system`"), ("call-eval-legacy.pt", "`builtins.eval`")] {
        let lab = Lab::new();
        let convert = pickle(name)(&lab);
        let ran = lab.run(&format!("inspect {name}")).expect(0);
        assert!(ran.out.contains(call) && ran.out.contains("not executed"), "{}", ran.out);
        let ran = lab.run(&convert);
        assert!(matches!(ran.code, Some(0 | 2)), "{ran:?}");
        let expected = [name, "out.safetensors", "out.safetensors.remold.json"];
        let made: Vec<String> = lab.tree().into_keys().filter(|n| !expected.contains(&n.as_str())).collect();
        assert!(made.is_empty(), "something ran: {made:?}");
        let title: &'static str = Box::leak(format!("pytorch: {}", name.trim_end_matches(".pt")).into_boxed_str());
        // The first holds a tensor beside the call, the second nothing but the call.
        let code = if name == "call-os-system.pt" { 0 } else { 2 };
        rows.push(row(title, code, &[call, "not executed"], pickle(name)));
    }
    check("pickle-calls.txt", rows);
}

/// A folder of two shards and an index of this text.
fn index(text: &'static str) -> impl Fn(&Lab) -> String {
    move |lab| {
        for (file, tensor) in [("a", "w"), ("b", "v")] {
            lab.write(&format!("m/{file}.safetensors"), floats(&[(tensor, &[4], vec![1.0; 4])]));
        }
        lab.write("m/model.safetensors.index.json", text);
        "convert m/model.safetensors.index.json --to gguf -o out.gguf".into()
    }
}

#[test]
fn indexes_and_folders() {
    let i = "model.safetensors.index.json";
    check(
        "folders.txt",
        vec![
            row("index: empty", 2, &[i], index("")),
            row("index: cut off", 2, &[i], index(r#"{"weight_map": {"w": "a.safe"#)),
            row("index: not an index", 2, &[i], index("[1, 2]")),
            row("index: of the wrong type", 2, &[i], index(r#"{"weight_map": {"w": 3}}"#)),
            row("index: lists nothing", 2, &[i], index(r#"{"weight_map": {}}"#)),
            row(
                "index: one tensor in two shards",
                2,
                &[i, "w"],
                index(r#"{"weight_map": {"w": "a.safetensors", "w": "b.safetensors"}}"#),
            ),
            row(
                "index: a tensor that its shard has not",
                2,
                &["x"],
                index(r#"{"weight_map": {"x": "a.safetensors", "v": "b.safetensors"}}"#),
            ),
            row(
                "index: a shard is missing",
                2,
                &["c.safetensors", "missing"],
                index(r#"{"weight_map": {"w": "a.safetensors", "v": "c.safetensors"}}"#),
            ),
            row("index: a path outside the folder", 2, &["../outside.safetensors", "not inside"], |lab| {
                lab.write("outside.safetensors", floats(&[("w", &[4], vec![1.0; 4])]));
                index(r#"{"weight_map": {"w": "../outside.safetensors"}}"#)(lab)
            }),
            row(
                "index: an absolute path",
                2,
                &["/etc/passwd", "not inside"],
                index(r#"{"weight_map": {"w": "/etc/passwd"}}"#),
            ),
            row("folder: a shard of a model is missing", 2, &["model-00003-of-00005.safetensors"], |lab| {
                let dir = lab.model("tiny-mistral-sharded");
                std::fs::remove_file(dir.join("model-00003-of-00005.safetensors")).unwrap();
                "convert tiny-mistral-sharded --to gguf".into()
            }),
            row("pytorch index: a path outside the folder", 2, &["../x.bin"], |lab| {
                lab.write("m/pytorch_model.bin.index.json", r#"{"weight_map": {"w": "../x.bin"}}"#);
                "convert m/pytorch_model.bin.index.json --to safetensors -o out.safetensors".into()
            }),
            row("pytorch index: a shard is missing", 2, &["pytorch_model-00001-of-00002.bin"], |lab| {
                lab.write(
                    "m/pytorch_model.bin.index.json",
                    r#"{"weight_map": {"w": "pytorch_model-00001-of-00002.bin"}}"#,
                );
                "convert m/pytorch_model.bin.index.json --to safetensors -o out.safetensors".into()
            }),
            row("folder: empty", 2, &["m"], |lab| {
                std::fs::create_dir(lab.path("m")).unwrap();
                "convert m --to gguf".into()
            }),
            row("folder: no such", 2, &["nothing-here"], |_| "convert nothing-here --to gguf".into()),
            row("inspect: no such", 2, &["nothing-here"], |_| "inspect nothing-here".into()),
            row("file: something else", 2, &["notes.txt"], |lab| {
                lab.write("notes.txt", "just some notes\n");
                "convert notes.txt --to gguf".into()
            }),
        ],
    );
}

/// `fixtures/models/tiny-llama` with its `config.json` changed.
fn config(change: impl Fn(&mut serde_json::Value) + 'static, to: &'static str) -> impl Fn(&Lab) -> String {
    move |lab| {
        let path = lab.model("tiny-llama").join("config.json");
        let mut json: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        change(&mut json);
        std::fs::write(&path, serde_json::to_vec_pretty(&json).unwrap()).unwrap();
        format!("convert tiny-llama --to {to}")
    }
}

/// A lone matrix of 4×256 values, one of them this one.
fn matrix(value: f32, to: &'static str) -> impl Fn(&Lab) -> String {
    move |lab| {
        let mut values = noise(4 * 256, 5);
        values[2 * 256 + 17] = value;
        lab.write("m.safetensors", floats(&[("block.weight", &[4, 256], values)]));
        format!("convert m.safetensors --to {to} --threads 1 -o out.model")
    }
}

#[test]
fn models_that_do_not_fit_together() {
    let embed = "model.embed_tokens.weight";
    check(
        "models.txt",
        vec![
            row(
                "config: an unknown architecture",
                2,
                &["tiny-llama", "MambaForCausalLM"],
                config(|c| c["architectures"] = serde_json::json!(["MambaForCausalLM"]), "gguf:q8_0"),
            ),
            row(
                "config: no architecture at all",
                2,
                &["config.json", "architectures"],
                config(
                    |c| {
                        c.as_object_mut().unwrap().remove("architectures");
                        c.as_object_mut().unwrap().remove("model_type");
                    },
                    "gguf:q8_0",
                ),
            ),
            row("config: not JSON", 2, &["config.json"], |lab| {
                let dir = lab.model("tiny-llama");
                std::fs::write(dir.join("config.json"), "{ \"architectures\": [").unwrap();
                "convert tiny-llama --to gguf:q8_0".into()
            }),
            row(
                "config: a field is missing",
                2,
                &["config.json", "hidden_size"],
                config(
                    |c| {
                        c.as_object_mut().unwrap().remove("hidden_size");
                    },
                    "gguf:q8_0",
                ),
            ),
            row(
                "config: more layers than the weights have",
                2,
                &["config.json", "num_hidden_layers 9", "layers 4 to 8"],
                config(|c| c["num_hidden_layers"] = serde_json::json!(9), "gguf:q8_0"),
            ),
            row(
                "config: a vocabulary larger than the embedding",
                2,
                &["tiny-llama", "vocab_size 4096", "2048 × 256"],
                config(|c| c["vocab_size"] = serde_json::json!(4096), "gguf:q8_0"),
            ),
            row("tokenizer: more tokens than the embedding has rows", 2, &["2048"], |lab| {
                let path = lab.model("tiny-llama").join("tokenizer.json");
                let mut json: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
                for i in 0..300 {
                    json["model"]["vocab"][format!("extra{i}")] = serde_json::json!(2048 + i);
                }
                std::fs::write(&path, serde_json::to_vec(&json).unwrap()).unwrap();
                "convert tiny-llama --to gguf:q8_0".into()
            }),
            row("tokenizer: cut off", 2, &["tokenizer.json"], |lab| {
                let path = lab.model("tiny-llama").join("tokenizer.json");
                let bytes = std::fs::read(&path).unwrap();
                std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
                "convert tiny-llama --to gguf:q8_0".into()
            }),
            row("tokenizer: none", 2, &["tokenizer"], |lab| {
                let dir = lab.model("tiny-llama");
                std::fs::remove_file(dir.join("tokenizer.json")).unwrap();
                "convert tiny-llama --to gguf:q8_0".into()
            }),
            row("weights: a matrix is missing", 2, &["layers.1.mlp"], |lab| {
                let path = lab.model("tiny-llama").join("model.safetensors");
                let bytes = std::fs::read(&path).unwrap();
                let text = b"model.layers.1.mlp.down_proj.weight";
                let at = bytes.windows(text.len()).position(|w| w == text).unwrap();
                let mut bytes = bytes;
                bytes[at + 19..at + 28].copy_from_slice(b"elsewhere");
                std::fs::write(&path, bytes).unwrap();
                "convert tiny-llama --to gguf:q8_0".into()
            }),
            row(
                "weights: NaN, quantized",
                1,
                &["block.weight", "NaN at row 2, column 17"],
                matrix(f32::NAN, "gguf:q8_0"),
            ),
            row(
                "weights: infinity, quantized",
                1,
                &["block.weight", "inf at row 2, column 17"],
                matrix(f32::INFINITY, "gguf:q4_k"),
            ),
            row(
                "weights: minus infinity, quantized",
                1,
                &["block.weight", "-inf at row 2"],
                matrix(f32::NEG_INFINITY, "gguf:q6_k"),
            ),
            row("weights: NaN, copied", 0, &["warning", "block.weight", "NaN"], matrix(f32::NAN, "safetensors")),
            row(
                "weights: infinity, copied",
                0,
                &["warning", "block.weight", "infinite"],
                matrix(f32::INFINITY, "gguf:f32"),
            ),
            row("weights: too large for f16", 1, &["block.weight", "f16", "row 2, column 17"], matrix(1e6, "gguf:f16")),
            row("weights: NaN in a model", 1, &["token_embd.weight", "row 3, column 5"], move |lab| {
                let dir = lab.model("tiny-llama");
                poke(&dir.join("model.safetensors"), embed, 3 * 256 + 5, &0x7fc0u16.to_le_bytes());
                "convert tiny-llama --to gguf:q4_k_m --threads 1".into()
            }),
            row("weights: bf16 too large for f16", 1, &["token_embd.weight", "row 3, column 5", "f16"], move |lab| {
                let dir = lab.model("tiny-llama");
                poke(&dir.join("model.safetensors"), embed, 3 * 256 + 5, &0x7e00u16.to_le_bytes());
                "convert tiny-llama --to gguf:f16 --threads 1".into()
            }),
        ],
    );
}

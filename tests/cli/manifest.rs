//! Manifests beside outputs, `verify`, `--reuse`, `jobs rerun`.

use crate::lab::{Lab, hash};
use remold::testing::engine::{EventBody, Hash128};
use serde_json::Value;
use std::fs;
use std::path::Path;

fn manifest(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))).unwrap()
}

/// Changes a byte of a file.
fn flip(path: &Path, at: u64) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at as usize] ^= 1;
    fs::write(path, bytes).unwrap();
}

/// Changes the last value of the last tensor of a model by one unit of its last place.
fn train(lab: &Lab, model: &str) {
    let weights = lab.path(model).join("model.safetensors");
    let bytes = fs::metadata(&weights).unwrap().len();
    flip(&weights, bytes - 2);
}

#[test]
fn every_kind_of_output_has_a_manifest_that_covers_every_byte() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    for (args, output, name) in [
        ("--to gguf:q4_k_m -o out/x.gguf", "out/x.gguf", "out/x.gguf.remold.json"),
        ("--to safetensors:f16 -o out/hf", "out/hf", "out/hf.remold.json"),
        ("--to pytorch -o out/x.pt", "out/x.pt", "out/x.pt.remold.json"),
        (
            "--to gguf:q8_0 --split-max-tensors 8 --modelfile -o split/x.gguf",
            "split/x-00002-of-00005.gguf",
            "split/x-00001-of-00005.gguf.remold.json",
        ),
    ] {
        lab.run(&format!("convert tiny-llama {args}")).expect(0);
        for named in [output, name] {
            let ran = lab.run(&format!("verify {named}")).expect(0);
            assert!(ran.out.contains("all bytes match the manifest"), "{args}: {}", ran.out);
        }
        let written = manifest(&lab.path(name));
        let home = if lab.path(output).is_dir() { lab.path(output) } else { lab.path(output).parent().unwrap().into() };
        let files = written["files"].as_array().unwrap();
        assert_eq!(written["output"]["tensors"], written["tensors"].as_array().unwrap().len(), "{args}");
        for file in files {
            let path = home.join(file["name"].as_str().unwrap());
            let bytes = fs::read(&path).unwrap();
            assert_eq!(file["crc32"], format!("{:08x}", crc32fast::hash(&bytes)), "{args}: {file}");
            // A changed byte anywhere is found: at both ends, and at some places in between.
            let places = [0, bytes.len() / 7, bytes.len() / 3, bytes.len() / 2, bytes.len() - 1];
            for at in places {
                flip(&path, at as u64);
                let ran = lab.run(&format!("verify {output} --json")).expect(3);
                let verdict: Value = serde_json::from_str(&ran.out).unwrap();
                assert_eq!(
                    (&verdict["verdict"], &verdict["count"]),
                    (&"differs".into(), &1.into()),
                    "{args} {at}: {ran:?}"
                );
                assert_eq!(
                    Path::new(verdict["differences"][0]["file"].as_str().unwrap()),
                    path.strip_prefix(lab.dir()).unwrap()
                );
                flip(&path, at as u64);
            }
        }
        lab.run(&format!("verify {output}")).expect(0);
    }
}

#[test]
fn what_differs_is_named() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    lab.run("convert tiny-llama --to gguf:q8_0 -o x.gguf").expect(0);
    let tensor = manifest(&lab.path("x.gguf.remold.json"))["tensors"][3].clone();
    let (name, offset) = (tensor["name"].as_str().unwrap(), tensor["offset"].as_u64().unwrap());
    flip(&lab.path("x.gguf"), offset + 5);
    let ran = lab.run("verify x.gguf").expect(3);
    assert!(ran.out.contains(&format!("at byte {offset}: {name}: the bytes of the tensor differ")), "{}", ran.out);
    flip(&lab.path("x.gguf"), offset + 5);
    flip(&lab.path("x.gguf"), 40);
    assert!(lab.run("verify x.gguf").expect(3).out.contains("the bytes of the header differ"));
    let bytes = fs::read(lab.path("x.gguf")).unwrap();
    lab.write("x.gguf", &bytes[..bytes.len() - 1]);
    assert!(lab.run("verify x.gguf").expect(3).out.contains(&format!("instead of {}", bytes.len())));
    fs::remove_file(lab.path("x.gguf")).unwrap();
    assert!(lab.run("verify x.gguf.remold.json").expect(3).out.contains("the file is missing"));
    // Without a manifest nothing is claimed.
    let ran = lab.run("verify tiny-llama").expect(3);
    assert!(ran.out.contains("its structure is valid") && ran.err.contains("no manifest was found"), "{ran:?}");
    lab.run("verify nothing").expect(2);
}

#[test]
fn a_manifest_says_what_the_output_was_made_from() {
    let lab = Lab::new();
    let model = lab.model("tiny-llama");
    lab.run("convert tiny-llama --to gguf:q4_k_m --context-length 64 -o x.gguf --threads 3").expect(0);
    lab.run("convert tiny-llama --to gguf:f16 --to safetensors -o both/ --threads 1").expect(0);
    let x = manifest(&lab.path("x.gguf.remold.json"));
    let text = fs::read_to_string(lab.path("x.gguf.remold.json")).unwrap();
    assert!(text.starts_with("{\n\"remold_manifest\": 1,\n"), "{text:.60}");
    assert!(
        x["command"]
            .as_str()
            .unwrap()
            .ends_with("remold convert tiny-llama --to gguf:q4_k_m --context-length 64 -o x.gguf --threads 3")
    );
    assert!(x["recipe"].as_str().unwrap().contains("context_length = 64"), "{}", x["recipe"]);
    let files = x["source"]["files"].as_array().unwrap();
    let of = |name: &str| files.iter().find(|f| f["path"].as_str().unwrap().ends_with(name)).unwrap();
    assert_eq!(of("config.json")["sha256"], hash(&model.join("config.json")));
    let weights = of("model.safetensors");
    assert!(weights["sha256"].is_null() && weights["header_sha256"].is_string(), "{weights}");
    // The hash of a source tensor: that of its bytes in the file, whatever it becomes.
    let bytes = fs::read(model.join("model.safetensors")).unwrap();
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header: Value = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
    let place = |i: usize| header["model.norm.weight"]["data_offsets"][i].as_u64().unwrap() as usize + 8 + length;
    let expected = Hash128::of(&bytes[place(0)..place(1)]).hex();
    let hash_in = |m: &Value, name: &str| {
        let tensor = m["tensors"].as_array().unwrap().iter().find(|t| t["name"] == name).cloned();
        tensor.unwrap_or_else(|| panic!("no {name}"))["source_xxh3"].clone()
    };
    let safetensors = manifest(&lab.path("both/tiny-llama-safetensors.remold.json"));
    let f16 = manifest(&lab.path("both/tiny-llama-F16.gguf.remold.json"));
    assert_eq!(hash_in(&x, "output_norm.weight"), expected);
    assert_eq!(hash_in(&safetensors, "model.norm.weight"), expected);
    // The two files list their tensors in different orders.
    let hashes = |m: &Value| -> Vec<(String, String)> {
        let text = |v: &Value| v.as_str().unwrap().to_owned();
        let mut all: Vec<_> =
            m["tensors"].as_array().unwrap().iter().map(|t| (text(&t["name"]), text(&t["source_xxh3"]))).collect();
        all.sort();
        all
    };
    assert_eq!(hashes(&x), hashes(&f16), "neither threads nor types matter");
}

#[test]
fn a_manifest_goes_with_its_output_and_replaces_nothing_else() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    lab.write("x.gguf.remold.json", "{\"mine\": true}");
    let ran = lab.run("convert tiny-llama --to gguf:q8_0 -o x.gguf").expect(2);
    assert!(ran.err.contains("x.gguf.remold.json") && !lab.path("x.gguf").exists(), "{}", ran.err);
    lab.run("convert tiny-llama --to gguf:q8_0 -o x.gguf --no-manifest").expect(0);
    assert_eq!(fs::read_to_string(lab.path("x.gguf.remold.json")).unwrap(), "{\"mine\": true}");
    fs::remove_file(lab.path("x.gguf.remold.json")).unwrap();
    lab.run("convert tiny-llama --to gguf:q8_0 -o x.gguf --force").expect(0);
    let first = manifest(&lab.path("x.gguf.remold.json"));
    lab.run("convert tiny-llama --to gguf:f16 -o x.gguf --force").expect(0);
    let second = manifest(&lab.path("x.gguf.remold.json"));
    assert_ne!(first["job"], second["job"]);
    lab.run("verify x.gguf").expect(0);
    // One that says nothing true any more is removed.
    lab.run("convert tiny-llama --to gguf:q8_0 -o x.gguf --force --set manifest=false").expect(0);
    assert!(!lab.path("x.gguf.remold.json").exists());
}

#[test]
fn unchanged_tensors_are_copied_from_an_earlier_output() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    for (to, out) in [("gguf:q4_k_m", "x.gguf"), ("safetensors:f16", "hf")] {
        let (before, full, reused) = (format!("before-{out}"), format!("full-{out}"), format!("reused-{out}"));
        lab.run(&format!("convert tiny-llama --to {to} -o {before}")).expect(0);
        train(&lab, "tiny-llama");
        lab.run(&format!("convert tiny-llama --to {to} -o {full}")).expect(0);
        let dry = lab.run(&format!("convert tiny-llama --to {to} -o {reused} --reuse {before} --dry-run")).expect(0);
        assert!(dry.out.contains("reuses up to"), "{}", dry.out);
        let ran = lab.run(&format!("convert tiny-llama --to {to} -o {reused} --reuse {before} --json")).expect(0);
        let copied = ran.events().into_iter().find_map(|e| match e.body {
            EventBody::OutputReused { copied, .. } => Some(copied),
            _ => None,
        });
        let copied = copied.unwrap();
        // One tensor of the source changed.
        assert_eq!(copied.tensors + 1, copied.of, "{to}: {copied:?}");
        let tree = |name: &str| match lab.path(name).is_dir() {
            true => crate::lab::tree(&lab.path(name)),
            false => [(String::new(), hash(&lab.path(name)))].into(),
        };
        assert_eq!(tree(&full), tree(&reused), "{to}");
        assert_ne!(tree(&full), tree(&before), "{to}");
        lab.run(&format!("verify {reused}")).expect(0);
        // The errors are those of a full conversion.
        let tensors = |name: &str| {
            let mut m = manifest(&lab.path(&format!("{name}.remold.json")));
            let list = m["tensors"].as_array_mut().unwrap();
            list.iter_mut().for_each(|t| drop(t.as_object_mut().unwrap().remove("reused")));
            (m["tensors"].clone(), m["output"]["sqnr_db"].clone())
        };
        assert_eq!(tensors(&full), tensors(&reused), "{to}");
    }
}

#[test]
fn only_what_is_the_same_to_the_byte_is_copied() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    lab.run("convert tiny-llama --to gguf:q4_k_m -o before.gguf").expect(0);
    lab.run("convert tiny-llama --to gguf:q4_k_m -o full.gguf").expect(0);
    // A damaged earlier output: the tensor is encoded, and it is said.
    let tensor = manifest(&lab.path("before.gguf.remold.json"))["tensors"][4].clone();
    flip(&lab.path("before.gguf"), tensor["offset"].as_u64().unwrap() + 1);
    let ran = lab.run("convert tiny-llama --to gguf:q4_k_m -o a.gguf --reuse before.gguf").expect(0);
    assert!(ran.err.contains(tensor["name"].as_str().unwrap()) && ran.err.contains("is encoded again"), "{}", ran.err);
    assert_eq!(hash(&lab.path("a.gguf")), hash(&lab.path("full.gguf")));
    // Another type, another effort: nothing of these tensors is copied, and the bytes are right.
    for (args, name) in [("--to gguf:q5_k_m", "b"), ("--to gguf:q4_k_m --effort max", "c")] {
        lab.run(&format!("convert tiny-llama {args} -o {name}.gguf --reuse full.gguf")).expect(0);
        lab.run(&format!("convert tiny-llama {args} -o {name}-full.gguf")).expect(0);
        assert_eq!(hash(&lab.path(&format!("{name}.gguf"))), hash(&lab.path(&format!("{name}-full.gguf"))), "{args}");
    }
    let ran = lab.run("convert tiny-llama --to gguf:q4_k_m -o d.gguf --reuse tiny-llama").expect(2);
    assert!(ran.err.contains("has no manifest"), "{}", ran.err);
    // An output may be replaced by one that reuses it; a detached job does the same.
    lab.run("convert tiny-llama --to gguf:q4_k_m -o full.gguf --reuse full.gguf --force").expect(0);
    assert_eq!(hash(&lab.path("full.gguf")), hash(&lab.path("a.gguf")));
    let written = manifest(&lab.path("full.gguf.remold.json"));
    assert_eq!(written["output"]["reused"]["tensors"], written["output"]["tensors"]);
}

#[test]
fn an_output_is_rebuilt_from_its_source_and_compared() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    lab.run("convert tiny-llama --to gguf:q4_k_m --context-length 64 -o x.gguf").expect(0);
    lab.run("convert tiny-llama --to safetensors:f16 -o hf").expect(0);
    let before = lab.tree();
    for output in ["x.gguf", "hf", "x.gguf.remold.json"] {
        let ran = lab.run(&format!("verify {output} --source tiny-llama")).expect(0);
        assert!(ran.out.contains("everything else matches too"), "{output}: {}", ran.out);
    }
    assert_eq!(lab.tree(), before, "nothing is written");
    // A value of the output, a value of the source, metadata.
    let tensors = manifest(&lab.path("x.gguf.remold.json"))["tensors"].as_array().unwrap().clone();
    let tensor = tensors.iter().find(|t| t["to"] == "Q4_K").unwrap();
    let name = tensor["name"].as_str().unwrap();
    let at = tensor["offset"].as_u64().unwrap() + tensor["bytes"].as_u64().unwrap() / 2;
    flip(&lab.path("x.gguf"), at);
    let ran = lab.run("verify x.gguf --source tiny-llama --json").expect(3);
    let found: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(
        (&found["count"], &found["differences"][0]["name"], &found["other_count"]),
        (&1.into(), &name.into(), &0.into())
    );
    let (rows, cols) = (tensor["shape"][0].as_u64().unwrap(), tensor["shape"][1].as_u64().unwrap());
    let place = |key: &str| found["differences"][0][key].as_u64().unwrap();
    assert!(place("row") == rows / 2 && place("column") < cols, "{found}");
    flip(&lab.path("x.gguf"), at);
    train(&lab, "tiny-llama");
    let ran = lab.run("verify hf --source tiny-llama").expect(3);
    assert!(ran.out.contains("1 of 39 tensors does not match a rebuild from tiny-llama"), "{}", ran.out);
    train(&lab, "tiny-llama");
    let ran = lab.run("verify x.gguf --source tiny-llama --set target.context_length=32").expect(3);
    assert!(
        ran.out.contains("all 39 tensors") && ran.out.contains("the metadata key `llama.context_length` differs"),
        "{}",
        ran.out
    );
    // A file that has no manifest, as one of another program.
    fs::rename(lab.path("x.gguf"), lab.path("foreign.gguf")).unwrap();
    let ran = lab.run("verify foreign.gguf --source tiny-llama").expect(2);
    assert!(ran.err.contains("no manifest") && ran.err.contains("--to"), "{}", ran.err);
    lab.run("verify foreign.gguf --source tiny-llama --to gguf:q4_k_m --context-length 64").expect(0);
    let ran = lab.run("verify foreign.gguf --source tiny-llama --to gguf:q5_k_m --context-length 64").expect(3);
    assert!(ran.out.contains("it is Q4_K in the output but would be Q5_K"), "{}", ran.out);
}

#[test]
fn a_job_is_run_again() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    lab.run("convert tiny-llama --to gguf:q4_k_m --context-length 64 -o x.gguf").expect(0);
    let (first, id) = (hash(&lab.path("x.gguf")), lab.job().file_name().unwrap().to_string_lossy().into_owned());
    assert!(lab.run(&format!("jobs rerun {id}")).expect(2).err.contains("exists already"));
    fs::rename(lab.path("x.gguf"), lab.path("before.gguf")).unwrap();
    lab.run(&format!("jobs rerun {id}")).expect(0);
    assert_eq!(hash(&lab.path("x.gguf")), first);
    let again = lab.job();
    assert!(!again.ends_with(&id));
    let ran = lab.run(&format!("jobs rerun {id} --force --json")).expect(0);
    assert!(!ran.events().is_empty() && lab.job() != again);
    lab.run("jobs rerun 999").expect(2);
}

#[test]
fn a_rebuild_compares_padding_and_takes_no_option_it_would_ignore() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    lab.run("convert tiny-llama --to gguf:q8_0 -o a.gguf").expect(0);
    lab.run("verify a.gguf --source tiny-llama").expect(0);
    for option in ["--pure", "--output-type f16", "--imatrix none.gguf", "--max-shard-size 1MB"] {
        let ran = lab.run(&format!("verify a.gguf --source tiny-llama {option}")).expect(2);
        assert!(ran.err.contains("need --to or --recipe"), "{option}: {}", ran.err);
    }
    // The padding before the tensors: the last bytes before the first offset that is a multiple of the alignment.
    let manifest: serde_json::Value =
        serde_json::from_slice(&fs::read(lab.path("a.gguf.remold.json")).unwrap()).unwrap();
    let rest = &manifest["files"][0]["rest"][0];
    let end = (rest["offset"].as_u64().unwrap() + rest["bytes"].as_u64().unwrap()) as usize;
    let first = manifest["tensors"].as_array().unwrap().iter().map(|t| t["offset"].as_u64().unwrap()).min().unwrap();
    assert!((end as u64) < first, "there is padding");
    let mut bytes = fs::read(lab.path("a.gguf")).unwrap();
    bytes[end] = 1;
    lab.write("a.gguf", bytes);
    let ran = lab.run("verify a.gguf --source tiny-llama --to gguf:q8_0").expect(3);
    assert!(ran.out.contains("in padding"), "{}", ran.out);
}

#[test]
fn a_pytorch_file_and_the_files_beside_it_are_compared_with_the_source() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    lab.run("convert tiny-llama --to pytorch:f16 -o p").expect(0);
    let ran = lab.run("verify p --source tiny-llama").expect(0);
    assert!(ran.out.contains("the records of the archive are not compared"), "{}", ran.out);
    lab.write("p/tokenizer.json", "{}");
    let ran = lab.run("verify p --source tiny-llama").expect(3);
    assert!(ran.out.contains("tokenizer.json"), "{}", ran.out);
}

#[test]
fn keys_that_a_manifest_need_not_have_are_not_kept() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    lab.run("convert tiny-llama --to gguf:q8_0 -o a.gguf").expect(0);
    let text = fs::read_to_string(lab.path("a.gguf.remold.json")).unwrap();
    let many = format!("\n\"x\":[{}[]],\n\"files\"", "[],".repeat(3_000_000));
    assert!(text.contains("\n\"files\""), "{text}");
    // Without its own checksum, as an earlier version would have written it.
    let unsealed = format!("{}\n}}\n", &text[..text.rfind(",\n\"xxh3\"").unwrap()]);
    lab.write("a.gguf.remold.json", unsealed.replacen("\n\"files\"", &many, 1));
    // Kept, they would take 200 MB.
    let limit = "ulimit -v 400000; exec \"$0\" verify --threads 1 a.gguf";
    let mut shell = std::process::Command::new("sh");
    let inner = lab.command();
    shell.args(["-c", limit]).arg(inner.get_program()).current_dir(lab.dir());
    shell.envs(inner.get_envs().filter_map(|(k, v)| Some((k, v?))));
    let ran = shell.output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
}

#[test]
fn an_edited_manifest_is_reported_and_nothing_is_reused_with_it() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    lab.run("convert tiny-llama --to gguf:q8_0 -o a.gguf").expect(0);
    let text = fs::read_to_string(lab.path("a.gguf.remold.json")).unwrap();
    // Two matrices of one shape with each other's places: every checksum of a tensor fits.
    let line = |name: &str| text.lines().find(|l| l.contains(&format!("\"name\":\"{name}\""))).unwrap().to_owned();
    let (one, other) = (line("blk.0.attn_q.weight"), line("blk.1.attn_q.weight"));
    let (to_other, to_one) = (one.replace("blk.0", "blk.9"), other.replace("blk.1", "blk.0"));
    let swapped = text.replace(&one, &to_other).replace(&other, &to_one).replace("blk.9", "blk.1");
    assert_ne!(swapped, text);
    lab.write("a.gguf.remold.json", swapped);
    let ran = lab.run("verify a.gguf").expect(3);
    assert!(ran.out.contains("the manifest was changed after it was written"), "{}", ran.out);
    let ran = lab.run("convert tiny-llama --to gguf:q8_0 -o b.gguf --reuse a.gguf").expect(0);
    assert!(ran.err.contains("no tensors are reused") && ran.err.contains("was changed"), "{}", ran.err);
    assert_eq!(fs::read(lab.path("a.gguf")).unwrap(), fs::read(lab.path("b.gguf")).unwrap());
}

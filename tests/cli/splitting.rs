//! `split`, `merge` and the options that split while converting.

use crate::lab::{Lab, hash};
use crate::made::{floats, noise};
use crate::table::{check, row};
use remold::testing::engine::EventBody;
use remold::testing::formats::{self, FoundKind};

/// The files of a set in order, each by the beginning of its hash.
fn set(lab: &Lab, prefix: &str) -> Vec<String> {
    let tree = lab.tree();
    let files = tree.iter().filter(|(name, _)| name.starts_with(&format!("{prefix}-0")) && name.ends_with(".gguf"));
    files.map(|(_, hash)| hash[..16].to_owned()).collect()
}

/// A GGUF of tiny-llama.
fn model(lab: &Lab, quantization: &str, name: &str) {
    lab.model("tiny-llama");
    lab.run(&format!("convert tiny-llama --to gguf:{quantization} -o {name}")).expect(0);
    std::fs::remove_dir_all(lab.jobs()).unwrap();
}

/// What `llama-gguf-split` and `llama-quantize --keep-split` (llama-cpp-python 0.3.36) made of the same files.
#[test]
fn the_files_are_those_of_llama_cpp() {
    let lab = Lab::new();
    model(&lab, "f16", "m.gguf");
    lab.run("split m.gguf --max-tensors 16 -o t").expect(0);
    assert_eq!(set(&lab, "t"), ["c080080d0bcfb4ac", "ed17801e8908a68d", "afe9c18194bbb4d4"]);
    lab.run("split m.gguf --max-size 3M --no-tensor-first-split -o s.gguf").expect(0);
    assert_eq!(set(&lab, "s"), ["82729c6813151a2a", "717743aa35359429", "b9a961f0a47e26d6", "70505c19da25fa84"]);
    lab.run("convert tiny-llama --to gguf:f32 --split-max-tensors 16 -o f.gguf").expect(0);
    lab.run("convert f-00003-of-00003.gguf --to gguf:q4_k_m --keep-split -o k.gguf").expect(0);
    assert_eq!(set(&lab, "k"), ["1cd94a55a527a239", "e2f2de2be0768dcf", "e7d700619c304f2d"]);
}

#[test]
fn what_was_split_merges_to_the_same_bytes() {
    let lab = Lab::new();
    model(&lab, "q4_k_m", "m.gguf");
    let whole = hash(&lab.path("m.gguf"));
    for (args, files) in [
        ("--max-size 500k", 6),
        ("--max-size 1", 39),
        ("--max-tensors 10", 4),
        ("--max-layers 1", 4),
        ("--max-layers 3 --no-tensor-first-split", 3),
        ("--no-tensor-first-split", 2),
        ("--split-max-size 1M", 3),
    ] {
        lab.run(&format!("split m.gguf {args} -o parts/")).expect(0);
        assert_eq!(set(&lab, "parts/m").len(), files, "{args}");
        lab.run(&format!("merge parts/m-{files:05}-of-{files:05}.gguf")).expect(0);
        assert_eq!(hash(&lab.path("parts/m.gguf")), whole, "{args}");
        // The scan shows a set as one model.
        let found = formats::scan(&lab.path("parts"), 0);
        let one: Vec<_> = found.iter().filter(|f| f.files == files).collect();
        assert!(
            found.len() == 2 && one.len() == 1 && one[0].tensors == 39 && one[0].kind == FoundKind::File,
            "{found:?}"
        );
        std::fs::remove_dir_all(lab.path("parts")).unwrap();
    }
    // A set is split again without being merged first, and all its files may be named.
    lab.run("split m.gguf --max-tensors 10").expect(0);
    lab.run("split m-00003-of-00004.gguf --max-tensors 16 -o again").expect(0);
    let all: String = (1..=3).map(|i| format!(" again-{i:05}-of-00003.gguf")).collect();
    lab.run(&format!("merge{all} -o one.gguf")).expect(0);
    assert_eq!(hash(&lab.path("one.gguf")), whole);
}

#[test]
fn splitting_while_quantizing_is_quantizing_and_then_splitting() {
    let lab = Lab::new();
    model(&lab, "q4_k_m", "m.gguf");
    lab.run("split m.gguf --max-size 1M -o after/").expect(0);
    let ran = lab.run("convert tiny-llama --to gguf:q4_k_m --split-max-size 1M -o at-once/m.gguf --json").expect(0);
    assert_eq!(set(&lab, "after/m"), set(&lab, "at-once/m"));
    let published: Vec<String> = ran
        .events()
        .into_iter()
        .filter_map(|e| if let EventBody::OutputPublished { path, .. } = e.body { Some(path) } else { None })
        .collect();
    assert_eq!(published, ["at-once/m-00001-of-00003.gguf"], "the path is one that opens");
    // By recipe, and the Modelfile that Ollama will not take.
    lab.write("r.toml", "[[target]]\nformat = \"gguf\"\nquantization = \"q4_k_m\"\nsplit_max_size = \"1MB\"\nmodelfile = true\noutput = \"by-recipe/m\"\n");
    let ran = lab.run("run r.toml --source tiny-llama").expect(0);
    assert_eq!(set(&lab, "after/m"), set(&lab, "by-recipe/m"));
    assert!(ran.err.contains("warning: Ollama does not load a split GGUF"), "{}", ran.err);
    let text = std::fs::read_to_string(lab.path("by-recipe/m.Modelfile")).unwrap();
    assert!(text.contains("FROM ./m-00001-of-00003.gguf\n"), "{text}");
    // What fits into one file is not a set.
    lab.run("convert tiny-llama --to gguf:q4_k_m --split-max-size 1G -o whole.gguf").expect(0);
    assert_eq!(hash(&lab.path("whole.gguf")), hash(&lab.path("m.gguf")));
}

#[test]
fn a_tensor_above_the_limit_gets_its_own_file_and_a_warning() {
    let lab = Lab::new();
    lab.write("w.safetensors", floats(&[("big", &[64, 32], noise(2048, 1)), ("small", &[32], noise(32, 2))]));
    lab.run("convert w.safetensors --to gguf -o w.gguf").expect(0);
    let ran = lab.run("split w.gguf --max-size 4k").expect(0);
    let warning = "warning: big has 8.19 kB, more than the 4.00 kB of a file; it has a file of its own";
    assert!(ran.err.contains(warning) && !ran.err.contains("small has"), "{}", ran.err);
    assert_eq!(set(&lab, "w").len(), 2);
}

#[test]
fn a_dry_run_names_every_file_and_force_replaces_them() {
    let lab = Lab::new();
    model(&lab, "q8_0", "m.gguf");
    let before = lab.tree();
    let ran = lab.run("split m.gguf --max-tensors 20 --dry-run").expect(0);
    assert!(ran.out.contains("m-00001-of-00002.gguf") && ran.out.contains("m-00002-of-00002.gguf"), "{}", ran.out);
    let ran = lab.run("split m.gguf --max-tensors 20 --dry-run --json").expect(0);
    let plan: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(plan["outputs"][0]["files"].as_array().unwrap().len(), 2, "{plan}");
    assert_eq!(lab.tree(), before);
    lab.write("m-00002-of-00002.gguf", "precious");
    let ran = lab.run("split m.gguf --max-tensors 20").expect(2);
    assert!(ran.err.contains("m-00002-of-00002.gguf: the output exists already"), "{}", ran.err);
    lab.run("split m.gguf --max-tensors 20 --force").expect(0);
    let ran = lab.run("merge m-00001-of-00002.gguf").expect(2);
    assert!(ran.err.contains("m.gguf: the output exists already") && ran.err.contains("--force"), "{}", ran.err);
    lab.run("merge m-00001-of-00002.gguf --force").expect(0);
    assert_eq!(hash(&lab.path("m.gguf")), before["m.gguf"]);
}

#[test]
fn requests_that_are_wrong() {
    /// A file, and the set `m` of two of it.
    fn two(lab: &Lab) {
        model(lab, "q8_0", "w.gguf");
        lab.run("split w.gguf --max-tensors 20 -o m").expect(0);
        std::fs::remove_dir_all(lab.jobs()).unwrap();
    }
    let on = |args: &'static str| {
        move |lab: &Lab| {
            two(lab);
            args.to_owned()
        }
    };
    check(
        "split.txt",
        vec![
            row("split: no limit", 2, &["--max-size"], on("split w.gguf")),
            row(
                "split: two limits",
                2,
                &["--max-size", "--max-layers"],
                on("split w.gguf --max-size 1M --max-layers 2"),
            ),
            row("split: a size of 0", 2, &["--max-size", "4G"], on("split w.gguf --max-size 0M")),
            row("split: 0 tensors", 2, &["--max-tensors"], on("split w.gguf --max-tensors 0")),
            row("split: all fits into one file", 2, &["w.gguf", "fit in one file"], on("split w.gguf --max-size 1G")),
            row("split: nothing before .gguf", 2, &["name"], on("split w.gguf --max-tensors 20 -o d/.gguf")),
            row(
                "split: over its own files",
                2,
                &["the output is the input"],
                on("split m-00001-of-00002.gguf --max-tensors 21 --force"),
            ),
            row(
                "split: safetensors",
                2,
                &["safetensors", "--max-shard-size"],
                on("split tiny-llama/model.safetensors --max-size 1M"),
            ),
            row("split: a lone file without layers", 2, &["layer"], |lab| {
                lab.write("n.safetensors", floats(&[("w", &[4, 32], noise(128, 1))]));
                lab.run("convert n.safetensors --to gguf").expect(0);
                std::fs::remove_dir_all(lab.jobs()).unwrap();
                "split n.gguf --max-layers 1".into()
            }),
            row("merge: a lone file", 2, &["w.gguf", "nothing to merge", "NAME-00001"], on("merge w.gguf")),
            row("merge: a file of the set is missing", 2, &["m-00002-of-00002.gguf"], |lab| {
                two(lab);
                std::fs::remove_file(lab.path("m-00002-of-00002.gguf")).unwrap();
                "merge m-00001-of-00002.gguf".into()
            }),
            row("merge: the set of another model", 2, &["other-00001-of-00003.gguf"], |lab| {
                two(lab);
                lab.run("split w.gguf --max-tensors 16 -o other").expect(0);
                std::fs::remove_dir_all(lab.jobs()).unwrap();
                "merge m-00001-of-00002.gguf m-00002-of-00002.gguf other-00001-of-00003.gguf".into()
            }),
            row("merge: shards of two models under one name", 2, &["39", "same model"], |lab| {
                two(lab);
                lab.run("split w.gguf --max-tensors 30 -o x").expect(0);
                std::fs::rename(lab.path("x-00002-of-00002.gguf"), lab.path("m-00002-of-00002.gguf")).unwrap();
                std::fs::remove_dir_all(lab.jobs()).unwrap();
                "merge m-00001-of-00002.gguf".into()
            }),
            row(
                "merge: the output given as llama-gguf-split takes it",
                2,
                &["-o"],
                on("merge m-00001-of-00002.gguf w.gguf"),
            ),
            row(
                "merge: into a file of the set",
                2,
                &["the output is the input"],
                on("merge m-00001-of-00002.gguf -o m-00002-of-00002.gguf --force"),
            ),
            row(
                "keep_split: a folder of safetensors",
                2,
                &["--keep-split", "safetensors"],
                on("convert tiny-llama --to gguf:q8_0 --keep-split"),
            ),
            row(
                "keep_split and a limit",
                2,
                &["cannot be given together"],
                on("convert m-00001-of-00002.gguf --to gguf --keep-split --set target.split_max_tensors=3"),
            ),
        ],
    );
}

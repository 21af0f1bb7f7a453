//! Scans of folders.

use crate::support::material;
use remold::testing::formats::{FoundKind, scan};
use remold::testing::model::FormatId;
use std::fs;
use std::os::unix::fs::symlink;

#[test]
fn a_folder_of_everything_gives_one_entry_a_model() {
    let Some(hf) = material("hf/tiny-llama") else { return };
    let models = hf.parent().unwrap();
    let found = scan(models, 3);
    let find = |end: &str| found.iter().find(|f| f.path.ends_with(end));

    let llama = find("tiny-llama").unwrap();
    assert_eq!((llama.kind, llama.format), (FoundKind::Folder, Some(FormatId::Safetensors)));
    assert_eq!((llama.title.as_str(), llama.architecture.as_deref()), ("tiny-llama", Some("llama")));
    assert_eq!(llama.encoding.unwrap().name(), "bf16");
    assert!(llama.error.is_none() && llama.parameters > 4_000_000 && llama.bytes > 8_000_000);
    if let Some(sharded) = find("tiny-mistral-sharded") {
        assert_eq!(sharded.files, 5, "{sharded:?}");
    }
    for checkpoint in ["training-run/checkpoint-100", "training-run/checkpoint-400"] {
        let kind = find(checkpoint).map(|f| f.kind);
        assert!(kind == Some(FoundKind::Folder) || !models.join(checkpoint).exists(), "{checkpoint}");
    }
    assert!(!found.iter().any(|f| f.path.ends_with("rng_state.pth")), "training state is no model");
    // A folder of its own: there may be other files next to the models of the repository.
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("one")).unwrap();
    for file in ["config.json", "model.safetensors"] {
        fs::copy(hf.join(file), dir.path().join("one").join(file)).unwrap();
    }
    assert!(scan(dir.path(), 0).is_empty(), "depth 0 looks at the folder only");
    assert_eq!(scan(dir.path(), 1).len(), 1);

    let Some(gguf) = material("gguf/synthetic") else { return };
    let found = scan(&gguf, 3);
    let split: Vec<_> = found.iter().filter(|f| f.path.to_string_lossy().contains("split-")).collect();
    assert_eq!(split.len(), 1, "a split set is one entry");
    assert_eq!((split[0].files, split[0].tensors), (2, 2));
    assert_eq!(found.len(), 4);
    assert!(found.iter().all(|f| f.error.is_none()), "{found:#?}");
    assert!(found.is_sorted_by_key(|f| &f.path));
}

#[test]
fn a_checkpoint_of_ranks_is_one_entry() {
    let ranks = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/ranks");
    let dir = tempfile::tempdir().unwrap();
    for (name, from, inner) in [
        ("fsdp", "dcp", "pytorch_model_fsdp_0"),
        ("step-1", "dcp", ""),
        ("zero", "deepspeed/global_step5", "global_step5"),
    ] {
        let to = dir.path().join(name).join(inner);
        fs::create_dir_all(&to).unwrap();
        for file in fs::read_dir(ranks.join(from)).unwrap().flatten() {
            fs::copy(file.path(), to.join(file.file_name())).unwrap();
        }
        fs::copy(ranks.join("hf/config.json"), dir.path().join(name).join("config.json")).unwrap();
    }
    let found = scan(dir.path(), 3);
    let of = |f: &remold::testing::formats::Found| (f.title.clone(), f.tensors, f.bytes > 30_000, f.error.clone());
    let all: Vec<_> = found.iter().map(of).collect();
    let entry = |name: &str, tensors| (name.to_owned(), tensors, true, None);
    assert_eq!(all, [entry("fsdp", 11), entry("step-1", 11), entry("zero", 12)]);
    assert!(found.iter().all(|f| f.kind == FoundKind::Folder && f.architecture.as_deref() == Some("llama")));
}

#[test]
fn broken_models_appear_with_their_error() {
    let Some(from) = material("hf/tiny-mistral-sharded") else { return };
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    let folder = d.join("half");
    fs::create_dir(&folder).unwrap();
    for name in ["config.json", "model.safetensors.index.json", "model-00001-of-00005.safetensors"] {
        fs::copy(from.join(name), folder.join(name)).unwrap();
    }
    fs::write(d.join("cut.gguf"), b"GGUF\x03\0\0\0").unwrap();
    fs::write(d.join("empty.safetensors"), b"").unwrap();
    fs::write(d.join("set-00002-of-00003.gguf"), b"GGUF").unwrap();
    fs::write(d.join("notes.bin"), b"not a model at all").unwrap();
    fs::write(d.join("training_args.bin"), b"x").unwrap();
    fs::write(d.join("readme.txt"), b"x").unwrap();
    let found = scan(d, 2);
    let shown: Vec<String> = found
        .iter()
        .map(|f| format!("{} {}", f.path.file_name().unwrap().display(), f.error.as_deref().unwrap_or("fine")))
        .collect();
    let expect = [
        ("cut.gguf ", "it needs 8 bytes but the file has 0 left"),
        ("empty.safetensors ", "the file is empty"),
        ("half ", "4 of 5 files are missing: model-00002-of-00005"),
        ("set-00002-of-00003.gguf ", "2 of 3 files are missing: set-00001-of-00003.gguf, set-00003"),
    ];
    assert_eq!(shown.len(), expect.len(), "{shown:#?}");
    for (line, (start, part)) in shown.iter().zip(expect) {
        assert!(line.starts_with(start) && line.contains(part), "{line}");
    }
}

#[test]
fn links_that_go_in_circles_end() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    fs::create_dir_all(d.join("a/b")).unwrap();
    symlink(d, d.join("a/b/up")).unwrap();
    symlink(d.join("a"), d.join("a/self")).unwrap();
    symlink(d.join("nowhere"), d.join("dangling.gguf")).unwrap();
    fs::write(d.join("a/b/x.gguf"), b"GGUF\x01\0\0\0").unwrap();
    let found = scan(d, 50);
    let broken: Vec<_> = found.iter().filter(|f| f.path.ends_with("x.gguf")).collect();
    assert_eq!(broken.len(), 1, "{found:#?}");
    assert!(broken[0].error.as_deref().unwrap().contains("GGUF version 1"), "{found:#?}");
    assert!(scan(&d.join("absent"), 3).is_empty());
}

//! Single files.

use super::support::{LONG, World, safetensors, torch, zip};
use crate::watch::Wait;
use crate::watch::verdict::State;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::time::Duration;

#[test]
fn an_archive_of_lightning_needs_its_end() {
    let mut w = World::new();
    let name = "checkpoints/epoch=1-step=100.ckpt";
    let whole = torch(1);
    w.put(name, "");
    assert_eq!(w.waits(name), Wait::Empty { file: "epoch=1-step=100.ckpt".into() });
    w.put(name, &whole[..whole.len() - 30]);
    assert!(matches!(w.waits(name), Wait::Incomplete { .. }));
    w.put(name, &whole);
    w.complete(name);
    let unit = w.unit(name);
    assert_eq!((unit.family.name, unit.step, unit.is_folder()), ("lightning", Some(100), false));
    assert!(matches!(w.judge(&unit, Duration::from_secs(1)).state, State::Settling { .. }));
}

#[test]
fn links_and_hard_links_are_second_names() {
    let mut w = World::new();
    w.put("epoch=1-step=100.ckpt", torch(1));
    symlink("epoch=1-step=100.ckpt", w.path("last.ckpt")).unwrap();
    let of = || State::Alias { of: "epoch=1-step=100.ckpt".into() };
    assert_eq!(w.state("last.ckpt"), of());
    w.complete("epoch=1-step=100.ckpt");
    let link = w.unit("last.ckpt");
    assert_eq!(link.link, Some(std::fs::canonicalize(w.path("epoch=1-step=100.ckpt")).unwrap()));
    w.remove("last.ckpt");
    std::fs::hard_link(w.path("epoch=1-step=100.ckpt"), w.path("last.ckpt")).unwrap();
    assert_eq!(w.state("last.ckpt"), of());
    assert_eq!(w.words("last.ckpt"), "another name of epoch=1-step=100.ckpt");
    // The first name is rotated away: what is left is the model.
    w.remove("epoch=1-step=100.ckpt");
    w.complete("last.ckpt");
}

#[test]
fn a_link_that_leads_nowhere_is_no_unit_until_it_leads_somewhere() {
    let mut w = World::new();
    std::fs::create_dir_all(w.root()).unwrap();
    symlink("gone.ckpt", w.path("last.ckpt")).unwrap();
    assert_eq!(w.units(), []);
    w.put("gone.ckpt", torch(1));
    w.complete("gone.ckpt");
}

#[test]
fn state_of_a_training_is_no_model() {
    let w = World::new();
    for name in ["recipe_state.pt", "optimizer.pt", "training_args.bin", "scheduler.pt", "rng_state_0.pth"] {
        w.put(name, "x").put(&format!("recipe_state/{name}"), "x");
    }
    assert_eq!(w.units(), []);
}

#[test]
fn files_of_other_writers_have_their_families() {
    let mut w = World::new();
    w.put("weights/last.pt", torch(1)).put("weights/best.pt", torch(2)).put("weights/epoch10.pt", torch(3));
    w.put("lora-step00000100.safetensors", safetensors("t", 64))
        .put("lora_000001000.safetensors", safetensors("t", 64));
    w.put("ep1-ba100-rank0.pt", torch(4)).put("xt/iter_500.pth", torch(5)).put("xt/last_checkpoint", "iter_500.pth");
    symlink("ep1-ba100-rank0.pt", w.path("latest-rank0.pt")).unwrap();
    w.put("some.gguf", "x").put("net.onnx", "x").put("model-7.safetensors", safetensors("t", 64));
    let all: Vec<String> = w.units().into_iter().map(|(n, f)| format!("{n} {f}")).collect();
    let expected = [
        "ep1-ba100-rank0.pt composer",
        "latest-rank0.pt composer",
        "lora-step00000100.safetensors kohya",
        "lora_000001000.safetensors kohya",
        "model-7.safetensors file",
        "net.onnx file",
        "some.gguf file",
        "weights/best.pt ultralytics",
        "weights/epoch10.pt ultralytics",
        "weights/last.pt ultralytics",
        "xt/iter_500.pth xtuner",
    ];
    assert_eq!(all, expected);
    for name in ["weights/last.pt", "lora-step00000100.safetensors", "ep1-ba100-rank0.pt", "xt/iter_500.pth"] {
        w.complete(name);
    }
    assert_eq!(w.state("latest-rank0.pt"), State::Alias { of: "ep1-ba100-rank0.pt".into() });
    assert_eq!(w.unit("lora-step00000100.safetensors").step, Some(100));
}

#[test]
fn a_numbered_set_of_gguf_files_is_one_unit_under_the_name_of_its_first_file() {
    let mut w = World::new();
    w.put("m-00002-of-00003.gguf", "x").put("m-00003-of-00003.gguf", "x");
    assert_eq!(w.units(), [("m-00001-of-00003.gguf".to_owned(), "file")]);
    let Wait::MissingFiles { names, missing: 1, of: 3 } = w.waits("m-00001-of-00003.gguf") else { panic!() };
    assert_eq!(names, ["m-00001-of-00003.gguf"]);
}

#[test]
fn a_keras_file_is_whole_with_its_directory_and_cannot_be_exported() {
    let mut w = World::new();
    let whole = zip(&[("metadata.json", b"{}"), ("model.weights.h5", &[7; 500])]);
    w.put("epoch-001.keras", &whole[..300]);
    assert!(matches!(w.waits("epoch-001.keras"), Wait::Incomplete { .. }));
    w.put("epoch-001.keras", whole);
    let words = w.words("epoch-001.keras");
    assert!(words.contains("does not read Keras files") && words.contains("keras.saving.load_model"), "{words}");
}

#[test]
fn one_rank_of_several_is_not_taken_for_the_whole_of_composer() {
    let mut w = World::new();
    w.put("ep1-ba100-rank0.pt", torch(0)).put("ep1-ba100-rank2.pt", torch(2)).put("ep1-ba200-rank0.pt", torch(1));
    assert!(matches!(w.waits("ep1-ba100-rank0.pt"), Wait::MissingFiles { missing: 1, .. }));
    w.put("ep1-ba100-rank1.pt", torch(1));
    assert!(matches!(w.state("ep1-ba100-rank0.pt"), State::CannotExport { .. }));
    w.complete("ep1-ba200-rank0.pt");
}

#[test]
fn a_file_that_may_not_be_read_is_named_and_looked_at_again_when_its_rights_change() {
    let mut w = World::new();
    w.put("a.safetensors", safetensors("t", 64));
    let path = w.path("a.safetensors");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).unwrap();
    let denied = std::fs::File::open(&path).is_err();
    if denied {
        assert!(matches!(w.state("a.safetensors"), State::Unreadable { file, .. } if file == path));
        assert!(w.words("a.safetensors").starts_with("cannot be read: "));
    }
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    w.complete("a.safetensors");
}

#[test]
fn what_no_reader_knows_says_what_to_do() {
    let mut w = World::new();
    w.put("net.tflite", [28, 0, 0, 0, b'T', b'F', b'L', b'3', 0, 0]);
    assert!(matches!(w.state("net.tflite"), State::CannotExport { why, .. } if why.contains("TensorFlow Lite")));
}

#[test]
fn a_structure_is_read_once_for_each_version() {
    let mut w = World::new();
    w.put("a.safetensors", safetensors("t", 64));
    let unit = w.unit("a.safetensors");
    assert_eq!(w.judge(&unit, LONG).state, State::Complete);
    // Behind the watcher's back: the same stamps, so it is not looked at again.
    w.remove("a.safetensors");
    assert_eq!(w.judge(&unit, LONG).state, State::Complete);
    w.cache.retain(&[]);
    assert!(matches!(w.judge(&unit, LONG).state, State::Waiting { .. }));
}

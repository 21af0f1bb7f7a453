//! PyTorch files from outside: every real file opens or is refused clearly, variants of one state dict are equal, hostile
//! bytes never panic.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../src/skip.rs"]
mod skip;

use remold::testing::formats::pytorch;
use remold::testing::model::{Model, TensorEntry};
use std::path::{Path, PathBuf};

/// A folder of reference files: `fixtures/NAME` of the project, else beside the checkout.
fn material(name: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let short = name.strip_prefix("material/").unwrap_or(name);
    let places =
        [root.join("fixtures").join(short), root.join("../shared").join(name), root.join("../../shared").join(name)];
    let found = places.into_iter().find(|p| p.exists());
    if found.is_none() {
        skip::skipped(&format!("{name} absent"));
    }
    found
}

fn open(path: &Path) -> Model {
    pytorch::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn files(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, out);
        } else if path
            .extension()
            .and_then(|e| e.to_str())
            .is_some_and(|e| ["pt", "pth", "bin", "pt2", "ckpt"].contains(&e))
        {
            out.push(path);
        }
    }
    out.sort();
}

fn floats(t: &TensorEntry) -> Vec<f32> {
    t.read_all().unwrap().chunks(4).map(|c| f32::from_le_bytes(c.try_into().unwrap())).collect()
}

#[test]
fn every_real_file_opens_and_every_tensor_reads() {
    let mut seen = 0;
    for folder in ["material/pytorch", "material/torchscript", "material/pt2", "material/hf"] {
        let Some(folder) = material(folder) else { continue };
        let mut paths = Vec::new();
        files(&folder, &mut paths);
        for path in paths {
            let model = open(&path);
            for t in &model.tensors {
                assert_eq!(t.read_all().unwrap().len() as u64, t.bytes(), "{}: {t:?}", path.display());
            }
            println!(
                "{}: {} tensors, opaque {:?}, warnings {:?}",
                path.display(),
                model.tensors.len(),
                model.opaque,
                model.warnings
            );
            seen += 1;
        }
    }
    println!("{seen} files");
}

#[test]
fn variants_of_one_state_dict_are_equal() {
    let Some(folder) = material("material/pytorch/synthetic") else { return };
    let zip = open(&folder.join("cnn_zip.pt"));
    let names: Vec<&str> = zip.tensors.iter().map(|t| t.name.as_str()).collect();
    assert_eq!(names[..3], ["c.weight", "c.bias", "bn.weight"]);
    assert_eq!(zip.tensor("c.weight").unwrap().shape.0, [8, 3, 3, 3]);
    for other in ["cnn_legacy.pt", "cnn_proto4.pt", "cnn_whole_module.pt", "cnn_ckpt_nested.pt"] {
        let other = open(&folder.join(other));
        assert_eq!(other.tensors.len(), zip.tensors.len(), "{:?}", other.path);
        for (a, b) in zip.tensors.iter().zip(&other.tensors) {
            assert_eq!((&a.name, &a.shape, a.encoding), (&b.name, &b.shape, b.encoding), "{:?}", other.path);
            // The nested one was saved after training steps.
            let trained = other.path.ends_with("cnn_ckpt_nested.pt");
            assert!(trained || a.read_all().unwrap() == b.read_all().unwrap(), "{:?} {}", other.path, a.name);
        }
        assert_tied(&other);
    }
    assert_tied(&zip);
    let (a, b) = (open(&folder.join("dtypes_views.pt")), open(&folder.join("dtypes_views_legacy.pt")));
    for (a, b) in a.tensors.iter().zip(&b.tensors) {
        assert_eq!((&a.name, &a.shape, a.encoding), (&b.name, &b.shape, b.encoding));
        assert!(a.read_all().unwrap() == b.read_all().unwrap(), "{}", a.name);
    }
}

/// The CNN's embedding and output share memory.
fn assert_tied(model: &Model) {
    let id = |n: &str| model.tensor(n).unwrap().storage.unwrap();
    assert_eq!(id("emb.weight"), id("out.weight"));
    assert_ne!(id("emb.weight"), id("fc.weight"));
}

#[test]
fn views_show_what_their_strides_say() {
    let Some(folder) = material("material/pytorch/synthetic") else { return };
    let model = open(&folder.join("dtypes_views.pt"));
    let base = floats(model.tensor("base").unwrap());
    let at = |r: usize, c: usize| base[r * 8 + c];
    let get = |n: &str| floats(model.tensor(n).unwrap());
    let transposed: Vec<f32> = (0..8).flat_map(|c| (0..6).map(move |r| (r, c))).map(|(r, c)| at(r, c)).collect();
    assert_eq!(get("t"), transposed);
    let slice: Vec<f32> = (1..3).flat_map(|r| (2..6).map(move |c| (r, c))).map(|(r, c)| at(r, c)).collect();
    assert_eq!(get("slice"), slice);
    let step: Vec<f32> = [0, 2, 4].iter().flat_map(|&r| [0, 3, 6].map(|c| at(r, c))).collect();
    assert_eq!(get("step"), step);
    let expand = get("expand");
    assert_eq!(expand[..4], expand[4..8]);
    assert_eq!(model.tensor("scalar").unwrap().shape.rank(), 0);
    assert_eq!(model.tensor("empty").unwrap().bytes(), 0);
    let f = open(&material("material/pytorch/candle").unwrap().join("fortran_tensor_3d.pth"));
    let v = f.tensors[0].read_all().unwrap();
    let v: Vec<i64> = v.chunks(8).map(|c| i64::from_le_bytes(c.try_into().unwrap())).collect();
    assert_eq!(v, (1..=24).collect::<Vec<i64>>());
}

#[test]
fn a_call_of_os_system_is_named_and_not_made() {
    let Some(folder) = material("material/pytorch/synthetic") else { return };
    let model = open(&folder.join("malicious_os_system.pt"));
    assert!(model.opaque.iter().any(|o| o.contains("os.system") && o.contains("not executed")), "{:?}", model.opaque);
    assert!(model.warnings.iter().any(|w| w.code == "pytorch.unsafe" && w.text.contains("os.system")));
    assert_eq!(model.tensors.len(), 1);
}

#[test]
fn trainer_files_open_without_tensors_and_say_what_they_are() {
    let Some(folder) = material("material/hf/training-run/checkpoint-400") else { return };
    let model = open(&folder.join("rng_state.pth"));
    assert!(model.tensors.is_empty());
    assert!(model.opaque[0].starts_with("random generator state: 1 tensor"), "{:?}", model.opaque);
}

mod hostile {
    use super::*;
    use proptest::prelude::*;

    fn check(bytes: &[u8]) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("m.pt");
        std::fs::write(&path, bytes).unwrap();
        match pytorch::open(&path) {
            Ok(model) => {
                for t in model.tensors.iter().take(64).filter(|t| t.bytes() < 1 << 20) {
                    let _ = t.read_all();
                }
            }
            Err(e) => assert!(!e.to_string().is_empty()),
        }
    }

    fn small() -> Vec<Vec<u8>> {
        let Some(folder) = material("material/pytorch") else { return Vec::new() };
        let names = [
            "synthetic/cnn_zip.pt",
            "synthetic/cnn_legacy.pt",
            "synthetic/cnn_proto4.pt",
            "synthetic/cnn_whole_module.pt",
            "synthetic/dtypes_views_legacy.pt",
            "lpips/alex.pth",
        ];
        names.iter().map(|n| std::fs::read(folder.join(n)).unwrap()).collect()
    }

    #[test]
    fn every_truncation_is_refused_or_read() {
        for bytes in small() {
            for end in (0..bytes.len()).step_by(37) {
                check(&bytes[..end]);
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn flipped_bytes_never_panic(which in 0usize..6, flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
            let files = small();
            if let Some(bytes) = files.get(which) {
                let mut bytes = bytes.clone();
                for (at, b) in flips {
                    let at = at.index(bytes.len());
                    bytes[at] = b;
                }
                check(&bytes);
            }
        }

        #[test]
        fn flipped_pickles_never_panic(which in 0usize..6, flips in prop::collection::vec((0usize..1500, any::<u8>()), 1..4)) {
            let files = small();
            if let Some(bytes) = files.get(which) {
                let mut bytes = bytes.clone();
                for (at, b) in flips {
                    let at = at % bytes.len();
                    bytes[at] = b;
                }
                check(&bytes);
            }
        }

        #[test]
        fn random_bytes_never_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..600), start in 0usize..4) {
            let heads: [&[u8]; 4] = [b"", b"PK\x03\x04", b"\x80\x02", b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}."];
            let mut all = heads[start].to_vec();
            all.append(&mut bytes);
            check(&all);
        }
    }
}

/// Prints every tensor with the CRC-32 of its bytes, for comparison with another reader:
/// `REMOLD_DUMP=FOLDER cargo test --test pytorch dump -- --ignored --nocapture`.
#[test]
#[ignore = "prints for a comparison by hand"]
fn dump() {
    let folder = PathBuf::from(std::env::var_os("REMOLD_DUMP").expect("REMOLD_DUMP=FOLDER"));
    let mut paths = Vec::new();
    files(&folder, &mut paths);
    for path in paths {
        match pytorch::open(&path) {
            Ok(model) => {
                for t in &model.tensors {
                    let crc = crc32fast::hash(&t.read_all().unwrap());
                    println!("{}\t{}\t{:?}\t{}\t{crc:08x}", path.display(), t.name, t.shape.0, t.encoding);
                }
                for line in model.opaque.iter().chain(model.warnings.iter().map(|w| &w.text)) {
                    println!("{}: {line}", path.display());
                }
            }
            Err(e) => println!(
                "{}: refused: {e} ({})",
                path.display(),
                e.hint().map(remold::testing::recipe::remedies::on_command_line).unwrap_or_default()
            ),
        }
    }
}

#[test]
fn bad_files_are_refused_with_the_words_beside_them() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/bad/pytorch");
    let mut paths = Vec::new();
    files(&folder, &mut paths);
    assert!(paths.len() > 20);
    let mut wrong = Vec::new();
    for path in paths {
        let expected = std::fs::read_to_string(path.with_extension("err")).unwrap();
        let said = match pytorch::open(&path) {
            Ok(m) => {
                let said: Vec<String> = m.opaque.into_iter().chain(m.warnings.into_iter().map(|w| w.text)).collect();
                format!("opens\n{}", said.join("\n"))
            }
            Err(e) => e.to_string(),
        };
        if !expected.lines().all(|l| said.contains(l)) {
            wrong.push(format!("{}: expected {expected:?}, said {said:?}", path.display()));
        }
    }
    assert!(!Path::new("remold-was-here").exists());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

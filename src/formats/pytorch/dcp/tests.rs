//! Metadata of every kind of damage, divisions of tensors, and the files that PyTorch wrote.

use super::metadata::{self, Chunk};
use super::{METADATA, open, tiles};
use crate::formats::pytorch::pickle::{Input, load};
use crate::model::{ErrorKind, MemoryRows, ModelError, TensorEntry};
use crate::tensor::DType;
use proptest::prelude::*;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/ranks").join(name)
}

/// A copy of a checkpoint, to be damaged.
fn copy(name: &str) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    for file in fs::read_dir(fixture(name)).unwrap().flatten() {
        fs::copy(file.path(), dir.path().join(file.file_name())).unwrap();
    }
    let metadata = dir.path().join(METADATA);
    (dir, metadata)
}

fn error(path: &Path) -> ModelError {
    open(path).expect_err("it opened")
}

#[test]
fn chunks_of_rows_are_one_tensor_and_the_optimizer_is_left_out() {
    let model = open(&fixture("dcp").join(METADATA)).unwrap();
    let names: Vec<&str> = model.tensors.iter().map(|t| t.name.as_str()).collect();
    assert!(names.contains(&"model.embed_tokens.weight") && names.contains(&"model.norm.weight"), "{names:?}");
    assert_eq!((names.len(), model.files.len(), model.opened.len()), (11, 3, 4), "{names:?}");
    assert!(model.opaque.iter().any(|l| l.starts_with("optimizer state under `optim`")), "{:?}", model.opaque);
    assert!(model.warnings.is_empty(), "{:?}", model.warnings);
    let of = |name: &str| model.tensors.iter().find(|t| t.name.as_str() == name).unwrap();
    for (name, shape) in
        [("model.embed_tokens.weight", &[2048, 8][..]), ("model.layers.0.input_layernorm.weight", &[8])]
    {
        assert_eq!(of(name).shape.0, shape, "{name}");
        assert_eq!(of(name).read_all().unwrap().len() as u64, of(name).bytes(), "{name}");
    }
    model.checks.finish(&Default::default()).unwrap();
}

#[test]
fn a_division_by_columns_is_refused_and_named() {
    let e = error(&fixture("columns").join(METADATA));
    assert_eq!(e.kind(), ErrorKind::Unsupported);
    assert!(e.to_string().contains("down_proj.weight` is not split by rows"), "{e}");
    assert!(e.hint().unwrap().text().contains("dcp_to_torch"), "{e}");
}

#[test]
fn missing_and_shortened_files_are_named() {
    let (dir, metadata) = copy("dcp");
    fs::remove_file(dir.path().join("__1_0.distcp")).unwrap();
    let e = error(&metadata);
    assert!(e.to_string().contains("1 of 3 files of the checkpoint is missing: __1_0.distcp"), "{e}");
    let (dir, metadata) = copy("dcp");
    let shard = fs::OpenOptions::new().write(true).open(dir.path().join("__2_0.distcp")).unwrap();
    shard.set_len(9000).unwrap();
    let e = error(&metadata);
    assert!(e.to_string().contains("__2_0.distcp") && e.to_string().contains("extend past the end of the file"), "{e}");
}

#[test]
fn a_changed_byte_of_a_chunk_is_found_by_its_checksum() {
    let (dir, metadata) = copy("dcp");
    let shard = dir.path().join("__0_0.distcp");
    let whole = open(&metadata).unwrap();
    let entry = whole.tensors.iter().find(|t| t.name.as_str() == "model.embed_tokens.weight").unwrap();
    let first = entry.read(0..8).unwrap();
    let mut bytes = fs::read(&shard).unwrap();
    let at = bytes.windows(first.len()).position(|w| w == first).unwrap();
    bytes[at + 3] ^= 1;
    fs::write(&shard, bytes).unwrap();
    let model = open(&metadata).unwrap();
    let damaged = model.tensors.iter().find(|t| t.name.as_str() == "model.embed_tokens.weight").unwrap();
    let e = damaged.read_all().unwrap_err();
    assert!(e.to_string().contains("does not match its checksum"), "{e}");
}

#[test]
fn only_files_of_the_folder_itself_are_opened() {
    let (_dir, metadata) = copy("columns");
    let mut bytes = fs::read(&metadata).unwrap();
    while let Some(at) = bytes.windows(12).position(|w| w == b"__0_0.distcp") {
        bytes[at..at + 12].copy_from_slice(b"../../x.dist");
    }
    fs::write(&metadata, bytes).unwrap();
    let e = error(&metadata);
    assert!(e.to_string().contains("not a file of its own folder"), "{e}");
}

#[test]
fn objects_of_other_writers_are_not_taken_for_metadata() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(METADATA);
    for pickle in [&b"\x80\x02cmegatron.core\nMetadata\n)\x81."[..], b"\x80\x02}.", b"\x80\x02N."] {
        fs::write(&path, pickle).unwrap();
        assert_eq!(error(&path).kind(), ErrorKind::Unsupported, "{pickle:?}");
    }
}

/// Damage: bytes set at places, and the length.
fn damaged(bytes: &[u8], damage: &[(usize, u8)], keep: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for (at, byte) in damage {
        let at = at % bytes.len();
        bytes[at] = *byte;
    }
    bytes.truncate(bytes.len() - keep % bytes.len());
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_metadata_never_panics(
        damage in prop::collection::vec((any::<usize>(), any::<u8>()), 1..6),
        cut in prop_oneof![4 => Just(0usize), 1 => 0..4000usize],
    ) {
        let bytes = fs::read(fixture("dcp").join(METADATA)).unwrap();
        let bytes = damaged(&bytes, &damage, cut);
        if let Ok(pickle) = load(&mut Input::memory(bytes))
            && let Ok(contents) = metadata::read(&pickle)
        {
            for item in contents.items.values().filter_map(|i| i.tensor.as_ref()) {
                let _ = tiles::rows(&item.size, &item.chunks);
            }
            let _ = super::nested(&contents);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_checkpoint_opens_or_is_refused(
        file in 0..4usize,
        damage in prop::collection::vec((any::<usize>(), any::<u8>()), 1..4),
        cut in prop_oneof![6 => Just(0usize), 1 => 0..2000usize],
    ) {
        let (dir, metadata) = copy("columns");
        let path = dir.path().join([METADATA, "__0_0.distcp", "__1_0.distcp", "__2_0.distcp"][file]);
        let bytes = damaged(&fs::read(&path).unwrap(), &damage, cut);
        fs::write(&path, bytes).unwrap();
        if let Ok(model) = open(&metadata) {
            for t in &model.tensors {
                let _ = t.read_all();
            }
        }
    }

    #[test]
    fn chunks_in_any_order_join_to_the_whole(
        heights in prop::collection::vec(0u64..5, 1..6),
        cols in prop::option::of(1u64..4),
        seed in any::<u64>(),
        step in 1u64..7,
    ) {
        let total: u64 = heights.iter().sum();
        let width = cols.unwrap_or(1);
        let shape = |rows: u64| match cols { Some(c) => vec![rows, c], None => vec![rows] };
        let mut at = 0;
        let mut chunks: Vec<Chunk> = Vec::new();
        for h in &heights {
            let mut offsets = vec![0; shape(0).len()];
            offsets[0] = at;
            chunks.push(Chunk { offsets, sizes: shape(*h), stored: None });
            at += h;
        }
        let n = chunks.len();
        chunks.rotate_left(seed as usize % n);
        let order = tiles::rows(&shape(total), &chunks);
        prop_assert!(order.is_some());
        let part = |c: &&Chunk| {
            let values = c.offsets[0] * width..(c.offsets[0] + c.sizes[0]) * width;
            let bytes: Vec<u8> = values.flat_map(|v| (v as u16).to_le_bytes()).collect();
            let row_bytes = 2 * c.sizes.last().unwrap();
            TensorEntry::new("p", crate::tensor::Shape(c.sizes.clone()), DType::I16, Arc::new(MemoryRows { bytes, row_bytes }))
        };
        let parts = order.unwrap().iter().map(part).collect();
        let whole = tiles::join("t", &shape(total), DType::I16, parts).unwrap();
        let all = whole.read_all().unwrap();
        let expected: Vec<u8> = (0..total * width).flat_map(|v| (v as u16).to_le_bytes()).collect();
        prop_assert_eq!(&all, &expected);
        if whole.rows() == 1 {
            let mut parts = Vec::new();
            let mut at = 0;
            while at < whole.row_bytes() {
                let end = (at + 2 * step).min(whole.row_bytes());
                let mut bytes = vec![0; (end - at) as usize];
                whole.data.read_part(0, at..end, &mut bytes).unwrap();
                parts.extend(bytes);
                at = end;
            }
            prop_assert_eq!(parts, expected);
        }
        // A gap or an overlap is neither.
        if let Some(chunk) = chunks.iter_mut().find(|c| !c.sizes.contains(&0)) {
            chunk.offsets[0] += 1;
            prop_assert!(tiles::rows(&shape(total), &chunks).is_none());
        }
    }
}

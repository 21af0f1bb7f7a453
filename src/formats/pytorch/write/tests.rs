//! What is laid out reads back equal, in one file and in shards.

use super::super::{open, open_index};
use super::*;
use crate::formats::{LayoutRequest, Split};
use crate::model::{Metadata, Sidecars, TensorEntry};
use crate::quant::BlockType;
use crate::tensor::Shape;
use std::os::unix::fs::FileExt;

/// Writes a plan as the engine does: fixed pieces, slots, then what finish gives.
fn write(plan: &FilePlan, data: &dyn Fn(usize) -> Vec<u8>) {
    let file = std::fs::File::create(&plan.path).unwrap();
    file.set_len(plan.bytes).unwrap();
    let mut end = 0;
    let mut pieces: Vec<(u64, Vec<u8>)> = plan.fixed.clone();
    let mut crcs = Vec::new();
    for slot in &plan.slots {
        let bytes = data(slot.tensor);
        assert_eq!(bytes.len() as u64, slot.bytes);
        crcs.push(crc32fast::hash(&bytes));
        pieces.push((slot.offset, bytes));
    }
    pieces.sort_by_key(|p| (p.0, p.1.len()));
    for (at, bytes) in &pieces {
        assert!(*at >= end, "pieces overlap at {at}");
        end = at + bytes.len() as u64;
        file.write_all_at(bytes, *at).unwrap();
    }
    for (at, bytes) in plan.finish.iter().flat_map(|f| f(&crcs)) {
        assert!(at + bytes.len() as u64 <= plan.bytes);
        file.write_all_at(&bytes, at).unwrap();
    }
}

fn sample() -> Vec<LayoutTensor> {
    let mut tensors: Vec<LayoutTensor> = DType::ALL
        .iter()
        .enumerate()
        .map(|(i, d)| LayoutTensor {
            name: format!("layer.{i}.{d}").into(),
            shape: Shape(vec![3, 5 + i as u64]),
            encoding: (*d).into(),
            layer: None,
        })
        .collect();
    for (name, shape) in [("scalar", vec![]), ("empty", vec![0, 4]), ("vector", vec![300]), ("cube", vec![2, 3, 4])] {
        tensors.push(LayoutTensor { name: name.into(), shape: Shape(shape), encoding: DType::F32.into(), layer: None });
    }
    tensors
}

fn bytes_of(t: &LayoutTensor, i: usize) -> Vec<u8> {
    let n = t.encoding.tensor_bytes(&t.shape).unwrap();
    let byte = |k: u64| if t.encoding == DType::Bool.into() { (k % 2) as u8 } else { (k * 7 + i as u64) as u8 };
    (0..n).map(byte).collect()
}

fn request<'a>(
    path: &'a Path,
    tensors: &'a [LayoutTensor],
    metadata: &'a Metadata,
    sidecars: &'a Sidecars,
    max: Option<u64>,
) -> LayoutRequest<'a> {
    LayoutRequest { path, tensors, metadata, sidecars, split: max.map_or(Split::Whole, Split::Bytes), graph: None }
}

fn assert_equal(read: &[TensorEntry], tensors: &[LayoutTensor]) {
    assert_eq!(read.len(), tensors.len());
    for (i, t) in tensors.iter().enumerate() {
        let r = read.iter().find(|r| r.name == t.name).unwrap();
        assert_eq!((&r.shape, r.encoding), (&t.shape, t.encoding), "{}", t.name);
        assert!(r.read_all().unwrap() == bytes_of(t, i), "{}", t.name);
    }
}

#[test]
fn one_file_reads_back_equal_and_is_aligned() {
    let dir = tempfile::tempdir().unwrap();
    // With REMOLD_TEST_OUT set the file stays, to be read with torch.load.
    let folder = std::env::var_os("REMOLD_TEST_OUT").map_or(dir.path().to_owned(), Into::into);
    let path = folder.join("all-dtypes.pt");
    let tensors = sample();
    let (m, s) = (Metadata::new(), Sidecars::default());
    let plans = layout(&request(&path, &tensors, &m, &s, Some(10))).unwrap();
    assert_eq!(plans.len(), 1);
    assert!(plans[0].slots.iter().all(|s| s.offset % 64 == 0));
    write(&plans[0], &|i| bytes_of(&tensors[i], i));
    let model = open(&path).unwrap();
    assert!(model.warnings.is_empty() && model.opaque.is_empty(), "{:?} {:?}", model.warnings, model.opaque);
    assert_equal(&model.tensors, &tensors);
    // The zip crate checks every checksum as it reads.
    let mut zip = zip::ZipArchive::new(std::fs::File::open(&path).unwrap()).unwrap();
    for i in 0..zip.len() {
        std::io::copy(&mut zip.by_index(i).unwrap(), &mut std::io::sink()).unwrap();
    }
}

#[test]
fn a_folder_is_split_and_indexed_and_any_shard_opens_the_whole() {
    let dir = tempfile::tempdir().unwrap();
    let tensors = sample();
    let mut sidecars = Sidecars::default();
    sidecars.0.insert("config.json".into(), crate::model::Sidecar::Bytes(b"{}".to_vec()));
    let m = Metadata::new();
    let plans = layout(&request(dir.path(), &tensors, &m, &sidecars, Some(500))).unwrap();
    for p in &plans {
        write(p, &|i| bytes_of(&tensors[i], i));
    }
    let shards = plans.iter().filter(|p| !p.slots.is_empty()).count();
    assert!(shards > 2);
    assert!(dir.path().join("config.json").is_file());
    let index = dir.path().join("pytorch_model.bin.index.json");
    let shard = dir.path().join(format!("pytorch_model-00002-of-{shards:05}.bin"));
    for entry in [&index, &shard] {
        let model = open(entry).unwrap();
        assert_eq!(model.files.len(), shards);
        assert_equal(&model.tensors, &tensors);
    }
    let alone = dir.path().join("alone");
    std::fs::create_dir(&alone).unwrap();
    let copy = alone.join(shard.file_name().unwrap());
    std::fs::copy(&shard, &copy).unwrap();
    assert_eq!(open(&copy).unwrap().warnings[0].code, "pytorch.shard");
    std::fs::remove_file(&shard).unwrap();
    let e = open_index(&index).unwrap_err();
    assert!(e.to_string().contains("pytorch_model-00002-of-"), "{e}");
    let text = std::fs::read_to_string(&index).unwrap().replace("pytorch_model-00002", "../pytorch_model-00002");
    std::fs::write(&index, text).unwrap();
    let e = open_index(&index).unwrap_err();
    assert!(e.to_string().contains("not a file of its own folder"), "{e}");
}

#[test]
fn blocks_and_twice_used_names_are_refused() {
    let (m, s) = (Metadata::new(), Sidecars::default());
    let t = |name: &str, encoding: Encoding| LayoutTensor {
        name: name.into(),
        shape: Shape(vec![256]),
        encoding,
        layer: None,
    };
    let e = layout(&request(Path::new("x.pt"), &[t("a", BlockType::Q4_K.into())], &m, &s, None)).unwrap_err();
    assert!(e.hint().is_some() && e.to_string().contains("Q4_K"));
    let twice = [t("a", DType::F32.into()), t("a", DType::F32.into())];
    assert!(layout(&request(Path::new("x.pt"), &twice, &m, &s, None)).is_err());
}

#[test]
fn sizes_beyond_four_gigabytes_use_zip64() {
    let (m, s) = (Metadata::new(), Sidecars::default());
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("big.pt");
    let t = |name: &str, n: u64| LayoutTensor {
        name: name.into(),
        shape: Shape(vec![n]),
        encoding: DType::U8.into(),
        layer: None,
    };
    let tensors = [t("big", 5 << 30), t("after", 7)];
    let plan = layout(&request(&path, &tensors, &m, &s, None)).unwrap().remove(0);
    // A sparse file: only the frame is written.
    let file = std::fs::File::create(&path).unwrap();
    file.set_len(plan.bytes).unwrap();
    for (at, bytes) in
        plan.fixed.iter().cloned().chain(plan.finish.as_ref().unwrap()(&[0, crc32fast::hash(b"ABCDEFG")]))
    {
        file.write_all_at(&bytes, at).unwrap();
    }
    file.write_all_at(b"ABCDEFG", plan.slots[1].offset).unwrap();
    let model = open(&path).unwrap();
    assert_eq!(model.tensors[0].shape.0, [5 << 30]);
    assert_eq!(model.tensors[1].read_all().unwrap(), b"ABCDEFG");
}

//! Locations of test material.

use remold::testing::formats::{FilePlan, LayoutRequest, LayoutTensor, Split};
use remold::testing::model::{MemoryRows, Metadata, Sidecars, TensorEntry};
use remold::testing::quant::Encoding;
use remold::testing::tensor::Shape;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A file or folder of the shared test material, or `None` with a line that says what was skipped.
pub fn material(name: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    // The model folders of `hf/` are in `fixtures/models/` when they are part of the repository.
    let model = name.strip_prefix("hf/").unwrap_or(name);
    let places =
        [("fixtures", name), ("fixtures/models", model), ("../shared/material", name), ("../../shared/material", name)];
    let found = places.iter().map(|(place, name)| root.join(place).join(name)).find(|p| p.exists());
    if found.is_none() {
        crate::skip::skipped(&format!("{name} absent"));
    }
    found
}

/// A folder of the golden data, as [`material`].
pub fn golden(name: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let places = ["fixtures/golden", "../shared/golden", "../../shared/golden"];
    let found = places.iter().map(|p| root.join(p).join(name)).find(|p| p.exists());
    if found.is_none() {
        crate::skip::skipped(&format!("golden {name} absent"));
    }
    found
}

/// Every file under a folder.
pub fn walk(dir: &Path) -> Vec<PathBuf> {
    let mut out = Vec::new();
    let mut todo = vec![dir.to_owned()];
    while let Some(dir) = todo.pop() {
        for entry in std::fs::read_dir(&dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { todo.push(path) } else { out.push(path) }
        }
    }
    out.sort();
    out
}

/// A layout request without shards.
pub fn request<'a>(
    path: &'a Path,
    tensors: &'a [LayoutTensor],
    metadata: &'a Metadata,
    sidecars: &'a Sidecars,
) -> LayoutRequest<'a> {
    LayoutRequest { path, tensors, metadata, sidecars, split: Split::Whole, graph: None }
}

/// Writes a planned file from tensors in request order; checks that nothing overlaps and nothing is out of bounds.
pub fn write(plan: &FilePlan, tensors: &[TensorEntry]) {
    let mut pieces = plan.fixed.clone();
    for slot in &plan.slots {
        let data = tensors[slot.tensor].read_all().unwrap();
        assert_eq!(data.len() as u64, slot.bytes);
        pieces.push((slot.offset, data));
    }
    pieces.sort_by_key(|p| p.0);
    let mut out = Vec::new();
    for (offset, bytes) in pieces {
        assert!(out.len() as u64 <= offset, "pieces overlap in {plan:?}");
        out.resize(offset as usize, 0);
        out.extend(bytes);
    }
    assert!(out.len() as u64 <= plan.bytes, "{plan:?}");
    out.resize(plan.bytes as usize, 0);
    std::fs::create_dir_all(plan.path.parent().unwrap()).unwrap();
    std::fs::write(&plan.path, out).unwrap();
}

/// A tensor of a layout.
pub fn tensor(name: &str, shape: &[u64], encoding: impl Into<Encoding>) -> LayoutTensor {
    LayoutTensor { name: name.into(), shape: Shape(shape.to_vec()), encoding: encoding.into(), layer: None }
}

/// Entries of zero bytes but the first, which holds the tensor's index.
pub fn entries(tensors: &[LayoutTensor]) -> Vec<TensorEntry> {
    let one = |(i, t): (usize, &LayoutTensor)| {
        let row_bytes = t.encoding.row_bytes(t.shape.cols()).unwrap();
        let mut bytes = vec![0; t.encoding.tensor_bytes(&t.shape).unwrap() as usize];
        if let Some(b) = bytes.first_mut() {
            *b = i as u8 + 1;
        }
        TensorEntry::new(&*t.name, t.shape.clone(), t.encoding, Arc::new(MemoryRows { bytes, row_bytes }))
    };
    tensors.iter().enumerate().map(one).collect()
}

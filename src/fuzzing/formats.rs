//! The readers of model files.

use super::with_file;
use crate::arch;
use crate::formats::{self, ggml, gguf, onnx, pytorch, safetensors};
use crate::model::{Model, Result};
use crate::transform::Imatrix;
use std::path::Path;

/// Rows above this many bytes are not read: a short file may describe a long tensor (PyTorch's expanded views).
const MAX_ROW_BYTES: u64 = 1 << 20;

/// Scans and probes a file as the program does, opens it, and reads the last row of each tensor.
fn open(path: &Path, open: impl Fn(&Path) -> Result<Model>) -> Option<Model> {
    let _ = formats::scan(path, 0);
    let _ = formats::open(path);
    let model = open(path).ok()?;
    for tensor in &model.tensors {
        let (rows, bytes) = (tensor.rows(), tensor.row_bytes());
        if rows > 0 && bytes > 0 && bytes <= MAX_ROW_BYTES {
            let _ = tensor.read(rows - 1..rows);
        }
    }
    Some(model)
}

/// A safetensors file.
pub fn fuzz_safetensors(data: &[u8]) {
    with_file("a.safetensors", data, |path| {
        if let Some(model) = open(path, safetensors::open_alone) {
            let _ = arch::check_complete(&model);
        }
    });
}

/// The index of a set of safetensors files.
pub fn fuzz_safetensors_index(data: &[u8]) {
    with_file("model.safetensors.index.json", data, |path| {
        let _ = safetensors::read_index(path);
        open(path, safetensors::open_index);
    });
}

/// A GGUF file, also as an importance matrix and as a model that goes back to Hugging Face's form.
pub fn fuzz_gguf(data: &[u8]) {
    with_file("a.gguf", data, |path| {
        let Some(model) = open(path, gguf::open_alone) else { return };
        let _ = Imatrix::from_model(&model, "a.gguf");
        let _ = arch::check_complete(&model);
        let _ = arch::to_hf(&model);
        let _ = arch::vocab::describe_metadata(&model.metadata);
    });
}

/// A file of ggml's from before GGUF, also under GGUF's names.
pub fn fuzz_ggml(data: &[u8]) {
    with_file("a.bin", data, |path| {
        open(path, ggml::open_alone);
        let Ok(model) = arch::open(path) else { return };
        if let Ok(named) = arch::named(&model) {
            let _ = arch::check_complete(&named);
            let _ = arch::to_hf(&named);
        }
    });
}

/// A PyTorch file: a zip archive, a legacy stream or a `.pt2` program.
pub fn fuzz_pytorch(data: &[u8]) {
    with_file("a.pt", data, |path| {
        open(path, pytorch::open_alone);
    });
}

/// The index of a set of PyTorch files.
pub fn fuzz_pytorch_index(data: &[u8]) {
    with_file("pytorch_model.bin.index.json", data, |path| {
        open(path, pytorch::open_index);
    });
}

/// A bare pickle, from memory.
pub fn fuzz_pickle(data: &[u8]) {
    let _ = pytorch::load_pickle(data);
}

/// The `.metadata` of a checkpoint of torch.distributed.checkpoint.
pub fn fuzz_dcp_metadata(data: &[u8]) {
    with_file(pytorch::DCP_METADATA, data, |path| {
        open(path, pytorch::open);
    });
}

/// An ONNX file: read, inferred, and laid out again.
pub fn fuzz_onnx(data: &[u8]) {
    with_file("a.onnx", data, |path| {
        let Some(model) = open(path, onnx::open) else { return };
        let Some(graph) = &model.graph else { return };
        // What was read has no dangling id, whatever the file says.
        assert_eq!(graph.check(), Ok(()));
        let _ = graph.operators();
        let _ = graph.infer();
        let sizes: Vec<u64> = model.tensors.iter().map(|t| t.bytes()).collect();
        let _ = onnx::layout(path, graph, &sizes, crate::formats::ExternalData::Never);
    });
}

//! The metadata of a quantized file.

use super::QuantizeRequest;
use crate::model::{MetaValue, Metadata};

/// Version of the block formats (`GGML_QNT_VERSION`).
const QUANTIZATION_VERSION: u32 = 2;

/// llama-quantize keeps strings it adds in buffers of 128 bytes with a closing zero.
const MAX_TEXT_BYTES: usize = 127;

/// The entries of the source in order, with version and file type moved to the end, `split.*` dropped, then overrides, the importance
/// matrix, and the number of layers if some were removed.
pub(super) fn output_metadata(source: &Metadata, req: &QuantizeRequest) -> Metadata {
    let mut out = source.clone();
    let mut set = |key: &str, value: MetaValue| {
        out.shift_remove(key);
        out.insert(key.to_owned(), value);
    };
    // COPY keeps the file type of the source, including its absence.
    let file_type = match source.get("general.file_type").filter(|_| req.file_type.is_copy()) {
        Some(kept) => Some(kept.clone()),
        None => Some(MetaValue::U32(req.file_type.id())).filter(|_| !req.file_type.is_copy()),
    };
    set("general.quantization_version", MetaValue::U32(QUANTIZATION_VERSION));
    if let Some(value) = file_type {
        set("general.file_type", value);
    }
    for (key, value) in &req.overrides {
        set(key, value.clone());
    }
    if let Some(imatrix) = &req.imatrix {
        set("quantize.imatrix.file", shortened(&imatrix.file).into());
        if let Some(dataset) = &imatrix.dataset {
            set("quantize.imatrix.dataset", shortened(dataset).into());
        }
        set("quantize.imatrix.entries_count", MetaValue::U32(u32::try_from(imatrix.listed).unwrap_or(u32::MAX)));
        if imatrix.chunks > 0 {
            set("quantize.imatrix.chunks_count", MetaValue::U32(imatrix.chunks));
        }
    }
    if req.layers_before_pruning.is_some()
        && let Some(arch) = source.get("general.architecture").and_then(MetaValue::as_str)
        && let Some(layers) = source.get(&format!("{arch}.block_count"))
    {
        set(&format!("{arch}.block_count"), layers.clone());
    }
    for key in ["split.no", "split.count", "split.tensors.count"] {
        out.shift_remove(key);
    }
    out
}

/// At most 127 bytes, cut between characters.
fn shortened(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_TEXT_BYTES)]
}

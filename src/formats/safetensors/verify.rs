//! A second opinion on a safetensors file from the reference implementation, the crate `safetensors`: it parses and validates
//! the header on disk, and the result is compared with the plan.

use super::dtype;
use crate::formats::{FilePlan, LayoutRequest, limits};
use crate::model::{FormatId, ModelError, Result};
use crate::quant::Encoding;
use safetensors::tensor::Metadata;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Reads the file at `path` (the planned path or its temporary name) with the reference implementation and compares it with
/// `plan`, one of the files that [`layout`](super::layout()) gave for `request`. Not for files without tensors (indexes,
/// sidecars).
///
/// # Errors
/// When the reference refuses the file or finds something other than planned, with the first difference.
pub fn verify(path: &Path, plan: &FilePlan, request: &LayoutRequest<'_>) -> Result<()> {
    let done = read(path).and_then(|(header, metadata, len)| {
        compare(&metadata, header, len, plan, request)
            .map_err(|what| ModelError::bad(format!("the reference reader sees {what}")))
    });
    done.map_err(|e| {
        e.in_file(path).in_format(FormatId::Safetensors).with_hint("The file was not published. Please report this.")
    })
}

/// Length of the header with its 8 bytes, the reference's result, length of the file.
fn read(path: &Path) -> Result<(u64, Metadata, u64)> {
    let io = |e| ModelError::io(path, "reading", e);
    let mut file = File::open(path).map_err(|e| ModelError::io(path, "opening", e))?;
    let len = file.metadata().map_err(io)?.len();
    let mut prefix = [0u8; 8];
    file.read_exact(&mut prefix).map_err(io)?;
    let header = u64::from_le_bytes(prefix);
    if header > limits::SAFETENSORS_HEADER_BYTES {
        return Err(ModelError::bad(format!("a header of {header} bytes")));
    }
    let mut json = Vec::new();
    file.take(header).read_to_end(&mut json).map_err(io)?;
    let metadata = serde_json::from_slice(&json)
        .map_err(|e| ModelError::bad(format!("the reference reader rejects the header: {e}")))?;
    Ok((header + 8, metadata, len))
}

fn compare(
    metadata: &Metadata,
    header: u64,
    len: u64,
    plan: &FilePlan,
    request: &LayoutRequest<'_>,
) -> Result<(), String> {
    if len != plan.bytes || metadata.data_len() as u64 != len - header {
        return Err(format!("{} bytes of data in {len} bytes, expected {}", metadata.data_len(), plan.bytes));
    }
    if metadata.offset_keys().len() != plan.slots.len() {
        return Err(format!("{} tensors, expected {}", metadata.offset_keys().len(), plan.slots.len()));
    }
    for slot in &plan.slots {
        let ours = &request.tensors[slot.tensor];
        let expected = match ours.encoding {
            Encoding::Plain(d) => dtype::to_theirs(d),
            Encoding::Block(_) => None,
        };
        let same = metadata.info(&ours.name).is_some_and(|theirs| {
            let (begin, end) = (theirs.data_offsets.0 as u64, theirs.data_offsets.1 as u64);
            Some(theirs.dtype) == expected
                && theirs.shape.iter().map(|&d| d as u64).eq(ours.shape.0.iter().copied())
                && header + begin == slot.offset
                && end - begin == slot.bytes
        });
        if !same {
            return Err(format!("{} differently than planned ({:?})", ours.name, metadata.info(&ours.name)));
        }
    }
    Ok(())
}

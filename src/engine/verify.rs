//! Reads an output back, still under the name of its part file, and compares it with what was planned.

use super::part_file::PartFile;
use super::{EventBody, EventSink};
use crate::formats::{self, FilePlan, LayoutRequest, Split, gguf};
use crate::model::{FormatId, ModelError, Result, Sidecars};
use crate::plan::PreparedOutput;

/// Opens what was written with remold's own reader and, for GGUF, with an independent one. Gives the names of the readers.
///
/// # Errors
/// A bad-file error when a reader disagrees with the plan.
pub fn verify_output(output: &PreparedOutput, parts: &[PartFile], sink: &EventSink) -> Result<Vec<String>> {
    let (mut by, mut unread) = (Vec::new(), false);
    let Some(spec) = formats::spec(output.format) else { return Ok(by) };
    // The first file of a split GGUF may hold metadata alone; what else holds no tensor stands beside the model.
    let holds_model = |f: &FilePlan| {
        let begins = |(_, bytes): &(u64, Vec<u8>)| output.format == FormatId::Gguf && bytes.starts_with(&gguf::MAGIC);
        !f.slots.is_empty() || f.fixed.first().is_some_and(begins)
    };
    let count = output.files.iter().filter(|f| holds_model(f)).count();
    let files = output.files.iter().zip(parts).filter(|(f, _)| holds_model(f));
    for (no, (file, part)) in files.enumerate() {
        let model = (spec.open_alone)(part.path())
            .map_err(|e| e.in_file(part.destination()).with_hint("This is a fault of remold; please report it."))?;
        let expected = file.slots.iter().map(|s| &output.layout[s.tensor]);
        let wrong = || {
            let what = "what was written does not read back as planned";
            ModelError::bad(what).in_file(part.destination()).with_hint("This is a fault of remold; please report it.")
        };
        if model.tensors.len() != file.slots.len() {
            return Err(wrong());
        }
        for want in expected {
            match model.tensor(&want.name) {
                Some(t) if t.encoding == want.encoding && t.shape == want.shape => {}
                _ => return Err(wrong().field(want.name.as_str())),
            }
        }
        if matches!(output.format, FormatId::Gguf | FormatId::Safetensors) {
            let shards = if output.format == FormatId::Gguf { count } else { 1 };
            let metadata = gguf::shard_metadata(&output.metadata, no, shards, output.layout.len());
            let request = LayoutRequest {
                path: &file.path,
                tensors: &output.layout,
                metadata: &metadata,
                sidecars: &Sidecars::default(),
                split: Split::Whole,
            };
            if output.format == FormatId::Safetensors {
                formats::safetensors::verify(part.path(), file, &request)?;
                by.push("the safetensors crate".to_owned());
                continue;
            }
            let skipped = gguf::verify(part.path(), file, &request)?;
            unread |= !skipped.is_empty();
            skipped.into_iter().for_each(|w| sink.send(EventBody::Warning(w)));
        }
    }
    if output.format == FormatId::Gguf && !unread {
        by.push("gguf-rs".to_owned());
    }
    by.push("remold".to_owned());
    by.dedup();
    Ok(by)
}

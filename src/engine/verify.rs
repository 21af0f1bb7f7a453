//! Reads an output back, still under its `.part` name, and compares it with what was planned.

use super::part_file::PartFile;
use super::{EventBody, EventSink};
use crate::formats::{self, LayoutRequest};
use crate::model::{FormatId, ModelError, Result, Sidecars};
use crate::plan::PreparedOutput;

/// Opens what was written with remold's own reader and, for GGUF, with an independent one. Gives the names of the readers.
///
/// # Errors
/// A bad-file error when a reader disagrees with the plan.
pub fn verify_output(output: &PreparedOutput, parts: &[PartFile], sink: &EventSink) -> Result<Vec<String>> {
    let mut by = Vec::new();
    let Some(spec) = formats::spec(output.format) else { return Ok(by) };
    for (file, part) in output.files.iter().zip(parts) {
        if file.slots.is_empty() {
            continue;
        }
        let model = (spec.open)(part.part())
            .map_err(|e| e.in_file(part.part()).with_hint("This is a fault of remold; please report it."))?;
        let expected = file.slots.iter().map(|s| &output.layout[s.tensor]);
        let wrong = || {
            let what = "what was written does not read back as planned";
            ModelError::bad(what).in_file(part.part()).with_hint("This is a fault of remold; please report it.")
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
            let request = LayoutRequest {
                path: &file.path,
                tensors: &output.layout,
                metadata: &output.metadata,
                sidecars: &Sidecars::default(),
                max_shard_bytes: None,
            };
            if output.format == FormatId::Safetensors {
                formats::safetensors::verify(part.part(), file, &request)?;
                by.push("the safetensors crate".to_owned());
                continue;
            }
            let skipped = formats::gguf::verify(part.part(), file, &request)?;
            if skipped.is_empty() {
                by.push("gguf-rs".to_owned());
            }
            skipped.into_iter().for_each(|w| sink.send(EventBody::Warning(w)));
        }
    }
    by.push("remold".to_owned());
    by.dedup();
    Ok(by)
}

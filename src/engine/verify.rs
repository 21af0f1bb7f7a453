//! Reads an output back, still under the name of its part file, and compares it with what was planned.

use super::part_file::PartFile;
use super::{EventBody, EventSink};
use crate::formats::{self, FilePlan, LayoutRequest, LayoutTensor, Split, gguf};
use crate::model::{FormatId, ModelError, Result, Sidecars, TensorEntry};
use crate::plan::{PreparedOutput, PreparedTensor};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

/// Opens what was written with remold's own reader and, for GGUF and safetensors, with an independent one. Gives the names of
/// the readers; `None` when `cancel` was set meanwhile.
///
/// # Errors
/// A bad-file error when a reader disagrees with the plan.
pub fn verify_output(
    output: &PreparedOutput,
    parts: &[PartFile],
    sink: &EventSink,
    cancel: &AtomicBool,
) -> Result<Option<Vec<String>>> {
    let (mut by, mut unread) = (Vec::new(), false);
    let Some(spec) = formats::spec(output.format) else { return Ok(Some(by)) };
    let cancelled = || cancel.load(Ordering::Relaxed);
    // The first file of a split GGUF may hold metadata alone; what else holds no tensor stands beside the model.
    let holds_model = |f: &FilePlan| {
        let begins = |(_, bytes): &(u64, Vec<u8>)| output.format == FormatId::Gguf && bytes.starts_with(&gguf::MAGIC);
        !f.slots.is_empty() || f.fixed.first().is_some_and(begins)
    };
    let count = output.files.iter().filter(|f| holds_model(f)).count();
    let files = output.files.iter().zip(parts).filter(|(f, _)| holds_model(f));
    let layout: Vec<LayoutTensor> = output.tensors.iter().map(PreparedTensor::layout).collect();
    for (no, (file, part)) in files.enumerate() {
        if cancelled() {
            return Ok(None);
        }
        let model = (spec.open_alone)(part.path())
            .map_err(|e| e.in_file(part.destination()).with_hint("This is a fault of remold; please report it."))?;
        let expected = file.slots.iter().map(|s| &layout[s.tensor]);
        let wrong = || {
            let what = "what was written does not read back as planned";
            ModelError::bad(what).in_file(part.destination()).with_hint("This is a fault of remold; please report it.")
        };
        if model.tensors.len() != file.slots.len() {
            return Err(wrong());
        }
        let found: HashMap<&str, &TensorEntry> = model.tensors.iter().map(|t| (t.name.as_str(), t)).collect();
        for want in expected {
            if cancelled() {
                return Ok(None);
            }
            match found.get(want.name.as_str()) {
                Some(t) if t.encoding == want.encoding && t.shape == want.shape => {}
                _ => return Err(wrong().field(want.name.as_str())),
            }
        }
        // The second reader takes as much memory again.
        drop(found);
        drop(model);
        if matches!(output.format, FormatId::Gguf | FormatId::Safetensors) {
            let shards = if output.format == FormatId::Gguf { count } else { 1 };
            let metadata = gguf::shard_metadata(&output.metadata, no, shards, layout.len());
            let request = LayoutRequest {
                path: &file.path,
                tensors: &layout,
                metadata: &metadata,
                sidecars: &Sidecars::default(),
                split: Split::Whole,
            };
            if output.format == FormatId::Safetensors {
                if cancelled() {
                    return Ok(None);
                }
                formats::safetensors::verify(part.path(), file, &request)?;
                by.push("the safetensors crate".to_owned());
                continue;
            }
            if cancelled() {
                return Ok(None);
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
    Ok(Some(by))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Gate, RunError, RunOptions, Stop, run};
    use crate::forecast::Measuring;
    use crate::plan;
    use crate::recipe::{Recipe, Target};
    use std::sync::Arc;

    #[test]
    fn a_cancel_while_the_output_is_read_back_ends_the_run() {
        let dir = tempfile::tempdir().unwrap();
        let (source, out) = (dir.path().join("a.safetensors"), dir.path().join("b.gguf"));
        let header = r#"{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#;
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(&[0; 8]);
        std::fs::write(&source, bytes).unwrap();
        let mut recipe = Recipe::default();
        recipe.source.path = Some(source);
        recipe.targets = vec![Target { format: "gguf".to_owned(), output: Some(out.clone()), ..Target::default() }];
        let prepared = plan::prepare(&recipe, Measuring::quiet()).unwrap();
        let stop = Arc::new(Stop::default());
        let flag = stop.clone();
        let sink = EventSink::new("1").with_listener(move |event| {
            if matches!(event.body, EventBody::OutputWritten { .. }) {
                flag.cancel();
            }
        });
        let options = RunOptions { threads: 1, stop: &stop, gate: &Gate::default(), sink: &sink, journal: None };
        assert!(matches!(run(&prepared, &options), Err(RunError::Cancelled)));
        assert!(!out.exists());
    }
}

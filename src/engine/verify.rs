//! Reads an output back, still under the name of its part file, and compares it with what was planned.

use super::part_file::PartFile;
use super::{EventBody, EventSink};
use crate::formats::{
    self, FileOfSet, FilePlan, LayoutRequest, LayoutTensor, Split, TensorPlace, WriteSpec, WrittenFile,
};
use crate::model::{ModelError, Result, Sidecars, TensorEntry, Warning};
use crate::plan::{PreparedOutput, PreparedTensor};
use crate::quant::Encoding;
use crate::tensor::Shape;
use crate::units::plural;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

/// What to do when a file does not read back.
const HINT: &str = "This is a bug in remold; please report it.";

/// The error of reading a written file. What the operating system refuses is no bug, and has a hint of its own.
fn unread(error: ModelError, file: &std::path::Path) -> ModelError {
    let error = error.in_file(file);
    if error.os_error().is_some() { error } else { error.with_hint(HINT) }
}

/// Most tensors of a file that an independent reader is given: it makes tables of about a kilobyte for each. No file of a published model
/// has so many.
const SECOND_READER_TENSORS: usize = 1 << 16;

/// Opens what was written with remold's own reader and, where the format has one, with an independent reader. Gives the names of
/// the readers; `None` when `cancel` was set meanwhile.
///
/// # Errors
/// A bad-file error when a reader disagrees with the plan.
pub(crate) fn verify_output(
    output: &PreparedOutput,
    parts: &[PartFile],
    sink: &EventSink,
    cancel: &AtomicBool,
) -> Result<Option<Vec<String>>> {
    let Some(spec) = formats::write_spec(output.format) else { return Ok(Some(Vec::new())) };
    let cancelled = || cancel.load(Ordering::Relaxed);
    if let Some(read_set) = spec.read_set {
        read_together(output, parts, read_set)?;
        return Ok((!cancelled()).then(|| vec!["remold".to_owned()]));
    }
    let count = output.files.iter().filter(|f| (spec.holds_model)(f)).count();
    let files = output.files.iter().zip(parts).filter(|(f, _)| (spec.holds_model)(f));
    let small = |f: &FilePlan| f.slots.len() <= SECOND_READER_TENSORS;
    let any_small = spec.second_reader.is_some() && output.files.iter().any(|f| (spec.holds_model)(f) && small(f));
    let layout: Vec<LayoutTensor> = output.tensors.iter().filter(|_| any_small).map(PreparedTensor::layout).collect();
    let mut unread = false;
    for (number, (file, part)) in files.enumerate() {
        let own = read_back(output, spec, file, part, &cancelled);
        if cancelled() {
            return Ok(None);
        }
        own?;
        let Some(second) = &spec.second_reader else { continue };
        if !small(file) {
            let name = part.destination().file_name().unwrap_or_default().to_string_lossy();
            let text = format!("{name} has {}, so only remold read it back", plural(file.slots.len(), "tensor"));
            sink.send(EventBody::Warning(Warning::new("verify.skipped", text)));
            unread = true;
            continue;
        }
        let request = LayoutRequest {
            path: &file.path,
            tensors: &layout,
            metadata: &output.metadata,
            sidecars: &Sidecars::default(),
            split: Split::Whole,
            graph: output.graph.as_ref(),
        };
        let skipped = (second.verify)(part.path(), file, &request, FileOfSet { number, count })?;
        unread |= !skipped.is_empty();
        skipped.into_iter().for_each(|w| sink.send(EventBody::Warning(w)));
    }
    let second = spec.second_reader.as_ref().filter(|_| !unread).map(|s| s.name.to_owned());
    Ok(Some(second.into_iter().chain(["remold".to_owned()]).collect()))
}

/// Reads all files of an output together.
fn read_together(output: &PreparedOutput, parts: &[PartFile], read_set: formats::ReadSet) -> Result<()> {
    let files: Vec<WrittenFile<'_>> =
        output.files.iter().zip(parts).map(|(plan, part)| WrittenFile { plan, path: part.path() }).collect();
    let Some(first) = output.files.first() else { return Ok(()) };
    let tensors: Vec<LayoutTensor> = output.tensors.iter().map(PreparedTensor::layout).collect();
    let request = LayoutRequest {
        path: &first.path,
        tensors: &tensors,
        metadata: &output.metadata,
        sidecars: &Sidecars::default(),
        split: Split::Whole,
        graph: output.graph.as_ref(),
    };
    read_set(&files, &request).map_err(|e| unread(e, &first.path))
}

/// Reads the header of a written file with remold's own reader and compares it with the plan, tensor by tensor. Where the format lists
/// the tensors in the order of the plan, no other list of them is made. Ends early when `cancelled` says so.
fn read_back(
    output: &PreparedOutput,
    spec: &WriteSpec,
    file: &FilePlan,
    part: &PartFile,
    cancelled: &impl Fn() -> bool,
) -> Result<()> {
    let wrong = || ModelError::bad("the written file does not read back as planned");
    let same = |tensor: usize, encoding: Encoding, shape: &Shape| {
        output.tensors.get(tensor).is_some_and(|t| t.encoding == encoding && t.entry.shape == *shape)
    };
    let mut slots = file.slots.iter();
    let mut next = |name: &str, encoding: Encoding, shape: &Shape, offset: u64, bytes: u64| {
        let as_planned = slots.next().is_some_and(|slot| {
            (slot.offset, slot.bytes) == (offset, bytes)
                && same(slot.tensor, encoding, shape)
                && output.tensors[slot.tensor].entry.name == *name
        });
        if cancelled() || !as_planned { Err(wrong().field(name)) } else { Ok(()) }
    };
    let read = match (spec.list, formats::spec(output.format).and_then(|s| s.read.as_ref())) {
        (Some(list), _) => {
            let first = file.slots.first().map_or(0, |s| s.offset);
            let relative = spec.relative_offsets;
            let mut each = |t: TensorPlace| {
                let offset = if relative { first.saturating_add(t.offset) } else { t.offset };
                next(&t.name, t.encoding, &t.shape, offset, t.bytes)
            };
            list(part.path(), &mut each).and_then(|data| {
                let as_planned = data.is_none_or(|data| data == first) || file.slots.is_empty();
                if as_planned { Ok(()) } else { Err(wrong().field("data")) }
            })
        }
        (None, Some(read)) => (read.open_alone)(part.path()).and_then(|model| {
            let found: HashMap<&str, &TensorEntry> = model.tensors.iter().map(|t| (t.name.as_str(), t)).collect();
            if found.len() != file.slots.len() {
                return Err(wrong());
            }
            for slot in file.slots.iter().take_while(|_| !cancelled()) {
                let name = output.tensors[slot.tensor].entry.name.as_str();
                if !found.get(name).is_some_and(|t| same(slot.tensor, t.encoding, &t.shape)) {
                    return Err(wrong().field(name));
                }
            }
            slots = [].iter();
            Ok(())
        }),
        (None, None) => return Ok(()),
    };
    let read = read.and_then(|()| if slots.next().is_some() { Err(wrong()) } else { Ok(()) });
    read.map_err(|e| unread(e, part.destination()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Gate, RunError, RunOptions, Stop, run};
    use crate::model::FormatId;
    use crate::plan;
    use crate::recipe::{Recipe, Target};
    use crate::task::Task;
    use std::sync::Arc;

    #[test]
    fn every_byte_of_the_list_of_tensors_is_compared_with_the_plan() {
        let dir = tempfile::tempdir().unwrap();
        let source = dir.path().join("a.safetensors");
        let header = r#"{"first":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},"other":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}}"#;
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(&[0; 16]);
        std::fs::write(&source, bytes).unwrap();
        for format in [FormatId::Gguf, FormatId::Safetensors] {
            let mut recipe = Recipe::default();
            recipe.source.path = Some(source.clone());
            let output = Some(dir.path().join(format!("b.{format}")));
            recipe.targets = vec![Target { output, ..Target::of(format) }];
            let prepared = plan::prepare(&recipe, Task::quiet()).unwrap();
            let file = &prepared.outputs[0].files[0];
            let (path, to) = (dir.path().join(format!("part-{format}")), dir.path().join("to"));
            let part = PartFile::create(&path, &to, file.bytes, 0o600).unwrap();
            let head = &file.fixed[0].1;
            part.write_at(head, 0).unwrap();
            let spec = formats::write_spec(format).unwrap();
            let check = || read_back(&prepared.outputs[0], spec, file, &part, &|| false);
            check().unwrap();
            // From the length or the quote before the first name to the end of the last offset.
            let first =
                head.windows(5).position(|w| w == b"first").unwrap() - if format == FormatId::Gguf { 8 } else { 1 };
            let other = head.windows(5).position(|w| w == b"other").unwrap();
            let end = if format == FormatId::Gguf {
                other + 5 + 4 + 8 + 4 + 8
            } else {
                head.len() - head.iter().rev().position(|b| *b == b'}').unwrap()
            };
            for at in first..end {
                part.write_at(&[head[at] ^ 1], at as u64).unwrap();
                assert!(check().is_err(), "{format}: byte {at}");
                part.write_at(&head[at..=at], at as u64).unwrap();
            }
            check().unwrap();
        }
    }

    #[test]
    fn only_readers_that_ran_are_named_in_report_and_manifest() {
        let dir = tempfile::tempdir().unwrap();
        let source = dir.path().join("a.safetensors");
        let header = r#"{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#;
        let bytes = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &[0; 8]].concat();
        std::fs::write(&source, bytes).unwrap();
        let second = if cfg!(feature = "verify-gguf-rs") { Some("gguf-rs") } else { None };
        let formats = [
            (FormatId::Gguf, second),
            (FormatId::Safetensors, Some("the safetensors crate")),
            (FormatId::Pytorch, None),
        ];
        for (format, second) in formats {
            let mut recipe = Recipe::default();
            recipe.source.path = Some(source.clone());
            let out = dir.path().join(format!("b.{format}"));
            recipe.targets = vec![Target { output: Some(out), ..Target::of(format) }];
            let prepared = plan::prepare(&recipe, Task::quiet()).unwrap();
            let options = RunOptions {
                threads: 1,
                stop: &Stop::default(),
                gate: &Gate::default(),
                sink: &EventSink::new("1"),
                journal: None,
                origin: Default::default(),
            };
            let report = run(&prepared, &options).unwrap();
            let readers: Vec<&str> = second.into_iter().chain(["remold"]).collect();
            assert_eq!(report.outputs[0].verified_by, readers, "{format}");
            let manifest = std::fs::read(dir.path().join(format!("b.{format}.remold.json"))).unwrap();
            let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
            assert_eq!(manifest["output"]["verified_by"], serde_json::json!(readers), "{format}");
        }
    }

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
        recipe.targets = vec![Target { output: Some(out.clone()), ..Target::of(FormatId::Gguf) }];
        let prepared = plan::prepare(&recipe, Task::quiet()).unwrap();
        let stop = Arc::new(Stop::default());
        let flag = stop.clone();
        let sink = EventSink::new("1").with_listener(move |event| {
            if matches!(event.body, EventBody::OutputWritten { .. }) {
                flag.cancel();
            }
        });
        let options = RunOptions {
            threads: 1,
            stop: &stop,
            gate: &Gate::default(),
            sink: &sink,
            journal: None,
            origin: Default::default(),
        };
        assert!(matches!(run(&prepared, &options), Err(RunError::Cancelled)));
        assert!(!out.exists());
    }
}

//! What of an earlier attempt a resumed job can use: tensors whose files are still there and whose bytes are what the journal says.

use super::journal::Finished;
use super::part_file::PartFile;
use super::read_back::{Stretch, mismatches};
use super::staged::Staged;
use super::{EventBody, RunError, RunOptions};
use crate::model::{Warning, numbered};
use crate::plan::Prepared;
use crate::units::plural;

/// Those of the recorded tensors whose bytes on disk have the recorded checksum. Says why others cannot be used.
///
/// # Errors
/// I/O errors; the reason to stop, when there is one.
pub(super) fn believed(
    prepared: &Prepared,
    options: &RunOptions<'_>,
    outputs: &[Staged],
    recorded: Finished,
) -> Result<Finished, RunError> {
    let mut recorded = on_disk(prepared, options, outputs, recorded);
    let files: Vec<&PartFile> = outputs.iter().flat_map(|o| &o.parts).collect();
    let (mut written, mut tensors, mut first) = (Vec::new(), Vec::new(), 0);
    for (o, output) in numbered(&prepared.outputs) {
        for (f, file) in output.files.iter().enumerate() {
            for slot in &file.slots {
                if let Some(entry) = recorded.get(&(o, slot.tensor.into())) {
                    let (offset, bytes, crc) = (slot.offset, slot.bytes, entry.crc);
                    written.push(Stretch { file: first + f, offset, bytes, crc });
                    tensors.push((o, slot.tensor.into()));
                }
            }
        }
        first += output.files.len();
    }
    let wrong = mismatches(&written, &files, options.threads, options.stop.flag())?;
    if let Some(reason) = options.stop.reason() {
        return Err(reason.into());
    }
    if !wrong.is_empty() {
        let tensors = plural(wrong.len(), "tensor");
        let text = format!(
            "{tensors} of the earlier attempt must be encoded again: the bytes in the unfinished files do not match the checksums in the job's journal (the system stopped before they were on disk, or another program wrote to the files)"
        );
        options.sink.send(EventBody::Warning(Warning::new("journal.mismatch", text)));
    }
    for i in wrong {
        recorded.remove(&tensors[i]);
    }
    Ok(recorded)
}

/// Those of the recorded tensors whose files are still those of the earlier attempt.
fn on_disk(prepared: &Prepared, options: &RunOptions<'_>, outputs: &[Staged], mut recorded: Finished) -> Finished {
    let before = recorded.len();
    for (o, (output, staged)) in numbered(prepared.outputs.iter().zip(outputs)) {
        let files = output.files.iter().zip(&staged.parts);
        for slot in files.filter(|(_, part)| part.is_new()).flat_map(|(file, _)| &file.slots) {
            recorded.remove(&(o, slot.tensor.into()));
        }
    }
    let gone = before - recorded.len();
    if gone > 0 {
        let tensors = if gone == 1 { "1 tensor is".to_owned() } else { format!("{gone} tensors are") };
        let text = format!(
            "the unfinished files of the earlier attempt no longer exist (a cancelled or failed job removes them): {tensors} encoded again"
        );
        options.sink.send(EventBody::Warning(Warning::new("journal.removed", text)));
    }
    recorded
}

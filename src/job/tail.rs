//! Follows a job's `events.jsonl` by offset: the same for live, finished and replayed jobs.

use crate::engine::{Event, from_json};
use crate::files::{self, ReadError};
use crate::model::{ModelError, Result};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Most bytes read in one poll; the rest comes with the next.
const MAX_POLL_BYTES: u64 = 8 << 20;

/// A position in a job's events.
#[derive(Debug)]
pub(crate) struct Tail {
    path: PathBuf,
    offset: u64,
}

impl Tail {
    /// Starts at the beginning of the job's events.
    pub(crate) fn new(job_dir: &Path) -> Self {
        Self { path: job_dir.join("events.jsonl"), offset: 0 }
    }

    /// The complete lines that have appeared since the last call. Unknown kinds become `EventBody::Unknown`; a damaged line is
    /// passed over.
    ///
    /// # Errors
    /// I/O errors other than the file not being there yet.
    pub(crate) fn poll(&mut self) -> Result<Vec<Event>> {
        let fail = |e| ModelError::io(&self.path, "reading", e);
        let mut file = match files::open(&self.path) {
            Ok(f) => f,
            Err(ReadError::Io(e)) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(ReadError::Io(e)) => return Err(fail(e)),
            Err(e) => return Err(ModelError::bad(e.to_string()).in_file(&self.path)),
        };
        file.seek(SeekFrom::Start(self.offset)).map_err(fail)?;
        let mut bytes = Vec::new();
        file.take(MAX_POLL_BYTES).read_to_end(&mut bytes).map_err(fail)?;
        let Some(end) = bytes.iter().rposition(|b| *b == b'\n') else { return Ok(Vec::new()) };
        self.offset += end as u64 + 1;
        let lines = bytes[..end].split(|b| *b == b'\n');
        Ok(lines.filter_map(|l| from_json(l).ok()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::EventBody;
    use std::fs::File;
    use std::io::Write;

    #[test]
    fn only_whole_lines_are_given_and_unknown_kinds_survive() {
        let dir = tempfile::tempdir().unwrap();
        let mut tail = Tail::new(dir.path());
        assert!(tail.poll().unwrap().is_empty());
        let mut f = File::create(dir.path().join("events.jsonl")).unwrap();
        f.write_all(
            b"{\"t\":\"2026-01-01T00:00:00Z\",\"job\":\"1\",\"kind\":\"job.cancelled\",\"seconds\":1}\n{\"t\":",
        )
        .unwrap();
        assert!(matches!(tail.poll().unwrap()[..], [Event { body: EventBody::Cancelled { .. }, .. }]));
        f.write_all(b"\"2026-01-01T00:00:00Z\",\"job\":\"1\",\"kind\":\"later.thing\",\"x\":1}\n").unwrap();
        assert!(matches!(tail.poll().unwrap()[..], [Event { body: EventBody::Unknown, .. }]));
        assert!(tail.poll().unwrap().is_empty());
    }
}

//! Where events go: the job's `events.jsonl`, and listeners in this process.

use super::{Event, EventBody};
use crate::files;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Mutex;

type Listener = Box<dyn FnMut(&Event) + Send>;

/// Takes events from any thread and writes them in one order.
pub struct EventSink {
    job: String,
    inner: Mutex<Inner>,
}

struct Inner {
    file: Option<File>,
    listener: Option<Listener>,
}

impl EventSink {
    /// A sink for a job, without a file or a listener.
    pub fn new(job: &str) -> Self {
        Self { job: job.to_owned(), inner: Mutex::new(Inner { file: None, listener: None }) }
    }

    /// The job's identifier.
    pub(crate) fn job(&self) -> &str {
        &self.job
    }

    /// Appends every event to `events.jsonl` in the job's folder, with absolute paths. A listener gets the paths as they were given.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub(crate) fn with_file(self, path: &Path) -> std::io::Result<Self> {
        let file = files::open_private(files::private_options().create(true).append(true), path)?;
        self.lock().file = Some(file);
        Ok(self)
    }

    /// Calls `listener` with every event, in order.
    #[must_use]
    pub(crate) fn with_listener(self, listener: impl FnMut(&Event) + Send + 'static) -> Self {
        self.lock().listener = Some(Box::new(listener));
        self
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Says that something happened, now. A journal that cannot be written (disk full) does not stop the work.
    pub(crate) fn send(&self, body: EventBody) {
        let mut inner = self.lock();
        let event = Event { t: jiff::Timestamp::now(), job: self.job.clone(), body };
        let whole = |body| Event { t: event.t, job: event.job.clone(), body };
        let kept = inner.file.as_ref().and_then(|_| event.body.with_absolute_paths()).map(whole);
        if let Some(file) = &mut inner.file
            && let Ok(mut line) = serde_json::to_vec(kept.as_ref().unwrap_or(&event))
        {
            line.push(b'\n');
            let _ = file.write_all(&line);
        }
        if let Some(listener) = &mut inner.listener {
            listener(&event);
        }
    }
}

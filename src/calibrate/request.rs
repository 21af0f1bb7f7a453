//! An importance matrix that a user asks for: what it is made from, opened and checked before anything is computed.

use super::activations::Activations;
use super::output::Output;
use super::run::{Collection, DEFAULT_MEMORY, Listener, collect};
use super::windows::{Cut, Text, cut};
use super::write::Form;
use crate::arch;
use crate::files::{Checkpoint, FileStamp};
use crate::formats;
use crate::forward::{Forward, Rounding};
use crate::model::{Model, ModelError, Result, Warning};
use crate::task::Task;
use crate::units::bytes;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// What is to be made. A job keeps it in its folder.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Imatrix {
    /// The model; none if files are only merged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<PathBuf>,
    /// The text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<PathBuf>,
    /// Importance matrices that are added.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub merge: Vec<PathBuf>,
    /// The file to write.
    pub output: PathBuf,
    /// Its form, where its name does not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<Form>,
    /// An existing output may be replaced.
    #[serde(default)]
    pub replace: bool,
    /// Tokens of a window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<u32>,
    /// Windows to compute at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chunks: Option<u32>,
    /// Windows left out at the beginning of the text.
    #[serde(default)]
    pub from_chunk: u32,
    /// Bytes for the windows that are computed together; the default where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
    /// Collect the inputs of the output matrix too.
    #[serde(default)]
    pub process_output: bool,
}

/// What is computed.
struct Work {
    path: PathBuf,
    files: Vec<(PathBuf, FileStamp)>,
    forward: Forward,
    data: PathBuf,
    windows: Vec<Vec<u32>>,
    context: u32,
}

/// A request that can be carried out.
pub(crate) struct PreparedImatrix {
    request: Imatrix,
    work: Option<Work>,
    merged: Option<Activations>,
    output: Output,
}

/// What an importance matrix is computed from.
pub(crate) struct ImatrixInput<'a> {
    /// The model.
    pub model: &'a Path,
    /// Its files as they were when it was opened.
    pub files: &'a [(PathBuf, FileStamp)],
    /// Windows of the text.
    pub windows: &'a [Vec<u32>],
    /// Tokens of a window.
    pub context: u32,
}

/// What was written.
pub(crate) struct Made {
    /// The file.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// What is in it.
    pub activations: Activations,
    /// What the text did not reach.
    pub warnings: Vec<Warning>,
    /// Tokens computed; `None` if files were merged only.
    pub tokens: Option<usize>,
}

impl Imatrix {
    /// Opens everything and checks that it fits together.
    ///
    /// # Errors
    /// Requests that cannot be fulfilled: inputs that are missing or do not fit, a text that is too short, an output that may not be written.
    pub(crate) fn prepare(&self) -> Result<PreparedImatrix> {
        if self.data.is_none() && (self.model.is_some() || self.merge.is_empty()) {
            let (what, hint) = match &self.model {
                Some(_) => ("there is no text to compute", "Give a text with --data FILE."),
                None => ("there is nothing to do", "Give a model and a text with --data FILE, or files with --merge."),
            };
            return Err(ModelError::request(what).with_hint(hint));
        }
        let inputs = self.merge.iter().chain(&self.data);
        let mut stamps: Vec<FileStamp> = inputs.filter_map(|p| FileStamp::of_path(p).ok()).collect();
        let model = self.model.as_deref().map(arch::open).transpose()?;
        if let Some(model) = &model {
            stamps.extend(model.opened.iter().filter_map(|o| FileStamp::of_path(&o.path).ok()));
        }
        let output = Output::to(&self.output, self.form, self.replace, &stamps)?;
        if let Some(error) = self.model.as_deref().and_then(|model| formats::inside_source(&self.output, model)) {
            return Err(error);
        }
        let merged = merge(&self.merge, self.context)?;
        let work = match (&model, &self.data) {
            (Some(model), Some(data)) => Some(self.work(model, data)?),
            _ => None,
        };
        Ok(PreparedImatrix { request: self.clone(), work, merged, output })
    }

    fn work(&self, model: &Model, data: &Path) -> Result<Work> {
        let forward = Forward::open(model, Rounding::Exact)?;
        let trained = forward.context().and_then(|c| u32::try_from(c).ok()).filter(|c| *c > 0);
        let context = context(self.context, trained)?;
        let text = Text::read(data, model)?;
        let how =
            Cut { context: context as usize, from: self.from_chunk as usize, most: self.chunks.map(|n| n as usize) };
        let windows = cut(&text, how).map_err(|e| e.in_file(data))?;
        let files = model.opened.iter().map(|o| (o.path.clone(), o.stamp)).collect();
        Ok(Work { path: model.path.clone(), files, forward, data: data.to_owned(), windows, context })
    }
}

impl PreparedImatrix {
    /// What is computed; `None` if files are merged only.
    pub(crate) fn input(&self) -> Option<ImatrixInput<'_>> {
        let work = self.work.as_ref()?;
        Some(ImatrixInput { model: &work.path, files: &work.files, windows: &work.windows, context: work.context })
    }

    /// The file to write.
    pub(crate) fn output(&self) -> &Path {
        self.output.path()
    }

    fn collection<'a>(&self, work: &'a Work) -> Collection<'a> {
        Collection {
            windows: &work.windows,
            memory: self.request.memory.unwrap_or(DEFAULT_MEMORY),
            process_output: self.request.process_output,
        }
    }

    /// Computes, adds up and writes. With a checkpoint, the work is kept there, and continued after the last layer that was done if it was kept
    /// there before.
    ///
    /// # Errors
    /// Those of the network; inputs that are not finite; files that do not fit together; those of writing; a cancelled task.
    pub(crate) fn run(self, task: Task<'_>, listener: &dyn Listener, checkpoint: Option<&Checkpoint>) -> Result<Made> {
        let mut tokens = None;
        let mut sum = None;
        let mut warnings = Vec::new();
        if let Some(work) = &self.work {
            warnings.extend(too_little(self.collection(work), work.forward.width()));
            let entries = collect(&work.forward, self.collection(work), task, listener, checkpoint)?;
            let datasets = vec![work.data.display().to_string()];
            sum = Some((Activations { entries, datasets, chunk_size: work.context }, &work.path));
            tokens = Some(work.windows.len() * work.context as usize);
        }
        let mut activations = match (self.merged, sum) {
            (Some(mut merged), Some((one, path))) => {
                // Counts of the result are in windows of this run.
                merged.chunk_size = one.chunk_size;
                merged.merge(one).map_err(|e| e.in_file(path))?;
                merged
            }
            (Some(one), None) | (None, Some((one, _))) => one,
            (None, None) => Activations::default(),
        };
        warnings.extend(activations.coverage());
        activations.drop_zeros();
        if task.is_cancelled() {
            return Err(ModelError::request("cancelled before writing"));
        }
        let bytes = self.output.write(&activations)?;
        Ok(Made { path: self.output.path().to_owned(), bytes, activations, warnings, tokens })
    }
}

/// What to say where less memory is allowed than one window takes.
fn too_little(collection: Collection<'_>, width: usize) -> Option<Warning> {
    let (allowed, least) = (collection.memory, collection.window_bytes(width));
    let tokens = collection.windows.first().map_or(0, Vec::len);
    let (allowed_text, least_text) = (bytes(allowed), bytes(least));
    let text = format!(
        "{allowed_text} of memory are allowed, but a window of {tokens} tokens takes {least_text}, which are used"
    );
    (allowed < least).then(|| Warning::new("imatrix.memory", text))
}

/// The sum of the files, if there are any.
fn merge(files: &[PathBuf], context: Option<u32>) -> Result<Option<Activations>> {
    let mut sum: Option<Activations> = None;
    for path in files {
        let next = Activations::read(path, context)?;
        match &mut sum {
            Some(sum) => sum.merge(next).map_err(|e| e.in_file(path))?,
            None => sum = Some(next),
        }
    }
    Ok(sum)
}

/// The length of a window: the one asked for, or 512 unless the model was trained with less.
fn context(asked: Option<u32>, trained: Option<u32>) -> Result<u32> {
    let usual = super::CONTEXT as u32;
    match (asked, trained) {
        (Some(asked), Some(trained)) if asked > trained => {
            let what = format!(
                "windows of {asked} tokens are longer than the {trained} tokens that the model was trained with"
            );
            Err(ModelError::request(what).with_hint(format!("Choose at most --context {trained}.")))
        }
        (Some(asked), _) => Ok(asked),
        (None, trained) => Ok(trained.map_or(usual, |t| t.min(usual))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_as_long_as_the_model_allows() {
        assert_eq!(context(None, None).unwrap(), 512);
        assert_eq!(context(None, Some(4096)).unwrap(), 512);
        assert_eq!(context(None, Some(128)).unwrap(), 128);
        assert_eq!(context(Some(256), Some(256)).unwrap(), 256);
        let e = context(Some(257), Some(256)).unwrap_err();
        assert!(e.to_string().contains("257") && e.hint().is_some(), "{e}");
    }
}

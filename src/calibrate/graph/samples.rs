//! Inputs of a graph, sample by sample.

use super::arrays::ArrayFile;
use super::graph_of;
use super::inputs::{Input, inputs};
use super::texts::Texts;
use crate::formats;
use crate::graph::Text;
use crate::graph::eval::Value;
use crate::model::{Model, ModelError, Result};
use crate::task::Task;
use std::path::{Path, PathBuf};

/// The inputs of one run, by name.
pub(crate) type Sample = Vec<(Text, Value)>;

/// Inputs for a graph. What they are is known; their values are read when they are needed.
pub(crate) struct Samples {
    parts: Vec<Part>,
    inputs: Vec<Input>,
}

enum Part {
    Arrays(ArrayFile),
    Texts(Texts),
}

impl Part {
    fn len(&self) -> usize {
        match self {
            Self::Arrays(file) => file.count,
            Self::Texts(texts) => texts.all.len(),
        }
    }
}

impl Samples {
    /// The samples of a file or of the files of a folder, in the order of their names. `model` has the graph; `source` is the model that it was
    /// made from, which may have a tokenizer. Arrays are read from `.npy`, `.npz` and files of tensors; any other file is a text with a sample on each line.
    ///
    /// # Errors
    /// Files that cannot be read, and what does not fit the inputs of the graph.
    pub(crate) fn open(path: &Path, model: &Model, source: &Model) -> Result<Self> {
        let inputs = inputs(graph_of(model)?);
        let files = files(path)?;
        let part = |file: &PathBuf| {
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if is_array_file(file) || formats::has_model_extension(&name) {
                ArrayFile::open(file, &inputs).map(Part::Arrays)
            } else {
                Texts::open(file, source, &inputs).map(Part::Texts)
            }
        };
        Ok(Self { parts: files.iter().map(part).collect::<Result<_>>()?, inputs })
    }

    /// Number of samples.
    pub(crate) fn len(&self) -> usize {
        self.parts.iter().map(Part::len).sum()
    }

    /// What decides the values of the samples, as text: files with their sizes and times, tokens of texts.
    pub(crate) fn identity(&self) -> String {
        let one = |part: &Part| match part {
            Part::Arrays(file) => file.identity(),
            Part::Texts(texts) => texts.identity(),
        };
        self.parts.iter().map(one).collect::<Vec<_>>().join("\n")
    }

    /// Does `work` with each of the samples of these numbers, given its place in `wanted`.
    ///
    /// # Errors
    /// Read errors and those of `work`; cancelled.
    pub(crate) fn each(
        &self,
        wanted: &[usize],
        task: &Task<'_>,
        work: impl Fn(usize, Sample) -> Result<()> + Sync,
    ) -> Result<()> {
        task.each(wanted.len(), |place, (): &mut ()| work(place, self.get(wanted[place])?))?;
        if task.is_cancelled() { Err(ModelError::request("cancelled")) } else { Ok(()) }
    }

    /// A sample.
    ///
    /// # Errors
    /// Read errors; a number that no sample has.
    pub(crate) fn get(&self, number: usize) -> Result<Sample> {
        let mut at = number;
        for part in &self.parts {
            if at < part.len() {
                return Ok(self.completed(match part {
                    Part::Arrays(file) => file.sample(at)?,
                    Part::Texts(texts) => texts.sample(at),
                }));
            }
            at -= part.len();
        }
        Err(ModelError::request(format!("there is no sample {number}")))
    }

    /// The sample with empty pasts for inputs that are left out.
    fn completed(&self, mut sample: Sample) -> Sample {
        let batch = sample.first().and_then(|(_, v)| v.tensor().ok()?.dims.first().copied()).unwrap_or(1);
        for input in self.inputs.iter().filter(|i| i.is_past()) {
            if !sample.iter().any(|(name, _)| *name == input.name)
                && let Some(value) = input.empty(batch)
            {
                sample.push((input.name.clone(), value));
            }
        }
        sample
    }
}

/// The files of a folder, or the file.
fn files(path: &Path) -> Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = std::fs::read_dir(path).map_err(|e| ModelError::io(path, "reading", e))?;
    let hidden = |p: &PathBuf| p.file_name().is_some_and(|n| n.as_encoded_bytes().starts_with(b"."));
    let mut files: Vec<PathBuf> = entries.flatten().map(|e| e.path()).filter(|p| p.is_file() && !hidden(p)).collect();
    files.sort();
    if files.is_empty() {
        let hint = "Put .npy, .npz or .safetensors files with arrays into it, or text files.";
        return Err(ModelError::request("the folder has no files of calibration data").in_file(path).with_hint(hint));
    }
    Ok(files)
}

/// True for the files of NumPy's arrays.
fn is_array_file(path: &Path) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case("npy") || e.eq_ignore_ascii_case("npz"))
}

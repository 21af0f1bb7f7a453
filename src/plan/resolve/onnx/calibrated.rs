//! Static quantization on calibration data, and the error of the outputs of any precision on such data.
//!
//! What was found is kept in the cache of the user, under a hash of everything that decides it: a worker plans again, and finds it there.

use crate::calibrate::graph::{GraphQuality, Method, Parts, Request, Samples, Subject, calibrate, measure};
use crate::files;
use crate::model::{Model, ModelError, Piece, Result, Warning};
use crate::recipe::Target;
use crate::recipe::options::graph as options;
use crate::task::{Task, collected, locked};
use crate::transform::graph::{Changed, StaticOptions, quantize_static};
use crate::units::plural;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::path::PathBuf;
use std::sync::Mutex;

/// Samples that are used unless the target says otherwise.
const SAMPLES: usize = 128;
/// The share of the values that `percentile` keeps in its range, in percent, as in ONNX Runtime.
const PERCENT: f64 = 99.999;
/// Largest file that is read from the cache.
const MOST_KEPT: u64 = 64 << 20;

/// What a target says of calibration.
pub(super) struct Calibration {
    data: PathBuf,
    method: Method,
    samples: usize,
    percent: f64,
}

/// What is kept in the cache.
#[derive(Serialize, Deserialize)]
struct Kept {
    /// The least and the largest value of each activation.
    ranges: BTreeMap<String, (f32, f32)>,
    quality: GraphQuality,
}

impl Calibration {
    /// What a target asks for; `None` without data.
    pub(super) fn of(target: &Target) -> Option<Self> {
        let o = &target.options;
        let method = o.get(&options::CALIBRATION_METHOD).and_then(|name| Method::parse(&name));
        Some(Self {
            data: o.get(&options::CALIBRATION_DATA)?,
            method: method.unwrap_or(Method::Auto),
            samples: o.get(&options::CALIBRATION_SAMPLES).map_or(SAMPLES, |n| n as usize),
            percent: o.get(&options::CALIBRATION_PERCENTILE).unwrap_or(PERCENT),
        })
    }

    /// Opens the data for a graph. `source` is the model that the graph was made from.
    fn open(&self, model: &Model, source: &Model) -> Result<(Samples, Parts)> {
        let samples = Samples::open(&self.data, model, source).map_err(|e| e.in_option(&options::CALIBRATION_DATA))?;
        let parts = Parts::of(samples.len(), Some(self.samples));
        Ok((samples, parts))
    }

    fn quality(&self, samples: &Samples, parts: &Parts) -> GraphQuality {
        GraphQuality {
            data: std::path::absolute(&self.data).unwrap_or_else(|_| self.data.clone()),
            samples: samples.len(),
            measured_on: parts.held_out.len(),
            ..GraphQuality::default()
        }
    }

    /// Quantizes a model statically.
    ///
    /// # Errors
    /// Data that do not fit the graph, nodes that cannot be evaluated, those of the change; cancelled.
    pub(super) fn quantized(
        &self,
        model: &Model,
        source: &Model,
        how: &StaticOptions,
        task: Task<'_>,
    ) -> Result<(Changed, GraphQuality)> {
        let (samples, parts) = self.open(model, source)?;
        let asked = format!("static {how:?} {} {} {}", self.method.name(), self.percent, self.samples);
        let place = place(model, &samples, &asked, &task)?;
        if let Some(kept) = read(&place) {
            let ranges: HashMap<String, (f32, f32)> = kept.ranges.into_iter().collect();
            return Ok((quantize_static(model, how, &ranges, &task)?, kept.quality));
        }
        let (method, percent) = (self.method, self.percent);
        let request = Request { model, options: how, method, percent, samples: &samples, parts: &parts };
        let found = calibrate(&request, &task)?;
        let quality = GraphQuality {
            calibrated_on: parts.observed.len(),
            same_samples: parts.overlap(),
            method: Some(found.method.name().to_owned()),
            tried: found.tried,
            outputs: found.measured.output_figures(),
            worst: found.measured.worst_nodes(),
            ..self.quality(&samples, &parts)
        };
        let kept = Kept { ranges: found.ranges.into_iter().collect(), quality };
        write(&place, &kept);
        Ok((found.changed, kept.quality))
    }

    /// Measures what a change of precision does to the outputs.
    ///
    /// # Errors
    /// Data that do not fit the graph, nodes that cannot be evaluated; cancelled.
    pub(super) fn measured(
        &self,
        model: &Model,
        source: &Model,
        changed: &Changed,
        what: &str,
        task: Task<'_>,
    ) -> Result<GraphQuality> {
        let (samples, parts) = self.open(model, source)?;
        let place = place(model, &samples, &format!("{what} {}", self.samples), &task)?;
        if let Some(kept) = read(&place) {
            return Ok(kept.quality);
        }
        let subject = Subject { model: &changed.model, changed: &changed.report.changed };
        let wanted = &parts.held_out;
        let found = measure(model, &[subject], &samples, wanted, &task)?.into_iter().next().unwrap_or_default();
        let quality = GraphQuality {
            outputs: found.output_figures(),
            worst: found.worst_nodes(),
            ..self.quality(&samples, &parts)
        };
        let kept = Kept { ranges: BTreeMap::new(), quality };
        write(&place, &kept);
        Ok(kept.quality)
    }
}

/// What there is to warn of.
pub(super) fn warnings(quality: &GraphQuality) -> Vec<Warning> {
    let mut warnings = Vec::new();
    if quality.same_samples {
        let text = "there is only one sample: the error of the outputs is measured on the sample that the ranges were found on";
        warnings.push(Warning::new("graph.calibration", text));
    }
    let poor: Vec<String> = quality.outputs.iter().filter(|o| o.is_poor()).map(|o| o.shown()).collect();
    if !poor.is_empty() {
        let worst: Vec<String> = quality.worst.iter().map(|n| n.shown()).collect();
        let nodes = match worst.as_slice() {
            [] => String::new(),
            all => format!("; the outputs of these nodes are farthest from the original: {}", all.join(", ")),
        };
        let samples = plural(quality.measured_on, "sample");
        let text = format!("the result is far from the original on {samples}: {}{nodes}", poor.join("; "));
        warnings.push(Warning::new("graph.error", text));
    }
    warnings
}

/// The file of the cache for a model, its samples and what is asked for.
fn place(model: &Model, samples: &Samples, asked: &str, task: &Task<'_>) -> Result<PathBuf> {
    /// Takes text into a hash.
    struct Hashed(Sha256);
    impl Write for Hashed {
        fn write_str(&mut self, text: &str) -> std::fmt::Result {
            self.0.update(text.as_bytes());
            Ok(())
        }
    }
    let tensors: Mutex<Vec<[u8; 16]>> = Mutex::new(vec![[0; 16]; model.tensors.len()]);
    task.each(model.tensors.len(), |at, buffer: &mut Vec<u8>| {
        let entry = &model.tensors[at];
        let mut hash = twox_hash::xxhash3_128::Hasher::new();
        let rows = ((1 << 20) / entry.row_bytes().max(1)).max(1);
        let mut from = 0;
        while from < entry.rows() {
            let to = (from + rows).min(entry.rows());
            entry.read_piece(&Piece::rows(entry, from..to), buffer)?;
            hash.write(buffer);
            from = to;
        }
        locked(&tensors)[at] = hash.finish_128().to_be_bytes();
        Ok::<(), ModelError>(())
    })?;
    let mut hash = Hashed(Sha256::new());
    let graph = model.graph.as_deref();
    // Writing to a hash does not fail.
    let _ = write!(hash, "{} {asked} {} {graph:?} {:?}", env!("CARGO_PKG_VERSION"), samples.identity(), model.tensors);
    collected(tensors).iter().for_each(|t| hash.0.update(t));
    let name: String = hash.0.finalize().iter().take(16).map(|b| format!("{b:02x}")).collect();
    Ok(files::paths::cache().join("calibration").join(format!("{name}.json")))
}

fn read(place: &std::path::Path) -> Option<Kept> {
    serde_json::from_slice(&files::read(place, MOST_KEPT).ok()?).ok()
}

/// A cache that cannot be written costs time, nothing else.
fn write(place: &std::path::Path, kept: &Kept) {
    if let (Some(folder), Ok(json)) = (place.parent(), serde_json::to_vec(kept))
        && files::create_private_folder(folder).is_ok()
    {
        let _ = files::write_private(place, &json);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calibrate::graph::{NodeQuality, OutputQuality};

    #[test]
    fn outputs_that_are_far_from_the_original_are_warned_of() {
        let output = |db| OutputQuality { output: "y".into(), snr_db: db, max_error: 1.0, ..OutputQuality::default() };
        let worst = vec![NodeQuality { node: "/conv1".into(), op: "Conv".into(), snr_db: Some(3.0) }];
        let of = |db, same_samples| GraphQuality {
            outputs: vec![output(db)],
            worst: worst.clone(),
            measured_on: 2,
            same_samples,
            ..GraphQuality::default()
        };
        assert!(warnings(&of(Some(10.0), false)).is_empty());
        let [poor] = warnings(&of(Some(9.9), false)).try_into().unwrap();
        assert!(poor.code == "graph.error" && poor.text.contains("/conv1") && poor.text.contains("9.9 dB"), "{poor:?}");
        // A signal that was zero and is not any more has no ratio.
        assert_eq!(warnings(&of(None, true)).len(), 2);
    }
}

//! Jobs that measure: an evaluation of models on a text, or an importance matrix.
//!
//! `request` is what such a job keeps of its request; `run` carries it out and sends its events; `report` is what it found; `results`
//! finds what earlier evaluations measured of some models. Must not know how figures are computed (`quality`, `calibrate`) or screens.

mod report;
mod request;
mod results;
mod run;
pub(in crate::job) use run::STATE;
mod shown;

#[allow(unused_imports, reason = "parts of what Compare will look up")]
pub(crate) use report::{Baseline, MeasuredValue};
pub(crate) use report::{EvaluationReport, ImatrixReport, MeasuredModel, MeasurementReport, TextRecord};
pub(crate) use request::{EvaluationRequest, Measurement};
#[allow(unused_imports, reason = "Compare will show kept results; nothing looks them up yet")]
pub(crate) use results::{Basis, MeasuredResult, MeasuredSet, measured};
pub(crate) use run::{PreparedMeasurement, run_measurement};

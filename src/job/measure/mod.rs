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

pub(crate) use report::{EvaluationReport, ImatrixReport, MeasuredModel, MeasurementReport, TextRecord};
pub(crate) use request::{EvaluationRequest, Measurement};
pub(crate) use results::{MeasuredResult, MeasuredSet, measured, unfinished};
pub(crate) use run::{PreparedMeasurement, run_measurement};

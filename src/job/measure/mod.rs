//! Jobs that measure: an evaluation of models on a text, or an importance matrix.
//!
//! `request` is what such a job keeps of its request; `run` carries it out and sends its events; `report` is what it found; `results`
//! finds what earlier evaluations measured of some models. Must not know how figures are computed (`quality`, `calibrate`) or screens.

mod report;
mod request;
mod results;
mod run;
mod shown;

pub(crate) use report::{
    Baseline, EvaluationReport, FileRecord, ImatrixReport, MeasuredModel, MeasuredValue, MeasurementReport, TextRecord,
};
pub(crate) use request::{EvaluationRequest, Measurement};
pub(crate) use results::{Basis, MeasuredResult, MeasuredSet, measured};
pub(crate) use run::{PreparedMeasurement, run_measurement};

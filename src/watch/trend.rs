//! How the quality of exports changes from checkpoint to checkpoint, from the reports of their jobs.

use super::config_changes;
use crate::engine::{Metric, OutputEvaluation, OutputReport, Report};
use crate::job::{self, JobFolder};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// A tensor counts as worse when its signal to noise ratio falls by this much, in dB: the noise has twice the power.
const FALL_DB: f64 = 3.0;

/// A tensor that lost much more in this export than in the one before it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Regression {
    /// Its name in the output.
    pub tensor: String,
    /// Signal to quantization noise in the export before, dB.
    pub before_db: f64,
    /// The same now, dB.
    pub now_db: f64,
}

/// The figures from the reports.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Figures {
    /// Signal to quantization noise over all re-encoded weights, dB: the lowest of the outputs. Absent where nothing was re-encoded with loss.
    pub weights_db: Option<f64>,
    /// The same of the tensor that lost most, dB.
    pub worst_tensor_db: Option<f64>,
    /// The tensor that fell most, if it fell by more than 3 dB.
    pub regression: Option<Regression>,
    /// What changed in config.json since the previous checkpoint.
    pub config_changes: Vec<String>,
    /// What was measured on a text: the most important values, and those that have a condition.
    pub metrics: Vec<Metric>,
    /// The checks that failed, in words.
    pub failed_checks: Vec<String>,
}

/// Metrics that are part of a trend whether or not they have a condition.
const TREND_METRICS: [&str; 4] = ["perplexity", "kld_mean", "cosine_mean", "output_snr_db"];

/// The figures of an export; `previous` is the job of the previous checkpoint in the same run.
pub(crate) fn figures(job: &JobFolder, previous: Option<&JobFolder>) -> Figures {
    let config_changes = previous.map(|p| config_changes::between(p, job)).unwrap_or_default();
    let Some(report) = job.report() else { return Figures { config_changes, ..Figures::default() } };
    let before = previous.and_then(JobFolder::report);
    let tensors = report.outputs.iter().flat_map(|o| &o.tensors);
    Figures {
        weights_db: lowest(&report),
        worst_tensor_db: tensors.filter_map(|t| t.sqnr_db).min_by(f64::total_cmp),
        regression: before.and_then(|before| worst_fall(&before, &report)),
        config_changes,
        metrics: report.outputs.iter().filter_map(|o| o.evaluation.as_ref()).flat_map(of_trend).collect(),
        failed_checks: report.failed_checks().map(job::check_text).collect(),
    }
}

fn of_trend(e: &OutputEvaluation) -> impl Iterator<Item = Metric> + '_ {
    let checked = |m: &Metric| e.checks.iter().any(|c| c.metric == m.name);
    e.metrics.iter().filter(move |m| m.layer.is_none() && (TREND_METRICS.contains(&&*m.name) || checked(m))).cloned()
}

fn lowest(report: &Report) -> Option<f64> {
    report.outputs.iter().filter_map(|o| o.sqnr_db).min_by(f64::total_cmp)
}

/// The tensor that fell most between two reports of the same recipe.
fn worst_fall(before: &Report, now: &Report) -> Option<Regression> {
    let pairs = before.outputs.iter().zip(&now.outputs);
    let same = |(b, n): &(&OutputReport, &OutputReport)| b.format == n.format && b.quantization == n.quantization;
    let falls = pairs.filter(same).filter_map(|(b, n)| worst_of(b, n));
    falls.max_by(|a, b| (a.before_db - a.now_db).total_cmp(&(b.before_db - b.now_db)))
}

fn worst_of(before: &OutputReport, now: &OutputReport) -> Option<Regression> {
    let known: HashMap<&str, f64> = before.tensors.iter().filter_map(|t| Some((&*t.tensor.name, t.sqnr_db?))).collect();
    let falls = now.tensors.iter().filter_map(|t| {
        let (now_db, before_db) = (t.sqnr_db?, *known.get(&*t.tensor.name)?);
        let fell = before_db - now_db > FALL_DB;
        fell.then(|| Regression { tensor: t.tensor.name.to_string(), before_db, now_db })
    });
    falls.max_by(|a, b| (a.before_db - a.now_db).total_cmp(&(b.before_db - b.now_db)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{TensorDone, TensorStart};

    fn report(db: &[(&str, f64)]) -> Report {
        let tensors = db.iter().map(|(name, db)| TensorDone {
            tensor: TensorStart { name: (*name).into(), ..TensorStart::default() },
            sqnr_db: Some(*db),
            ..TensorDone::default()
        });
        let sqnr_db = db.iter().map(|(_, db)| *db).min_by(f64::total_cmp);
        let output = OutputReport { sqnr_db, tensors: tensors.collect(), ..OutputReport::default() };
        Report { outputs: vec![output], ..Report::default() }
    }

    #[test]
    fn the_tensor_that_fell_most_is_named() {
        let before = report(&[("a", 24.0), ("b", 30.0), ("c", 22.0)]);
        let now = report(&[("a", 20.5), ("b", 22.0), ("c", 21.0), ("new", 1.0)]);
        let worst = worst_fall(&before, &now).unwrap();
        assert_eq!((worst.tensor.as_str(), worst.before_db, worst.now_db), ("b", 30.0, 22.0));
        assert_eq!(worst_fall(&before, &report(&[("a", 22.0), ("b", 29.0)])), None, "less than 3 dB");
        assert_eq!(lowest(&now), Some(1.0));
    }
}

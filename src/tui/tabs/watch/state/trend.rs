//! What exports of a run come to over its training steps: only figures that were measured.

use super::view::{Export, ExportQuality, WatcherView};
use crate::quality::{Better, METRICS, MetricSpec};

/// The latest export of a checkpoint.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Point {
    /// Its training step.
    pub step: u64,
    /// Bytes of its outputs.
    pub bytes: u64,
    /// What its job measured of the weights; nothing while its report was not looked for.
    pub measured: Option<ExportQuality>,
    /// What was measured with data: the worst value of its outputs, with the name of the metric.
    pub metrics: Vec<(&'static str, f64)>,
    /// A check of the recipe failed.
    pub failed: bool,
}

/// A value at a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Value {
    /// The training step.
    pub step: f64,
    /// The value.
    pub value: f64,
    /// A check of the export failed.
    pub failed: bool,
}

/// The exports of a run, by step.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Trend {
    /// One point each checkpoint that has a step and an export.
    pub points: Vec<Point>,
}

/// The worst value of each metric over the outputs of an export, in the order of reports.
pub(crate) fn worst_metrics(e: &Export) -> Vec<(&'static MetricSpec, f64)> {
    let worst = |m: &'static MetricSpec| {
        let values = e.metrics.iter().filter(|found| found.name == m.name && found.layer.is_none()).map(|m| m.value);
        let worst = match m.better {
            Better::More => f64::min,
            Better::Less => f64::max,
            Better::Neither => |a: f64, b: f64| if b.abs() > a.abs() { b } else { a },
        };
        Some((m, values.filter(|v| v.is_finite()).reduce(worst)?))
    };
    METRICS.iter().filter_map(worst).collect()
}

impl Trend {
    /// Of the sources of a run.
    pub(crate) fn of(view: &WatcherView, run: &str) -> Self {
        let mut points: Vec<Point> = view
            .sources()
            .filter(|s| s.run() == run)
            .filter_map(|s| {
                let e = s.written()?;
                Some(Point {
                    step: s.step?,
                    bytes: e.done.bytes,
                    measured: view.measured(&e.done.job),
                    metrics: worst_metrics(e).into_iter().map(|(m, value)| (m.name, value)).collect(),
                    failed: !e.ok(),
                })
            })
            .collect();
        points.sort_by_key(|p| p.step);
        Self { points }
    }

    fn values(&self, value: impl Fn(&Point) -> Option<f64>) -> Vec<Value> {
        let of = |p: &Point| Some(Value { step: p.step as f64, value: value(p)?, failed: p.failed });
        self.points.iter().filter_map(of).collect()
    }

    /// The metrics that were measured at any step, in the order of reports.
    pub(crate) fn metrics(&self) -> impl Iterator<Item = &'static MetricSpec> + '_ {
        METRICS.iter().filter(|m| self.points.iter().any(|p| p.metrics.iter().any(|(name, _)| *name == m.name)))
    }

    /// A metric where it was measured.
    pub(crate) fn metric(&self, name: &str) -> Vec<Value> {
        self.values(|p| p.metrics.iter().find(|(n, _)| *n == name).map(|(_, value)| *value))
    }

    /// dB where they were measured.
    pub(crate) fn db(&self) -> Vec<Value> {
        self.values(|p| match p.measured {
            Some(ExportQuality::Db(db)) => Some(db),
            _ => None,
        })
    }

    /// Sizes in bytes.
    pub(crate) fn bytes(&self) -> Vec<Value> {
        self.values(|p| Some(p.bytes as f64))
    }

    /// Exports that failed a check.
    pub(crate) fn failed(&self) -> usize {
        self.points.iter().filter(|p| p.failed).count()
    }

    /// Why there are fewer dB than exports; nothing where there are not, or not all reports were looked for yet.
    pub(crate) fn why_no_db(&self) -> Option<String> {
        let n = |what: Option<ExportQuality>| self.points.iter().filter(|p| p.measured == what).count();
        if n(None) > 0 {
            return None;
        }
        let (lossless, gone) = (n(Some(ExportQuality::Lossless)), n(Some(ExportQuality::NoReport)));
        match (lossless, gone) {
            (0, 0) => None,
            (0, gone) => Some(format!("{gone} without a report: the job was removed")),
            (lossless, 0) => Some(format!("{lossless} encoded without loss")),
            (lossless, gone) => Some(format!("{lossless} encoded without loss, {gone} without a report")),
        }
    }
}

//! What exports of a run come to over its training steps: only figures that were measured.

use super::view::{ExportQuality, WatcherView};

/// The latest export of a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Point {
    /// Its training step.
    pub step: u64,
    /// Bytes of its outputs.
    pub bytes: u64,
    /// What its job measured of the weights; nothing while its report was not looked for.
    pub measured: Option<ExportQuality>,
}

/// The exports of a run, by step.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Trend {
    /// One point each checkpoint that has a step and an export.
    pub points: Vec<Point>,
}

impl Trend {
    /// Of the sources of a run.
    pub(crate) fn of(view: &WatcherView, run: &str) -> Self {
        let mut points: Vec<Point> = view
            .sources()
            .filter(|s| s.run() == run)
            .filter_map(|s| {
                let e = s.exported()?;
                Some(Point { step: s.step?, bytes: e.done.bytes, measured: view.measured(&e.done.job) })
            })
            .collect();
        points.sort_by_key(|p| p.step);
        Self { points }
    }

    /// Steps and dB where they were measured.
    pub(crate) fn db(&self) -> Vec<(f64, f64)> {
        let db = |p: &Point| match p.measured {
            Some(ExportQuality::Db(db)) => Some((p.step as f64, db)),
            _ => None,
        };
        self.points.iter().filter_map(db).collect()
    }

    /// Steps and bytes.
    pub(crate) fn bytes(&self) -> Vec<(f64, f64)> {
        self.points.iter().map(|p| (p.step as f64, p.bytes as f64)).collect()
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

//! What was measured of a changed graph, as plans, reports and manifests have it.

use crate::graph::eval::Difference;
use crate::transform::graph::NodeName;
use crate::units::plural;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// How far the outputs of a changed graph are from those of the original.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GraphQuality {
    /// The data.
    pub data: PathBuf,
    /// Samples in the data.
    pub samples: usize,
    /// Samples that ranges were found on; 0 where none are needed.
    #[serde(default)]
    pub calibrated_on: usize,
    /// Samples that outputs were compared on.
    pub measured_on: usize,
    /// True if outputs were compared on samples that ranges were found on, since there is only one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub same_samples: bool,
    /// How ranges were found: `minmax`, `percentile`, `entropy` or `mse`; absent where none are needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The methods that were compared, where the method was to be chosen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tried: Vec<TriedMethod>,
    /// Each output.
    pub outputs: Vec<OutputQuality>,
    /// The nodes whose outputs are farthest from the original, worst first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub worst: Vec<NodeQuality>,
}

/// A method that was tried.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TriedMethod {
    /// Its name.
    pub method: String,
    /// Each output.
    pub outputs: Vec<OutputQuality>,
}

/// How far an output is from the original.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OutputQuality {
    /// Its name.
    pub output: String,
    /// Signal to noise, dB; absent where all values are equal, or some are not finite on one side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snr_db: Option<f64>,
    /// Cosine similarity.
    pub cosine: f64,
    /// The largest difference.
    pub max_error: f64,
    /// Values that are finite on one side only.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub not_finite: u64,
}

/// How far the output of a node is from the original.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NodeQuality {
    /// The node.
    pub node: String,
    /// Its operator.
    pub op: String,
    /// Signal to noise, dB; absent where values are not finite on one side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snr_db: Option<f64>,
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

fn finite(db: f64) -> Option<f64> {
    db.is_finite().then_some(db)
}

/// Signal to noise under which an output is of little use, dB.
const POOR_DB: f64 = 10.0;

impl OutputQuality {
    /// The figures of a difference.
    pub(crate) fn of(output: &str, d: &Difference) -> Self {
        let (snr_db, not_finite) = (finite(d.snr_db()), d.not_finite);
        Self { output: output.to_owned(), snr_db, cosine: d.cosine(), max_error: d.max_abs, not_finite }
    }

    /// True if the output is far from the original: a tenth of its power is noise, or values are not finite any more.
    pub(crate) fn is_poor(&self) -> bool {
        self.not_finite > 0 || self.snr_db.map_or(self.max_error > 0.0, |db| db < POOR_DB)
    }

    /// Its figures in a few words: `scores 40.4 dB, cosine 0.99995, largest difference 0.38`.
    pub(crate) fn shown(&self) -> String {
        if self.not_finite > 0 {
            return format!("{} has {} values that are not finite on one side", self.output, self.not_finite);
        }
        match self.snr_db {
            Some(db) => format!(
                "{} {db:.1} dB, cosine {:.5}, largest difference {:.3e}",
                self.output, self.cosine, self.max_error
            ),
            None if self.max_error > 0.0 => format!("{} is not zero any more, as it was", self.output),
            None => format!("{} is unchanged", self.output),
        }
    }
}

impl GraphQuality {
    /// Signal to noise of the output that is farthest from the original, dB; absent where none has it.
    pub(crate) fn least_db(&self) -> Option<f64> {
        self.outputs.iter().filter_map(|o| o.snr_db).min_by(f64::total_cmp)
    }

    /// The error of the outputs, in a line.
    pub(crate) fn shown(&self) -> String {
        outputs(&self.outputs)
    }

    /// What was measured, in a few lines.
    pub(crate) fn lines(&self) -> Vec<String> {
        let data = self.data.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
        let mut lines = Vec::new();
        if let Some(method) = &self.method {
            let chosen = if self.tried.is_empty() { "" } else { ", the best of those compared" };
            lines.push(format!(
                "ranges of activations by {method}{chosen}, on {} of {data}",
                plural(self.calibrated_on, "sample")
            ));
        }
        for tried in &self.tried {
            lines.push(format!("  {}: {}", tried.method, outputs(&tried.outputs)));
        }
        let others = if self.calibrated_on > 0 && !self.same_samples { "other " } else { "" };
        let on = format!("{} {others}{}", self.measured_on, if self.measured_on == 1 { "sample" } else { "samples" });
        lines.push(format!("outputs against the original on {on}: {}", outputs(&self.outputs)));
        if !self.worst.is_empty() {
            let worst: Vec<String> = self.worst.iter().map(NodeQuality::shown).collect();
            lines.push(format!("farthest from the original: {}", worst.join(", ")));
        }
        lines
    }
}

/// The figures of outputs in a line. Of many, those with the least signal to noise.
fn outputs(all: &[OutputQuality]) -> String {
    const NAMED: usize = 4;
    let mut sorted: Vec<&OutputQuality> = all.iter().collect();
    if all.len() > NAMED {
        let db = |o: &OutputQuality| if o.is_poor() { f64::NEG_INFINITY } else { o.snr_db.unwrap_or(f64::INFINITY) };
        sorted.sort_by(|a, b| db(a).total_cmp(&db(b)));
    }
    let named: Vec<String> = sorted.iter().take(NAMED).map(|o| o.shown()).collect();
    let more = match all.len().saturating_sub(NAMED) {
        0 => String::new(),
        n => format!("; and {n} more, which are nearer"),
    };
    format!("{}{more}", named.join("; "))
}

impl NodeQuality {
    /// Its figures in a few words: `/conv1 (Conv) 12.3 dB`.
    pub(crate) fn shown(&self) -> String {
        match self.snr_db {
            Some(db) => format!("{} ({}) {db:.1} dB", self.node, self.op),
            None => format!("{} ({})", self.node, self.op),
        }
    }

    /// The figures of a difference.
    pub(crate) fn of(node: &NodeName, d: &Difference) -> Self {
        Self { node: node.name.clone(), op: node.op.clone(), snr_db: finite(d.snr_db()) }
    }
}

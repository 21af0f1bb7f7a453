//! What graphs of one network give for the same inputs, output by output, and where they part if they differ.
//!
//! Inputs come from a file or from a seed (`inputs`); an engine (`runner`) computes the outputs; the figures are those of `graph::judge`. The structures of
//! the graphs are compared, too. Must not know jobs or screens. Tests: `cargo test --lib evaluate::graphs`.

mod inputs;
mod outputs;
mod runner;

#[cfg(test)]
mod tests;

pub(crate) use outputs::{GraphModel, GraphRequest, compare_outputs};
pub(crate) use runner::Engine;

use crate::units::lossy;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The signal to noise of equal outputs in metrics, dB: JSON has no infinite numbers.
const EQUAL_DB: f64 = 999.0;

/// What the graphs of a comparison give for the same inputs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Graphs {
    /// What computed the outputs: `reference`.
    pub engine: String,
    /// The file with the inputs; absent if they were made from a seed.
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "lossy_path")]
    pub data: Option<PathBuf>,
    /// The seed that inputs were made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// The inputs.
    pub inputs: Vec<GraphInput>,
    /// Wall seconds.
    pub seconds: f64,
    /// The graphs, by variant.
    pub variants: Vec<GraphFigures>,
}

/// An input that all graphs got.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GraphInput {
    /// Its name.
    pub name: String,
    /// Type of its elements.
    pub dtype: String,
    /// Dimensions, outermost first.
    pub shape: Vec<usize>,
    /// What its numbers are: `normal`, `below 32000, the rows of a table`, `from the file`.
    pub what: String,
}

/// One graph.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GraphFigures {
    /// True if the graph was built from a checkpoint, as a conversion does it.
    #[serde(default)]
    pub built: bool,
    /// Number of nodes, those of nested regions and functions too.
    pub nodes: usize,
    /// Versions of the operators.
    pub opsets: Vec<String>,
    /// Inputs with their types: `input_ids i64 [batch_size, sequence_length]`.
    pub inputs: Vec<String>,
    /// Outputs with their types.
    pub outputs: Vec<String>,
    /// Operators of which it has more or fewer nodes than the baseline, the largest difference first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub operators: Vec<OperatorCounts>,
    /// When an output of floats is near enough to the baseline's; absent for the baseline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tolerance: Option<String>,
    /// How far its outputs are from the baseline's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub compared: Vec<OutputFigures>,
    /// Why it has no outputs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
    /// Where it parts from the baseline, if that was looked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bisection: Option<Bisected>,
}

/// Nodes of one operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorCounts {
    /// The operator.
    pub op: String,
    /// Nodes in the baseline.
    pub baseline: usize,
    /// Nodes in this graph.
    pub here: usize,
}

/// How far a value is from the baseline's.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OutputFigures {
    /// Its name in the baseline.
    pub name: String,
    /// Type of its elements in this graph.
    pub dtype: String,
    /// Dimensions, outermost first.
    pub shape: Vec<usize>,
    /// Number of elements that are not equal.
    pub differing: u64,
    /// The largest difference; absent if numbers are not finite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_error: Option<f64>,
    /// The same as a share of the baseline's largest number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relative_error: Option<f64>,
    /// Signal to noise, dB; absent without a difference, and if numbers are not finite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snr_db: Option<f64>,
    /// Cosine similarity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cosine: Option<f64>,
    /// Numbers of which exactly one is finite.
    #[serde(default)]
    pub not_finite: u64,
    /// True within the tolerance.
    pub passed: bool,
    /// Why it cannot be compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// Where two graphs part.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Bisected {
    /// Nodes of this graph.
    pub nodes: usize,
    /// Those that give a value of a name that the baseline has, too.
    pub matched: usize,
    /// The first one whose value differs beyond the tolerance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<FirstNode>,
    /// The first one that differs and after which no value that depends on it agrees. Another one than the first, if the first gives another value under
    /// the same name, as a fused node does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lasting: Option<FirstNode>,
    /// Why it was not found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

/// The first node that gives another value.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FirstNode {
    /// Its name; empty if it has none.
    pub node: String,
    /// Its operator.
    pub op: String,
    /// Its place in the order in which the graph runs, from 0.
    pub at: usize,
    /// Nodes that it gets its inputs from, through others of them too, whose values the baseline does not have by name: the cause may be one of
    /// them.
    pub unmatched: usize,
    /// The value that differs.
    pub figures: OutputFigures,
}

impl OutputFigures {
    /// Signal to noise for people: `52.1 dB`, or why there is no number.
    pub(crate) fn snr(&self) -> String {
        match self.snr_db {
            _ if self.problem.is_some() => "–".to_owned(),
            Some(db) => format!("{db:.1} dB").replace('-', "−"),
            None if self.not_finite > 0 => "not finite".to_owned(),
            None if self.differing == 0 => "equal".to_owned(),
            None => "no signal".to_owned(),
        }
    }

    /// The worst signal to noise of several outputs for people.
    pub(crate) fn decibels(db: f64) -> String {
        match db {
            EQUAL_DB => "equal".to_owned(),
            db if db.is_nan() => "not finite".to_owned(),
            db => format!("{db:.1} dB").replace('-', "−"),
        }
    }

    /// A number for people, with three digits: `1.2e-5`.
    pub(crate) fn shown(number: Option<f64>) -> String {
        match number {
            None => "–".to_owned(),
            Some(0.0) => "0".to_owned(),
            Some(x) => format!("{x:.2e}").replace('-', "−"),
        }
    }
}

impl Graphs {
    /// Why no output of any graph was compared; `None` if some was.
    pub(crate) fn nothing_compared(&self) -> Option<&str> {
        if self.variants.iter().any(|v| !v.compared.is_empty()) {
            return None;
        }
        Some(self.variants.iter().find_map(|v| v.failed.as_deref()).unwrap_or("the graphs have no outputs"))
    }
}

impl GraphFigures {
    /// The worst figures of its outputs by the names of metrics; none of a graph that was not compared. Where an output could not be compared, or has
    /// numbers that are not finite, they are not numbers. The signal to noise without a difference is [`EQUAL_DB`].
    pub(crate) fn worst(&self) -> Vec<(&'static str, f64)> {
        if self.compared.is_empty() {
            return Vec::new();
        }
        let over = |of: fn(&OutputFigures) -> f64, least: bool| {
            let all = || self.compared.iter().map(of);
            match all().any(f64::is_nan) {
                true => f64::NAN,
                false if least => all().fold(EQUAL_DB, f64::min),
                false => all().fold(0.0, f64::max),
            }
        };
        let snr = |o: &OutputFigures| match o.snr_db {
            Some(db) => db,
            None if o.problem.is_none() && o.differing == 0 => EQUAL_DB,
            None => f64::NAN,
        };
        vec![
            ("output_snr_db", over(snr, true)),
            ("output_max_error", over(|o| o.max_error.unwrap_or(f64::NAN), false)),
            ("output_relative_error", over(|o| o.relative_error.unwrap_or(f64::NAN), false)),
            ("output_cosine", over(|o| o.cosine.unwrap_or(f64::NAN), true)),
        ]
    }
}

#[cfg(test)]
impl Graphs {
    /// True if an output of any graph is beyond the tolerance, or could not be compared.
    fn differ(&self) -> bool {
        self.variants.iter().any(|v| v.failed.is_some() || v.compared.iter().any(|o| !o.passed))
    }
}

fn lossy_path<S: serde::Serializer>(path: &Option<PathBuf>, s: S) -> Result<S::Ok, S::Error> {
    match path {
        Some(path) => lossy(path, s),
        None => s.serialize_none(),
    }
}

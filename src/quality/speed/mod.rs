//! How fast a model runs, and how much memory that takes: in llama.cpp, and in remold's own pass.
//!
//! `llama_cpp` runs the programs of llama.cpp, where they are found; `own` times [`Forward`](crate::forward::Forward), which is made for measuring and not
//! for speed. Each is measured several times, and the median is taken. Other runtimes are not measured. Speeds depend on the machine and on
//! what else it does: they are comparable within one run only.

mod llama_cpp;
mod own;
mod program;

use super::statistics::Estimate;
use crate::task::Task;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

pub(crate) use llama_cpp::{LlamaCpp, find};
pub(crate) use own::measure as measure_own;

/// Tokens of the prompt, and tokens that are generated.
pub(crate) const PROMPT: usize = 128;
pub(crate) const GENERATED: usize = 16;
/// Repetitions if no number is asked for.
pub(crate) const REPETITIONS: usize = 5;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SpeedRequest {
    /// A folder with the programs of llama.cpp.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub llama_cpp: Option<PathBuf>,
    /// How often each is measured.
    pub repetitions: usize,
}

/// What was measured, and how.
pub(crate) struct Speed {
    /// The figures by metric.
    pub figures: Vec<(&'static str, Estimate)>,
    /// How, in a few words.
    pub how: String,
}

/// How it is measured.
#[derive(Clone, Copy)]
pub(crate) struct Settings<'a> {
    /// How often.
    pub repetitions: usize,
    /// Threads (0 for all cores) and cancelling.
    pub task: Task<'a>,
}

impl Settings<'_> {
    /// The threads that are used.
    fn threads(&self) -> usize {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        if self.task.threads == 0 { cores } else { self.task.threads }
    }
}

/// The median of some measurements, with the standard error of their mean.
fn median(mut values: Vec<f64>) -> Option<Estimate> {
    values.retain(|v| v.is_finite());
    values.sort_by(f64::total_cmp);
    let n = values.len();
    let middle = n / 2;
    let value = match n {
        0 => return None,
        n if n % 2 == 1 => values[middle],
        _ => (values[middle - 1] + values[middle]) / 2.0,
    };
    let mean = values.iter().sum::<f64>() / n as f64;
    let variance = values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / n.saturating_sub(1).max(1) as f64;
    let uncertainty = (n > 2).then(|| (variance / n as f64).sqrt());
    Some(Estimate { value, uncertainty })
}

/// Adds a figure that was measured.
fn push(figures: &mut Vec<(&'static str, Estimate)>, name: &'static str, value: Option<Estimate>) {
    figures.extend(value.map(|v| (name, v)));
}

/// Bytes as megabytes.
fn megabytes(bytes: u64) -> Estimate {
    Estimate::plain(bytes as f64 / 1e6)
}

/// The most memory that a process has had, from the text of `/proc/PID/status`.
fn peak(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_and_peaks() {
        let m = median(vec![3.0, 1.0, f64::NAN, 2.0]).unwrap();
        assert!((m.value - 2.0).abs() < 1e-12 && (m.uncertainty.unwrap() - (1.0f64 / 3.0).sqrt()).abs() < 1e-9);
        assert_eq!(median(vec![1.0, 2.0]).unwrap(), Estimate::plain(1.5));
        assert!(median(Vec::new()).is_none());
        assert_eq!(peak("Name:\tx\nVmHWM:\t   1234 kB\n"), Some(1234 * 1024));
        assert_eq!((peak(""), peak("VmHWM: x kB")), (None, None));
    }
}

//! Measurements over time.

use std::collections::VecDeque;

/// The latest values of a measurement.
#[derive(Clone, Debug, Default)]
pub struct Series(pub VecDeque<f64>);

impl Series {
    /// Adds a value; the oldest goes where there are many.
    pub(crate) fn push(&mut self, v: f64) {
        const MAX_VALUES: usize = 512;
        if self.0.len() >= MAX_VALUES {
            self.0.pop_front();
        }
        self.0.push_back(v);
    }

    /// The newest value.
    pub(crate) fn last(&self) -> f64 {
        self.0.back().copied().unwrap_or(0.0)
    }
}

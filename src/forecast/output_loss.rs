//! The estimated error of what a model computes, from the errors of its tensors: the measure that is shown as `output dB`.

use super::Surroundings;
use crate::model::TensorEntry;

/// The error of a model's output relative to its signal: Σ over tensors of sensitivity × relative noise.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OutputLoss {
    around: Surroundings,
    total: f64,
}

impl OutputLoss {
    /// No tensor added yet.
    pub(crate) fn new(around: Surroundings) -> Self {
        Self { around, total: 0.0 }
    }

    /// Adds a tensor whose noise is this share of its signal; gives its part of the total.
    pub(crate) fn add(&mut self, tensor: &TensorEntry, relative: f64) -> f64 {
        let part = self.around.sensitivity(tensor) * relative;
        self.total += part;
        part
    }

    /// The total in dB; `None` without loss.
    pub(crate) fn db(&self) -> Option<f64> {
        output_db(self.total)
    }
}

/// A relative error of the output in dB, higher is better; `None` without error, and where it is undefined.
pub(crate) fn output_db(relative: f64) -> Option<f64> {
    (relative > 0.0 && relative.is_finite()).then(|| -10.0 * relative.log10())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{MemoryRows, TensorClass, TensorKind as K};

    #[test]
    fn tensors_add_up_by_their_sensitivity() {
        let mut output = MemoryRows::f32_vector("output", &[]);
        output.class = TensorClass { role: K::Output.role(), kind: Some(K::Output), ..TensorClass::default() };
        let mut loss = OutputLoss::new(Surroundings::of([&output]));
        assert_eq!(loss.db(), None);
        assert_eq!(loss.add(&output, 0.01), 0.01);
        assert!((loss.db().unwrap() - 20.0).abs() < 1e-9);
        assert_eq!(output_db(f64::INFINITY), None);
    }
}

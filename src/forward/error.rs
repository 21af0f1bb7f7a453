//! candle's errors as errors of a model.

use crate::model::ModelError;

impl From<candle_core::Error> for ModelError {
    /// Shapes are checked before anything is computed, so an error of candle is a tensor with a shape that does not fit the others.
    fn from(e: candle_core::Error) -> Self {
        let text = e.to_string();
        let first = text.lines().next().unwrap_or_default();
        Self::bad(format!("the network cannot be computed: {first}"))
            .with_hint("A tensor has a shape that does not fit the others: see `remold inspect`.")
    }
}

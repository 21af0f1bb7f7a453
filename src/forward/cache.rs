//! Keys and values of the tokens that were seen, for generating text token by token.

use crate::model::Result;
use candle_core::Tensor;

/// Of one layer.
#[derive(Default)]
pub(super) struct LayerCache {
    kept: Option<(Tensor, Tensor)>,
}

impl LayerCache {
    /// All keys and values, with those of new tokens behind the others.
    pub(super) fn with(&mut self, k: Tensor, v: Tensor) -> Result<(Tensor, Tensor)> {
        let all = match &self.kept {
            None => (k, v),
            Some((old_k, old_v)) => (Tensor::cat(&[old_k, &k], 0)?, Tensor::cat(&[old_v, &v], 0)?),
        };
        self.kept = Some(all.clone());
        Ok(all)
    }
}

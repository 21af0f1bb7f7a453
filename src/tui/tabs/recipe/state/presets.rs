//! The ready-made targets that can be added.

use crate::plan::TargetPreset;
use std::sync::LazyLock;

/// The presets of every format, in the order in which they are shown. The first is the usual choice.
pub fn presets() -> &'static [TargetPreset] {
    static PRESETS: LazyLock<Vec<TargetPreset>> = LazyLock::new(|| crate::plan::presets().copied().collect());
    &PRESETS
}

//! Load of the GPUs.

use super::{Edge, Limits, Readings};

/// After a limit was crossed, exports continue only below this part of it.
const LEAVE: f64 = 0.8;

/// The busiest GPU.
pub(super) fn load(care: &Limits, readings: &Readings, edge: Edge) -> Option<String> {
    let limit = care.gpu?;
    let (index, now) = readings.gpus.iter().copied().max_by(|a, b| a.1.total_cmp(&b.1))?;
    let crossed = match edge {
        Edge::Enter => now >= limit,
        Edge::Leave => now >= limit * LEAVE,
    };
    crossed.then(|| format!("GPU {index} is at {now:.0} %, the limit is {limit:.0} %"))
}

//! Space on the exports' file system.

use super::{Edge, Limits, Readings};
use crate::plan::Plan;
use crate::units;

/// Space kept free by default: a gibibyte, less on a small file system.
const FLOOR_BYTES: u64 = 1 << 30;
const FLOOR_SHARE: u64 = 50;
/// After a limit was crossed, exports continue only above this multiple of it.
const LEAVE: f64 = 1.1;

/// Bytes kept free by default: 1 GiB, or 2 % of a file system that has less than 50 GiB.
fn default_floor(total: Option<u64>) -> u64 {
    total.map_or(FLOOR_BYTES, |total| FLOOR_BYTES.min(total / FLOOR_SHARE))
}

fn wanted(care: &Limits, readings: &Readings) -> u64 {
    care.min_free.unwrap_or_else(|| default_floor(readings.total))
}

/// Reports that too little space is free for anything to start.
pub(super) fn floor(care: &Limits, readings: &Readings, edge: Edge) -> Option<String> {
    let (limit, now) = (wanted(care, readings), readings.free?);
    let crossed = match edge {
        Edge::Enter => now < limit,
        Edge::Leave => (now as f64) < limit as f64 * LEAVE,
    };
    crossed.then(|| {
        format!(
            "waiting for disk space: {} free, {} must stay free (--min-free)",
            units::bytes(now),
            units::bytes(limit)
        )
    })
}

/// Reports that an export would leave too little space.
pub(crate) fn no_space(care: &Limits, readings: &Readings, plan: &Plan) -> Option<String> {
    let (floor, free) = (wanted(care, readings), readings.free?);
    let needed = plan.disk_bytes;
    (free < needed.saturating_add(floor)).then(|| {
        let [needed, free, floor] = [needed, free, floor].map(units::bytes);
        format!("waiting for disk space: {needed} needed, {free} free, {floor} must stay free (--min-free)")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_disk_keeps_less_free_and_an_export_must_fit_above_the_floor() {
        assert_eq!(default_floor(None), 1 << 30);
        assert_eq!((default_floor(Some(1000 << 30)), default_floor(Some(10 << 30))), (1 << 30, (10 << 30) / 50));
        let care = Limits { min_free: Some(1000), ..Limits::default() };
        let with = |free| Readings { free: Some(free), ..Readings::default() };
        assert!(floor(&care, &with(999), Edge::Enter).is_some() && floor(&care, &with(1000), Edge::Enter).is_none());
        assert!(floor(&care, &with(1050), Edge::Leave).is_some() && floor(&care, &with(1100), Edge::Leave).is_none());
        let plan = Plan { disk_bytes: 500, ..Plan::default() };
        assert!(no_space(&care, &with(1499), &plan).is_some() && no_space(&care, &with(1500), &plan).is_none());
        let none = Limits { min_free: Some(0), ..Limits::default() };
        assert_eq!(floor(&none, &with(0), Edge::Enter), None);
        assert_eq!(no_space(&none, &Readings::default(), &plan), None, "a file system without information is trusted");
    }
}

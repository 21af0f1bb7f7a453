//! Memory: whether processes wait for it, and how much is left.

use super::{Edge, Limits, Readings};
use crate::units;

/// After a limit was crossed, exports continue only below this part of a pressure limit, or above this multiple of a free-memory limit.
const LEAVE_PRESSURE: f64 = 0.8;
const LEAVE_FREE: f64 = 1.1;

/// Pressure stall information (Documentation/accounting/psi.rst): the share of the last ten seconds in which some process waited for memory.
pub(super) fn pressure(care: &Limits, readings: &Readings, edge: Edge) -> Option<String> {
    let (limit, now) = (care.pressure?, readings.pressure?);
    let crossed = match edge {
        Edge::Enter => now >= limit,
        Edge::Leave => now >= limit * LEAVE_PRESSURE,
    };
    crossed.then(|| format!("memory pressure is {now:.0} %, the limit is {limit:.0} %"))
}

/// Memory that is available.
pub(super) fn free(care: &Limits, readings: &Readings, edge: Edge) -> Option<String> {
    let (limit, now) = (care.free_memory?, readings.available?);
    let crossed = match edge {
        Edge::Enter => now < limit,
        Edge::Leave => (now as f64) < limit as f64 * LEAVE_FREE,
    };
    crossed.then(|| format!("{} of memory is available, the limit is {}", units::bytes(now), units::bytes(limit)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_left_with_some_distance_and_what_is_unknown_holds_nothing() {
        let care = Limits { pressure: Some(20.0), free_memory: Some(1000), ..Limits::default() };
        let with = |pressure, available| Readings { pressure, available, ..Readings::default() };
        let pressed = |p, edge| pressure(&care, &with(Some(p), None), edge).is_some();
        assert!(!pressed(19.9, Edge::Enter) && pressed(20.0, Edge::Enter));
        assert!(pressed(16.0, Edge::Leave) && !pressed(15.9, Edge::Leave));
        let short = |n, edge| free(&care, &with(None, Some(n)), edge).is_some();
        assert!(short(999, Edge::Enter) && !short(1000, Edge::Enter));
        assert!(short(1099, Edge::Leave) && !short(1100, Edge::Leave));
        assert_eq!(pressure(&care, &with(None, None), Edge::Leave), None);
        assert_eq!(free(&care, &with(None, None), Edge::Leave), None);
    }
}

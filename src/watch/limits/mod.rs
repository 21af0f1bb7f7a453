//! How exports give way to other work on the machine: when they may start, and when running ones are paused.
//!
//! A kind of check is one file and one line in [`CHECKS`]. Checks are pure functions of the settings ([`Limits`]) and the measurements
//! ([`Readings`]); [`HoldTracker`] joins them and makes sure that a figure near its limit does not start and stop exports again and again. `sensor`
//! measures.

mod active;
mod disk;
mod gpu;
mod memory;
mod sensor;

pub(crate) use active::Active;
pub(crate) use disk::no_space;
pub(crate) use sensor::{Readings, Sensor};

use std::time::Instant;

/// What a rule asks for.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Limits {
    /// Times of day at which exports may start; always when absent.
    pub active: Option<Active>,
    /// Share of the time in which some process waits for memory, percent, at which exports are paused.
    pub pressure: Option<f64>,
    /// Bytes of available memory below which exports are paused.
    pub free_memory: Option<u64>,
    /// GPU load in percent at which exports are paused.
    pub gpu: Option<f64>,
    /// Bytes of the exports' file system to keep free; when absent 1 GiB, or 2 % of a small one.
    pub min_free: Option<u64>,
    /// How much the exports give way to other processes, 0 to 19.
    pub nice: u8,
}

/// A limit that is crossed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hold {
    /// The name of its check.
    pub check: &'static str,
    /// The limit and the value, in a few words: `waits for 22:00`.
    pub text: String,
    /// True if a running export is paused too.
    pub pauses: bool,
}

/// Which side of a limit is checked: after it was crossed, the value must move some distance away from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Edge {
    /// No hold yet.
    Enter,
    /// Held, until the value is clearly back within the limit.
    Leave,
}

/// A kind of check.
struct Check {
    name: &'static str,
    /// True if it pauses what runs; false if it only keeps exports from starting.
    pauses: bool,
    /// True if the limit must not be crossed for a while before exports continue.
    calms: bool,
    /// The limit and the value in words, if it is crossed.
    look: fn(&Limits, &Readings, Edge) -> Option<String>,
}

/// What is checked, in the order in which the reasons are given.
const CHECKS: [Check; 5] = [
    Check { name: "memory-pressure", pauses: true, calms: true, look: memory::pressure },
    Check { name: "free-memory", pauses: true, calms: true, look: memory::free },
    Check { name: "gpu", pauses: true, calms: true, look: gpu::load },
    Check { name: "active", pauses: false, calms: false, look: active::closed },
    Check { name: "min-free", pauses: false, calms: false, look: disk::floor },
];

/// Remembers what is held, and since when the limit is no longer crossed.
#[derive(Debug, Default)]
pub(crate) struct HoldTracker {
    held: [Option<Held>; CHECKS.len()],
}

#[derive(Debug)]
struct Held {
    text: String,
    calm: Option<Instant>,
}

impl HoldTracker {
    /// The limits that are crossed now: the first one that pauses, else the first one.
    pub(crate) fn look(&mut self, care: &Limits, readings: &Readings, now: Instant) -> Option<Hold> {
        for (check, held) in CHECKS.iter().zip(&mut self.held) {
            let edge = if held.is_some() { Edge::Leave } else { Edge::Enter };
            match (((check.look)(care, readings, edge)), held.as_mut()) {
                (Some(text), _) => *held = Some(Held { text, calm: None }),
                (None, Some(known)) if check.calms => {
                    let since = *known.calm.get_or_insert(now);
                    if now.duration_since(since) >= readings.calm {
                        *held = None;
                    }
                }
                (None, _) => *held = None,
            }
        }
        let all = || CHECKS.iter().zip(&self.held).filter_map(|(check, held)| Some((check, held.as_ref()?)));
        let (check, held) = all().find(|(check, _)| check.pauses).or_else(|| all().next())?;
        Some(Hold { check: check.name, text: held.text.clone(), pauses: check.pauses })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_figure_near_its_limit_does_not_flap() {
        let care = Limits { gpu: Some(80.0), ..Limits::default() };
        let mut keeper = HoldTracker::default();
        let begun = Instant::now();
        let mut look = |load: f64, seconds: u64| {
            let readings = Readings { gpus: vec![(0, load)], calm: Duration::from_secs(30), ..Readings::default() };
            keeper.look(&care, &readings, begun + Duration::from_secs(seconds)).map(|h| (h.check, h.pauses))
        };
        assert_eq!(look(79.0, 0), None);
        assert_eq!(look(80.0, 1), Some(("gpu", true)));
        assert!(look(70.0, 2).is_some(), "below the limit, but not clearly");
        assert!(look(10.0, 3).is_some() && look(10.0, 32).is_some(), "not for long enough");
        assert!(look(75.0, 33).is_some() && look(10.0, 40).is_some() && look(0.0, 69).is_some(), "it counts anew");
        assert_eq!(look(0.0, 71), None);
        assert_eq!(look(79.0, 72), None);
    }

    #[test]
    fn what_pauses_is_told_before_what_only_waits() {
        let active = Active::parse("22:00-07:00").unwrap();
        let care = Limits { gpu: Some(80.0), active: Some(active), ..Limits::default() };
        let mut keeper = HoldTracker::default();
        let now = Instant::now();
        let noon = jiff::civil::time(12, 0, 0, 0);
        let mut readings = Readings { gpus: vec![(1, 91.0)], time: noon, ..Readings::default() };
        let hold = keeper.look(&care, &readings, now).unwrap();
        assert_eq!((hold.text.as_str(), hold.pauses), ("GPU 1 is at 91 %, the limit is 80 %", true));
        readings.gpus = vec![(1, 2.0)];
        keeper.look(&care, &readings, now);
        let hold = keeper.look(&care, &readings, now).unwrap();
        assert_eq!((hold.text.as_str(), hold.pauses), ("waiting until 22:00", false));
        readings.time = jiff::civil::time(23, 0, 0, 0);
        assert_eq!(keeper.look(&care, &readings, now), None);
    }
}

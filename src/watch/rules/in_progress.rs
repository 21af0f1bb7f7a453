//! Names of unfinished work hold a unit back while they are being written, not forever.
//!
//! A killed writer leaves the name behind. It is a leftover when its target exists and is newer, when the weights or the marker of the unit
//! are newer than it, or when it did not change for a minute and nothing needed is missing. A control file of aria2 says that the file
//! beside it is incomplete, no matter how old it is.

use super::{Outcome, Rule};
use crate::watch::temporary::Target;
use crate::watch::unit::{FileRole, Unfinished};
use crate::watch::verdict::{Observation, Settings, State, Wait};
use std::time::{Duration, SystemTime};

/// Shortest time without a change after which a name counts as a leftover.
const FRESH: Duration = Duration::from_secs(60);

/// The same in quiet times.
const QUIET_TIMES: u32 = 10;

pub(super) static RULE: Rule = Rule {
    name: "unfinished names",
    check: |o| {
        let mut left = Vec::new();
        for work in &o.unit.unfinished {
            match look(o, work) {
                Some(until) => return Some(Outcome::Wait(Wait::InProgress { name: work.name.clone() }, until)),
                None => left.push(work.name.as_str()),
            }
        }
        Some(Outcome::Pass(match left.as_slice() {
            [] => "no unfinished names".to_owned(),
            [one] => format!("{one} was left by an interrupted writer; ignored"),
            [one, ..] => {
                format!("{one} and {} more were left by an interrupted writer; ignored", left.len() - 1)
            }
        }))
    },
};

/// For a unit that is nothing but a name of unfinished work.
pub(in crate::watch) static LEFT: Rule = Rule {
    name: "unfinished name",
    check: |o| {
        let name = o.unit.name.clone();
        let born = o.unit.files.iter().map(|f| f.stamp.ctime_ns).max()?;
        let left = fresh(o.settings).saturating_sub(age(o, born).max(o.unchanged));
        Some(match left.is_zero() {
            true => Outcome::Stop(State::Leftover { name }),
            false => Outcome::Wait(Wait::InProgress { name }, Some(left)),
        })
    },
};

/// Time without a change after which a name of unfinished work counts as a leftover.
fn fresh(settings: &Settings) -> Duration {
    FRESH.max(settings.quiet.saturating_mul(QUIET_TIMES))
}

/// `None` if it is a leftover; else the time after which it may be one, if time alone can make it so.
fn look(o: &Observation<'_>, work: &Unfinished) -> Option<Option<Duration>> {
    let unit = o.unit;
    let born = work.stamp.ctime_ns;
    let marker = unit.of(FileRole::Marker).any(|f| f.stamp.ctime_ns > born);
    match &work.target {
        Target::Control(_) => return Some(None),
        Target::Name(name) => {
            let target = unit.file(name);
            if target.is_some_and(|f| f.stamp.ctime_ns > born) || marker {
                return None;
            }
        }
        Target::Unknown => {
            let mut weights = unit.of(FileRole::Weights).peekable();
            if marker || (weights.peek().is_some() && weights.all(|f| f.stamp.ctime_ns > born)) {
                return None;
            }
        }
    }
    let left = fresh(o.settings).checked_sub(age(o, born).max(o.unchanged))?;
    (!left.is_zero()).then_some(Some(left))
}

/// Time since `ctime_ns`; zero if that is in the future.
fn age(o: &Observation<'_>, ctime_ns: i128) -> Duration {
    let now = o.now.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_nanos());
    let age = i128::try_from(now).unwrap_or(i128::MAX).saturating_sub(ctime_ns);
    Duration::from_nanos(u64::try_from(age.max(0)).unwrap_or(u64::MAX))
}

//! A second name of another unit is not exported again.

use super::{Outcome, Rule};
use crate::watch::verdict::State;

pub(super) static RULE: Rule = Rule {
    name: "one name",
    check: |o| {
        let of = o.unit.alias_of.clone()?;
        Some(Outcome::Stop(State::Alias { of }))
    },
};

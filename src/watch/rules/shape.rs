//! Learned shape: this checkpoint should have the files that the previous one of the run had.

use super::{Outcome, Rule};
use crate::watch::verdict::Wait;

pub(super) static RULE: Rule = Rule {
    name: "learned names",
    check: |o| {
        let shape = o.sibling?;
        if o.settings.done_marker.is_some() {
            return None;
        }
        let names = shape.missing(o.unit);
        if names.is_empty() {
            return Some(Outcome::Pass("it has every file that the previous checkpoint had".to_owned()));
        }
        let left = o.settings.shape_patience.saturating_sub(o.unchanged);
        if left.is_zero() {
            let text = format!(
                "{} did not appear, though the previous checkpoint had it; no longer waiting for it",
                names.join(", ")
            );
            return Some(Outcome::Pass(text));
        }
        Some(Outcome::Wait(Wait::Shape { names, left }, Some(left)))
    },
};

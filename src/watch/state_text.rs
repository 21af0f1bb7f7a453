//! The text for every state, in one place: the same on the command line, in events and in the workbench.

use super::unit::Unit;
use super::verdict::{RuleResult, State, Verdict, Wait};
use crate::units;
use std::time::Duration;

/// Names of a longer list that are shown.
const SHOWN: usize = 3;

/// A state in a few words.
pub(crate) fn state(state: &State) -> String {
    let text = match state {
        State::Settling { quiet_for, needed, why: None } => {
            format!("settling {} of {}", time(*quiet_for), time(*needed))
        }
        State::Settling { quiet_for, needed, why: Some(why) } => {
            format!("settling {} of {}: {why}", time(*quiet_for), time(*needed))
        }
        State::Waiting { what } => return wait(what),
        State::Complete => "complete".to_owned(),
        State::Leftover { name } => format!("left by an interrupted writer, ignored: {name}"),
        State::Alias { of } => format!("another name of {of}"),
        State::CannotExport { why, what_to_run } if what_to_run.is_empty() => format!("cannot be exported: {why}"),
        State::CannotExport { why, what_to_run } => format!("cannot be exported: {why}. {what_to_run}"),
        State::Unreadable { file, error } => format!("cannot be read: {}: {error}", file.display()),
    };
    units::escape(&text).into_owned()
}

/// What a unit waits for, in a few words.
pub(crate) fn wait(what: &Wait) -> String {
    let text = match what {
        Wait::MissingFiles { names, missing, of } => match names.as_slice() {
            [one] if *missing == 1 => format!("waiting: {one} is missing, one of {of}"),
            _ => format!("waiting: {missing} of {of} files {} missing: {}", units::are(*missing), few(names, *missing)),
        },
        Wait::Marker { name } => format!("waiting: {name} does not exist yet"),
        Wait::StaleMarker { name, newer } => format!("waiting: {name} is older than {newer}"),
        Wait::Tracker { at } => format!("waiting: latest_checkpointed_iteration.txt is still at {at}"),
        Wait::Unparsed { name, why } => format!("waiting: {name} does not parse: {why}"),
        Wait::Incomplete { file, why } => format!("waiting: {file} is not complete: {why}"),
        Wait::Hole { file, at } => format!("waiting: {file} has an unwritten range at byte {at}"),
        Wait::InProgress { name } => format!("waiting: {name} is being written"),
        Wait::LfsPointer { file } => format!("waiting: {file} is a Git LFS pointer, not the file itself"),
        Wait::Companions { names } => format!("waiting: the export needs {}", names.join(" and ")),
        Wait::Shape { names, left } => {
            let names = few(names, names.len());
            format!("waiting: the previous checkpoint had {names}; waiting {} more", time(*left))
        }
        Wait::NoWeights => "waiting: no weights yet".to_owned(),
        Wait::Empty { file } => format!("waiting: {file} is empty"),
    };
    units::escape(&text).into_owned()
}

/// The verdict and every rule that led to it, for `--explain`.
pub(crate) fn explain(unit: &Unit, verdict: &Verdict) -> String {
    let mut text = format!("{}: {}\n", unit.name, state(&verdict.state));
    text.push_str(&format!("  {}", unit.family.title));
    if let Some(step) = unit.step {
        text.push_str(&format!(", step {step}"));
    }
    text.push_str(&format!(", {} of weights\n", units::bytes(unit.bytes())));
    for rule in &verdict.rules {
        let mark = match rule.result {
            RuleResult::Passed => "ok  ",
            RuleResult::Careful => "slow",
            RuleResult::Waiting => "wait",
            RuleResult::Blocked => "no  ",
            RuleResult::NotYet => "-   ",
        };
        let sentence = rule.sentence.strip_prefix("waiting: ").unwrap_or(&rule.sentence);
        text.push_str(&format!("  {mark} {:18} {sentence}\n", rule.rule));
    }
    if let Some(next) = verdict.next_look {
        text.push_str(&format!("  next look in {}\n", time(next)));
    }
    units::escape_lines(&text).into_owned()
}

/// Time as people read it: `3 s`, `01:12`.
pub(crate) fn time(t: Duration) -> String {
    let seconds = t.as_secs();
    match seconds {
        0..60 if t.subsec_millis() > 0 => format!("{:.1} s", t.as_secs_f64()),
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{:02}:{:02}", seconds / 60, seconds % 60),
        _ => format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60),
    }
}

fn few(names: &[String], all: usize) -> String {
    let mut text = names.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    if all > SHOWN.min(names.len()) {
        text.push_str(&format!(" and {} more", all - SHOWN.min(names.len())));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_says_what_it_waits_for_in_one_line() {
        let names = |n: usize| (1..=n).map(|i| format!("f{i}")).collect::<Vec<_>>();
        let s = Duration::from_secs;
        let waiting = |what| State::Waiting { what };
        for (given, text) in [
            (State::Settling { quiet_for: s(1), needed: s(3), why: None }, "settling 1 s of 3 s"),
            (
                State::Settling {
                    quiet_for: Duration::from_millis(1500),
                    needed: s(70),
                    why: Some("a may come".into()),
                },
                "settling 1.5 s of 01:10: a may come",
            ),
            (waiting(Wait::MissingFiles { names: names(1), missing: 1, of: 4 }), "waiting: f1 is missing, one of 4"),
            (
                waiting(Wait::MissingFiles { names: names(4), missing: 9, of: 12 }),
                "waiting: 9 of 12 files are missing: f1, f2, f3 and 6 more",
            ),
            (
                waiting(Wait::MissingFiles { names: names(2), missing: 2, of: 3 }),
                "waiting: 2 of 3 files are missing: f1, f2",
            ),
            (
                waiting(Wait::Shape { names: names(1), left: s(3725) }),
                "waiting: the previous checkpoint had f1; waiting 1:02:05 more",
            ),
            (waiting(Wait::NoWeights), "waiting: no weights yet"),
            (State::Complete, "complete"),
            (State::Alias { of: "a/b".into() }, "another name of a/b"),
            (State::CannotExport { why: "no".into(), what_to_run: "Run x.".into() }, "cannot be exported: no. Run x."),
            (State::Unreadable { file: "/a\n".into(), error: "denied".into() }, "cannot be read: /a\\n: denied"),
        ] {
            assert_eq!(state(&given), text);
        }
    }
}

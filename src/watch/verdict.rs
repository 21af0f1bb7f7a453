//! Whether a unit is complete: its rules in order, and the state that follows from them.

use super::families::Exports;
use super::rules::{self, Outcome, StructureCache};
use super::state_text;
use super::tree::Tree;
use super::unit::{ExportedState, Shape, Unit};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

/// The caller's settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Time without a change after which a unit counts as settled.
    pub quiet: Duration,
    /// The same where something suggests that more is to come.
    pub long_quiet: Duration,
    /// Time without a change after which names that the previous checkpoint had are no longer waited for.
    pub shape_patience: Duration,
    /// A pattern (`*`, `?`) for the name of the file that marks a checkpoint as done. It replaces the family's own marker.
    pub done_marker: Option<String>,
    /// The export needs `config.json`.
    pub needs_config: bool,
    /// The export needs a tokenizer.
    pub needs_tokenizer: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            quiet: Duration::from_secs(3),
            long_quiet: Duration::from_secs(10),
            shape_patience: Duration::from_secs(600),
            done_marker: None,
            needs_config: false,
            needs_tokenizer: false,
        }
    }
}

/// A unit and what the caller knows about it.
#[derive(Clone, Copy)]
pub struct Observation<'a> {
    /// The unit.
    pub unit: &'a Unit,
    /// The tree it was found in.
    pub tree: &'a Tree,
    /// Time since [`Unit::activity`] last changed.
    pub unchanged: Duration,
    /// The time of the file system's clock.
    pub now: SystemTime,
    /// The caller's settings.
    pub settings: &'a Settings,
    /// The unit as it was when it was last exported.
    pub previous: Option<&'a ExportedState>,
    /// File names of the previous complete checkpoint in the same run.
    pub sibling: Option<&'a Shape>,
}

/// What a unit waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Missing files of a set; `of`: how many the set has.
    MissingFiles {
        /// Some of their names.
        names: Vec<String>,
        /// How many are missing.
        missing: usize,
        /// How many there should be.
        of: usize,
    },
    /// The marker file is missing.
    Marker {
        /// Its name, or the pattern for it.
        name: String,
    },
    /// The marker file is older than the files that it should prove.
    StaleMarker {
        /// Its name.
        name: String,
        /// A file that is newer.
        newer: String,
    },
    /// The tracker beside a checkpoint names an earlier one.
    Tracker {
        /// What it contains.
        at: String,
    },
    /// A JSON file that does not parse yet.
    Unparsed {
        /// Its name.
        name: String,
        /// The parser's message.
        why: String,
    },
    /// A file that does not match its header.
    Incomplete {
        /// Its name; of the unit if the reader names none.
        file: String,
        /// The reader's message.
        why: String,
    },
    /// A range of the file was never written.
    Hole {
        /// Its name.
        file: String,
        /// Byte offset of the first such range.
        at: u64,
    },
    /// A name of unfinished work.
    InProgress {
        /// The name.
        name: String,
    },
    /// A Git LFS pointer instead of a file.
    LfsPointer {
        /// Its name.
        file: String,
    },
    /// Files that the export needs.
    Companions {
        /// Their names.
        names: Vec<String>,
    },
    /// Names that the previous checkpoint had.
    Shape {
        /// The names.
        names: Vec<String>,
        /// Time until they are no longer waited for.
        left: Duration,
    },
    /// There are no weights yet.
    NoWeights,
    /// An empty file.
    Empty {
        /// Its name.
        file: String,
    },
}

/// Whether a unit may be exported, and if not, why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// All files are there; the unit changed a moment ago.
    Settling {
        /// Time since the last change.
        quiet_for: Duration,
        /// Time needed.
        needed: Duration,
        /// Why that is more than usual; `None` if it is not.
        why: Option<String>,
    },
    /// Not complete.
    Waiting {
        /// What it waits for.
        what: Wait,
    },
    /// May be exported.
    Complete,
    /// Left by a killed writer; it is not a model.
    Leftover {
        /// Its name.
        name: String,
    },
    /// A second name of another unit.
    Alias {
        /// The name of that unit.
        of: String,
    },
    /// Complete, but remold cannot convert it.
    CannotExport {
        /// One clause.
        why: String,
        /// What to do.
        what_to_run: String,
    },
    /// The system does not let it be read.
    Unreadable {
        /// The file.
        file: PathBuf,
        /// The system's message.
        error: String,
    },
}

/// The result of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RuleResult {
    /// It holds.
    Passed,
    /// It holds, and asks for a longer quiet time.
    Careful,
    /// It does not hold yet.
    Waiting,
    /// It rules out an export.
    Blocked,
    /// It is checked after the others hold.
    NotYet,
}

/// A rule and its result, for `--explain`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RuleOutcome {
    /// The rule's name.
    pub rule: &'static str,
    /// Its result.
    pub result: RuleResult,
    /// One sentence.
    pub sentence: String,
}

/// The state of a unit and every rule that led to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// The state.
    pub state: State,
    /// Every rule, in the order of checking.
    pub rules: Vec<RuleOutcome>,
    /// Time after which the verdict may differ although nothing changed on disk.
    pub next_look: Option<Duration>,
}

/// Judges a unit. No file is opened until every name and time is right; then the structure is read once for each version (`cache`).
pub(crate) fn judge(o: &Observation<'_>, cache: &mut StructureCache) -> Verdict {
    let mut verdict = Verdict { state: State::Complete, rules: Vec::new(), next_look: None };
    let (mut first, mut careful) = (None, None);
    let common = if o.unit.family.common { rules::COMMON } else { &[] };
    for rule in common.iter().chain(o.unit.family.rules) {
        let Some(outcome) = (rule.check)(o) else { continue };
        let (result, sentence) = match outcome {
            Outcome::Pass(sentence) => (RuleResult::Passed, sentence),
            Outcome::Careful(why) => {
                let sentence = format!("{why}; the quiet time is {}", state_text::time(o.settings.long_quiet));
                careful.get_or_insert(why);
                (RuleResult::Careful, sentence)
            }
            Outcome::Wait(what, until) => {
                let sentence = state_text::wait(&what);
                if let Some(until) = until {
                    verdict.next_look = Some(verdict.next_look.map_or(until, |n| n.min(until)));
                }
                first.get_or_insert(State::Waiting { what });
                (RuleResult::Waiting, sentence)
            }
            Outcome::Stop(state) => {
                let sentence = state_text::state(&state);
                first.get_or_insert(state);
                (RuleResult::Blocked, sentence)
            }
        };
        verdict.rules.push(RuleOutcome { rule: rule.name, result, sentence });
    }
    let needed = if careful.is_some() { o.settings.long_quiet.max(o.settings.quiet) } else { o.settings.quiet };
    let settled = o.unchanged >= needed;
    let sentence = match settled {
        true => format!("unchanged for {}; {} needed", state_text::time(o.unchanged), state_text::time(needed)),
        false => format!("changed {} ago; {} needed", state_text::time(o.unchanged), state_text::time(needed)),
    };
    let result = if settled { RuleResult::Passed } else { RuleResult::Waiting };
    verdict.rules.push(RuleOutcome { rule: "settled", result, sentence });
    if !settled && first.is_none() {
        verdict.next_look = Some(needed - o.unchanged);
        first = Some(State::Settling { quiet_for: o.unchanged, needed, why: careful });
    }
    if let Some(state) = first {
        let sentence = "checked when the other rules pass".to_owned();
        verdict.rules.push(RuleOutcome { rule: "structure", result: RuleResult::NotYet, sentence });
        verdict.state = state;
        return verdict;
    }
    let found = cache.check(o);
    verdict.rules.extend(found.rules);
    verdict.next_look = found.next_look;
    if let Some(state) = found.state {
        verdict.state = state;
    } else if let Exports::No { why, what_to_run } = o.unit.family.exports {
        verdict.state = State::CannotExport { why: why.to_owned(), what_to_run: what_to_run.to_owned() };
        let sentence = state_text::state(&verdict.state);
        verdict.rules.push(RuleOutcome { rule: "export", result: RuleResult::Blocked, sentence });
    }
    verdict
}

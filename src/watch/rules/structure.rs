//! Checks that open files: JSON that parses, weights without holes, headers that agree with sizes.
//!
//! Read once for each version of a unit, after the quiet time; the result is kept until a stamp changes.

use super::{holes, markers};
use crate::arch;
use crate::files::{self, ReadError};
use crate::model::{ErrorKind, ModelError, python_json, read_request_file};
use crate::recipe::remedies::on_command_line;
use crate::watch::state_text;
use crate::watch::unit::{FileRole, Fingerprint, Unit, UnitFile};
use crate::watch::verdict::{Observation, RuleOutcome, RuleResult, State, Wait};
use std::collections::{HashMap, HashSet};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Largest JSON file that is parsed: current tokenizers have up to 35 MB, a long training history has less.
const JSON_BYTES: u64 = 256 << 20;

/// A Git LFS pointer has about 130 bytes; its specification allows 1024.
const POINTER_BYTES: u64 = 1024;
const POINTER: &[u8] = b"version https://git-lfs";

/// Retry time after a system error that says nothing about the file.
const RETRY: Duration = Duration::from_secs(30);

/// A tracker holds one number.
const TRACKER_BYTES: u64 = 64;

/// Where the end record of a zip archive may begin: its own 22 bytes and the longest comment.
const ZIP_END_BYTES: u64 = 22 + 65_535;
const ZIP_END: &[u8] = b"PK\x05\x06";

/// What was read of each unit, by path.
#[derive(Debug, Default)]
pub(crate) struct StructureCache(HashMap<PathBuf, (Fingerprint, Found)>);

/// What was found.
#[derive(Clone, Debug, Default)]
pub(in crate::watch) struct Found {
    pub(in crate::watch) rules: Vec<RuleOutcome>,
    /// Why it is not exported; `None` if it is complete.
    pub(in crate::watch) state: Option<State>,
    pub(in crate::watch) next_look: Option<Duration>,
}

impl StructureCache {
    /// An empty cache.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Forgets units that are not among these, once there are more than these.
    pub(crate) fn retain(&mut self, units: &[Unit]) {
        if self.0.len() <= units.len() {
            return;
        }
        let there: HashSet<&Path> = units.iter().map(|u| u.path.as_path()).collect();
        self.0.retain(|path, _| there.contains(path.as_path()));
    }

    pub(in crate::watch) fn check(&mut self, o: &Observation<'_>) -> Found {
        let version = o.unit.activity();
        if let Some((_, found)) = self.0.get(&o.unit.path).filter(|(v, _)| *v == version) {
            return found.clone();
        }
        let found = read(o.unit);
        if found.next_look.is_none() {
            self.0.insert(o.unit.path.clone(), (version, found.clone()));
        }
        found
    }
}

/// Why a unit is not complete, and whether a later check may find another reason though no stamp changed.
struct Incomplete {
    state: State,
    retry: bool,
}

impl From<State> for Incomplete {
    fn from(state: State) -> Self {
        Self { state, retry: false }
    }
}

impl From<Wait> for Incomplete {
    fn from(what: Wait) -> Self {
        State::Waiting { what }.into()
    }
}

/// A step returns its sentence; `None` if it does not concern the unit.
type Step = fn(&Unit) -> Result<Option<String>, Incomplete>;

/// Cheap things first.
const STEPS: [(&str, Step); 5] =
    [("pointers", pointers), ("JSON", json), ("tracker text", tracker), ("holes", no_holes), ("structure", structure)];

fn read(unit: &Unit) -> Found {
    let mut found = Found::default();
    for (rule, step) in STEPS {
        let (result, sentence) = match step(unit) {
            Ok(None) => continue,
            Ok(Some(sentence)) => (RuleResult::Passed, sentence),
            Err(Incomplete { state, retry }) => {
                found.next_look = retry.then_some(RETRY);
                let waits = matches!(state, State::Waiting { .. } | State::Unreadable { .. });
                let result = if waits { RuleResult::Waiting } else { RuleResult::Blocked };
                let sentence = state_text::state(&state);
                found.state = Some(state);
                (result, sentence)
            }
        };
        found.rules.push(RuleOutcome { rule, result, sentence });
        if found.state.is_some() {
            break;
        }
    }
    found
}

fn pointers(unit: &Unit) -> Result<Option<String>, Incomplete> {
    let small = unit.files.iter().filter(|f| f.role != FileRole::Marker && f.stamp.bytes <= POINTER_BYTES);
    for file in small {
        let mut head = Vec::new();
        let opened = files::open(&file.path).map_err(|e| refused(file, e))?;
        opened.take(POINTER.len() as u64).read_to_end(&mut head).map_err(|e| refused(file, e.into()))?;
        if head == POINTER {
            return Err(Wait::LfsPointer { file: file.name.clone() }.into());
        }
    }
    Ok(Some("no file is a Git LFS pointer".to_owned()))
}

fn json(unit: &Unit) -> Result<Option<String>, Incomplete> {
    let mut parsed = 0;
    for file in unit.files.iter().filter(|f| f.role != FileRole::Weights && f.name.ends_with(".json")) {
        let bytes = read_request_file(&file.path, JSON_BYTES).map_err(|e| reader(unit, &e))?;
        if let Err(e) = python_json::from_slice::<serde::de::IgnoredAny>(&bytes) {
            let why = if bytes.is_empty() { "it is empty".to_owned() } else { e.to_string() };
            return Err(Wait::Unparsed { name: file.name.clone(), why }.into());
        }
        parsed += 1;
    }
    Ok((parsed > 0).then(|| format!("{parsed} JSON files parse")))
}

fn no_holes(unit: &Unit) -> Result<Option<String>, Incomplete> {
    let mut excused = None;
    for file in unit.of(FileRole::Weights) {
        let opened = files::open(&file.path).map_err(|e| refused(file, e))?;
        let Some(at) = holes::first(&opened) else { continue };
        // Some file systems store zeros as holes. A marker written after the file shows that they are intended.
        if !markers::after(unit, file) {
            return Err(Wait::Hole { file: file.name.clone(), at }.into());
        }
        excused = Some(format!("{} has a hole at byte {at}, and the marker was written after it", file.name));
    }
    Ok(Some(excused.unwrap_or_else(|| "no part of the weights is unwritten".to_owned())))
}

fn structure(unit: &Unit) -> Result<Option<String>, Incomplete> {
    let reading = unit.family.reading;
    let mut archives = 0;
    for file in unit.of(FileRole::Weights).filter(|f| (reading.zips)(&f.name)) {
        zip_end(file)?;
        archives += 1;
    }
    if reading.model {
        let model = arch::open(&unit.source).map_err(|e| reader(unit, &e))?;
        if model.is_importance_matrix() {
            let why = "it is an importance matrix, not a model".to_owned();
            return Err(State::CannotExport { why, what_to_run: String::new() }.into());
        }
        return Ok(Some(format!("{} tensors, and every header agrees with the size of its file", model.tensors.len())));
    }
    Ok((archives > 0).then(|| format!("{archives} archives have their end records")))
}

/// The tracker beside the checkpoint has reached its step.
fn tracker(unit: &Unit) -> Result<Option<String>, Incomplete> {
    let Some(file) = unit.file(markers::TRACKER_NAME) else { return Ok(None) };
    let mut text = Vec::new();
    let opened = files::open(&file.path).map_err(|e| refused(file, e))?;
    opened.take(TRACKER_BYTES).read_to_end(&mut text).map_err(|e| refused(file, e.into()))?;
    let text = String::from_utf8_lossy(&text);
    if markers::reached(unit, &text) {
        return Ok(Some(format!("the tracker is at {}", text.trim())));
    }
    Err(Wait::Tracker { at: text.trim().to_owned() }.into())
}

/// Checks that a zip archive has its last record, at the end of the file.
fn zip_end(file: &UnitFile) -> Result<(), Incomplete> {
    let mut opened = files::open(&file.path).map_err(|e| refused(file, e))?;
    let from = file.stamp.bytes.saturating_sub(ZIP_END_BYTES);
    opened.seek(SeekFrom::Start(from)).map_err(|e| refused(file, e.into()))?;
    let mut tail = Vec::new();
    opened.take(ZIP_END_BYTES).read_to_end(&mut tail).map_err(|e| refused(file, e.into()))?;
    let ends = |at: usize| {
        let comment = tail.get(at + 20..at + 22).map(|b| usize::from(u16::from_le_bytes([b[0], b[1]])));
        comment.is_some_and(|len| at + 22 + len == tail.len())
    };
    if tail.windows(ZIP_END.len()).enumerate().any(|(at, w)| w == ZIP_END && ends(at)) {
        return Ok(());
    }
    let why = "the zip archive has no end record".to_owned();
    Err(Wait::Incomplete { file: file.name.clone(), why }.into())
}

/// The verdict for a system error on a file.
fn refused(file: &UnitFile, e: ReadError) -> Incomplete {
    match e {
        ReadError::Io(e) => system(&file.name, &file.path, &e),
        other => State::Unreadable { file: file.path.clone(), error: other.to_string() }.into(),
    }
}

/// A change of permissions changes the change time; anything else may be temporary.
fn system(name: &str, path: &Path, e: &io::Error) -> Incomplete {
    if e.kind() == io::ErrorKind::NotFound {
        let what = Wait::Incomplete { file: name.to_owned(), why: "it no longer exists".to_owned() };
        return Incomplete { state: State::Waiting { what }, retry: true };
    }
    let retry = e.kind() != io::ErrorKind::PermissionDenied;
    Incomplete { state: State::Unreadable { file: path.to_owned(), error: e.to_string() }, retry }
}

/// The verdict for a reader's error on the unit.
fn reader(unit: &Unit, e: &ModelError) -> Incomplete {
    let path = e.file().unwrap_or(&unit.source);
    let file = path.strip_prefix(&unit.folder).ok().filter(|p| !p.as_os_str().is_empty());
    let file = file.map_or_else(|| unit.name.clone(), |p| p.to_string_lossy().into_owned());
    if let Some(io) = e.os_error() {
        return system(&file, path, io);
    }
    match e.kind() {
        ErrorKind::Unsupported | ErrorKind::Limit => {
            let what_to_run = e.hint().map(on_command_line).unwrap_or_default();
            State::CannotExport { why: e.fact().to_owned(), what_to_run }.into()
        }
        ErrorKind::BadFile | ErrorKind::BadRequest | ErrorKind::Io => {
            Wait::Incomplete { file, why: e.fact().to_owned() }.into()
        }
    }
}

//! The rooms import only from rooms above them (ARCHITECTURE.md).
//!
//! Whole files are looked at. What only tests see is left out: items under `#[cfg(test)]`, and the files of such modules.

#[path = "layering/formats.rs"]
mod formats;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Ground floor first. There are no exceptions, so there is no circle between rooms.
const ROOMS: [&str; 23] = [
    "units",
    "task",
    "files",
    "tensor",
    "quant",
    "graph",
    "model",
    "formats",
    "arch",
    "transform",
    "forward",
    "quality",
    "calibrate",
    "forecast",
    "recipe",
    "plan",
    "evaluate",
    "monitor",
    "engine",
    "job",
    "watch",
    "tui",
    "cli",
];

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn sources(dir: &Path, all: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("a folder of sources").flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, all);
        } else if path.extension().is_some_and(|e| e == "rs") {
            all.push(path);
        }
    }
}

/// Every file that is compiled into the program, with its path below `src` and its code without tests and comments.
fn program() -> Vec<(String, String)> {
    let mut files = Vec::new();
    sources(&src(), &mut files);
    files.sort();
    let mut tests = Vec::new();
    let mut found = Vec::new();
    for path in files {
        let code = Code::of(&fs::read_to_string(&path).expect("a source file"));
        tests.extend(code.test_modules.iter().map(|name| module_folder(&path).join(name)));
        found.push((path, code.text));
    }
    // A test module is a file or a folder.
    let is_test = |path: &Path| tests.iter().any(|t| path.starts_with(t) || path.with_extension("") == *t);
    let below = |path: &Path| path.strip_prefix(src()).expect("below src").display().to_string();
    found.into_iter().filter(|(path, _)| !is_test(path)).map(|(path, code)| (below(&path), code)).collect()
}

/// The functions of the standard library that start a thread panic if the system refuses one, and what waits for the panicking thread hangs.
#[test]
fn threads_are_started_where_a_refusal_is_no_panic() {
    let starts = ["thread::spawn(", "scope.spawn(", " s.spawn("];
    let found: Vec<String> = program()
        .into_iter()
        .filter(|(path, code)| path != "task/threads.rs" && starts.iter().any(|s| code.contains(s)))
        .map(|(path, _)| path)
        .collect();
    assert!(found.is_empty(), "use task::start, start_in or together: {found:?}");
}

/// Where the modules that a file declares are.
fn module_folder(file: &Path) -> PathBuf {
    let own = file.file_stem().is_some_and(|s| s == "mod" || s == "lib" || s == "main");
    if own { file.parent().expect("a folder").to_owned() } else { file.with_extension("") }
}

/// A source file without comments and without what only tests see; lines keep their numbers.
struct Code {
    text: String,
    /// The modules under `#[cfg(test)]` that are files of their own.
    test_modules: Vec<String>,
}

impl Code {
    fn of(source: &str) -> Self {
        let (mut text, bare) = masked(source);
        let mut test_modules = Vec::new();
        for (from, to) in test_items(&bare) {
            let item = std::str::from_utf8(&bare[from..to]).expect("UTF-8");
            let module = item.split_once("mod ").and_then(|(_, rest)| rest.trim().strip_suffix(';'));
            test_modules.extend(module.map(|m| m.trim().to_owned()));
            blank(&mut text[from..to]);
        }
        Self { text: String::from_utf8(text).expect("UTF-8"), test_modules }
    }
}

/// Spaces, but for the line ends.
fn blank(bytes: &mut [u8]) {
    bytes.iter_mut().filter(|b| **b != b'\n').for_each(|b| *b = b' ');
}

/// The source without comments, and without comments and the insides of strings and character literals. Both keep every offset.
fn masked(source: &str) -> (Vec<u8>, Vec<u8>) {
    let bytes = source.as_bytes();
    let (mut text, mut bare) = (bytes.to_vec(), bytes.to_vec());
    let end_of = |from: usize, what: &str| source[from..].find(what).map_or(bytes.len(), |n| from + n + what.len());
    let mut at = 0;
    while at < bytes.len() {
        let rest = &source.as_bytes()[at..];
        let in_word = at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_');
        let raw = raw_string(rest).filter(|_| !in_word);
        let (end, comment) = if rest.starts_with(b"//") {
            (source[at..].find('\n').map_or(bytes.len(), |n| at + n), true)
        } else if rest.starts_with(b"/*") {
            (end_of_comment(bytes, at), true)
        } else if let Some((start, close)) = raw {
            (end_of(at + start, &close), false)
        } else if rest[0] == b'"' {
            (end_of_quoted(bytes, at, b'"'), false)
        } else if rest[0] == b'\'' && (rest.get(1) == Some(&b'\\') || is_char(&source[at..])) {
            (end_of_quoted(bytes, at, b'\''), false)
        } else {
            at += 1;
            continue;
        };
        if comment {
            blank(&mut text[at..end]);
        }
        blank(&mut bare[at..end]);
        at = end;
    }
    (text, bare)
}

/// The length of the opening of a raw string, and its closing.
fn raw_string(rest: &[u8]) -> Option<(usize, String)> {
    let prefix = [&b"r"[..], b"br", b"cr"].into_iter().find(|p| rest.starts_with(p))?.len();
    let hashes = rest[prefix..].iter().take_while(|b| **b == b'#').count();
    (rest.get(prefix + hashes) == Some(&b'"')).then(|| (prefix + hashes + 1, format!("\"{}", "#".repeat(hashes))))
}

/// Whether a quote begins a character and not a lifetime.
fn is_char(rest: &str) -> bool {
    let mut chars = rest.chars().skip(1);
    chars.next().is_some() && chars.next() == Some('\'')
}

fn end_of_quoted(bytes: &[u8], from: usize, quote: u8) -> usize {
    let mut at = from + 1;
    while at < bytes.len() && bytes[at] != quote {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(bytes.len())
}

/// Comments nest.
fn end_of_comment(bytes: &[u8], from: usize) -> usize {
    let (mut at, mut depth) = (from, 0);
    while at < bytes.len() {
        if bytes[at..].starts_with(b"/*") {
            (at, depth) = (at + 2, depth + 1);
        } else if bytes[at..].starts_with(b"*/") {
            (at, depth) = (at + 2, depth - 1);
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    bytes.len()
}

/// The ranges of the items under `#[cfg(test)]` or `#[cfg(all(test, …))]`, with their attributes. The bytes are without strings and comments.
fn test_items(bare: &[u8]) -> Vec<(usize, usize)> {
    let text = std::str::from_utf8(bare).expect("UTF-8");
    let mut found: Vec<(usize, usize)> = Vec::new();
    let mut starts: Vec<usize> =
        ["#[cfg(test)]", "#[cfg(all(test"].iter().flat_map(|a| text.match_indices(a)).map(|(at, _)| at).collect();
    starts.sort_unstable();
    for from in starts {
        if found.last().is_some_and(|(_, to)| from < *to) {
            continue;
        }
        let (mut depth, mut to) = (0_usize, bare.len());
        for (at, byte) in bare.iter().enumerate().skip(from) {
            match byte {
                b'(' | b'[' | b'{' => depth += 1,
                b')' | b']' | b'}' => {
                    // Without a block of its own, an item ends with the block it is in.
                    let outside = depth == 0;
                    depth = depth.saturating_sub(1);
                    if outside || *byte == b'}' && depth == 0 {
                        to = if outside { at } else { at + 1 };
                        break;
                    }
                }
                b';' | b',' if depth == 0 => {
                    to = at + 1;
                    break;
                }
                _ => {}
            }
        }
        found.push((from, to));
    }
    found
}

/// The rooms that a file names, each with the line: `crate::room`, `crate::{room, …}` and chains of `super` that reach the root.
fn rooms_named(name: &str, code: &str) -> BTreeSet<(usize, &'static str)> {
    let mut found = BTreeSet::new();
    let depth = name.trim_end_matches(".rs").trim_end_matches("/mod").split('/').count();
    let line = |at: usize| code[..at].matches('\n').count() + 1;
    let room = |path: &str| {
        let word = path.trim_start().split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
        ROOMS.into_iter().find(|r| *r == word)
    };
    let to_root = ["crate::".to_owned(), "super::".repeat(depth)];
    for (at, path) in to_root.iter().flat_map(|root| code.match_indices(root.as_str())) {
        let rest = &code[at + path.len()..];
        match rest.strip_prefix('{') {
            None => found.extend(room(rest).map(|r| (line(at), r))),
            Some(list) => {
                let mut inside = 0;
                let mut start = 0;
                for (n, c) in list.char_indices() {
                    match c {
                        '{' => inside += 1,
                        '}' if inside > 0 => inside -= 1,
                        ',' | '}' if inside == 0 => {
                            found.extend(room(&list[start..n]).map(|r| (line(at), r)));
                            start = n + 1;
                            if c == '}' {
                                break;
                            }
                        }
                        _ => {}
                    }
                }
            }
        }
    }
    found
}

#[test]
fn no_room_looks_up() {
    let program = program();
    let mut wrong = Vec::new();
    for (floor, room) in ROOMS.iter().enumerate() {
        let mut files = program.iter().filter(|(name, _)| name.starts_with(&format!("{room}/"))).peekable();
        assert!(files.peek().is_some(), "src/{room} is empty");
        for (name, code) in files {
            let up = rooms_named(name, code).into_iter().filter(|(_, other)| ROOMS[floor + 1..].contains(other));
            wrong.extend(up.map(|(line, other)| format!("src/{name}:{line} uses crate::{other}")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What a tensor is for is decided once, in `arch`: a model is opened by `arch::open`, and the other rooms read what the tensors have.
#[test]
fn models_are_identified_where_they_are_opened() {
    let mut wrong = Vec::new();
    for (name, code) in program() {
        let (room, _) = name.split_once('/').unwrap_or_default();
        let below = ROOMS.iter().position(|r| *r == "arch") < ROOMS.iter().position(|r| *r == room);
        for (n, line) in code.lines().enumerate() {
            let opens = ["formats::open(", "formats::open_as_format(", "formats::open_file("];
            if below && (line.contains("classify") || opens.iter().any(|o| line.contains(o))) {
                wrong.push(format!("src/{name}:{}: {}", n + 1, line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "these go around arch::open:\n{}", wrong.join("\n"));
}

/// The tabs of the workbench.
const TABS: [&str; 6] = ["compare", "jobs", "log", "models", "recipe", "watch"];

/// True for code that changes a part of the state: it is borrowed to be changed, or a value is put into it.
fn changes(code: &str, part: &str) -> bool {
    let field = format!("state.{part}");
    code.match_indices(&field).any(|(at, _)| {
        let rest = code[at + field.len()..].trim_start_matches(|c: char| c.is_alphanumeric() || c == '_' || c == '.');
        let rest = rest.trim_start();
        let assigned = (rest.starts_with('=') && !rest.starts_with("=="))
            || ["|=", "^=", "+=", "-="].iter().any(|op| rest.starts_with(op));
        assigned || code[..at].ends_with("&mut ")
    })
}

/// A tab names no other tab's module, and changes no other tab's state: it asks for it (`tui::core::TabRequest`).
#[test]
fn no_tab_reaches_into_another() {
    let program = program();
    let mut wrong = Vec::new();
    for tab in TABS {
        let mut files = program.iter().filter(|(name, _)| name.starts_with(&format!("tui/tabs/{tab}/"))).peekable();
        assert!(files.peek().is_some(), "src/tui/tabs/{tab} is empty");
        for (name, code) in files {
            for (n, line) in code.lines().enumerate() {
                let mut others = TABS.iter().filter(|other| **other != tab);
                // A list of modules, or a path that climbs out of the tab, could hide a name.
                let hides = ["tabs::{", "super::super::super::"].iter().any(|h| line.contains(h));
                let reaches = |o: &str| line.contains(&format!("tabs::{o}")) || changes(line, o);
                if hides || others.any(|o| reaches(o)) {
                    wrong.push(format!("src/{name}:{}: {}", n + 1, line.trim()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "a tab asks another one by Effect::Tab:\n{}", wrong.join("\n"));
    let core = program.iter().find(|(name, _)| name == "tui/core/mod.rs").map(|(_, code)| code.as_str());
    assert!(
        core.is_some_and(|code| !code.contains("tabs::")),
        "core exports what all tabs share, and nothing of one tab"
    );
}

#[test]
fn changes_of_a_part_of_the_state_are_recognized() {
    for code in ["state.jobs.chosen = true;", "let j = &mut state.jobs;", "state.jobs.zoom ^= true"] {
        assert!(changes(code, "jobs"), "{code}");
    }
    for code in ["if state.jobs.chosen == x", "state.jobs.current()", "let j = &state.jobs;", "state.log = x"] {
        assert!(!changes(code, "jobs"), "{code}");
    }
}

/// The folders of `tui/tabs` are those named here.
#[test]
fn every_tab_is_named() {
    let folders = fs::read_dir(src().join("tui/tabs")).expect("src/tui/tabs").flatten().filter(|e| e.path().is_dir());
    let mut found: Vec<String> = folders.map(|e| e.file_name().to_string_lossy().into_owned()).collect();
    found.sort();
    assert_eq!(found, TABS);
}

#[test]
fn only_test_items_are_left_out_of_a_file() {
    let source = r##"
use crate::{tui::{run, core}, units, cli as line}; // crate::plan
#[cfg(test)]
use crate::{job::Folder, watch};
/* crate::engine /* nested */ crate::engine */
fn a<'a>(x: &'a str) -> char { '{' }
#[cfg(test)]
mod tests {
    // }
    const OPEN: &str = "}";
    const RAW: &str = r#"" } "#;
    fn b() -> char { crate::formats::open(); '}' }
}
#[cfg(test)]
pub(super) mod golden_tests;
fn behind() { crate::arch::convert(super::super::recipe::keys()) }
#[cfg(all(test, unix))]
#[path = "x.rs"]
fn c() { crate::model::few([1, 2]) }
struct S {
    #[cfg(test)]
    field: crate::quant::Encoding,
    last: crate::monitor::Gpu,
}
"##;
    let code = Code::of(source);
    let rooms: Vec<&str> = rooms_named("plan/types.rs", &code.text).into_iter().map(|(_, r)| r).collect();
    assert_eq!(rooms, ["cli", "tui", "units", "arch", "recipe", "monitor"]);
    assert_eq!(rooms_named("plan/types.rs", "\ncrate::tui::run()").first(), Some(&(2, "tui")));
    assert_eq!(code.test_modules, ["golden_tests"]);
    assert_eq!(code.text.lines().count(), source.lines().count());
}

#[test]
fn every_room_is_declared_in_order() {
    let lib = fs::read_to_string(src().join("lib.rs")).expect("src/lib.rs");
    let module = |l: &'static str| l.strip_prefix("pub ").unwrap_or(l).strip_prefix("mod ")?.strip_suffix(';');
    let modules = lib.leak().lines().filter_map(module);
    // These are not rooms: they serve tests, benches and fuzz targets.
    let declared: Vec<&str> = modules.filter(|m| !["fuzzing", "testing", "skip"].contains(m)).collect();
    assert_eq!(declared, ROOMS);
}

/// What writes to stdout or stderr.
const WRITES: [&str; 9] =
    ["println!", "print!", "dbg!", "stdout()", "stderr()", "/dev/tty", "io::stdout", "io::stderr", "e.print()"];

/// The files that may, each with its reason.
const WRITERS: [(&str, &str); 2] = [
    ("units/print.rs", "the one place that prints; it escapes"),
    ("tui/runtime/terminal.rs", "frames of the workbench, whose cells are cleaned by tui::view::draw"),
];

#[test]
fn printing_goes_through_one_place() {
    let mut wrong = Vec::new();
    for (name, code) in program() {
        if WRITERS.iter().any(|(f, _)| *f == name) {
            continue;
        }
        for (number, line) in code.lines().enumerate() {
            // To ask whether a stream is a terminal, or which styles it takes, writes nothing.
            let asked = ["stdout", "stderr"].iter().fold(line.to_owned(), |line, stream| {
                line.replace(&format!("{stream}().is_terminal()"), "").replace(&format!("Style::{stream}()"), "")
            });
            if WRITES.iter().any(|w| asked.contains(w)) {
                wrong.push(format!("src/{name}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "these go around units/print.rs:\n{}", wrong.join("\n"));
}

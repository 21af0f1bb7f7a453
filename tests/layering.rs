//! The rooms import only from rooms above them (ARCHITECTURE.md).

use std::fs;
use std::path::{Path, PathBuf};

/// Ground floor first.
const ROOMS: [&str; 18] = [
    "units",
    "files",
    "tensor",
    "quant",
    "model",
    "formats",
    "arch",
    "transform",
    "forecast",
    "recipe",
    "plan",
    "evaluate",
    "monitor",
    "engine",
    "job",
    "watch",
    "cli",
    "tui",
];

/// The command line opens the workbench; nothing else may look up.
const ALLOWED: [(&str, &str); 1] = [("cli", "tui")];

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

#[test]
fn no_room_looks_up() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    for (floor, room) in ROOMS.iter().enumerate() {
        let mut files = Vec::new();
        sources(&src.join(room), &mut files);
        assert!(!files.is_empty(), "src/{room} is empty");
        for file in files {
            let text = fs::read_to_string(&file).expect("a source file");
            // Tests may use what they like.
            let code = text.split("\n#[cfg(test)]\nmod tests").next().unwrap_or("");
            for (n, line) in code.lines().enumerate().filter(|(_, l)| !l.trim_start().starts_with("//")) {
                for (other, name) in ROOMS.iter().enumerate() {
                    let up = other > floor && line.contains(&format!("crate::{name}::"));
                    if up && !ALLOWED.contains(&(room, name)) {
                        wrong.push(format!("{}:{} uses crate::{name}", file.display(), n + 1));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
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
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    for tab in TABS {
        let mut files = Vec::new();
        sources(&src.join("tui/tabs").join(tab), &mut files);
        assert!(!files.is_empty(), "src/tui/tabs/{tab} is empty");
        for file in files {
            let name = file.strip_prefix(&src).expect("below src").display().to_string();
            let text = fs::read_to_string(&file).expect("a source file");
            for (n, line) in text.lines().enumerate().filter(|(_, l)| !l.trim_start().starts_with("//")) {
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
    let core = fs::read_to_string(src.join("tui/core/mod.rs")).expect("src/tui/core/mod.rs");
    assert!(!core.contains("tabs::"), "core exports what all tabs share, and nothing of one tab");
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
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/tui/tabs");
    let folders = fs::read_dir(folder).expect("src/tui/tabs").flatten().filter(|e| e.path().is_dir());
    let mut found: Vec<String> = folders.map(|e| e.file_name().to_string_lossy().into_owned()).collect();
    found.sort();
    assert_eq!(found, TABS);
}

#[test]
fn every_room_is_declared_in_order() {
    let lib = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).expect("src/lib.rs");
    let declared: Vec<&str> = lib.lines().filter_map(|l| l.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    assert_eq!(declared, ROOMS);
}

/// What writes to stdout or stderr.
const WRITES: [&str; 9] =
    ["println!", "print!", "dbg!", "stdout()", "stderr()", "/dev/tty", "io::stdout", "io::stderr", "e.print()"];

/// The files that may, each with its reason.
const WRITERS: [(&str, &str); 3] = [
    ("cli/print.rs", "the one place that prints; it escapes"),
    ("cli/mod.rs", "clap prints its own help, which holds nothing from outside"),
    ("tui/runtime/terminal.rs", "frames of the workbench, whose cells are cleaned by tui::view::draw"),
];

#[test]
fn printing_goes_through_one_place() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    let mut wrong = Vec::new();
    for file in files {
        let name = file.strip_prefix(&src).expect("below src").display().to_string();
        // Modules of tests alone print what they skipped.
        if name.ends_with("tests.rs") || WRITERS.iter().any(|(f, _)| *f == name) {
            continue;
        }
        let text = fs::read_to_string(&file).expect("a source");
        let code = text.split("\n#[cfg(test)]\nmod tests").next().unwrap_or_default();
        for (number, line) in code.lines().enumerate() {
            // To ask whether a stream is a terminal, or which styles it takes, writes nothing.
            let line = ["stdout", "stderr"].iter().fold(line.to_owned(), |line, stream| {
                line.replace(&format!("{stream}().is_terminal()"), "").replace(&format!("Style::{stream}()"), "")
            });
            if !line.trim_start().starts_with("//") && WRITES.iter().any(|w| line.contains(w)) {
                wrong.push(format!("src/{name}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "these go around cli/print.rs:\n{}", wrong.join("\n"));
}

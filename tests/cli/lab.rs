//! A bench to run the program on: a folder to work in, a folder of jobs, and a watch on both.

use remold::testing::engine::{Event, from_json};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// When a program that does not end, or a condition that does not come, is given up.
pub const DEADLINE: Duration = Duration::from_secs(180);

/// A temporary folder of work with its own folder of jobs.
pub struct Lab {
    root: tempfile::TempDir,
}

/// How a run of the program ended.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Ran {
    /// The exit code is this one.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }

    /// Every line of stdout as an event; a line that is none fails the test.
    #[track_caller]
    pub fn events(&self) -> Vec<Event> {
        let parse = |l: &str| from_json(l.as_bytes()).unwrap_or_else(|e| panic!("`{l}` is no event: {e}"));
        self.out.lines().map(parse).collect()
    }
}

impl Lab {
    pub fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        for folder in ["work", "home"] {
            std::fs::create_dir(root.path().join(folder)).unwrap();
        }
        Self { root }
    }

    /// The folder the program works in; arguments are relative to it.
    pub fn dir(&self) -> PathBuf {
        self.root.path().join("work")
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir().join(name)
    }

    pub fn jobs(&self) -> PathBuf {
        self.root.path().join("jobs")
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// Copies a model of `fixtures/models` into the folder.
    pub fn model(&self, name: &str) -> PathBuf {
        let to = self.path(name);
        std::fs::create_dir_all(&to).unwrap();
        for entry in std::fs::read_dir(fixture("models").join(name)).unwrap().flatten() {
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
        to
    }

    /// A command of the program in this lab's surroundings.
    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_remold"));
        self.surround(&mut command);
        command
    }

    /// Gives any command this lab's folder and environment.
    pub fn surround(&self, command: &mut Command) {
        let home = self.root.path().join("home");
        command.current_dir(self.dir()).env("REMOLD_JOBS", self.jobs()).env("HOME", &home);
        for name in ["NO_COLOR", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "REMOLD_CACHE"] {
            command.env_remove(name);
        }
        command.env("TERM", "xterm-256color").env("LC_ALL", "C.UTF-8").env("TZ", "UTC").stdin(Stdio::null());
    }

    /// Runs the program to its end; arguments are separated by blanks, `\u{a0}` is a blank inside one.
    pub fn run(&self, args: &str) -> Ran {
        let mut command = self.command();
        command.args(words(args));
        finish(start(&mut command))
    }

    /// The only job in the folder of jobs, or the newest.
    pub fn job(&self) -> PathBuf {
        let ids = std::fs::read_dir(self.jobs()).unwrap().flatten();
        let newest = ids.filter_map(|e| e.file_name().to_str()?.parse::<u64>().ok()).max().unwrap();
        self.jobs().join(newest.to_string())
    }

    /// State of a job according to `jobs list --json`.
    pub fn state(&self, id: &str) -> String {
        let ran = self.run("jobs list --json").expect(0);
        let rows = ran.out.lines().map(|l| serde_json::from_str::<serde_json::Value>(l).unwrap());
        let job = rows.into_iter().find(|j| j["id"] == id).unwrap_or_else(|| panic!("no job {id}: {}", ran.out));
        job["state"].as_str().unwrap().to_owned()
    }

    /// Every file below the folder of work, with a hash of its bytes; folders with an empty one.
    pub fn tree(&self) -> BTreeMap<String, String> {
        tree(&self.dir())
    }
}

/// The GGUF files in a folder, by name.
pub fn gguf_files(folder: &Path) -> Vec<PathBuf> {
    let all = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
    let mut found: Vec<PathBuf> = all.filter(|p| p.extension().is_some_and(|e| e == "gguf")).collect();
    found.sort();
    found
}

pub fn words(args: &str) -> Vec<String> {
    args.split(' ').filter(|a| !a.is_empty()).map(|a| a.replace('\u{a0}', " ")).collect()
}

/// Every file below a folder, with a hash of its bytes; of manifests, of what neither the time nor the place of the run is in.
pub fn tree(dir: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut todo = vec![dir.to_owned()];
    while let Some(at) = todo.pop() {
        for path in std::fs::read_dir(&at).unwrap().map(|e| e.unwrap().path()) {
            let name = path.strip_prefix(dir).unwrap().display().to_string();
            if path.is_dir() {
                found.insert(name, String::new());
                todo.push(path);
            } else {
                let is_manifest = name.ends_with(".remold.json");
                found.insert(name, if is_manifest { hash_of_lists(&path) } else { hash(&path) });
            }
        }
    }
    found
}

pub fn hash(path: &Path) -> String {
    hash_bytes(&std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display())))
}

/// The hash of the files and tensors that a manifest lists.
fn hash_of_lists(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    let at = text.find("\n\"files\"").unwrap_or_else(|| panic!("{} is no manifest", path.display()));
    // The checksum of the manifest itself depends on its head.
    let end = text.rfind("\n\"xxh3\"").unwrap_or(text.len());
    hash_bytes(&text.as_bytes()[at..end])
}

fn hash_bytes(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

/// A folder or file of `fixtures/`.
pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

/// Starts a command with both streams caught.
pub fn start(command: &mut Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Waits for a started program; one that does not end is killed and fails the test.
#[track_caller]
pub fn finish(mut child: Child) -> Ran {
    fn drain(mut from: impl Read + Send + 'static) -> thread::JoinHandle<String> {
        thread::spawn(move || {
            let mut bytes = Vec::new();
            let _ = from.read_to_end(&mut bytes);
            String::from_utf8_lossy(&bytes).into_owned()
        })
    }
    let out = child.stdout.take().map(drain);
    let err = child.stderr.take().map(drain);
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if begun.elapsed() > DEADLINE {
            let _ = child.kill();
            panic!("the program did not end");
        }
        thread::sleep(Duration::from_millis(5));
    };
    let text = |t: Option<thread::JoinHandle<String>>| t.map(|t| t.join().unwrap()).unwrap_or_default();
    Ran { code: status.code(), out: text(out), err: text(err) }
}

/// Waits until `condition` gives something.
#[track_caller]
pub fn wait_for<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = condition() {
            return found;
        }
        assert!(begun.elapsed() < DEADLINE, "{what}: did not come");
        thread::sleep(Duration::from_millis(10));
    }
}

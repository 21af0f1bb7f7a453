//! Passes the commit that is built and the target to the program, for `remold --version`.
//!
//! Works without git and outside of a repository: then the version has no commit. Runs again only when another commit is checked out.

use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    set("REMOLD_TARGET", std::env::var("TARGET").ok());
    let root = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let (commit, date) = match from_git(&root) {
        Some((commit, date)) => (Some(commit), Some(date)),
        None => (from_package(&root), None),
    };
    set("REMOLD_COMMIT", commit);
    set("REMOLD_COMMIT_DATE", date);
}

fn set(name: &str, value: Option<String>) {
    if let Some(value) = value {
        println!("cargo::rustc-env={name}={value}");
    }
}

/// The commit and its date, if `root` is the top of a repository and not a folder that happens to be in one.
fn from_git(root: &Path) -> Option<(String, String)> {
    let top = PathBuf::from(git(root, &["rev-parse", "--show-toplevel"])?);
    if top.canonicalize().ok()? != root.canonicalize().ok()? {
        return None;
    }
    // The log of HEAD grows with each commit and each checkout. Where there is none, HEAD and its branch change. A path that does not
    // exist would make cargo run this at every build.
    let branch = git(root, &["symbolic-ref", "-q", "HEAD"]);
    for name in ["logs/HEAD", "HEAD", "packed-refs"].into_iter().chain(branch.as_deref()) {
        let path = git(root, &["rev-parse", "--git-path", name]).map(|path| root.join(path));
        if let Some(path) = path.filter(|path| path.is_file()) {
            println!("cargo::rerun-if-changed={}", path.display());
        }
    }
    let line = git(root, &["log", "-1", "--format=%H %cs"])?;
    let (commit, date) = line.split_once(' ')?;
    Some((commit.to_owned(), date.to_owned()))
}

/// The commit that `cargo package` noted in the archive.
fn from_package(root: &Path) -> Option<String> {
    let text = std::fs::read_to_string(root.join(".cargo_vcs_info.json")).ok()?;
    let (_, rest) = text.split_once("\"sha1\"")?;
    let commit: String =
        rest.chars().skip_while(|c| !c.is_ascii_hexdigit()).take_while(char::is_ascii_hexdigit).collect();
    (commit.len() == 40).then_some(commit)
}

/// The output of a git command; `None` if it fails or there is no git.
fn git(root: &Path, args: &[&str]) -> Option<String> {
    let ran = Command::new("git").arg("-C").arg(root).args(args).output().ok().filter(|ran| ran.status.success())?;
    let text = String::from_utf8(ran.stdout).ok()?;
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

//! What `cargo package` takes: all that the program is built from, and none of the fixtures, which would make it too large to install.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// It has 1.1 MB; registries refuse much larger ones.
const MAX_ARCHIVE_BYTES: u64 = 2_500_000;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn package(args: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(root()).args(["package", "--allow-dirty", "--offline", "--quiet"]).args(args);
    let ran = command.output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).unwrap()
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
    entries.flat_map(|p| if p.is_dir() { rust_files(&p) } else { vec![p] }).collect()
}

#[test]
fn the_package_holds_what_the_program_is_built_from_and_little_else() {
    let listed = package(&["--list"]);
    let files: BTreeSet<&str> = listed.lines().collect();
    for folder in ["fixtures/", "tests/", "benches/", "fuzz/", "docs/picture/", ".ci/", ".github/"] {
        assert!(!files.iter().any(|f| f.starts_with(folder)), "{folder} is in the package");
    }
    for name in ["Cargo.lock", "README.md", "CHANGELOG.md", "LICENSE-APACHE", "LICENSE-MIT", "src/main.rs", "build.rs"]
    {
        assert!(files.contains(name), "{name} is not in the package");
    }
    let src = root().join("src");
    for file in rust_files(&src) {
        let name = file.strip_prefix(root()).unwrap().display().to_string();
        assert!(files.contains(&*name), "{name} is not in the package");
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        for macro_name in ["include_str!(\"", "include_bytes!(\""] {
            for part in text.split(macro_name).skip(1) {
                let included = file.parent().unwrap().join(part.split('"').next().unwrap()).canonicalize().unwrap();
                let included = included.strip_prefix(root().canonicalize().unwrap()).unwrap().display().to_string();
                assert!(files.contains(&*included), "{name} includes {included}, which is not in the package");
            }
        }
    }
}

#[test]
fn the_package_is_small() {
    let target = tempfile::tempdir().unwrap();
    package(&["--no-verify", "--target-dir", target.path().to_str().unwrap()]);
    let archives = std::fs::read_dir(target.path().join("package")).unwrap().map(|e| e.unwrap());
    let archive = archives.into_iter().find(|e| e.path().extension().is_some_and(|e| e == "crate")).unwrap();
    let bytes = archive.metadata().unwrap().len();
    assert!(bytes < MAX_ARCHIVE_BYTES, "{bytes} bytes");
}

/// Runs the compiled build script for a folder, and gives what it prints.
fn build_script(program: &Path, folder: &Path, path: &str) -> String {
    let mut command = Command::new(program);
    command.env("CARGO_MANIFEST_DIR", folder).env("TARGET", "some-target").env("PATH", path).current_dir(folder);
    let ran = command.output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).unwrap()
}

#[test]
fn the_build_script_works_without_git_and_runs_only_for_another_commit() {
    let dir = tempfile::tempdir().unwrap();
    let program = dir.path().join("build-script");
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let compiled =
        Command::new(rustc).args(["--edition", "2024", "-o"]).arg(&program).arg(root().join("build.rs")).status();
    assert!(compiled.unwrap().success());
    let path = std::env::var("PATH").unwrap_or_default();
    let commit = "0123456789abcdef0123456789abcdef01234567";
    let package = dir.path().join("package");
    std::fs::create_dir(&package).unwrap();
    for path in ["", path.as_str()] {
        let out = build_script(&program, &package, path);
        assert!(out.contains("REMOLD_TARGET=some-target") && !out.contains("REMOLD_COMMIT"), "{out}");
    }
    // What cargo puts into an archive.
    let info = format!("{{\n  \"git\": {{\n    \"sha1\": \"{commit}\"\n  }},\n  \"path_in_vcs\": \"\"\n}}");
    std::fs::write(package.join(".cargo_vcs_info.json"), info).unwrap();
    assert!(build_script(&program, &package, "").contains(&format!("REMOLD_COMMIT={commit}\n")));
    // The commit of another repository that the folder happens to be in is not ours.
    assert!(!build_script(&program, &root().join("src"), &path).contains("REMOLD_COMMIT"));
    // A path that does not exist would make every build run it again.
    for line in build_script(&program, root(), &path).lines() {
        if let Some(file) = line.strip_prefix("cargo::rerun-if-changed=") {
            assert!(root().join(file).exists(), "{file}");
        }
    }
}

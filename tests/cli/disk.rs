//! Disks that are full, fill up, or cannot be written. They need a small file system of their own.

use crate::lab::{Lab, finish, start, words};
use crate::made::{big, floats, noise};
use crate::table::{check, row};
use remold::testing::engine::{EventBody, from_json};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A mounted tmpfs, unmounted in the end.
struct Mounted(PathBuf);

impl Mounted {
    /// `None`, and a line that says so, where mounting is not permitted.
    fn new(at: &Path, options: &str) -> Option<Self> {
        std::fs::create_dir_all(at).unwrap();
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "remold-test"])
            .arg(at)
            .stderr(Stdio::null())
            .status();
        if mount.is_ok_and(|s| s.success()) {
            return Some(Self(at.to_owned()));
        }
        crate::skip::skipped("mounting a small file system is not permitted here");
        None
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_disk_that_is_too_small_or_read_only_is_refused_before_anything_is_written() {
    let probe = tempfile::tempdir().unwrap();
    if Mounted::new(probe.path(), "size=64k").is_none() {
        return;
    }
    // The mounts live as long as the labs' folders: a lazy unmount in `Drop` would come too early for the table.
    let on = |options: &'static str, to: &'static str| {
        move |lab: &Lab| {
            lab.write("m.safetensors", floats(&[("w", &[256, 256], noise(65536, 1))]));
            std::mem::forget(Mounted::new(&lab.path("small"), options));
            format!("convert m.safetensors --to gguf:f32 -o {to}")
        }
    };
    check(
        "disk.txt",
        vec![
            row("the disk is too small", 2, &["small", "65.54 kB are free", "-o"], on("size=64k", "small/out.gguf")),
            row("the disk is read-only", 2, &["small", "read-only", "-o"], on("size=4m,ro", "small/out.gguf")),
        ],
    );
    // Those were left mounted for their rows.
    let mounts = std::fs::read_to_string("/proc/mounts").unwrap_or_default();
    for at in mounts.lines().filter(|l| l.starts_with("remold-test ") && l.contains("/work/small ")) {
        let _ = Command::new("umount").arg("-l").arg(at.split(' ').nth(1).unwrap()).status();
    }
}

#[test]
fn a_disk_that_fills_up_stops_the_job_and_leaves_nothing() {
    let lab = Lab::new();
    let Some(small) = Mounted::new(&lab.path("tight"), "size=6m") else { return };
    lab.write("big.safetensors", big(16));
    let mut command = lab.command();
    command.args(words("convert big.safetensors --to gguf:iq3_s -o tight/out.gguf --threads 1 --json"));
    // The preflight check passes; then another process takes the space, before the first row is written.
    let mut child = start(&mut command);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut events = Vec::new();
    let mut filled = false;
    for line in lines.by_ref() {
        let event: remold::testing::engine::Event = from_json(line.unwrap().as_bytes()).unwrap();
        if !filled && matches!(event.body, EventBody::Started { .. }) {
            filled = true;
            let mut filler = std::fs::File::create(small.0.join("filler")).unwrap();
            while filler.write_all(&[1; 4096]).is_ok() {}
        }
        events.push(event);
    }
    let ran = finish(child);
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    let Some(EventBody::Failed { error, .. }) = events.last().map(|e| &e.body) else { panic!("{events:?}") };
    assert_eq!(error.code.name(), "disk.full", "{error:?}");
    assert!(ran.err.contains("out.gguf: writing") && ran.err.contains("hint: Free some space"), "{}", ran.err);
    eprintln!("{}", ran.err);
    let left: Vec<_> = std::fs::read_dir(&small.0).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left, ["filler"], "unfinished files were removed");
}

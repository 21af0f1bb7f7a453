//! Kills at every operation that changes a directory or syncs a file, for every kind of output; and the result of a resume.

use super::part_file::is_part_name;
use super::{EventBody, EventSink, Gate, OutputReport, Report, RunError, RunOptions, Stop, manifest, run};
use crate::files::fault::Kill;
use crate::model::FormatId;
use crate::plan::{self, Plan};
use crate::recipe::options::{gguf as options, graph as graph_options};
use crate::recipe::{Recipe, Target};
use crate::task::Task;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64};

/// A folder to work in, with the model and the journal of one job.
pub(super) struct Bench {
    pub(super) root: tempfile::TempDir,
    pub(super) recipe: Recipe,
}

/// Every file below a folder with its contents.
pub(super) type Tree = BTreeMap<PathBuf, Vec<u8>>;

pub(super) fn tree(folder: &Path) -> Tree {
    let mut all = Tree::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).into_iter().flatten().flatten() {
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            } else {
                let name = entry.path().strip_prefix(folder).unwrap().to_owned();
                all.insert(name.clone(), contents(&entry.path()));
            }
        }
    }
    all
}

/// The manifest of an old folder, as far as it decides what may be removed: the shards that it lists.
const OLD_MANIFEST: &str = r#"{"remold_manifest": 1, "files": [
    {"name": "model-00001-of-00002.safetensors", "bytes": 3}, {"name": "model-00002-of-00002.safetensors", "bytes": 3}]}"#;

/// The contents of a file; of a manifest what does not depend on the time and the folder, once it was found to be right.
fn contents(path: &Path) -> Vec<u8> {
    let bytes = fs::read(path).unwrap();
    if !path.to_string_lossy().ends_with(plan::MANIFEST_SUFFIX) || bytes == OLD_MANIFEST.as_bytes() {
        return bytes;
    }
    let found = manifest::find(path).unwrap_or_else(|| panic!("{} is no manifest", path.display()));
    let (stop, read) = (AtomicBool::new(false), AtomicU64::new(0));
    let checked = manifest::check(&found, &manifest::CheckOptions { threads: 1, stop: &stop, read: &read }).unwrap();
    assert_eq!(checked.differences, [], "{}", path.display());
    assert!(checked.tensors > 10 && checked.bytes == read.into_inner());
    let text = String::from_utf8(bytes).unwrap();
    // The check above has compared the checksum of the manifest, which depends on the head.
    text.as_bytes()[text.find("\n\"files\"").unwrap()..text.rfind("\n\"xxh3\"").unwrap()].to_vec()
}

impl Bench {
    pub(super) fn new(target: &Target) -> Self {
        let root = tempfile::tempdir().unwrap();
        for folder in ["out", "job"] {
            fs::create_dir(root.path().join(folder)).unwrap();
        }
        let mut target = target.clone();
        target.output = target.output.map(|o| root.path().join("out").join(o));
        let format = target.format;
        let mut recipe = Recipe { targets: vec![target], ..Recipe::default() };
        recipe.source.path = Some(match format {
            FormatId::Onnx => crate::formats::onnx::weights_only(root.path(), 12),
            _ => Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/models/mini-bert"),
        });
        Self { root, recipe }
    }

    pub(super) fn out(&self) -> PathBuf {
        self.root.path().join("out")
    }

    pub(super) fn plan(&self) -> Plan {
        plan::prepare(&self.recipe, Task::quiet()).unwrap().plan
    }

    /// Runs what was planned, as a worker does.
    pub(super) fn work(&self, planned: &Plan, resume: bool) -> Result<Report, RunError> {
        let journal = self.root.path().join("job/journal");
        let held = super::held(&journal)?;
        let prepared = plan::prepare_again(&self.recipe, Task::quiet(), &|| Ok(planned.clone()), &held)?;
        let sink = EventSink::new("7").with_listener(|e| {
            if let EventBody::Warning(w) = &e.body {
                assert_ne!(w.code, "journal.mismatch", "{w:?}");
            }
        });
        let options = RunOptions {
            threads: 1,
            stop: &Stop::default(),
            gate: &Gate::default(),
            sink: &sink,
            journal: Some((&journal, resume)),
            origin: Default::default(),
        };
        run(&prepared, &options).map(whole)
    }
}

/// What is there before a job runs, given its planned outputs.
pub(super) type Before = fn(&Bench);

/// The kinds of outputs.
pub(super) fn kinds() -> Vec<(&'static str, Target, Before)> {
    let gguf = Target::of(FormatId::Gguf).quantized("q8_0");
    let folder = Target::of(FormatId::Safetensors).quantized("f16");
    let at = |t: &Target, output: &str, force| Target { output: Some(output.into()), force, ..t.clone() };
    let split = |t: Target| t.with(&options::SPLIT_MAX_TENSORS, Some(8));
    let nothing: Before = |_| {};
    let graph = Target::of(FormatId::Onnx).with(&graph_options::EXTERNAL_DATA, Some(true));
    vec![
        ("a file", at(&gguf, "new/x.gguf", false), nothing),
        ("a file that is replaced", at(&gguf, "x.gguf", true), |b| fs::write(b.out().join("x.gguf"), b"old").unwrap()),
        ("a split set", split(at(&gguf, "x.gguf", false)), nothing),
        ("a split set that is replaced", split(at(&gguf, "x.gguf", true)), |b| {
            for (path, _) in &b.plan().outputs[0].files {
                fs::write(path, b"old").unwrap();
            }
        }),
        ("a new folder", at(&folder, "new/hf", false), nothing),
        ("an empty folder", at(&folder, "hf", false), |b| fs::create_dir(b.out().join("hf")).unwrap()),
        ("a folder of nothing else that is replaced", at(&folder, "hf", true), |b| {
            fs::create_dir_all(b.out().join("hf")).unwrap();
            for name in ["config.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"] {
                fs::write(b.out().join("hf").join(name), "old").unwrap();
            }
            fs::write(b.out().join("hf.remold.json"), OLD_MANIFEST).unwrap();
        }),
        ("a folder that is replaced", at(&folder, "hf", true), |b| {
            let old = b.out().join("hf");
            fs::create_dir_all(old.join("notes")).unwrap();
            for (name, text) in [
                ("config.json", "old"),
                ("model-00001-of-00002.safetensors", "old"),
                ("model-00002-of-00002.safetensors", "old"),
                ("mine.txt", "mine"),
                ("notes/mine.txt", "mine"),
            ] {
                fs::write(old.join(name), text).unwrap();
            }
            fs::write(b.out().join("hf.remold.json"), OLD_MANIFEST).unwrap();
        }),
        ("a graph", at(&Target::of(FormatId::Onnx), "x.onnx", false), nothing),
        ("a graph with a data file", at(&graph, "new/x.onnx", false), nothing),
        ("a graph with a data file that is replaced", at(&graph, "x.onnx", true), |b| {
            fs::write(b.out().join("x.onnx"), b"old").unwrap();
            fs::write(b.out().join("x.onnx.data"), b"old").unwrap();
        }),
        ("a pickle", at(&Target { format: FormatId::Pytorch, ..folder.clone() }, "x.pt", false), nothing),
    ]
}

/// A report with its rows in a list.
fn whole(mut report: Report<super::report_rows::Rows<'_>>) -> Report {
    let outputs = std::mem::take(&mut report.outputs);
    let rows = |o: OutputReport<super::report_rows::Rows<'_>>| {
        let rows = o.tensors.iter().collect();
        o.with_rows(rows)
    };
    report.with_outputs(outputs.into_iter().map(rows).collect())
}

#[test]
fn a_kill_anywhere_leaves_what_a_resume_completes() {
    for (kind, target, before) in kinds() {
        let straight = Bench::new(&target);
        before(&straight);
        let plan = straight.plan();
        straight.work(&plan, false).unwrap_or_else(|e| panic!("{kind}: {e:?}"));
        let whole = tree(&straight.out());
        assert!(whole.keys().all(|p| !is_part_name(&p.to_string_lossy())), "{kind}: {:?}", whole.keys());
        let mut kills = 0;
        for at in 0.. {
            let bench = Bench::new(&target);
            before(&bench);
            let (old, plan) = (tree(&bench.out()), bench.plan());
            let kill = Kill::at(bench.root.path(), at);
            let first = bench.work(&plan, false);
            let (log, killed) = kill.result();
            drop(kill);
            if !killed {
                first.unwrap_or_else(|e| panic!("{kind}, not killed: {e:?}"));
                break;
            }
            kills += 1;
            let context = format!("{kind}, killed after {at}: {}", log.join("\n"));
            old_new_or_incomplete(&tree(&bench.out()), &old, &whole, &context);
            // Another job does what it likes meanwhile; here, it removes its own leftovers.
            bench.work(&plan, true).unwrap_or_else(|e| panic!("{context}\nresume: {e:?}"));
            let now = tree(&bench.out());
            assert_eq!(now.keys().collect::<Vec<_>>(), whole.keys().collect::<Vec<_>>(), "{context}");
            assert!(now == whole, "{context}: other bytes");
        }
        assert!(kills > 8, "{kind}: {kills} kills");
    }
}

/// One operation fails (EIO, EBUSY) and the process lives on: the error says in what state things are, truly, and a resume completes.
#[test]
fn a_failed_operation_leaves_the_state_that_its_error_describes() {
    const EIO: i32 = 5;
    for (kind, target, before) in kinds() {
        let straight = Bench::new(&target);
        before(&straight);
        straight.work(&straight.plan(), false).unwrap_or_else(|e| panic!("{kind}: {e:?}"));
        let whole = tree(&straight.out());
        let (mut failures, mut described) = (0, 0);
        for at in 0.. {
            let bench = Bench::new(&target);
            before(&bench);
            // The manifest of what is replaced is withdrawn first, so that none describes other bytes.
            let (mut old, plan) = (tree(&bench.out()), bench.plan());
            old.retain(|_, bytes| bytes != OLD_MANIFEST.as_bytes());
            let fault = Kill::fail_once(bench.root.path(), at, EIO);
            let first = bench.work(&plan, false);
            let (log, _) = fault.result();
            drop(fault);
            let Some(failed) = log.iter().find(|l| l.starts_with("FAILED")) else {
                first.unwrap_or_else(|e| panic!("{kind}, nothing failed: {e:?}"));
                break;
            };
            failures += 1;
            let context = format!("{kind}, {failed}");
            let now = tree(&bench.out());
            let Err(RunError::Failed(e)) = first else {
                // What fails while leftovers are removed is not worth an error.
                assert!(first.is_ok(), "{context}: {first:?}");
                assert!(whole.iter().all(|(p, b)| now.get(p) == Some(b)), "{context}: {:?}", now.keys());
                continue;
            };
            let (text, hint) =
                (e.to_string(), e.hint().map(crate::recipe::remedies::on_command_line).unwrap_or_default());
            let hidden = |p: &Path| p.to_string_lossy().contains("remold-");
            let shown = |t: &Tree| {
                t.iter()
                    .filter(|(p, b)| !hidden(p) && *b != OLD_MANIFEST.as_bytes())
                    .map(|(p, b)| (p.clone(), b.clone()))
                    .collect::<Tree>()
            };
            let new = plan.outputs[0].files.iter().map(|(p, _)| p.strip_prefix(bench.out()).unwrap());
            let in_place = new.clone().filter(|p| now.get(*p) == whole.get(*p)).count();
            if text.contains("have their final names;") || text.ends_with("have their final names") {
                assert_eq!(in_place, new.count(), "{context}: {text}");
            } else if text.contains("is incomplete") {
                assert!(now.keys().any(|p| hidden(p)), "{context}: {text}");
            } else if text.contains("unchanged") {
                assert_eq!(shown(&now), old, "{context}: {text}");
                assert!(now.keys().any(|p| hidden(p)), "{context}: {text}");
            } else {
                assert_eq!(shown(&now), old, "{context}: {text}");
                continue;
            }
            described += 1;
            assert!(hint.contains("remold jobs resume 7"), "{context}: {hint}");
            bench.work(&plan, true).unwrap_or_else(|e| panic!("{context}\n{text}\nresume: {e:?}"));
            assert!(tree(&bench.out()) == whole, "{context}: other bytes");
        }
        assert!(failures > 8 && described > 1, "{kind}: {failures} failures, {described} described");
    }
}

/// A reader sees the old files, the new ones, or lacks the file it would open first.
fn old_new_or_incomplete(now: &Tree, old: &Tree, new: &Tree, context: &str) {
    let visible = |p: &&PathBuf| !p.to_string_lossy().contains("remold-");
    let is_key = |p: &PathBuf| {
        let name = p.file_name().unwrap().to_string_lossy().into_owned();
        name == "config.json"
            || (name.contains("-00001-of-") && name.ends_with(".gguf"))
            || name == "x.gguf"
            || name == "x.pt"
            || name == "x.onnx"
    };
    // An old weight file in a new set, or the other way round, would be opened without complaint.
    let has_key = now.keys().filter(visible).any(is_key);
    let mine = |p: &Path| p.to_string_lossy().contains("mine");
    // Where there is a manifest, `contents` found it to be right; it may be missing.
    let manifest = |p: &Path| p.to_string_lossy().ends_with(plan::MANIFEST_SUFFIX);
    let same =
        |other: &Tree| other.keys().all(|p| now.get(p) == other.get(p) || !visible(&p) || mine(p) || manifest(p));
    assert!(!has_key || same(old) || same(new), "{context}: neither old nor new: {:?}", now.keys());
    let mut older = now.keys().filter(visible).filter(|p| old.contains_key(*p) && !new.contains_key(*p) && !mine(p));
    let left = older.next();
    assert!(!has_key || same(old) || left.is_none(), "{context}: {left:?} of the old set is in the new one");
    // Files that are not an output are never lost, and are never left only in a hidden place at the end.
    for (path, bytes) in old.iter().filter(|(p, _)| mine(p)) {
        assert!(now.values().any(|b| b == bytes), "{context}: {} is gone", path.display());
    }
}

#[test]
fn a_killed_job_that_is_removed_leaves_what_was_there() {
    for (kind, target, before) in kinds() {
        for at in 0.. {
            let bench = Bench::new(&target);
            before(&bench);
            let (old, plan) = (tree(&bench.out()), bench.plan());
            let kill = Kill::at(bench.root.path(), at);
            let _ = bench.work(&plan, false);
            let (log, killed) = kill.result();
            drop(kill);
            if !killed {
                break;
            }
            let context = format!("{kind}, killed after {at}: {}", log.join("\n"));
            // An unrelated file with a similar name.
            let foreign = bench.out().join(".x.gguf.remold-8-0000000000000000.part");
            fs::write(&foreign, b"foreign").unwrap();
            super::discard(&bench.root.path().join("job/journal"), "7", &plan.outputs).unwrap();
            let mut now = tree(&bench.out());
            assert_eq!(
                now.remove(Path::new(".x.gguf.remold-8-0000000000000000.part")).unwrap(),
                b"foreign",
                "{context}"
            );
            let hidden: Vec<_> = now.keys().filter(|p| p.to_string_lossy().contains(".remold-7")).collect();
            assert!(hidden.is_empty(), "{context}: {hidden:?}");
            // All that was there, or all that is new.
            let whole = |tree: &Tree| tree.iter().all(|(p, b)| now.contains_key(p) || b == OLD_MANIFEST.as_bytes());
            assert!(whole(&old) || now.keys().any(|p| !old.contains_key(p)), "{context}: {:?}", now.keys());
            for (path, bytes) in old.iter().filter(|(p, _)| p.to_string_lossy().contains("mine")) {
                assert_eq!(now.get(path), Some(bytes), "{context}: {}", path.display());
            }
        }
    }
}

/// The number of the first rename of a run, counted as [`Kill::at`] counts.
fn first_rename(target: &Target) -> usize {
    let bench = Bench::new(target);
    let kill = Kill::at(bench.root.path(), usize::MAX);
    bench.work(&bench.plan(), false).unwrap();
    kill.result().0.iter().position(|o| o.starts_with("rename")).unwrap()
}

#[test]
fn a_file_that_appears_while_a_job_runs_is_never_replaced() {
    for force in [false, true] {
        let target = Target { output: Some("x.gguf".into()), force, ..Target::of(FormatId::Gguf).quantized("q8_0") };
        let bench = Bench::new(&target);
        let plan = bench.plan();
        // Killed while publishing; then another program makes the file.
        let rename = first_rename(&target);
        let kill = Kill::at(bench.root.path(), rename);
        bench.work(&plan, false).unwrap_err();
        drop(kill);
        let foreign = bench.out().join("x.gguf");
        fs::write(&foreign, b"foreign").unwrap();
        let Err(RunError::Failed(e)) = bench.work(&plan, true) else { panic!("replaced") };
        assert!(e.to_string().contains("did not exist when the job was planned"), "{e}");
        assert_eq!(fs::read(&foreign).unwrap(), b"foreign");
        // The work is kept, and published once the name is free.
        fs::rename(&foreign, bench.out().join("theirs")).unwrap();
        bench.work(&plan, true).unwrap();
        assert!(fs::metadata(&foreign).unwrap().len() > 1000);
    }
}

#[test]
fn bytes_that_are_not_what_the_journal_says_are_made_again() {
    let target = kinds().swap_remove(0).1;
    let straight = Bench::new(&target);
    straight.work(&straight.plan(), false).unwrap();
    let bench = Bench::new(&target);
    let plan = bench.plan();
    let rename = first_rename(&target);
    let kill = Kill::at(bench.root.path(), rename);
    bench.work(&plan, false).unwrap_err();
    drop(kill);
    let part = tree(&bench.out()).into_keys().find(|p| p.to_string_lossy().ends_with(".part")).unwrap();
    let part = bench.out().join(part);
    let mut bytes = fs::read(&part).unwrap();
    let at = bytes.len() - 100;
    bytes[at] ^= 4;
    fs::write(&part, bytes).unwrap();
    let prepared = plan::prepare_again(&bench.recipe, Task::quiet(), &|| Ok(plan.clone()), &[]).unwrap();
    let warned = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let seen = warned.clone();
    let sink = EventSink::new("7").with_listener(move |e| {
        if matches!(&e.body, EventBody::Warning(w) if w.code == "journal.mismatch") {
            seen.store(true, std::sync::atomic::Ordering::Relaxed);
        }
    });
    let journal = bench.root.path().join("job/journal");
    let options = RunOptions {
        threads: 2,
        stop: &Stop::default(),
        gate: &Gate::default(),
        sink: &sink,
        journal: Some((&journal, true)),
        origin: Default::default(),
    };
    run(&prepared, &options).unwrap();
    assert!(warned.load(std::sync::atomic::Ordering::Relaxed));
    assert!(tree(&bench.out()) == tree(&straight.out()));
}

#[test]
fn an_interrupted_run_keeps_what_it_did_and_a_cancelled_one_does_not() {
    let target = kinds().swap_remove(0).1;
    for cancel in [false, true] {
        let bench = Bench::new(&target);
        let prepared = plan::prepare(&bench.recipe, Task::quiet()).unwrap();
        let stop = std::sync::Arc::new(Stop::default());
        let asked = stop.clone();
        let sink = EventSink::new("7").with_listener(move |e| {
            if matches!(e.body, EventBody::TensorFinished(_)) {
                if cancel { asked.cancel() } else { asked.interrupt(15) }
            }
        });
        let journal = bench.root.path().join("job/journal");
        let options = RunOptions {
            threads: 1,
            stop: &stop,
            gate: &Gate::default(),
            sink: &sink,
            journal: Some((&journal, false)),
            origin: Default::default(),
        };
        match run(&prepared, &options) {
            Err(RunError::Cancelled) => {
                assert!(cancel && tree(&bench.out()).is_empty() && !bench.out().join("new").exists())
            }
            Err(RunError::Interrupted(15)) => {
                assert!(!cancel);
                assert_eq!(super::journal::read(&journal).unwrap().finished.len(), 1);
                let report = bench.work(&prepared.plan, true).unwrap();
                let straight = Bench::new(&target);
                let expected = straight.work(&straight.plan(), false).unwrap();
                // The error over the whole output counts what both attempts did.
                assert_eq!(report.outputs[0].sqnr_db, expected.outputs[0].sqnr_db);
                assert_eq!(report.outputs[0].tensors, expected.outputs[0].tensors);
                assert!(tree(&bench.out()) == tree(&straight.out()));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_resume_after_a_cancel_says_that_the_files_are_gone() {
    let target = kinds().swap_remove(0).1;
    let bench = Bench::new(&target);
    let prepared = plan::prepare(&bench.recipe, Task::quiet()).unwrap();
    let journal = bench.root.path().join("job/journal");
    let attempt = |resume: bool, cancel: bool| {
        let stop = std::sync::Arc::new(Stop::default());
        let asked = stop.clone();
        let warnings = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let heard = warnings.clone();
        let sink = EventSink::new("7").with_listener(move |e| match &e.body {
            EventBody::TensorFinished(_) if cancel => asked.cancel(),
            EventBody::Warning(w) => heard.lock().unwrap().push(w.clone()),
            _ => {}
        });
        let journal = Some((journal.as_path(), resume));
        let options = RunOptions {
            threads: 1,
            stop: &stop,
            gate: &Gate::default(),
            sink: &sink,
            journal,
            origin: Default::default(),
        };
        let result = run(&prepared, &options);
        (result.is_ok(), warnings.lock().unwrap().iter().map(|w| (w.code.clone(), w.text.clone())).collect::<Vec<_>>())
    };
    assert!(!attempt(false, true).0);
    assert!(!super::journal::read(&journal).unwrap().finished.is_empty(), "something was finished before the cancel");
    let (done, warnings) = attempt(true, false);
    assert!(done);
    let [(code, text)] = warnings.as_slice() else { panic!("{warnings:?}") };
    assert!(code == "journal.removed" && text.contains("no longer exist"), "{code}: {text}");
}

#[test]
fn a_gap_between_tensors_that_another_program_wrote_to_is_not_published() {
    let target = kinds().swap_remove(0).1;
    let bench = Bench::new(&target);
    let prepared = plan::prepare(&bench.recipe, Task::quiet()).unwrap();
    let file = &prepared.outputs[0].files[0];
    let mut slots: Vec<_> = file.slots.iter().map(|s| (s.offset, s.offset + s.bytes)).collect();
    slots.sort_unstable();
    let gap = slots.windows(2).find(|w| w[0].1 < w[1].0).expect("a file with padding")[0].1;
    let out = bench.out().join("new");
    let sink = EventSink::new("7").with_listener(move |e| {
        if matches!(e.body, EventBody::OutputWritten { .. }) {
            let part = fs::read_dir(&out).unwrap().flatten().map(|e| e.path()).next().unwrap();
            let file = fs::OpenOptions::new().write(true).open(part).unwrap();
            std::os::unix::fs::FileExt::write_all_at(&file, b"x", gap).unwrap();
        }
    });
    let options = RunOptions {
        threads: 1,
        stop: &Stop::default(),
        gate: &Gate::default(),
        sink: &sink,
        journal: None,
        origin: Default::default(),
    };
    let Err(RunError::Failed(e)) = run(&prepared, &options) else { panic!("published") };
    assert!(e.to_string().contains("read back"), "{e}");
    assert!(tree(&bench.out()).is_empty(), "{:?}", tree(&bench.out()).keys());
}

#[test]
fn a_part_file_that_became_a_link_is_left_and_named() {
    let target = kinds().swap_remove(0).1;
    let bench = Bench::new(&target);
    let rename = first_rename(&target);
    let kill = Kill::at(bench.root.path(), rename);
    bench.work(&bench.plan(), false).unwrap_err();
    drop(kill);
    let plan = bench.plan();
    let journal = bench.root.path().join("job/journal");
    let part = super::journal::read(&journal).unwrap().attempts[0].outputs[0].parts[0].clone();
    let elsewhere = bench.root.path().join("elsewhere");
    fs::write(&elsewhere, b"mine").unwrap();
    fs::remove_file(&part).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &part).unwrap();
    assert_eq!(super::discard(&journal, "7", &plan.outputs).unwrap(), std::slice::from_ref(&part));
    assert!(fs::symlink_metadata(&part).unwrap().is_symlink() && fs::read(&elsewhere).unwrap() == b"mine");
}

#[test]
fn a_published_file_is_never_written_to() {
    let target = kinds().swap_remove(0).1;
    let rename = first_rename(&target);
    for same_inode in [true, false] {
        let bench = Bench::new(&target);
        let plan = bench.plan();
        let kill = Kill::at(bench.root.path(), rename + 1);
        bench.work(&plan, false).unwrap_err();
        drop(kill);
        let published = bench.out().join("new/x.gguf");
        let mut bytes = fs::read(&published).unwrap();
        let at = bytes.len() - 50;
        bytes[at] ^= 1;
        if !same_inode {
            fs::remove_file(&published).unwrap();
        }
        fs::write(&published, &bytes).unwrap();
        let Err(RunError::Failed(e)) = bench.work(&plan, true) else { panic!("published once more") };
        assert!(e.to_string().contains("x.gguf"), "{e}");
        assert!(fs::read(&published).unwrap() == bytes, "same inode: {same_inode}");
    }
}

/// The publication is killed anywhere; the same is then asked for again instead of a resume.
#[test]
fn a_superseded_publication_leaves_nothing() {
    let mut superseded = 0;
    for (kind, target, before) in kinds() {
        for at in 0.. {
            let bench = Bench::new(&target);
            before(&bench);
            let plan = bench.plan();
            let kill = Kill::at(bench.root.path(), at);
            let first = bench.work(&plan, false);
            let (log, killed) = kill.result();
            drop(kill);
            if !killed {
                first.unwrap_or_else(|e| panic!("{kind}, not killed: {e:?}"));
                break;
            }
            let hidden = || tree(&bench.out()).into_keys().filter(|p| p.to_string_lossy().contains(".remold-")).count();
            superseded += usize::from(hidden() > 0);
            // Another job writes the same output over it, and takes away the manifest of what it replaces.
            manifest::withdraw(&plan.outputs[0]).unwrap();
            for (path, _) in &plan.outputs[0].files {
                let new = path.with_extension("new");
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(&new, b"of another job").unwrap();
                fs::rename(&new, path).unwrap();
            }
            let whole = tree(&bench.out());
            super::discard(&bench.root.path().join("job/journal"), "7", &plan.outputs)
                .unwrap_or_else(|e| panic!("{kind}, killed after {at}: {e}\n{}", log.join("\n")));
            let now = tree(&bench.out());
            assert_eq!(hidden(), 0, "{kind}, killed after {at}: {:?}", now.keys());
            let visible = whole.iter().filter(|(p, _)| !p.to_string_lossy().contains(".remold-"));
            for (path, bytes) in visible {
                assert!(now.get(path) == Some(bytes), "{kind}, killed after {at}: {}", path.display());
            }
        }
    }
    assert!(superseded > 50, "{superseded} kills left something");
}

//! Jobs: cancelled, killed, lost, resumed, detached, followed, cleaned away.

use crate::lab::{Lab, finish, hash, start, wait_for, words};
use crate::made::{big, floats, noise};
use remold::testing::engine::{Event, EventBody, from_json};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The events of a job's folder so far.
fn events(job: &Path) -> Vec<Event> {
    let text = std::fs::read_to_string(job.join("events.jsonl")).unwrap_or_default();
    text.lines().filter_map(|l| from_json(l.as_bytes()).ok()).collect()
}

/// Waits until the first job has finished a tensor.
fn at_work(lab: &Lab) {
    wait_for("a finished tensor", || {
        let events = events(&lab.jobs().join("1"));
        events.iter().any(|e| matches!(e.body, EventBody::TensorFinished(_))).then_some(())
    });
}

/// The process that works on a job.
fn worker(job: &Path) -> Pid {
    let started = |e: &Event| match e.body {
        EventBody::Started { pid, .. } => Some(pid),
        _ => None,
    };
    let pid = wait_for("the worker's number", || events(job).iter().rev().find_map(started));
    Pid::from_raw(i32::try_from(pid).unwrap()).unwrap()
}

fn all_with_one_thread(job: &Path) -> bool {
    events(job).iter().all(|e| !matches!(e.body, EventBody::Started { threads, .. } if threads != 1))
}

/// Names below the folder of work.
fn names(lab: &Lab) -> Vec<String> {
    lab.tree().into_keys().collect()
}

/// Names of unfinished files.
fn parts(lab: &Lab) -> Vec<String> {
    let is_part = |n: &String| n.rsplit('/').next().is_some_and(remold::testing::engine::is_part_name);
    names(lab).into_iter().filter(is_part).collect()
}

#[test]
fn ctrl_c_cancels_and_leaves_nothing() {
    let lab = Lab::new();
    lab.write("big.safetensors", big(64));
    let before = lab.tree();
    let mut command = lab.command();
    command.args(words("convert big.safetensors --to gguf:iq3_s -o new/out.gguf --threads 1"));
    let child = start(&mut command);
    at_work(&lab);
    assert_eq!(parts(&lab).len(), 1);
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let ran = finish(child);
    assert_eq!(ran.code, Some(130), "{}", ran.err);
    assert!(ran.err.contains("cancelled"), "{}", ran.err);
    assert_eq!(lab.tree(), before);
    assert_eq!(lab.state("1"), "cancelled");
    lab.run("jobs attach 1").expect(130);
}

#[test]
fn a_signal_to_end_keeps_the_work_and_the_job_can_be_resumed() {
    let lab = Lab::new();
    lab.write("big.safetensors", big(64));
    lab.run("convert big.safetensors --to gguf:iq3_s -o straight.gguf").expect(0);
    for (signal, code, detached) in
        [(Signal::TERM, 143, false), (Signal::HUP, 129, false), (Signal::TERM, 143, true), (Signal::HUP, 129, true)]
    {
        std::fs::remove_dir_all(lab.jobs()).unwrap();
        let _ = std::fs::remove_file(lab.path("out.gguf"));
        let line = "convert big.safetensors --to gguf:iq3_s -o out.gguf --threads 1";
        if detached {
            lab.run(&format!("{line} --detach")).expect(0);
            at_work(&lab);
            kill_process(worker(&lab.jobs().join("1")), signal).unwrap();
            wait_for("the job to be interrupted", || (lab.state("1") == "interrupted").then_some(()));
            lab.run("jobs attach 1").expect(code);
        } else {
            let mut command = lab.command();
            command.args(words(line));
            let child = start(&mut command);
            at_work(&lab);
            kill_process(Pid::from_child(&child), signal).unwrap();
            let ran = finish(child);
            assert_eq!(ran.code, Some(code), "{}", ran.err);
            assert!(ran.err.contains("jobs resume 1"), "{}", ran.err);
        }
        assert_eq!(parts(&lab).len(), 1, "{code}");
        let done = std::fs::read_to_string(lab.jobs().join("1/journal")).unwrap().lines().count();
        assert!(done > 1, "{code}: what was done is in the journal");
        lab.run("jobs resume 1").expect(0);
        lab.run("jobs attach 1").expect(0);
        assert_eq!(hash(&lab.path("out.gguf")), hash(&lab.path("straight.gguf")), "{code}");
        assert!(parts(&lab).is_empty());
    }
}

/// A resume that comes while the killed process is still being taken down waits for it.
#[test]
fn a_resume_right_after_a_kill_is_not_refused() {
    let lab = Lab::new();
    lab.write("big.safetensors", big(32));
    lab.run("convert big.safetensors --to gguf:iq3_s -o out.gguf --detach --threads 1").expect(0);
    for _ in 0..3 {
        at_work(&lab);
        let pid = worker(&lab.jobs().join("1"));
        kill_process(pid, Signal::KILL).unwrap();
        lab.run("jobs resume 1").expect(0);
        wait_for("another worker", || (worker(&lab.jobs().join("1")) != pid).then_some(()));
    }
    lab.run("jobs attach 1").expect(0);
}

#[test]
fn removing_a_job_leaves_the_files_of_another_with_the_same_output() {
    let lab = Lab::new();
    lab.write("big.safetensors", big(32));
    let line = "convert big.safetensors --to gguf:iq3_s -o out.gguf --detach --threads 1";
    lab.run(line).expect(0);
    at_work(&lab);
    kill_process(worker(&lab.jobs().join("1")), Signal::KILL).unwrap();
    wait_for("the job to be lost", || (lab.state("1") == "lost").then_some(()));
    // The second begins while the first one's file is still there.
    lab.run(line).expect(0);
    wait_for("two unfinished files", || (parts(&lab).len() == 2).then_some(()));
    lab.run("jobs remove 1").expect(0);
    assert_eq!(parts(&lab).len(), 1, "{:?}", parts(&lab));
    lab.run("jobs attach 2").expect(0);
    assert!(lab.path("out.gguf").is_file() && parts(&lab).is_empty());
}

#[test]
fn a_resumed_job_replaces_nothing_that_it_was_not_allowed_to() {
    let lab = Lab::new();
    lab.write("big.safetensors", big(32));
    lab.run("convert big.safetensors --to gguf:iq3_s -o out.gguf --detach --threads 1").expect(0);
    at_work(&lab);
    lab.run("jobs cancel 1").expect(0);
    lab.write("out.gguf", "precious");
    lab.run("jobs resume 1").expect(0);
    let ran = lab.run("jobs attach 1").expect(1);
    assert!(ran.err.contains("out.gguf: the file did not exist when the job was planned"), "{}", ran.err);
    assert_eq!(std::fs::read(lab.path("out.gguf")).unwrap(), b"precious");
}

#[test]
fn jobs_are_cancelled_from_outside() {
    let lab = Lab::new();
    lab.write("big.safetensors", big(32));
    let before = lab.tree();
    let ran = lab.run("convert big.safetensors --to gguf:iq3_s --detach --json --threads 1").expect(0);
    let job: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(job["id"], "1", "{job}");
    at_work(&lab);
    assert_eq!(lab.state("1"), "running");
    let refused = lab.run("jobs resume 1").expect(2);
    assert!(refused.err.contains("running"), "{}", refused.err);
    lab.run("jobs clean").expect(0);
    assert!(lab.jobs().join("1").is_dir(), "a running job is not cleaned away");
    lab.run("jobs cancel 1").expect(0);
    assert_eq!(lab.state("1"), "cancelled");
    assert_eq!(lab.tree(), before);
    let again = lab.run("jobs cancel 1").expect(2);
    assert!(again.err.contains("already cancelled"), "{}", again.err);
    // A cancelled job can be resumed; its earlier end is shown.
    let shown = lab.run("jobs show 1").expect(0);
    assert!(shown.out.contains("cancelled after") && shown.out.contains("· not written\n"), "{}", shown.out);
    assert!(!shown.out.contains("before"), "{}", shown.out);
    let resumed = lab.run("jobs resume 1").expect(0);
    assert!(resumed.err.contains("starts again in the same folder"), "{}", resumed.err);
    lab.run("jobs attach 1").expect(0);
    let shown = lab.run("jobs show 1").expect(0);
    assert!(shown.out.contains("  before   started ") && shown.out.contains(", cancelled after "), "{}", shown.out);
    assert!(lab.path("big-IQ3_S.gguf").is_file());
    lab.run("jobs clean").expect(0);
    assert!(!lab.jobs().join("1").exists());
    assert!(lab.path("big-IQ3_S.gguf").is_file(), "outputs of finished jobs stay");
}

/// Outputs are the user's once a job has finished: what becomes of them keeps no job from being tidied up.
#[test]
fn a_finished_job_is_removed_whatever_became_of_its_output() {
    let lab = Lab::new();
    lab.model("mini-bert");
    lab.run("convert mini-bert --to safetensors:f16 -o out").expect(0);
    std::fs::remove_file(lab.path("out/config.json")).unwrap();
    lab.run("jobs remove 1").expect(0);
    assert!(!lab.jobs().join("1").exists() && lab.path("out/model.safetensors").exists());
}

/// What an interrupted job has done is not lost by tidying up.
#[test]
fn clean_keeps_jobs_that_can_be_continued() {
    let lab = Lab::new();
    lab.write("big.safetensors", big(32));
    lab.write("m.safetensors", floats(&[("a", &[4, 32], noise(128, 1))]));
    lab.run("convert big.safetensors --to gguf:iq3_s --detach --threads 1").expect(0);
    at_work(&lab);
    kill_process(worker(&lab.jobs().join("1")), Signal::TERM).unwrap();
    wait_for("the job to be interrupted", || (lab.state("1") == "interrupted").then_some(()));
    lab.run("convert m.safetensors --to gguf -o o.gguf").expect(0);
    let cleaned = lab.run("jobs clean").expect(0);
    assert!(cleaned.err.contains("1 job folder removed"), "{}", cleaned.err);
    assert!(cleaned.err.contains("1 job that can be continued was kept"), "{}", cleaned.err);
    assert_eq!(lab.state("1"), "interrupted");
    assert!(!lab.jobs().join("2").exists());
    lab.run("jobs resume 1").expect(0);
    lab.run("jobs attach 1").expect(0);
    // An object has each key once.
    let shown = lab.run("jobs show 1 --json").expect(0).out;
    let before_report = shown.split("\"report\":").next().unwrap_or_default();
    assert_eq!(before_report.matches("\"outputs\":[").count(), 1, "{shown}");
    assert!(!shown.contains("\"outputs\":[\""), "{shown}");
    lab.run("jobs clean --all").expect(0);
    assert!(!lab.jobs().join("1").exists() && lab.path("big-IQ3_S.gguf").is_file());
}

#[test]
fn a_killed_job_is_lost_and_resumes_to_the_same_bytes() {
    let lab = Lab::new();
    lab.write("big.safetensors", big(24));
    lab.run("convert big.safetensors --to gguf:iq3_s -o straight.gguf").expect(0);
    std::fs::remove_dir_all(lab.jobs()).unwrap();

    lab.run("convert big.safetensors --to gguf:iq3_s -o out.gguf --detach --threads 1").expect(0);
    let job = lab.jobs().join("1");
    let journal = || std::fs::read_to_string(job.join("journal")).unwrap_or_default();
    wait_for("two tensors in the journal", || (journal().lines().count() > 2).then_some(()));
    kill_process(worker(&job), Signal::KILL).unwrap();
    wait_for("the job to be lost", || (lab.state("1") == "lost").then_some(()));
    assert!(parts(&lab).len() == 1 && !lab.path("out.gguf").exists());
    let attached = lab.run("jobs attach 1").expect(1);
    assert!(attached.err.contains("jobs resume 1"), "{}", attached.err);
    let kept: Vec<String> = journal()
        .lines()
        .skip(1)
        .filter_map(|l| {
            let entry: serde_json::Value = serde_json::from_str(l).ok()?;
            entry["tensor"]["done"]["name"].as_str().map(str::to_owned)
        })
        .collect();
    assert!(kept.len() >= 2 && kept.len() < 24, "{kept:?}");

    assert!(all_with_one_thread(&job), "--threads reaches the worker");
    // From another folder: the job's own paths do not depend on where `resume` is said.
    let mut command = lab.command();
    command.current_dir("/").args(["jobs", "resume", "1"]);
    let ran = finish(start(&mut command));
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let ran = lab.run("jobs attach 1 --json").expect(0);
    assert_eq!(hash(&lab.path("out.gguf")), hash(&lab.path("straight.gguf")));
    assert!(parts(&lab).is_empty());

    // What the journal held was not done again.
    let all = ran.events();
    let second = all.iter().rposition(|e| matches!(e.body, EventBody::Started { .. })).unwrap();
    let redone: Vec<&str> = all[second..]
        .iter()
        .filter_map(|e| match &e.body {
            EventBody::TensorStarted(t) => Some(t.name.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(redone.len(), 24 - kept.len(), "{redone:?} with {kept:?} in the journal");
    assert!(redone.iter().all(|n| !kept.iter().any(|k| k == n)));
    // The report contains all of them.
    let report: serde_json::Value = serde_json::from_slice(&std::fs::read(job.join("report.json")).unwrap()).unwrap();
    let tensors = report["outputs"][0]["tensors"].as_array().unwrap();
    assert!(tensors.len() == 24 && tensors.iter().all(|t| t["sqnr_db"].is_number()), "{tensors:?}");
}

#[test]
fn resume_refuses_when_the_source_changed() {
    let lab = Lab::new();
    let source = lab.write("big.safetensors", big(32));
    lab.run("convert big.safetensors --to gguf:iq3_s -o out.gguf --detach --threads 1").expect(0);
    let job = lab.jobs().join("1");
    wait_for("the journal", || {
        (std::fs::read_to_string(job.join("journal")).unwrap_or_default().lines().count() > 2).then_some(())
    });
    kill_process(worker(&job), Signal::KILL).unwrap();
    wait_for("the job to be lost", || (lab.state("1") == "lost").then_some(()));
    let mut bytes = std::fs::read(&source).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&source, bytes).unwrap();
    lab.run("jobs resume 1").expect(0);
    let ran = lab.run("jobs attach 1").expect(1);
    assert!(ran.err.contains("changed"), "{}", ran.err);
    assert!(!lab.path("out.gguf").exists());
    // Cleaning takes the unfinished file with it, wherever it is said.
    let mut command = lab.command();
    command.current_dir("/").args(["jobs", "clean"]);
    assert_eq!(finish(start(&mut command)).code, Some(0));
    assert_eq!(names(&lab), ["big.safetensors"]);
}

/// The states that a job went through.
fn course(job: &Path) -> Vec<&'static str> {
    let word = |e: &Event| match e.body {
        EventBody::Queued { .. } => Some("queued"),
        EventBody::Started { .. } => Some("started"),
        EventBody::Paused => Some("paused"),
        EventBody::Resumed => Some("resumed"),
        EventBody::Finished { .. } => Some("finished"),
        EventBody::Cancelled { .. } => Some("cancelled"),
        _ => None,
    };
    events(job).iter().filter_map(word).collect()
}

#[test]
fn a_paused_job_holds_lets_the_next_run_and_goes_on_to_the_same_bytes() {
    let lab = Lab::new();
    lab.write("big.safetensors", big(24));
    lab.write("small.safetensors", big(1));
    lab.run("convert big.safetensors --to gguf:iq3_s -o straight.gguf").expect(0);
    std::fs::remove_dir_all(lab.jobs()).unwrap();
    lab.run("convert big.safetensors --to gguf:iq3_s -o out.gguf --detach --threads 2").expect(0);
    at_work(&lab);
    let next = lab.run("convert small.safetensors --to gguf:q8_0 -o next.gguf --detach").expect(0);
    assert!(next.err.contains("is queued"), "{}", next.err);
    let (first, second) = (lab.jobs().join("1"), lab.jobs().join("2"));
    wait_for("a place in the queue", || lab.run("jobs").out.contains("queued (1)").then_some(()));
    let refused = lab.run("jobs pause 2").expect(2);
    assert!(refused.err.contains("job 2 is queued"), "{}", refused.err);

    let paused = lab.run("jobs pause 1").expect(0);
    assert!(paused.err.contains("job 1 is paused"), "{}", paused.err);
    // Its slot goes to the next, which runs to its end meanwhile.
    lab.run("jobs attach 2").expect(0);
    assert_eq!(course(&second), ["queued", "started", "finished"]);
    assert_eq!((lab.state("1").as_str(), course(&first)), ("paused", vec!["queued", "started", "paused"]));
    let worker = worker(&first);
    let status = std::fs::read_to_string(format!("/proc/{}/status", worker.as_raw_nonzero())).unwrap();
    assert!(status.contains("State:\tS"), "it sleeps: {status}");
    let last = events(&first).last().unwrap().clone();
    assert!(matches!(last.body, EventBody::Paused | EventBody::TensorFinished(_)), "{last:?}");

    lab.run("jobs resume 1").expect(0);
    lab.run("jobs attach 1").expect(0);
    assert_eq!(course(&first), ["queued", "started", "paused", "resumed", "finished"]);
    assert_eq!(hash(&lab.path("out.gguf")), hash(&lab.path("straight.gguf")));
}

#[test]
fn jobs_wait_for_their_turn_and_can_be_cancelled_there() {
    let lab = Lab::new();
    lab.write("big.safetensors", big(24));
    let detach = |out: &str| format!("convert big.safetensors --to gguf:iq3_s -o {out} --detach --threads 1");
    for out in ["a.gguf", "b.gguf", "c.gguf"] {
        lab.run(&detach(out)).expect(0);
    }
    at_work(&lab);
    wait_for("two in the queue", || lab.run("jobs").out.contains("queued (2)").then_some(()));
    // A conversion in the foreground does not wait.
    lab.write("small.safetensors", big(1));
    lab.run("convert small.safetensors --to gguf:q8_0").expect(0);
    lab.run("jobs cancel 2").expect(0);
    assert_eq!(course(&lab.jobs().join("2")), ["queued", "cancelled"]);
    let refused = lab.run("jobs remove 1").expect(2);
    assert!(refused.err.contains("job 1 is running"), "{}", refused.err);
    lab.run("jobs remove 2").expect(0);
    assert!(!lab.jobs().join("2").exists());
    // A killed job gives its slot back, and a paused one can be cancelled.
    kill_process(worker(&lab.jobs().join("1")), Signal::KILL).unwrap();
    wait_for("the third to run", || (lab.state("3") == "running").then_some(()));
    lab.run("jobs pause 3").expect(0);
    lab.run("jobs cancel 3").expect(0);
    assert_eq!(course(&lab.jobs().join("3")), ["queued", "started", "paused", "cancelled"]);
    assert!(parts(&lab).iter().all(|p| p.starts_with(".a.gguf")), "the killed job's file stays: {:?}", parts(&lab));
}

#[test]
fn a_detached_job_outlives_its_process_group() {
    let lab = Lab::new();
    lab.write("big.safetensors", big(12));
    let mut shell = Command::new("sh");
    lab.surround(&mut shell);
    let line = format!(
        "{} convert big.safetensors --to gguf:iq3_s -o out.gguf --detach --threads 1; sleep 1000",
        env!("CARGO_BIN_EXE_remold")
    );
    shell.arg("-c").arg(line).process_group(0);
    let child = start(&mut shell);
    at_work(&lab);
    kill_process_group(Pid::from_child(&child), Signal::KILL).unwrap();
    assert_eq!(finish(child).code, None, "the shell was killed");
    assert_eq!(lab.state("1"), "running", "the job keeps running");
    lab.run("jobs attach 1").expect(0);
    assert!(lab.path("out.gguf").is_file());
}

#[test]
fn a_detached_job_outlives_its_terminal() {
    let lab = Lab::new();
    lab.write("big.safetensors", big(12));
    let pty = portable_pty::native_pty_system().openpty(portable_pty::PtySize::default()).unwrap();
    let mut shell = portable_pty::CommandBuilder::new("sh");
    let line = format!(
        "{} convert big.safetensors --to gguf:iq3_s -o out.gguf --detach --threads 1; sleep 1000",
        env!("CARGO_BIN_EXE_remold")
    );
    shell.args(["-c", &line]);
    shell.cwd(lab.dir());
    shell.env("REMOLD_JOBS", lab.jobs());
    let mut child = pty.slave.spawn_command(shell).unwrap();
    drop(pty.slave);
    at_work(&lab);
    // The line is cut: the kernel hangs up on the session.
    drop(pty.master);
    child.wait().unwrap();
    lab.run("jobs attach 1").expect(0);
    assert!(lab.path("out.gguf").is_file());
}

#[test]
fn jobs_are_listed_followed_and_shown() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    let none = lab.run("jobs").expect(0);
    assert!(none.out.is_empty() && none.err.contains("no jobs"), "{none:?}");
    assert_eq!(lab.run("jobs --json").expect(0).out, "");
    lab.run("convert tiny-llama --to gguf:q8_0").expect(0);
    lab.run("convert tiny-llama --to gguf:q4_0 --detach").expect(0);
    let attached = lab.run("jobs attach 2").expect(0);
    assert!(attached.err.contains("tiny-llama-Q4_0.gguf"), "{}", attached.err);
    let list = lab.run("jobs list").expect(0);
    let rows: Vec<&str> = list.out.lines().collect();
    assert_eq!(rows.len(), 3, "{}", list.out);
    assert!(
        rows[1].contains("finished") && rows[1].trim_start().starts_with('2') && rows[2].trim_start().starts_with('1'),
        "{}",
        list.out
    );
    let json = lab.run("jobs list --json").expect(0);
    for line in json.out.lines() {
        let j: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!((&j["state"], &j["fraction"]), (&"finished".into(), &1.0.into()), "{j}");
    }
    let shown = lab.run("jobs show 1").expect(0);
    for part in ["job 1  finished after", "tiny-llama", "tiny-llama-Q8_0.gguf", "bits per weight", "read back by"] {
        assert!(shown.out.contains(part), "{part} in\n{}", shown.out);
    }
    let json: serde_json::Value = serde_json::from_str(&lab.run("jobs show 2 --json").expect(0).out).unwrap();
    assert_eq!(
        (&json["id"], &json["state"], &json["attempts"][0]["state"]),
        (&"2".into(), &"finished".into(), &"finished".into())
    );
    assert_eq!(
        (&json["outputs"][0]["published"], json["report"]["outputs"].as_array().unwrap().len()),
        (&true.into(), 1)
    );
    let unknown = lab.run("jobs show 7").expect(2);
    assert!(
        unknown.err.contains("job `7` not found") && unknown.err.contains("nearest jobs are 1 and 2"),
        "{}",
        unknown.err
    );
    let log = lab.run("jobs log 1").expect(0);
    assert!(log.out.contains("published") && log.out.contains("weights "), "{}", log.out);
    let log = lab.run("jobs log 1 --json").expect(0);
    assert_eq!(log.out, std::fs::read_to_string(lab.jobs().join("1/events.jsonl")).unwrap());
    // A job is looked at from other folders than the one it was started in.
    let whole = lab.path("tiny-llama-Q8_0.gguf").display().to_string();
    let paths: Vec<String> = log
        .events()
        .into_iter()
        .filter_map(|e| match e.body {
            EventBody::OutputWritten { path, .. } | EventBody::OutputPublished { path, .. } => Some(path),
            _ => None,
        })
        .collect();
    assert_eq!(paths, [whole.as_str(), &whole]);
    let refused = lab.run("jobs resume 1").expect(2);
    assert!(refused.err.contains("finished"), "{}", refused.err);
    for file in ["recipe.toml", "plan.json", "events.jsonl", "journal", "report.json", "lock"] {
        assert!(lab.jobs().join("1").join(file).is_file(), "{file}");
    }
    let cleaned = lab.run("jobs clean").expect(0);
    assert!(cleaned.err.contains('2'), "{}", cleaned.err);
    assert_eq!(lab.run("jobs").expect(0).out, "");
    lab.run("convert tiny-llama --to gguf:q8_0 --force").expect(0);
    assert_eq!(lab.state("3"), "finished", "a number is not given twice");
}

#[test]
fn a_resumed_job_that_is_followed_never_shows_more_than_all() {
    let lab = Lab::new();
    lab.write("big.safetensors", big(8));
    lab.run("convert big.safetensors --to gguf:iq3_s -o out.gguf --detach --threads 1").expect(0);
    at_work(&lab);
    lab.run("jobs cancel 1").expect(0);
    lab.run("jobs resume 1").expect(0);
    // With -v there are lines from the start.
    let ran = lab.run("-v jobs attach 1").expect(0);
    let mut last = 0;
    // ` 50 %  4 of 8 tensors`
    for line in ran.err.lines().filter(|l| l.contains(" of 8 tensors")) {
        let done: usize = line.split(" of 8 tensors").next().unwrap().rsplit(' ').next().unwrap().parse().unwrap();
        assert!(done <= 8, "{}", ran.err);
        last = done;
    }
    assert_eq!(last, 8, "{}", ran.err);
    assert!(!ran.err.contains("journal"), "a cancel removes the files, which is no fault: {}", ran.err);
}

#[test]
fn clean_says_all_that_is_wrong_and_what_it_left() {
    let lab = Lab::new();
    lab.write("m.safetensors", floats(&[("a", &[4, 32], noise(128, 1))]));
    for n in 1..=4 {
        lab.run(&format!("convert m.safetensors --to gguf -o o{n}.gguf")).expect(0);
    }
    // Two journals that are folders; one that names a file that is a link now.
    for n in ["1", "3"] {
        let journal = lab.jobs().join(n).join("journal");
        std::fs::remove_file(&journal).unwrap();
        std::fs::create_dir(journal).unwrap();
    }
    let journal = lab.jobs().join("2/journal");
    let begin = std::fs::read_to_string(&journal).unwrap();
    let begin = begin.lines().next().unwrap();
    std::fs::write(&journal, format!("{begin}\n")).unwrap();
    let begin: serde_json::Value = serde_json::from_str(begin).unwrap();
    let part = PathBuf::from(begin["begin"]["outputs"][0]["parts"][0].as_str().unwrap());
    std::os::unix::fs::symlink(lab.path("m.safetensors"), &part).unwrap();
    let ran = lab.run("jobs clean");
    assert_ne!(ran.code, Some(0), "{}", ran.err);
    for text in ["1/journal", "3/journal", "2 job folders removed; 2 could not be removed"] {
        assert!(ran.err.contains(text), "{text}: {}", ran.err);
    }
    assert!(ran.err.contains(part.file_name().unwrap().to_str().unwrap()), "{}", ran.err);
    assert!(ran.err.contains("is now a link or another file"), "{}", ran.err);
    assert!(std::fs::symlink_metadata(&part).unwrap().is_symlink());
}

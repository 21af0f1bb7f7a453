//! Jobs in the real binary: one that is held, continues, is cancelled, begun again and removed; and the doctor.

use super::session::{Session, folder_of_a_model};
use std::path::Path;
use std::process::Command;

/// A file of 96 matrices that takes seconds to quantize.
fn slow(dir: &Path) {
    slow_of(dir, 96);
}

/// The same of so many matrices.
fn slow_of(dir: &Path, matrices: usize) {
    const ROWS: usize = 512;
    const COLUMNS: usize = 1024;
    let size = ROWS * COLUMNS * 2;
    let entry = |i: usize| {
        let (begin, end) = (i * size, (i + 1) * size);
        format!(r#""layers.{i}.weight":{{"dtype":"F16","shape":[{ROWS},{COLUMNS}],"data_offsets":[{begin},{end}]}}"#)
    };
    let header = format!("{{{}}}", (0..matrices).map(entry).collect::<Vec<_>>().join(","));
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend_from_slice(header.as_bytes());
    let mut seed = 1u32;
    for _ in 0..matrices * ROWS * COLUMNS {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        // Between 1 and 2, either sign: no bits of it are a number that is not one.
        file.extend_from_slice(&((seed >> 16) as u16 & 0x83ff | 0x3c00).to_le_bytes());
    }
    std::fs::write(dir.join("slow.safetensors"), file).unwrap();
}

fn remold(dir: &Path, words: &str) -> bool {
    let mut command = Command::new(env!("CARGO_BIN_EXE_remold"));
    command.args(words.split(' ')).current_dir(dir).env("REMOLD_JOBS", dir.join("no-jobs"));
    command.output().unwrap().status.success()
}

#[test]
fn a_job_is_held_cancelled_begun_again_and_removed() {
    let dir = tempfile::tempdir().unwrap();
    slow(dir.path());
    for out in ["first", "second"] {
        let words = format!("convert slow.safetensors --to gguf:iq3_s -o {out}.gguf --detach --threads 1");
        assert!(remold(dir.path(), &words));
    }
    let mut s = Session::start(dir.path(), &[]);
    s.send("3");
    s.wait_for("1 running · 1 queued");
    s.send("ggp");
    // Its place goes to the next in the queue.
    s.wait_for("‖ paused");
    s.wait_for("#1  slow");
    let cancel = |s: &mut Session| {
        s.send("x");
        s.wait_for("cancel the job");
        s.send("y");
        s.wait_for("1 cancelled");
    };
    cancel(&mut s);
    s.send("R");
    s.wait_until("the job to be begun again", |sc| !sc.contents().contains("1 cancelled"));
    cancel(&mut s);
    s.send("D");
    s.wait_for("remove the job");
    s.send("y");
    s.wait_for("removed: slow");
    s.wait_for("#2  slow");
    assert!(!dir.path().join("no-jobs/1").exists());
    // The log has the messages about both.
    s.send("6");
    s.wait_for("#1  cancelled");
    s.wait_for("#2  started");
    s.send("!");
    s.wait_for("doctor  machine, cpu");
    // The second job is left to itself, if it has not ended.
    s.send("q\r");
    assert_eq!(s.exit_code(), 0);
    remold(dir.path(), "jobs cancel 2");
}

/// Bytes a second over SSH, at most, and seconds that they are counted for.
const MAX_RATE: usize = 3_000;
const SECONDS: u64 = 3;

#[test]
fn no_screen_sends_more_over_ssh_than_a_slow_line_takes() {
    let dir = tempfile::tempdir().unwrap();
    // Long enough that no job ends while bytes are counted: its report would be a new screen.
    slow_of(dir.path(), 400);
    std::fs::create_dir(dir.path().join("run")).unwrap();
    assert!(remold(dir.path(), "watch run --to gguf:q8_0 --quiet-time 1 --detach"));
    let mut s = Session::start(dir.path(), &[("SSH_CONNECTION", "1 2 3 4")]);
    s.resize(50, 160);
    s.wait_for("1 model");
    let mut rates = Vec::new();
    // Models, the grid, the metrics and the events of a running job, Watch; each with a job of its own.
    for (id, keys) in ["1", "3", "3]]", "3]]]", "5"].into_iter().enumerate() {
        let words = format!("convert slow.safetensors --to gguf:iq3_s -o {id}.gguf --detach --threads 1 --effort max");
        assert!(remold(dir.path(), &words));
        s.send("3");
        s.wait_for(&format!("● {} slow", id + 1));
        s.send("gg");
        s.wait_for(&format!("#{}  slow", id + 1));
        s.send(keys);
        let sent = std::time::Instant::now();
        // What a key shows is not what a screen costs.
        s.wait("the screen", |_| sent.elapsed() > std::time::Duration::from_millis(1200));
        let (before, start) = (s.raw.len(), std::time::Instant::now());
        s.wait("some seconds", |_| start.elapsed() > std::time::Duration::from_secs(SECONDS));
        rates.push((keys, (s.raw.len() - before) / SECONDS as usize));
        remold(dir.path(), &format!("jobs cancel {}", id + 1));
        s.send("3");
        s.wait_until("the job to end", |sc| !sc.contents().contains("● running"));
    }
    for watcher in std::fs::read_dir(dir.path().join("no-jobs/.watch")).into_iter().flatten().flatten() {
        remold(dir.path(), &format!("watch stop {}", watcher.file_name().to_string_lossy()));
    }
    s.send("q\r");
    s.exit_code();
    assert!(rates.iter().all(|(_, rate)| *rate <= MAX_RATE), "bytes a second: {rates:?}");
    assert!(rates[1].1 > 0 && rates[2].1 > 0, "progress is shown: {rates:?}");
}

#[test]
fn answers_which_model_to_ship_and_what_it_lost() {
    let dir = folder_of_a_model();
    let text = include_str!("../../docs/eval.md");
    std::fs::write(dir.path().join("text.txt"), text).unwrap();
    let mut s = Session::start(dir.path(), &[]);
    s.resize(40, 120);
    s.wait_for("1 model");
    s.send("c");
    s.wait_for("1 gguf Q4_K_M");
    s.wait_for("2.68 MB");
    s.send("r");
    s.wait_for("finished");
    // The report has been read.
    s.wait_for("read back, no differences");
    s.send("v");
    s.wait_for("compared in");
    s.send("ete\t");
    s.wait_for("text.txt");
    s.send("\r");
    s.wait_for("2 tiny-llama-Q4_K_M");
    s.wait_for("Ship 2");
    s.wait_for("It lost: mean KLD");
    // Where it was lost.
    s.send("\x1b");
    s.wait_for("compared in");
    s.send("M");
    s.wait_for("Map");
    s.send("\r");
    s.wait_for("what was lost");
    s.wait_for("became zero");
    s.send("\x1b");
    s.wait_for("same scale");
    s.send("\x1b");
    s.wait_for("compared in");
    s.send("pdef main(\r");
    s.wait_for("most probable tokens here");
    s.wait_for(", mean 0.");
    s.send("q");
    assert_eq!(s.exit_code(), 0);
}

//! Jobs in the real binary: one that is held, goes on, is cancelled, begun again and removed; and the doctor.

use super::pty::Session;
use std::path::Path;
use std::process::Command;

/// A file of 24 matrices that takes seconds to quantize.
fn slow(dir: &Path) {
    const ROWS: usize = 512;
    const COLUMNS: usize = 1024;
    let size = ROWS * COLUMNS * 4;
    let entries: Vec<String> = (0..24)
        .map(|i| {
            let (begin, end) = (i * size, (i + 1) * size);
            format!(
                r#""layers.{i}.weight":{{"dtype":"F32","shape":[{ROWS},{COLUMNS}],"data_offsets":[{begin},{end}]}}"#
            )
        })
        .collect();
    let header = format!("{{{}}}", entries.join(","));
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend_from_slice(header.as_bytes());
    let mut seed = 1u32;
    for _ in 0..24 * ROWS * COLUMNS {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let value = f32::from((seed >> 16) as u16) / 32768.0 - 1.0;
        file.extend_from_slice(&value.to_le_bytes());
    }
    std::fs::write(dir.join("slow.safetensors"), file).unwrap();
}

fn remold(dir: &Path, words: &str) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_remold"));
    command.args(words.split(' ')).current_dir(dir).env("REMOLD_JOBS", dir.join("no-jobs"));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_job_is_held_goes_on_is_cancelled_begun_again_and_removed() {
    let dir = tempfile::tempdir().unwrap();
    slow(dir.path());
    let detach = |out: &str| {
        remold(dir.path(), &format!("convert slow.safetensors --to gguf:iq3_s -o {out} --detach --threads 1"))
    };
    detach("first.gguf");
    detach("second.gguf");
    let mut s = Session::start(dir.path(), &[]);
    s.send("3");
    s.wait_for("1 running · 1 queued");
    s.send("ggp");
    // The next in the queue runs meanwhile.
    s.wait_for("1 running · 1 paused");
    s.wait_for("‖ paused");
    s.send("x");
    s.wait_for("cancel the job");
    s.send("\r");
    s.wait_for("1 running · 1 cancelled");
    s.send("R");
    s.wait_for("1 running · 1 queued");
    s.send("x");
    s.wait_for("cancel the job");
    s.send("\r");
    s.wait_for("1 running · 1 cancelled");
    s.send("D");
    s.wait_for("remove the job");
    s.send("\r");
    s.wait_until("the job to go", |sc| !sc.contents().contains("1 cancelled") && sc.contents().contains("1 running"));
    // What was said of both stands in the log.
    s.send("6");
    s.wait_for("#1  cancelled");
    remold(dir.path(), "jobs cancel 2");
    s.wait_for("#2  cancelled");
    s.send("!");
    s.wait_for("doctor  machine, cpu");
    s.send("q");
    assert_eq!(s.exit_code(), 0);
    assert!(!dir.path().join("no-jobs/1").exists());
}

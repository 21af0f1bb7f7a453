//! Jobs killed at random moments, of every kind of output, with another job on the same output in between.

use crate::lab::{Lab, tree, wait_for};
use crate::made::{big, noise};
use remold::testing::engine::is_part_name;
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::time::Duration;

/// Kills in a short run of this test; `REMOLD_KILLS` asks for more.
const KILLS: usize = 16;

/// What is converted, and to where.
const LINES: [(&str, &str); 6] = [
    ("big.safetensors --to gguf:iq4_nl", "out.gguf"),
    ("big.safetensors --to safetensors:bf16", "out.safetensors"),
    ("tiny-llama --to gguf:q4_k_m --max-shard-size 2MB", "out.gguf"),
    ("tiny-llama --to safetensors:f16 --max-shard-size 2MB", "hf"),
    ("tiny-llama --to pytorch:bf16", "hf"),
    ("tiny-llama --to gguf:q8_0 --to safetensors:f32 --to gguf:iq4_nl", "many/"),
];

fn pid_of(lab: &Lab, id: &str) -> Option<Pid> {
    let text = fs::read_to_string(lab.jobs().join(id).join("events.jsonl")).ok()?;
    let line = text.lines().rev().find(|l| l.contains("\"job.started\""))?;
    let pid = serde_json::from_str::<serde_json::Value>(line).ok()?["pid"].as_i64()?;
    Pid::from_raw(i32::try_from(pid).ok()?)
}

#[test]
fn killed_jobs_resume_to_the_same_bytes_and_touch_nothing_else() {
    let wanted = std::env::var("REMOLD_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(KILLS);
    let seed = std::env::var("REMOLD_SEED").ok().and_then(|n| n.parse().ok()).unwrap_or(11);
    let moments = noise(wanted, seed);
    let (mut hits, mut straight_tree) = (0, Vec::new());
    for (arguments, output) in LINES {
        let lab = Lab::new();
        lab.model("tiny-llama");
        lab.write("big.safetensors", big(8));
        let begun = std::time::Instant::now();
        lab.run(&format!("convert {arguments} -o {output}")).expect(0);
        straight_tree.push((lab.tree(), begun.elapsed()));
    }
    for (n, moment) in moments.iter().enumerate() {
        let (arguments, output) = LINES[n % LINES.len()];
        let (whole, took) = &straight_tree[n % LINES.len()];
        let context = format!("kill {n} with seed {seed}: convert {arguments} -o {output}");
        let lab = Lab::new();
        lab.model("tiny-llama");
        lab.write("big.safetensors", big(8));
        lab.write(".out.gguf.remold-99-0123456789abcdef.part", "foreign");
        lab.write("out.gguf.part", "foreign");
        let line = format!("convert {arguments} -o {output} --detach");
        lab.run(&line).expect(0);
        wait_for("the worker", || pid_of(&lab, "1").or((lab.state("1") == "finished").then_some(Pid::INIT)));
        let wait = took.as_secs_f64() * f64::from(moment.abs());
        std::thread::sleep(Duration::from_secs_f64(wait));
        let Some(pid) = pid_of(&lab, "1") else { panic!("{context}: no worker") };
        if lab.state("1") != "finished" && kill_process(pid, Signal::KILL).is_ok() {
            hits += 1;
        }
        // Another job with the same output, killed or finished before the first one continues.
        if n % 3 == 1 && lab.state("1") != "finished" {
            lab.run(&line).code.unwrap_or(0);
            std::thread::sleep(Duration::from_secs_f64(took.as_secs_f64() * 0.3));
            if let Some(pid) = pid_of(&lab, "2") {
                let _ = kill_process(pid, Signal::KILL);
            }
            wait_for("the second job's end", || {
                let text = lab.run("jobs list --json").out;
                (!text.contains("\"running\"") && !text.contains("\"queued\"")).then_some(())
            });
        }
        if lab.state("1") != "finished" {
            lab.run("jobs resume 1").expect(0);
            let ran = lab.run("jobs attach 1");
            if ran.code != Some(0) {
                // The second job was there first: its output stays.
                assert!(n % 3 == 1 && ran.err.contains("did not exist"), "{context}: {}", ran.err);
            }
        }
        lab.run("jobs clean --all").expect(0);
        let mut now = tree(&lab.dir());
        for foreign in [".out.gguf.remold-99-0123456789abcdef.part", "out.gguf.part"] {
            assert!(now.remove(foreign).is_some(), "{context}: {foreign} is gone");
        }
        assert!(!now.keys().any(|p| p.rsplit('/').next().is_some_and(is_part_name)), "{context}: {:?}", now.keys());
        assert_eq!(now.keys().collect::<Vec<_>>(), whole.keys().collect::<Vec<_>>(), "{context}");
        let wrong: Vec<_> = now.iter().filter(|(p, h)| whole.get(*p) != Some(h)).map(|(p, _)| p).collect();
        assert!(wrong.is_empty(), "{context}: other bytes in {wrong:?}");
    }
    eprintln!("{hits} of {wanted} jobs were killed before they were done");
    assert!(hits > 0);
}

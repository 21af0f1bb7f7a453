//! `remold watch --rules FILE`: several folders in one process, and what is wrong with a file of rules.

use crate::lab::{Lab, finish, start, wait_for, words};
use crate::watch::{checkpoint, events, exported, names};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;

const RULES: &str = r#"
# Two runs of one night.
[[watch]]
path = "runs/a"
to = "gguf:q8_0"
quiet_time = 0.2

[[watch]]
path = "runs/b"
recipe = "small.toml"
out = "elsewhere"
exclude = ["checkpoint-1*"]
name = "{unit}"
quiet_time = 0.2
"#;

/// The file is in a folder of its own, and the program runs in another.
fn rules(lab: &Lab) {
    checkpoint(lab, "conf/runs/a/checkpoint-100", true);
    checkpoint(lab, "conf/runs/b/checkpoint-100", true);
    checkpoint(lab, "conf/runs/b/checkpoint-200", true);
    lab.write("conf/small.toml", "[[target]]\nformat = \"gguf\"\nquantization = \"q4_0\"\n");
    lab.write("conf/watch.toml", RULES);
}

#[test]
fn several_rules_run_in_one_process_and_paths_are_the_files() {
    let lab = Lab::new();
    rules(&lab);
    let ran = lab.run("watch --rules conf/watch.toml --once --json").expect(0);
    assert_eq!(names(&lab.path("conf/runs/a-exports")), ["a-checkpoint-100-Q8_0.gguf"]);
    assert_eq!(names(&lab.path("conf/elsewhere")), ["checkpoint-200-Q4_0.gguf"]);
    assert_eq!(exported(&ran.out).len(), 2, "{}", ran.out);
    let rules: BTreeSet<String> = events(&ran.out, "watch.exported").iter().map(|e| e["watch"].to_string()).collect();
    assert_eq!(rules.len(), 2, "events name their rule");
    let ran = lab.run("watch --rules conf/watch.toml --explain conf/runs/b/checkpoint-200").expect(0);
    assert!(ran.out.contains("already exported"), "{}", ran.out);
    let ran = lab.run("watch --rules conf/watch.toml --print-unit").expect(0);
    assert!(ran.out.contains("remold watch --rules conf/watch.toml\n"), "{}", ran.out);
    // A rule of the file and the same rule on the command line are one.
    let same = "watch conf/runs/a --to gguf:q8_0 --quiet-time 0.2 --once --json";
    assert_eq!(exported(&lab.run(same).expect(0).out), []);
}

#[test]
fn detached_rules_have_a_row_each_and_end_together() {
    let lab = Lab::new();
    rules(&lab);
    let ran = lab.run("watch --rules conf/watch.toml --detach").expect(0);
    assert!(
        ran.err.matches("runs in the background").count() == 2 && ran.err.contains("stop all of them"),
        "{}",
        ran.err
    );
    // A line for each watcher, as `jobs list --json` has one for each job.
    let listed = || -> Vec<Value> {
        let text = lab.run("watch list --json").expect(0).out;
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    wait_for("both exports", || listed().iter().all(|w| w["exported"] == 1).then_some(()));
    let all = listed();
    assert_eq!(all.len(), 2);
    assert!(all[0]["pid"].is_u64() && all[0]["pid"] == all[1]["pid"], "{all:?}");
    let again = lab.run("watch --rules conf/watch.toml").expect(2);
    assert!(again.err.contains("already watched"), "{}", again.err);
    let stopped = lab.run(&format!("watch stop {}", all[0]["id"].as_str().unwrap())).expect(0);
    assert!(stopped.err.contains("the other rules of the same process"), "{}", stopped.err);
    assert!(listed().iter().all(|w| w["pid"].is_null()));
}

#[test]
fn what_is_wrong_with_a_file_of_rules_has_its_line_and_nothing_starts() {
    let lab = Lab::new();
    rules(&lab);
    let good = "[[watch]]\npath = \"runs/a\"\nto = [\"gguf:q8_0\"]\n\n";
    for (text, expected) in [
        (
            "[[watch]]\npath = \"runs/b\"\nto = \"gguf\"\nkeep_lost = 3\n",
            ":8:1: unknown key `keep_lost`|Did you mean `keep_last`?",
        ),
        ("[[watch]]\npath = \"runs/b\"\nto = \"gguf\"\nkeep_last = \"many\"\n", ":8:13: |`keep_last`"),
        (
            "[[watch]]\npath = \"runs/b\"\nto = \"gguf\"\npolicy = \"latest\"\n",
            ":8:10: |`policy`|Values: every, newest.",
        ),
        ("[[watch]]\npath = \"runs/b\"\nto = \"gguf\"\nbare = \"yes\"\n", ":8:8: `bare` takes true or false"),
        ("[[watch]]\npath = \"runs/b\"\nto = \"gguf\"\nname = [\"a\"]\n", ":8:8: `name` takes one value"),
        ("[[watch]]\nto = \"gguf\"\n", ":5:1: this rule has no `path`"),
        ("[[watch]]\npath = \"runs/b\"\n", ":5:1: there is no target"),
        ("[[watch]]\npath = \"runs/b\"\nto = \"gguf:q4_k_x\"\n", ":7:6: |unknown quantization `q4_k_x`"),
        ("[[watch]]\npath = \"runs/b\"\nrecipe = \"nowhere.toml\"\n", ":7:10: |nowhere.toml: no such recipe file"),
        ("[[watch]]\npath = \"runs/b\"\nto = \"gguf\"\nname = \"x\"\n", ":8:8: |the same for every checkpoint"),
        ("[[watch]]\npath = \"runs/a/\"\nto = \"gguf\"\n", ":5:1: the rule on line 1 exports the same folder"),
        (
            "[[watch]]\npath = \"runs/b\"\nto = \"gguf\"\nout = \"runs/a/x\"\n",
            "the folder that the rule on line 1 watches",
        ),
        ("watches = 3\n[[watch]\n", "watch.toml:6:"),
    ] {
        lab.write("conf/watch.toml", format!("{good}{text}"));
        let ran = lab.run("watch --rules conf/watch.toml --once").expect(2);
        for part in expected.split('|') {
            assert!(ran.err.contains(part), "{text}: no `{part}` in\n{}", ran.err);
        }
    }
    // Everything that is wrong is said at once.
    let wrong = "[[watch]]\nto = [\"gguf:q4_k_x\", \"ggguf\"]\nname = \"x\"\nkeep_last = 0\nbare = 1\n\n[[watch]]\npath = \"runs/b\"\nrecipe = \"nowhere.toml\"\nnice = 90\n";
    lab.write("conf/watch.toml", wrong);
    let ran = lab.run("watch --rules conf/watch.toml --once").expect(2);
    for place in [":1:1: this rule has no `path`", ":2:7:", ":2:22:", ":3:8:", ":4:13:", ":5:8:", ":9:10:", ":10:8:"] {
        assert!(ran.err.contains(&format!("watch.toml{place}")), "no {place} in\n{}", ran.err);
    }
    lab.write("conf/watch.toml", "wach = 1\n");
    let ran = lab.run("watch --rules conf/watch.toml --once").expect(2);
    assert!(ran.err.contains(":1:1: unknown key `wach`") && ran.err.contains("Did you mean `watch`"), "{}", ran.err);
    for (line, expected) in [
        ("watch --rules conf/watch.toml --keep-last 3", "cannot be used with"),
        ("watch conf/runs/a --rules conf/watch.toml", "cannot be used with"),
        ("watch conf/watch.toml", "remold watch --rules conf/watch.toml"),
        ("watch --rules nowhere.toml", "nowhere.toml"),
    ] {
        let ran = lab.run(line).expect(2);
        assert!(ran.err.contains(expected), "{line}: {}", ran.err);
    }
    assert!(!lab.path("conf/runs/a-exports").exists() && !lab.jobs().exists());
}

#[test]
fn a_signal_ends_every_rule() {
    let lab = Lab::new();
    rules(&lab);
    let child = start(lab.command().args(words("watch --rules conf/watch.toml --json")));
    let log = || {
        let found = fs::read_dir(lab.jobs().join(".watch")).into_iter().flatten().flatten();
        let read = found.filter_map(|e| fs::read_to_string(e.path().join("events.jsonl")).ok());
        read.filter(|t| t.contains("watch.exported")).count()
    };
    wait_for("both exports", || (log() == 2).then_some(()));
    kill_process(Pid::from_raw(child.id().try_into().unwrap()).unwrap(), Signal::TERM).unwrap();
    let ran = finish(child).expect(143);
    assert_eq!(events(&ran.out, "watch.stopped").len(), 2, "{}", ran.out);
}

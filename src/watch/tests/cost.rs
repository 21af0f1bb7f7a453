//! What a large folder costs: `cargo test --release --lib watch::tests::cost -- --ignored --nocapture`.

use super::support::{World, safetensors};
use crate::watch::{Dirty, units};
use std::collections::BTreeSet;
use std::time::Instant;

fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    text.split(' ').nth(1).and_then(|n| n.parse::<u64>().ok()).unwrap() * 4096
}

fn median(mut f: impl FnMut()) -> f64 {
    let mut times: Vec<f64> = (0..9)
        .map(|_| {
            let begun = Instant::now();
            f();
            begun.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[4]
}

#[test]
#[ignore = "measures; says nothing wrong"]
fn ten_thousand_files() {
    for (what, folders, files) in
        [("one folder of 10,000 files", 1, 10_000), ("1,000 checkpoints of 10 files", 1_000, 10)]
    {
        let w = World::new();
        for d in 0..folders {
            for f in 0..files {
                if folders == 1 {
                    w.put(&format!("run-step{f:08}.safetensors"), safetensors("t", 8));
                } else {
                    let names = ["model.safetensors", "config.json", "trainer_state.json", "tokenizer.json"];
                    let name = names.get(f).map_or_else(|| format!("rng_state_{f}.pth"), |n| (*n).to_owned());
                    w.put(&format!("checkpoint-{d}/{name}"), "{}");
                }
            }
        }
        let before = resident();
        let mut tree = w.tree();
        let listed = resident();
        let found = units(&tree);
        let all = resident();
        let one = Dirty::Folders(BTreeSet::from([if folders == 1 { w.root() } else { w.path("checkpoint-7") }]));
        let each = median(|| drop(tree.refresh(&one)));
        let every = median(|| drop(tree.refresh(&Dirty::All)));
        let units_ms = median(|| drop(units(&tree)));
        let prints = median(|| found.iter().for_each(|u| drop(u.activity())));
        println!(
            "{what}: {} units; refresh of one folder {each:.2} ms, of all {every:.1} ms; units() {units_ms:.1} ms; activity() of all \
             {prints:.1} ms; tree {} KiB, units {} KiB",
            found.len(),
            (listed - before) / 1024,
            (all - listed) / 1024
        );
    }
}

//! Cost of a large watched folder: listing it, finding its units, and checking whether they changed. `cargo bench --bench watch_listing`.

use remold::testing::watch::{Dirty, Tree, units};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Instant;

/// Runs of which the median is shown.
const RUNS: usize = 9;

fn main() {
    let dir = std::env::temp_dir().join(format!("remold-watch-listing-{}", std::process::id()));
    for (what, folders, files) in
        [("one folder of 10,000 files", 1, 10_000), ("1,000 checkpoints of 10 files", 1_000, 10)]
    {
        let root = dir.join(folders.to_string());
        if let Err(e) = fill(&root, folders, files) {
            println!("skipped: {e}");
            continue;
        }
        let mut tree = Tree::new(&root);
        tree.refresh(&Dirty::All);
        let found = units(&tree);
        let one = if folders == 1 { root.clone() } else { root.join("checkpoint-7") };
        let one = Dirty::Folders(BTreeSet::from([one]));
        let each = median(|| drop(tree.refresh(&one)));
        let every = median(|| drop(tree.refresh(&Dirty::All)));
        let finding = median(|| drop(units(&tree)));
        let prints = median(|| found.iter().for_each(|u| drop(u.activity())));
        println!("{what}: {} units", found.len());
        println!(
            "  refresh of one folder {each:.2} ms, of everything {every:.1} ms; units() {finding:.1} ms; activity() of all {prints:.1} ms"
        );
    }
    let _ = fs::remove_dir_all(&dir);
}

fn fill(root: &Path, folders: usize, files: usize) -> std::io::Result<()> {
    for d in 0..folders {
        let folder = if folders == 1 { root.to_owned() } else { root.join(format!("checkpoint-{d}")) };
        fs::create_dir_all(&folder)?;
        for f in 0..files {
            let known = ["model.safetensors", "config.json", "trainer_state.json", "tokenizer.json"];
            let name = match known.get(f).filter(|_| folders > 1) {
                Some(name) => (*name).to_owned(),
                None if folders > 1 => format!("rng_state_{f}.pth"),
                None => format!("run-step{f:08}.safetensors"),
            };
            fs::write(folder.join(name), "{}")?;
        }
    }
    Ok(())
}

fn median(mut run: impl FnMut()) -> f64 {
    let mut times: Vec<f64> = (0..RUNS)
        .map(|_| {
            let begun = Instant::now();
            run();
            begun.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[RUNS / 2]
}

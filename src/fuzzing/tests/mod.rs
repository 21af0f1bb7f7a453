//! The entry points on stable: seeds, and a fixed number of mutations of them. `REMOLD_FUZZ_ROUNDS=N` runs more, `REMOLD_FUZZ_CORPUS=FOLDER`
//! writes the seeds as corpora for cargo-fuzz.

mod mutate;
mod seeds;

use super::TARGETS;
use mutate::Mutator;
use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Instant;

/// Mutations of each target's seeds: a few seconds for all of them.
const ROUNDS: usize = 400;

#[test]
fn no_mutation_of_a_seed_panics() {
    let rounds = std::env::var("REMOLD_FUZZ_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(ROUNDS);
    let mut failed = Vec::new();
    for (name, target) in TARGETS {
        let (seeds, began) = (seeds::of(name), Instant::now());
        assert!(!seeds.is_empty() && seeds.iter().all(|s| !s.is_empty()), "{name} has no seed");
        let mut mutator = Mutator::new(20_261_130);
        let mutations = (0..rounds).map(|n| mutator.mutate(&seeds[n % seeds.len()], &seeds));
        for (n, input) in seeds.iter().cloned().chain(mutations).enumerate() {
            if catch_unwind(AssertUnwindSafe(|| target(&input))).is_err() {
                let kept = std::env::temp_dir().join(format!("remold-fuzz-{name}-{n}"));
                let _ = fs::write(&kept, &input);
                failed.push(format!("{name}: input {n} panics, see {}", kept.display()));
                break;
            }
        }
        eprintln!("{name}: {} seeds, {:.2} s", seeds.len(), began.elapsed().as_secs_f64());
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn every_target_has_a_wrapper_for_cargo_fuzz() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
    let files = fs::read_dir(folder.join("fuzz_targets")).unwrap().map(|e| e.unwrap().path());
    let wrapped: BTreeSet<String> = files.map(|p| p.file_stem().unwrap().to_string_lossy().into_owned()).collect();
    assert_eq!(wrapped, TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect());
    for name in wrapped {
        let text = fs::read_to_string(folder.join(format!("fuzz_targets/{name}.rs"))).unwrap();
        assert!(text.contains(&format!("remold::fuzzing::fuzz_{name}(data)")), "{text}");
        assert!(manifest.contains(&format!("name = \"{name}\"\npath = \"fuzz_targets/{name}.rs\"")), "{name}");
    }
}

#[test]
fn mutations_are_the_same_in_every_run_and_differ_from_the_seed() {
    let seeds = [b"{\"a\": 12, \"b\": [1, 2]}".to_vec(), vec![0; 64]];
    let run = || {
        let mut mutator = Mutator::new(1);
        (0..64).map(|n| mutator.mutate(&seeds[n % 2], &seeds)).collect::<Vec<_>>()
    };
    let inputs = run();
    assert_eq!(inputs, run());
    assert!(inputs.iter().collect::<BTreeSet<_>>().len() > 48);
}

/// The seeds that the tests mutate, as corpora for cargo-fuzz.
#[test]
fn seeds_are_written_as_corpora_on_request() {
    let Some(folder) = std::env::var_os("REMOLD_FUZZ_CORPUS") else { return };
    for (name, _) in TARGETS {
        let folder = Path::new(&folder).join(name);
        fs::create_dir_all(&folder).unwrap();
        for (n, seed) in seeds::of(name).iter().enumerate() {
            fs::write(folder.join(format!("seed-{n}")), seed).unwrap();
        }
    }
}

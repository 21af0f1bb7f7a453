//! The step `prune`, from outside.

use crate::lab::Lab;
use std::path::Path;

/// What the golden data calls prunable: seven projections in each of four layers.
const PRUNABLE: u64 = 3_145_728;

fn lab(step: &str) -> Lab {
    let lab = Lab::new();
    lab.model("tiny-llama");
    let target = "[[target]]\nformat = \"safetensors\"\nquantization = \"f32\"\noutput = \"pruned\"\n";
    lab.write("r.toml", format!("source = \"tiny-llama\"\n[[pipeline]]\nstep = \"prune\"\n{step}\n{target}"));
    lab
}

/// (elements that are zero, elements) of each tensor.
fn zeros(folder: &Path) -> Vec<(String, usize, usize)> {
    let mut out = Vec::new();
    for file in std::fs::read_dir(folder)
        .unwrap()
        .flatten()
        .filter(|f| f.path().extension().is_some_and(|e| e == "safetensors"))
    {
        let bytes = std::fs::read(file.path()).unwrap();
        let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        for (name, view) in tensors.tensors() {
            let values = view.data().as_chunks::<4>().0;
            let zero = values.iter().filter(|v| f32::from_le_bytes(**v) == 0.0).count();
            out.push((name, zero, values.len()));
        }
    }
    out.sort();
    out
}

fn pruned(step: &str) -> Vec<(String, usize, usize)> {
    let lab = lab(step);
    lab.run("run r.toml --json").expect(0);
    lab.run("verify pruned --source tiny-llama").expect(0);
    zeros(&lab.path("pruned"))
}

/// Counts of golden/quality/pruning: each tensor loses exactly its share.
#[test]
fn each_matrix_loses_its_share() {
    for (step, share, total) in [
        ("sparsity = 0.3", 0.3, 943_704),
        ("sparsity = 0.5\nlayers = [\"ffn\"]", 0.5, 1_179_648),
        ("pattern = \"2:4\"", 0.5, 1_572_864),
    ] {
        let all = pruned(step);
        let only_ffn = step.contains("ffn");
        let chosen = |name: &str| name.contains("_proj") && (!only_ffn || name.contains("mlp"));
        let (inside, outside): (Vec<_>, Vec<_>) = all.iter().partition(|(name, ..)| chosen(name));
        for (name, zero, elems) in &inside {
            assert_eq!(*zero, (*elems as f64 * share) as usize, "{step}: {name}");
        }
        assert_eq!(inside.iter().map(|t| t.1).sum::<usize>(), total, "{step}");
        assert!(outside.iter().all(|(_, zero, elems)| zero * 100 < *elems), "{step}");
    }
}

/// The counts of one ranking over all tensors, from the same golden data.
#[test]
fn one_ranking_over_all_tensors_spares_some() {
    let all = pruned("sparsity = 0.3\nscope = \"global\"");
    let inside: Vec<_> = all.iter().filter(|(name, ..)| name.contains("_proj")).collect();
    let (zero, elems): (usize, usize) = inside.iter().fold((0, 0), |a, t| (a.0 + t.1, a.1 + t.2));
    assert_eq!((zero as u64, elems as u64), (PRUNABLE * 3 / 10, PRUNABLE));
    let shares: Vec<f64> = inside.iter().map(|t| t.1 as f64 / t.2 as f64).collect();
    let (least, most) = (shares.iter().copied().fold(1.0, f64::min), shares.iter().copied().fold(0.0, f64::max));
    assert!((least - 0.25567).abs() < 1e-3 && (most - 0.3663).abs() < 1e-3, "{least} {most}");
}

#[test]
fn the_plan_says_what_pruning_does_and_does_not_do() {
    let lab = lab("sparsity = 0.5");
    let plan = lab.run("run r.toml --dry-run").expect(0).out;
    assert!(
        plan.contains("step 1 prune: 1.57 M of 3.15 M weights in 28 tensors become zero (50.0 %, ranked by tensor)"),
        "{plan}"
    );
    assert!(plan.contains("no output gets smaller"), "{plan}");
}

/// A quantized source is decoded; zeros survive types whose blocks have a zero.
#[test]
fn a_quantized_file_is_pruned() {
    let lab = lab("sparsity = 0.5");
    lab.run("convert tiny-llama --to gguf:q8_0 -o q.gguf").expect(0);
    lab.write(
        "q.toml",
        "source = \"q.gguf\"\n[[pipeline]]\nstep = \"prune\"\nsparsity = 0.5\n[[target]]\nformat = \"gguf\"\nquantization = \"q8_0\"\noutput = \"p.gguf\"\n",
    );
    lab.run("run q.toml").expect(0);
    lab.run("convert p.gguf --to safetensors:f32 -o back").expect(0);
    let matrices: Vec<_> = zeros(&lab.path("back")).into_iter().filter(|t| t.0.contains("_proj")).collect();
    assert_eq!(matrices.len(), 28);
    assert!(matrices.iter().all(|(_, zero, elems)| *zero >= elems / 2), "{matrices:?}");
}

#[test]
fn what_is_wrong_with_a_step_is_shown_at_its_place() {
    for (step, message) in [
        ("sparsity = 0.0", "r.toml:4:12: `sparsity` must be above 0 and below 1"),
        ("sparsity = 1.0", "r.toml:4:12: `sparsity` must be above 0 and below 1"),
        ("", "the step `prune` needs `sparsity`"),
        ("sparsity = 0.5\nmethod = \"wanda\"", "pruning by wanda is not available"),
        ("pattern = \"4:2\"", "\"4:2\" is not a pattern"),
        ("pattern = \"2:4\"\nsparsity = 0.3", "2:4 sets 0.5 of the weights to zero"),
        ("sparsity = 0.5\nlayers = [\"attenton\"]", "`attenton` selects no matrix of the model"),
        ("sparsity = 0.5\nlayers = [\"norm\"]", "`norm` selects no matrix of the model"),
        ("pattern = \"3:7\"", "3:7 does not divide its rows of"),
    ] {
        let run = lab(step).run("run r.toml").expect(2);
        assert!(run.err.contains(message), "{step}: {}", run.err);
    }
}

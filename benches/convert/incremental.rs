//! A second export of a model of which a tenth of the tensors changed: in full, and with `--reuse` of the first one.

use super::measure::{Run, median, run};
use super::{Fallible, Options, remold, synth};
use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;

/// One of so many tensors changes.
const ONE_OF: usize = 10;

/// Prints the times of both and their ratio, and whether the outputs are equal.
///
/// # Errors
/// What keeps it from running.
pub fn incremental(options: &Options, dir: &Path) -> Fallible<()> {
    let model = dir.join("trained-llama");
    synth::write_model(&model, &options.shape, 2)?;
    let (first, full, reused) = (dir.join("first.gguf"), dir.join("full.gguf"), dir.join("reused.gguf"));
    let convert = |out: &Path| {
        let mut command = Command::new(remold());
        command.args(["convert", "--to", "gguf:q4_k_m", "--force", "-o"]).arg(out).arg(&model);
        command.env("REMOLD_JOBS", dir.join("jobs"));
        command
    };
    run(&mut convert(&first))?;
    let (changed, share) = train(&model.join("model.safetensors"))?;
    println!("\nq4_k_m of a model with {changed} changed tensors, {:.1} % of its bytes:", share * 100.0);
    let (mut whole, mut part): (Vec<Run>, Vec<Run>) = (Vec::new(), Vec::new());
    for _ in 0..options.runs {
        whole.push(run(&mut convert(&full))?);
        let mut command = convert(&reused);
        command.arg("--reuse").arg(&first);
        part.push(run(&mut command)?);
    }
    let (whole, part) = (median(&whole), median(&part));
    for (name, took) in [("in full", whole), ("with --reuse", part)] {
        println!("{name:<24} {:>9.3} s wall {:>9.2} s CPU", took.wall, took.cpu);
    }
    println!("ratio                    {:>9.3}", part.wall / whole.wall);
    let equal = Command::new("cmp").arg("--silent").args([&full, &reused]).status()?.success();
    println!("the two files are {}", if equal { "equal to the byte" } else { "NOT equal" });
    Ok(())
}

/// Changes one value in each tenth tensor; gives their number and their share of the bytes.
fn train(weights: &Path) -> Fallible<(usize, f64)> {
    let file = OpenOptions::new().read(true).write(true).open(weights)?;
    let mut length = [0; 8];
    file.read_exact_at(&mut length, 0)?;
    let length = u64::from_le_bytes(length);
    let mut header = vec![0; usize::try_from(length)?];
    file.read_exact_at(&mut header, 8)?;
    let header: serde_json::Value = serde_json::from_slice(&header)?;
    let mut places: Vec<(u64, u64)> = Vec::new();
    for (_, tensor) in header.as_object().into_iter().flatten().filter(|(name, _)| *name != "__metadata__") {
        let at = |i: usize| tensor["data_offsets"][i].as_u64().ok_or("a tensor without a place");
        places.push((at(0)?, at(1)?));
    }
    places.sort_unstable();
    let all: u64 = places.iter().map(|(from, to)| to - from).sum();
    let (mut changed, mut bytes) = (0, 0);
    for (from, to) in places.iter().skip(ONE_OF / 2).step_by(ONE_OF) {
        // The lowest bits of a value in the middle: of the last piece that is compared, on average half is read.
        let place = 8 + length + (from + (to - from) / 4 * 2);
        let mut value = [0; 1];
        file.read_exact_at(&mut value, place)?;
        file.write_all_at(&[value[0] ^ 1], place)?;
        (changed, bytes) = (changed + 1, bytes + (to - from));
    }
    Ok((changed, bytes as f64 / all as f64))
}

//! How fast the whole program is, compared with well-known programs. It prints and does not judge.
//!
//! ```text
//! cargo bench --bench convert -- [--size 50m|350m|1.2b|3.2b|8b] [--dir DIR] [--runs N] [--only convert,incremental,inspect] [--keep]
//! ```
//!
//! Makes a synthetic bf16 Llama of the chosen size in DIR (default: a temporary folder; a folder under `/dev/shm` takes the disk out of the
//! picture) and runs the real binary on it: GGUF bf16 beside `cp` of the model, and beside llama.cpp's converter where `REMOLD_CONVERT_HF` (its
//! `convert_hf_to_gguf.py`) and `REMOLD_PYTHON` (a Python that can run it) are given; a second export of a model that changed a
//! little, in full and with `--reuse`; `inspect` of a folder of 100 models. Each line
//! is the median of the runs, which take turns so that a noisy moment affects all.

mod incremental;
mod measure;
mod shape;
mod synth;
mod tokenizer;

use measure::{Run, median, run};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The binary under test: the one that cargo built with this benchmark, or another version that `REMOLD_BIN` names.
fn remold() -> PathBuf {
    std::env::var_os("REMOLD_BIN").map_or_else(|| env!("CARGO_BIN_EXE_remold").into(), PathBuf::from)
}

type Fallible<T> = Result<T, Box<dyn Error>>;

struct Options {
    shape: shape::Shape,
    dir: Option<PathBuf>,
    runs: usize,
    only: Vec<String>,
    keep: bool,
}

fn options() -> Fallible<Options> {
    let mut options = Options { shape: shape::named("50m")?, dir: None, runs: 3, only: Vec::new(), keep: false };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("{word} wants a value"));
        match word.as_str() {
            "--size" => options.shape = shape::named(&value()?)?,
            "--dir" => options.dir = Some(value()?.into()),
            "--runs" => options.runs = value()?.parse::<usize>()?.max(1),
            "--only" => options.only = value()?.split(',').map(str::to_owned).collect(),
            "--keep" => options.keep = true,
            "--bench" => {} // cargo adds it
            other => {
                return Err(format!("{other} is not an option of this benchmark; see benches/convert/main.rs").into());
            }
        }
    }
    Ok(options)
}

fn main() -> Fallible<()> {
    let options = options()?;
    let temporary = match &options.dir {
        Some(dir) => {
            std::fs::create_dir_all(dir)?;
            tempfile::Builder::new().prefix("remold-bench-").disable_cleanup(options.keep).tempdir_in(dir)?
        }
        None => tempfile::Builder::new().prefix("remold-bench-").disable_cleanup(options.keep).tempdir()?,
    };
    let dir = temporary.path();
    let wants = |part: &str| options.only.is_empty() || options.only.iter().any(|word| word == part);
    println!("in {}, {} runs each, {} cores", dir.display(), options.runs, std::thread::available_parallelism()?);
    if wants("convert") {
        convert(&options, dir)?;
    }
    if wants("incremental") {
        incremental::incremental(&options, dir)?;
    }
    if wants("inspect") {
        let folder = dir.join("hundred");
        synth::many_models(&folder, 100)?;
        inspect(&options, &folder)?;
    }
    if options.keep {
        println!("\nkept: {}", dir.display());
    }
    Ok(())
}

/// GGUF bf16 of the whole model, beside `cp` and the reference.
fn convert(options: &Options, dir: &Path) -> Fallible<()> {
    let model = dir.join("synthetic-llama");
    synth::write_model(&model, &options.shape, 1)?;
    let weights = model.join("model.safetensors");
    let bytes = std::fs::metadata(&weights)?.len();
    println!(
        "\nmodel: {}, {:.2} billion parameters, {:.3} GB",
        options.shape.name,
        options.shape.parameters() as f64 / 1e9,
        bytes as f64 / 1e9
    );

    let (out, copy, reference) = (dir.join("out.gguf"), dir.join("copy"), dir.join("reference.gguf"));
    let mut contenders: Vec<(&str, PathBuf, Command)> = Vec::new();
    let mut ours = Command::new(remold());
    ours.args(["convert", "--to", "gguf:bf16", "--force", "-o"]).arg(&out).arg(&model);
    ours.env("REMOLD_JOBS", dir.join("jobs"));
    contenders.push(("remold convert", out.clone(), ours));
    let mut plain = Command::new("cp");
    plain.arg("--reflink=never").arg(&weights).arg(&copy);
    contenders.push(("cp", copy.clone(), plain));
    let mut synced = Command::new("sh");
    synced.args(["-c", "cp --reflink=never \"$0\" \"$1\" && sync \"$1\""]).arg(&weights).arg(&copy);
    contenders.push(("cp, then sync", copy.clone(), synced));
    if let (Some(script), Some(python)) = (std::env::var_os("REMOLD_CONVERT_HF"), std::env::var_os("REMOLD_PYTHON")) {
        let mut theirs = Command::new(python);
        theirs.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/reference_convert.py")).arg(script).arg(&model);
        theirs.args(["--pre", "llama-bpe", "--outtype", "bf16", "--outfile"]).arg(&reference);
        contenders.push(("convert_hf_to_gguf.py", reference.clone(), theirs));
    } else {
        println!("(REMOLD_CONVERT_HF and REMOLD_PYTHON are not set: llama.cpp's converter is left out)");
    }

    let mut results: Vec<Vec<Run>> = contenders.iter().map(|_| Vec::new()).collect();
    for turn in 0..options.runs {
        for (at, (name, output, command)) in contenders.iter_mut().enumerate() {
            let _ = std::fs::remove_file(&*output);
            results[at].push(run(command).map_err(|error| format!("{name}: {error}"))?);
            let keep_for_comparison = turn + 1 == options.runs && (*output == out || *output == reference);
            if !keep_for_comparison {
                std::fs::remove_file(&*output)?;
            }
        }
    }
    table(&contenders.iter().map(|(name, ..)| *name).collect::<Vec<_>>(), &results, bytes);
    if reference.exists() {
        let equal = Command::new("cmp").arg("--silent").args([&out, &reference]).status()?.success();
        println!("the two GGUF files are {}", if equal { "equal to the byte" } else { "NOT equal" });
    }
    Ok(())
}

/// One line a contender: medians, and the wall time as a multiple of the first one's.
fn table(names: &[&str], results: &[Vec<Run>], bytes: u64) {
    println!("{:<24} {:>9} {:>9} {:>9} {:>10} {:>16}", "", "wall s", "CPU s", "GB/s", "peak MiB", "wall ÷ remold's");
    let ours = median(&results[0]);
    for (name, runs) in names.iter().zip(results) {
        let middle = median(runs);
        let rate = bytes as f64 / middle.wall / 1e9;
        let peak = middle.peak_bytes as f64 / f64::from(1 << 20);
        let ratio = middle.wall / ours.wall;
        println!("{name:<24} {:>9.3} {:>9.2} {rate:>9.2} {peak:>10.1} {ratio:>14.2} ×", middle.wall, middle.cpu);
    }
}

/// `remold inspect` of a folder of 100 models.
fn inspect(options: &Options, folder: &Path) -> Fallible<()> {
    let runs = (0..options.runs)
        .map(|_| run(Command::new(remold()).arg("inspect").arg(folder)))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| format!("remold inspect: {error}"))?;
    let middle = median(&runs);
    let peak = middle.peak_bytes as f64 / f64::from(1 << 20);
    println!("\ninspect of 100 models: {:.0} ms wall, {:.2} CPU s, {peak:.1} MiB", middle.wall * 1e3, middle.cpu);
    Ok(())
}

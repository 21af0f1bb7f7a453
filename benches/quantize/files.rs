//! Whole files: `remold convert` beside `llama-quantize`, on the same bf16 GGUF, with the same threads, in turns.
//!
//! Also what three targets from one read cost beside three runs, and how long a budget takes to choose types.

use super::measure::{Run, median, run};
use super::{Fallible, Options, shape, synth};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The file types of the table in the README.
const TYPES: [&str; 6] = ["q8_0", "q4_0", "q4_k_m", "q5_k_m", "q6_k", "iq4_xs"];

/// Three targets that are made from one read.
const TOGETHER: [&str; 3] = ["q8_0", "q4_k_m", "q6_k"];

fn remold() -> PathBuf {
    std::env::var_os("REMOLD_BIN").map_or_else(|| env!("CARGO_BIN_EXE_remold").into(), PathBuf::from)
}

/// Prints the tables.
pub fn tables(options: &Options) -> Fallible<()> {
    let shape = shape::named(options.size.as_deref().unwrap_or("50m"))?;
    let temporary = match &options.dir {
        Some(dir) => tempfile::Builder::new().prefix("remold-bench-").tempdir_in(dir)?,
        None => tempfile::Builder::new().prefix("remold-bench-").tempdir()?,
    };
    let dir = temporary.path();
    let (folder, source) = (dir.join("synthetic-llama"), dir.join("source.gguf"));
    synth::write_model(&folder, &shape, 1)?;
    convert(dir, &folder, &["bf16"], &source, options)?;
    std::fs::remove_dir_all(&folder)?;
    let matrix = dir.join("imatrix.dat");
    write_imatrix(&source, &matrix)?;
    let threads = threads(options);
    println!(
        "\n{:.2} billion parameters in bf16, {:.2} GB, in {}; {threads} threads, {} runs each, medians",
        shape.parameters() as f64 / 1e9,
        std::fs::metadata(&source)?.len() as f64 / 1e9,
        dir.display(),
        options.runs
    );
    let peer = std::env::var_os("REMOLD_LLAMA_QUANTIZE").map(PathBuf::from);
    if peer.is_none() {
        println!("(REMOLD_LLAMA_QUANTIZE is not set: llama.cpp's quantizer is left out)");
    }
    compare(options, dir, &source, &matrix, peer.as_deref())?;
    together(options, dir, &source)?;
    budget(options, dir, &source)
}

fn threads(options: &Options) -> usize {
    if options.threads == 0 { std::thread::available_parallelism().map_or(1, usize::from) } else { options.threads }
}

/// True if llama-quantize makes the type only with an importance matrix.
fn needs_matrix(file_type: &str) -> bool {
    ["iq1_s", "iq1_m", "iq2_xxs", "iq2_xs", "iq2_s", "iq2_m", "iq3_xxs", "iq3_xs", "q2_k_s"].contains(&file_type)
}

fn command(dir: &Path, source: &Path, types: &[&str], out: &Path, options: &Options) -> Command {
    let mut command = Command::new(remold());
    command.arg("convert").arg(source).args(["--force", "--threads", &threads(options).to_string(), "-o"]).arg(out);
    command.args(types.iter().flat_map(|t| ["--to".to_owned(), format!("gguf:{t}")]));
    command.env("REMOLD_JOBS", dir.join("jobs")).env("REMOLD_CACHE", dir.join("cache"));
    command
}

fn convert(dir: &Path, source: &Path, types: &[&str], out: &Path, options: &Options) -> Fallible<Run> {
    run(&mut command(dir, source, types, out, options)).map_err(|e| format!("remold convert to {types:?}: {e}").into())
}

fn compare(options: &Options, dir: &Path, source: &Path, matrix: &Path, peer: Option<&Path>) -> Fallible<()> {
    let (ours_out, theirs_out) = (dir.join("ours.gguf"), dir.join("theirs.gguf"));
    println!(
        "\n{:<10} {:>24}   {:>24}   {:>13}  bytes",
        "", "remold  wall  CPU  peak", "llama-quantize  wall  CPU  peak", "wall ÷  CPU ÷"
    );
    let types: Vec<&str> =
        if options.types.is_empty() { TYPES.to_vec() } else { options.types.iter().map(String::as_str).collect() };
    for name in types {
        let name = name.to_ascii_lowercase();
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..options.runs {
            let mut mine = command(dir, source, &[&name], &ours_out, options);
            if needs_matrix(&name) {
                mine.arg("--imatrix").arg(matrix);
            }
            ours.push(run(&mut mine).map_err(|e| format!("remold {name}: {e}"))?);
            if let Some(peer) = peer {
                let mut reference = Command::new(peer);
                if needs_matrix(&name) {
                    reference.arg("--imatrix").arg(matrix);
                }
                reference.arg(source).arg(&theirs_out).arg(name.to_uppercase()).arg(threads(options).to_string());
                theirs.push(run(&mut reference).map_err(|e| format!("llama-quantize {name}: {e}"))?);
            }
        }
        println!("{}", line(&name, &ours, &theirs, &ours_out, &theirs_out)?);
        for path in [&ours_out, &theirs_out] {
            let _ = std::fs::remove_file(path);
        }
    }
    Ok(())
}

fn line(name: &str, ours: &[Run], theirs: &[Run], ours_out: &Path, theirs_out: &Path) -> Fallible<String> {
    let figures =
        |r: &Run| format!("{:>8.2} s {:>7.2} s {:>5.0} MiB", r.wall, r.cpu, r.peak_bytes as f64 / f64::from(1 << 20));
    let mine = median(ours);
    let mut text = format!("{:<10} {}", name.to_uppercase(), figures(&mine));
    if !theirs.is_empty() {
        let reference = median(theirs);
        let equal = Command::new("cmp").arg("--silent").args([ours_out, theirs_out]).status()?.success();
        write!(
            text,
            "   {}   {:>5.1} × {:>5.1} ×  {}",
            figures(&reference),
            reference.wall / mine.wall,
            reference.cpu / mine.cpu,
            if equal { "equal" } else { "DIFFER" }
        )?;
    }
    Ok(text)
}

fn together(options: &Options, dir: &Path, source: &Path) -> Fallible<()> {
    let out = dir.join("together");
    // Each run begins with nothing written and with the same free pages: where files are in memory, the first process that touches a page of a virtual
    // machine first pays for it, and three files touch more of them than one.
    let pages = vec![1; 1 << 20];
    let made = |types: &[&str]| {
        std::fs::create_dir_all(&out)?;
        let warm = out.join("warm");
        let mut file = std::fs::File::create(&warm)?;
        for _ in 0..std::fs::metadata(source)?.len() / pages.len() as u64 * 4 / 3 {
            std::io::Write::write_all(&mut file, &pages)?;
        }
        drop(file);
        std::fs::remove_file(&warm)?;
        let run = convert(dir, source, types, &out, options)?;
        std::fs::remove_dir_all(&out)?;
        Fallible::Ok(run)
    };
    let (mut single, mut at_once) = (vec![0.0; options.runs], Vec::new());
    for total in &mut single {
        for name in TOGETHER {
            *total += made(&[name])?.cpu;
        }
        at_once.push(made(&TOGETHER)?);
    }
    single.sort_by(f64::total_cmp);
    println!(
        "\n{} from one read: {:.2} CPU s; one after the other: {:.2} CPU s",
        TOGETHER.join(" + "),
        median(&at_once).cpu,
        single[single.len() / 2]
    );
    Ok(())
}

fn budget(options: &Options, dir: &Path, source: &Path) -> Fallible<()> {
    for (what, fresh) in [("nothing kept", true), ("scores kept", false)] {
        let mut runs = Vec::new();
        for _ in 0..options.runs {
            if fresh {
                let _ = std::fs::remove_dir_all(dir.join("cache"));
            }
            let mut choose = command(dir, source, &[], &dir.join("budget.gguf"), options);
            choose.args(["--to", "gguf", "--target-bpw", "4.5", "--dry-run"]);
            runs.push(run(&mut choose).map_err(|e| format!("remold --target-bpw: {e}"))?);
        }
        let middle = median(&runs);
        println!("types for --target-bpw 4.5, {what}: {:.2} s wall, {:.2} CPU s", middle.wall, middle.cpu);
    }
    Ok(())
}

/// An importance matrix in llama.cpp's older form with a made-up value for every column.
fn write_imatrix(source: &Path, out: &Path) -> Fallible<()> {
    let model = remold::testing::formats::open(source)?;
    let matrices: Vec<_> = model.tensors.iter().filter(|t| t.shape.rank() == 2).collect();
    let mut bytes = i32::try_from(matrices.len())?.to_le_bytes().to_vec();
    let mut random = synth::Random::new(7);
    for t in matrices {
        bytes.extend(i32::try_from(t.name.len())?.to_le_bytes());
        bytes.extend(t.name.as_bytes());
        bytes.extend(1i32.to_le_bytes());
        bytes.extend(i32::try_from(t.cols())?.to_le_bytes());
        bytes.extend((0..t.cols()).flat_map(|_| (0.01 + random.below(1000) as f32 / 250.0).to_le_bytes()));
    }
    Ok(std::fs::write(out, bytes)?)
}

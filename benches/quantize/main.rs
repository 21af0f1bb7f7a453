//! How fast the quantizers are, beside ggml's. Prints, never judges.
//!
//! ```text
//! cargo bench --bench quantize -- [--only kernels,files] [--types Q4_K,IQ2_XS] [--isa scalar,avx2] [--seconds 0.3]
//!                                 [--size 50m|350m|1.2b|3.2b|8b] [--dir DIR] [--runs N] [--threads N]
//! ```
//!
//! `files` is whole files of a synthetic Llama of `--size` (default 50m) in DIR: `remold convert` beside the `llama-quantize` that
//! `REMOLD_LLAMA_QUANTIZE` names. `--types` are then file types.
//!
//! `kernels` is one core's work on rows in memory, each instruction set in a process of its own (`REMOLD_ISA`). Where `REMOLD_GGML_BASE` names
//! a `libggml-base.so` of llama.cpp, the same rows go through it in the same run, and the bytes are compared.

mod files;
mod kernels;
#[path = "../convert/measure.rs"]
mod measure;
mod reference;
#[path = "../convert/shape.rs"]
mod shape;
#[path = "../convert/synth.rs"]
#[allow(dead_code, reason = "the other benchmark makes folders of models too")]
mod synth;
#[path = "../convert/tokenizer.rs"]
mod tokenizer;

use std::error::Error;

type Fallible<T> = Result<T, Box<dyn Error>>;

/// What the user asked for.
#[derive(Default)]
struct Options {
    /// Parts to run; empty: all.
    only: Vec<String>,
    /// Block formats; empty: all.
    types: Vec<String>,
    /// Instruction sets; empty: all of this machine.
    isa: Vec<String>,
    /// The least time spent on each number.
    seconds: f64,
    /// This process measures for another one.
    child: bool,
    /// The shape of the synthetic model.
    size: Option<String>,
    /// Where files are written; a temporary folder when not given.
    dir: Option<std::path::PathBuf>,
    /// Runs of each program.
    runs: usize,
    /// Threads of each program; 0: all cores.
    threads: usize,
}

fn options() -> Fallible<Options> {
    let mut options = Options { seconds: 0.3, runs: 3, ..Options::default() };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("{word} wants a value"));
        let list = |text: String| text.split(',').map(str::to_owned).collect();
        match word.as_str() {
            "--only" => options.only = list(value()?),
            "--types" => options.types = list(value()?),
            "--isa" => options.isa = list(value()?),
            "--seconds" => options.seconds = value()?.parse()?,
            "--size" => options.size = Some(value()?),
            "--dir" => options.dir = Some(value()?.into()),
            "--runs" => options.runs = value()?.parse::<usize>()?.max(1),
            "--threads" => options.threads = value()?.parse()?,
            "--child" => options.child = true,
            "--bench" => {} // cargo adds it
            other => {
                return Err(format!("{other} is not an option of this benchmark; see benches/quantize/main.rs").into());
            }
        }
    }
    Ok(options)
}

fn main() -> Fallible<()> {
    let options = options()?;
    if options.child {
        return kernels::child(&options);
    }
    let wants = |part: &str| options.only.is_empty() || options.only.iter().any(|word| word == part);
    if wants("kernels") {
        kernels::table(&options)?;
    }
    if wants("files") {
        files::tables(&options)?;
    }
    Ok(())
}

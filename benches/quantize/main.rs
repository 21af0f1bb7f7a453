//! How fast the quantizers are, beside ggml's. Prints, never judges.
//!
//! ```text
//! cargo bench --bench quantize -- [--only kernels] [--types Q4_K,IQ2_XS] [--isa scalar,avx2] [--seconds 0.3]
//! ```
//!
//! `kernels` is one core's work on rows in memory, each instruction set in a process of its own (`REMOLD_ISA`). Where `REMOLD_GGML_BASE` names
//! a `libggml-base.so` of llama.cpp, the same rows go through it in the same run, and the bytes are compared.

mod kernels;
mod reference;

use std::error::Error;

type Fallible<T> = Result<T, Box<dyn Error>>;

/// What the user asked for.
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
}

fn options() -> Fallible<Options> {
    let mut options = Options { only: Vec::new(), types: Vec::new(), isa: Vec::new(), seconds: 0.3, child: false };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("{word} wants a value"));
        let list = |text: String| text.split(',').map(str::to_owned).collect();
        match word.as_str() {
            "--only" => options.only = list(value()?),
            "--types" => options.types = list(value()?),
            "--isa" => options.isa = list(value()?),
            "--seconds" => options.seconds = value()?.parse()?,
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
    Ok(())
}

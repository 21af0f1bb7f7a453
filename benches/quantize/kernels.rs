//! Million weights a second of every block format, by instruction set, on one core.

use crate::reference::Reference;
use crate::{Fallible, Options};
use remold::testing::quant::{
    BlockType, can_quantize, dequantize_rows, instruction_sets, needs_imatrix, quantize_rows,
};
use rustix::time::{ClockId, clock_gettime};
use std::collections::HashMap;
use std::process::Command;

const COLS: usize = 4096;
const ROWS: usize = 16;

/// Rows as weights of a model look: mostly small, a few large; and the importance of the columns.
fn rows() -> (Vec<f32>, Vec<f32>) {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut uniform = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1u64 << 24) as f32
    };
    let mut element = || {
        let normal = (0..6).map(|_| uniform()).sum::<f32>() - 3.0;
        normal * if uniform() < 0.001 { 0.3 } else { 0.02 }
    };
    let x = (0..ROWS * COLS).map(|_| element()).collect();
    let weights = (0..COLS).map(|_| uniform() * uniform() + 1e-3).collect();
    (x, weights)
}

/// What one contender did with one format.
#[derive(Clone, Default)]
struct Measured {
    /// Million weights a second.
    encode: f64,
    decode: f64,
    /// Of the bytes.
    checksum: u32,
}

/// What this thread has used of a core. Time that others take does not count.
fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

/// The fastest of several runs, in million weights a second: what else the machine does only slows a run down.
fn rate(seconds: f64, mut run: impl FnMut() -> Fallible<()>) -> Fallible<f64> {
    run()?;
    let (start, mut best, mut runs) = (cpu_seconds(), f64::MAX, 0);
    while runs < 3 || cpu_seconds() - start < seconds {
        let before = cpu_seconds();
        run()?;
        best = best.min(cpu_seconds() - before);
        runs += 1;
    }
    Ok((ROWS * COLS) as f64 / best / 1e6)
}

fn measure(
    ty: BlockType,
    seconds: f64,
    mut encode: impl FnMut(&mut [u8]) -> Fallible<()>,
    mut decode: impl FnMut(&[u8], &mut [f32]) -> Fallible<()>,
) -> Fallible<Measured> {
    let mut bytes = vec![0; ROWS * COLS / ty.block_elems() * ty.block_bytes()];
    let mut back = vec![0f32; ROWS * COLS];
    Ok(Measured {
        encode: rate(seconds, || encode(&mut bytes))?,
        decode: rate(seconds / 4.0, || decode(&bytes, &mut back))?,
        checksum: crc32fast::hash(&bytes),
    })
}

/// The formats asked for, without weights and with.
fn cases(options: &Options) -> Vec<(BlockType, bool)> {
    let wanted = |ty: BlockType| options.types.is_empty() || options.types.iter().any(|t| t == ty.name());
    let types = BlockType::ALL.iter().copied().filter(|&ty| can_quantize(ty) && wanted(ty));
    types.flat_map(|ty| [(ty, false), (ty, true)]).filter(|&(ty, weighted)| weighted || !needs_imatrix(ty)).collect()
}

/// Measures every case with the instruction set that the environment names; a line each.
pub fn child(options: &Options) -> Fallible<()> {
    let (x, weights) = rows();
    for (ty, weighted) in cases(options) {
        let w = weighted.then_some(&weights[..]);
        let encode = |out: &mut [u8]| Ok(quantize_rows(ty, &x, COLS, w, out)?);
        let m = measure(ty, options.seconds, encode, |bytes, out| Ok(dequantize_rows(ty, bytes, out)?))?;
        println!("{ty} {weighted} {} {} {}", m.encode, m.decode, m.checksum);
    }
    Ok(())
}

/// Measures every case in a process of its own that uses this instruction set.
fn measured_by(isa: &str, options: &Options) -> Fallible<HashMap<(String, bool), Measured>> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--child", "--seconds", &options.seconds.to_string()]).env("REMOLD_ISA", isa);
    if !options.types.is_empty() {
        command.args(["--types", &options.types.join(",")]);
    }
    let output = command.stderr(std::process::Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(format!("measuring {isa}: {}", output.status).into());
    }
    let line = |line: &str| -> Option<((String, bool), Measured)> {
        let mut words = line.split(' ');
        let key = (words.next()?.to_owned(), words.next()?.parse().ok()?);
        let mut number = || words.next()?.parse::<f64>().ok();
        let (encode, decode) = (number()?, number()?);
        Some((key, Measured { encode, decode, checksum: words.next()?.parse().ok()? }))
    };
    Ok(String::from_utf8(output.stdout)?.lines().filter_map(line).collect())
}

/// The table: a line for each format without and with weights.
pub fn table(options: &Options) -> Fallible<()> {
    let reference = Reference::from_environment()?;
    let all = instruction_sets();
    let sets: Vec<_> =
        all.into_iter().filter(|s| options.isa.is_empty() || options.isa.iter().any(|i| i == s)).collect();
    let ours = sets.iter().map(|isa| measured_by(isa, options)).collect::<Fallible<Vec<_>>>()?;
    let (x, weights) = rows();

    println!("kernels: million weights a second on one core, {ROWS} rows of {COLS}; ×: against ggml\n");
    if reference.is_none() {
        println!("(REMOLD_GGML_BASE names no libggml-base.so: ggml is left out)\n");
    }
    print!("{:<16}", "encode");
    sets.iter().for_each(|s| print!(" {s:>9}"));
    println!(" {:>9} {:>7} {:>6}   {:>9} {:>9} {:>7}", "ggml", "×", "bytes", "decode", "ggml", "×");
    for (ty, weighted) in cases(options) {
        let theirs = reference.as_ref().map(|r| {
            let w = weighted.then_some(&weights[..]);
            measure(ty, options.seconds, |out| r.encode(ty, &x, COLS, w, out), |bytes, out| r.decode(ty, bytes, out))
        });
        let theirs = theirs.transpose()?;
        let key = (ty.name().to_owned(), weighted);
        let row: Vec<_> = ours.iter().map(|m| m.get(&key).cloned().unwrap_or_default()).collect();
        print!("{:<16}", format!("{ty}{}", if weighted { " imatrix" } else { "" }));
        row.iter().for_each(|m| print!(" {:>9.1}", m.encode));
        let Some(last) = row.last() else { continue };
        match theirs {
            Some(t) => {
                let equal = row.iter().all(|m| m.checksum == t.checksum);
                let word = if equal { "equal" } else { "DIFFER" };
                print!(" {:>9.1} {:>7.1} {word:>6}   {:>9.0}", t.encode, last.encode / t.encode, last.decode);
                println!(" {:>9.0} {:>7.1}", t.decode, last.decode / t.decode);
            }
            None => println!(" {:>9} {:>7} {:>6}   {:>9.0}", "–", "–", "–", last.decode),
        }
    }
    Ok(())
}

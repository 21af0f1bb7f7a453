//! What the workbench costs: bytes to the terminal, CPU, memory, and the time from a key to its frame. Prints, never judges.
//!
//! ```text
//! cargo bench --bench workbench -- [--only start,idle,tensors,job] [--seconds 10] [--models 1000] [--tensors 5000] [--size 1.2b]
//!                                  [--dir DIR]
//! ```
//!
//! The real binary in a pseudo-terminal of 160 × 50. `start`: the first frame and the whole scan of a folder of many models, and the memory
//! after it. `idle`: what a screen sends and uses when nothing happens. `tensors`: keys in the table of a model of many tensors. `job`: bytes a
//! second beside a job on all cores, by default and with `SSH_CONNECTION`, and keys meanwhile.

#[path = "../convert/measure.rs"]
#[allow(dead_code, reason = "the other benchmarks time whole runs with it")]
mod measure;
mod session;
#[path = "../convert/shape.rs"]
mod shape;
#[path = "../convert/synth.rs"]
mod synth;
#[path = "../convert/tokenizer.rs"]
mod tokenizer;

use session::Session;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

type Fallible<T> = Result<T, Box<dyn Error>>;

/// The binary under test: the one that cargo built with this benchmark, or another version that `REMOLD_BIN` names.
fn remold() -> PathBuf {
    std::env::var_os("REMOLD_BIN").map_or_else(|| env!("CARGO_BIN_EXE_remold").into(), PathBuf::from)
}

/// Places of jobs, settings, sessions and caches below `home`, so that nothing of the user's is read or written.
fn home_variables(home: &Path) -> [(&'static str, PathBuf); 5] {
    [
        ("REMOLD_JOBS", home.join("jobs")),
        ("REMOLD_CACHE", home.join("cache")),
        ("XDG_CONFIG_HOME", home.join("config")),
        ("XDG_STATE_HOME", home.join("state")),
        ("XDG_CACHE_HOME", home.join("cache")),
    ]
}

struct Options {
    only: Vec<String>,
    seconds: f64,
    models: usize,
    tensors: usize,
    size: String,
    dir: Option<PathBuf>,
}

fn options() -> Fallible<Options> {
    let mut options =
        Options { only: Vec::new(), seconds: 10.0, models: 1000, tensors: 5000, size: "1.2b".to_owned(), dir: None };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("{word} wants a value"));
        match word.as_str() {
            "--only" => options.only = value()?.split(',').map(str::to_owned).collect(),
            "--seconds" => options.seconds = value()?.parse()?,
            "--models" => options.models = value()?.parse()?,
            "--tensors" => options.tensors = value()?.parse()?,
            "--size" => options.size = value()?,
            "--dir" => options.dir = Some(value()?.into()),
            "--bench" => {} // cargo adds it
            other => {
                return Err(format!("{other} is not an option of this benchmark; see benches/workbench/main.rs").into());
            }
        }
    }
    Ok(options)
}

fn main() -> Fallible<()> {
    let options = options()?;
    let temporary = match &options.dir {
        Some(dir) => tempfile::Builder::new().prefix("remold-bench-").tempdir_in(dir)?,
        None => tempfile::Builder::new().prefix("remold-bench-").tempdir()?,
    };
    let dir = temporary.path();
    let wants = |part: &str| options.only.is_empty() || options.only.iter().any(|word| word == part);
    println!("a terminal of 160 × 50, {} cores", std::thread::available_parallelism()?);
    if wants("start") || wants("idle") {
        let folder = dir.join("many");
        synth::many_models(&folder, options.models)?;
        if wants("start") {
            start(&options, &folder, dir)?;
        }
        if wants("idle") {
            idle(&options, &folder, dir)?;
        }
    }
    if wants("tensors") {
        tensors(&options, dir)?;
    }
    if wants("job") {
        job(&options, dir)?;
    }
    Ok(())
}

fn milliseconds(seconds: &mut [f64]) -> String {
    seconds.sort_by(f64::total_cmp);
    let at = |share: f64| seconds[((seconds.len() - 1) as f64 * share).round() as usize] * 1e3;
    format!("median {:.1} ms, 95 % within {:.1} ms, slowest {:.1} ms", at(0.5), at(0.95), at(1.0))
}

/// The first frame, the whole scan and the memory after it.
fn start(options: &Options, folder: &Path, dir: &Path) -> Fallible<()> {
    let (mut first, mut whole, mut memory) = (Vec::new(), Vec::new(), (0, 0));
    for _ in 0..5 {
        let mut session = Session::start(folder, &dir.join("home"), false)?;
        let at = session.wait("a first frame", |screen| {
            screen.alternate_screen() && screen.contents().chars().any(char::is_alphanumeric)
        })?;
        first.push(at.duration_since(session.began).as_secs_f64());
        let at = session.wait_for(&format!("{} models", options.models))?;
        whole.push(at.duration_since(session.began).as_secs_f64());
        session.settle(Duration::from_secs(1))?;
        memory = session.memory()?;
    }
    println!("\n{} models (files of headers, warm cache), 5 starts", options.models);
    println!("  first frame: {}", milliseconds(&mut first));
    println!("  whole scan on the screen: {}", milliseconds(&mut whole));
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    println!("  resident memory after it: {:.1} MiB, at its highest {:.1} MiB", mib(memory.0), mib(memory.1));
    Ok(())
}

/// What is sent and used while nothing happens.
fn idle(options: &Options, folder: &Path, dir: &Path) -> Fallible<()> {
    let span = Duration::from_secs_f64(options.seconds);
    println!("\nidle for {:.0} s on {} models", options.seconds, options.models);
    for (tab, key) in [("Models", "1"), ("Jobs", "3"), ("Log", "6")] {
        let mut session = Session::start(folder, &dir.join("home"), false)?;
        session.wait_for(&format!("{} models", options.models))?;
        session.send(key)?;
        // Toasts go by themselves.
        session.settle(Duration::from_secs(6))?;
        let (bytes, share) = session.watch(span)?;
        println!("  {tab}: {bytes} bytes, {:.2} % of a core", share * 100.0);
    }
    Ok(())
}

/// Keys in the table of a model of many tensors.
fn tensors(options: &Options, dir: &Path) -> Fallible<()> {
    let folder = dir.join("large");
    let shape = shape::Shape { layers: options.tensors / 9, ..shape::named("tiny")? };
    synth::hollow_model(&folder.join("deep"), &shape)?;
    let mut session = Session::start(&folder, &dir.join("home"), false)?;
    session.wait_for("1 model")?;
    session.send("\r]")?;
    session.wait_for("sort:")?;
    session.settle(Duration::from_secs(1))?;
    println!("\na model of {} tensors, 100 keys down its table", shape.tensors().len());
    let mut times = (0..100).map(|_| session.key_to_frame("j")).collect::<Fallible<Vec<_>>>()?;
    println!("  key to frame: {}", milliseconds(&mut times));
    Ok(())
}

/// A job on all cores, and the screen next to it.
fn job(options: &Options, dir: &Path) -> Fallible<()> {
    let folder = dir.join("busy");
    synth::write_model(&folder.join("synthetic-llama"), &shape::named(&options.size)?, 1)?;
    synth::many_models(&folder.join("others"), 20)?;
    let span = Duration::from_secs_f64(options.seconds);
    println!(
        "\na job on all cores ({} to Q4_K_M, searched to the end), watched for {:.0} s",
        options.size, options.seconds
    );
    for ssh in [false, true] {
        let home = dir.join(if ssh { "home-ssh" } else { "home-near" });
        let mut work = Command::new(remold());
        work.arg("convert").arg(folder.join("synthetic-llama"));
        work.args(["--to", "gguf:q4_k_m", "--to", "gguf:iq4_xs", "--effort", "max", "--force", "-o"])
            .arg(dir.join("made"));
        work.envs(home_variables(&home)).stdout(Stdio::null()).stderr(Stdio::null());
        std::fs::create_dir_all(dir.join("made"))?;
        let mut child = work.spawn()?;
        let mut session = Session::start(&folder, &home, ssh)?;
        session.wait_for("21 models")?;
        session.send("3")?;
        session.wait_for("running")?;
        let (bytes, share) = session.watch(span)?;
        let rate = bytes as f64 / options.seconds;
        let how = if ssh { "SSH_CONNECTION set" } else { "by default" };
        println!("  {how}: {:.2} kB/s, {:.2} % of a core", rate / 1e3, share * 100.0);
        session.send("1gg")?;
        session.settle(Duration::from_millis(300))?;
        let mut times = (0..100)
            .map(|n| session.key_to_frame(if n / 10 % 2 == 0 { "j" } else { "k" }))
            .collect::<Fallible<Vec<_>>>();
        if let Ok(times) = &mut times {
            println!("  {how}, key to frame meanwhile: {}", milliseconds(times));
        }
        if child.try_wait()?.is_some() {
            println!("  (the job ended before the keys were done: take a larger --size)");
        }
        child.kill()?;
        child.wait()?;
        times?;
    }
    Ok(())
}

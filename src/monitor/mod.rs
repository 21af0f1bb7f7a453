//! Live figures of this machine and process, and checks of the machine before any work. Must not know screens.
//!
//! `process` is the own process, `machine` the whole machine with its GPUs (`gpu`, through NVML if present), `checks` the part of
//! `remold doctor` about the machine.

mod check;
mod checks;
mod gpu;
mod machine;
mod process;

pub use check::{Check, Standing};
pub use checks::{gigabytes, machine_checks};
pub use gpu::{Gpu, GpuMemory, Gpus, NoGpus};
pub use machine::{Machine, MachineSampler};
pub use process::{ProcessSampler, Usage};

/// Number of useful worker threads: more than a few per core only cost memory and switching.
pub fn most_threads() -> usize {
    const FOR_EACH_CORE: usize = 4;
    const LEAST: usize = 64;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    cores.saturating_mul(FOR_EACH_CORE).max(LEAST)
}

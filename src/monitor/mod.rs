//! Live figures of this machine and process, and what is to be said of the machine before any work. Must not know screens.
//!
//! `process` is the own process, `machine` the whole of it with its GPUs (`gpu`, through NVML where that is), `checks` what
//! `remold doctor` tells of it.

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

/// Worker threads that are of any use: more than a few for each core only cost memory and switching.
pub fn most_threads() -> usize {
    const FOR_EACH_CORE: usize = 4;
    const LEAST: usize = 64;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    cores.saturating_mul(FOR_EACH_CORE).max(LEAST)
}

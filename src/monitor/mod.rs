//! Live figures of this machine and process, and checks of the machine before any work. Must not know screens.
//!
//! `process` is the own process, `machine` the whole machine with its GPUs (`gpu`, through NVML if present), `checks` the part of
//! `remold doctor` about the machine.

mod check;
mod checks;
mod gpu;
mod machine;
mod process;

pub use check::Check;
pub(crate) use check::CheckStatus;
pub(crate) use checks::{gigabytes, machine_checks};
pub(crate) use gpu::Gpus;
pub use gpu::{Gpu, GpuMemory};
pub use machine::Machine;
pub(crate) use machine::MachineSampler;
pub(crate) use process::ProcessSampler;

/// Number of useful worker threads: more than a few per core only cost memory and switching.
pub(crate) fn most_threads() -> usize {
    const FOR_EACH_CORE: usize = 4;
    const MIN_THREADS: usize = 64;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    cores.saturating_mul(FOR_EACH_CORE).max(MIN_THREADS)
}

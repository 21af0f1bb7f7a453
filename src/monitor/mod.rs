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
pub use gpu::{Gpu, GpuMemory};
pub use machine::{Machine, MachineSampler};
pub use process::{ProcessSampler, Usage};

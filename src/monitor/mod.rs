//! Live figures of this machine and process. Must not know screens.

mod process;

pub use process::{ProcessSampler, Usage};

//! Recipe + Model → [`Plan`]: every output tensor, byte, type and warning, before anything is written.

mod types;

pub use types::{Plan, PlannedOutput, PlannedTensor};

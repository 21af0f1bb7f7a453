//! The tabs of the workbench.

pub mod compare;
pub mod jobs;
pub mod log;
pub mod models;
pub mod recipe;
pub mod watch;

//! How serious a message is.

pub use crate::job::Level;

//! Layouts made by hand at the stages of their writing, and the verdict at each.

mod copies;
mod support;
mod trainers;

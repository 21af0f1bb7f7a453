//! Layouts made by hand at the stages of their writing, and the verdict at each.

mod again;
mod any_tree;
mod copies;
mod files;
mod hugging_face;
mod listing;
mod ranks;
mod support;

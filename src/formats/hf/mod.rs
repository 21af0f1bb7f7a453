//! Model folders as Hugging Face lays them out: weights in one of several formats, `config.json`, tokenizer files.
//!
//! `hub` reads the cache of `huggingface_hub`, `training` handles the state and the shards that a training run
//! leaves.
//!
//! A folder is not a format: this finds the weights in it, passes them to their format and adds the sidecar files to the model. The order of
//! preference is that of `transformers`: `model.safetensors`, its index, other safetensors, `pytorch_model.bin`, its index,
//! `consolidated.NN.pth`, what the ranks of a training run left complete, then any single file. Training state (optimizer, scheduler,
//! random-number generators) is named in [`Model::opaque`](crate::model::Model::opaque) and otherwise ignored. Must not know architectures.

mod entries;
mod folder;
mod hub;
mod sidecars;
mod training;

pub(super) use entries::{entries, shards_of_index, stored_bytes};
pub use folder::{Weights, find_weights};
pub(crate) use folder::{open, open_with};
pub(crate) use hub::Repository;
pub(super) use sidecars::collect_one;
pub(crate) use sidecars::{SIDECARS, attach};
pub(crate) use training::is_training_state;
pub(super) use training::{ranks_inside, training};

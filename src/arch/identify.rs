//! Where a model gets what `arch` knows of it. Every model that the rooms below work with comes from here, or from a conversion.

use super::network::network;
use super::roles::classify;
use crate::formats;
use crate::model::{FormatId, Model, Result};
use std::path::Path;

/// Opens a model and identifies it.
///
/// # Errors
/// Those of the format's reader.
pub fn open(path: &Path) -> Result<Model> {
    formats::open(path).map(identified)
}

/// As [`open`], with the format that the user names.
///
/// # Errors
/// Those of the format's reader; a format that is not read.
pub(crate) fn open_as_format(path: &Path, format: Option<FormatId>) -> Result<Model> {
    formats::open_as_format(path, format).map(identified)
}

/// Sets the class of every tensor of a model, by their names in any ecosystem, and its network. Needed again after tensors got other names,
/// and after the metadata changed.
pub fn identify(model: &mut Model) {
    let dense = model.unreadable.iter_mut().filter_map(|u| u.dense.as_mut());
    for tensor in model.tensors.iter_mut().chain(dense) {
        tensor.class = classify(&tensor.name);
    }
    model.network = network(model);
}

fn identified(mut model: Model) -> Model {
    super::early::name(&mut model);
    identify(&mut model);
    model
}

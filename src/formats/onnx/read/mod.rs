//! An ONNX file as a model.

mod build;
mod external;
mod rows;
mod tensors;

use super::proto;
use crate::formats::protobuf::Walker;
use crate::model::{FormatId, MetaValue, Metadata, Model, ModelError, Result, Sidecars, Warning};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tensors::Tensors;

/// Opens a file.
///
/// # Errors
/// What is no ONNX model, what does not fit together, data files that are missing, outside the folder or too short; I/O errors.
pub(crate) fn open(path: &Path) -> Result<Model> {
    open_with(path, HashMap::new())
}

/// As [`open`], with data files that have other names than those in the file now: their paths by location.
///
/// # Errors
/// As [`open`].
pub(super) fn open_with(path: &Path, stand_ins: HashMap<String, PathBuf>) -> Result<Model> {
    let mut walker = Walker::open(path)?;
    let decoded = proto::decode(&mut walker)?;
    if decoded.graph.is_none() {
        return Err(ModelError::bad("the model has no graph").in_file(path));
    }
    let mut tensors = Tensors::new(&mut walker, stand_ins);
    let (graph, warnings) = build::build(decoded, &mut tensors).map_err(|e| e.in_file(path))?;
    let found = tensors.finish();
    let metadata: Metadata =
        graph.about.properties.iter().map(|(k, v)| (k.to_string(), MetaValue::from(&**v))).collect();
    let mut opened: Vec<_> = walker.opened().cloned().into_iter().collect();
    opened.extend(found.opened);
    Ok(Model {
        path: path.to_owned(),
        format: FormatId::Onnx,
        files: std::iter::once(path.to_owned()).chain(found.files).collect(),
        opened,
        tensors: found.entries,
        metadata,
        sidecars: Sidecars::default(),
        opaque: Vec::new(),
        unreadable: Vec::new(),
        warnings: warnings.into_iter().map(|text| Warning::new("onnx.graph", text)).collect(),
        checks: Default::default(),
        layer_origins: Default::default(),
        network: None,
        graph: Some(Arc::new(graph)),
    })
}

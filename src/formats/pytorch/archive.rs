//! Zip archives: what kind of PyTorch archive it is, and its model. The entry table is in `entries`.

use super::beside::Beside;
use super::entries::{byte_order, crcs, entries, object, storages};
use super::pickle::load;
use super::source::Source;
use super::{empty_model, pt2, walk};
use crate::model::{Model, Result, Warning};

/// Opens an archive.
///
/// # Errors
/// Damaged archives, archives that are not PyTorch files, big-endian data.
pub(crate) fn open(mut source: Source) -> Result<Model> {
    let entries = entries(&source, 0, source.len)?;
    byte_order(&source, &entries)?;
    source.crcs = crcs(&entries).collect();
    let mut beside = Beside::default();
    beside.entries(&source, &entries);
    if !entries.contains_key("data.pkl") {
        return match pt2::open(source, &entries) {
            Ok(model) => Ok(beside.warn(model)),
            Err(e) => Err(beside.add_hint(e)),
        };
    }
    source.blobs = storages(&entries)?;
    let mut model = empty_model(&source.path);
    let (mut input, wrong) = object(&source, &entries)?;
    if wrong.is_some() {
        let text = "the checksum of data.pkl does not match its contents: the file may be damaged";
        model.warnings.push(Warning::new("pytorch.checksum", text));
    }
    let tree = load(&mut input).map_err(|e| e.field("data.pkl"))?;
    // PyTorch reads the first pickle alone; others could follow it for who reads on.
    beside.stream(&mut input);
    if entries.contains_key("constants.pkl") || entries.keys().any(|n| n.starts_with("code/")) {
        let functions = entries.keys().filter(|n| n.starts_with("code/") && n.ends_with(".py")).count();
        model.opaque.push(format!("TorchScript program: {functions} source files, not converted (its weights are)"));
    }
    walk::fill(&mut model, &source, &tree)?;
    model.checks = source.checks();
    model.checks.0.extend(wrong);
    Ok(beside.warn(model))
}

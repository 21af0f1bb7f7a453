//! The files of an output before anything is known of its place: their number and sizes.

use super::PreparedTensor;
use crate::formats::{self, FilePlan, LayoutGraph, LayoutRequest, LayoutTensor, Split};
use crate::model::{Metadata, Result, Sidecars};
use crate::quant::Encoding;
use crate::recipe::Target;
use std::path::Path;

/// The files of an output, for their number and sizes only: without a name and without the sidecars.
pub(super) fn trial(
    target: &Target,
    tensors: &[LayoutTensor],
    metadata: &Metadata,
    split: Split,
    graph: Option<&LayoutGraph>,
) -> Result<Vec<FilePlan>> {
    let request =
        LayoutRequest { path: Path::new("x"), tensors, metadata, sidecars: &Sidecars::default(), split, graph };
    let layout = formats::write_spec(target.format).map(|w| w.layout);
    layout.map_or(Ok(Vec::new()), |layout| layout(&request))
}

/// Tensors as a layout sees them.
pub(super) fn layout_tensors(tensors: &[PreparedTensor]) -> Vec<LayoutTensor> {
    tensors.iter().map(PreparedTensor::layout).collect()
}

/// True for encodings a format can hold at all; layouts say the rest.
pub(super) fn is_float(encoding: Encoding) -> bool {
    matches!(encoding, Encoding::Plain(d) if d.is_float()) || matches!(encoding, Encoding::Block(_))
}

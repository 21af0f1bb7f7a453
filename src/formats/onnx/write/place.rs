//! Which tensors go to the data file, and where in it.

use crate::formats::layout::Slot;
use crate::formats::{ExternalData, FilePlan};
use crate::graph::{Constant, ConstantData, Graph, MAX_INTS, TensorRef};
use crate::model::{ModelError, Result};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

/// Models with more tensor data than this get a data file: the structure of the graph has to fit below 2 GiB, too.
const AUTO_BYTES: u64 = 1_500_000_000;
/// Smaller tensors are always in the graph.
const SMALL_BYTES: u64 = 1024;
/// Tensors begin at multiples of this: pages, so that they can be mapped.
const ALIGN: u64 = 4096;

/// The places of tensors in the data file.
pub(super) struct Places {
    path: PathBuf,
    /// Name of the data file, relative to the graph.
    pub(super) name: String,
    slots: Vec<Slot>,
    offsets: HashMap<TensorRef, u64>,
    bytes: u64,
    sizes: Vec<u64>,
}

impl Places {
    pub(super) fn new(path: &Path, graph: &Graph, sizes: &[u64], external: ExternalData) -> Result<Self> {
        let total = sizes.iter().fold(0u64, |a, b| a.saturating_add(*b));
        let least = match external {
            ExternalData::Never => u64::MAX,
            ExternalData::Auto if total <= AUTO_BYTES => u64::MAX,
            ExternalData::Auto => SMALL_BYTES,
            ExternalData::From(bytes) => bytes.max(SMALL_BYTES),
        };
        let mut places = Self::given(path, sizes, &[])?;
        // In the order of the tensors.
        let mut outside: BTreeMap<TensorRef, u64> = BTreeMap::new();
        for constant in graph.constants() {
            let ConstantData::Tensor(tensor) = constant.data else { continue };
            let bytes = places.size(tensor)?;
            if constant.bytes() != Some(bytes) {
                let what = format!("a tensor of {bytes} bytes does not fit its type {} and shape", constant.elem);
                return Err(ModelError::bad(what));
            }
            if bytes >= least && !may_be_shape(constant) {
                outside.insert(tensor, bytes);
            }
        }
        for (tensor, bytes) in outside {
            let offset = places.bytes.next_multiple_of(ALIGN);
            places.slots.push(Slot { tensor: tensor.0 as usize, offset, bytes });
            places.offsets.insert(tensor, offset);
            places.bytes = offset + bytes;
        }
        Ok(places)
    }

    /// With the tensors in `outside` at their places in the data file.
    pub(super) fn given(path: &Path, sizes: &[u64], outside: &[Slot]) -> Result<Self> {
        let Some(file) = path.file_name().and_then(|n| n.to_str()) else {
            return Err(ModelError::request("the name of the output is not UTF-8").in_file(path));
        };
        let name = format!("{file}.data");
        Ok(Self {
            path: path.with_file_name(&name),
            name,
            slots: outside.to_vec(),
            offsets: outside.iter().map(|s| (TensorRef(s.tensor as u32), s.offset)).collect(),
            bytes: outside.iter().map(|s| s.offset + s.bytes).max().unwrap_or(0),
            sizes: sizes.to_vec(),
        })
    }

    /// Offset of a constant's data in the data file, if it is there.
    pub(super) fn offset(&self, constant: &Constant) -> Option<u64> {
        self.offsets.get(&constant.tensor()?).copied()
    }

    /// Bytes of a tensor.
    pub(super) fn size(&self, tensor: TensorRef) -> Result<u64> {
        let size = self.sizes.get(tensor.0 as usize).copied();
        size.ok_or_else(|| ModelError::bad("the graph names a tensor that the model does not have"))
    }

    /// The data file, if there is one.
    pub(super) fn data_file(self) -> Option<FilePlan> {
        let plan = FilePlan { path: self.path, bytes: self.bytes, fixed: Vec::new(), slots: self.slots, finish: None };
        (!plan.slots.is_empty()).then_some(plan)
    }
}

/// True for a few whole numbers.
fn may_be_shape(constant: &Constant) -> bool {
    !constant.elem.is_float() && constant.elem.bits() >= 8 && constant.elems().is_some_and(|n| n <= MAX_INTS)
}

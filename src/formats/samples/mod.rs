//! Arrays by name, as inputs of graphs: `.npy` and `.npz` of NumPy, and the tensors of any file of tensors (safetensors).
//!
//! [`open`] reads headers only; [`Array::read`] and [`Array::read_rows`] read elements when they are needed. An array of a lone `.npy` file
//! has no name. Nothing is unpickled: arrays of objects, records and texts are refused, and so are numbers of big-endian machines.
//! Every length is checked against the file or a limit before anything is allocated.
//!
//! Must not know graphs or what the arrays are for. Layouts: NumPy's `numpy/lib/format.py`, versions 1 to 3; `.npz` is a zip archive of
//! `.npy` files, stored or compressed by DEFLATE. Tests: `cargo test --lib formats::samples`.

mod npy;
mod npz;

#[cfg(test)]
mod tests;

use crate::graph::Elem;
use crate::graph::eval::{Tensor, unpack};
use crate::model::{ErrorKind, FileSlice, ModelError, Result, TensorData, TensorEntry, open_request_file};
use crate::quant::Encoding;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// Bytes of one array that are read at once. Arrays of inputs are far smaller; data sets are read by rows.
const MAX_BYTES: u64 = 4 << 30;

/// The arrays of a file, in its order. Names are unique.
///
/// # Errors
/// Files that are none of these, damaged ones, and arrays that cannot be inputs of a graph.
pub(crate) fn open(path: &Path) -> Result<Vec<Array>> {
    let ending = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    let found = match ending.as_str() {
        "npy" => npy::open(path).map(|array| vec![array]),
        "npz" => npz::open(path),
        _ => tensors(path),
    };
    found.map_err(|e| e.in_file(path))
}

/// An array in a file.
#[derive(Clone, Debug)]
pub(crate) struct Array {
    /// Its name; empty for that of a lone `.npy` file.
    pub name: String,
    /// Type of the elements.
    pub elem: Elem,
    /// Dimensions, outermost first.
    pub dims: Vec<usize>,
    /// True if the innermost dimension is stored outermost (Fortran's order).
    transposed: bool,
    place: Place,
}

/// Where the elements are.
#[derive(Clone, Debug)]
enum Place {
    /// A range of a file.
    File(FileSlice),
    /// A compressed entry of an archive.
    Packed(npz::Packed),
    /// A tensor of a model.
    Tensor(TensorEntry),
}

impl Array {
    /// All elements.
    ///
    /// # Errors
    /// I/O errors, files that changed, checksums that do not match, arrays that are too large.
    pub(crate) fn read(&self) -> Result<Tensor> {
        let bytes = self.bytes()?;
        let data = match &self.place {
            Place::File(slice) => {
                let mut data = vec![0; bytes];
                slice.read_part(0, 0..bytes as u64, &mut data)?;
                data
            }
            Place::Packed(packed) => packed.contents(bytes)?,
            Place::Tensor(entry) => entry.read_all()?,
        };
        let tensor = self.unpacked(self.dims.clone(), &data)?;
        Ok(if self.transposed { from_fortran(&tensor) } else { tensor })
    }

    /// The elements of a range of the outermost dimension.
    ///
    /// # Errors
    /// As [`Array::read`]; a range that the array does not have.
    pub(crate) fn read_rows(&self, rows: Range<usize>) -> Result<Tensor> {
        let (Some(n), Place::File(slice), false) = (self.dims.first(), &self.place, self.transposed) else {
            return self.picked(rows);
        };
        if rows.end > *n || rows.start > rows.end {
            return Err(self.no_rows(&rows));
        }
        let row = self.elem.packed_bytes(self.dims[1..].iter().product::<usize>() as u64).unwrap_or(0);
        let dims = [&[rows.len()], &self.dims[1..]].concat();
        let bytes = (rows.len() as u64).saturating_mul(row);
        let mut data = vec![0; self.within(bytes)?];
        let start = (rows.start as u64).saturating_mul(row);
        slice.read_part(0, start..start + bytes, &mut data)?;
        self.unpacked(dims, &data)
    }

    /// As [`Array::read_rows`], of the whole array.
    fn picked(&self, rows: Range<usize>) -> Result<Tensor> {
        let Some(n) = self.dims.first().filter(|n| rows.end <= **n && rows.start <= rows.end) else {
            return Err(self.no_rows(&rows));
        };
        let whole = self.read()?;
        let row = whole.len() / (*n).max(1);
        Ok(whole.picked([&[rows.len()], &self.dims[1..]].concat(), rows.start * row..rows.end * row))
    }

    /// True if a range of the outermost dimension is read without the others.
    pub(crate) fn is_streamed(&self) -> bool {
        matches!(self.place, Place::File(_)) && !self.transposed
    }

    /// Its name as errors show it.
    pub(crate) fn shown(&self) -> &str {
        if self.name.is_empty() { "the array" } else { &self.name }
    }

    fn no_rows(&self, rows: &Range<usize>) -> ModelError {
        let what = format!("it has the shape {:?}, and {} to {} are asked for", self.dims, rows.start, rows.end);
        ModelError::bad(what).field(self.shown())
    }

    fn bytes(&self) -> Result<usize> {
        let elems = self.dims.iter().try_fold(1u64, |n, d| n.checked_mul(*d as u64));
        let bytes = elems.and_then(|n| self.elem.packed_bytes(n));
        self.within(bytes.unwrap_or(u64::MAX))
    }

    fn within(&self, bytes: u64) -> Result<usize> {
        match usize::try_from(bytes) {
            Ok(n) if bytes <= MAX_BYTES => Ok(n),
            _ => {
                let what = format!("it needs {bytes} bytes, and at most {MAX_BYTES} are read at once");
                Err(ModelError::limit(what).field(self.shown()).with_hint("Use fewer samples."))
            }
        }
    }

    fn unpacked(&self, dims: Vec<usize>, data: &[u8]) -> Result<Tensor> {
        unpack(self.elem, dims, data).map_err(|e| ModelError::bad(e).field(self.shown()))
    }
}

/// The same elements, outermost dimension first, of a tensor that has them innermost dimension first.
fn from_fortran(t: &Tensor) -> Tensor {
    let mut steps = vec![1usize; t.rank()];
    for i in 1..t.rank() {
        steps[i] = steps[i - 1] * t.dims[i - 1];
    }
    let place = |at: usize| {
        let mut rest = at;
        let mut found = 0;
        for (dim, step) in t.dims.iter().zip(&steps).rev() {
            found += rest % dim * step;
            rest /= dim;
        }
        found
    };
    t.picked(t.dims.clone(), (0..t.len()).map(place))
}

/// The tensors of a model's file.
fn tensors(path: &Path) -> Result<Vec<Array>> {
    let hint = "Inputs are read from .npy, .npz and .safetensors files.";
    let expected = crate::formats::has_model_extension(&path.to_string_lossy());
    let other = |e: ModelError| match e.kind() {
        ErrorKind::Io => e,
        // The list of formats of models is no help.
        _ if !expected => ModelError::request("not a file of arrays").with_hint(hint),
        _ if e.hint().is_some() => e,
        _ => e.with_hint(hint),
    };
    let model = crate::formats::open_file(path).map_err(other)?;
    let one = |entry: TensorEntry| {
        let elem = match entry.encoding {
            Encoding::Plain(dtype) => Elem::ALL.iter().copied().find(|e| e.dtype() == Some(dtype)),
            _ => None,
        };
        let unsupported = || {
            let what = format!("its type {} is not one of inputs", entry.encoding);
            ModelError::unsupported(what).field(entry.name.as_str())
        };
        let elem = elem.ok_or_else(unsupported)?;
        let dims: Option<Vec<usize>> = entry.shape.0.iter().map(|d| usize::try_from(*d).ok()).collect();
        let dims = dims.ok_or_else(unsupported)?;
        Ok(Array { name: entry.name.to_string(), elem, dims, transposed: false, place: Place::Tensor(entry) })
    };
    model.tensors.into_iter().map(one).collect()
}

/// A range of a file.
fn slice(file: &Arc<std::fs::File>, path: &Path, offset: u64) -> FileSlice {
    FileSlice { file: file.clone(), path: Arc::new(path.to_owned()), offset, row_bytes: 0 }
}

/// Opens a file, and says how long it is.
fn opened(path: &Path) -> Result<(Arc<std::fs::File>, u64)> {
    let file = open_request_file(path)?;
    let len = file.metadata().map_err(|e| ModelError::io(path, "reading", e))?.len();
    Ok((Arc::new(file), len))
}

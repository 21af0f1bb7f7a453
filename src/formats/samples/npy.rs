//! `.npy`: a header that is a Python dictionary, and the elements.
//!
//! Layout (NumPy's `numpy/lib/format.py`): the magic `\x93NUMPY`, a major and a minor version, the length of the header (2 bytes in version
//! 1, 4 bytes in 2 and 3, little-endian), the header, the elements. Keys of the header: `descr`, `fortran_order`, `shape`.

use super::{Array, Place};
use crate::graph::Elem;
use crate::model::{Defect, ModelError, Result};
use std::os::unix::fs::FileExt;
use std::path::Path;

const MAGIC: &[u8; 6] = b"\x93NUMPY";
/// Bytes at the beginning of a file that hold the header of any array that can be an input: NumPy's own limit for headers is 10,000.
pub(super) const HEAD_BYTES: u64 = 16 << 10;
/// Most dimensions of an array (`NPY_MAXDIMS`).
const MAX_RANK: usize = 64;

/// What a header says.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) elem: Elem,
    pub(super) dims: Vec<usize>,
    /// True for Fortran's order.
    pub(super) transposed: bool,
    /// Where the elements begin.
    pub(super) data: u64,
    /// Their bytes.
    pub(super) bytes: u64,
}

/// The array of a file.
pub(super) fn open(path: &Path) -> Result<Array> {
    let (file, len) = super::opened(path)?;
    let mut head = vec![0; len.min(HEAD_BYTES) as usize];
    file.read_exact_at(&mut head, 0).map_err(|e| ModelError::io(path, "reading", e))?;
    let h = header(&head)?;
    fits(&h, len)?;
    let place = Place::File(super::slice(&file, path, h.data));
    Ok(Array { name: String::new(), elem: h.elem, dims: h.dims, transposed: h.transposed, place })
}

/// Checks that an array has its elements in `len` bytes.
pub(super) fn fits(h: &Header, len: u64) -> Result<()> {
    if h.data.saturating_add(h.bytes) <= len {
        return Ok(());
    }
    let what = format!("its elements need {} bytes and the file has {} left", h.bytes, len.saturating_sub(h.data));
    Err(ModelError::bad(what).defect(Defect::Cut).with_hint("Was the file copied completely?"))
}

/// The header at the beginning of `head`.
///
/// # Errors
/// What is no header, and elements that no input of a graph has.
pub(super) fn header(head: &[u8]) -> Result<Header> {
    let damaged = || ModelError::bad("the header is not one of a NumPy array");
    let version = head.strip_prefix(MAGIC).and_then(|rest| rest.first()).ok_or_else(damaged)?;
    let (at, len): (usize, usize) = match (*version, head.get(8..12)) {
        (1, Some(b)) => (10, usize::from(u16::from_le_bytes([b[0], b[1]]))),
        (2 | 3, Some(b)) => (12, u32::from_le_bytes([b[0], b[1], b[2], b[3]]) as usize),
        (version, _) => return Err(ModelError::unsupported(format!("version {version} of the format is not known"))),
    };
    let text = at.checked_add(len).and_then(|end| head.get(at..end)).ok_or_else(damaged)?;
    let text = std::str::from_utf8(text).map_err(|_| damaged())?;
    let mut h = Fields { rest: text };
    let (mut descr, mut transposed, mut shape) = (None, None, None);
    h.skip('{').ok_or_else(damaged)?;
    while h.skip('}').is_none() {
        let key = h.text().ok_or_else(damaged)?;
        h.skip(':').ok_or_else(damaged)?;
        match key {
            "descr" => descr = Some(h.text().ok_or_else(records)?),
            "fortran_order" => transposed = Some(h.truth().ok_or_else(damaged)?),
            "shape" => shape = Some(h.shape().ok_or_else(damaged)?),
            _ => return Err(damaged()),
        }
        if h.skip(',').is_none() && !h.rest.trim_start().starts_with('}') {
            return Err(damaged());
        }
    }
    let (Some(descr), Some(transposed), Some(dims)) = (descr, transposed, shape) else { return Err(damaged()) };
    let elem = elem(descr)?;
    let elems = dims.iter().try_fold(1u64, |n, d| n.checked_mul(*d as u64));
    let bytes = elems.and_then(|n| elem.packed_bytes(n));
    let bytes = bytes.ok_or_else(|| ModelError::bad(format!("the shape {dims:?} has too many elements")))?;
    Ok(Header { elem, dims, transposed, data: (at + len) as u64, bytes })
}

fn records() -> ModelError {
    ModelError::unsupported("the elements are records, which no input of a graph is")
}

/// The type of elements that a type string of NumPy names.
fn elem(descr: &str) -> Result<Elem> {
    let (order, kind) = descr.split_at_checked(1).unwrap_or_default();
    let elem = match kind {
        "f4" => Elem::F32,
        "f8" => Elem::F64,
        "f2" => Elem::F16,
        "i8" => Elem::I64,
        "i4" => Elem::I32,
        "i2" => Elem::I16,
        "i1" => Elem::I8,
        "u8" => Elem::U64,
        "u4" => Elem::U32,
        "u2" => Elem::U16,
        "u1" => Elem::U8,
        "b1" => Elem::Bool,
        "c8" => Elem::C64,
        "c16" => Elem::C128,
        _ => {
            let what = format!("elements of the type {:?} are not supported", super::npz::cut(descr));
            let hint = "Save the array as numbers or truth values; remold does not unpickle objects.";
            return Err(ModelError::unsupported(what).with_hint(hint));
        }
    };
    if order == ">" && elem.bits() > 8 {
        let hint = "Save the array with `array.astype(array.dtype.newbyteorder('<'))`.";
        return Err(ModelError::unsupported("big-endian elements are not supported").with_hint(hint));
    }
    Ok(elem)
}

/// Reads what Python writes for a dictionary of texts, truth values and tuples of numbers.
struct Fields<'a> {
    rest: &'a str,
}

impl<'a> Fields<'a> {
    fn skip(&mut self, c: char) -> Option<()> {
        self.rest = self.rest.trim_start().strip_prefix(c)?;
        Some(())
    }

    fn text(&mut self) -> Option<&'a str> {
        let rest = self.rest.trim_start();
        let quote = rest.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
        let (text, after) = rest[1..].split_once(quote)?;
        self.rest = after;
        Some(text)
    }

    fn truth(&mut self) -> Option<bool> {
        let rest = self.rest.trim_start();
        let (value, after) = match rest.strip_prefix("True") {
            Some(after) => (true, after),
            None => (false, rest.strip_prefix("False")?),
        };
        self.rest = after;
        Some(value)
    }

    fn shape(&mut self) -> Option<Vec<usize>> {
        self.skip('(')?;
        let (inside, after) = self.rest.split_once(')')?;
        self.rest = after;
        let parts: Vec<&str> = inside.split(',').map(str::trim).collect();
        // A tuple of one ends with a comma, that of none is empty.
        let parts = match parts.split_last() {
            Some((&"", rest)) => rest,
            _ => parts.as_slice(),
        };
        // Python 2 wrote `3L`.
        let dims: Option<Vec<usize>> = parts.iter().map(|d| d.trim_end_matches('L').parse().ok()).collect();
        dims.filter(|d| d.len() <= MAX_RANK)
    }
}

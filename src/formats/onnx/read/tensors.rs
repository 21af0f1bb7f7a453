//! Tensors of a file as constants of the graph and tensors of the model.

use super::external::External;
use super::rows::VarintRows;
use crate::formats::limits;
use crate::formats::onnx::names::UniqueNames;
use crate::formats::onnx::proto::{Numbers, Tensor};
use crate::formats::protobuf::{Span, Walker};
use crate::graph::{Constant, ConstantData, Elem, INLINE_BYTES, MAX_INTS, TensorRef, Text};
use crate::model::{FileSlice, MemoryRows, ModelError, OpenedFile, Result, TensorData, TensorEntry};
use crate::quant::Encoding;
use crate::tensor::{DType, Shape};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

/// Lists of numbers of variable length up to this size are decoded when a file is opened.
const EAGER_BYTES: u64 = 64 << 10;

/// Collects the tensors of a file.
pub(super) struct Tensors<'w> {
    walker: &'w mut Walker,
    entries: Vec<TensorEntry>,
    names: UniqueNames,
    external: External,
}

/// What was collected.
pub(super) struct Found {
    pub(super) entries: Vec<TensorEntry>,
    pub(super) files: Vec<PathBuf>,
    pub(super) opened: Vec<OpenedFile>,
}

impl<'w> Tensors<'w> {
    /// `stand_ins` are the data files that are under another name now.
    pub(super) fn new(walker: &'w mut Walker, stand_ins: HashMap<String, PathBuf>) -> Self {
        let external = External::new(walker.path(), stand_ins);
        Self { walker, entries: Vec::new(), names: UniqueNames::default(), external }
    }

    pub(super) fn finish(self) -> Found {
        let (files, opened) = self.external.finish();
        Found { entries: self.entries, files, opened }
    }

    /// The bytes of a part of the file.
    pub(super) fn bytes(&mut self, span: Span) -> Result<Box<[u8]>> {
        self.walker.bytes(span)
    }

    /// A bad-file error.
    #[cold]
    pub(super) fn bad(&self, at: u64, field: impl Into<String>, what: impl Into<String>) -> ModelError {
        self.walker.bad(at, what).field(field)
    }

    /// An initializer: always a tensor of the model, unless it holds strings.
    pub(super) fn initializer(&mut self, t: Tensor) -> Result<Constant> {
        let name = t.name.clone();
        let mut constant = self.constant(t, &name, true)?;
        constant.name = "".into();
        Ok(constant)
    }

    /// A tensor in an attribute; `owner` names it if it becomes a tensor of the model and has no name.
    pub(super) fn attribute(&mut self, t: Tensor, owner: &str) -> Result<Constant> {
        let name = if t.name.is_empty() { owner.into() } else { t.name.clone() };
        self.constant(t, &name, false)
    }

    fn constant(&mut self, mut t: Tensor, shown: &Text, keep: bool) -> Result<Constant> {
        let place = |t: &Self, what: String| t.bad(0, format!("tensor {shown:?}"), what);
        let at = t.at;
        let Some(elem) = Elem::from_code(t.data_type) else {
            return Err(self.bad(
                at,
                format!("tensor {shown:?}"),
                format!("{} is not a data type of ONNX", t.data_type),
            ));
        };
        let dims: Option<Vec<u64>> = t.dims.iter().map(|d| u64::try_from(*d).ok()).collect();
        let Some(dims) = dims else { return Err(self.bad(at, format!("tensor {shown:?}"), "a dimension is negative")) };
        let mut constant = Constant {
            elem,
            dims,
            data: ConstantData::Strings([].into()),
            ints: None,
            floats: None,
            name: std::mem::replace(&mut t.name, "".into()),
            extra: std::mem::take(&mut t.extra),
        };
        let Some(elems) = constant.elems() else {
            return Err(self.bad(at, format!("tensor {shown:?}"), "the number of elements overflows"));
        };
        if elem == Elem::String {
            let strings = std::mem::take(&mut t.strings);
            if strings.len() as u64 != elems || t.location != 0 {
                return Err(place(self, format!("it has {} strings for {elems} elements", strings.len())).at(at));
            }
            constant.data = ConstantData::Strings(strings.into());
            return Ok(constant);
        }
        let Some(bytes) = elem.packed_bytes(elems) else {
            return Err(self.bad(at, format!("tensor {shown:?}"), "the size of the data overflows"));
        };
        let (encoding, shape) = match elem.dtype() {
            Some(dtype) => (Encoding::Plain(dtype), Shape(constant.dims.clone())),
            None => (Encoding::Plain(DType::U8), Shape(vec![bytes])),
        };
        let row_bytes = encoding.row_bytes(shape.cols()).unwrap_or(0);
        let data = self
            .data(&t, elem, elems, bytes, row_bytes)
            .map_err(|e| e.in_file(self.walker.path()).at(at).field(format!("tensor {shown:?}")))?;
        let mut entry = TensorEntry::new(&**shown, shape, encoding, data);
        let few = bytes <= INLINE_BYTES;
        let numbers = !elem.is_float() && elems <= MAX_INTS;
        let packed = if few || numbers {
            self.walker.charge(bytes, at)?;
            entry.read_all()?
        } else {
            Vec::new()
        };
        if few || numbers {
            constant.learn(&packed);
        }
        if few && !keep {
            constant.data = ConstantData::Inline(packed.into());
            return Ok(constant);
        }
        if self.entries.len() as u64 >= limits::TENSORS {
            let what = format!("more than {} tensors", limits::TENSORS);
            return Err(ModelError::limit(what).in_file(self.walker.path()).at(at));
        }
        constant.data = ConstantData::Tensor(TensorRef(self.entries.len() as u32));
        entry.name = self.names.unique(entry.name);
        self.entries.push(entry);
        Ok(constant)
    }

    fn data(&mut self, t: &Tensor, elem: Elem, elems: u64, bytes: u64, row_bytes: u64) -> Result<Arc<dyn TensorData>> {
        if t.location == 1 {
            let (file, path, offset) = self.external.find(&t.external, bytes)?;
            return Ok(Arc::new(FileSlice { file, path, offset, row_bytes }));
        }
        if t.location != 0 {
            return Err(ModelError::bad(format!("{} is not a place for data", t.location)));
        }
        let typed = [&t.floats, &t.int32s, &t.int64s, &t.doubles, &t.uint64s];
        if let Some(raw) = t.raw {
            if raw.len != bytes {
                return Err(wrong_size(raw.len, bytes));
            }
            if typed.iter().any(|n| !n.is_empty()) {
                return Err(ModelError::bad("it has data in two fields"));
            }
            return self.slice(raw, row_bytes);
        }
        let (numbers, size) = match elem {
            Elem::F32 | Elem::C64 => (&t.floats, 4),
            Elem::F64 | Elem::C128 => (&t.doubles, 8),
            Elem::I64 => (&t.int64s, 8),
            Elem::U32 => (&t.uint64s, 4),
            Elem::U64 => (&t.uint64s, 8),
            _ => (&t.int32s, elem.bits().div_ceil(8)),
        };
        if typed.iter().any(|n| !n.is_empty() && !std::ptr::eq(*n, numbers)) {
            return Err(ModelError::bad(format!("it has data in a field that is not for {elem}")));
        }
        if matches!(elem, Elem::F32 | Elem::C64 | Elem::F64 | Elem::C128) {
            return self.fixed(numbers, size, bytes, row_bytes);
        }
        self.variable(numbers, elem, elems, bytes, size, row_bytes)
    }

    /// Data in the file as it is in memory.
    fn slice(&self, span: Span, row_bytes: u64) -> Result<Arc<dyn TensorData>> {
        let Some(file) = self.walker.file() else { return Err(ModelError::bad("the data is in no file")) };
        let (file, path) = (file.clone(), self.walker.path().clone());
        Ok(Arc::new(FileSlice { file, path, offset: span.offset, row_bytes }))
    }

    /// Numbers of a fixed size.
    fn fixed(&mut self, numbers: &Numbers, size: u64, bytes: u64, row_bytes: u64) -> Result<Arc<dyn TensorData>> {
        let packed: u64 = numbers.packed.iter().map(|s| s.len).fold(0, u64::saturating_add);
        let given = packed.saturating_add(numbers.loose.len() as u64 * size);
        if given != bytes {
            return Err(wrong_size(given, bytes));
        }
        if let ([span], []) = (numbers.packed.as_slice(), numbers.loose.as_slice()) {
            return self.slice(*span, row_bytes);
        }
        mixed(numbers)?;
        let mut out = Vec::new();
        for span in &numbers.packed {
            out.extend_from_slice(&self.walker.bytes(*span)?);
        }
        for n in &numbers.loose {
            out.extend_from_slice(&n.to_le_bytes()[..size as usize]);
        }
        Ok(Arc::new(MemoryRows { bytes: out, row_bytes }))
    }

    /// Numbers of a variable size.
    fn variable(
        &mut self,
        numbers: &Numbers,
        elem: Elem,
        elems: u64,
        bytes: u64,
        size: u64,
        row_bytes: u64,
    ) -> Result<Arc<dyn TensorData>> {
        mixed(numbers)?;
        // Six-bit elements have a number each; of the others below a byte, a number holds a byte of them.
        let six = elem.bits() == 6;
        let wanted = if elem.bits() >= 8 || six { elems } else { bytes };
        let at_least: u64 = numbers.packed.iter().map(|s| s.len).fold(numbers.loose.len() as u64, u64::saturating_add);
        if at_least < wanted {
            return Err(ModelError::bad(format!("it has at most {at_least} numbers for {elems} elements")));
        }
        if bytes > EAGER_BYTES && numbers.packed.len() == 1 && !six {
            let Some(file) = self.walker.file().cloned() else {
                return Err(ModelError::bad("the data is in no file"));
            };
            let rows = VarintRows::index(self.walker, file, numbers.packed[0], size, row_bytes)?;
            return if rows.count() == wanted { Ok(Arc::new(rows)) } else { Err(wrong_count(rows.count(), wanted)) };
        }
        self.walker.charge(wanted.saturating_mul(size), 0)?;
        let mut found: Vec<u64> = Vec::new();
        for span in &numbers.packed {
            self.walker.charge(span.len.saturating_mul(8), span.offset)?;
            self.walker.varints(*span, |v, _| {
                found.push(v);
                Ok(())
            })?;
        }
        found.extend(&numbers.loose);
        if found.len() as u64 != wanted {
            return Err(wrong_count(found.len() as u64, wanted));
        }
        let out = if six {
            pack_six(&found)
        } else {
            found.iter().flat_map(|v| v.to_le_bytes()[..size as usize].to_vec()).collect()
        };
        Ok(Arc::new(MemoryRows { bytes: out, row_bytes }))
    }
}

/// Six-bit elements one after the other, from the lowest bit.
fn pack_six(values: &[u64]) -> Vec<u8> {
    let mut out = vec![0u8; (values.len() * 6).div_ceil(8)];
    for (i, v) in values.iter().enumerate() {
        let (byte, shift) = (i * 6 / 8, i * 6 % 8);
        let bits = ((v & 63) as u16) << shift;
        out[byte] |= bits as u8;
        if shift > 2 {
            out[byte + 1] |= (bits >> 8) as u8;
        }
    }
    out
}

fn mixed(numbers: &Numbers) -> Result<()> {
    if !numbers.packed.is_empty() && !numbers.loose.is_empty() {
        return Err(ModelError::unsupported("its numbers are partly packed and partly not"));
    }
    Ok(())
}

#[cold]
fn wrong_size(given: u64, wanted: u64) -> ModelError {
    ModelError::bad(format!("its data has {given} bytes, but its type and shape need {wanted}"))
}

#[cold]
fn wrong_count(given: u64, wanted: u64) -> ModelError {
    ModelError::bad(format!("it has {given} numbers, but its type and shape need {wanted}"))
}

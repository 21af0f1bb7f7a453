//! The header of one safetensors file, checked against the specification and the size of the file.

use super::dtype;
use crate::formats::TensorPlace;
use crate::formats::limits;
use crate::formats::reader::HeaderReader;
use crate::model::{Defect, ModelError, Name, OpenedFile, Result};
use crate::quant::Encoding;
use crate::tensor::Shape;
use indexmap::IndexMap;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The header of one file.
#[derive(Debug)]
pub(crate) struct Header {
    /// The file as it was before anything was read.
    pub opened: OpenedFile,
    /// The file, open.
    pub file: Arc<File>,
    /// Its path.
    pub path: Arc<PathBuf>,
    /// `__metadata__`, in file order.
    pub metadata: IndexMap<String, String>,
    /// Tensors, by the place of their data.
    pub tensors: Vec<TensorPlace>,
}

/// Reads and checks the header of one file.
///
/// # Errors
/// Anything that contradicts the specification, with offset and tensor; unsupported element types.
pub(crate) fn read_header(path: &Path) -> Result<Header> {
    let mut r = HeaderReader::open(path)?;
    let len = header_len(&mut r)?;
    let raw = parse(&mut r, len, HeaderVisitor)?;
    let data = 8 + len;
    let size = r.file_len() - data;
    let tensors = check(&r, raw.tensors, data, size)?;
    let opened = r.opened().clone();
    Ok(Header { opened, file: r.file().clone(), path: r.path().clone(), metadata: raw.metadata, tensors })
}

/// Reads the header of a file and passes each tensor to `each`, in the order of the header. For a file whose expected contents are known:
/// no list of its tensors is made.
///
/// # Errors
/// As [`read_header`], except that names and places are not compared with each other; errors of `each`.
pub(crate) fn each_tensor(path: &Path, mut each: impl FnMut(TensorPlace) -> Result<()>) -> Result<()> {
    let mut r = HeaderReader::open(path)?;
    let len = header_len(&mut r)?;
    let mut refused = None;
    let mut take = |t: RawTensor| {
        let dtype = dtype::parse(&t.dtype)?;
        let bytes = t.end.checked_sub(t.begin).ok_or_else(|| ModelError::bad("the range ends before it begins"))?;
        let offset = (8 + len).saturating_add(t.begin);
        each(TensorPlace { name: t.name, shape: Shape(t.shape), encoding: Encoding::Plain(dtype), offset, bytes })
    };
    let parsed = parse(&mut r, len, EachVisitor { take: &mut take, refused: &mut refused });
    refused.map_or(parsed, Err)
}

/// The length of the header, which is known to be in the file.
fn header_len(r: &mut HeaderReader) -> Result<u64> {
    let len = r.u64(format_args!("header length"))?;
    if len > r.left() {
        let (left, what) = (r.left(), format!("the header should have {len} bytes but the file has {} left", r.left()));
        let error = ModelError::bad(what);
        let error = if len > limits::SAFETENSORS_HEADER_BYTES && left > 0 {
            error.with_hint("The first 8 bytes are not a plausible header length; is this a safetensors file?")
        } else {
            error
                .defect(Defect::Cut)
                .with_hint("Is the download complete? Compare the file's size with the original's.")
        };
        return Err(r.place(error, 0, format_args!("header length")));
    }
    if len > limits::SAFETENSORS_HEADER_BYTES {
        let what = format!("a header of {len} bytes is more than the {} allowed", limits::SAFETENSORS_HEADER_BYTES);
        return Err(r.place(ModelError::limit(what), 0, format_args!("header length")));
    }
    Ok(len)
}

/// The header's JSON as it is in the file.
#[derive(Default)]
struct Raw {
    metadata: IndexMap<String, String>,
    tensors: Vec<RawTensor>,
}

struct RawTensor {
    name: Name,
    dtype: Name,
    shape: Vec<u64>,
    begin: u64,
    end: u64,
}

fn parse<T>(r: &mut HeaderReader, len: u64, visitor: impl for<'de> Visitor<'de, Value = T>) -> Result<T> {
    let json = r.bytes(len, format_args!("header"))?;
    let error = match std::str::from_utf8(json) {
        Err(e) => (ModelError::bad("the header is not UTF-8"), e.valid_up_to() as u64),
        Ok(text) if !text.starts_with('{') => (ModelError::bad("the header does not begin with {"), 0),
        Ok(text) => {
            let mut de = serde_json::Deserializer::from_str(text);
            match de.deserialize_map(visitor).and_then(|raw| de.end().map(|()| raw)) {
                Ok(raw) => return Ok(raw),
                Err(e) => (problem(&e), offset_of(text, &e)),
            }
        }
    };
    Err(r.place(error.0, 8 + error.1, format_args!("header")))
}

/// serde's message without its own line and column; the offset is shown next to it.
fn problem(e: &serde_json::Error) -> ModelError {
    let text = e.to_string();
    let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(t, _)| t);
    ModelError::bad(format!("the header does not follow the safetensors format: {text}"))
}

/// Byte offset of serde's line and column.
fn offset_of(text: &str, e: &serde_json::Error) -> u64 {
    let before: usize = text.split_inclusive('\n').take(e.line().saturating_sub(1)).map(str::len).sum();
    (before + e.column().saturating_sub(1)).min(text.len()) as u64
}

struct HeaderVisitor;

impl<'de> Visitor<'de> for HeaderVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of tensors")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
        let mut raw = Raw::default();
        let mut names = HashSet::new();
        while let Some(name) = map.next_key::<Cow<'_, str>>()? {
            if name.len() as u64 > limits::NAME_BYTES {
                return Err(A::Error::custom(format!("a name of {} bytes", name.len())));
            }
            let name = Name::from(&*name);
            if !names.insert(name.clone()) {
                return Err(A::Error::custom(format!("duplicate name {:?}", dtype::truncated(&name))));
            }
            if name == "__metadata__" {
                raw.metadata = map.next_value_seed(MetadataSeed)?;
                continue;
            }
            if raw.tensors.len() as u64 >= limits::TENSORS {
                return Err(A::Error::custom(format!("more than {} tensors", limits::TENSORS)));
            }
            raw.tensors.push(map.next_value_seed(TensorSeed(name))?);
        }
        Ok(raw)
    }
}

/// Passes on each tensor as it is read.
struct EachVisitor<'f> {
    take: &'f mut dyn FnMut(RawTensor) -> Result<()>,
    refused: &'f mut Option<ModelError>,
}

impl<'de> Visitor<'de> for EachVisitor<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        HeaderVisitor.expecting(f)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<Cow<'_, str>>()? {
            if name == "__metadata__" {
                map.next_value_seed(MetadataSeed)?;
                continue;
            }
            let tensor = map.next_value_seed(TensorSeed(Name::from(&*name)))?;
            if let Err(e) = (self.take)(tensor) {
                *self.refused = Some(e);
                return Err(A::Error::custom("refused"));
            }
        }
        Ok(())
    }
}

/// `__metadata__`: an object of strings, or null.
struct MetadataSeed;

impl<'de> DeserializeSeed<'de> for MetadataSeed {
    type Value = IndexMap<String, String>;

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Self::Value, D::Error> {
        // Not `deserialize_any`: with serde_json's `arbitrary_precision`, which a dependency enables, a number comes as a map.
        d.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for MetadataSeed {
    type Value = IndexMap<String, String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("__metadata__ as an object of strings")
    }

    fn visit_none<E>(self) -> Result<Self::Value, E> {
        Ok(IndexMap::new())
    }

    fn visit_some<D: Deserializer<'de>>(self, d: D) -> Result<Self::Value, D::Error> {
        d.deserialize_map(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut metadata = IndexMap::new();
        while let Some((key, value)) = map.next_entry::<String, String>()? {
            if metadata.contains_key(&key) {
                let text = format!("duplicate key {:?} in __metadata__", dtype::truncated(&key));
                return Err(A::Error::custom(text));
            }
            metadata.insert(key, value);
        }
        Ok(metadata)
    }
}

/// One tensor's object. Unknown fields are skipped, as in the reference.
struct TensorSeed(Name);

impl<'de> DeserializeSeed<'de> for TensorSeed {
    type Value = RawTensor;

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<RawTensor, D::Error> {
        d.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for TensorSeed {
    type Value = RawTensor;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} as an object with dtype, shape and data_offsets", dtype::truncated(&self.0))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawTensor, A::Error> {
        let (mut kind, mut shape, mut range) = (None, None, None);
        let shown = dtype::truncated(&self.0);
        while let Some(field) = map.next_key::<Cow<'_, str>>()? {
            let twice = match &*field {
                "dtype" => kind.replace(Name::word(&map.next_value::<Cow<'_, str>>()?)).is_some(),
                "shape" => shape.replace(map.next_value_seed(Numbers(limits::SAFETENSORS_DIMS))?).is_some(),
                "data_offsets" => range.replace(map.next_value_seed(Numbers(2))?).is_some(),
                _ => {
                    map.next_value::<serde::de::IgnoredAny>()?;
                    false
                }
            };
            if twice {
                return Err(A::Error::custom(format!("duplicate {field} in {shown:?}")));
            }
        }
        match (kind, shape, range.as_deref()) {
            (Some(dtype), Some(shape), Some(&[begin, end])) => Ok(RawTensor { name: self.0, dtype, shape, begin, end }),
            (None, ..) => Err(A::Error::custom(format!("{shown:?} has no dtype"))),
            (_, None, _) => Err(A::Error::custom(format!("{shown:?} has no shape"))),
            _ => Err(A::Error::custom(format!("{shown:?} has no data_offsets of two numbers"))),
        }
    }
}

/// At most this many non-negative integers.
struct Numbers(usize);

impl<'de> DeserializeSeed<'de> for Numbers {
    type Value = Vec<u64>;

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Vec<u64>, D::Error> {
        d.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Numbers {
    type Value = Vec<u64>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at most {} non-negative integers", self.0)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<u64>, A::Error> {
        let mut out = Vec::new();
        while let Some(n) = seq.next_element()? {
            if out.len() == self.0 {
                return Err(A::Error::custom(format!("more than {} numbers", self.0)));
            }
            out.push(n);
        }
        Ok(out)
    }
}

/// Checks types, sizes, and that the ranges tile the `size` bytes after `data` exactly.
fn check(r: &HeaderReader, mut raw: Vec<RawTensor>, data: u64, size: u64) -> Result<Vec<TensorPlace>> {
    raw.sort_by_key(|t| (t.begin, t.end));
    let mut tensors: Vec<TensorPlace> = Vec::new();
    let mut next = 0u64;
    for t in raw {
        let at = data.saturating_add(t.begin);
        let name = dtype::truncated(&t.name);
        let dtype = dtype::parse(&t.dtype).map_err(|e| r.place(e, at, format_args!("{name}.dtype")))?;
        let (encoding, shape) = (Encoding::Plain(dtype), Shape(t.shape));
        let Some(bytes) = encoding.tensor_bytes(&shape) else {
            let what = format!("the number of elements of shape {shape} overflows");
            return Err(r.place(ModelError::bad(what), at, format_args!("{name}.shape")));
        };
        let field = format_args!("{name}.data_offsets");
        if t.end.checked_sub(t.begin) != Some(bytes) {
            let what =
                format!("the range {}..{} does not match the {bytes} bytes of {dtype} [{shape}]", t.begin, t.end);
            return Err(r.place(ModelError::bad(what), at, field));
        }
        if t.end > size {
            let what = format!("the data ends at {} but the file has {size} bytes of data", t.end);
            let error = ModelError::bad(what)
                .defect(Defect::Cut)
                .with_hint("Is the download complete? Compare with the original's size.");
            return Err(r.place(error, at, field));
        }
        if t.begin != next {
            let before = tensors.last().map_or("the header", |b| b.name.as_str());
            let what = if t.begin < next {
                format!("overlaps {before}, whose data ends at {next}")
            } else {
                format!("{} unused bytes between {before} and this tensor", t.begin - next)
            };
            return Err(r.place(ModelError::bad(what), at, field));
        }
        next = t.end;
        tensors.push(TensorPlace { name: t.name, shape, encoding, offset: at, bytes });
    }
    if next != size {
        let what = format!("{} unused bytes after the last tensor", size - next);
        return Err(r.place(ModelError::bad(what), data + next, format_args!("data")));
    }
    Ok(tensors)
}

//! Metadata values of a GGUF file.

use super::arrays::Arrays;
use crate::formats::limits;
use crate::formats::reader::HeaderReader;
use crate::model::{MetaArray, MetaValue, Result};
use std::fmt;

/// Minimum bytes of an element of that type (strings and arrays: their length fields); `None` for unknown codes.
fn min_bytes(code: u32) -> Option<u64> {
    Some(match code {
        0 | 1 | 7 => 1,
        2 | 3 => 2,
        4..=6 => 4,
        8 | 10..=12 => 8,
        9 => 12,
        _ => return None,
    })
}

/// A string's bytes.
pub(super) fn string<'r>(r: &'r mut HeaderReader, limit: u64, field: fmt::Arguments<'_>) -> Result<&'r [u8]> {
    let at = r.pos();
    let len = r.u64(field)?;
    if len > r.left() || len > limit {
        let what = format!("string of {len} bytes, but at most {} fit here", limit.min(r.left()));
        return Err(r.place(crate::model::ModelError::bad(what), at, field));
    }
    r.bytes(len, field)
}

/// A value of type `code`. `None` means an array skipped because of `arrays`. Sets `lossy` when a string is not UTF-8.
pub(super) fn value(
    r: &mut HeaderReader,
    code: u32,
    arrays: Arrays,
    lossy: &mut bool,
    field: fmt::Arguments<'_>,
) -> Result<Option<MetaValue>> {
    Ok(Some(match code {
        0 => MetaValue::U8(r.u8(field)?),
        1 => MetaValue::I8(r.u8(field)? as i8),
        2 => MetaValue::U16(r.u16(field)?),
        3 => MetaValue::I16(r.u16(field)? as i16),
        4 => MetaValue::U32(r.u32(field)?),
        5 => MetaValue::I32(r.u32(field)? as i32),
        6 => MetaValue::F32(f32::from_bits(r.u32(field)?)),
        7 => MetaValue::Bool(r.u8(field)? != 0),
        8 => {
            let bytes = string(r, limits::GGUF_SECTION_BYTES, field)?;
            let text = String::from_utf8_lossy(bytes);
            *lossy |= matches!(text, std::borrow::Cow::Owned(_));
            MetaValue::Str(text.into_owned())
        }
        9 => return Ok(array(r, arrays, 0, field)?.map(MetaValue::Array)),
        10 => MetaValue::U64(r.u64(field)?),
        11 => MetaValue::I64(r.u64(field)? as i64),
        12 => MetaValue::F64(f64::from_bits(r.u64(field)?)),
        _ => return Err(r.bad(field, format!("value type {code} is not a GGUF value type (0 to 12)"))),
    }))
}

fn array(r: &mut HeaderReader, arrays: Arrays, depth: u32, field: fmt::Arguments<'_>) -> Result<Option<MetaArray>> {
    let at = r.pos();
    let code = r.u32(field)?;
    let Some(each) = min_bytes(code) else {
        let what = format!("array of element type {code}, which is not a GGUF value type (0 to 12)");
        return Err(r.place(crate::model::ModelError::bad(what), at, field));
    };
    if depth >= limits::META_ARRAY_DEPTH {
        return Err(r.bad(field, format!("arrays are nested more than {} deep", limits::META_ARRAY_DEPTH)));
    }
    let n = r.u64(field)?;
    let n = r.count(n, each, limits::GGUF_SECTION_BYTES, field)?;
    let bytes = n as u64 * each;
    if bytes > limits::GGUF_SECTION_BYTES {
        let what = format!("an array of {bytes} bytes is more than the {} allowed", limits::GGUF_SECTION_BYTES);
        return Err(r.place(crate::model::ModelError::limit(what), at, field));
    }
    let keep = arrays.keeps(n);
    if !keep && !matches!(code, 8 | 9) {
        r.skip(bytes, field)?;
        return Ok(None);
    }
    let big = r.is_big_endian();
    macro_rules! numbers {
        ($variant:ident, $t:ty) => {{
            const N: usize = size_of::<$t>();
            let raw = r.bytes(bytes, field)?;
            let (items, _) = raw.as_chunks::<N>();
            MetaArray::$variant(if big {
                items.iter().map(|b| <$t>::from_be_bytes(*b)).collect()
            } else {
                items.iter().map(|b| <$t>::from_le_bytes(*b)).collect()
            })
        }};
    }
    let values = match code {
        0 => numbers!(U8, u8),
        1 => numbers!(I8, i8),
        2 => numbers!(U16, u16),
        3 => numbers!(I16, i16),
        4 => numbers!(U32, u32),
        5 => numbers!(I32, i32),
        6 => numbers!(F32, f32),
        7 => MetaArray::Bool(r.bytes(bytes, field)?.iter().map(|&b| b != 0).collect()),
        10 => numbers!(U64, u64),
        11 => numbers!(I64, i64),
        12 => numbers!(F64, f64),
        8 => MetaArray::Str(strings(r, n, keep, field)?),
        _ => {
            let mut items = Vec::new();
            for i in 0..n {
                items.extend(array(r, arrays, depth + 1, format_args!("{field}[{i}]"))?);
            }
            MetaArray::Nested(items)
        }
    };
    Ok(keep.then_some(values))
}

/// The strings of an array; none of them unless `keep` is set.
fn strings(r: &mut HeaderReader, n: usize, keep: bool, field: fmt::Arguments<'_>) -> Result<Vec<Vec<u8>>> {
    let mut items = Vec::new();
    if keep {
        items.reserve(n.min(1 << 18));
    }
    for i in 0..n {
        let item = string(r, limits::GGUF_SECTION_BYTES, format_args!("{field}[{i}]"))?;
        if keep {
            items.push(item.to_vec());
        }
    }
    Ok(items)
}

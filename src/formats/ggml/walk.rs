//! The tensors of a file, from the end of the vocabulary to the end of the file. There is no count and no end mark.

use super::super::limits;
use super::super::reader::HeaderReader;
use super::container::{ALIGNMENT, Container};
use super::era::Era;
use crate::model::{Defect, ModelError, Name, Result};
use crate::quant::Encoding;
use crate::tensor::Shape;
use std::collections::HashSet;

/// A tensor's record.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub name: Name,
    /// Outermost dimension first.
    pub shape: Shape,
    pub encoding: Encoding,
    /// Where its data begins.
    pub offset: u64,
}

/// Bytes read at a time here: a record is short, and data follows it.
const WINDOW: u64 = 4 << 10;

/// Reads every record.
///
/// # Errors
/// Records that no file has, and data beyond the end of the file.
pub(super) fn walk(r: &mut HeaderReader, container: Container, era: Era, q8_as_6: bool) -> Result<Vec<Record>> {
    r.set_window(WINDOW);
    let mut records = Vec::new();
    let mut names = HashSet::new();
    while r.left() > 0 {
        if records.len() as u64 >= limits::TENSORS {
            let what = format!("more than the {} tensors allowed in a model", limits::TENSORS);
            return Err(ModelError::limit(what).in_file(r.path()));
        }
        let record = record(r, records.len(), container, era, q8_as_6)?;
        if !names.insert(record.name.clone()) {
            let place = format!("tensor {}", records.len());
            return Err(r
                .bad(format_args!("{place}"), "a tensor of this name came before")
                .field(record.name.as_str()));
        }
        records.push(record);
    }
    Ok(records)
}

fn record(r: &mut HeaderReader, index: usize, container: Container, era: Era, q8_as_6: bool) -> Result<Record> {
    let at = r.pos();
    let dims = r.u32(format_args!("tensor {index} dimensions"))?;
    let name_bytes = r.u32(format_args!("tensor {index} name length"))?;
    let code = r.u32(format_args!("tensor {index} type"))? as i32;
    if dims > limits::GGML_DIMS || name_bytes == 0 || u64::from(name_bytes) > limits::NAME_BYTES {
        let what = format!("{dims} dimensions and a name of {name_bytes} bytes are not those of a tensor");
        let error = ModelError::bad(what).with_hint("The file is damaged, or of a kind that is not known.");
        return Err(r.place(error, at, format_args!("tensor {index}")));
    }
    let mut shape = Vec::with_capacity(dims as usize);
    for i in 0..dims {
        let n = r.u32(format_args!("tensor {index} dimension {i}"))?;
        if n == 0 || n > i32::MAX as u32 {
            return Err(r.bad(format_args!("tensor {index} dimension {i}"), format!("{n} is not a size")));
        }
        shape.push(u64::from(n));
    }
    shape.reverse();
    // Without dimensions it is a scalar, which only voice detectors have.
    let shape = Shape(shape);
    let name = r.bytes(u64::from(name_bytes), format_args!("tensor {index} name"))?;
    let Ok(name) = std::str::from_utf8(name).map(Name::from) else {
        return Err(r.bad(format_args!("tensor {index} name"), "it is not UTF-8"));
    };
    let Some(encoding) = era.encoding(code, q8_as_6) else {
        let error = ModelError::unsupported(format!("type {code} is not one of files with {}", era.describe()));
        return Err(r.place(error, at, format_args!("tensor {index}")).field(name.as_str()));
    };
    let Some(bytes) = encoding.tensor_bytes(&shape) else {
        let what = format!("rows of {} elements do not fit the blocks of {encoding}", shape.cols());
        return Err(r.place(ModelError::bad(what), at, format_args!("tensor {index}")).field(name.as_str()));
    };
    if container.aligned() {
        let padding = r.pos().next_multiple_of(ALIGNMENT) - r.pos();
        r.skip(padding, format_args!("tensor {index} padding"))?;
    }
    let offset = r.pos();
    if bytes > r.left() {
        let what = format!("the data of {name} takes {bytes} bytes but the file has {} left", r.left());
        let error = ModelError::bad(what)
            .defect(Defect::Cut)
            .with_hint("Is the download complete? Compare the file's size with the original's.");
        return Err(r.place(error, offset, format_args!("tensor {index}")));
    }
    r.skip(bytes, format_args!("tensor {index} data"))?;
    Ok(Record { name, shape, encoding, offset })
}

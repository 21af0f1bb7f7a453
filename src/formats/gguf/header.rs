//! The header of one GGUF file: everything before the data, checked against the size of the file.

use super::arrays::Arrays;
use super::{ALIGNMENT_KEY, DEFAULT_ALIGNMENT, MAGIC};
use super::{joined, values};
use crate::formats::TensorPlace;
use crate::formats::limits;
use crate::formats::reader::HeaderReader;
use crate::model::{Defect, MetaValue, Metadata, ModelError, Name, OpenedFile, Result, Warning};
use crate::quant::Encoding;
use crate::tensor::Shape;
use std::collections::HashSet;
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
    /// Whether numbers, the data's included, are big-endian.
    pub big_endian: bool,
    /// Key-values, in file order.
    pub metadata: Metadata,
    /// Tensors, in file order.
    pub tensors: Vec<TensorPlace>,
    /// Absolute offset of the data section.
    pub data_offset: u64,
    /// Alignment of the data section and of each tensor in it.
    pub alignment: u64,
    /// Warnings about irregularities.
    pub warnings: Vec<Warning>,
}

/// Reads and checks the header of one file; siblings of a split set are not read.
///
/// # Errors
/// Anything that contradicts the format, with offset and field; unsupported versions and types.
pub(crate) fn read_header(path: &Path, arrays: Arrays) -> Result<Header> {
    let mut r = HeaderReader::open(path)?;
    let Beginning { big_endian, n_tensors, metadata, alignment, mut warnings } = beginning(&mut r, arrays)?;
    let mut tensors = Vec::new();
    let mut names = HashSet::new();
    for i in 0..n_tensors {
        let at = r.pos();
        let info = tensor_info(&mut r, i, alignment, big_endian)?;
        if !names.insert(info.name.clone()) {
            let what = format!("duplicate tensor name {:?}", info.name);
            return Err(r.place(ModelError::bad(what), at, format_args!("tensors[{i}].name")));
        }
        tensors.push(info);
    }
    // The alignment is at most 2³¹ and the position is in the file.
    let data_offset = r.pos().next_multiple_of(alignment);
    place(&r, &mut tensors, data_offset, alignment, &mut warnings)?;
    let long = tensors.iter().filter(|t| t.name.len() > limits::GGML_NAME_BYTES).count();
    if long > 0 {
        let text = format!("{long} tensor names are longer than the {} bytes llama.cpp loads", limits::GGML_NAME_BYTES);
        warnings.push(Warning::new("gguf.long-names", text));
    }
    let mut header = Header {
        opened: r.opened().clone(),
        file: r.file().clone(),
        path: r.path().clone(),
        big_endian,
        metadata,
        tensors,
        data_offset,
        alignment,
        warnings,
    };
    joined::check(&mut header, r.file_len())?;
    Ok(header)
}

/// Reads the header of a file and passes each tensor to `each`, its offset relative to the data. For a file whose expected contents
/// are known: no list of its tensors is made. Returns the offset of the data.
///
/// # Errors
/// As [`read_header`], except that names and places are not compared with each other; errors of `each`.
pub(crate) fn each_tensor(path: &Path, mut each: impl FnMut(TensorPlace) -> Result<()>) -> Result<u64> {
    let mut r = HeaderReader::open(path)?;
    let Beginning { big_endian, n_tensors, alignment, .. } = beginning(&mut r, Arrays::SkipLong)?;
    for i in 0..n_tensors {
        each(tensor_info(&mut r, i, alignment, big_endian)?)?;
    }
    Ok(r.pos().next_multiple_of(alignment))
}

/// The fields before the tensors.
struct Beginning {
    big_endian: bool,
    n_tensors: u64,
    metadata: Metadata,
    alignment: u64,
    warnings: Vec<Warning>,
}

fn beginning(r: &mut HeaderReader, arrays: Arrays) -> Result<Beginning> {
    let big_endian = version(r)?;
    let n_tensors = r.u64(format_args!("tensor_count"))?;
    // name length, n_dims, no dimension, type, offset
    r.count(n_tensors, 24, limits::TENSORS, format_args!("tensor_count"))?;
    let n_keys = r.u64(format_args!("metadata_count"))?;
    // key length, type, one byte
    r.count(n_keys, 13, limits::GGUF_KEYS, format_args!("metadata_count"))?;
    let mut warnings = Vec::new();
    let metadata = metadata(r, n_keys, arrays, &mut warnings)?;
    let alignment = alignment(r, &metadata)?;
    r.set_budget(limits::GGUF_SECTION_BYTES);
    Ok(Beginning { big_endian, n_tensors, metadata, alignment, warnings })
}

/// Reads the magic and the version and sets the reader's byte order. Returns whether the file is big-endian.
fn version(r: &mut HeaderReader) -> Result<bool> {
    let magic = r.bytes(4, format_args!("magic"))?;
    if magic != MAGIC {
        let what = format!("begins with \"{}\", not with GGUF", magic.escape_ascii());
        return Err(r.place(ModelError::bad(what), 0, format_args!("magic")));
    }
    let le = r.u32(format_args!("version"))?;
    // A big-endian file of version 3 reads as 0x03000000 here.
    let (version, big) = if le & 0xffff == 0 { (le.swap_bytes(), true) } else { (le, false) };
    let error = match version {
        2 | 3 => {
            if big {
                r.set_big_endian();
            }
            return Ok(big);
        }
        1 => ModelError::unsupported("GGUF version 1 (August 2023) is not supported")
            .with_hint("Download a newer file of this model, or load and save it with a llama.cpp from autumn 2023."),
        4..=64 => ModelError::unsupported(format!("GGUF version {version} is newer than version 3"))
            .with_hint("A newer version of remold may read it."),
        _ => ModelError::bad(format!("{le} is not a GGUF version")),
    };
    Err(r.place(error, 4, format_args!("version")))
}

fn metadata(r: &mut HeaderReader, n: u64, arrays: Arrays, warnings: &mut Vec<Warning>) -> Result<Metadata> {
    r.set_budget(limits::GGUF_SECTION_BYTES);
    let mut metadata = Metadata::new();
    let mut skipped = HashSet::new();
    for i in 0..n {
        let at = r.pos();
        let key = values::string(r, limits::NAME_BYTES, format_args!("metadata[{i}].key"))?;
        let Ok(key) = std::str::from_utf8(key).map(str::to_owned) else {
            let error = ModelError::bad("the key is not UTF-8");
            return Err(r.place(error, at, format_args!("metadata[{i}].key")));
        };
        if key.is_empty() || metadata.contains_key(&key) || skipped.contains(&key) {
            let what = if key.is_empty() { "the key is empty".into() } else { format!("duplicate key {key:?}") };
            return Err(r.place(ModelError::bad(what), at, format_args!("metadata[{i}].key")));
        }
        let code = r.u32(format_args!("metadata[{i}].type"))?;
        let mut lossy = false;
        let value = values::value(r, code, arrays, &mut lossy, format_args!("{key}"))?;
        if lossy {
            let text = format!("{key} is not valid UTF-8; the bad bytes were replaced");
            warnings.push(Warning::new("gguf.not-utf8", text));
        }
        match value {
            Some(value) => {
                metadata.insert(key, value);
            }
            None => {
                skipped.insert(key);
            }
        }
    }
    Ok(metadata)
}

/// `general.alignment`, or the default.
fn alignment(r: &HeaderReader, metadata: &Metadata) -> Result<u64> {
    match metadata.get(ALIGNMENT_KEY) {
        None => Ok(DEFAULT_ALIGNMENT),
        Some(&MetaValue::U32(a)) if a.is_power_of_two() => Ok(a.into()),
        Some(MetaValue::U32(a)) => {
            Err(r.bad(format_args!("{ALIGNMENT_KEY}"), format!("alignment {a} is not a power of two")))
        }
        Some(v) => {
            let what = format!("the alignment must be a u32, not a value of type {}", v.type_name());
            Err(r.bad(format_args!("{ALIGNMENT_KEY}"), what))
        }
    }
}

/// One tensor info; `offset` is still relative to the data section.
fn tensor_info(r: &mut HeaderReader, i: u64, alignment: u64, big_endian: bool) -> Result<TensorPlace> {
    let at = r.pos();
    let name = values::string(r, limits::NAME_BYTES, format_args!("tensors[{i}].name"))?;
    let Ok(name) = std::str::from_utf8(name).map(Name::from) else {
        return Err(r.place(ModelError::bad("the name is not UTF-8"), at, format_args!("tensors[{i}].name")));
    };
    let at = r.pos();
    let rank = r.u32(format_args!("{name}.n_dims"))?;
    if rank > limits::GGML_DIMS {
        let what = format!("{rank} dimensions, but ggml supports at most {}", limits::GGML_DIMS);
        return Err(r.place(ModelError::bad(what), at, format_args!("{name}.n_dims")));
    }
    let at = r.pos();
    let mut dims = Vec::new();
    for d in 0..rank {
        dims.push(r.u64(format_args!("{name}.dims[{d}]"))?);
    }
    dims.reverse();
    let shape = Shape(dims);
    let wrong = match shape.elems() {
        Some(0) => Some("a dimension is zero"),
        Some(n) if i64::try_from(n).is_ok() => None,
        _ => Some("the number of elements overflows 63 bits"),
    };
    if let Some(what) = wrong {
        let error = ModelError::bad(format!("shape {shape}: {what}"));
        return Err(r.place(error, at, format_args!("{name}.dims")));
    }
    let at = r.pos();
    let code = r.u32(format_args!("{name}.type"))?;
    let encoding = encoding(code).map_err(|e| r.place(e, at, format_args!("{name}.type")))?;
    if big_endian && matches!(encoding, Encoding::Block(_)) {
        let error = ModelError::unsupported(format!("{encoding} tensors in big-endian files are not supported"))
            .with_hint("Quantize again from the unquantized model, on any machine.");
        return Err(r.place(error, at, format_args!("{name}.type")));
    }
    let Some(bytes) = encoding.tensor_bytes(&shape) else {
        let what = format!(
            "rows of {} elements are not a multiple of the {}-element blocks of {encoding}",
            shape.cols(),
            encoding.unit().0
        );
        return Err(r.place(ModelError::bad(what), at, format_args!("{name}.dims")));
    };
    let at = r.pos();
    let offset = r.u64(format_args!("{name}.offset"))?;
    if !offset.is_multiple_of(alignment) {
        let what = format!("offset {offset} is not a multiple of the alignment {alignment}");
        return Err(r.place(ModelError::bad(what), at, format_args!("{name}.offset")));
    }
    Ok(TensorPlace { name, shape, encoding, offset, bytes })
}

/// The encoding of a `ggml_type` code.
fn encoding(code: u32) -> Result<Encoding> {
    let removed = |name: &str| {
        Err(ModelError::unsupported(format!("tensor type {code} ({name}) was removed from GGUF"))
            .with_hint("Quantize again from the unquantized model."))
    };
    // The gaps in `enum ggml_type`: types of early 2023 and the repacked ones of 2024.
    match code {
        4 | 5 => removed("Q4_2 or Q4_3"),
        31..=33 => removed("Q4_0 repacked for ARM"),
        36..=38 => removed("IQ4_NL repacked for ARM"),
        _ => Encoding::from_ggml_code(code).ok_or_else(|| {
            ModelError::unsupported(format!("unknown tensor type {code}"))
                .with_hint("A newer version of remold may read it.")
        }),
    }
}

/// Makes offsets absolute and checks that the tensors are in the file without overlap.
fn place(
    r: &HeaderReader,
    tensors: &mut [TensorPlace],
    data: u64,
    alignment: u64,
    warnings: &mut Vec<Warning>,
) -> Result<()> {
    let end_of = |t: &TensorPlace| data.checked_add(t.offset)?.checked_add(t.bytes);
    // The size the whole file should have, if the offsets are valid.
    let whole = tensors.iter().map(end_of).collect::<Option<Vec<u64>>>().and_then(|ends| ends.into_iter().max());
    for t in tensors.iter_mut() {
        if end_of(t).is_none_or(|e| e > r.file_len()) {
            let wanted = whole.map(|n| format!(" of at least {n}")).unwrap_or_default();
            let what = format!(
                "{} bytes at offset {} of the data extend past the end of the file, which has {}{wanted} bytes",
                t.bytes,
                t.offset,
                r.file_len()
            );
            let error = ModelError::bad(what)
                .defect(Defect::Cut)
                .with_hint("Is the download complete? Compare with the original's size.");
            return Err(r.place(error, data.saturating_add(t.offset), format_args!("{}.offset", t.name)));
        }
        t.offset += data;
    }
    let mut order: Vec<&TensorPlace> = tensors.iter().collect();
    order.sort_by_key(|t| t.offset);
    for pair in order.windows(2) {
        let end = pair[0].offset + pair[0].bytes;
        if end > pair[1].offset {
            let what = format!("overlaps {}, which ends at {end:#x}", pair[0].name);
            return Err(r.place(ModelError::bad(what), pair[1].offset, format_args!("{}.offset", pair[1].name)));
        }
    }
    let mut next = data;
    let dense = tensors.iter().all(|t| {
        let here = t.offset == next;
        next = (t.offset + t.bytes).checked_next_multiple_of(alignment).unwrap_or(u64::MAX);
        here
    });
    if !dense {
        let text = "the data has gaps or is not in the order of the tensor list; llama.cpp rejects such files";
        warnings.push(Warning::new("gguf.gaps", text));
    }
    Ok(())
}

//! Hyper-parameters and vocabulary of a file.

use super::super::reader::HeaderReader;
use super::family::{Family, Field, SILERO, SILERO_FIELDS, SILERO_LAST, Vocabulary};
use crate::model::{MetaArray, MetaValue, Metadata, ModelError, Result};

/// Most tokens of a vocabulary; the largest real one has 250,000.
const TOKENS: u32 = 1 << 21;

/// Longest token in bytes. The longest real ones, runs of spaces, have a few hundred.
const TOKEN_BYTES: u64 = 1 << 16;

/// Largest vocabulary, with filters and merges.
const SECTION_BYTES: u64 = 128 << 20;

/// Most numbers of mel filters; whisper has 128 × 201.
const FILTERS: u64 = 1 << 20;

/// Most layers of a voice detector's encoder; there are four.
const SILERO_LAYERS: u32 = 64;

/// Reads what is between the magic number and the tensors, as entries of the metadata.
///
/// # Errors
/// What is not there or cannot be a header.
pub(super) fn read(r: &mut HeaderReader, family: &Family) -> Result<Metadata> {
    let mut md = Metadata::new();
    for field in family.fields {
        let (name, value) = match field {
            Field::Int(name) => (name, MetaValue::I32(r.u32(format_args!("{name}"))? as i32)),
            Field::Float(name) => (name, MetaValue::F32(f32::from_bits(r.u32(format_args!("{name}"))?))),
        };
        // A number that counts something.
        if let (true, MetaValue::I32(n)) = (name.starts_with("n_") || name.starts_with("max_"), &value)
            && *n <= 0
        {
            return Err(r.bad(format_args!("{name}"), format!("{n} is not a number of things")));
        }
        md.insert(format!("ggml.{name}"), value);
    }
    r.set_budget(SECTION_BYTES);
    vocabulary(r, family.vocabulary, &mut md)?;
    r.set_budget(u64::MAX);
    Ok(md)
}

fn vocabulary(r: &mut HeaderReader, kind: Vocabulary, md: &mut Metadata) -> Result<()> {
    let stated = md.get("ggml.n_vocab").and_then(MetaValue::as_u64).and_then(|n| u32::try_from(n).ok()).unwrap_or(0);
    let (count, scored) = match kind {
        Vocabulary::Plain => (stated, false),
        Vocabulary::Scored => (stated, true),
        Vocabulary::Counted => (r.u32(format_args!("number of tokens"))?, false),
        Vocabulary::AfterFilters => {
            filters(r, md)?;
            (r.u32(format_args!("number of tokens"))?, false)
        }
        Vocabulary::WithMerges => {
            let merges = r.u32(format_args!("n_merges"))?;
            md.insert("ggml.n_merges".to_owned(), MetaValue::U32(merges));
            (stated, true)
        }
    };
    let least = if scored { 8 } else { 4 };
    check_count(r, count, least, TOKENS, "number of tokens")?;
    if count > stated {
        let what = format!("{count} tokens are more than the {stated} that n_vocab says");
        return Err(r.bad(format_args!("number of tokens"), what));
    }
    let (mut tokens, mut scores) = (Vec::new(), Vec::new());
    for i in 0..count {
        tokens.push(text(r, format_args!("token {i}"))?);
        if scored {
            scores.push(f32::from_bits(r.u32(format_args!("score {i}"))?));
        }
    }
    md.insert("ggml.tokens".to_owned(), MetaArray::Str(tokens).into());
    if scored {
        md.insert("ggml.scores".to_owned(), MetaArray::F32(scores).into());
    }
    if kind == Vocabulary::WithMerges {
        merges(r, md)?;
    }
    Ok(())
}

/// A length and bytes.
fn text(r: &mut HeaderReader, field: std::fmt::Arguments<'_>) -> Result<Vec<u8>> {
    let bytes = u64::from(r.u32(field)?);
    if bytes > TOKEN_BYTES {
        return Err(r.bad(field, format!("a text of {bytes} bytes is longer than in any real file")));
    }
    Ok(r.bytes(bytes, field)?.to_vec())
}

fn merges(r: &mut HeaderReader, md: &mut Metadata) -> Result<()> {
    let count = r.u32(format_args!("number of merges"))?;
    check_count(r, count, 8, TOKENS, "number of merges")?;
    let mut pairs = Vec::new();
    for i in 0..count {
        pairs.push(text(r, format_args!("merge {i}"))?);
        pairs.push(text(r, format_args!("merge {i}"))?);
    }
    md.insert("ggml.merges".to_owned(), MetaArray::Str(pairs).into());
    Ok(())
}

fn filters(r: &mut HeaderReader, md: &mut Metadata) -> Result<()> {
    let (rows, cols) = (r.u32(format_args!("number of mel filters"))?, r.u32(format_args!("length of mel filters"))?);
    let count = u64::from(rows).saturating_mul(u64::from(cols));
    if count == 0 || count > FILTERS {
        return Err(r.bad(format_args!("mel filters"), format!("{rows} × {cols} numbers are not those of a model")));
    }
    let bytes = r.bytes(count * 4, format_args!("mel filters"))?;
    let numbers = bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
    md.insert("ggml.n_mel_filters".to_owned(), MetaValue::U32(rows));
    md.insert("ggml.n_fft".to_owned(), MetaValue::U32(cols));
    md.insert("ggml.mel_filters".to_owned(), MetaArray::F32(numbers).into());
    Ok(())
}

/// Checks a number of entries of at least `least` bytes before anything is allocated for them.
fn check_count(r: &HeaderReader, count: u32, least: u64, most: u32, field: &str) -> Result<()> {
    if count > most || u64::from(count) * least > r.left() {
        let what = format!("{count} entries do not fit in the {} bytes left in the file", r.left());
        return Err(r.bad(format_args!("{field}"), what));
    }
    Ok(())
}

/// Reads the header of a voice detector of whisper.cpp; `None` for other files.
///
/// # Errors
/// A file that begins like one and is none.
pub(super) fn silero(r: &mut HeaderReader) -> Result<Option<Metadata>> {
    let bytes = r.u32(format_args!("model type"))?;
    if bytes as usize != SILERO.len() || r.bytes(u64::from(bytes), format_args!("model type"))? != SILERO.as_bytes() {
        return Ok(None);
    }
    let mut md = Metadata::new();
    md.insert("ggml.model_type".to_owned(), SILERO.into());
    let number = |r: &mut HeaderReader, name: &str| r.u32(format_args!("{name}")).map(|n| MetaValue::I32(n as i32));
    for name in SILERO_FIELDS {
        md.insert(format!("ggml.{name}"), number(r, name)?);
    }
    let layers = r.u32(format_args!("n_encoder_layers"))?;
    if layers > SILERO_LAYERS {
        let error = ModelError::limit(format!("{layers} layers are more than the {SILERO_LAYERS} allowed"));
        return Err(r.place(error, r.pos(), format_args!("n_encoder_layers")));
    }
    md.insert("ggml.n_encoder_layers".to_owned(), MetaValue::U32(layers));
    for i in 0..layers {
        for part in ["in", "out", "kernel"] {
            let name = format!("encoder.{i}.{part}");
            md.insert(format!("ggml.{name}"), number(r, &name)?);
        }
    }
    for name in SILERO_LAST {
        md.insert(format!("ggml.{name}"), number(r, name)?);
    }
    Ok(Some(md))
}

/// Reads the header of an adapter.
///
/// # Errors
/// The file ends before it does; a rank of zero.
pub(super) fn adapter(r: &mut HeaderReader) -> Result<Metadata> {
    let mut md = Metadata::new();
    let rank = r.u32(format_args!("r"))?;
    let alpha = r.u32(format_args!("alpha"))?;
    if rank == 0 || rank > i32::MAX as u32 {
        return Err(r.bad(format_args!("r"), format!("{rank} is not the rank of an adapter")));
    }
    md.insert("ggml.lora_r".to_owned(), MetaValue::I32(rank as i32));
    md.insert("ggml.lora_alpha".to_owned(), MetaValue::I32(alpha as i32));
    Ok(md)
}

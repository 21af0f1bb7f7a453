//! Which header and which layout a file has: those with which its tensors are read to the end of the file.
//!
//! A magic number leaves several networks, and the versions of most networks leave the size of super-blocks open. A wrong guess reads a
//! vocabulary or a tensor that cannot be one within a few records. Of several errors, the one furthest in the file is shown: that guess was
//! the best.

use super::super::reader::HeaderReader;
use super::container::Container;
use super::era::Era;
use super::family::{FAMILIES, Family};
use super::header;
use super::walk::{Record, walk};
use crate::model::{MetaValue, Metadata, ModelError, Result};
use std::path::Path;

/// A file whose header and tensors were read.
pub(super) struct Chosen {
    pub reader: HeaderReader,
    pub container: Container,
    /// The name of the network.
    pub family: &'static str,
    pub era: Era,
    /// Hyper-parameters and vocabulary.
    pub metadata: Metadata,
    pub records: Vec<Record>,
}

/// Reads header and records of a file.
///
/// # Errors
/// I/O errors; a file that no known header fits.
pub(super) fn choose(path: &Path) -> Result<Chosen> {
    let mut r = HeaderReader::open(path)?;
    let container = Container::read(&mut r)?;
    if container == Container::Adapter {
        let metadata = header::adapter(&mut r)?;
        let records = walk(&mut r, container, Era::Today, false)?;
        return Ok(Chosen { reader: r, container, family: "lora", era: Era::Today, metadata, records });
    }
    if container == Container::Plain
        && let Some(metadata) = header::silero(&mut r)?
    {
        let records = walk(&mut r, container, Era::Today, false)?;
        return Ok(Chosen { reader: r, container, family: "silero", era: Era::Today, metadata, records });
    }
    let mut best: Option<(u64, ModelError)> = None;
    for family in FAMILIES.iter().filter(|f| f.containers.contains(&container)) {
        let mut reach = 0;
        match of_family(path, container, family, &mut reach) {
            Ok(chosen) => return Ok(chosen),
            Err(e) if e.kind() == crate::model::ErrorKind::Io => return Err(e),
            Err(e) => {
                if best.as_ref().is_none_or(|(other, _)| reach > *other) {
                    best = Some((reach, e));
                }
            }
        }
    }
    Err(best.map_or_else(
        || r.bad(format_args!("magic"), format!("no known network has files of {}", container.name())),
        |(_, e)| e,
    ))
}

/// Tries a header with each layout that it leaves open; `reach` is how far the best of them got.
fn of_family(path: &Path, container: Container, family: &'static Family, reach: &mut u64) -> Result<Chosen> {
    let mut r = HeaderReader::open(path)?;
    Container::read(&mut r)?;
    let read = header::read(&mut r, family);
    *reach = r.pos();
    let metadata = read?;
    let start = r.pos();
    let ftype = metadata.get("ggml.ftype").map_or(0, |v| match v {
        MetaValue::I32(n) => i64::from(*n),
        _ => 0,
    });
    let mut failure = None;
    for &era in Era::candidates(container, family.versioned_type, ftype) {
        let mut r = HeaderReader::open(path)?;
        r.skip(start, format_args!("header"))?;
        match walk(&mut r, container, era, ftype % 1000 == 7) {
            // A file may have a vocabulary only.
            Ok(records) if records.is_empty() || records.iter().any(|t| t.name.as_str().starts_with(family.anchor)) => {
                return Ok(Chosen { reader: r, container, family: family.name, era, metadata, records });
            }
            Ok(_) => {
                let what = format!("there is no tensor {}, which every {} model has", family.anchor, family.name);
                failure = failure.or(Some(r.bad(format_args!("tensors"), what)));
            }
            Err(e) => {
                if r.pos() > *reach || failure.is_none() {
                    *reach = r.pos().max(*reach);
                    failure = Some(e);
                }
            }
        }
    }
    Err(failure.unwrap_or_else(|| r.bad(format_args!("ftype"), format!("{ftype} is not a type of files"))))
}

//! Which container a file is, by its first bytes.

use super::pickle::globals_of;
use super::source::Source;
use crate::formats::{Head, Verdict};
use crate::model::{ModelError, Result};
use std::os::unix::fs::FileExt;

/// Bytes looked at here.
const HEAD_BYTES: u64 = 512;

/// The legacy stream's magic number 0x1950a86a20f9469cfc6c, as pickles of protocol 2 and later store it.
pub(crate) const LEGACY_MAGIC: i128 = 0x1950_a86a_20f9_469c_fc6c;
const MAGIC_BYTES: [u8; 12] = [0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
/// The same in protocols 0 and 1.
const MAGIC_TEXT: &[u8] = b"L119547037146038801333356L\n";

/// How a checkpoint is wrapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Container {
    /// A zip archive (PyTorch ≥ 1.6, TorchScript, `.pt2`).
    Zip,
    /// Pickles followed by raw storages.
    Legacy,
    /// One pickle that is not PyTorch's.
    Pickle,
    /// The tar form before 0.2.
    Tar,
}

/// The first bytes of an open file.
///
/// # Errors
/// I/O errors; an empty file.
pub(crate) fn head(source: &Source) -> Result<Vec<u8>> {
    if source.len == 0 {
        let hint = "Is it still being written or downloaded?";
        return Err(ModelError::bad("the file is empty").with_hint(hint));
    }
    let mut bytes = vec![0; source.len.min(HEAD_BYTES) as usize];
    source.file.read_exact_at(&mut bytes, 0).map_err(|e| ModelError::io(&source.path, "reading", e))?;
    Ok(bytes)
}

/// The container that begins with these bytes.
pub(crate) fn container(head: &[u8]) -> Option<Container> {
    let start = &head[..head.len().min(48)];
    if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
        Some(Container::Zip)
    } else if start.windows(12).any(|w| w == MAGIC_BYTES) || start.starts_with(MAGIC_TEXT) {
        Some(Container::Legacy)
    } else if head.get(257..262) == Some(b"ustar".as_slice()) {
        Some(Container::Tar)
    } else if matches!(head, [0x80, 0..=5, ..]) || names_a_global(head) {
        Some(Container::Pickle)
    } else {
        None
    }
}

/// True for the beginning of a pickle without a protocol's mark (protocols 0 and 1) that asks for something by name. Those that ask
/// for nothing hold plain values and are not checkpoints.
fn names_a_global(head: &[u8]) -> bool {
    /// What a text file begins with is not an opcode, or leads into an error at once.
    const FIRST: &[u8] = b"c(]})l0NIJKMLXUSVFG2\x8c\x95\x8f";
    if !head.first().is_some_and(|b| FIRST.contains(b)) {
        return false;
    }
    let name = |name: &str| {
        let word = |w: &str| {
            !w.is_empty()
                && !w.starts_with(|c: char| c.is_ascii_digit())
                && w.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        };
        name.contains('.') && name.split('.').all(word)
    };
    globals_of(&head[..head.len().min(HEAD_BYTES as usize)]).iter().any(|g| name(g))
}

/// Typical first entries of PyTorch archives, by the end of their names.
const TYPICAL_ENTRIES: [&str; 8] = [
    "/data.pkl",
    "/constants.pkl",
    "/bytecode.pkl",
    "/version",
    "/byteorder",
    "/archive_format",
    "/data/0",
    "/.format_version",
];

/// Looks at the first bytes.
pub(crate) fn probe(head: &Head<'_>) -> Verdict {
    let name = head.path.file_name().and_then(|n| n.to_str()).unwrap_or("");
    let index = [".bin.index.json", ".pt.index.json", ".pth.index.json"];
    if index.iter().any(|i| name.ends_with(i)) && head.bytes.trim_ascii_start().starts_with(b"{") {
        return Verdict::Strong;
    }
    match container(head.bytes) {
        Some(Container::Legacy) => Verdict::Strong,
        Some(Container::Pickle) if name == super::DCP_METADATA => Verdict::Strong,
        Some(Container::Zip) => {
            let len = head.bytes.get(26..28).map_or(0, |b| usize::from(u16::from_le_bytes([b[0], b[1]])));
            let first = head.bytes.get(30..30 + len).map(String::from_utf8_lossy).unwrap_or_default();
            if TYPICAL_ENTRIES.iter().any(|t| first.ends_with(t)) || first.contains("/data/weights/") {
                Verdict::Strong
            } else if first.ends_with(".npy") {
                Verdict::No
            } else {
                Verdict::Weak
            }
        }
        Some(Container::Pickle | Container::Tar) => Verdict::Weak,
        None => Verdict::No,
    }
}

//! The containers: a magic number, a version, and where the data of a tensor begins.

use super::super::reader::HeaderReader;
use crate::model::{ModelError, Result};

/// What a file begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Container {
    /// `ggml`: no version, no alignment.
    Plain,
    /// `ggmf` 1: scores in the vocabulary.
    Scored,
    /// `ggjt` 1 to 3: data aligned to 32 bytes.
    Aligned(u32),
    /// `ggcc` 10: Falcon of ggllm.cpp.
    Falcon,
    /// `ggla` 1: a LoRA adapter.
    Adapter,
    /// `ggsn`: the state of a session, which is not a model.
    Session,
}

/// Where aligned data begins.
pub(super) const ALIGNMENT: u64 = 32;

impl Container {
    /// The container of a magic number, with version 0 where there are several.
    pub(super) fn of_magic(magic: u32) -> Option<Self> {
        Some(match magic {
            0x6767_6d6c => Self::Plain,
            0x6767_6d66 => Self::Scored,
            0x6767_6a74 => Self::Aligned(0),
            0x6767_6363 => Self::Falcon,
            0x6767_6c61 => Self::Adapter,
            0x6767_736e => Self::Session,
            _ => return None,
        })
    }

    /// Reads magic number and version.
    ///
    /// # Errors
    /// Other magic numbers, sessions, and versions that never existed.
    pub(super) fn read(r: &mut HeaderReader) -> Result<Self> {
        let magic = r.u32(format_args!("magic"))?;
        let Some(container) = Self::of_magic(magic) else {
            return Err(r.bad(format_args!("magic"), format!("{magic:#010x} is not a magic number of ggml's files")));
        };
        let (known, name): (&[u32], _) = match container {
            Self::Plain => return Ok(Self::Plain),
            Self::Session => {
                let what = "this is a saved session of llama.cpp, not a model";
                let hint = "It holds the state of a conversation; give the model that it was made with.";
                return Err(r.place(ModelError::request(what), 0, format_args!("magic")).with_hint(hint));
            }
            Self::Scored | Self::Adapter => (&[1], container.name()),
            Self::Aligned(_) => (&[1, 2, 3], "ggjt"),
            Self::Falcon => (&[10], "ggcc"),
        };
        let version = r.u32(format_args!("version"))?;
        if !known.contains(&version) {
            let error = ModelError::unsupported(format!("version {version} of {name} is not known"));
            return Err(r.place(error, 4, format_args!("version")));
        }
        Ok(if let Self::Aligned(_) = container { Self::Aligned(version) } else { container })
    }

    /// The name, as its magic number spells it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Plain => "ggml",
            Self::Scored => "ggmf",
            Self::Aligned(_) => "ggjt",
            Self::Falcon => "ggcc",
            Self::Adapter => "ggla",
            Self::Session => "ggsn",
        }
    }

    /// The version, where the file has one.
    pub(super) const fn version(self) -> Option<u32> {
        match self {
            Self::Plain | Self::Session => None,
            Self::Scored | Self::Adapter => Some(1),
            Self::Aligned(version) => Some(version),
            Self::Falcon => Some(10),
        }
    }

    /// True if data begins at multiples of [`ALIGNMENT`].
    pub(super) const fn aligned(self) -> bool {
        matches!(self, Self::Aligned(_) | Self::Falcon | Self::Adapter)
    }
}

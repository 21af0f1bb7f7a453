//! Names of unfinished work: what writers and copiers call a file until it is complete.
//!
//! Names: safetensors ≥ 0.8 (`tempfile`'s `.tmpXXXXXX`), rsync (`.NAME.XXXXXX`), huggingface_hub (`*.incomplete` under
//! `.cache/huggingface/download`), torch.distributed.checkpoint (`.metadata.tmp`), curl and wget scripts (`.part`, `.partial`), browsers
//! (`.crdownload`, `.download`), the AWS command line (`NAME.XXXXXXXX`), aria2 (`NAME.aria2` beside the file itself). `.nfsXXXX` is a
//! deleted file that a process still has open; it is ignored.

use crate::formats;

/// What a name of unfinished work becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The file of this name.
    Name(String),
    /// It is beside the file of this name while that is written.
    Control(String),
    /// The name does not say.
    Unknown,
}

/// What the name of an unfinished file says; borrowed form of [`Target`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Temporary<'n> {
    /// See [`Target::Name`].
    Name(&'n str),
    /// See [`Target::Control`].
    Control(&'n str),
    /// See [`Target::Unknown`].
    Unknown,
}

impl Temporary<'_> {
    /// The owned form.
    pub(crate) fn to_target(self) -> Target {
        match self {
            Self::Name(n) => Target::Name(n.to_owned()),
            Self::Control(n) => Target::Control(n.to_owned()),
            Self::Unknown => Target::Unknown,
        }
    }
}

/// Suffixes that are appended to the final name.
const ENDINGS: [&str; 10] =
    [".tmp", ".part", ".partial", ".incomplete", ".crdownload", ".download", ".filepart", "_.gstmp", ".gstmp", ".temp"];

/// Endings of files of model folders that are not weights, and of weights that remold does not read.
const BESIDE_MODELS: [&str; 3] = [".json", ".model", ".keras"];

/// True for the name of a file of a model; the AWS command line appends eight characters to it.
fn is_model_file(name: &str) -> bool {
    formats::has_model_extension(name) || BESIDE_MODELS.iter().any(|end| name.ends_with(end))
}

/// What an unfinished name says of its target; `None` for any other name.
pub(super) fn temporary(name: &str) -> Option<Temporary<'_>> {
    // remold's own partial files are handled by remold.
    if name.starts_with(".nfs") || (name.starts_with('.') && name.contains(".remold-")) {
        return None;
    }
    if let Some(target) = name.strip_suffix(".aria2") {
        return Some(Temporary::Control(target));
    }
    if let Some(random) = name.strip_prefix(".tmp") {
        return (random.len() >= 6 && alphanumeric(random)).then_some(Temporary::Unknown);
    }
    if let Some(target) = ENDINGS.iter().find_map(|end| name.strip_suffix(end)).filter(|t| !t.is_empty()) {
        return Some(Temporary::Name(target));
    }
    let (stem, random) = name.rsplit_once('.')?;
    if !alphanumeric(random) {
        return None;
    }
    let mixed = |c: u8| c.is_ascii_uppercase() || c.is_ascii_digit();
    match stem.strip_prefix('.') {
        Some(target) if random.len() == 6 && !target.is_empty() => {
            let plausible = target.contains('.') || random.bytes().any(mixed);
            plausible.then_some(Temporary::Name(target))
        }
        None if random.len() == 8 && random.bytes().any(mixed) && is_model_file(stem) => Some(Temporary::Name(stem)),
        _ => None,
    }
}

fn alphanumeric(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_unfinished_work_say_what_they_become() {
        let name = Temporary::Name;
        for (given, is) in [
            (".tmpAbC123", Some(Temporary::Unknown)),
            (".model.safetensors.x9KpQz", Some(name("model.safetensors"))),
            (".tokenizer.json.abcdef", Some(name("tokenizer.json"))),
            (".LICENSE.aB3def", Some(name("LICENSE"))),
            (".metadata.tmp", Some(name(".metadata"))),
            ("model.gguf.part", Some(name("model.gguf"))),
            ("model.gguf.crdownload", Some(name("model.gguf"))),
            ("model.safetensors.4f5e6D7c", Some(name("model.safetensors"))),
            ("model.safetensors.aria2", Some(Temporary::Control("model.safetensors"))),
            (".metadata", None),
            (".metadata.json", None),
            (".gitattributes", None),
            (".config.backup", None),
            (".tmp", None),
            (".nfs000000000123abc456", None),
            (".m.gguf.remold-1-ab.part", None),
            ("model.safetensors", None),
            ("model.safetensors.index.json", None),
            ("run-step00000100.safetensors", None),
            (".part", None),
            ("", None),
        ] {
            assert_eq!(temporary(given), is, "{given}");
        }
    }
}

//! Scores on disk, so that a second budget for the same model costs no measuring. A cache: whatever is wrong with it, it is
//! as if it were not there.

use super::Score;
use crate::files;
use crate::quant::{Effort, Encoding};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Changes when the meaning of a score does.
const VERSION: u32 = 1;

/// Samples kept for one source; beyond that the ones not asked for lately go. A model of 60 experts has a few thousand.
const MAX_SAMPLES: usize = 20_000;

/// Largest file that is read back.
const MAX_BYTES: u64 = 256 << 20;

/// What is known of the types on one sample.
pub(super) type TypeScores = HashMap<Encoding, Score>;

#[derive(Serialize, Deserialize)]
struct File {
    version: u32,
    /// Hash of a sample → type → score.
    scores: HashMap<String, HashMap<String, Score>>,
    /// Type → nanoseconds for each element, on this machine.
    nanoseconds: HashMap<String, f64>,
}

/// What a file held.
#[derive(Default)]
pub(super) struct CachedScores {
    /// By hash of the sample.
    pub scores: HashMap<String, TypeScores>,
    /// Encoding time of an element.
    pub nanoseconds: HashMap<Encoding, f64>,
}

/// The folder of kept scores: `$REMOLD_CACHE`, else `$XDG_CACHE_HOME/remold`, else `~/.cache/remold`; in it `scores`.
pub(crate) fn scores_root() -> PathBuf {
    files::paths::cache().join("scores")
}

/// The file for a source: one for each effort, since times and noise differ.
pub(super) fn file_of(root: &Path, source: &Path, effort: Effort) -> PathBuf {
    let full = fs::canonicalize(source).unwrap_or_else(|_| source.to_owned());
    let hash = Sha256::digest(full.as_os_str().as_encoded_bytes());
    let name: String = hash.iter().take(12).map(|b| format!("{b:02x}")).collect();
    match effort {
        Effort::Reference => root.join(format!("{name}.json")),
        other => root.join(format!("{name}.{other}.json")),
    }
}

/// Reads a file of scores.
pub(super) fn load(path: &Path) -> CachedScores {
    let read = files::read(path, MAX_BYTES).ok();
    let Some(file) = read.and_then(|b| serde_json::from_slice::<File>(&b).ok()) else {
        return CachedScores::default();
    };
    if file.version != VERSION {
        return CachedScores::default();
    }
    fn by_encoding<T>(named: HashMap<String, T>) -> HashMap<Encoding, T> {
        named.into_iter().filter_map(|(name, v)| Some((Encoding::parse(&name)?, v))).collect()
    }
    CachedScores {
        scores: file.scores.into_iter().map(|(hash, known)| (hash, by_encoding(known))).collect(),
        nanoseconds: by_encoding(file.nanoseconds),
    }
}

/// Writes a file of scores whole or not at all; `used` are the samples of today, which stay when there are too many.
pub(super) fn save(path: &Path, kept: &CachedScores, used: &dyn Fn(&str) -> bool) {
    let all = kept.scores.len() <= MAX_SAMPLES;
    let stays = |hash: &&String| all || used(hash);
    fn named<T: Copy>(known: &HashMap<Encoding, T>) -> HashMap<String, T> {
        known.iter().map(|(e, v)| (e.name().to_owned(), *v)).collect()
    }
    let scores = kept.scores.iter().filter(|(h, _)| stays(h)).map(|(h, known)| (h.clone(), named(known))).collect();
    let file = File { version: VERSION, scores, nanoseconds: named(&kept.nanoseconds) };
    let write = || -> std::io::Result<()> {
        let folder = path.parent().unwrap_or(Path::new("."));
        files::create_private_folder(folder)?;
        // Versions before this one made it with the umask's rights.
        files::tighten(folder);
        // Two runs may save at the same time: each has its own file, and the last rename wins.
        let part = path.with_extension(format!("{}.part", std::process::id()));
        files::write_private(&part, &serde_json::to_vec(&file)?)?;
        fs::rename(&part, path)
    };
    // A cache that cannot be written costs time, nothing else.
    let _ = write();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quant::BlockType;

    #[test]
    fn scores_come_back_and_rubbish_is_as_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = file_of(dir.path(), Path::new("/models/x"), Effort::Reference);
        assert!(load(&path).scores.is_empty());
        let score = Score { noise: 0.1 + 0.2, signal: 1e-300, weighted_noise: 7.0, weighted_signal: 1e300 };
        let mut kept = CachedScores::default();
        kept.scores.insert("ab".into(), HashMap::from([(BlockType::Q4_K.into(), score)]));
        kept.nanoseconds.insert(BlockType::Q4_K.into(), 3.5);
        save(&path, &kept, &|_| true);
        let back = load(&path);
        assert_eq!(back.scores, kept.scores);
        assert_eq!(back.nanoseconds, kept.nanoseconds);
        for rubbish in ["", "{", "{\"version\":99,\"scores\":{},\"nanoseconds\":{}}"] {
            fs::write(&path, rubbish).unwrap();
            assert!(load(&path).scores.is_empty());
        }
    }
}

//! A watched folder that a test fills.

use crate::watch::verdict::{State, Verdict};
use crate::watch::{
    ExportedState, FileRole, Observation, Settings, Shape, StructureCache, Tree, Unit, Wait, judge, state_text, units,
};
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

/// Longer than every quiet time.
pub(super) const LONG: Duration = Duration::from_secs(30);

/// A safetensors file with one tensor of `n` bytes.
pub(super) fn safetensors(tensor: &str, n: usize) -> Vec<u8> {
    let header = format!("{{\"{tensor}\":{{\"dtype\":\"U8\",\"shape\":[{n}],\"data_offsets\":[0,{n}]}}}}");
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.bytes());
    bytes.extend((0..n).map(|i| (i % 251) as u8 + 1));
    bytes
}

/// The index of shards that hold one tensor each, named `t1`, `t2`, ….
pub(super) fn index(shards: usize) -> String {
    let entry = |i| format!("\"t{i}\": \"{}\"", shard(i, shards));
    let map: Vec<String> = (1..=shards).map(entry).collect();
    format!("{{\"metadata\": {{}}, \"weight_map\": {{{}}}}}", map.join(", "))
}

pub(super) fn shard(i: usize, of: usize) -> String {
    format!("model-{i:05}-of-{of:05}.safetensors")
}

/// A zip archive as `torch.save` writes it: a dictionary with the tensor `t` of 64 bytes, all `fill`.
pub(super) fn torch(fill: u8) -> Vec<u8> {
    let mut pickle = b"\x80\x02}(X\x01\x00\x00\x00tctorch._utils\n_rebuild_tensor_v2\n(".to_vec();
    pickle.extend(b"(X\x07\x00\x00\x00storagectorch\nByteStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x40tQ");
    pickle.extend(b"K\x00K\x40\x85K\x01\x85\x89}tRu.");
    zip(&[
        ("archive/data.pkl", &pickle),
        ("archive/byteorder", b"little"),
        ("archive/data/0", &[fill; 64]),
        ("archive/version", b"3\n"),
    ])
}

/// A zip archive without compression.
pub(super) fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, bytes) in entries {
        writer.start_file(*name, stored).unwrap();
        std::io::Write::write_all(&mut writer, bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// A watched folder.
pub(super) struct World {
    pub(super) dir: tempfile::TempDir,
    pub(super) settings: Settings,
    pub(super) cache: StructureCache,
}

impl World {
    pub(super) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), settings: Settings::default(), cache: StructureCache::new() }
    }

    pub(super) fn root(&self) -> PathBuf {
        self.dir.path().join("run")
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    pub(super) fn put(&self, name: &str, bytes: impl AsRef<[u8]>) -> &Self {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
        self
    }

    pub(super) fn remove(&self, name: &str) -> &Self {
        fs::remove_file(self.path(name)).unwrap();
        self
    }

    pub(super) fn tree(&self) -> Tree {
        let mut tree = Tree::new(&self.root());
        tree.refresh(&super::super::Dirty::All);
        tree
    }

    /// Names of all units, with their families.
    pub(super) fn units(&self) -> Vec<(String, &'static str)> {
        units(&self.tree()).into_iter().map(|u| (u.name, u.family.name)).collect()
    }

    pub(super) fn unit(&self, name: &str) -> Unit {
        let all = units(&self.tree());
        let names: Vec<String> = all.iter().map(|u| u.name.clone()).collect();
        all.into_iter().find(|u| u.name == name).unwrap_or_else(|| panic!("no unit {name} among {names:?}"))
    }

    pub(super) fn judge(&mut self, unit: &Unit, unchanged: Duration) -> Verdict {
        self.judge_with(unit, unchanged, None, None)
    }

    pub(super) fn judge_with(
        &mut self,
        unit: &Unit,
        unchanged: Duration,
        previous: Option<&ExportedState>,
        sibling: Option<&Shape>,
    ) -> Verdict {
        let tree = self.tree();
        let settings = self.settings.clone();
        let now = SystemTime::now();
        judge(
            &Observation { unit, tree: &tree, unchanged, now, settings: &settings, previous, sibling },
            &mut self.cache,
        )
    }

    /// The state of a unit that did not change for a long time.
    pub(super) fn state(&mut self, name: &str) -> State {
        let unit = self.unit(name);
        self.judge(&unit, LONG).state
    }

    /// The state in words.
    pub(super) fn words(&mut self, name: &str) -> String {
        state_text::state(&self.state(name))
    }

    /// What a unit waits for.
    pub(super) fn waits(&mut self, name: &str) -> Wait {
        match self.state(name) {
            State::Waiting { what } => what,
            other => panic!("{name}: {other:?}"),
        }
    }

    pub(super) fn complete(&mut self, name: &str) {
        assert_eq!(self.state(name), State::Complete, "{name}");
    }

    /// Configuration and tokenizer of a model.
    pub(super) fn sidecars(&self, folder: &str) -> &Self {
        for name in ["config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json"] {
            self.put(&format!("{folder}/{name}"), "{}");
        }
        self
    }
}

/// Makes a file of a unit look as if it was written `seconds` later (or earlier).
pub(super) fn shift(unit: &mut Unit, name: &str, seconds: i64) {
    let by = i128::from(seconds) * 1_000_000_000;
    let files = unit.files.iter_mut().map(|f| (&f.name, &mut f.stamp));
    let work = unit.unfinished.iter_mut().map(|f| (&f.name, &mut f.stamp));
    let (_, stamp) = files.chain(work).find(|(n, _)| *n == name).expect("a file of that name");
    stamp.ctime_ns += by;
    stamp.mtime_ns += by;
}

/// Relative names of the files of one role.
pub(super) fn names(unit: &Unit, role: FileRole) -> Vec<&str> {
    unit.of(role).map(|f| f.name.as_str()).collect()
}

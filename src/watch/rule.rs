//! What a user asks a watcher to do with one folder.

use super::{Limits, Metric, Pin, Settings, Tree, Unit, units};
use crate::model::{Hint, ModelError, Remedy, Result};
use crate::recipe::{self, Recipe};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Which of the complete checkpoints are exported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Policy {
    /// Every one.
    #[default]
    Every,
    /// The newest of each run; those still waiting when a newer one is complete are skipped.
    Newest,
}

/// What happens to the export of a source that has changed since.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OnChange {
    /// It stays; the new one gets a version in its name (`-v2`).
    #[default]
    Version,
    /// It is replaced, if it is unchanged since it was written.
    Replace,
}

/// What happens when a newer version is complete while an export runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OnBusy {
    /// It waits for that export to end.
    #[default]
    Queue,
    /// That export is cancelled, and the newer version is exported.
    Restart,
    /// The newer version is skipped.
    Ignore,
}

impl OnBusy {
    /// The names on the command line.
    pub(crate) const NAMES: [&'static str; 3] = ["queue", "restart", "ignore"];

    /// The one of that name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        [Self::Queue, Self::Restart, Self::Ignore].into_iter().zip(Self::NAMES).find(|(_, n)| *n == name).map(|p| p.0)
    }
}

/// A folder and how the models in it are exported.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    /// The watched folder, absolute. It need not exist yet.
    pub root: PathBuf,
    /// The recipe; its source and output folder are set for each export.
    pub recipe: Recipe,
    /// What the recipe is called, for people.
    pub recipe_name: String,
    /// Folder for the exports, absolute; outside of `root`.
    pub output: PathBuf,
    /// Name of an export, with the placeholders of `watch::template`.
    pub name: String,
    /// Which checkpoints.
    pub policy: Policy,
    /// What happens to older exports of the same source.
    pub on_change: OnChange,
    /// What happens when a newer version is complete while an export runs.
    pub on_busy: OnBusy,
    /// How a checkpoint is kept while it is exported.
    pub pin: Pin,
    /// Names of sources, relative to the root, with `*` and `?`; empty: all.
    pub include: Vec<String>,
    /// Names that are left out.
    pub exclude: Vec<String>,
    /// When a source counts as complete.
    pub settings: Settings,
    /// When exports give way to other work on the machine.
    pub care: Limits,
    /// Threads of an export; 0: all cores.
    pub threads: usize,
    /// Reuse from an earlier export what did not change since.
    pub incremental: bool,
    /// Exports of a run that are kept when a newer one is made; all when absent.
    pub keep_last: Option<usize>,
    /// The best exports of a run that are kept, by [`Rule::metric`].
    pub keep_best: Option<usize>,
    /// The metric that exports are compared by.
    pub metric: &'static Metric,
    /// A shell command that runs when an export succeeded.
    pub on_finish: Option<String>,
    /// A shell command that runs when an export failed.
    pub on_fail: Option<String>,
}

/// Rejects recipes with mistakes.
///
/// # Errors
/// A request error about the first of them.
pub(crate) fn check_recipe(recipe: &Recipe) -> Result<()> {
    let Some(problem) = recipe::check(recipe).into_iter().find(recipe::Problem::is_error) else { return Ok(()) };
    let text = problem.to_string();
    let what = text.lines().next().unwrap_or_default();
    let help = problem.help.unwrap_or_default();
    let hint = help.split_whitespace().collect::<Vec<_>>().join(" ");
    Err(ModelError::request(what.to_owned()).with_hint(hint))
}

impl Rule {
    /// The folder for exports when none is named: beside the watched one.
    pub(crate) fn default_output(root: &Path) -> PathBuf {
        let mut name = root.file_name().map_or_else(|| OsString::from("watched"), OsString::from);
        name.push("-exports");
        root.with_file_name(name)
    }

    /// Identifies the rule: the same folder exported to the same place. Eight hexadecimal digits.
    pub(crate) fn id(&self) -> String {
        Self::id_of(&self.root, &self.output)
    }

    /// The identifier of a rule that exports `root` to `output`, both absolute.
    pub(crate) fn id_of(root: &Path, output: &Path) -> String {
        let mut hash = Sha256::new();
        for path in [root, output] {
            hash.update(path.as_os_str().as_encoded_bytes());
            hash.update([0]);
        }
        hash.finalize().iter().take(4).map(|b| format!("{b:02x}")).collect()
    }

    /// A hash of how a source is exported: the recipe and the importance matrices it names. Thirty-two hexadecimal digits.
    pub(crate) fn recipe_hash(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(recipe::to_toml(&self.recipe));
        for path in self.recipe.targets.iter().flat_map(|t| t.options.paths()) {
            if let Ok(stamp) = crate::files::FileStamp::of_path(&path) {
                hash.update(format!("{path:?} {} {} {}", stamp.bytes, stamp.mtime_ns, stamp.ino));
            }
        }
        hash.finalize().iter().take(16).map(|b| format!("{b:02x}")).collect()
    }

    /// Rejects rules that cannot be watched.
    ///
    /// # Errors
    /// Request errors: no target, an output folder inside the watched one, a name without a place for the checkpoint, a file as the root.
    pub(crate) fn check(&self) -> Result<()> {
        if self.recipe.targets.is_empty() {
            let hint = Hint::from("Name what to make: ")
                .then(Remedy::Target("gguf:q4_k_m".to_owned()))
                .then(", or a recipe that has a [[target]] with `-r RECIPE`.");
            return Err(ModelError::request("there is no target").with_hint(hint));
        }
        let twice = self.recipe.targets.iter().enumerate().find(|(i, t)| self.recipe.targets[..*i].contains(t));
        if let Some((_, target)) = twice {
            let quant = target.quantization.as_deref().map(|q| format!(":{q}")).unwrap_or_default();
            let what =
                format!("the target {}{quant} is given twice: both would be written to the same output", target.format);
            return Err(ModelError::request(what).with_hint("Name each target once."));
        }
        // A mistake in the recipe would affect every export.
        check_recipe(&self.recipe)?;
        if self.keep_best.is_some() && self.metric.needs_validation() && self.recipe.validate.is_none() {
            let what = format!("{} is not measured: the recipe has no [validate]", self.metric.name);
            let hint = "Add `[validate]` with `data = \"text.txt\"` to the recipe, or compare by weights_db or worst_tensor_db.";
            return Err(ModelError::request(what).field("--metric").with_hint(hint));
        }
        if self.root.exists() && !self.root.is_dir() {
            let hint = "Name the folder that the checkpoints are written to.";
            return Err(ModelError::request("only folders can be watched, not files")
                .in_file(&self.root)
                .with_hint(hint));
        }
        let real = |p: &Path| {
            let known = p.ancestors().find_map(|a| Some((a, a.canonicalize().ok()?)));
            known.map_or_else(|| p.to_owned(), |(a, real)| real.join(p.strip_prefix(a).unwrap_or(Path::new(""))))
        };
        let (root, output) = (real(&self.root), real(&self.output));
        if output.starts_with(&root) {
            let what = "the exports would be inside the watched folder, where a trainer may take them for checkpoints";
            let beside = Self::default_output(&self.root);
            let hint = format!("Choose a folder outside of it with -o, as in `-o {}`.", beside.display());
            return Err(ModelError::request(what).in_file(&self.output).with_hint(hint));
        }
        crate::plan::writable::check(&self.output.join("export"))?;
        super::template::check(&self.name, self.recipe.targets.len())
    }

    /// Sets the recipe, and what the export needs for it.
    pub(crate) fn set_recipe(&mut self, recipe: Recipe) {
        // A file that describes its network needs the network's files; tensors alone do not.
        let needs = recipe.targets.iter().any(|t| t.format.has_gguf_names() && !t.bare);
        (self.settings.needs_config, self.settings.needs_tokenizer) = (needs, needs);
        self.recipe = recipe;
    }

    /// The sources of a tree that the rule covers.
    pub(crate) fn units(&self, tree: &Tree) -> Vec<Unit> {
        let mut found = units(tree);
        for unit in &mut found {
            // Pinning changes the change time.
            unit.change_times_count = self.pin != Pin::Hardlink;
        }
        found
    }

    /// True for a source that `include` names without a pattern: also a model that remold wrote is then exported.
    pub(crate) fn names(&self, name: &str) -> bool {
        let last = name.rsplit('/').next().unwrap_or(name);
        self.include.iter().map(|p| p.trim_end_matches('/')).any(|p| p == name || p == last)
    }

    /// True for a source that the rule covers, by its name relative to the root.
    pub(crate) fn covers(&self, name: &str) -> bool {
        let matches = |patterns: &[String]| patterns.iter().any(|p| is_match(p, name));
        (self.include.is_empty() || matches(&self.include)) && !matches(&self.exclude)
    }
}

/// True if `name` or a folder above it matches `pattern`; `*` matches anything but `/`, `**` anything, `?` one character.
fn is_match(pattern: &str, name: &str) -> bool {
    let pattern = pattern.trim_end_matches('/');
    let ends = name.match_indices('/').map(|(at, _)| at).chain([name.len()]);
    ends.into_iter().any(|end| glob(pattern.as_bytes(), &name.as_bytes()[..end]))
        // A pattern without a folder also matches the last name.
        || (!pattern.contains('/') && name.rsplit('/').next().is_some_and(|last| glob(pattern.as_bytes(), last.as_bytes())))
}

fn glob(pattern: &[u8], name: &[u8]) -> bool {
    // Positions to backtrack to: behind the last star, and what it has matched so far.
    let (mut p, mut n) = (0, 0);
    let mut back: Option<(usize, usize, bool)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                let deep = pattern.get(p + 1) == Some(&b'*');
                p += if deep { 2 } else { 1 };
                back = Some((p, n, deep));
                continue;
            }
            Some(b'?') if name[n] != b'/' => (p, n) = (p + 1, n + 1),
            Some(c) if *c == name[n] => (p, n) = (p + 1, n + 1),
            _ => match back {
                Some((after, taken, deep)) if deep || name[taken] != b'/' => {
                    back = Some((after, taken + 1, deep));
                    (p, n) = (after, taken + 1);
                }
                _ => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::FormatId;
    use crate::recipe::Target;

    fn rule(root: &Path, output: &Path) -> Rule {
        Rule {
            root: root.to_owned(),
            recipe: Recipe { targets: vec![Target::of(FormatId::Gguf)], ..Recipe::default() },
            recipe_name: "test".into(),
            output: output.to_owned(),
            name: super::super::template::DEFAULT.to_owned(),
            policy: Policy::Every,
            on_change: OnChange::Version,
            on_busy: OnBusy::Queue,
            pin: Pin::None,
            include: Vec::new(),
            exclude: Vec::new(),
            settings: Settings::default(),
            care: Limits::default(),
            threads: 0,
            incremental: true,
            keep_last: None,
            keep_best: None,
            metric: &super::super::METRICS[0],
            on_finish: None,
            on_fail: None,
        }
    }

    #[test]
    fn patterns_are_about_names_and_folders() {
        for (pattern, name) in [
            ("checkpoint-*", "checkpoint-100"),
            ("checkpoint-*", "exp/checkpoint-100"),
            ("exp/*", "exp/checkpoint-100"),
            ("exp", "exp/checkpoint-100/actor"),
            ("exp/", "exp/checkpoint-100"),
            ("**/actor", "a/b/actor"),
            ("*00", "checkpoint-100"),
            ("step?00", "step100"),
        ] {
            assert!(is_match(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("exp/*", "exp2/checkpoint-1"),
            ("checkpoint", "checkpoint-100"),
            ("*/last", "a/b/last"),
            ("a?b", "a/b"),
            ("", "x"),
        ] {
            assert!(!is_match(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn exports_inside_the_watched_folder_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("run");
        std::fs::create_dir(&root).unwrap();
        assert!(rule(&root, &dir.path().join("run-exports")).check().is_ok());
        assert!(rule(&root, &dir.path().join("run-exports/a/b")).check().is_ok());
        for inside in ["run", "run/out", "run/../run/out"] {
            assert!(rule(&root, &dir.path().join(inside)).check().is_err(), "{inside}");
        }
        std::os::unix::fs::symlink(&root, dir.path().join("link")).unwrap();
        assert!(rule(&root, &dir.path().join("link/out")).check().is_err(), "through a link");
        assert!(
            rule(&dir.path().join("later"), &dir.path().join("out")).check().is_ok(),
            "a folder that does not exist yet"
        );
        assert_eq!(Rule::default_output(Path::new("/runs/exp42")), Path::new("/runs/exp42-exports"));
    }
}

//! What is beside a model and names it: its manifest and its Modelfile. They go with it when it is deleted, and get its new name, on them and in them,
//! when it is renamed.

use crate::engine::manifest::{self, NameChange};
use crate::files;
use crate::model::{ModelError, Result};
use crate::plan::{is_manifest, manifest_beside, manifest_inside, modelfile_beside};
use crate::units::quoted;
use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// Most bytes of a Modelfile that is read.
const MAX_MODELFILE: u64 = 4 << 20;

/// The Modelfile of an output, if the one beside it is from this output.
pub(super) fn modelfile(path: &Path) -> Option<PathBuf> {
    modelfile_text(path).map(|(at, _)| at)
}

fn modelfile_text(path: &Path) -> Option<(PathBuf, String)> {
    let at = modelfile_beside(path).filter(|m| m.symlink_metadata().is_ok_and(|m| m.is_file()))?;
    let text = files::read_text(&at, MAX_MODELFILE).ok()?;
    let from = format!("FROM ./{}", name(path));
    text.lines().any(|line| line == from).then_some((at, text))
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// A file that gets another name and other contents.
struct Rewritten {
    from: PathBuf,
    to: PathBuf,
    /// Where the new contents are until then.
    part: PathBuf,
}

/// The manifest and the Modelfile under new names, written and not yet in their places. What is not used is removed when it is dropped.
pub(super) struct Renaming {
    files: Vec<Rewritten>,
    in_place: Vec<PathBuf>,
}

impl Renaming {
    /// For a model at `path` that will be at `to`; `pairs` are its files, from and to.
    ///
    /// # Errors
    /// A manifest that cannot be changed; a name that is taken; I/O errors.
    pub(super) fn prepare(path: &Path, to: &Path, pairs: &[(PathBuf, PathBuf)]) -> Result<Self> {
        let mut this = Self { files: Vec::new(), in_place: Vec::new() };
        let mut changes: Vec<NameChange> =
            pairs.iter().map(|(from, to)| NameChange { from: name(from), to: name(to), contents: None }).collect();
        if let (Some((from, text)), Some(new)) = (modelfile_text(path), modelfile_beside(to)) {
            let contents = with_names(&text, &[(name(path), name(to)), (name(&from), name(&new))]).into_bytes();
            changes.push(NameChange { from: name(&from), to: name(&new), contents: Some(contents.clone()) });
            this.write(from, new, &|out| out.write_all(&contents))?;
        }
        let inside = |path: &Path| manifest_inside(path).filter(|_| path.is_dir());
        let beside = manifest_beside(path).zip(manifest_beside(to));
        let manifest = beside.into_iter().chain(inside(path).zip(manifest_inside(to))).find(|(m, _)| is_manifest(m));
        if let Some((from, new)) = manifest {
            let mut text = Vec::new();
            manifest::renamed(&from, &mut text, &changes)?;
            this.write(from, new, &|out| out.write_all(&text))?;
        }
        Ok(this)
    }

    fn write(
        &mut self,
        from: PathBuf,
        to: PathBuf,
        write: &dyn Fn(&mut dyn Write) -> std::io::Result<()>,
    ) -> Result<()> {
        let fail = |e| ModelError::io(&from, "rewriting", e);
        if from != to && to.symlink_metadata().is_ok() {
            return Err(ModelError::io(&to, "renaming", std::io::ErrorKind::AlreadyExists.into()));
        }
        let part = from.with_file_name(format!(".{}.tmp", files::random_token()));
        let file = files::create_new(&part, 0o666).map_err(fail)?;
        self.files.push(Rewritten { from: from.clone(), to, part });
        let mode = fs::metadata(&from).and_then(|meta| file.set_permissions(meta.permissions()));
        let mut out = BufWriter::new(&file);
        mode.and_then(|()| write(&mut out)).and_then(|()| out.flush()).map_err(fail)?;
        drop(out);
        files::sync_file(&file, &from).map_err(fail)
    }

    /// Gives them their names, once the files of the model have theirs. Where the model is a folder, `moved` says where what was in it is now.
    ///
    /// # Errors
    /// I/O errors; then nothing has changed.
    pub(super) fn finish(mut self, moved: &dyn Fn(&Path) -> PathBuf) -> std::io::Result<()> {
        for file in &mut self.files {
            (file.from, file.part) = (moved(&file.from), moved(&file.part));
        }
        for file in &self.files {
            if file.from == file.to {
                continue;
            }
            if let Err(e) = files::rename_new(&file.part, &file.to) {
                self.in_place.iter().for_each(|p| drop(fs::remove_file(p)));
                return Err(e);
            }
            self.in_place.push(file.to.clone());
        }
        for file in &self.files {
            match file.from == file.to {
                true => files::rename_over(&file.part, &file.to)?,
                false => fs::remove_file(&file.from)?,
            }
        }
        Ok(())
    }
}

impl Drop for Renaming {
    fn drop(&mut self) {
        for file in &self.files {
            let _ = fs::remove_file(&file.part);
        }
    }
}

/// A Modelfile with other names in its `FROM` and in the comment that says how it is used.
fn with_names(text: &str, names: &[(String, String)]) -> String {
    let changed = |line: &str| {
        let at = names.iter().find_map(|(from, to)| match line {
            l if l == format!("FROM ./{from}") => Some(format!("FROM ./{to}")),
            l if l.starts_with('#') && l.ends_with(&format!(" -f {}", quoted(from))) => {
                Some(format!("{} -f {}", l.trim_end_matches(&format!(" -f {}", quoted(from))), quoted(to)))
            }
            _ => None,
        });
        at.unwrap_or_else(|| line.to_owned())
    };
    text.split('\n').map(changed).collect::<Vec<_>>().join("\n")
}

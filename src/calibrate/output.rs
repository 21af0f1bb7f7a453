//! Where an importance matrix is written: checked before the work, created at its end.

use super::activations::Activations;
use super::write::Form;
use crate::files::{FileStamp, write_output_with};
use crate::model::{Hint, ModelError, Place, Remedy, Result, check_output_folder};
use std::io;
use std::path::{Path, PathBuf};

/// A file to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Output {
    path: PathBuf,
    form: Form,
    replace: bool,
}

impl Output {
    /// An output at `path`, in a form that is given or follows from the name. `replace`: a file that is there may be replaced.
    ///
    /// # Errors
    /// A name that does not say the form; something that is there and may not be replaced, inputs in particular; a folder that is missing or
    /// read-only.
    pub(crate) fn to(path: &Path, form: Option<Form>, replace: bool, inputs: &[FileStamp]) -> Result<Self> {
        if let (Some(form), Some(named)) = (form, Form::of(path))
            && form != named
        {
            let what = format!("the name says {}, and --output-format says {}", named.name(), form.name());
            let hint = "Use a name that ends as the form says, or leave out --output-format.";
            return Err(ModelError::request(what).in_file(path).with_hint(hint));
        }
        let Some(form) = form.or_else(|| Form::of(path)) else {
            let hint = Hint::from("Use a name that ends in .gguf or .dat")
                .then(Remedy::OnCommandLine(", or choose the form with --output-format"))
                .then(".");
            return Err(ModelError::request("the name does not say in which form to write")
                .in_file(path)
                .with_hint(hint));
        };
        if let Ok(there) = std::fs::metadata(path) {
            let stamp = FileStamp::from(&there);
            if inputs.iter().any(|input| input.same_file(&stamp)) {
                let hint = Hint::from("Inputs are never replaced: ").then(Remedy::GiveOutput(Place::Another)).then(".");
                return Err(ModelError::request("the output is also an input").in_file(path).with_hint(hint));
            }
            if !there.is_file() {
                let what = if there.is_dir() { "the output is a folder" } else { "the output is not a regular file" };
                return Err(ModelError::request(what)
                    .in_file(path)
                    .with_hint(Hint::from(Remedy::GiveOutput(Place::FileName)).then(".")));
            }
        }
        if std::fs::symlink_metadata(path).is_ok() && !replace {
            return Err(ModelError::request("the output exists already").in_file(path).with_hint(taken()));
        }
        check_output_folder(path)?;
        Ok(Self { path: path.to_owned(), form, replace })
    }

    /// Its path.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the file and gives its size. The file has its name only when it is complete.
    ///
    /// # Errors
    /// What the form cannot hold; those of the file system; a file that was created there since the output was checked.
    pub(crate) fn write(&self, activations: &Activations) -> Result<u64> {
        let write = self.form.writer(activations).map_err(|e| e.in_file(&self.path))?;
        write_output_with(&self.path, self.replace, |file| write(file)).map_err(|e| match e.kind() {
            io::ErrorKind::AlreadyExists => {
                ModelError::request("a file was created there in the meantime").in_file(&self.path).with_hint(taken())
            }
            _ => ModelError::io(&self.path, "writing", e),
        })?;
        std::fs::metadata(&self.path).map(|m| m.len()).map_err(|e| ModelError::io(&self.path, "reading", e))
    }
}

/// What to do about a name that is taken.
fn taken() -> Hint {
    Hint::from(Remedy::Force).then(", or ").then(Remedy::GiveOutput(Place::Another)).then(".")
}

#[cfg(test)]
mod tests {
    use super::super::activations::tests::activations;
    use super::*;

    #[test]
    fn the_name_says_the_form_and_nothing_is_replaced_unasked() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let a = activations(&[("blk.0.a.weight", &[1.0], &[4])], "x");
        for (name, form) in [("m.GGUF", Form::Gguf), ("m.dat", Form::Dat)] {
            assert_eq!(Output::to(&at(name), None, false, &[]).unwrap().form, form);
        }
        assert_eq!(Output::to(&at("m"), Some(Form::Dat), false, &[]).unwrap().form, Form::Dat);
        let refused = |path: &Path, replace, inputs: &[FileStamp], want: &str| {
            let e = Output::to(path, None, replace, inputs).unwrap_err();
            assert!(e.to_string().contains(want) && e.hint().is_some(), "{want}: {e}");
        };
        refused(&at("m"), false, &[], "does not say");
        for (name, form) in [("x.gguf", Form::Dat), ("x.dat", Form::Gguf)] {
            let e = Output::to(&at(name), Some(form), false, &[]).unwrap_err();
            assert!(e.to_string().contains("--output-format says") && e.hint().is_some(), "{e}");
        }
        refused(&at("none/m.gguf"), false, &[], "does not exist");
        let first = Output::to(&at("m.gguf"), None, false, &[]).unwrap();
        let late = first.clone();
        let size = first.write(&a).unwrap();
        assert_eq!(size, std::fs::metadata(at("m.gguf")).unwrap().len());
        refused(&at("m.gguf"), false, &[], "exists already");
        assert!(late.write(&a).unwrap_err().to_string().contains("meantime"));
        Output::to(&at("m.gguf"), None, true, &[]).unwrap().write(&a).unwrap();
        // Under another name, too.
        let stamp = FileStamp::of_path(&at("m.gguf")).unwrap();
        std::os::unix::fs::symlink(at("m.gguf"), at("link.gguf")).unwrap();
        for name in ["m.gguf", "link.gguf"] {
            refused(&at(name), true, &[stamp], "also an input");
        }
        std::fs::create_dir(at("d.gguf")).unwrap();
        refused(&at("d.gguf"), true, &[], "is a folder");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 3, "nothing half-written stays");
    }
}

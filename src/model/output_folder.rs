//! Whether the folder of a file that will be written can take it: known before the work, not after it.

use super::{ModelError, Result};
use crate::files::parent_of;
use rustix::fs::Access;
use std::io::{Error, ErrorKind};
use std::path::Path;

/// Refuses a file whose folder is missing, is not a folder, or takes no files from this process. Nothing is created.
///
/// # Errors
/// Bad-request errors that say which of these it is.
pub(crate) fn check_output_folder(output: &Path) -> Result<()> {
    let folder = parent_of(output);
    let entered = std::fs::metadata(folder);
    let written = || rustix::fs::access(folder, Access::WRITE_OK | Access::EXEC_OK).map_err(Error::from);
    let error = match entered.map(|m| m.is_dir()) {
        Ok(true) => match written() {
            Ok(()) => return Ok(()),
            Err(e) => refused(e, "there is no permission to create files in this folder").in_file(folder),
        },
        Ok(false) => ModelError::request("this is a file, so no output can be inside of it").in_file(folder),
        Err(e) if e.kind() == ErrorKind::NotFound => {
            let hint = "Create the folder, or choose another one.";
            return Err(ModelError::request("the folder of the output does not exist").in_file(output).with_hint(hint));
        }
        Err(e) => refused(e, "there is no permission to enter this folder or one above it").in_file(folder),
    };
    Err(error.with_hint("Choose a folder that you may write to."))
}

/// What the system says of a folder, as a wrong request: it may be right later.
fn refused(error: Error, no_permission: &str) -> ModelError {
    let what = match error.kind() {
        ErrorKind::PermissionDenied => no_permission.to_owned(),
        ErrorKind::ReadOnlyFilesystem => "the file system is read-only".to_owned(),
        _ => crate::units::system_error(&error),
    };
    ModelError::would_be_refused(what, error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ErrorKind as Kind;

    #[test]
    fn a_folder_that_takes_no_file_is_named_before_the_work() {
        let dir = tempfile::tempdir().unwrap();
        check_output_folder(&dir.path().join("x.gguf")).unwrap();
        check_output_folder(Path::new("x.gguf")).unwrap();
        std::fs::write(dir.path().join("file"), "x").unwrap();
        for (output, want) in [("none/x.md", "does not exist"), ("file/x.md", "is a file")] {
            let e = check_output_folder(&dir.path().join(output)).unwrap_err();
            assert!(e.to_string().contains(want) && e.kind() == Kind::BadRequest && e.hint().is_some(), "{e}");
        }
    }

    /// The superuser may do everything, so the error is made here.
    #[test]
    fn a_refusal_to_create_files_is_not_called_one_to_read() {
        let e = refused(ErrorKind::PermissionDenied.into(), "there is no permission to create files in this folder");
        assert!(e.kind() == Kind::BadRequest && e.to_string().contains("create files"), "{e}");
    }
}

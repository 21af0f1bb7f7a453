//! Registering an output in a program that keeps models: `ollama create`.

use crate::model::{Hint, ModelError, OptionName, Remedy, Result};
use serde::{Deserialize, Serialize};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// The program that registers.
pub(crate) const PROGRAM: &str = "ollama";

/// An output that is registered once it is published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registration {
    /// Name of the model there: `NAME`, `NAME:TAG` or `USER/NAME:TAG`.
    pub name: String,
    /// The Modelfile to register from; absolute.
    pub modelfile: PathBuf,
}

impl Registration {
    /// Under the name `name`.
    ///
    /// # Errors
    /// A name that cannot be one.
    pub(crate) fn new(name: &str, modelfile: PathBuf) -> Result<Self> {
        let letter = |c: char| c.is_ascii_alphanumeric() || "._-/:".contains(c);
        let good = name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.chars().all(letter);
        if !good || name.matches(':').count() > 1 {
            return Err(ModelError::request(format!("`{name}` cannot be the name of a model in Ollama"))
                .in_option(OptionName::OLLAMA_CREATE)
                .with_hint("Write it as NAME or NAME:TAG, with letters, digits, dots, dashes and underscores."));
        }
        let modelfile = std::path::absolute(&modelfile).map_err(|e| ModelError::io(&modelfile, "resolving", e))?;
        Ok(Self { name: name.to_owned(), modelfile })
    }

    /// The arguments of the program.
    pub(crate) fn arguments(&self) -> [&OsStr; 4] {
        ["create".as_ref(), self.name.as_ref(), "-f".as_ref(), self.modelfile.as_os_str()]
    }

    /// Checks that the program can be started.
    ///
    /// # Errors
    /// It is nowhere on the path.
    pub(super) fn check(&self) -> Result<()> {
        if program().is_some() {
            return Ok(());
        }
        let hint = Hint::from("Install Ollama, or ")
            .then(Remedy::Clear(OptionName::OLLAMA_CREATE))
            .then("; the Modelfile can be registered later.");
        Err(ModelError::request("there is no program `ollama` on the PATH")
            .in_option(OptionName::OLLAMA_CREATE)
            .with_hint(hint))
    }
}

/// The program's path, if it is on the `PATH`.
pub(crate) fn program() -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    let candidate = |dir: PathBuf| dir.join(PROGRAM);
    std::env::split_paths(&folders).map(candidate).find(|p| is_program(p))
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_ollama() {
        for good in ["tiny", "tiny:q4_k_m", "me/tiny-1.5b:latest"] {
            assert_eq!(Registration::new(good, "x".into()).unwrap().name, good);
        }
        for bad in ["", "-f", "a b", "a:b:c", "é", ":x"] {
            assert!(Registration::new(bad, "x".into()).is_err(), "{bad}");
        }
    }
}

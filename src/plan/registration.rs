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
        if !is_name(name) {
            return Err(ModelError::request(format!("`{name}` cannot be the name of a model in Ollama"))
                .in_option(OptionName::OLLAMA_CREATE)
                .with_hint(
                    "Write it as NAME, NAME:TAG or USER/NAME:TAG, with letters, digits, dots, dashes and underscores.",
                ));
        }
        let modelfile = std::path::absolute(&modelfile).map_err(|e| ModelError::io(&modelfile, "resolving", e))?;
        Ok(Self { name: name.to_owned(), modelfile })
    }

    /// The name with everything that Ollama adds to it, in lower case: names for which this is the same are those of one model.
    pub(crate) fn full_name(&self) -> String {
        let (path, tag) = parts(&self.name);
        let prefix = ["registry.ollama.ai/library/", "registry.ollama.ai/", ""][path.matches('/').count().min(2)];
        format!("{prefix}{path}:{}", tag.unwrap_or("latest")).to_lowercase()
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

/// What is before the tag, and the tag. The port of a host is no tag.
fn parts(name: &str) -> (&str, Option<&str>) {
    match name.rsplit_once(':') {
        Some((path, tag)) if !tag.contains('/') => (path, Some(tag)),
        _ => (name, None),
    }
}

/// True for `[[HOST/]USER/]NAME[:TAG]` with parts that Ollama takes (types/model/name.go, `isValidPart`).
fn is_name(name: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let part = |text: &str, more: &str, longest: usize| {
        text.len() <= longest
            && text.starts_with(letter)
            && text.chars().all(|c| letter(c) || c == '-' || more.contains(c))
    };
    let (path, tag) = parts(name);
    let good = match path.split('/').collect::<Vec<_>>()[..] {
        [model] => part(model, ".", 80),
        [user, model] => part(user, "", 80) && part(model, ".", 80),
        [host, user, model] => part(host, ".:", 350) && part(user, "", 80) && part(model, ".", 80),
        _ => false,
    };
    good && tag.is_none_or(|tag| part(tag, ".", 80))
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
        for good in ["tiny", "tiny:q4_k_m", "me/tiny-1.5b:latest", "host.example:5000/me/tiny:q8", "_x"] {
            assert_eq!(Registration::new(good, "x".into()).unwrap().name, good);
        }
        let long = "x".repeat(81);
        for bad in [
            "",
            "-f",
            "a b",
            "a:b:c",
            "é",
            ":x",
            "a:",
            "a/",
            "/a",
            "a//b",
            "http://evil/x",
            "a/../../b",
            "../b",
            "a/b/c/d",
            "a:b/c",
            &long,
        ] {
            assert!(Registration::new(bad, "x".into()).is_err(), "{bad}");
        }
    }

    #[test]
    fn names_of_one_model_are_the_same_in_full() {
        let full = |name: &str| Registration::new(name, "x".into()).unwrap().full_name();
        assert_eq!(full("Tiny"), full("library/tiny:latest"));
        assert_eq!(full("me/tiny"), full("registry.ollama.ai/me/tiny:latest"));
        assert!(full("tiny:a") != full("tiny:b") && full("tiny") != full("me/tiny"));
    }
}

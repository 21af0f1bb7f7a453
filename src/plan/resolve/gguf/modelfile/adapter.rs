//! The adapter that a Modelfile names.

use crate::arch;
use crate::model::{MetaValue, ModelError, Result};
use crate::recipe::options::gguf;
use std::path::{Path, PathBuf};

/// The absolute path of an adapter that Ollama reads: a GGUF of the type `adapter`, or a folder of PEFT with safetensors.
///
/// # Errors
/// A path that is neither; a file that cannot be read.
pub(super) fn checked(path: &Path) -> Result<PathBuf> {
    let refuse = |what: &str| {
        let text = format!("{}: {what}", path.display());
        Err(ModelError::request(text)
            .in_option(&gguf::MODELFILE_ADAPTER)
            .with_hint("Give an adapter in GGUF, or a folder with adapter_config.json and adapter_model.safetensors."))
    };
    // The path is a line of the Modelfile.
    if path.to_string_lossy().contains(char::is_control) {
        return refuse("its path has control characters");
    }
    if path.is_dir() {
        for file in ["adapter_config.json", "adapter_model.safetensors"] {
            if !path.join(file).is_file() {
                return refuse(&format!("there is no {file} in this folder"));
            }
        }
    } else {
        let model = arch::open(path).map_err(|e| e.in_option(&gguf::MODELFILE_ADAPTER))?;
        if model.metadata.get("general.type").and_then(MetaValue::as_str) != Some("adapter") {
            return refuse("this file is not an adapter: its general.type is not `adapter`");
        }
    }
    std::path::absolute(path).map_err(|e| ModelError::io(path, "resolving", e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_adapters_are_taken() {
        let dir = tempfile::tempdir().unwrap();
        let said = |path: &Path| checked(path).unwrap_err().to_string();
        assert!(said(Path::new("x\nFROM y")).contains("control characters"));
        assert!(said(dir.path()).contains("no adapter_config.json in this folder"));
        assert!(said(&dir.path().join("none.gguf")).contains("none.gguf"));
        for file in ["adapter_config.json", "adapter_model.safetensors"] {
            std::fs::write(dir.path().join(file), "{}").unwrap();
        }
        assert_eq!(checked(dir.path()).unwrap(), dir.path());
    }
}

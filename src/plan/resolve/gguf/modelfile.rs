//! The Ollama Modelfile beside a GGUF.
//!
//! Grammar: `INSTRUCTION value` lines; `FROM` is required. `TEMPLATE` is a Go template, which a Jinja chat template is not: none is
//! written, and Ollama then uses the template inside the GGUF, rather than a wrong one.

use crate::recipe::Target;
use crate::recipe::options::gguf;
use std::path::{Path, PathBuf};

/// The Modelfile's path and contents for an output.
pub(crate) fn write(output: &Path, target: &Target) -> (PathBuf, Vec<u8>) {
    let name = output.file_name().unwrap_or_default().to_string_lossy();
    let mut text = format!("# Use it with: ollama create NAME -f {}\n", modelfile_name(output).display());
    text.push_str(&format!("FROM ./{name}\n"));
    if let Some(n) = target.get(&gguf::CONTEXT_LENGTH) {
        text.push_str(&format!("PARAMETER num_ctx {n}\n"));
    }
    if let Some(mlock) = target.get(&gguf::USE_MLOCK) {
        text.push_str("# Keeps the model in memory; a setting of the runtime that no GGUF can carry. Newer versions of Ollama ignore it.\n");
        text.push_str(&format!("PARAMETER use_mlock {mlock}\n"));
    }
    (output.with_file_name(modelfile_name(output)), text.into_bytes())
}

fn modelfile_name(output: &Path) -> PathBuf {
    let whole = crate::formats::gguf::whole_path(output);
    let stem = whole.file_stem().unwrap_or_default().to_string_lossy();
    PathBuf::from(format!("{stem}.Modelfile"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::FormatId;

    #[test]
    fn settings_become_parameters_and_no_template_is_guessed() {
        let target =
            Target::of(FormatId::Gguf).with(&gguf::CONTEXT_LENGTH, Some(4096)).with(&gguf::USE_MLOCK, Some(true));
        let (path, text) = write(Path::new("out/x-Q4_K_M.gguf"), &target);
        assert_eq!(path, Path::new("out/x-Q4_K_M.Modelfile"));
        let text = String::from_utf8(text).unwrap();
        assert!(
            text.contains("FROM ./x-Q4_K_M.gguf\nPARAMETER num_ctx 4096\n")
                && text.contains("PARAMETER use_mlock true")
        );
        assert!(!text.contains("TEMPLATE"));
    }
}

//! Entry points for fuzzing, one for each parser of input from outside: any bytes give a value or an error, never a panic.
//!
//! They are not an API: the module exists in tests and under the feature `fuzzing` only. `fuzz/` wraps each of [`TARGETS`] for cargo-fuzz; `tests`
//! runs the same functions on stable, on seeds from `fixtures/` and a fixed number of mutations of them. A new parser needs a function here, a
//! line in [`TARGETS`], a seed in `tests/seeds.rs` and a file in `fuzz/fuzz_targets`. Test: `cargo test --lib fuzzing`.

mod formats;
mod models;
mod texts;

#[cfg(test)]
mod tests;

pub use formats::{
    fuzz_dcp_metadata, fuzz_ggml, fuzz_gguf, fuzz_onnx, fuzz_pickle, fuzz_pytorch, fuzz_pytorch_index,
    fuzz_safetensors, fuzz_safetensors_index,
};
pub use models::{fuzz_config, fuzz_sentencepiece, fuzz_tokenizer_json, fuzz_vocab};
pub use texts::{
    fuzz_events, fuzz_imatrix_dat, fuzz_journal, fuzz_logits_file, fuzz_manifest, fuzz_recipe_json, fuzz_recipe_toml,
    fuzz_recipe_yaml, fuzz_tasks, fuzz_watch_rules, fuzz_workbench_files,
};

use std::path::{Path, PathBuf};

/// An entry point.
pub type Target = fn(&[u8]);

/// Every entry point by its name, which is that of its file in `fuzz/fuzz_targets`.
pub const TARGETS: [(&str, Target); 24] = [
    ("safetensors", fuzz_safetensors),
    ("safetensors_index", fuzz_safetensors_index),
    ("ggml", fuzz_ggml),
    ("gguf", fuzz_gguf),
    ("pytorch", fuzz_pytorch),
    ("pytorch_index", fuzz_pytorch_index),
    ("pickle", fuzz_pickle),
    ("dcp_metadata", fuzz_dcp_metadata),
    ("onnx", fuzz_onnx),
    ("config", fuzz_config),
    ("tokenizer_json", fuzz_tokenizer_json),
    ("sentencepiece", fuzz_sentencepiece),
    ("vocab", fuzz_vocab),
    ("recipe_toml", fuzz_recipe_toml),
    ("recipe_yaml", fuzz_recipe_yaml),
    ("recipe_json", fuzz_recipe_json),
    ("imatrix_dat", fuzz_imatrix_dat),
    ("logits_file", fuzz_logits_file),
    ("tasks", fuzz_tasks),
    ("manifest", fuzz_manifest),
    ("journal", fuzz_journal),
    ("events", fuzz_events),
    ("watch_rules", fuzz_watch_rules),
    ("workbench_files", fuzz_workbench_files),
];

/// Runs `act` on a file of this name with these bytes. It is in a folder of its own, which is removed afterwards.
fn with_file(name: &str, data: &[u8], act: impl FnOnce(&Path)) {
    struct Folder(PathBuf);
    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }
    let thread = format!("{:?}", std::thread::current().id());
    let number: String = thread.chars().filter(char::is_ascii_digit).collect();
    let folder = Folder(std::env::temp_dir().join(format!("remold-fuzz-{}-{number}", std::process::id())));
    let path = folder.0.join(name);
    // Without a disk to write on there is nothing to test.
    if std::fs::create_dir_all(&folder.0).and_then(|()| std::fs::write(&path, data)).is_ok() {
        act(&path);
    }
}

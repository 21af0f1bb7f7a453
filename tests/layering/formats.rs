//! Only a format's own files name it: `formats/<f>/`, `plan/resolve/<f>`, `recipe/options/<f>`. The rest of the program asks the tables.

use remold::model::FormatId;
use std::fs;
use std::path::{Path, PathBuf};

/// Where formats are named: their folders, their resolvers, their options. A folder stands for everything in it.
const OWN: [&str; 8] = [
    "formats/gguf",
    "formats/safetensors",
    "formats/pytorch",
    "formats/recognised.rs",
    "plan/resolve/gguf",
    "plan/resolve/tensors.rs",
    "plan/resolve/presets.rs",
    "recipe/options",
];

/// Files elsewhere that name formats, how many lines of theirs do, and why.
const EXCEPTIONS: [(&str, usize, &str); 9] = [
    ("model/mod.rs", 9, "the list of formats and their names, and which of them have GGUF's tensor names"),
    ("formats/mod.rs", 6, "the table of formats, and the modules it is made of"),
    ("plan/resolve/mod.rs", 1, "the table of formats that are written"),
    ("formats/hf/folder.rs", 7, "a Hugging Face folder is safetensors or PyTorch weights by definition"),
    ("formats/hf/training.rs", 1, "names of training state that torch.distributed and DeepSpeed write"),
    ("formats/scan/describe.rs", 4, "index files of Hugging Face folders, and the folders of torch.distributed"),
    ("formats/probe.rs", 2, "index files of Hugging Face folders"),
    ("cli/split.rs", 2, "`remold split` has flags for GGUF's ways to split"),
    ("cli/target_flags.rs", 1, "`--tensor-type-file` is llama-quantize's"),
];

fn sources(dir: &Path, all: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("a folder of sources").flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, all);
        } else if path.extension().is_some_and(|e| e == "rs") {
            all.push(path);
        }
    }
}

/// The code of a file without its module of tests.
fn code(text: &str) -> &str {
    let end = text.find("\n#[cfg(test)]\nmod tests").unwrap_or(text.len());
    &text[..end]
}

fn names_a_format(line: &str) -> bool {
    FormatId::ALL.iter().any(|f| {
        let name = f.name();
        [
            format!("FormatId::{f:?}"),
            format!("\"{name}\""),
            format!("\".{name}\""),
            format!("formats::{name}"),
            format!("options::{name}"),
        ]
        .iter()
        .any(|word| line.contains(word.as_str()))
            || (line.trim_start().starts_with("use ") && line.contains("options::{") && line.contains(name))
    })
}

#[test]
fn only_the_files_of_a_format_name_it() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    let mut wrong = Vec::new();
    for file in files {
        let name = file.strip_prefix(&src).expect("below src").display().to_string();
        let is_test = name.ends_with("tests.rs") || name.contains("/tests/");
        if is_test || OWN.iter().any(|own| name.starts_with(own)) {
            continue;
        }
        let text = fs::read_to_string(&file).expect("a source file");
        let lines = code(&text).lines().enumerate();
        let naming: Vec<String> = lines
            .filter(|(_, line)| !line.trim_start().starts_with("//") && names_a_format(line))
            .map(|(n, line)| format!("src/{name}:{}: {}", n + 1, line.trim()))
            .collect();
        let allowed = EXCEPTIONS.iter().find(|(f, ..)| *f == name).map_or(0, |(_, lines, _)| *lines);
        if naming.len() > allowed {
            wrong.push(format!("{} lines, {allowed} allowed:\n{}", naming.len(), naming.join("\n")));
        }
    }
    assert!(
        wrong.is_empty(),
        "ask the tables of `formats`, `plan::resolve` and `recipe::options` instead:\n{}",
        wrong.join("\n")
    );
}

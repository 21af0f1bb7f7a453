//! Only a format's own files name it: `formats/<f>/`, `plan/resolve/<f>`, `recipe/options/<f>`. The rest of the program asks the tables.

use super::program;
use remold::model::FormatId;

/// Where formats are named: the list of them, their folders, their resolvers, their options, and the tables.
const OWN: [&str; 13] = [
    "model/mod.rs",
    "formats/mod.rs",
    "formats/gguf",
    "formats/safetensors",
    "formats/pytorch",
    "formats/recognised.rs",
    // A Hugging Face folder is weights in safetensors or PyTorch by definition.
    "formats/hf",
    "plan/resolve/mod.rs",
    "plan/resolve/gguf",
    "plan/resolve/tensors.rs",
    "plan/resolve/presets.rs",
    "recipe/options",
    // Entry points of fuzzing, one for each parser; they are not in the program.
    "fuzzing",
];

/// Files elsewhere that name formats, how many lines of theirs do, and why.
const EXCEPTIONS: [(&str, usize, &str); 7] = [
    ("formats/scan/describe.rs", 4, "index files and folders of ranks: what a set consists of"),
    ("cli/split.rs", 2, "`remold split` has flags for GGUF's ways to split"),
    ("cli/target_flags.rs", 1, "`--tensor-type-file` is llama-quantize's"),
    ("watch/families/nanotron.rs", 1, "the trainer writes nothing else"),
    ("watch/families/kohya.rs", 1, "the trainer writes nothing else"),
    ("watch/families/hf_folder.rs", 1, "which of two sets of weights in a folder is the model"),
    ("recipe/presets.rs", 1, "the name of a recipe"),
];

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
    let mut wrong = Vec::new();
    for (name, code) in program() {
        if OWN.iter().any(|own| name.starts_with(own)) {
            continue;
        }
        let lines = code.lines().enumerate();
        let naming: Vec<String> = lines
            .filter(|(_, line)| names_a_format(line))
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

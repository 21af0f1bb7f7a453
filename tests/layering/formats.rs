//! Only a format's own files name it: `formats/<f>/`, `plan/resolve/<f>`, `recipe/options/<f>`. The rest of the program asks the tables.

use super::program;
use remold::testing::model::FormatId;

/// Where formats are named, beside the folder and the resolver of each: the list of them, the tables, and what several formats share.
const SHARED: [&str; 11] = [
    "model/mod.rs",
    "formats/mod.rs",
    "formats/recognised.rs",
    // A Hugging Face folder is weights in safetensors or PyTorch by definition.
    "formats/hf/",
    "plan/resolve/mod.rs",
    "plan/resolve/tensors.rs",
    "plan/resolve/presets.rs",
    // Which format suits a purpose.
    "plan/goals/",
    "recipe/options/",
    // Entry points of fuzzing, one for each parser; they are not in the program.
    "fuzzing/",
    // What tests use of the formats; it is not in the program.
    "testing.rs",
];

/// True for the files that may name formats: those in [`SHARED`], and `formats/NAME` and `plan/resolve/NAME` (a file or a folder) of every format.
fn may_name_formats(file: &str) -> bool {
    let own = |folder: &str, format: FormatId| {
        let rest = file.strip_prefix(folder).and_then(|rest| rest.strip_prefix(format.name()));
        rest.is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
    };
    SHARED.iter().any(|shared| file.starts_with(shared))
        || FormatId::ALL.into_iter().any(|f| own("formats/", f) || own("plan/resolve/", f))
}

/// Files elsewhere that name formats, how many lines of theirs do, and why.
const EXCEPTIONS: [(&str, usize, &str); 8] = [
    ("calibrate/write.rs", 1, "the file form of llama-imatrix"),
    ("cli/split.rs", 2, "`remold split` has flags for GGUF's ways to split"),
    ("cli/target_flags.rs", 2, "`--tensor-type-file` is llama-quantize's"),
    ("watch/families/nanotron.rs", 1, "the trainer writes nothing else"),
    ("watch/families/kohya.rs", 1, "the trainer writes nothing else"),
    ("watch/families/hf_folder.rs", 1, "which of two sets of weights in a folder is the model"),
    ("recipe/presets.rs", 1, "the name of a recipe"),
    ("tui/tabs/recipe/update/more_bits.rs", 3, "only GGUF has types of single tensors"),
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
        if may_name_formats(&name) {
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

#[test]
fn a_format_may_be_named_in_its_own_files_alone() {
    for file in ["formats/onnx/read.rs", "formats/onnx.rs", "plan/resolve/onnx.rs", "plan/resolve/onnx/types.rs"] {
        assert!(may_name_formats(file), "{file}");
    }
    for file in ["formats/onnx_files.rs", "formats/scan/mod.rs", "plan/onnx.rs", "cli/onnx/mod.rs"] {
        assert!(!may_name_formats(file), "{file}");
    }
}

//! Remedies of the planner, which speak of the command line, in the words of the screen: options are fields here.

use regex::Regex;
use std::sync::LazyLock;

/// What is looked for, and what is said instead.
static WORDS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let words = [
        (r", as in `--[^`]*`", ""),
        (r" \(--[a-z-]+\)", ""),
        ("[Ff]ree some space, or choose another disk with -o", "Free some space, or give an output on another disk"),
        ("[Cc]hoose (a file name|another output) with -o", "Give $1"),
        ("Pass one with --imatrix, or leave the option out", "Give one as imatrix, or clear the field"),
        ("[Ll]eave out --", "Clear --"),
        ("pass --", "set --"),
        (r"; `remold plan` shows what can be had", "; the plot shows what can be had"),
        (r"`remold inspect --tensors` lists them", "Tensors in Models (1) lists them"),
        (r"`remold formats` lists", "enter on the field lists"),
    ];
    words.into_iter().filter_map(|(from, to)| Some((Regex::new(from).ok()?, to))).collect()
});

/// An option that is left: `--no-fallback`.
static OPTION: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new("--([a-z][a-z-]+)").ok());

/// The remedy as the screen gives it.
pub(super) fn on_screen(hint: &str) -> String {
    let mut said = hint.to_owned();
    for (from, to) in WORDS.iter() {
        said = from.replace_all(&said, *to).into_owned();
    }
    let field = |found: &regex::Captures<'_>| found[1].replace('-', "_");
    match OPTION.as_ref() {
        Some(option) => option.replace_all(&said, field).into_owned(),
        None => said,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_fields() {
        for (told, said) in [
            (
                "Start from the 16- or 32-bit model, or pass --allow-requantize and accept the loss.",
                "Start from the 16- or 32-bit model, or set allow_requantize and accept the loss.",
            ),
            (
                "Raise the budget, or give an importance matrix (--imatrix), which allows smaller types.",
                "Raise the budget, or give an importance matrix, which allows smaller types.",
            ),
            (
                "A budget chooses the types: leave out the type, as in `--to gguf --target-bpw 4.25`.",
                "A budget chooses the types: leave out the type.",
            ),
            ("Choose another output with -o.", "Give another output."),
            ("Pass one with --imatrix, or leave the option out.", "Give one as imatrix, or clear the field."),
            ("Leave out --no-fallback, choose a type …", "Clear no_fallback, choose a type …"),
            ("Give each target its own output.", "Give each target its own output."),
        ] {
            assert_eq!(on_screen(told), said);
        }
    }
}

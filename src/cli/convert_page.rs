//! docs/convert.md: the options of `remold convert`, made from the table of commands, so that none is missing.

use super::args;
use clap::{Arg, Command};
use indexmap::IndexMap;

/// What is before the tables.
const INTRODUCTION: &str = "\
# Converting: `remold convert`

```
remold convert MODEL --to gguf:q4_k_m
remold convert MODEL --to gguf:q8_0 --to safetensors:bf16 -o out/
remold convert a b c --to gguf:q4_k_m -o out/
```

The README describes what is done, and [choosing.md](choosing.md) which type to choose. Most options are keys of [recipes](recipe.md) too, with `_` for `-`; `--set KEY=VALUE` sets the keys that have no
option. `-o` names the output: a file, or a folder with a slash at the end. Without it, the output is next to the source and has its name with the type. [Events](events.md) are what `--json` prints.

This page is made from the program: `BLESS=1 cargo test --lib convert_page`.
";

/// The page.
fn page(command: &Command) -> String {
    let mut headings: IndexMap<&str, Vec<&Arg>> = IndexMap::new();
    for arg in command.get_arguments().filter(|a| !a.is_hide_set() && !a.is_positional()) {
        headings.entry(arg.get_help_heading().unwrap_or("Options")).or_default().push(arg);
    }
    let mut out = INTRODUCTION.to_owned();
    for (heading, args) in headings {
        out.push_str(&format!("\n## {heading}\n\n| option | meaning |\n| --- | --- |\n"));
        args.into_iter().for_each(|arg| out.push_str(&row(arg)));
    }
    out
}

fn row(arg: &Arg) -> String {
    let short = arg.get_short().map(|s| format!("`-{s}`, ")).unwrap_or_default();
    let long = arg.get_long().unwrap_or_default();
    let takes = arg.get_action().takes_values();
    let value = arg.get_value_names().filter(|_| takes).and_then(|names| names.first());
    let value = value.map(|name| format!(" {name}")).unwrap_or_default();
    let aliases = arg.get_visible_aliases().unwrap_or_default();
    let aliases: Vec<String> = aliases.iter().map(|alias| format!("`--{alias}`")).collect();
    let aliases = if aliases.is_empty() { String::new() } else { format!("; also {}", aliases.join(", ")) };
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    // Underscores and stars are no marks of Markdown here.
    let help = help.replace('|', "\\|").replace('*', "\\*").replace('<', "\\<");
    format!("| {short}`--{long}{value}`{aliases} | {help} |\n")
}

#[test]
fn every_option_of_convert_is_in_its_page() {
    let commands = args::shown_commands();
    let made = page(commands.find_subcommand("convert").unwrap());
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/convert.md");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path, &made).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(written, made, "BLESS=1 cargo test --lib convert_page writes docs/convert.md");
    for option in
        ["--keep-split", "--like FILE", "--override-kv KEY=TYPE:VALUE", "--pre NAME", "--tensor-type-file FILE"]
    {
        assert!(made.contains(&format!("`{option}`")), "{option}");
    }
}

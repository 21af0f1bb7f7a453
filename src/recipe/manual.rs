//! The tables of `docs/recipe.md`, from the table of keys.

use super::keys::{GROUP_ALIASES, GROUPS, Key, KeyTable, Kind, OptionGroup, State, keys_of};
use super::options;
use super::steps::STEPS;
use std::fmt::Write as _;

/// Every key as Markdown tables, one for each table of a recipe.
pub fn manual() -> String {
    let mut out = String::new();
    out.push_str("### At the top\n\n");
    table(&mut out, KeyTable::Top);
    out.push_str("\nTables and lists at the top:\n\n| key | value |\n| --- | --- |\n");
    for (name, what) in GROUPS {
        let aliases: Vec<String> =
            GROUP_ALIASES.iter().filter(|(_, g)| g == name).map(|(a, _)| format!("`{a}`")).collect();
        let also = if aliases.is_empty() { String::new() } else { format!(" (also {})", aliases.join(", ")) };
        let _ = writeln!(out, "| `{name}`{also} | {what} |");
    }
    out.push_str("\n### `[source]`\n\n");
    table(&mut out, KeyTable::Source);
    out.push_str("\n### `[[target]]`\n");
    for group in OptionGroup::ALL {
        let title = group.title();
        let (first, rest) = title.split_at(1);
        let _ = write!(out, "\n#### {}{rest}\n\n", first.to_uppercase());
        rows(&mut out, KeyTable::Target, keys_of(KeyTable::Target).filter(|k| k.group == Some(group)));
    }
    if keys_of(KeyTable::Validate).any(|key| available(&key)) {
        out.push_str("\n### `[validate]`\n\n");
        table(&mut out, KeyTable::Validate);
    }
    for step in STEPS.iter().filter(|step| step.state != State::Later) {
        let aliases: Vec<String> = step.aliases.iter().map(|a| format!("`{a}`")).collect();
        let also = if aliases.is_empty() { String::new() } else { format!(" (also {})", aliases.join(", ")) };
        let _ = write!(out, "\n### `[[pipeline]]` with `step = \"{}\"`{also}\n\n", step.name);
        let _ = write!(out, "{}\n\n", step.purpose);
        table(&mut out, KeyTable::Step(step.name));
    }
    out
}

/// True for a key that this version acts on. The others are read, so that a message can name them, and are not in the manual.
fn available(key: &&Key) -> bool {
    key.state != State::Later
}

fn table(out: &mut String, table: KeyTable) {
    rows(out, table, keys_of(table));
}

fn rows(out: &mut String, table: KeyTable, keys: impl Iterator<Item = &'static Key>) {
    out.push_str("| key | value | for | state | description | example |\n| --- | --- | --- | --- | --- | --- |\n");
    for k in keys.filter(available) {
        let formats = match (table, options::formats_text(k)) {
            (KeyTable::Target, formats) if formats.is_empty() => "all".to_owned(),
            (KeyTable::Target, formats) => formats,
            _ => "–".to_owned(),
        };
        let state = match k.state {
            State::Since(version) => format!("since {version}"),
            State::Later | State::NoEffect => "no effect".to_owned(),
        };
        let _ = writeln!(
            out,
            "| {} | {} | {formats} | {state} | {} | `{}` |",
            names(k),
            takes(k.kind),
            k.help,
            k.example.replace('|', "\\|")
        );
    }
}

fn names(k: &Key) -> String {
    let mut other: Vec<String> = k.aliases.iter().map(|a| format!("`{a}`")).collect();
    let at_top = k.flat.iter().filter(|f| !k.aliases.contains(f)).map(|f| format!("`{f}` at the top"));
    other.extend(at_top);
    if other.is_empty() { format!("`{}`", k.name) } else { format!("`{}` (also {})", k.name, other.join(", ")) }
}

fn takes(kind: Kind) -> String {
    kind.describe().replace('|', "\\|")
}

//! `config`: where the configuration is, what is wrong in it, its default, and the keys that count.

use super::args::{ConfigArgs, ConfigCommand};
use super::{Exit, err, out, print, text};
use crate::tui::config;
use crate::tui::core::all_commands;
use crate::tui::core::{Keymap, Scope};
use std::path::PathBuf;

/// A line of `keys.toml`.
const EXAMPLE: &str = r#""recipe.start" = ["r", "alt-r"]"#;

pub(super) fn run(args: &ConfigArgs) -> Exit {
    match args.command.as_ref().unwrap_or(&ConfigCommand::Path { json: false }) {
        ConfigCommand::Path { json: true } => path_json(),
        ConfigCommand::Path { json: false } => path(),
        ConfigCommand::Check => return check(),
        ConfigCommand::Default => out(&config::default_file()),
        ConfigCommand::Keys => {
            let read = config::read_keys(&config::keys_file().unwrap_or_default());
            report_error(&read.problems);
            out(&keys(&read.value));
        }
    }
    Exit::Done
}

fn path() {
    let files: [(&str, Option<PathBuf>, &str); 4] = [
        ("settings", config::config_file(), "`remold config default` prints one"),
        ("keys", config::keys_file(), &format!("{EXAMPLE}; `remold config keys` lists the names")),
        ("themes", config::themes_folder(), "NAME.toml each; docs/themes.md"),
        ("sessions", config::sessions_folder(), "the last session in each folder"),
    ];
    for (what, place, about) in files {
        let Some(place) = place else {
            out(&format!("{what:<9} unknown: neither XDG_CONFIG_HOME nor HOME is set\n"));
            continue;
        };
        let there = if place.exists() { "" } else { "  (not found)" };
        out(&format!("{what:<9} {}{there}\n          {about}\n", text::safe(&place.display().to_string())));
    }
}

fn path_json() {
    print::json(&serde_json::json!({
        "settings": config::config_file(),
        "keys": config::keys_file(),
        "themes": config::themes_folder(),
        "sessions": config::sessions_folder(),
    }));
}

fn report_error(problems: &[config::Problem]) {
    let style = text::Style::stderr();
    for p in problems {
        let place = if p.line > 0 { format!("{}:{}", p.file.display(), p.line) } else { p.file.display().to_string() };
        err(&format!("{} {}: {}\n", style.error("error:"), text::safe(&place), text::safe(&p.message)));
    }
}

fn check() -> Exit {
    let problems = config::problems();
    report_error(&problems);
    if !problems.is_empty() {
        return Exit::Request;
    }
    for file in [config::config_file(), config::keys_file()].into_iter().flatten() {
        let state = if file.exists() { "✓" } else { "– not found, defaults apply:" };
        out(&format!("{state} {}\n", text::safe(&file.display().to_string())));
    }
    Exit::Done
}

/// Every command with its keys, by place; `*` marks keys of the user's.
fn keys(map: &Keymap) -> String {
    let mut lines = String::new();
    for scope in Scope::ALL {
        lines.push_str(&format!("# {}\n", scope.title()));
        for c in all_commands().filter(|c| c.scopes.contains(&scope)) {
            let keys: Vec<String> =
                map.texts(c).iter().map(|k| format!("\"{}\"", k.replace('\\', "\\\\").replace('"', "\\\""))).collect();
            let own = if map.is_own(c) { "* " } else { "" };
            let line = format!("\"{}\" = [{}]", c.name, keys.join(", "));
            lines.push_str(&format!("{line:<46} # {own}{}\n", c.help));
        }
        lines.push('\n');
    }
    lines.push_str("# * marks your own keys. Every line is valid in keys.toml; [] leaves a command without keys.\n");
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::core::Binding;

    #[test]
    fn every_line_of_the_list_is_one_of_the_file() {
        let own = Binding { name: "zoom".into(), keys: vec!["alt-z".into()], line: 1 };
        let (map, _) = Keymap::with(&[own]);
        let text = keys(&map);
        let zoom: Vec<&str> = text.lines().filter(|l| l.starts_with("\"zoom\"")).collect();
        assert!(!zoom.is_empty() && zoom.iter().all(|l| l.contains("[\"alt-z\"]") && l.contains("# * ")));
        for line in text.lines() {
            assert!(line.parse::<toml::Table>().is_ok(), "{line}");
        }
    }
}

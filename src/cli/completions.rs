//! `completions`: scripts for shells that complete commands, options, and values that only remold knows.
//!
//! clap generates the scripts from the table of commands. For bash, zsh and fish, arguments whose values depend on the version or on the
//! machine (formats, recipes, themes, jobs) get a [`Values::mark`] as their only value first; in the script, each mark becomes a call of
//! `remold complete KIND`, which prints one value per line, with a tab and a description where there is one.

use super::{args, formats as format_lists};
use crate::formats;
use crate::job;
use crate::model::ModelError;
use crate::quality::METRICS;
use crate::recipe;
use crate::tui;
use crate::watch;
use clap::builder::PossibleValuesParser;
use clap::{Command, ValueEnum};
use clap_complete::Shell;
use std::path::Path;

/// How the scripts are installed, for `--help`.
pub(super) const INSTALL: &str = "\
Install:
  bash        mkdir -p ~/.local/share/bash-completion/completions
              remold completions bash > ~/.local/share/bash-completion/completions/remold
  zsh         mkdir -p ~/.zfunc && remold completions zsh > ~/.zfunc/_remold
              with `fpath=(~/.zfunc $fpath)` before `compinit` in ~/.zshrc
  fish        remold completions fish > ~/.config/fish/completions/remold.fish
  elvish      remold completions elvish > ~/.config/elvish/lib/remold.elv
              with `use remold` in ~/.config/elvish/rc.elv
  powershell  remold completions powershell >> $PROFILE

For bash, zsh and fish, values are completed too: targets, recipes, themes, types, metrics, jobs, watchers.";

/// Values of arguments that a script asks the program for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Values {
    /// `FORMAT` and `FORMAT:QUANT`.
    Targets,
    /// Recipes by name.
    Recipes,
    /// Themes of the workbench.
    Themes,
    /// Types of single tensors.
    Types,
    /// Numbers of jobs.
    Jobs,
    /// Metrics of conditions.
    Metrics,
    /// Names of watchers.
    Watchers,
}

impl Values {
    /// As `remold complete` takes it.
    const fn name(self) -> &'static str {
        match self {
            Self::Targets => "targets",
            Self::Recipes => "recipes",
            Self::Themes => "themes",
            Self::Types => "types",
            Self::Jobs => "jobs",
            Self::Metrics => "metrics",
            Self::Watchers => "watchers",
        }
    }

    /// What is in a script in place of the values.
    const fn mark(self) -> &'static str {
        match self {
            Self::Targets => "remold_values_of_targets",
            Self::Recipes => "remold_values_of_recipes",
            Self::Themes => "remold_values_of_themes",
            Self::Types => "remold_values_of_types",
            Self::Jobs => "remold_values_of_jobs",
            Self::Metrics => "remold_values_of_metrics",
            Self::Watchers => "remold_values_of_watchers",
        }
    }
}

/// The arguments with such values: the names of their commands (empty: every command) and of the argument.
const COMPLETED: &[(&[&str], &str, Values)] = &[
    (&[], "to", Values::Targets),
    (&[], "recipe", Values::Recipes),
    (&[], "theme", Values::Themes),
    (&[], "embedding-type", Values::Types),
    (&[], "output-type", Values::Types),
    (&[], "budget-types", Values::Types),
    (&[], "fail-if", Values::Metrics),
    (&["recipe", "show"], "name", Values::Recipes),
    (&["jobs"], "id", Values::Jobs),
    (&["watch"], "id", Values::Watchers),
    (&["watch"], "watcher", Values::Watchers),
];

/// `remold completions SHELL`.
pub(super) fn script(shell: Shell) -> Vec<u8> {
    let mut bytes = Vec::new();
    // How a script lists the mark, and what takes its place.
    let call: fn(&str, &str) -> (String, String) = match shell {
        Shell::Bash => |mark, kind| (format!("compgen -W \"{mark}\" --"), format!("_remold_values {kind}")),
        // With a blank in front, zsh adds no arguments of its own.
        Shell::Zsh => |mark, kind| (format!("({mark})"), format!(" _remold_values {kind}")),
        Shell::Fish => |mark, kind| (format!("{mark}\\t''"), format!("(remold complete {kind})")),
        _ => {
            clap_complete::generate(shell, &mut args::shown_commands(), "remold", &mut bytes);
            return bytes;
        }
    };
    let commands = args::shown_commands();
    // zsh would take the command for the folder of the workbench, which is optional, and look for the command behind it.
    let commands = if shell == Shell::Zsh { without_words(&commands) } else { commands };
    clap_complete::generate(shell, &mut marked(commands, &[]), "remold", &mut bytes);
    let mut text = String::from_utf8_lossy(&bytes).into_owned();
    for kind in Values::value_variants() {
        let (from, to) = call(kind.mark(), kind.name());
        text = text.replace(&from, &to);
        // Bash has the values of a first argument in a list of words.
        text = text.replace(kind.mark(), &format!("$(_remold_values {} \"\")", kind.name()));
    }
    match shell {
        Shell::Bash => bash(&text),
        Shell::Zsh => zsh(&text),
        _ => fish(&text),
    }
    .into_bytes()
}

/// The program without arguments that have no name; its commands keep theirs.
fn without_words(all: &Command) -> Command {
    Command::new("remold")
        .args(all.get_arguments().filter(|a| !a.is_positional()).cloned())
        .subcommands(all.get_subcommands().cloned())
}

/// clap's script for fish has no values of arguments without a name, and offers no files where there are values.
fn fish(text: &str) -> String {
    let recipes = Values::Recipes.name();
    let (call, with_files) =
        (format!("-r -f -a \"(remold complete {recipes})\""), format!("-r -F -a \"(remold complete {recipes})\""));
    let mut text = text.replace(&call, &with_files);
    let commands = args::shown_commands();
    // `help` is among the words after which no command follows, and is always there after itself.
    let names: Vec<&str> = commands.get_subcommands().map(Command::get_name).collect();
    let after = format!("__fish_remold_using_subcommand help; and not __fish_seen_subcommand_from {}", names.join(" "));
    text = text.replace(&format!("{after} help\""), &format!("{after}\""));
    // argparse fails on an option whose value is being typed: the option is left out then.
    const PARSE: &str = "    argparse -s (__fish_remold_global_optspecs) -- $cmd 2>/dev/null\n    or return\n";
    const WITHOUT_LAST: &str = "    argparse -s (__fish_remold_global_optspecs) -- $cmd 2>/dev/null
    or begin
        set -e cmd[-1]
        argparse -s (__fish_remold_global_optspecs) -- $cmd 2>/dev/null
    end
    or return
";
    text = text.replace(PARSE, WITHOUT_LAST);
    let mut add = |path: &[&str], command: &Command| {
        for (commands, arg, kind) in COMPLETED {
            let here = commands.iter().enumerate().all(|(i, name)| path.get(i) == Some(name));
            if here && command.get_positionals().any(|a| a.get_id().as_str() == *arg) {
                let below: String =
                    path.iter().skip(1).map(|c| format!("; and __fish_seen_subcommand_from {c}")).collect();
                let condition = format!("__fish_remold_using_subcommand {}{below}", path[0]);
                let files = if *kind == Values::Recipes { "" } else { "-f " };
                text.push_str(&format!(
                    "complete -c remold -n \"{condition}\" {files}-a \"(remold complete {})\"\n",
                    kind.name()
                ));
            }
        }
    };
    for command in commands.get_subcommands() {
        add(&[command.get_name()], command);
        for below in command.get_subcommands() {
            add(&[command.get_name(), below.get_name()], below);
        }
    }
    text
}

/// The commands with marks as the only values of the arguments in [`COMPLETED`].
fn marked(mut command: Command, path: &[String]) -> Command {
    for (commands, arg, kind) in COMPLETED {
        let here = commands.iter().enumerate().all(|(i, name)| path.get(i).is_some_and(|p| p == name));
        let has = command.get_arguments().any(|a| a.get_id().as_str() == *arg);
        if here && has {
            let values = PossibleValuesParser::new([kind.mark()]);
            command = command.mut_arg(arg, |a| a.value_parser(values));
        }
    }
    let names: Vec<String> = command.get_subcommands().map(|c| c.get_name().to_owned()).collect();
    for name in names {
        let below: Vec<String> = path.iter().cloned().chain([name.clone()]).collect();
        command = command.mut_subcommand(name, |c| marked(c, &below));
    }
    command
}

/// Bash splits words at colons: `gguf:q4` arrives as three. They are joined before the generated function sees them, and what is before the
/// last colon is taken off what it answers, since bash replaces only the part after it.
fn bash(text: &str) -> String {
    const BEGIN: &str = "\
_remold_values() {
    compgen -W \"$(remold complete \"$1\" 2>/dev/null | cut -f1)\" -- \"$2\"
    # A recipe is also named by its file.
    [[ $1 == recipes ]] && compgen -f -- \"$2\"
}

_remold_with_colons() {
    local -a words=()
    local i glue= index=0
    for (( i = 0; i < ${#COMP_WORDS[@]}; i++ )); do
        if [[ $i -gt 0 && ( ${COMP_WORDS[i]} == :* || -n $glue ) && $COMP_WORDBREAKS == *:* ]]; then
            words[${#words[@]}-1]+=${COMP_WORDS[i]}
        else
            words+=(\"${COMP_WORDS[i]}\")
        fi
        [[ ${COMP_WORDS[i]} == : ]] && glue=1 || glue=
        [[ $i -eq $COMP_CWORD ]] && index=$(( ${#words[@]} - 1 ))
    done
    local -a COMP_WORDS=(\"${words[@]}\")
    local COMP_CWORD=$index
    local cur=${COMP_WORDS[COMP_CWORD]} prev=
    [[ $COMP_CWORD -gt 0 ]] && prev=${COMP_WORDS[COMP_CWORD-1]}
    _remold \"$1\" \"$cur\" \"$prev\"
    if [[ $cur == *:* && $COMP_WORDBREAKS == *:* ]]; then
        local before=${cur%\"${cur##*:}\"}
        COMPREPLY=(\"${COMPREPLY[@]#\"$before\"}\")
    fi
}

";
    format!("{BEGIN}{}", text.replace("complete -F _remold ", "complete -F _remold_with_colons "))
}

/// The function goes after the line `#compdef remold`, which must be the first.
fn zsh(text: &str) -> String {
    const BEGIN: &str = "
_remold_values() {
    local -a values
    local line
    for line in \"${(@f)$(remold complete $1 2>/dev/null)}\"; do
        [[ -n $line ]] && values+=(\"${${line%%$'\\t'*}//:/\\\\:}${${(M)line%$'\\t'*}:+:${line#*$'\\t'}}\")
    done
    _describe -t values value values
    [[ $1 == recipes ]] && _files
}
";
    // clap escapes the colons of descriptions, but not those of names of values.
    let text = text.replace(":FORMAT[:QUANT]:", ":FORMAT[\\:QUANT]:");
    match text.split_once('\n') {
        Some((first, rest)) => format!("{first}\n{BEGIN}{rest}"),
        None => text,
    }
}

/// `remold complete KIND`: the values, one per line, with a tab and a description where there is one.
pub(super) fn values(kind: Values) -> String {
    let line = |(value, about): (String, String)| {
        let about = crate::units::escape(&about).into_owned();
        // Without a tab, fish shows the help of the option beside every value.
        format!("{value}\t{about}\n")
    };
    let plain = |value: &str| (value.to_owned(), String::new());
    // A value with a control character cannot be on a line.
    let fit = |(value, _): &(String, String)| !value.contains(char::is_control);
    let all: Vec<(String, String)> = match kind {
        Values::Targets => targets(),
        Values::Recipes => recipe::presets().into_iter().map(|p| (p.name, p.about)).collect(),
        Values::Themes => themes().iter().map(|name| plain(name)).collect(),
        Values::Types => recipe::TENSOR_TYPES
            .iter()
            .map(|name| ((*name).to_owned(), tui::tabs::recipe::about(name).to_owned()))
            .collect(),
        Values::Watchers => {
            watch::list_watchers(&job::jobs_root()).into_iter().map(|w| (w.id, w.root.display().to_string())).collect()
        }
        Values::Metrics => METRICS.iter().map(|m| (m.name.to_owned(), m.title.to_owned())).collect(),
        Values::Jobs => job::list(&job::jobs_root())
            .into_iter()
            .map(|j| (j.id, format!("{}: {}", j.state.name(), j.title)))
            .collect(),
    };
    all.into_iter().filter(fit).map(line).collect()
}

fn targets() -> Vec<(String, String)> {
    let of = |format: &crate::model::FormatId| {
        let about = formats::spec(*format).map_or("", |f| f.about);
        let quantized = format_lists::quantizations(*format);
        let quantized = quantized.iter().map(|q| (format!("{format}:{q}"), tui::tabs::recipe::about(q).to_owned()));
        let quantized: Vec<_> = quantized.collect();
        [(format.to_string(), about.to_owned())].into_iter().chain(quantized)
    };
    formats::written().iter().flat_map(of).collect()
}

/// The built-in themes and those of the user's folder.
fn themes() -> Vec<String> {
    let own = tui::config::themes_folder().and_then(|folder| std::fs::read_dir(folder).ok());
    let stem = |path: &Path| {
        Some(path.file_stem()?.to_str()?.to_owned()).filter(|_| path.extension().is_some_and(|e| e == "toml"))
    };
    let own = own.into_iter().flatten().flatten().filter_map(|e| stem(&e.path()));
    let mut all: Vec<String> = tui::look::BUILT_IN.iter().map(|(name, _)| (*name).to_owned()).chain(own).collect();
    all.sort();
    all.dedup();
    all
}

/// An error about a theme that does not exist.
pub(super) fn no_such_theme(name: &str) -> Option<ModelError> {
    let known = themes();
    if known.iter().any(|theme| theme == name) {
        return None;
    }
    let near = recipe::nearest(name, known.iter().map(String::as_str));
    let near = near.map_or_else(String::new, |near| format!("Did you mean {near}? "));
    let hint = format!("{near}Themes: {}.", known.join(", "));
    Some(ModelError::request(format!("there is no theme `{name}`")).with_hint(hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mark_becomes_a_question_to_the_program() {
        for (shell, calls) in [
            (Shell::Bash, ["_remold_values targets \"${cur}\"", "$(_remold_values jobs \"\")"]),
            (Shell::Zsh, [": _remold_values targets'", ": _remold_values jobs'"]),
            (Shell::Fish, ["(remold complete targets)", "(remold complete jobs)"]),
        ] {
            let text = String::from_utf8(script(shell)).unwrap();
            for call in calls {
                assert!(text.contains(call), "{shell} lacks {call}");
            }
            assert!(!text.contains("remold_values_of_"), "{shell}");
        }
    }

    #[test]
    fn fish_completes_values_of_global_options_and_commands_after_help() {
        let text = String::from_utf8(script(Shell::Fish)).unwrap();
        assert_eq!(text.matches("set -e cmd[-1]").count(), 1, "clap's function has changed");
        let after = |line: &&str| line.contains("using_subcommand help; and not") && line.contains("-a \"inspect\"");
        let line = text.lines().find(after).unwrap();
        assert!(!line.contains(" help\" -f"), "{line}");
    }

    #[test]
    fn no_script_offers_what_people_do_not_start() {
        for shell in Shell::value_variants() {
            let text = String::from_utf8(script(*shell)).unwrap();
            assert!(text.contains("convert") && text.contains("inspect"), "{shell}");
            for hidden in args::command().get_subcommands().filter(|c| c.is_hide_set()) {
                let name = hidden.get_name();
                let signs = [
                    format!("'{name}:"),
                    format!("-a \"{name}\""),
                    format!("cand {name} "),
                    format!("CompletionResult]::new('{name}'"),
                ];
                let offers = |line: &&str| {
                    let words = line.trim_start().strip_prefix("opts=").unwrap_or_default();
                    words.split([' ', '"']).any(|w| w == name) || signs.iter().any(|sign| line.contains(sign))
                };
                assert_eq!(text.lines().find(offers), None, "{shell}: {name}");
            }
        }
    }

    #[test]
    fn the_values_are_those_that_the_program_takes() {
        let targets = values(Values::Targets);
        for format in formats::written() {
            assert!(targets.lines().any(|l| l.split('\t').next() == Some(format.name())), "{format}");
        }
        assert!(targets.contains("gguf:q4_k_m\tthe usual choice\n"));
        assert!(targets.lines().chain(values(Values::Themes).lines()).all(|line| line.contains('\t')), "{targets}");
        for line in targets.lines() {
            let word = line.split('\t').next().unwrap_or_default().to_owned();
            assert!(super::super::request::targets_of(&[word], &[]).is_ok(), "{line}");
        }
        assert!(values(Values::Recipes).contains("balanced\t") && values(Values::Themes).contains("dark\t\n"));
    }
}

//! From the arguments of the process to [`Cli`], and what is said of arguments that are wrong.

use super::args::{self, Cli, ColorWhen};
use super::{Exit, err, on_one_line, reference_options, report_error, text};
use crate::files::paths::on_jobs;
use crate::model::ModelError;
use crate::recipe;
use crate::recipe::remedies::{set_command_flags, set_given_flags};
use crate::units::print::{self, ColorChoice, Verbosity};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, FromArgMatches};
use std::path::Path;

/// Reads the arguments, and says how much is printed and in which colours. The exit code where there is nothing to run.
pub(super) fn parse() -> Result<Cli, Exit> {
    let args: Vec<String> = std::env::args_os().skip(1).map(|a| a.to_string_lossy().into_owned()).collect();
    let color = color_asked(&args);
    let mut command = args::command();
    let parsed = command.try_get_matches_from_mut(std::env::args_os());
    let parsed = parsed.and_then(|m| {
        name_flags(&m, &command);
        Cli::from_arg_matches(&m)
    });
    let cli = match parsed {
        Ok(cli) => cli,
        Err(e) => {
            print::configure(Verbosity::Normal, color);
            return Err(explain(e.format(&mut command), &args, &command));
        }
    };
    let verbosity = match (cli.global.quiet, cli.global.verbose) {
        (true, _) => Verbosity::Quiet,
        (_, true) => Verbosity::Verbose,
        _ => Verbosity::Normal,
    };
    print::configure(verbosity, choice_of(cli.global.color));
    match cli.workbench.given() {
        Some(given) if cli.command.is_some() => {
            let what = format!("{given} is for the workbench, and cannot be combined with a command");
            report_error(
                &ModelError::request(what).with_hint("`remold COMMAND --help` lists the options of a command."),
            );
            Err(Exit::Request)
        }
        _ => Ok(cli),
    }
}

/// Has hints name only options of the command, if it makes or runs recipes. The other commands are asked before a conversion, whose options
/// their hints name.
fn name_flags(matches: &clap::ArgMatches, command: &Command) {
    let (mut matches, mut command, mut path) = (matches, command, Vec::new());
    while let Some((name, inner)) = matches.subcommand()
        && let Some(found) = command.find_subcommand(name)
    {
        path.push(name);
        (matches, command) = (inner, found);
    }
    let typed = |id: &&str| matches.value_source(id) == Some(clap::parser::ValueSource::CommandLine);
    let long = |id: &str| command.get_arguments().find(|a| a.get_id() == id)?.get_long().map(str::to_owned);
    set_given_flags(matches.ids().map(clap::Id::as_str).filter(typed).filter_map(long).collect());
    if matches!(path.as_slice(), ["convert" | "run" | "watch", ..] | ["recipe", "new"] | ["jobs", "rerun"]) {
        set_command_flags(flags_of(command));
    }
}

/// The long names of a command's options.
fn flags_of(command: &Command) -> Vec<String> {
    command.get_arguments().filter_map(|a| a.get_long().map(str::to_owned)).collect()
}

/// Has hints name only options of `remold watch`: for the worker of a watcher's export.
pub(super) fn name_flags_of_watch() {
    if let Some(watch) = args::command().find_subcommand("watch") {
        set_command_flags(flags_of(watch));
    }
}

fn choice_of(when: ColorWhen) -> ColorChoice {
    match when {
        ColorWhen::Auto => ColorChoice::Auto,
        ColorWhen::Always => ColorChoice::Always,
        ColorWhen::Never => ColorChoice::Never,
    }
}

/// What `--color` says. clap's help and errors need it before the arguments are read.
fn color_asked(args: &[String]) -> ColorChoice {
    let before = args.iter().position(|a| a == "--").unwrap_or(args.len());
    let mut asked = ColorChoice::Auto;
    for (at, arg) in args[..before].iter().enumerate() {
        let value = match arg.strip_prefix("--color") {
            Some("") => args.get(at + 1).map(String::as_str),
            Some(rest) => rest.strip_prefix('='),
            None => None,
        };
        match value {
            Some("always") => asked = ColorChoice::Always,
            Some("never") => asked = ColorChoice::Never,
            Some("auto") => asked = ColorChoice::Auto,
            _ => {}
        }
    }
    asked
}

/// Prints clap's message, or a better one.
fn explain(mut e: clap::Error, args: &[String], command: &Command) -> Exit {
    if e.exit_code() == 0 {
        // Help and version: clap's own text in clap's own styles.
        let text = e.render();
        let text = if text::Style::stdout().is_on() { text.ansi().to_string() } else { text.to_string() };
        print::generated(text.as_bytes());
        return Exit::Done;
    }
    let known = reference_options::explain(&mut e, args);
    let word = match first_word(args, command) {
        Some("help") => args.iter().skip_while(|a| *a != "help").nth(1).map(String::as_str),
        word => word,
    };
    if !known && let Some(error) = word.and_then(|word| no_such_command(word, command)) {
        report_error(&error);
        return Exit::Request;
    }
    let mut text = with_hints(&on_one_line(e.render().to_string(), args));
    if let Some(hint) = one_at_a_time(e.kind(), e.get(ContextKind::InvalidArg), args) {
        let (first, rest) = text.split_once('\n').unwrap_or((&text, ""));
        text = format!("{first}\n  hint: {hint}\n{rest}");
    }
    if let Some(hint) = missing(e.kind(), args) {
        let end = text.find("\n\n").unwrap_or(text.trim_end().len());
        text.insert_str(end, &format!("\n  hint: {hint}"));
    }
    let style = text::Style::stderr();
    err(&match text.strip_prefix("error:") {
        Some(rest) => format!("{}{rest}", style.error("error:")),
        None => text,
    });
    Exit::Request
}

/// What to do about a word too many, or a job's number in place of a command.
fn one_at_a_time(kind: ErrorKind, word: Option<&ContextValue>, args: &[String]) -> Option<String> {
    let words = [args.first()?.as_str(), args.get(1)?.as_str()];
    let extra = matches!(word, Some(ContextValue::String(word)) if !word.starts_with('-'));
    let command = match (kind, words) {
        (ErrorKind::UnknownArgument, [one @ ("verify" | "inspect" | "plan" | "split"), _]) if extra => one.to_owned(),
        (ErrorKind::UnknownArgument, ["recipe", "check" | "show"]) if extra => words.join(" "),
        (ErrorKind::InvalidSubcommand, ["jobs", number]) if number.parse::<u64>().is_ok() => {
            return Some(format!("`{}` shows the job.", on_jobs(&format!("jobs show {number}"))));
        }
        _ => return None,
    };
    Some(format!("`remold {command}` takes one at a time: run it once for each."))
}

/// What to do about an argument that an option before it has taken.
fn missing(kind: ErrorKind, args: &[String]) -> Option<&'static str> {
    let merges = args.iter().any(|a| a == "imatrix") && args.iter().any(|a| a == "--merge");
    let model_last = "Name the model before --merge, which takes all names behind it: `remold imatrix MODEL --data FILE --merge A B`.";
    (kind == ErrorKind::MissingRequiredArgument && merges).then_some(model_last)
}

/// clap's message with its tips as hints, in the form that all messages have: on the line below, as sentences.
fn with_hints(message: &str) -> String {
    let mut out = String::new();
    for line in message.lines() {
        match line.strip_prefix("  tip: ") {
            Some(tip) => {
                out.truncate(out.trim_end().len());
                let (first, rest) = tip.split_at(tip.chars().next().map_or(0, char::len_utf8));
                let end = if tip.ends_with(['.', '?']) { "" } else { "." };
                out.push_str(&format!("\n  hint: {}{rest}{end}\n", first.to_uppercase()));
            }
            None => out.push_str(&format!("{}\n", ranges_in_words(line))),
        }
    }
    out
}

/// clap writes ranges as Rust does: `is not in 16..=1048576` becomes `is not from 16 to 1048576`.
fn ranges_in_words(line: &str) -> String {
    /// More than any limit of an option: there is none.
    const NO_LIMIT: u64 = u32::MAX as u64;
    let range = || {
        let (before, range) = line.rsplit_once(" is not in ")?;
        let (low, high) = range.split_once("..")?;
        let inclusive = high.starts_with('=');
        let (low, high) = (low.parse::<u64>().ok()?, high.trim_start_matches('=').parse::<u64>().ok()?);
        let high = if inclusive { high } else { high.saturating_sub(1) };
        Some(match high >= NO_LIMIT - 1 {
            true => format!("{before} is not {low} or more"),
            false => format!("{before} is not from {low} to {high}"),
        })
    };
    range().unwrap_or_else(|| line.to_owned())
}

/// The word where the command is: the first one that is neither an option nor the value of one. `None` where that cannot be known.
fn first_word<'a>(args: &'a [String], command: &Command) -> Option<&'a str> {
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        let Some(option) = arg.strip_prefix('-').filter(|name| !name.is_empty()) else { return Some(arg) };
        let known = match option.strip_prefix('-') {
            Some(long) if long.contains('=') => continue,
            Some(long) => command.get_arguments().find(|a| a.get_long() == Some(long)),
            None => command.get_arguments().find(|a| a.get_short().is_some_and(|s| option.starts_with(s))),
        };
        if known?.get_action().takes_values() {
            rest.next();
        }
    }
    None
}

/// An error about a word that is neither a command nor a path.
fn no_such_command(word: &str, command: &Command) -> Option<ModelError> {
    let is_command = word == "help" || command.find_subcommand(word).is_some();
    if is_command || Path::new(word).exists() {
        return None;
    }
    let error = ModelError::request(format!("no such command: `{word}`"));
    Some(error.with_hint(match similar(word, command) {
        Some(near) => format!("Did you mean `{near}`? `remold --help` lists the commands."),
        None => "`remold --help` lists the commands; `remold DIR` opens the workbench on a folder.".to_owned(),
    }))
}

/// The command with a name like the word.
fn similar(word: &str, command: &Command) -> Option<String> {
    let names: Vec<&str> = command.get_subcommands().filter(|c| !c.is_hide_set()).map(Command::get_name).collect();
    recipe::nearest(word, names.iter().copied().chain(["help"])).map(str::to_owned)
}

/// An error about a folder to open that does not exist: a command with a typing mistake, or a wrong path.
pub(super) fn no_such_folder(dir: &Path) -> ModelError {
    let command = args::command();
    let word = dir.to_str().filter(|word| similar(word, &command).is_some());
    word.and_then(|word| no_such_command(word, &command)).unwrap_or_else(|| {
        ModelError::request("no such file or folder").in_file(dir).with_hint("`remold --help` lists the commands.")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn the_command_is_found_behind_options() {
        let command = args::command();
        for (line, word) in [
            ("convret x", Some("convret")),
            ("-q convret x", Some("convret")),
            ("--color always --theme dark convret", Some("convret")),
            ("--color=always convret", Some("convret")),
            ("--unknown convret", None),
            ("-v", None),
        ] {
            assert_eq!(first_word(&words(line), &command), word, "{line}");
        }
    }

    #[test]
    fn commands_with_a_slip_are_suggested() {
        let command = args::command();
        for (word, near) in [
            ("convret", Some("convert")),
            ("conver", Some("convert")),
            ("inspct", Some("inspect")),
            ("jbos", Some("jobs")),
            ("verfy", Some("verify")),
            ("hepl", Some("help")),
            ("models", None),
            ("worker", None),
        ] {
            let found = no_such_command(word, &command).and_then(|e| e.hint().map(crate::model::Hint::text));
            let hint = found.unwrap_or_default();
            assert_eq!(hint.contains("Did you mean"), near.is_some(), "{word}: {hint}");
            assert!(near.is_none_or(|near| hint.contains(&format!("`{near}`"))), "{word}: {hint}");
        }
    }

    #[test]
    fn a_word_too_many_has_a_hint() {
        let word = ContextValue::String("b".to_owned());
        let hint = |kind, line: &str| one_at_a_time(kind, Some(&word), &words(line)).unwrap_or_default();
        assert!(hint(ErrorKind::UnknownArgument, "verify a b").contains("`remold verify` takes one at a time"));
        assert!(hint(ErrorKind::UnknownArgument, "recipe check a b").contains("`remold recipe check` takes one"));
        assert!(hint(ErrorKind::InvalidSubcommand, "jobs 150").contains("jobs show 150"));
        assert_eq!(hint(ErrorKind::InvalidSubcommand, "jobs lst"), "");
    }

    #[test]
    fn tips_are_hints() {
        let text = "error: no\n\n  tip: write `x`\n  tip: see `y`.\n\nFor more information, try '--help'.\n";
        let wanted = "error: no\n  hint: Write `x`.\n  hint: See `y`.\n\nFor more information, try '--help'.\n";
        assert_eq!(with_hints(text), wanted);
    }

    #[test]
    fn colours_are_asked_for_before_a_double_dash() {
        for (line, choice) in [
            ("convert m --color always", ColorChoice::Always),
            ("--color=never formats", ColorChoice::Never),
            ("formats", ColorChoice::Auto),
            ("inspect -- --color always", ColorChoice::Auto),
        ] {
            assert_eq!(color_asked(&words(line)), choice, "{line}");
        }
    }
}

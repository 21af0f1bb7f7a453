//! The flags of target options, made from the tables of `recipe::options`.

use super::note;
use super::text::{Style, safe};
use crate::model::{FormatId, ModelError, Result, Role, read_request_text};
use crate::recipe::keys::{Key, Kind, OptionGroup};
use crate::recipe::options::{self, Flag, FlagValue, gguf};
use crate::recipe::{Target, edit};
use clap::builder::{NonEmptyStringValueParser, PossibleValuesParser, ValueParser};
use clap::{Arg, ArgAction, ArgMatches, Command, FromArgMatches};
use std::path::PathBuf;

/// Largest file of tensor types: a line for each of a million tensors takes less.
const MAX_TYPES_BYTES: u64 = 64 << 20;

/// The flag that gives rules from a file. Its rules belong to the option whose flag is [`RULES`].
const RULES_FILE: &str = "tensor-type-file";
const RULES: &str = "tensor-type";

/// The flags of target options that were given, in the order of the tables.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct TargetFlags {
    given: Vec<FlagValues>,
    /// Files of rules.
    pub rule_files: Vec<PathBuf>,
}

/// One flag with its values; a switch has none.
#[derive(Clone, Debug, PartialEq)]
struct FlagValues {
    name: &'static str,
    values: Vec<String>,
}

impl FlagValues {
    fn key(&self) -> Option<(&'static Key, &'static Flag)> {
        options::own_keys().find(|k| k.name == self.name).and_then(|k| Some((k, k.flag.as_ref()?)))
    }
}

impl TargetFlags {
    /// True if none was given.
    pub(crate) fn is_empty(&self) -> bool {
        self.given.is_empty() && self.rule_files.is_empty()
    }

    /// The flags that were given of those that are about what is beside an output.
    pub(crate) fn given_of_the_runtime(&self) -> Vec<&'static str> {
        let beside: Vec<&str> = of_the_runtime().collect();
        let longs = self.given.iter().filter_map(|g| Some(g.key()?.1.long));
        longs.filter(|long| beside.contains(long)).collect()
    }

    /// The words of a command line that gives the same flags.
    pub(crate) fn words(&self) -> Vec<String> {
        let mut words = Vec::new();
        for given in &self.given {
            let Some((_, flag)) = given.key() else { continue };
            if given.values.is_empty() {
                words.push(format!("--{}", flag.long));
            }
            for value in &given.values {
                // With `=`, a value may begin with a dash.
                match value.starts_with('-') {
                    true => words.push(format!("--{}={value}", flag.long)),
                    false => words.extend([format!("--{}", flag.long), value.clone()]),
                }
            }
        }
        words.extend(self.rule_files.iter().map(|file| format!("--{RULES_FILE}={}", file.display())));
        words
    }

    /// Gives the options to every target whose format takes them; what no flag is about stays.
    ///
    /// # Errors
    /// Values that cannot be read, files that cannot be read, an option that none of the targets takes.
    pub(crate) fn apply(&self, targets: &mut [Target]) -> Result<()> {
        for given in &self.given {
            let Some((key, flag)) = given.key() else { continue };
            let mut taken = false;
            // A budget is for the targets that have no type, if there are any.
            let budget = key.group == Some(OptionGroup::Budget);
            let typeless = budget && targets.iter().any(|t| key.fits(t.format) && t.quantization.is_none());
            let meant = |t: &&mut Target| key.fits(t.format) && (!typeless || t.quantization.is_none());
            for target in targets.iter_mut().filter(meant) {
                taken = true;
                put(target, key, flag, &given.values)?;
            }
            if !taken {
                return Err(not_taken(flag.long, key, targets));
            }
            if key.name == gguf::OVERRIDE_KV.key.name {
                given.values.iter().filter_map(|pair| magnitude(pair)).for_each(|text| warn(&text));
            }
        }
        let rules = options::own_keys().find_map(|k| Some((k, k.flag.as_ref().filter(|f| f.long == RULES)?)));
        let Some((key, flag)) = rules.filter(|_| !self.rule_files.is_empty()) else { return Ok(()) };
        if !targets.iter().any(|t| key.fits(t.format)) {
            return Err(not_taken(RULES_FILE, key, targets));
        }
        for file in &self.rule_files {
            let text = read_request_text(file, MAX_TYPES_BYTES)?;
            // The file is llama-quantize's: a word that is a role here is an expression there.
            let role = |pair: &str| pair.split_once('=').is_some_and(|(word, _)| Role::parse(word).is_some());
            let pairs = text.split_whitespace().map(|p| if role(p) { format!("re:{p}") } else { p.to_owned() });
            let pairs: Vec<String> = pairs.collect();
            for target in targets.iter_mut().filter(|t| key.fits(t.format)) {
                put(target, key, &Flag { long: RULES_FILE, ..*flag }, &pairs).map_err(|e| e.in_file(file))?;
            }
        }
        Ok(())
    }
}

/// What to say of a negative integer: llama-quantize, whose flag this is, writes its magnitude.
fn magnitude(pair: &str) -> Option<String> {
    let (key, value) = pair.split_once("=int:-")?;
    Some(format!(
        "--override-kv {pair} writes {value}, as llama-quantize does; for −{value} use --set 'target.override_kv.\"{key}\"=-{value}'"
    ))
}

fn warn(text: &str) {
    note(&format!("{} {}\n", Style::stderr().warning("warning:"), safe(text)));
}

fn not_taken(long: &str, key: &Key, targets: &[Target]) -> ModelError {
    let have: Vec<&str> = targets.iter().map(|t| t.format.name()).collect();
    let what = format!(
        "--{long} is an option of {} targets, and this run writes {}",
        options::formats_text(key),
        have.join(", ")
    );
    ModelError::request(what).with_hint(format!("Leave out --{long}, or add a target that takes it."))
}

/// Gives one option to a target.
fn put(target: &mut Target, key: &'static Key, flag: &Flag, values: &[String]) -> Result<()> {
    let refuse = |what: String, hint: Option<String>| {
        let error = ModelError::request(what).field(format!("--{}", flag.long));
        match hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    };
    if let FlagValue::Entry(read, last_wins) = flag.value {
        let mut table = target.options.json(key).and_then(|v| v.as_object()).cloned().unwrap_or_default();
        for value in values {
            let (name, value) = read(value).map_err(|(what, hint)| refuse(what, Some(hint.to_owned())))?;
            if last_wins {
                // As in llama-quantize, what is set again goes to the end.
                table.shift_remove(&name);
            }
            table.entry(name).or_insert(value);
        }
        target.options.put(key, Some(serde_json::Value::Object(table)));
        return Ok(());
    }
    if let (Kind::Text | Kind::Path, [value]) = (key.kind, values) {
        // As it was given: a name may begin with a space.
        target.options.put(key, Some(value.as_str().into()));
        return Ok(());
    }
    if matches!(key.kind, Kind::List | Kind::Selectors) {
        target.options.put(key, Some(values.into()));
        return Ok(());
    }
    let text = if values.is_empty() { "true".to_owned() } else { values.join(",") };
    let json = edit::read_value(key, &text).map_err(|problem| refuse(problem.message, problem.help))?;
    target.options.put(key, Some(json));
    Ok(())
}

/// What the help says of a flag: the first sentence of the option's help, with what may be repeated.
fn help(key: &Key, flag: &Flag) -> String {
    // Other options are named by their flags.
    let named = options::own_keys().filter_map(|k| Some((k.name, k.flag.as_ref()?.long)));
    let text = named.fold(flag.help.unwrap_or(key.help).to_owned(), |text, (name, long)| {
        text.replace(&format!("`{name}`"), &format!("--{long}"))
    });
    let text = text.trim_end_matches('.').replace('`', "");
    let repeated = matches!(flag.value, FlagValue::Entry(..)) || key.kind == Kind::Selectors;
    let example = match key.kind {
        Kind::Size | Kind::Layers | Kind::List => key.example.replace(['"', '[', ']', ' '], ""),
        _ => String::new(),
    };
    let example = if example.is_empty() { example } else { format!(", as in {example}") };
    format!("{text}{example}{}", if repeated { "; may be repeated" } else { "" })
}

fn arg(key: &'static Key, flag: &'static Flag, heading: &'static str) -> Arg {
    let arg = Arg::new(flag.long)
        .long(flag.long)
        .visible_aliases(flag.shown_aliases)
        .aliases(flag.aliases)
        .help(help(key, flag))
        .help_heading(heading);
    let conflicts = key
        .conflicts
        .iter()
        .filter_map(|name| options::own_keys().find(|k| k.name == *name).and_then(|k| k.flag.as_ref()).map(|f| f.long));
    let arg = arg.conflicts_with_all(conflicts.collect::<Vec<_>>());
    if flag.value_name.is_empty() {
        return arg.action(ArgAction::SetTrue);
    }
    let arg = arg.value_name(flag.value_name).value_parser(value_parser(key, flag));
    let list = matches!(key.kind, Kind::List | Kind::Layers);
    let repeated = list || key.kind == Kind::Selectors || matches!(flag.value, FlagValue::Entry(..));
    let arg = if list { arg.value_delimiter(',') } else { arg };
    let arg = match key.kind {
        Kind::Path => arg.value_hint(clap::ValueHint::FilePath),
        Kind::Choice(_) => arg.ignore_case(true).hide_possible_values(true),
        _ => arg,
    };
    if repeated { arg.action(ArgAction::Append) } else { arg }
}

/// Flags that the help shows behind another one, whatever their place in the table of options: what belongs together is read together.
const BEHIND: [(&str, &str); 4] = [
    ("leave-output", "output-type"),
    (RULES_FILE, RULES),
    ("include-weights", "imatrix"),
    ("exclude-weights", "include-weights"),
];

/// The flags in the order of the help.
fn in_help_order(mut args: Vec<Arg>) -> Vec<Arg> {
    for (flag, anchor) in BEHIND {
        let place = |args: &[Arg], id: &str| args.iter().position(|a| a.get_id() == id);
        if let Some(from) = place(&args, flag) {
            let moved = args.remove(from);
            let to = place(&args, anchor).map_or(from, |at| at + 1);
            args.insert(to, moved);
        }
    }
    args
}

/// Values are checked by the reader of recipes, within a message of the usual form.
fn value_parser(key: &'static Key, flag: &Flag) -> ValueParser {
    match (key.kind, flag.value) {
        (Kind::Choice(words), FlagValue::Typed) => ValueParser::new(PossibleValuesParser::new(words)),
        (Kind::Integer(..) | Kind::Number(..) | Kind::Size, FlagValue::Typed) => ValueParser::new(move |text: &str| {
            edit::read_value(key, text).map(|_| text.to_owned()).map_err(|p| match p.help {
                Some(help) => format!("{}. {help}", p.message),
                None => p.message,
            })
        }),
        (Kind::Layers, _) => ValueParser::new(|text: &str| {
            let written = text.trim().to_owned();
            let known = crate::recipe::layer_numbers(&written).is_some();
            known.then_some(written).ok_or("write the numbers of layers, separated by commas, as in 20,21 or 20-23")
        }),
        (Kind::Path, _) => ValueParser::new(NonEmptyStringValueParser::new()),
        _ => ValueParser::new(clap::builder::StringValueParser::new()),
    }
}

/// The flags of the formats that can be written, each under the heading of its first format.
fn flags() -> impl Iterator<Item = (&'static Key, &'static Flag, &'static str)> {
    options::own_keys().filter_map(|key| {
        let flag = key.flag.as_ref()?;
        let heading = match options::formats_of(key).as_slice() {
            [one] => heading(*one),
            _ => "Target options",
        };
        Some((key, flag, heading))
    })
}

/// Keys that only write metadata: no forecast depends on them.
const METADATA_KEYS: [&str; 4] = ["context_length", "pre_tokenizer", "model_name", "override_kv"];

/// The flags that change nothing of a forecast.
pub(super) fn without_effect_on_a_forecast() -> impl Iterator<Item = &'static str> {
    flags().filter(|(key, ..)| key.unmeasured || METADATA_KEYS.contains(&key.name)).map(|(_, flag, _)| flag.long)
}

/// The flags of what is beside an output: settings for the program that loads it.
pub(super) fn of_the_runtime() -> impl Iterator<Item = &'static str> {
    let beside = |key: &Key| key.unmeasured && key.group == Some(OptionGroup::Runtime);
    flags().filter(move |(key, ..)| beside(key)).map(|(_, flag, _)| flag.long)
}

fn heading(format: FormatId) -> &'static str {
    options::of(format).map_or("Target options", |f| f.heading)
}

impl clap::Args for TargetFlags {
    fn augment_args(command: Command) -> Command {
        let rules = Arg::new(RULES_FILE)
            .long(RULES_FILE)
            .value_name("FILE")
            .help(
                "Read PATTERN=TYPE rules from a file, separated by spaces or newlines; those of --tensor-type apply first",
            )
            .help_heading(heading(FormatId::Gguf))
            .action(ArgAction::Append)
            .value_parser(clap::value_parser!(PathBuf));
        let all = flags().map(|(key, flag, heading)| arg(key, flag, heading)).chain([rules]);
        command.args(in_help_order(all.collect()))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for TargetFlags {
    fn from_arg_matches(matches: &ArgMatches) -> std::result::Result<Self, clap::Error> {
        let mut given = Vec::new();
        for (key, flag, _) in flags() {
            if matches.value_source(flag.long) != Some(clap::parser::ValueSource::CommandLine) {
                continue;
            }
            let values = match flag.value_name {
                "" => Vec::new(),
                _ => matches.get_many::<String>(flag.long).into_iter().flatten().cloned().collect(),
            };
            given.push(FlagValues { name: key.name, values });
        }
        let rule_files = matches.get_many::<PathBuf>(RULES_FILE).into_iter().flatten().cloned().collect();
        Ok(Self { given, rule_files })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> std::result::Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::Cli;
    use crate::recipe::keys;
    use clap::CommandFactory;
    use std::collections::BTreeSet;

    /// Flags of `convert` that are not keys of a recipe: they choose targets, name a recipe, set keys by name, or are about the run.
    const NO_KEYS: [&str; 11] =
        ["to", "recipe", "set", RULES_FILE, "threads", "json", "detach", "dry-run", "recursive", "fail-fast", "help"];

    fn longs(name: &str) -> BTreeSet<String> {
        let command = Cli::command();
        let command = command.find_subcommand(name).unwrap();
        command.get_arguments().filter_map(|a| a.get_long().map(str::to_owned)).collect()
    }

    fn of_keys<'k>(keys: impl Iterator<Item = &'k Key>) -> BTreeSet<String> {
        keys.filter_map(|k| Some(k.flag.as_ref()?.long.to_owned())).collect()
    }

    #[test]
    fn every_flag_of_a_key_is_one_of_convert_and_the_other_way_round() {
        let known = NO_KEYS.into_iter().map(str::to_owned).collect();
        let flags: BTreeSet<String> = longs("convert").difference(&known).cloned().collect();
        assert_eq!(flags, of_keys(keys::keys()));
    }

    #[test]
    fn what_belongs_together_is_shown_together() {
        let command = Cli::command();
        let convert = command.find_subcommand("convert").unwrap();
        let longs: Vec<&str> = convert.get_arguments().filter_map(Arg::get_long).collect();
        let place = |long: &str| longs.iter().position(|l| *l == long).unwrap();
        for (flag, anchor) in BEHIND {
            assert_eq!(place(flag), place(anchor) + 1, "{flag}");
        }
    }

    #[test]
    fn every_option_of_a_target_that_has_a_flag_is_one_of_plan() {
        let flags = longs("plan");
        let missing: Vec<String> = of_keys(options::own_keys()).difference(&flags).cloned().collect();
        assert!(missing.is_empty(), "{missing:?}");
        let known = of_keys(keys::keys());
        let others: Vec<&String> = flags.iter().filter(|f| !known.contains(*f)).collect();
        assert_eq!(others, ["json", RULES_FILE, "threads"], "of plan alone");
    }
}

//! Remedies in the words of the command line: options are flags there, by the table of keys. A command that lacks a flag sets the option with
//! `--set`, or in the recipe.

use super::keys::{self, Key};
use super::options::{self, Flag};
use crate::files::paths::on_jobs;
use crate::model::{Hint, Listing, OptionName, OptionPath, Place, Remedy, Words};
use std::sync::OnceLock;

/// The words of the command line, for a command with certain options.
#[derive(Clone, Debug, Default)]
pub(crate) struct CommandLine {
    /// The long names of the command's options; `None` if every option of a conversion can be named.
    flags: Option<Vec<String>>,
}

/// The words of the command that runs.
static COMMAND: OnceLock<CommandLine> = OnceLock::new();

/// Says which options the command that runs has, so that hints name no others. The first call counts.
pub(crate) fn set_command_flags(flags: Vec<String>) {
    let _ = COMMAND.set(CommandLine { flags: Some(flags) });
}

/// The long names of the options that were given on the command line.
static GIVEN: OnceLock<Vec<String>> = OnceLock::new();

/// Says which options were given on the command line, so that errors call them by what was typed. The first call counts.
pub(crate) fn set_given_flags(flags: Vec<String>) {
    let _ = GIVEN.set(flags);
}

/// The name of an option in an error: its flag if that was given on the command line, else its key.
pub(crate) fn option_as_given(path: &OptionPath) -> String {
    let given = |long: &str| GIVEN.get().is_some_and(|given| given.iter().any(|g| g == long));
    let long = match path.option {
        OptionName::FORMAT | OptionName::QUANTIZATION => Some("to"),
        option => flag_of(option).map(|flag| flag.long),
    };
    match (long.filter(|long| given(long)), &path.entry) {
        (Some(long), Some(entry)) => format!("--{long} {entry}"),
        (Some(long), None) => format!("--{long}"),
        (None, _) => path.to_string(),
    }
}

/// A hint as the command line shows it.
pub fn on_command_line(hint: &Hint) -> String {
    hint.in_words(COMMAND.get_or_init(CommandLine::default))
}

impl From<&Key> for OptionName {
    fn from(key: &Key) -> Self {
        Self::of_key(key.name)
    }
}

impl<T> From<&options::TargetOption<T>> for OptionName {
    fn from(option: &options::TargetOption<T>) -> Self {
        Self::of_key(option.key.name)
    }
}

impl<T> From<&options::TargetOption<T>> for crate::model::OptionPath {
    fn from(option: &options::TargetOption<T>) -> Self {
        OptionName::from(option).into()
    }
}

impl From<&Key> for crate::model::OptionPath {
    fn from(key: &Key) -> Self {
        OptionName::from(key).into()
    }
}

/// The flag of an option, from the table of keys.
fn flag_of(option: OptionName) -> Option<Flag> {
    keys::keys().find(|key| key.name == option.key() && key.flag.is_some())?.flag
}

/// How an option is given.
enum Way {
    /// By its flag.
    Flag(Flag),
    /// With `--set`.
    Set,
    /// As a key of the recipe.
    Recipe,
}

impl CommandLine {
    fn has(&self, long: &str) -> bool {
        self.flags.as_ref().is_none_or(|flags| flags.iter().any(|f| f == long))
    }

    fn way(&self, option: OptionName) -> Way {
        match flag_of(option) {
            Some(flag) if self.has(flag.long) => Way::Flag(flag),
            _ if self.has("set") => Way::Set,
            _ => Way::Recipe,
        }
    }

    /// `--allow-requantize`
    fn name(&self, option: OptionName) -> String {
        match self.way(option) {
            Way::Flag(flag) => format!("--{}", flag.long),
            Way::Set => format!("--set {option}"),
            Way::Recipe => format!("`{option}` in the recipe"),
        }
    }

    /// The option with a value.
    fn given(&self, option: OptionName, value: &str) -> String {
        match self.way(option) {
            Way::Flag(flag) => format!("--{} {value}", flag.long),
            Way::Set => format!("--set {option}={value}"),
            Way::Recipe => format!("`{option}` in the recipe"),
        }
    }
}

impl Words for CommandLine {
    fn remedy(&self, remedy: &Remedy) -> String {
        match remedy {
            Remedy::Set(option) => match self.way(*option) {
                Way::Flag(flag) => format!("pass --{}", flag.long),
                Way::Set => format!("pass --set {option}=true"),
                Way::Recipe => format!("set `{option} = true` in the recipe"),
            },
            Remedy::Clear(option) => match self.way(*option) {
                Way::Flag(flag) => format!("omit --{}", flag.long),
                Way::Set | Way::Recipe => format!("omit `{option}`"),
            },
            Remedy::ClearThis => "omit the option".to_owned(),
            Remedy::Give(what, option) => match self.way(*option) {
                Way::Flag(flag) => format!("pass {what} with --{}", flag.long),
                Way::Set => format!("pass {what} with --set {option}=…"),
                Way::Recipe => format!("give {what} as `{option}` in the recipe"),
            },
            Remedy::Name(what, option) => {
                let value = flag_of(*option).map_or("VALUE", |flag| flag.value_name);
                match self.way(*option) {
                    Way::Recipe => format!("name {what} with `{option}` in the recipe"),
                    _ => format!("name {what} with {} ({option} in a recipe)", self.given(*option, value)),
                }
            }
            Remedy::Option(option) => self.name(*option),
            Remedy::Aside(option) => format!(" ({})", self.name(*option)),
            Remedy::Target(target) if self.has("to") => format!("`--to {target}`"),
            Remedy::Target(target) => format!("`target = \"{target}\"`"),
            Remedy::Example(..) if !self.has("to") => String::new(),
            Remedy::Example(target, None) => format!(", as in `--to {target}`"),
            Remedy::Example(target, Some((option, value))) => {
                format!(", as in `--to {target} {}`", self.given(*option, value))
            }
            Remedy::GiveOutput(place) => {
                let what = match place {
                    Place::Another => "another output",
                    Place::AnotherDisk => "another disk",
                    Place::FileName => "a file name",
                    Place::Outside => "a path outside of it",
                };
                match (self.has("output"), self.has("set")) {
                    (true, _) => format!("choose {what} with -o"),
                    (false, true) => format!("choose {what} with --set target.output=PATH"),
                    (false, false) => format!("choose {what} in the recipe"),
                }
            }
            Remedy::Force if self.has("force") => "use --force to replace it".to_owned(),
            Remedy::Force => "set `force = true` in the recipe to replace it".to_owned(),
            Remedy::OnCommandLine(words) if words.contains(" -o") && !self.has("output") => String::new(),
            Remedy::OnCommandLine(words) => (*words).to_owned(),
            Remedy::See(Listing::Types) => "`remold formats`".to_owned(),
            Remedy::See(Listing::Budgets) => "`remold plan`".to_owned(),
            Remedy::See(Listing::Tensors) => "`remold inspect --tensors`".to_owned(),
            Remedy::Run(command) => match command.split(' ').next() {
                Some("jobs" | "watch") => format!("`{}`", on_jobs(command)),
                _ => format!("`remold {command}`"),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::options::gguf;

    #[test]
    fn every_named_option_is_in_the_table() {
        for option in OptionName::ALL {
            assert!(keys::keys().any(|key| key.name == option.key()), "{option}");
        }
    }

    /// A command without a flag sets the option otherwise.
    #[test]
    fn hints_name_only_options_that_the_command_has() {
        let words = |flags: &[&str]| CommandLine { flags: Some(flags.iter().map(|f| (*f).to_owned()).collect()) };
        let said = |flags: &[&str], remedy: Remedy| Hint::from(remedy).in_words(&words(flags));
        let (watch, new) = (&["to", "output", "set", "max-memory"][..], &["memory", "output"][..]);
        let requantize = || Remedy::Set(OptionName::ALLOW_REQUANTIZE);
        assert_eq!(said(watch, requantize()), "Pass --set allow_requantize=true");
        assert_eq!(said(new, requantize()), "Set `allow_requantize = true` in the recipe");
        assert_eq!(said(watch, Remedy::Give("one", OptionName::IMATRIX)), "Pass one with --set imatrix=…");
        assert_eq!(said(watch, Remedy::Option(OptionName::MAX_MEMORY)), "--max-memory");
        assert_eq!(said(new, Remedy::Option(OptionName::ROPE_SCALING)), "`rope_scaling` in the recipe");
        let bits = Remedy::Example("gguf", Some(((&gguf::TARGET_BPW).into(), "4.25")));
        assert_eq!(said(watch, bits), ", as in `--to gguf --set target_bpw=4.25`");
        let run = &["set", "force"][..];
        assert_eq!(
            said(run, Remedy::GiveOutput(Place::Another)),
            "Choose another output with --set target.output=PATH"
        );
        assert_eq!(said(run, Remedy::OnCommandLine(" with -o")), "");
        assert_eq!(said(run, Remedy::Force), "Use --force to replace it");
    }

    #[test]
    fn options_are_flags() {
        let said = |remedy: Remedy| on_command_line(&remedy.into());
        assert_eq!(said(Remedy::Set(OptionName::ALLOW_REQUANTIZE)), "Pass --allow-requantize");
        assert_eq!(said(Remedy::Clear(OptionName::NO_FALLBACK)), "Omit --no-fallback");
        assert_eq!(said(Remedy::Option(OptionName::MAX_MEMORY)), "--max-memory");
        assert_eq!(said(Remedy::Aside(OptionName::MANIFEST)), " (--no-manifest)");
        let name = Remedy::Name("it", OptionName::PRE_TOKENIZER);
        assert_eq!(said(name), "Name it with --pre NAME (pre_tokenizer in a recipe)");
        let bits = Remedy::Example("gguf", Some(((&gguf::TARGET_BPW).into(), "4.25")));
        assert_eq!(said(bits), ", as in `--to gguf --target-bpw 4.25`");
        assert_eq!(said(Remedy::GiveOutput(Place::FileName)), "Choose a file name with -o");
        assert_eq!(said(Remedy::Run("jobs resume 7".to_owned())), "`remold jobs resume 7`");
    }
}

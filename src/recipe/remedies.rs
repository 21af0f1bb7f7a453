//! Remedies in the words of the command line: options are flags there, by the table of keys.

use super::keys::{self, Key};
use super::options::{self, Flag};
use crate::model::{Hint, Listing, OptionName, Place, Remedy, Words};

/// The words of the command line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CommandLine;

/// A hint as the command line shows it.
pub fn on_command_line(hint: &Hint) -> String {
    hint.in_words(&CommandLine)
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

/// `--allow-requantize`; an option without a flag is set by its key.
fn flag(option: OptionName) -> String {
    flag_of(option).map_or_else(|| format!("--set {option}"), |flag| format!("--{}", flag.long))
}

impl Words for CommandLine {
    fn remedy(&self, remedy: &Remedy) -> String {
        match remedy {
            Remedy::Set(option) => format!("pass {}", flag(*option)),
            Remedy::Clear(option) => format!("omit {}", flag(*option)),
            Remedy::ClearThis => "omit the option".to_owned(),
            Remedy::Give(what, option) => format!("pass {what} with {}", flag(*option)),
            Remedy::Name(what, option) => {
                let value = flag_of(*option).map_or("", |flag| flag.value_name);
                format!("name {what} with {} {value} ({option} in a recipe)", flag(*option))
            }
            Remedy::Option(option) => flag(*option),
            Remedy::Aside(option) => format!(" ({})", flag(*option)),
            Remedy::Target(target) => format!("`--to {target}`"),
            Remedy::Example(target, None) => format!(", as in `--to {target}`"),
            Remedy::Example(target, Some((option, value))) => {
                format!(", as in `--to {target} {} {value}`", flag(*option))
            }
            Remedy::GiveOutput(place) => {
                let what = match place {
                    Place::Another => "another output",
                    Place::AnotherDisk => "another disk",
                    Place::FileName => "a file name",
                    Place::Outside => "a path outside of it",
                };
                format!("choose {what} with -o")
            }
            Remedy::Force => "use --force to replace it".to_owned(),
            Remedy::OnCommandLine(words) => (*words).to_owned(),
            Remedy::See(Listing::Types) => "`remold formats`".to_owned(),
            Remedy::See(Listing::Budgets) => "`remold plan`".to_owned(),
            Remedy::See(Listing::Tensors) => "`remold inspect --tensors`".to_owned(),
            Remedy::Run(command) => format!("`remold {command}`"),
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

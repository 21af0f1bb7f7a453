//! What to do about an error, as data.
//!
//! A [`Hint`] is text with [`Remedy`]s in it. A remedy names an option, a command or a list; the words for it are chosen where the error
//! is shown: `recipe::remedies` has those of the command line (`--allow-requantize`), `tui::core::remedies` those of the workbench
//! (`allow_requantize`). Text that names no flag and no command needs no remedy.

use super::OptionName;

/// What to do about an error: full sentences.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hint {
    parts: Vec<Part>,
    names_code: bool,
}

/// A piece of a hint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// The same words everywhere.
    Text(String),
    /// Words that depend on where the hint is shown.
    Remedy(Remedy),
}

/// Something that the user can do or look at. Phrases fit into a sentence; [`Hint::in_words`] writes their first letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Turn an option on: `pass --x`.
    Set(OptionName),
    /// Turn an option off or take its value out: `leave out --x`.
    Clear(OptionName),
    /// Leave out the option that the error is about.
    ClearThis,
    /// Give `what` (`one`, `it`) as the value of an option: `pass one with --x`.
    Give(&'static str, OptionName),
    /// Name `what` as the value of an option that is also set in recipes: `name it with --x NAME (x_key in a recipe)`.
    Name(&'static str, OptionName),
    /// The option's name alone: `--x`.
    Option(OptionName),
    /// The option's name behind what it gives: ` (--x)`; nothing where options are fields with names.
    Aside(OptionName),
    /// A target as an argument, `FORMAT` or `FORMAT:QUANT`: `--to gguf:q8_0`.
    Target(String),
    /// How a target is written in full: `, as in --to gguf:q8_0`; nothing where it is chosen from lists.
    Example(&'static str, Option<(OptionName, &'static str)>),
    /// Give another output.
    GiveOutput(Place),
    /// Replace the output that exists.
    Force,
    /// Words that only the command line needs: ` with -o`.
    OnCommandLine(&'static str),
    /// A place that lists what can be chosen.
    See(Listing),
    /// A command of this program, with its arguments.
    Run(String),
}

/// What the output is to be instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Another path.
    Another,
    /// A path on another disk.
    AnotherDisk,
    /// The path of a file.
    FileName,
    /// A path outside of the source.
    Outside,
}

/// A list to choose from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listing {
    /// The quantizations and types that can be made.
    Types,
    /// What a budget can be met with.
    Budgets,
    /// The tensors of a model.
    Tensors,
}

/// The words of one place where hints are shown.
pub(crate) trait Words {
    /// A remedy in these words, in lower case.
    fn remedy(&self, remedy: &Remedy) -> String;
}

impl Hint {
    /// Adds text or a remedy.
    #[must_use]
    pub fn then(mut self, part: impl Into<Part>) -> Self {
        self.parts.push(part.into());
        self
    }

    /// Adds the sentences of another hint.
    #[must_use]
    pub(crate) fn join(mut self, other: &Self) -> Self {
        self.parts.extend(other.parts.iter().cloned());
        self
    }

    /// Marks a hint that names the code which loading the file elsewhere would run.
    #[must_use]
    pub(crate) fn naming_code(mut self) -> Self {
        self.names_code = true;
        self
    }

    /// True if it names the code which loading the file elsewhere would run.
    pub(crate) fn names_code(&self) -> bool {
        self.names_code
    }

    /// Text and remedies, in order.
    #[cfg(test)]
    pub(crate) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The remedies alone, in order.
    #[cfg(test)]
    pub(crate) fn remedies(&self) -> impl Iterator<Item = &Remedy> {
        self.parts.iter().filter_map(|part| match part {
            Part::Remedy(remedy) => Some(remedy),
            Part::Text(_) => None,
        })
    }

    /// The text without its remedies.
    pub fn text(&self) -> String {
        let texts = self.parts.iter().filter_map(|part| match part {
            Part::Text(text) => Some(text.as_str()),
            Part::Remedy(_) => None,
        });
        texts.collect()
    }

    /// The hint in the words of the place where it is shown. A remedy that begins a sentence begins with a capital letter.
    pub(crate) fn in_words(&self, words: &dyn Words) -> String {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Remedy(remedy) => {
                    let phrase = words.remedy(remedy);
                    let verb = !matches!(
                        remedy,
                        Remedy::See(_) | Remedy::Option(_) | Remedy::Target(_) | Remedy::OnCommandLine(_)
                    );
                    let begins = out.is_empty() || out.trim_end().ends_with(['.', '?']);
                    let mut chars = phrase.chars();
                    match chars.next() {
                        Some(first) if verb && begins => {
                            out.extend(first.to_uppercase());
                            out.push_str(chars.as_str());
                        }
                        _ => out.push_str(&phrase),
                    }
                }
            }
        }
        out
    }
}

impl From<&str> for Part {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Part {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Remedy> for Part {
    fn from(remedy: Remedy) -> Self {
        Self::Remedy(remedy)
    }
}

impl From<&str> for Hint {
    fn from(text: &str) -> Self {
        Self::default().then(text)
    }
}

impl From<String> for Hint {
    fn from(text: String) -> Self {
        Self::default().then(text)
    }
}

impl From<&String> for Hint {
    fn from(text: &String) -> Self {
        Self::default().then(text.as_str())
    }
}

impl From<Remedy> for Hint {
    fn from(remedy: Remedy) -> Self {
        Self::default().then(remedy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Plain;

    impl Words for Plain {
        fn remedy(&self, remedy: &Remedy) -> String {
            match remedy {
                Remedy::Set(option) => format!("set {option}"),
                Remedy::Option(option) => option.to_string(),
                _ => "do it".to_owned(),
            }
        }
    }

    #[test]
    fn remedies_begin_sentences_with_a_capital() {
        let said = |hint: &Hint| hint.in_words(&Plain);
        assert_eq!(said(&Remedy::Force.into()), "Do it");
        assert_eq!(said(&Hint::from("Wait, or ").then(Remedy::Force).then(".")), "Wait, or do it.");
        assert_eq!(said(&Hint::from("Did you mean a? ").then(Remedy::Force)), "Did you mean a? Do it");
        let set = Remedy::Set(OptionName::ALLOW_REQUANTIZE);
        assert_eq!(said(&Hint::from(set).then(".")), "Set allow_requantize.");
        let named = Hint::from(Remedy::Option(OptionName::BARE)).then(" is on.");
        assert_eq!(said(&named), "bare is on.", "names keep their letters");
    }

    #[test]
    fn parts_are_reachable() {
        let hint = Hint::from("Wait, or ").then(Remedy::Force).then(".");
        assert_eq!(hint.text(), "Wait, or .");
        assert_eq!(hint.remedies().collect::<Vec<_>>(), [&Remedy::Force]);
        assert_eq!(Hint::from("First. ").join(&hint).parts().len(), 4);
    }
}

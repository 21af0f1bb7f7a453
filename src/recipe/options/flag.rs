//! How an option is given on the command line.

use serde_json::Value as Json;

/// What is wrong with the text of an entry, and how to write it.
pub(crate) type Malformed = (String, &'static str);

/// Reads one entry of a table: its name and its value.
pub(crate) type ReadEntry = fn(&str) -> Result<(String, Json), Malformed>;

/// What a flag's value is made of.
#[derive(Clone, Copy, Debug)]
pub enum FlagValue {
    /// The value as it is typed into a form; lists may be given by repeating the flag or with commas.
    Typed,
    /// Each use of the flag adds one entry to a table, read by this function; of two entries with one name the first stays (`false`) or
    /// the last (`true`).
    Entry(ReadEntry, bool),
}

/// A flag.
#[derive(Clone, Copy, Debug)]
pub struct Flag {
    /// Its name, without the dashes.
    pub long: &'static str,
    /// Other names that are shown in the help.
    pub shown_aliases: &'static [&'static str],
    /// Other names, such as those of llama.cpp's tools.
    pub aliases: &'static [&'static str],
    /// What the help calls the value; empty for flags without one.
    pub value_name: &'static str,
    /// What the value is.
    pub value: FlagValue,
    /// What the help says, where the flag's value is written otherwise than the key's.
    pub help: Option<&'static str>,
}

impl Flag {
    /// A flag with a value as it is typed into a form.
    pub(crate) const fn new(long: &'static str, value_name: &'static str) -> Self {
        Self { long, shown_aliases: &[], aliases: &[], value_name, value: FlagValue::Typed, help: None }
    }

    /// A flag that is on when it is given.
    pub(crate) const fn switch(long: &'static str) -> Self {
        Self::new(long, "")
    }

    /// With other names.
    pub(crate) const fn or(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    /// With other names that are shown.
    pub(crate) const fn shown(mut self, aliases: &'static [&'static str]) -> Self {
        self.shown_aliases = aliases;
        self
    }

    /// With a help of its own.
    pub(crate) const fn help(mut self, help: &'static str) -> Self {
        self.help = Some(help);
        self
    }

    /// With entries of a table as its values.
    pub(crate) const fn entries(mut self, read: ReadEntry, last_wins: bool) -> Self {
        self.value = FlagValue::Entry(read, last_wins);
        self
    }
}

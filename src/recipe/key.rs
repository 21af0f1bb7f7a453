//! What a key of a recipe is: its place, its names, what it takes.

use super::options::flag::Flag;

/// The table that contains a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyTable {
    /// The top of the file.
    Top,
    /// `[source]`.
    Source,
    /// A `[[target]]`.
    Target,
    /// `[validate]`.
    Validate,
    /// A `[[pipeline]]` step of that name.
    Step(&'static str),
}

/// What a key takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Any text.
    Text,
    /// A path, relative to the folder remold runs in.
    Path,
    /// `true` or `false`.
    Bool,
    /// A whole number in a range.
    Integer(u64, u64),
    /// A number in a range.
    Number(f64, f64),
    /// Bytes or text like `5GB`.
    Size,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A format's name.
    Format,
    /// A quantization's name.
    Quantization,
    /// A tensor type's name.
    TensorType,
    /// A list of texts or numbers; a lone one is a list of one.
    List,
    /// Selectors of tensors; a lone one is a list of one.
    Selectors,
    /// Numbers of layers, also as text with commas between them; a lone one is a list of one.
    Layers,
    /// Selector → tensor type, in order. Also a list of `pattern=type`, as llama-quantize takes it.
    Rules,
    /// Metric → condition.
    Conditions,
    /// Names → texts, numbers or booleans.
    Table,
}

impl Kind {
    /// For messages and the manual: `a whole number from 1 to 10`.
    pub(crate) fn describe(self) -> String {
        match self {
            Self::Text => "a string".to_owned(),
            Self::Path => "a path".to_owned(),
            Self::Bool => "`true` or `false`".to_owned(),
            Self::Integer(0, u64::MAX) => "a whole number, 0 or more".to_owned(),
            Self::Integer(low, high) => format!("a whole number from {low} to {high}"),
            Self::Number(low, f64::MAX) => format!("a number, {low} or more"),
            Self::Number(low, high) => format!("a number from {low} to {high}"),
            Self::Size => "a number of bytes or a string like `5GB` or `4.5GiB`".to_owned(),
            Self::Choice([one]) => format!("`{one}`"),
            Self::Choice(words) => {
                format!("one of {}", words.iter().map(|w| format!("`{w}`")).collect::<Vec<_>>().join(", "))
            }
            Self::Format => "the name of a format".to_owned(),
            Self::Quantization => "the name of a quantization".to_owned(),
            Self::TensorType => "the name of a tensor type".to_owned(),
            Self::List => "a list".to_owned(),
            Self::Selectors => "a list of roles, parts of names, names with `*`, or `re:` patterns".to_owned(),
            Self::Layers => "a list of layer numbers".to_owned(),
            Self::Rules => "a table of selector = tensor type".to_owned(),
            Self::Conditions => "a table of metric = condition, like `{ kld_mean = \"> 0.05\" }`".to_owned(),
            Self::Table => "a table".to_owned(),
        }
    }
}

/// What an option of a target is about: the heading it has in a form and in the manual.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OptionGroup {
    /// Types of tensors, and which tensors are written.
    Types,
    /// A budget in place of a type.
    Budget,
    /// How much each weight matters.
    Importance,
    /// The tokenizer, names and other metadata.
    Tokenizer,
    /// Where the output is, and its files.
    Output,
    /// What the program that loads the output is told.
    Runtime,
}

impl OptionGroup {
    /// All, in the order of forms and of the manual.
    pub const ALL: [Self; 6] =
        [Self::Types, Self::Budget, Self::Importance, Self::Tokenizer, Self::Output, Self::Runtime];

    /// Its heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::Types => "types and tensors",
            Self::Budget => "budget",
            Self::Importance => "importance",
            Self::Tokenizer => "tokenizer and names",
            Self::Output => "output and splitting",
            Self::Runtime => "runtime",
        }
    }
}

/// Whether this version acts on a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Acted on since that version.
    Since(&'static str),
    /// Understood, and refused by `check`: comes later.
    Later,
    /// Taken for the sake of other tools' recipes; changes nothing.
    NoEffect,
}

/// One key.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// The table it belongs to.
    pub table: KeyTable,
    /// Its name.
    pub name: &'static str,
    /// Other names it is known by, in the same place.
    pub aliases: &'static [&'static str],
    /// Names it has at the top of the file.
    pub flat: &'static [&'static str],
    /// What it takes.
    pub kind: Kind,
    /// Whether this version acts on it.
    pub state: State,
    /// A one-line description.
    pub help: &'static str,
    /// A value in TOML.
    pub example: &'static str,
    /// Keys that cannot be given together with it.
    pub conflicts: &'static [&'static str],
    /// True for a flag for which off is not the same as absent.
    pub tri_state: bool,
    /// True for a flag that is on where the recipe does not have it.
    pub default_on: bool,
    /// How it is given on the command line, if it has a flag of its own.
    pub flag: Option<Flag>,
    /// How a list shows that it is given: `ctx {}`, with `{}` for the value, `{n}` for the number of entries and `{s}` for the plural; empty
    /// if it does not.
    pub fact: &'static str,
    /// The option whose path, as given, is its default: a job's recipe has full paths, and the output names the one that was given.
    pub named_after: Option<&'static str>,
    /// True if its value belongs to one model and is dropped when another is chosen.
    pub of_model: bool,
    /// True if it changes nothing of what a forecast measures.
    pub unmeasured: bool,
    /// What an option of a target is about.
    pub group: Option<OptionGroup>,
    /// Its place among the options that most people change, which forms show first. The others are below the heading of their group.
    pub front: Option<u8>,
    /// What its number counts: `tokens`.
    pub unit: &'static str,
    /// What counts where the recipe does not have it, in a few words: `one file`. Empty if that follows from the kind.
    pub absent: &'static str,
}

pub(crate) const NOW: State = State::Since("0.1");

pub(crate) const fn key(
    table: KeyTable,
    name: &'static str,
    kind: Kind,
    state: State,
    help: &'static str,
    example: &'static str,
) -> Key {
    Key {
        table,
        name,
        aliases: &[],
        flat: &[],
        kind,
        state,
        help,
        example,
        conflicts: &[],
        tri_state: false,
        default_on: false,
        flag: None,
        fact: "",
        named_after: None,
        of_model: false,
        unmeasured: false,
        group: None,
        front: None,
        unit: "",
        absent: "",
    }
}

impl Key {
    pub(crate) const fn or(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    pub(crate) const fn flat(mut self, flat: &'static [&'static str]) -> Self {
        self.flat = flat;
        self
    }

    pub(crate) const fn conflicts(mut self, others: &'static [&'static str]) -> Self {
        self.conflicts = others;
        self
    }

    pub(crate) const fn tri_state(mut self) -> Self {
        self.tri_state = true;
        self
    }

    pub(crate) const fn on_by_default(mut self) -> Self {
        self.default_on = true;
        self
    }

    pub(crate) const fn fact(mut self, fact: &'static str) -> Self {
        self.fact = fact;
        self
    }

    pub(crate) const fn named_after(mut self, other: &'static str) -> Self {
        self.named_after = Some(other);
        self
    }

    pub(crate) const fn of_model(mut self) -> Self {
        self.of_model = true;
        self
    }

    pub(crate) const fn unmeasured(mut self) -> Self {
        self.unmeasured = true;
        self
    }

    /// An option under the heading of that group.
    pub(crate) const fn group(mut self, group: OptionGroup) -> Self {
        self.group = Some(group);
        self
    }

    /// One of the options that forms show first, in the order of these numbers.
    pub(crate) const fn front(mut self, place: u8) -> Self {
        self.front = Some(place);
        self
    }

    pub(crate) const fn unit(mut self, unit: &'static str) -> Self {
        self.unit = unit;
        self
    }

    pub(crate) const fn absent(mut self, absent: &'static str) -> Self {
        self.absent = absent;
        self
    }

    pub(crate) const fn flag(mut self, flag: Flag) -> Self {
        self.flag = Some(flag);
        self
    }

    /// True if that is its name or an alias; `-` counts as `_`.
    pub(crate) fn is_called(&self, name: &str) -> bool {
        let same = |known: &&str| {
            known.len() == name.len()
                && known.bytes().zip(name.bytes()).all(|(k, n)| k == n || (k == b'_' && n == b'-'))
        };
        same(&self.name) || self.aliases.iter().any(same)
    }
}

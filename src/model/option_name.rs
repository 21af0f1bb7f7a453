//! Options of recipes by the key they have there, for errors of rooms that do not know recipes.

use std::fmt;

/// An option, by its key: `allow_requantize`. What the key takes and its flag are in `recipe::keys`; its tests check that these names
/// are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OptionName(&'static str);

macro_rules! names {
    ($($name:ident = $key:literal;)*) => {
        impl OptionName {
            $(
                #[doc = concat!("`", $key, "`")]
                pub const $name: Self = Self($key);
            )*

            /// The options that rooms below the table of keys name.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];
        }
    };
}

names! {
    ALLOW_REQUANTIZE = "allow_requantize";
    BARE = "bare";
    CONTEXT_LENGTH = "context_length";
    DENSIFY = "densify";
    FORMAT = "format";
    HYPERPARAMETERS = "hyperparameters";
    IMATRIX = "imatrix";
    LORA = "lora";
    MANIFEST = "manifest";
    MAX_MEMORY = "max_memory";
    MAX_SHARD_SIZE = "max_shard_size";
    NO_CHECKSUMS = "no_checksums";
    NO_FALLBACK = "no_fallback";
    OLLAMA_CREATE = "ollama_create";
    OUTPUT = "output";
    OVERRIDE_KV = "override_kv";
    PRE_TOKENIZER = "pre_tokenizer";
    PRUNE_LAYERS = "prune_layers";
    QUANTIZATION = "quantization";
    REUSE = "reuse";
    ROPE_SCALING = "rope_scaling";
}

impl OptionName {
    /// The option of a key from the table.
    pub(crate) const fn of_key(key: &'static str) -> Self {
        Self(key)
    }

    /// Its key.
    pub(crate) const fn key(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for OptionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// An option, or one entry of an option that is a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptionPath {
    /// The option.
    pub option: OptionName,
    /// The entry of its table.
    pub entry: Option<String>,
}

impl From<OptionName> for OptionPath {
    fn from(option: OptionName) -> Self {
        Self { option, entry: None }
    }
}

impl OptionPath {
    /// An entry of an option that is a table.
    pub(crate) fn entry(option: impl Into<OptionName>, entry: impl Into<String>) -> Self {
        Self { option: option.into(), entry: Some(entry.into()) }
    }
}

impl fmt::Display for OptionPath {
    /// `tensor_types."ffn"`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.entry {
            Some(entry) => write!(f, "{}.\"{entry}\"", self.option),
            None => write!(f, "{}", self.option),
        }
    }
}

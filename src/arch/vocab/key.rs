//! The keys of tokenizer metadata (gguf-py/gguf/constants.py, `Keys.Tokenizer`).

pub(super) const MODEL: &str = "tokenizer.ggml.model";
pub(super) const PRE: &str = "tokenizer.ggml.pre";
pub(super) const TOKENS: &str = "tokenizer.ggml.tokens";
pub(super) const SCORES: &str = "tokenizer.ggml.scores";
pub(super) const TOKEN_TYPE: &str = "tokenizer.ggml.token_type";
pub(super) const TOKEN_TYPE_COUNT: &str = "tokenizer.ggml.token_type_count";
pub(super) const MERGES: &str = "tokenizer.ggml.merges";
pub(super) const ADD_SPACE_PREFIX: &str = "tokenizer.ggml.add_space_prefix";
pub(super) const REMOVE_EXTRA_WHITESPACES: &str = "tokenizer.ggml.remove_extra_whitespaces";
pub(super) const CHARSMAP: &str = "tokenizer.ggml.precompiled_charsmap";
pub(super) const LOWERCASE: &str = "tokenizer.ggml.normalizer.lowercase";
pub(super) const STRIP_ACCENTS: &str = "tokenizer.ggml.normalizer.strip_accents";
pub(super) const CHAT_TEMPLATE: &str = "tokenizer.chat_template";
pub(super) const CHAT_TEMPLATES: &str = "tokenizer.chat_templates";

/// The roles that have an id in GGUF, with their keys (the spelling of `seperator` is the format's own).
pub(super) const IDS: [(&str, &str); 8] = [
    ("bos", "tokenizer.ggml.bos_token_id"),
    ("eos", "tokenizer.ggml.eos_token_id"),
    ("unk", "tokenizer.ggml.unknown_token_id"),
    ("sep", "tokenizer.ggml.seperator_token_id"),
    ("pad", "tokenizer.ggml.padding_token_id"),
    ("mask", "tokenizer.ggml.mask_token_id"),
    ("eot", "tokenizer.ggml.eot_token_id"),
    ("eom", "tokenizer.ggml.eom_token_id"),
];

/// The key of BERT's class token in older files; now it is the begin token.
pub(super) const OLD_CLS_ID: (&str, &str) = ("cls", "tokenizer.ggml.cls_token_id");

/// The key of a role's id, if the format has one.
pub(super) fn token_id(role: &str) -> Option<&'static str> {
    IDS.iter().find(|(r, _)| *r == role).map(|(_, key)| *key)
}

/// The key that a field of `config.json` (`eos_token_id`) is written to if the tokenizer files name no such token.
pub(crate) fn token_key(field: &str) -> Option<&'static str> {
    field.strip_suffix("_token_id").and_then(token_id)
}

/// The key of the flag that says whether the token is added to a text.
pub(super) fn add_token(role: &str) -> Option<&'static str> {
    match role {
        "bos" => Some("tokenizer.ggml.add_bos_token"),
        "eos" => Some("tokenizer.ggml.add_eos_token"),
        "sep" => Some("tokenizer.ggml.add_sep_token"),
        _ => None,
    }
}

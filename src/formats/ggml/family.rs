//! The headers: which numbers follow the magic number, how the vocabulary is stored, and a tensor that identifies the network.
//!
//! Sources: `convert-pth-to-ggml.py` and `llama.cpp` (llama), the converters of ggml's examples at 73536d9d (gpt-2, gpt-j, gpt-neox, mpt,
//! starcoder, replit, whisper), ggllm.cpp's loader (falcon), skeskinen/bert.cpp (bert), whisper.cpp (silero).

use super::container::Container;

/// A number of a header.
#[derive(Clone, Copy, Debug)]
pub(super) enum Field {
    /// `i32`.
    Int(&'static str),
    /// `f32`.
    Float(&'static str),
}

/// How the vocabulary is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Vocabulary {
    /// As many tokens as `n_vocab` says.
    Plain,
    /// The same, each with a score.
    Scored,
    /// A number, which may be less than `n_vocab`, and the tokens.
    Counted,
    /// Mel filters, then as [`Vocabulary::Counted`].
    AfterFilters,
    /// Tokens with scores, a number of merges, and pairs of texts.
    WithMerges,
}

/// A header.
#[derive(Debug)]
pub(super) struct Family {
    /// Its name in `ggml.family`.
    pub name: &'static str,
    /// The containers that it is in.
    pub containers: &'static [Container],
    /// The numbers, in their order.
    pub fields: &'static [Field],
    /// The vocabulary.
    pub vocabulary: Vocabulary,
    /// The beginning of the names of one of its tensors.
    pub anchor: &'static str,
    /// `ftype` is the version of the quantization · 1000 and the type. Elsewhere the container says the version.
    pub versioned_type: bool,
}

use Container::{Aligned, Falcon, Plain, Scored};
use Field::{Float, Int};

/// The numbers of a LLaMA file.
const LLAMA: &[Field] =
    &[Int("n_vocab"), Int("n_embd"), Int("n_mult"), Int("n_head"), Int("n_layer"), Int("n_rot"), Int("ftype")];

/// The numbers of a Falcon file before the number of merges, which `ggjt` files lack.
const FALCON: &[Field] =
    &[Int("n_vocab"), Int("n_embd"), Int("n_head"), Int("n_head_kv"), Int("n_layer"), Int("falcon_type"), Int("ftype")];

/// Every header. The first with which all tensors are read is taken.
pub(super) static FAMILIES: &[Family] = &[
    Family {
        name: "llama",
        containers: &[Plain],
        fields: LLAMA,
        vocabulary: Vocabulary::Plain,
        anchor: "tok_embeddings.weight",
        versioned_type: false,
    },
    Family {
        name: "llama",
        containers: &[Scored, Aligned(1), Aligned(2), Aligned(3)],
        fields: LLAMA,
        vocabulary: Vocabulary::Scored,
        anchor: "tok_embeddings.weight",
        versioned_type: false,
    },
    Family {
        name: "falcon",
        containers: &[Falcon],
        fields: FALCON,
        vocabulary: Vocabulary::WithMerges,
        anchor: "transformer.word_embeddings.weight",
        versioned_type: false,
    },
    Family {
        name: "falcon",
        containers: &[Aligned(3)],
        fields: FALCON,
        vocabulary: Vocabulary::Scored,
        anchor: "transformer.word_embeddings.weight",
        versioned_type: false,
    },
    Family {
        name: "gpt-2",
        containers: &[Plain],
        fields: &[Int("n_vocab"), Int("n_ctx"), Int("n_embd"), Int("n_head"), Int("n_layer"), Int("ftype")],
        vocabulary: Vocabulary::Counted,
        anchor: "model/wte",
        versioned_type: true,
    },
    Family {
        name: "gpt-j",
        containers: &[Plain],
        fields: &[
            Int("n_vocab"),
            Int("n_ctx"),
            Int("n_embd"),
            Int("n_head"),
            Int("n_layer"),
            Int("n_rot"),
            Int("ftype"),
        ],
        vocabulary: Vocabulary::Counted,
        anchor: "transformer.wte.weight",
        versioned_type: true,
    },
    Family {
        name: "gpt-neox",
        containers: &[Plain],
        fields: &[
            Int("n_vocab"),
            Int("n_ctx"),
            Int("n_embd"),
            Int("n_head"),
            Int("n_layer"),
            Int("n_rot"),
            Int("par_res"),
            Int("ftype"),
        ],
        vocabulary: Vocabulary::Plain,
        anchor: "gpt_neox.embed_in.weight",
        versioned_type: true,
    },
    // StableLM's converter before ac875445 (2023-05-13) wrote no `par_res`.
    Family {
        name: "gpt-neox",
        containers: &[Plain],
        fields: &[
            Int("n_vocab"),
            Int("n_ctx"),
            Int("n_embd"),
            Int("n_head"),
            Int("n_layer"),
            Int("n_rot"),
            Int("ftype"),
        ],
        vocabulary: Vocabulary::Plain,
        anchor: "gpt_neox.embed_in.weight",
        versioned_type: true,
    },
    Family {
        name: "mpt",
        containers: &[Plain],
        fields: &[
            Int("d_model"),
            Int("max_seq_len"),
            Int("n_heads"),
            Int("n_layers"),
            Int("n_vocab"),
            Float("alibi_bias_max"),
            Float("clip_qkv"),
            Int("ftype"),
        ],
        vocabulary: Vocabulary::Plain,
        anchor: "transformer.wte.weight",
        versioned_type: true,
    },
    Family {
        name: "replit",
        containers: &[Plain],
        fields: &[Int("d_model"), Int("max_seq_len"), Int("n_heads"), Int("n_layers"), Int("n_vocab"), Int("ftype")],
        vocabulary: Vocabulary::Scored,
        anchor: "transformer.wte.weight",
        versioned_type: true,
    },
    Family {
        name: "whisper",
        containers: &[Plain],
        fields: &[
            Int("n_vocab"),
            Int("n_audio_ctx"),
            Int("n_audio_state"),
            Int("n_audio_head"),
            Int("n_audio_layer"),
            Int("n_text_ctx"),
            Int("n_text_state"),
            Int("n_text_head"),
            Int("n_text_layer"),
            Int("n_mels"),
            Int("ftype"),
        ],
        vocabulary: Vocabulary::AfterFilters,
        anchor: "encoder.conv1.weight",
        versioned_type: true,
    },
    Family {
        name: "bert",
        containers: &[Plain],
        fields: &[
            Int("n_vocab"),
            Int("n_max_tokens"),
            Int("n_embd"),
            Int("n_intermediate"),
            Int("n_head"),
            Int("n_layer"),
            Int("ftype"),
        ],
        vocabulary: Vocabulary::Plain,
        anchor: "embeddings.word_embeddings.weight",
        versioned_type: true,
    },
];

/// The text that the header of a voice detector of whisper.cpp begins with; its numbers depend on each other.
pub(super) const SILERO: &str = "silero-16k";

/// The numbers of a voice detector after its text, without those of its encoder layers.
pub(super) const SILERO_FIELDS: [&str; 5] = ["major", "minor", "patch", "window", "context"];
/// Those after the layers.
pub(super) const SILERO_LAST: [&str; 4] = ["lstm_in", "lstm_hidden", "final_in", "final_out"];

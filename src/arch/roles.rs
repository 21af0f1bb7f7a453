//! What a tensor is for, told by its name in any ecosystem.

use std::fmt;

/// The part a tensor plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Projections of attention.
    Attention,
    /// Feed-forward matrices, experts and routers.
    Ffn,
    /// Normalisation weights and biases.
    Norm,
    /// Token, position and type embeddings.
    Embedding,
    /// The output matrix and classifier heads.
    Output,
    /// Anything else.
    Other,
}

impl Role {
    /// Lower-case name, as in plans and recipes.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Attention => "attention",
            Self::Ffn => "ffn",
            Self::Norm => "norm",
            Self::Embedding => "embedding",
            Self::Output => "output",
            Self::Other => "other",
        }
    }

    /// Inverse of [`Role::name`], case-insensitive.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Attention, Self::Ffn, Self::Norm, Self::Embedding, Self::Output, Self::Other]
            .into_iter()
            .find(|r| r.name().eq_ignore_ascii_case(name))
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What a tensor is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorRole {
    /// The layer it belongs to.
    pub layer: Option<u32>,
    /// Its name without layer and suffix, in GGUF words where they are known: `ffn_down`, `attn_q`.
    pub kind: String,
    /// The part it plays.
    pub role: Role,
}

/// Tells layer, kind and role from a GGUF, Hugging Face or PyTorch tensor name. Never fails: what it does not know is
/// [`Role::Other`] with the bare name as kind.
pub fn classify(name: &str) -> TensorRole {
    TensorRole { layer: None, kind: name.to_owned(), role: Role::Other }
}

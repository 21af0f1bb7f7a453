//! The ready-made targets that can be added.

use crate::recipe::Target;

/// A ready-made target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preset {
    /// Format name.
    pub format: &'static str,
    /// What decides the types.
    pub types: Types,
    /// As shown.
    pub title: &'static str,
    /// When to take it, in a few words.
    pub about: &'static str,
    /// llama-quantize makes it only with an importance matrix.
    pub needs_imatrix: bool,
}

/// What decides the types of a preset's tensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Types {
    /// They stay.
    Kept,
    /// A quantization.
    Quantized(&'static str),
    /// The size or the bits for each weight that the user gives.
    Budget,
}

const fn gguf(quantization: &'static str, title: &'static str, about: &'static str) -> Preset {
    Preset { format: "gguf", types: Types::Quantized(quantization), title, about, needs_imatrix: false }
}

const fn with_imatrix(preset: Preset) -> Preset {
    Preset { needs_imatrix: true, ..preset }
}

const fn kept(format: &'static str, about: &'static str) -> Preset {
    Preset { format, types: Types::Kept, title: "as stored", about, needs_imatrix: false }
}

/// The presets: the usual choice, the budget, then the quantizations from the largest to the smallest, then the formats.
pub const PRESETS: &[Preset] = &[
    gguf("q4_k_m", "Q4_K_M", "the usual choice"),
    Preset {
        format: "gguf",
        types: Types::Budget,
        title: "within a size",
        about: "types that lose least",
        needs_imatrix: false,
    },
    gguf("q8_0", "Q8_0", "nearly lossless"),
    gguf("q6_k", "Q6_K", "very close"),
    gguf("q5_k_m", "Q5_K_M", "a little closer"),
    gguf("q4_k_s", "Q4_K_S", "a little smaller"),
    gguf("iq4_xs", "IQ4_XS", "small, slow on CPUs"),
    gguf("q3_k_l", "Q3_K_L", "errors begin to show"),
    gguf("q3_k_m", "Q3_K_M", "errors show"),
    with_imatrix(gguf("iq3_xxs", "IQ3_XXS", "smaller still")),
    gguf("q2_k", "Q2_K", "the last resort"),
    with_imatrix(gguf("iq2_m", "IQ2_M", "where nothing else fits")),
    gguf("auto", "as stored", "no quantization"),
    kept("safetensors", "to train, to serve"),
    kept("pytorch", "a .pt state dict"),
];

/// The place of the preset that a budget decides.
pub const BUDGET: usize = 1;

impl Preset {
    /// The format and what becomes of the types: `gguf Q4_K_M`.
    pub fn name(&self) -> String {
        match self.types {
            Types::Kept => self.format.to_owned(),
            _ => format!("{} {}", self.format, self.title),
        }
    }

    /// The target; that within a budget has none yet.
    pub fn target(&self) -> Target {
        let quantization = match self.types {
            Types::Quantized(q) => Some(q.to_owned()),
            Types::Kept | Types::Budget => None,
        };
        Target { format: self.format.to_owned(), quantization, ..Target::default() }
    }

    /// The file type, where there is one: the name under which a forecast has it.
    pub fn file_type(&self) -> Option<&'static str> {
        (self.format == "gguf" && matches!(self.types, Types::Quantized(_))).then_some(self.title)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transform::FileType;

    #[test]
    fn the_budget_is_where_it_is_looked_for() {
        let at: Vec<usize> = (0..PRESETS.len()).filter(|i| PRESETS[*i].types == Types::Budget).collect();
        assert_eq!(at, [BUDGET]);
    }

    #[test]
    fn titles_are_the_names_of_file_types() {
        for p in PRESETS {
            if let (Types::Quantized(q), Some(title)) = (p.types, p.file_type()) {
                assert!(q == "auto" || FileType::parse(q).is_some_and(|t| t.name() == title), "{q}");
            }
        }
    }
}

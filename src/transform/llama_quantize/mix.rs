//! The rules of the mixed file types: which tensors get more (or fewer) bits than the base type (`llama_tensor_get_type_impl`).
//!
//! In short: the output and the embedding have rules of their own; then the values of attention, the down projection and the attention
//! output get more bits, in some file types only in the first, the last and every third layer between. The counters of layers advance only
//! when a rule is evaluated, so a type given by hand shifts them for later layers, as it does in llama-quantize.

use super::category::Category;
use super::model_facts::ModelFacts;
use super::order::layer;
use super::{Choice, QuantizeRequest};
use crate::model::{ModelError, Result, TensorEntry};
use crate::quant::BlockType as B;
use crate::transform::FileType as F;

const OUTPUT: &str = "the output keeps more bits";
const TIED: &str = "the embedding is also the output, so it keeps more bits";
const EMBEDDING: &str = "the embedding of this file type";
const VALUES: &str = "attention values keep more bits";
const EIGHT_EXPERTS: &str = "small compared with eight experts, so it keeps more bits";
const DOWN: &str = "the down projection keeps more bits in chosen layers";
const ATTENTION: &str = "the attention type of this file type";
const MIDDLE: &str = "layers in the middle need fewer bits";
const EXPERTS: &str = "experts are MXFP4, the rest Q8_0";

/// The rules and their counters for one model.
pub(super) struct Mix<'a> {
    facts: &'a ModelFacts,
    req: &'a QuantizeRequest,
    tied: bool,
    /// Attention-value tensors in the model, and for how many the rules were evaluated.
    values: (i64, i64),
    /// For how many of each the rules were evaluated.
    downs: i64,
    gates: i64,
    ups: i64,
}

impl<'a> Mix<'a> {
    pub(super) fn new(
        facts: &'a ModelFacts,
        req: &'a QuantizeRequest,
        categories: impl Iterator<Item = Category>,
    ) -> Self {
        let (mut tied, mut values) = (true, 0);
        for category in categories {
            match category {
                Category::Output => tied = false,
                Category::AttentionV => values += 1,
                _ => {}
            }
        }
        Self { facts, req, tied, values: (values, 0), downs: 0, gates: 0, ups: 0 }
    }

    /// The encoding of this tensor, before its row length is checked.
    pub(super) fn choose(&mut self, base: B, tensor: &TensorEntry, category: Category) -> Result<Choice> {
        let name = tensor.name.as_str();
        if self.facts.arch == "glm5-next"
            && ["attn_q_a", "attn_q_b", "nextn.eh_proj"].iter().any(|part| name.contains(part))
        {
            return Ok(Choice::because(B::Q8_0, "never below Q8_0 in this architecture"));
        }
        let rule = match category {
            Category::Output => return Ok(self.output(base, tensor, OUTPUT)),
            Category::TokenEmbedding if self.tied => return Ok(self.output(base, tensor, TIED)),
            _ if self.req.file_type == F::MXFP4_MOE => return Ok(self.mxfp4_moe(tensor, category)),
            Category::TokenEmbedding => return Ok(self.embedding(base)),
            _ if self.is_smallest() => self.smallest(category),
            Category::AttentionV => self.attention_values(base),
            Category::AttentionK => self.attention_keys(),
            Category::AttentionQ => self.attention_queries(),
            Category::FfnDown => {
                let i = self.layer_of(name, self.downs)?;
                self.downs += 1;
                self.down(i)
            }
            Category::AttentionOutput => self.attention_output(),
            Category::FfnGate => {
                let i = self.layer_of(name, self.gates)?;
                self.gates += 1;
                self.gate_or_up(i)
            }
            Category::FfnUp => {
                let i = self.layer_of(name, self.ups)?;
                self.ups += 1;
                self.gate_or_up(i)
            }
            Category::Other => None,
        };
        Ok(match rule {
            Some((ty, why)) if ty != base => Choice::because(ty, why),
            _ => Choice::plain(base.into()),
        })
    }

    fn falcon(&self) -> bool {
        self.facts.arch == "falcon"
    }

    fn eight_experts(&self) -> bool {
        self.facts.experts == 8
    }

    fn layers(&self) -> i64 {
        self.facts.layers.into()
    }

    /// The file types of about two bits and below.
    fn is_smallest(&self) -> bool {
        matches!(self.req.file_type, F::IQ2_XXS | F::IQ2_XS | F::IQ2_S | F::IQ2_M | F::IQ1_S | F::IQ1_M)
    }

    /// The layer number a rule uses: the counter, or with experts the number in the name.
    fn layer_of(&self, name: &str, counter: i64) -> Result<i64> {
        if self.facts.experts <= 1 {
            return Ok(counter);
        }
        match layer(name) {
            Some(i) if i < self.facts.layers => Ok(i.into()),
            Some(i) => {
                Err(ModelError::bad(format!("layer {i} of a model of {} layers", self.facts.layers)).field(name))
            }
            None => Err(ModelError::bad("a feed-forward tensor of no layer in a model with experts").field(name)),
        }
    }

    fn output(&self, base: B, tensor: &TensorEntry, why: &'static str) -> Choice {
        if let Some(encoding) = self.req.output_type {
            return Choice::because(encoding, "output type given");
        }
        let file_type = self.req.file_type;
        let wanted = match file_type {
            F::MXFP4_MOE => return Choice::because(B::Q8_0, EXPERTS),
            F::IQ2_XXS | F::IQ2_XS | F::IQ3_XXS | F::IQ1_S | F::IQ2_S | F::IQ2_M | F::IQ1_M => B::Q5_K,
            _ if base == B::Q8_0 => B::Q8_0,
            _ => B::Q6_K,
        };
        if self.falcon() {
            return Choice::because(B::Q8_0, why);
        }
        if !tensor.cols().is_multiple_of(base.block_elems() as u64) {
            let fallback_from = Some(wanted.into()).filter(|_| wanted != B::Q8_0);
            return Choice { fallback_from, ..Choice::because(B::Q8_0, why) };
        }
        if wanted == base { Choice::plain(base.into()) } else { Choice::because(wanted, why) }
    }

    fn mxfp4_moe(&self, tensor: &TensorEntry, category: Category) -> Choice {
        let dims = &tensor.shape.0;
        let stacked = dims.len() >= 3 && dims[dims.len() - 3] > 1;
        // In this architecture other projections are three-dimensional too.
        let may = self.facts.arch != "bailingmoe3"
            || matches!(category, Category::FfnUp | Category::FfnGate | Category::FfnDown);
        Choice::because(if stacked && may { B::MXFP4 } else { B::Q8_0 }, EXPERTS)
    }

    fn embedding(&self, base: B) -> Choice {
        let ty = match self.req.file_type {
            _ if self.req.token_embedding_type.is_some() => base,
            F::IQ2_XXS | F::IQ2_XS | F::IQ1_S | F::IQ1_M => B::Q2_K,
            F::IQ2_S | F::IQ2_M | F::IQ3_XXS => B::IQ3_S,
            F::TQ1_0 | F::TQ2_0 | F::Q2_0 => B::Q4_K,
            _ => return Choice::plain(base.into()),
        };
        Choice::because(ty, EMBEDDING)
    }

    fn smallest(&mut self, category: Category) -> Rule {
        let file_type = self.req.file_type;
        let two_and_a_half = matches!(file_type, F::IQ2_S | F::IQ2_M);
        let better = if two_and_a_half { B::IQ3_S } else { B::Q2_K };
        match category {
            Category::AttentionV => {
                self.values.1 += 1;
                let shared = self.facts.heads_per_kv >= 4 || self.facts.experts >= 4;
                Some((if shared { B::Q4_K } else { better }, VALUES))
            }
            Category::AttentionK if self.eight_experts() => Some((B::Q4_K, EIGHT_EXPERTS)),
            Category::FfnDown => {
                let early = self.downs < self.layers() / 8;
                self.downs += 1;
                early.then_some((better, DOWN))
            }
            Category::AttentionOutput if self.eight_experts() => Some((B::Q5_K, EIGHT_EXPERTS)),
            Category::AttentionOutput => match file_type {
                F::IQ1_S | F::IQ1_M => Some((B::IQ2_XXS, ATTENTION)),
                _ if two_and_a_half => Some((B::IQ3_S, ATTENTION)),
                _ => None,
            },
            _ => None,
        }
    }

    fn attention_values(&mut self, base: B) -> Rule {
        let (total, i) = self.values;
        self.values.1 += 1;
        let shared = self.facts.heads_per_kv >= 4;
        let mut ty = match self.req.file_type {
            F::Q2_K => {
                if shared {
                    B::Q4_K
                } else {
                    B::Q3_K
                }
            }
            F::Q2_K_S | F::IQ3_XS | F::IQ3_S if shared => B::Q4_K,
            F::IQ3_XXS if shared => B::Q4_K,
            F::IQ3_XXS => {
                if self.req.imatrix.is_some() {
                    B::IQ3_XXS
                } else {
                    B::IQ3_S
                }
            }
            F::IQ3_M => B::Q4_K,
            F::Q3_K_M => {
                if i < 2 {
                    B::Q5_K
                } else {
                    B::Q4_K
                }
            }
            F::Q3_K_L => B::Q5_K,
            F::IQ4_NL | F::IQ4_XS if shared => B::Q5_K,
            F::Q4_K_M | F::Q5_K_M if more_bits(i, total) => B::Q6_K,
            F::Q4_K_S if i < 4 => B::Q5_K,
            _ => base,
        };
        if self.facts.is_70b && matches!(ty, B::Q3_K | B::Q4_K) {
            ty = B::Q5_K;
        }
        if self.eight_experts() {
            return Some((B::Q8_0, EIGHT_EXPERTS));
        }
        Some((ty, VALUES))
    }

    fn attention_keys(&self) -> Rule {
        if self.eight_experts() { Some((B::Q8_0, EIGHT_EXPERTS)) } else { self.attention_queries() }
    }

    fn attention_queries(&self) -> Rule {
        match self.req.file_type {
            F::IQ3_XS => Some((B::IQ3_XXS, ATTENTION)),
            F::IQ3_XXS => Some((B::IQ2_S, ATTENTION)),
            _ => None,
        }
    }

    fn down(&self, i: i64) -> Rule {
        let (n, falcon, imatrix) = (self.layers(), self.falcon(), self.req.imatrix.is_some());
        let early = i < n / 8;
        let ty = match self.req.file_type {
            F::Q2_K => B::Q3_K,
            F::Q2_K_S if early => B::Q4_K,
            F::IQ3_XXS if !imatrix => {
                if early {
                    B::Q4_K
                } else {
                    B::Q3_K
                }
            }
            F::Q3_K_M if i < n / 16 => B::Q5_K,
            F::Q3_K_M if !falcon || more_bits(i, n) => B::Q4_K,
            F::IQ3_M if early || self.eight_experts() && more_bits(i, n) => B::Q4_K,
            F::Q3_K_L => {
                if falcon {
                    B::Q4_K
                } else {
                    B::Q5_K
                }
            }
            F::Q4_K_M if falcon && i < n / 16 => B::Q6_K,
            F::Q4_K_M if more_bits(i, n) => {
                if falcon {
                    B::Q5_K
                } else {
                    B::Q6_K
                }
            }
            F::IQ4_NL | F::IQ4_XS if early && !imatrix => B::Q5_K,
            F::Q5_K_M if more_bits(i, n) => B::Q6_K,
            F::Q4_K_S if early && !falcon => B::Q5_K,
            // Without weights these would be worse here; with them they guard against outliers in the first layers.
            F::Q4_0 if early && imatrix => B::Q4_1,
            F::Q5_0 if early && imatrix => B::Q5_1,
            _ => return None,
        };
        Some((ty, DOWN))
    }

    fn attention_output(&self) -> Rule {
        let file_type = self.req.file_type;
        if self.falcon() {
            return (file_type == F::Q3_K_L).then_some((B::Q4_K, ATTENTION));
        }
        if self.eight_experts() {
            return matches!(
                file_type,
                F::Q2_K
                    | F::IQ3_XS
                    | F::IQ3_XXS
                    | F::Q3_K_S
                    | F::Q3_K_M
                    | F::IQ4_NL
                    | F::Q4_K_S
                    | F::Q4_K_M
                    | F::IQ3_S
                    | F::IQ3_M
                    | F::IQ4_XS
            )
            .then_some((B::Q5_K, EIGHT_EXPERTS));
        }
        let ty = match file_type {
            F::Q2_K => B::Q3_K,
            F::IQ3_XXS => B::IQ3_S,
            F::Q3_K_M | F::IQ3_M => B::Q4_K,
            F::Q3_K_L => B::Q5_K,
            _ => return None,
        };
        Some((ty, ATTENTION))
    }

    fn gate_or_up(&self, i: i64) -> Rule {
        let n = self.layers();
        (self.req.file_type == F::IQ3_XS && i >= n / 8 && i < 7 * n / 8).then_some((B::IQ3_XXS, MIDDLE))
    }
}

/// A type and why; `None` if the base type is used.
type Rule = Option<(B, &'static str)>;

/// The first and the last eighth of the layers and every third between.
fn more_bits(i: i64, n: i64) -> bool {
    i < n / 8 || i >= 7 * n / 8 || (i - n / 8) % 3 == 2
}

#[cfg(test)]
mod tests {
    use super::more_bits;

    #[test]
    fn layers_of_more_bits() {
        let chosen: Vec<i64> = (0..16).filter(|&i| more_bits(i, 16)).collect();
        assert_eq!(chosen, [0, 1, 4, 7, 10, 13, 14, 15]);
    }
}

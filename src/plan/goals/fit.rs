//! The most precise quantization of a model that fits into a memory.

use crate::model::{FormatId, Model, ModelError, Network, Result, kv_cache};
use crate::plan::rehearse_model;
use crate::plan::resolve::least_mix_bytes;
use crate::recipe::options::gguf;
use crate::recipe::{Recipe, Target};
use crate::task::Task;
use crate::units;

/// What a kind of machine gives to a model.
pub(super) struct Place {
    /// Share of its memory that a model can have.
    share: f64,
    /// Why it is that share.
    because: &'static str,
    /// Types to try, the most precise first, each with what speaks for it.
    types: &'static [(&'static str, &'static str)],
    /// Tokens of context to plan for, if the model has as many.
    context: u64,
    /// A Modelfile is written.
    pub(super) modelfile: bool,
}

const Q8_0: (&str, &str) = ("q8_0", "it loses the least of all quantizations");
const Q6_K: (&str, &str) = ("q6_k", "it loses little more than Q8_0");
const Q5_K_M: (&str, &str) = ("q5_k_m", "its loss is small");
const Q4_K_M: (&str, &str) = ("q4_k_m", "below it the loss grows fast");

/// The memory of a GPU.
pub(super) static GPU: Place = Place {
    share: 0.92,
    because: "the driver and the desktop take the rest",
    types: &[Q8_0, Q6_K, Q5_K_M, Q4_K_M],
    context: 8192,
    modelfile: true,
};

/// The main memory of a computer that other programs run on.
pub(super) static LAPTOP: Place = Place {
    share: 0.5,
    because: "other programs need the rest",
    // Tokens per second fall with the bytes that are read for each: nothing above 5 bits on a CPU.
    types: &[Q5_K_M, Q4_K_M],
    context: 8192,
    modelfile: true,
};

/// The memory of a phone.
pub(super) static MOBILE: Place = Place {
    share: 0.4,
    because: "the system ends apps that take more",
    types: &[(
        "q4_0",
        "llama.cpp rearranges it for the matrix instructions of ARM cores, which makes it the fastest type there",
    )],
    context: 4096,
    modelfile: false,
};

/// A size in a recipe is rounded down to a part of this many, at least.
const SIZE_STEPS: u64 = 100;

/// Bits per weight below which a mix is of little use.
const LEAST_BITS: f64 = 2.6;

/// Tokens that a runtime computes at once (`n_ubatch` of llama.cpp).
const BATCH: u64 = 512;

/// What fits.
pub(super) struct Fit {
    /// The type, if one of the usual ones fits.
    pub quantization: Option<String>,
    /// Otherwise the size of the mix.
    pub target_size: Option<String>,
    /// Why.
    pub reasons: Vec<String>,
}

impl Fit {
    /// What fits into `memory` bytes with `context` tokens.
    ///
    /// # Errors
    /// Models that cannot be written as GGUF; a memory that is too small.
    pub(super) fn of(model: &Model, place: &Place, memory: u64, context: Option<u64>) -> Result<Self> {
        let network = model.network.as_ref();
        let trained = network.and_then(|n| n.context);
        let context = match (context, trained) {
            (Some(asked), _) => Some(asked),
            (None, Some(trained)) => Some(trained.min(place.context)),
            (None, None) => None,
        };
        let cache = network.zip(context).and_then(|(n, context)| kv_cache::bytes(n, context));
        let compute = network.map_or(0, compute_bytes);
        let usable = (memory as f64 * place.share) as u64;
        let weights = usable.saturating_sub(cache.unwrap_or(0)).saturating_sub(compute);
        let mut reasons =
            vec![format!("{} of {} are for the model: {}.", units::bytes(usable), units::bytes(memory), place.because)];
        reasons.push(match (cache, context) {
            (Some(cache), Some(context)) => format!(
                "The KV cache of {} tokens takes {} in f16, computing about {}: {} are left for the weights.",
                units::count(context),
                units::bytes(cache),
                units::bytes(compute),
                units::bytes(weights)
            ),
            _ => format!(
                "The model keeps no KV cache, or does not give its size: {} are left for the weights.",
                units::bytes(weights)
            ),
        });
        let sizes = sizes(model, place.types)?;
        let chosen = sizes.iter().find(|(_, _, bytes)| *bytes <= weights);
        let (quantization, target_size) = match chosen {
            Some((name, why, bytes)) => {
                reasons.push(format!("{} takes {}: {why}.", name.to_ascii_uppercase(), units::bytes(*bytes)));
                (Some((*name).to_owned()), None)
            }
            None => {
                let smallest = sizes.last().map_or(0, |(_, _, bytes)| *bytes);
                let bits = weights as f64 * 8.0 / model.parameters().max(1) as f64;
                let least = least_bytes(model)?;
                let size = size_below(weights);
                if crate::recipe::parse_size(&size).is_none_or(|size| size < least) {
                    return Err(too_small(least, memory, place, cache.unwrap_or(0) + compute));
                }
                let name = place.types.last().map_or("", |(name, _)| name).to_ascii_uppercase();
                reasons.push(format!(
                    "{name} would take {}, which is too much; so the types are chosen for the size, with the least loss ({bits:.1} bits per weight).",
                    units::bytes(smallest)
                ));
                (None, Some(size))
            }
        };
        Ok(Self { quantization, target_size, reasons })
    }
}

/// Memory that a runtime needs besides the weights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct RuntimeMemory {
    /// Tokens of context.
    pub context: u64,
    /// Bytes of the KV cache in f16; 0 where there is none.
    pub cache_bytes: u64,
    /// Bytes that it computes with, an estimate.
    pub compute_bytes: u64,
}

impl RuntimeMemory {
    /// Of a network with so many tokens, or with as many as it was trained with, up to the usual number.
    pub(crate) fn of(network: &Network, context: Option<u64>) -> Self {
        let context = context.unwrap_or_else(|| network.context.map_or(GPU.context, |c| c.min(GPU.context)));
        let cache_bytes = kv_cache::bytes(network, context).unwrap_or(0);
        Self { context, cache_bytes, compute_bytes: compute_bytes(network) }
    }

    /// Memory in use with a file of that size.
    pub(crate) fn with(&self, file_bytes: u64) -> u64 {
        file_bytes.saturating_add(self.cache_bytes).saturating_add(self.compute_bytes)
    }

    /// The largest file that runs in the memory of a GPU; `None` if nothing does.
    pub(crate) fn largest_file(&self, gpu_bytes: u64) -> Option<u64> {
        ((gpu_bytes as f64 * GPU.share) as u64).checked_sub(self.with(0)).filter(|n| *n > 0)
    }
}

/// Bytes that a runtime computes with besides weights and cache: logits and activations of a batch in f32. An estimate.
fn compute_bytes(network: &Network) -> u64 {
    let width = network.hidden_size.unwrap_or(0);
    let ffn = network.ffn_size.as_ref().and_then(crate::model::PerLayer::first).unwrap_or(0);
    let each =
        network.vocabulary.unwrap_or(0).saturating_add(width.saturating_mul(8)).saturating_add(ffn.saturating_mul(2));
    each.saturating_mul(BATCH * 4)
}

/// The exact size of each type, those that cannot be made left out.
fn sizes(model: &Model, types: &[(&'static str, &'static str)]) -> Result<Vec<(&'static str, &'static str, u64)>> {
    let mut sizes = Vec::new();
    for (name, why) in types {
        let target = Target { quantization: Some((*name).to_owned()), ..Target::of(FormatId::Gguf) };
        let target = target.with(&gguf::ALLOW_REQUANTIZE, true);
        let target = Target { output: Some(std::env::temp_dir().join("")), force: true, ..target };
        let plan = rehearse_model(model, &Recipe { targets: vec![target], ..Recipe::default() }, Task::quiet())?;
        sizes.push((*name, *why, plan.outputs.iter().map(|o| o.bytes).sum()));
    }
    Ok(sizes)
}

/// A size as recipes write it, rounded down to three digits: `2.59MB`.
fn size_below(bytes: u64) -> String {
    let (unit, name) = if bytes >= 1_000_000_000 { (1e9, "GB") } else { (1e6, "MB") };
    let value = bytes as f64 / unit;
    let step = if value >= 100.0 { 1.0 } else { 100.0 };
    format!("{}{name}", (value * step).floor() / step)
}

/// The size of the smallest file that is offered: a mix of use, which this model can also be written as.
fn least_bytes(model: &Model) -> Result<u64> {
    let target = Target::of(FormatId::Gguf).with(&gguf::ALLOW_REQUANTIZE, true);
    let useful = (model.parameters() as f64 * LEAST_BITS / 8.0) as u64;
    Ok(least_mix_bytes(model, &target)?.max(useful))
}

fn too_small(least: u64, memory: u64, place: &Place, besides: u64) -> ModelError {
    // A size in a recipe has three digits, rounded down.
    let least = least + least.div_ceil(SIZE_STEPS);
    let needed = ((least + besides) as f64 / place.share) as u64;
    let what = format!("the model does not fit into {} of memory", units::bytes(memory));
    let hint = format!(
        "The smallest mix of types for it takes {}, which needs {} of memory; take a smaller model, a shorter context, or more memory.",
        units::bytes_at_least(least),
        units::bytes_at_least(needed)
    );
    ModelError::request(what).with_hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_file_leaves_space_for_cache_and_computing() {
        let needs = RuntimeMemory { context: 4096, cache_bytes: 1 << 30, compute_bytes: 1 << 28 };
        let largest = needs.largest_file(8 << 30).unwrap();
        assert!(needs.with(largest) <= 8 << 30 && needs.with(largest) > 7 << 30, "{largest}");
        assert_eq!(needs.largest_file(1 << 30), None);
    }

    #[test]
    fn sizes_are_rounded_down() {
        assert_eq!(size_below(2_594_592), "2.59MB");
        assert_eq!(size_below(999_999), "0.99MB");
        assert_eq!(size_below(12_349_999_999), "12.34GB");
        assert_eq!(size_below(345_999_999), "345MB");
    }
}

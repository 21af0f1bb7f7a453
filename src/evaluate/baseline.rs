//! Which model the others are compared with, and whether it lost something itself.

use super::comparison::{Comparison, Variant};
use crate::quant::Encoding;
use crate::tensor::DType;
use serde::{Deserialize, Serialize};

/// How the baseline was chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BaselineSource {
    /// The user named it.
    #[default]
    Given,
    /// The manifests of the others say that they were made from it.
    Manifest,
    /// The job that made the others read it.
    Job,
    /// It was exported from an earlier checkpoint of the same training run.
    Earlier,
    /// It has the most bits for each weight of all that were given.
    MostPrecise,
    /// The same, of models that were made from different sources: none of these can be the baseline of all.
    DifferentSources,
}

impl BaselineSource {
    /// In a few words, after the name of the baseline; empty for one that the user named.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Given => "",
            Self::Manifest => "the source named in the manifests",
            Self::Job => "the source of the job",
            Self::Earlier => "an earlier checkpoint",
            Self::MostPrecise => "the most precise of these",
            Self::DifferentSources => "the most precise of these, which were made from different sources",
        }
    }
}

/// The baseline of a comparison.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Baseline {
    /// Place among the variants.
    #[serde(rename = "variant")]
    pub at: usize,
    /// How it was chosen.
    pub source: BaselineSource,
    /// True if it is quantized itself, so that the errors of the others do not contain its own.
    pub lossy: bool,
}

impl Baseline {
    /// The baseline of these variants: the one that was found, or the most precise of them; of equally precise ones the first.
    pub(super) fn of(variants: &[Variant], found: Option<(usize, BaselineSource)>) -> Self {
        let precise = || {
            let bits = |i: usize| variants[i].bits_per_weight;
            (1..variants.len()).fold(0, |best, i| if bits(i) > bits(best) { i } else { best })
        };
        let (at, source) = found.unwrap_or_else(|| (precise(), BaselineSource::MostPrecise));
        let at = at.min(variants.len().saturating_sub(1));
        Self { at, source, lossy: variants.get(at).is_some_and(|v| lossy_type(v).is_some()) }
    }
}

/// The quantized type that has most bytes of a model, if it has one.
fn lossy_type(variant: &Variant) -> Option<&str> {
    let lossy = |name: &str| match Encoding::parse(name) {
        Some(Encoding::Block(_)) => true,
        Some(Encoding::Plain(d)) => matches!(d, DType::F8E4M3 | DType::F8E5M2),
        None => false,
    };
    variant.types.iter().map(|t| t.name.as_str()).find(|name| lossy(name))
}

impl Comparison {
    /// What has to be known about a baseline that is quantized itself, or that training has changed since.
    pub fn baseline_warning(&self) -> Option<String> {
        let variant = self.variants.get(self.baseline.at)?;
        let lossy = lossy_type(variant).filter(|_| self.baseline.lossy);
        if self.baseline.source == BaselineSource::Earlier {
            let itself = lossy.map(|name| format!("; the baseline is {name}, itself quantized")).unwrap_or_default();
            return Some(format!(
                "the baseline {} is an earlier checkpoint: training has changed the weights since, so the differences are not the \
                 loss of quantization alone{itself}",
                variant.label
            ));
        }
        if self.baseline.source == BaselineSource::DifferentSources {
            let itself = lossy.map(|name| format!(", and is {name}, itself quantized")).unwrap_or_default();
            return Some(format!(
                "the models were made from different sources: the baseline {} is the most precise of them{itself}",
                variant.label
            ));
        }
        let name = lossy?;
        Some(format!("the baseline {} is {name}, itself quantized: all errors are relative to it", variant.label))
    }
}

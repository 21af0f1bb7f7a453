//! A model as llama-quantize would be given it, and what it would make of it.

use super::super::{Reason, Resolved};
use super::budget::{self};
use super::overrides::Overrides;
use super::{importance, metadata};
use crate::model::{FormatId, Model, Name, Result, Sidecars, TensorEntry, Warning};
use crate::plan::{ImatrixCoverage, PreparedTensor};
use crate::quant::{Effort, Encoding};
use crate::recipe::Target;
use crate::recipe::options::gguf;
use crate::transform::{FileType, Imatrix, Pruned, QuantizePlan, QuantizeRequest, plan_quantize, prune_layers};
use std::collections::HashMap;
use std::sync::Arc;

/// The model with everything that does not depend on the type: layers left out, importance matrix opened.
pub(in crate::plan) struct Ready {
    /// As llama-quantize would see it: GGUF names, GGUF metadata, the encodings of the file it would read.
    pub model: Model,
    /// The same tensors under the same names, with the encodings that their rows really have.
    pub real: Vec<TensorEntry>,
    /// The importance matrix, under the same names.
    pub imatrix: Option<Arc<Imatrix>>,
    /// What the matrix covers, as far as it is known without the types.
    coverage: Option<ImatrixCoverage>,
    layers_before: Option<u32>,
    /// Architecture in GGUF words, where the source had to be converted.
    pub architecture: Option<String>,
    /// What there is to say of the source.
    pub warnings: Vec<Warning>,
}

impl Ready {
    /// Takes `model` with the encodings llama-quantize would see; `real` are its tensors as they are read.
    pub(super) fn new(model: Model, real: &[TensorEntry], target: &Target) -> Result<Self> {
        let (matrix, coverage) = match importance::open(&model, target)? {
            Some((matrix, coverage)) => (matrix, Some(coverage)),
            None => (None, None),
        };
        let pruned = match target.get(&gguf::PRUNE_LAYERS).is_empty() {
            true => None,
            false => {
                let layers = target.get(&gguf::PRUNE_LAYERS).iter().copied().collect();
                Some(prune_layers(&model, &layers).map_err(|e| e.in_option(&gguf::PRUNE_LAYERS))?)
            }
        };
        let imatrix = match &pruned {
            Some(p) => matrix.map(|m| m.renamed(|name| p.new_name(name))),
            None => matrix,
        };
        let by_name: HashMap<&str, &TensorEntry> = real.iter().map(|t| (t.name.as_str(), t)).collect();
        let source = |t: &TensorEntry| {
            let old = pruned.as_ref().map(|p| p.old_name(&t.name));
            let entry = by_name.get(old.as_deref().unwrap_or(&t.name)).copied().unwrap_or(t);
            entry.named_like(t)
        };
        let real = pruned.as_ref().map_or(&model, |p| &p.model).tensors.iter().map(source).collect();
        let layers_before = pruned.as_ref().map(|p| p.layers_before);
        let (model, warnings) = match pruned {
            Some(Pruned { model, warnings, .. }) => (model, warnings),
            None => (model, Vec::new()),
        };
        let imatrix = imatrix.map(Arc::new);
        Ok(Self { model, real, imatrix, coverage, layers_before, architecture: None, warnings })
    }

    /// A GGUF is what llama-quantize reads.
    pub(super) fn of_gguf(model: &Model, target: &Target) -> Result<Self> {
        Self::new(model.clone(), &model.tensors, target)
    }

    /// What llama-quantize makes of it.
    ///
    /// # Errors
    /// Those of [`plan_quantize`].
    pub(in crate::plan) fn quantized(
        &self,
        target: &Target,
        file_type: FileType,
        overrides: &Overrides,
    ) -> Result<Resolved> {
        self.with_types(target, file_type, &HashMap::new(), overrides)
    }

    /// The request for a file type; `chosen` are types by name, which give way to the user's own.
    pub(in crate::plan) fn request(
        &self,
        target: &Target,
        file_type: FileType,
        chosen: &HashMap<Name, Encoding>,
        overrides: &Overrides,
    ) -> Result<QuantizeRequest> {
        let named = |t: &TensorEntry| {
            let e = overrides.rule(t).or_else(|| chosen.get(&t.name).copied())?;
            Some((t.name.clone(), e))
        };
        Ok(QuantizeRequest {
            imatrix: self.imatrix.clone(),
            token_embedding_type: overrides.embedding,
            output_type: overrides.output,
            tensor_types: self.model.tensors.iter().filter_map(named).collect(),
            pure: target.get(&gguf::PURE),
            leave_output: target.get(&gguf::LEAVE_OUTPUT),
            no_fallback: target.get(&gguf::NO_FALLBACK),
            allow_requantize: target.get(&gguf::ALLOW_REQUANTIZE),
            overrides: metadata::overrides(target, &self.model.metadata)?,
            keep_order: target.get(&gguf::KEEP_SPLIT),
            layers_before_pruning: self.layers_before,
            ..QuantizeRequest::new(file_type)
        })
    }

    /// The same with `chosen` types by name, which give way to the user's own.
    ///
    /// # Errors
    /// Those of [`plan_quantize`].
    pub(in crate::plan) fn with_types(
        &self,
        target: &Target,
        file_type: FileType,
        chosen: &HashMap<Name, Encoding>,
        overrides: &Overrides,
    ) -> Result<Resolved> {
        let request = self.request(target, file_type, chosen, overrides)?;
        let plan = plan_quantize(&self.model, &request)?;
        let types = |plan: &QuantizePlan| plan.choices.iter().map(|c| c.encoding).collect::<Vec<_>>();
        let mixed = request.pure.then(|| plan_quantize(&self.model, &QuantizeRequest { pure: false, ..request }));
        let is_pure_idle = matches!(mixed, Some(Ok(mixed)) if types(&mixed) == types(&plan));
        let mut tensors = Vec::new();
        let mut reasons = Vec::new();
        for (&i, choice) in plan.order.iter().zip(&plan.choices) {
            let entry = self.real[i].clone();
            let importance = self.imatrix.clone().filter(|m| m.covers(&entry));
            let because = match chosen.contains_key(&entry.name) {
                true => Some(budget::BECAUSE),
                false => choice.because,
            };
            tensors.push(PreparedTensor { entry, encoding: choice.encoding, importance });
            reasons.push(Reason { because: because.map(Name::word), fallback_from: choice.fallback_from });
        }
        let mut warnings = self.warnings.clone();
        warnings.extend(plan.warnings);
        warnings.extend(is_pure_idle.then(pure_without_effect));
        if matches!(file_type.base(), Encoding::Plain(_)) && !file_type.is_copy() && target.has(&gguf::TENSOR_TYPES) {
            let text = format!("tensor_types change nothing in {file_type}: they act on quantized file types");
            warnings.push(Warning::new("tensor_types.unused", text));
        }
        let mut coverage = self.coverage.clone();
        if let Some(coverage) = &mut coverage {
            coverage.measure(self.imatrix.as_deref(), &tensors);
        }
        Ok(Resolved {
            format: FormatId::Gguf,
            quantization: file_type.name().to_owned(),
            architecture: self.architecture.clone(),
            tensors,
            reasons,
            metadata: plan.metadata,
            sidecars: Sidecars::default(),
            folder: false,
            effort: Effort::default(),
            left_out: Vec::new(),
            imatrix: coverage,
            divergence: None,
            calibration: None,
            graph: None,
            warnings,
        })
    }
}

/// The warning about `pure` where the mix gives the same types.
pub(super) fn pure_without_effect() -> Warning {
    Warning::new("option.unused", "pure (--pure) has no effect: the tensors have the same types without it")
}

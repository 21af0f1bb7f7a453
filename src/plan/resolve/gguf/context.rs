//! The context length that a target declares, and the rope scaling beyond the trained one.
//!
//! The scaling keys are those that llama.cpp reads (gguf-py/gguf/constants.py, `Keys.Rope`): the type, the factor by which the context
//! is longer than the original one, and the original context.

use super::set_all;
use crate::model::{Hint, MetaValue, Model, ModelError, OptionName, Remedy, Result, RopeKind, TensorEntry, TensorKind};
use crate::recipe::Target;
use crate::recipe::options::gguf;

/// Sets the context length and the rope scaling that the target asks for in a model with GGUF metadata.
///
/// # Errors
/// A context longer than the trained one without rope scaling; rope scaling that is not needed, or that the network cannot have.
pub(super) fn declare(model: &mut Model, target: &Target) -> Result<()> {
    let length = target.get(&gguf::CONTEXT_LENGTH);
    let scaling = target.get(&gguf::ROPE_SCALING);
    let Some(arch) = model.architecture().map(str::to_owned) else { return Ok(()) };
    let Some(length) = length else {
        return match scaling {
            Some(_) => Err(ModelError::request("rope scaling needs the context length to scale to")
                .in_option(&gguf::ROPE_SCALING)
                .with_hint(Hint::default().then(Remedy::Give("it", OptionName::CONTEXT_LENGTH)).then("."))),
            None => Ok(()),
        };
    };
    let values = scaled(model, length, scaling.as_deref())?;
    let key = format!("{arch}.context_length");
    model.metadata.insert(key, u32::try_from(length).map_or(MetaValue::U64(length), MetaValue::U32));
    set_all(&mut model.metadata, values.into_iter().map(|(k, v)| (format!("{arch}.rope.scaling.{k}"), v)).collect());
    if let Some(network) = &mut model.network {
        network.context = Some(length);
    }
    Ok(())
}

/// What a model was trained for.
struct Trained {
    /// Tokens it can see as it is.
    context: u64,
    /// Tokens before any scaling.
    original: u64,
    /// The scaling it has.
    scaling: Option<RopeKind>,
}

impl Trained {
    /// `None` if the model does not give its context.
    fn of(model: &Model) -> Option<Self> {
        let network = model.network.as_ref()?;
        let context = network.context?;
        let Some(scaling) = &network.rope.scaling else {
            return Some(Self { context, original: context, scaling: None });
        };
        let factor = scaling.factor.filter(|f| f.is_finite() && *f >= 1.0).unwrap_or(1.0);
        let (context, original) = match (&scaling.kind, scaling.original_context) {
            // Several models with YaRN give the original context here as well.
            (RopeKind::Yarn, Some(original)) => (context.max((original as f64 * factor) as u64), original),
            (RopeKind::Linear, None) => (context, (context as f64 / factor) as u64),
            (_, original) => (context, original.unwrap_or(context)),
        };
        Some(Self { context, original: original.max(1), scaling: Some(scaling.kind.clone()) })
    }
}

/// The values under `rope.scaling.` that a context of `length` tokens needs.
fn scaled(model: &Model, length: u64, asked: Option<&str>) -> Result<Vec<(&'static str, MetaValue)>> {
    let Some(trained) = Trained::of(model) else {
        return match asked {
            Some(_) => Err(ModelError::request(
                "the model does not give the context length it was trained with, so no factor can be computed",
            )
            .in_option(&gguf::ROPE_SCALING)
            .with_hint(Hint::from("Set the keys with ").then(Remedy::Option(OptionName::OVERRIDE_KV)).then("."))),
            None => Ok(Vec::new()),
        };
    };
    let context = trained.context;
    if length <= context {
        return match asked {
            Some(_) => Err(ModelError::request(format!(
                "the model was trained with {context} tokens: {length} need no rope scaling"
            ))
            .in_option(&gguf::ROPE_SCALING)
            .with_hint(Hint::default().then(Remedy::ClearThis).then("."))),
            None => Ok(Vec::new()),
        };
    }
    let too_long = format!("{length} tokens are more than the {context} that the model was trained with");
    let refuse = |why: &str| {
        Err(ModelError::request(format!("{too_long}, and {why}"))
            .in_option(&gguf::CONTEXT_LENGTH)
            .with_hint(format!("Give at most {context}.")))
    };
    let learned = |t: &TensorEntry| t.class.kind == Some(TensorKind::PositionEmbd);
    if model.tensors.iter().any(learned) {
        return refuse("its positions are learned, so they cannot be scaled");
    }
    let factors = |t: &TensorEntry| {
        matches!(t.class.kind, Some(TensorKind::RopeFreqs | TensorKind::RopeFactorsLong | TensorKind::RopeFactorsShort))
    };
    if let Some(t) = model.tensors.iter().find(|t| factors(t)) {
        return refuse(&format!("the scaling that it has, in {}, cannot be extended", t.name));
    }
    let kind = match (&trained.scaling, asked) {
        (Some(other), _) if !matches!(other, RopeKind::Linear | RopeKind::Yarn) => {
            return refuse(&format!("its rope scaling, {other}, cannot be extended"));
        }
        (_, None) => {
            let hint = Hint::from(format!("Give at most {context}, or set "))
                .then(Remedy::Option(OptionName::ROPE_SCALING))
                .then(" to `yarn` or `linear`, which stretches the positions and costs quality.");
            return Err(ModelError::request(too_long).in_option(&gguf::CONTEXT_LENGTH).with_hint(hint));
        }
        (Some(own), Some(asked)) if own.to_string() != asked => {
            return refuse(&format!("it has {own} scaling, which cannot become {asked}"));
        }
        (_, Some(asked)) => asked,
    };
    let factor = length as f64 / trained.original as f64;
    let original = u32::try_from(trained.original).map_or(MetaValue::U64(trained.original), MetaValue::U32);
    Ok(vec![("type", kind.into()), ("factor", MetaValue::F32(factor as f32)), ("original_context_length", original)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{FormatId, Metadata, Network, Rope, RopeScaling, Sidecars};

    fn model(scaling: Option<RopeScaling>) -> Model {
        let mut metadata = Metadata::new();
        metadata.insert("general.architecture".into(), "llama".into());
        metadata.insert("llama.context_length".into(), 1024u32.into());
        let network = Network {
            architecture: Some("llama".into()),
            context: Some(1024),
            rope: Rope { scaling, ..Rope::default() },
            ..Network::default()
        };
        Model {
            path: "x.gguf".into(),
            format: FormatId::Gguf,
            files: Vec::new(),
            opened: Vec::new(),
            tensors: Vec::new(),
            metadata,
            sidecars: Sidecars::default(),
            opaque: Vec::new(),
            unreadable: Vec::new(),
            warnings: Vec::new(),
            checks: Default::default(),
            layer_origins: Default::default(),
            network: Some(network),
            graph: None,
        }
    }

    fn target(length: Option<u64>, scaling: Option<&str>) -> Target {
        let target = Target::of(FormatId::Gguf).with(&gguf::CONTEXT_LENGTH, length);
        target.with(&gguf::ROPE_SCALING, scaling.map(str::to_owned))
    }

    fn declared(scaling: Option<RopeScaling>, length: u64, asked: Option<&str>) -> Result<Metadata> {
        let mut model = model(scaling);
        declare(&mut model, &target(Some(length), asked))?;
        Ok(model.metadata)
    }

    fn of(kind: RopeKind, factor: f64, original: Option<u64>) -> Option<RopeScaling> {
        Some(RopeScaling { kind, factor: Some(factor), original_context: original })
    }

    #[test]
    fn a_longer_context_needs_scaling_which_is_written() {
        let e = declared(None, 4096, None).unwrap_err();
        assert!(e.to_string().contains("4096 tokens are more than the 1024"), "{e}");
        let md = declared(None, 4096, Some("yarn")).unwrap();
        assert_eq!(md["llama.context_length"], MetaValue::U32(4096));
        assert_eq!(md["llama.rope.scaling.type"], "yarn".into());
        assert_eq!(md["llama.rope.scaling.factor"], MetaValue::F32(4.0));
        assert_eq!(md["llama.rope.scaling.original_context_length"], MetaValue::U32(1024));
        let md = declared(None, 512, None).unwrap();
        assert_eq!((md["llama.context_length"].clone(), md.len()), (MetaValue::U32(512), 2));
    }

    #[test]
    fn scaling_that_the_model_has_counts() {
        // YaRN with a factor of 2 on the declared context: 2048 tokens.
        let yarn = || of(RopeKind::Yarn, 2.0, Some(1024));
        assert_eq!(declared(yarn(), 2048, None).unwrap().len(), 2);
        let md = declared(yarn(), 8192, Some("yarn")).unwrap();
        assert_eq!(md["llama.rope.scaling.factor"], MetaValue::F32(8.0));
        assert!(declared(yarn(), 8192, Some("linear")).unwrap_err().to_string().contains("cannot become linear"));
        let md = declared(of(RopeKind::Linear, 2.0, None), 2048, Some("linear")).unwrap();
        assert_eq!(md["llama.rope.scaling.factor"], MetaValue::F32(4.0));
        assert_eq!(md["llama.rope.scaling.original_context_length"], MetaValue::U32(512));
        let e = declared(of(RopeKind::Llama3, 8.0, Some(128)), 2048, Some("yarn")).unwrap_err();
        assert!(e.to_string().contains("llama3, cannot be extended"), "{e}");
    }

    #[test]
    fn scaling_without_need_is_refused() {
        assert!(declared(None, 1024, Some("yarn")).unwrap_err().to_string().contains("need no rope scaling"));
        let e = declare(&mut model(None), &target(None, Some("yarn"))).unwrap_err();
        assert!(e.to_string().contains("needs the context length"), "{e}");
    }
}

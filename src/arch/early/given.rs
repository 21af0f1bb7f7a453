//! Hyper-parameters that the user gives where a file stores none, or a wrong one.
//!
//! They are kept in the metadata as `ggml.given.…`, so that a network that is named later has them, too.

use super::{family_of, params};
use crate::model::{MetaValue, Model, ModelError, OptionName, Result};
use indexmap::IndexMap;
use serde_json::Value as Json;

/// Heads of queries.
pub(super) const HEADS: &str = "heads";
/// Heads of keys and values.
pub(super) const KV_HEADS: &str = "kv_heads";
/// Epsilon of the norms.
pub(super) const NORM_EPSILON: &str = "norm_epsilon";
/// Context length.
pub(super) const CONTEXT: &str = "context";
/// Base of the rotary positions.
pub(super) const ROPE_BASE: &str = "rope_base";

/// The names, each with whether it is a whole number.
const NAMES: [(&str, bool); 5] =
    [(HEADS, true), (KV_HEADS, true), (CONTEXT, true), (NORM_EPSILON, false), (ROPE_BASE, false)];

/// Largest whole number.
const MOST: f64 = (1u64 << 31) as f64;

/// A given number.
pub(super) fn number(model: &Model, name: &str) -> Option<f64> {
    model.metadata.get(&format!("ggml.given.{name}"))?.as_f64()
}

/// A value as a user writes it: floats of JSON always have a point.
fn as_written(value: &Json) -> String {
    match value {
        Json::String(text) => text.trim().to_owned(),
        _ => match value.as_f64() {
            Some(n) => n.to_string(),
            None => value.to_string(),
        },
    }
}

/// The model with hyper-parameters that the user gives.
///
/// # Errors
/// Unknown names and impossible values; a model that stores its hyper-parameters.
pub(crate) fn with_given(model: &Model, given: &IndexMap<String, Json>) -> Result<Model> {
    let refuse = |what: String, hint: &str| {
        Err(ModelError::request(what).in_option(OptionName::HYPERPARAMETERS).with_hint(hint.to_owned()))
    };
    let Some(family) = family_of(model).filter(|_| model.format.is_before_gguf()) else {
        let what = format!("the source is {}, which stores its hyper-parameters", model.format);
        return refuse(what, "Leave out hyperparameters; override_kv sets metadata of a GGUF.");
    };
    let mut model = model.clone();
    for (name, value) in given {
        let known = NAMES.iter().find(|(n, _)| n == name);
        let Some(&(_, whole)) = known else {
            let names = NAMES.map(|(n, _)| n).join(", ");
            return refuse(
                format!("`{name}` is not a hyper-parameter that can be given"),
                &format!("They are: {names}."),
            );
        };
        // A flag gives a text.
        let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok());
        let fits = |n: &f64| n.is_finite() && *n > 0.0 && (!whole || (n.fract() == 0.0 && *n <= MOST));
        let Some(number) = number.filter(fits) else {
            let kind = if whole { "a whole number from 1 to 2147483648" } else { "a number above 0" };
            let what = match value {
                // What JSON cannot hold: NaN, infinity.
                Json::Null => format!("{name} must be {kind}"),
                _ => format!("{name} is {}, not {kind}", as_written(value)),
            };
            return refuse(what, &format!("Write it as in `{name} = 32`."));
        };
        model.metadata.insert(format!("ggml.given.{name}"), MetaValue::F64(number));
    }
    if model.metadata.contains_key("general.architecture") {
        let (values, assumed) = params::all(&params::Facts { model: &model, arch: family.arch }, family)
            .map_err(|e| e.about_option(OptionName::HYPERPARAMETERS))?;
        model.metadata.extend(values);
        params::warn(&mut model, &assumed);
        crate::arch::identify(&mut model);
    }
    Ok(model)
}

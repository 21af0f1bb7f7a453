//! Checkpoints that are already quantized: their tensors are codes and scales, which must not be taken for values.
//!
//! [`schemes`] has one entry per scheme: its `quant_method` names, the configuration keys and the tensor names that identify it,
//! and how to get plain weights back. The configuration is checked first, then the tensors.

mod schemes;

use crate::formats;
use crate::model::{Hint, Model, ModelError, Remedy};
use crate::quant::Encoding;
use schemes::{Mark, SCHEMES, Scheme, Sign};
use serde_json::Value;
use std::collections::HashMap;

/// A checkpoint recognised as quantized.
#[derive(Debug)]
pub(crate) struct Quantized {
    /// The scheme, or the configuration's name for an unknown one.
    pub scheme: String,
    /// Bits and groups, as far as the configuration gives them: `4 bits, groups of 64`.
    pub detail: String,
    /// A tensor that identifies it, and how many do; none when only the configuration says it.
    pub tensors: Option<(String, usize)>,
    remedy: &'static str,
}

impl Quantized {
    /// Name and detail: `GPTQ, 4 bits, groups of 128`.
    pub(crate) fn describe(&self) -> String {
        if self.detail.is_empty() { self.scheme.clone() } else { format!("{}, {}", self.scheme, self.detail) }
    }

    /// The error that says why it is not converted, and what to do.
    pub(crate) fn refusal(&self) -> ModelError {
        let what = format!("the checkpoint is quantized ({})", self.describe());
        let original = format!(
            "{}, or convert the original 16-bit model. A copy that keeps every type is possible: ",
            self.remedy
        );
        let mut original = Hint::from(original);
        for (i, format) in formats::written_as_folders().enumerate() {
            let or = if i > 0 { " or " } else { "" };
            original = original.then(or).then(Remedy::Target(format.name().to_owned()));
        }
        let original = original.then(" without a type.");
        match &self.tensors {
            Some((name, 1)) => ModelError::unsupported(format!("{what}: {name} holds codes or scales, not weights"))
                .with_hint(original),
            Some((name, n)) => {
                let what = format!("{what}: {name} and {} more tensors hold codes or scales, not weights", n - 1);
                ModelError::unsupported(what).with_hint(original)
            }
            None => ModelError::unsupported(what)
                .in_file(std::path::Path::new("config.json"))
                .field("quantization_config")
                .with_hint(original.then(" If the weights are plain already, remove this field.")),
        }
    }
}

/// Recognises a quantized checkpoint by its configuration and by its tensors. GGUF stores its types itself.
pub(crate) fn quantized(model: &Model) -> Option<Quantized> {
    if model.format.has_gguf_names() {
        return None;
    }
    let config = model.config().unwrap_or(Value::Null);
    let declared = declaration(&config);
    let found = by_tensors(model);
    let method = declared.and_then(|d| d.get("quant_method").or_else(|| d.get("quant_type"))).and_then(Value::as_str);
    let by_method = method.and_then(|m| SCHEMES.iter().find(|s| s.methods.iter().any(|x| x.eq_ignore_ascii_case(m))));
    let by_key = || {
        let declared = declared?.as_object()?;
        SCHEMES.iter().find(|s| s.keys.iter().any(|k| declared.get(*k).is_some_and(|v| !is_off(v))))
    };
    let seen = found.as_ref().map(|f| f.0);
    let scheme = by_method
        .or(if method.is_some() { None } else { seen })
        .or_else(|| if method.is_some() { None } else { by_key() });
    if scheme.is_none() && declared.is_none() && found.is_none() {
        return None;
    }
    let name = match (scheme, method) {
        (Some(scheme), _) => scheme.name.to_owned(),
        (None, Some(method)) => method.chars().filter(|c| !c.is_control()).take(40).collect(),
        (None, None) => "by a scheme that is not named".to_owned(),
    };
    Some(Quantized {
        scheme: name,
        detail: detail(model, declared),
        tensors: found.map(|(_, name, n)| (name, n)),
        remedy: scheme.map_or("Dequantize it with the library that made it", |s| s.remedy),
    })
}

/// The part of a configuration that says how the weights are quantized.
fn declaration(config: &Value) -> Option<&Value> {
    const FIELDS: [&str; 3] = ["quantization_config", "compression_config", "quantization"];
    let of = |value: &'_ Value| -> Option<usize> {
        FIELDS.iter().position(|f| value.get(f).and_then(Value::as_object).is_some_and(|o| !o.is_empty()))
    };
    let text = config.get("text_config");
    [Some(config), text].into_iter().flatten().find_map(|v| v.get(FIELDS[of(v)?]))
}

/// A setting that turns quantization off: `"load_in_8bit": false`.
fn is_off(value: &Value) -> bool {
    matches!(value, Value::Null | Value::Bool(false))
}

/// Bits and group size, where the configuration or a `quantize_config.json` gives them.
fn detail(model: &Model, declared: Option<&Value>) -> String {
    let beside = model.sidecars.json("quantize_config.json").ok().flatten();
    let number = |keys: &[&str]| {
        let places = [declared, beside.as_ref()];
        places.into_iter().flatten().find_map(|v| keys.iter().find_map(|k| v.get(k)?.as_i64()))
    };
    let set = |key: &str| declared.and_then(|d| d.get(key)) == Some(&Value::Bool(true));
    let bits = number(&["bits", "w_bit", "nbits", "weight_bits"]).or_else(|| match () {
        () if set("load_in_4bit") => Some(4),
        () if set("load_in_8bit") => Some(8),
        () => None,
    });
    let group = number(&["group_size", "q_group_size"]).filter(|g| *g > 0);
    let block = declared.and_then(|d| d.get("weight_block_size")).and_then(Value::as_array);
    let mut parts = Vec::new();
    parts.extend(bits.map(|b| format!("{b} bits")));
    parts.extend(group.map(|g| format!("groups of {g}")));
    if let Some([rows, cols]) = block.map(Vec::as_slice)
        && let (Some(rows), Some(cols)) = (rows.as_u64(), cols.as_u64())
    {
        parts.push(format!("blocks of {rows} × {cols}"));
    }
    parts.join(", ")
}

/// The first scheme whose tensors exist, one of these tensors, and how many there are.
fn by_tensors(model: &Model) -> Option<(&'static Scheme, String, usize)> {
    let by_name: HashMap<&str, Encoding> = model.tensors.iter().map(|t| (t.name.as_str(), t.encoding)).collect();
    let mut sibling = String::new();
    let mut shows = |sign: &Sign, name: &str, encoding: Encoding| {
        let typed = sign.types.is_empty() || matches!(encoding, Encoding::Plain(d) if sign.types.contains(&d));
        let stem = match sign.mark {
            Mark::Inside(part) => return typed && name.contains(part),
            Mark::End(suffix) => name.strip_suffix(suffix).filter(|_| typed),
        };
        stem.is_some_and(|stem| {
            sign.with.iter().all(|with| {
                sibling.clear();
                sibling.push_str(stem);
                sibling.push_str(with);
                by_name.contains_key(sibling.as_str())
            })
        })
    };
    for scheme in SCHEMES {
        let mut tensors = model.tensors.iter().filter(|t| scheme.signs.iter().any(|s| shows(s, &t.name, t.encoding)));
        if let Some(first) = tensors.next() {
            return Some((scheme, first.name.to_string(), 1 + tensors.count()));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::FormatId;
    use crate::model::{MemoryRows, Metadata, Sidecar, Sidecars, TensorEntry};
    use crate::tensor::DType;
    use std::sync::Arc;

    fn model(tensors: &[(&str, DType)], config: Option<Value>) -> Model {
        let entry = |(name, dtype): &(&str, DType)| {
            let row_bytes = 4 * dtype.size_bytes() as u64;
            TensorEntry::new(
                *name,
                [1, 4],
                *dtype,
                Arc::new(MemoryRows { bytes: vec![0; row_bytes as usize], row_bytes }),
            )
        };
        let mut sidecars = Sidecars::default();
        if let Some(config) = config {
            sidecars.0.insert("config.json".to_owned(), Sidecar::Bytes(config.to_string().into_bytes()));
        }
        Model {
            path: "m".into(),
            format: FormatId::Safetensors,
            files: Vec::new(),
            tensors: tensors.iter().map(entry).collect(),
            metadata: Metadata::new(),
            sidecars,
            opened: Vec::new(),
            checks: Default::default(),
            layer_origins: Default::default(),
            network: None,
            graph: None,
            opaque: Vec::new(),
            unreadable: Vec::new(),
            warnings: Vec::new(),
        }
    }

    #[test]
    fn every_scheme_is_recognised_by_its_tensors() {
        use DType::{BF16, F8E4M3, F8E5M2, F16, F32, I8, I32, U8, U32};
        let rows: &[(&str, &[(&str, DType)])] = &[
            ("MLX", &[("q.weight", U32), ("q.scales", BF16), ("q.biases", BF16)]),
            ("GPTQ", &[("q.qweight", I32), ("q.qzeros", I32), ("q.scales", F16), ("q.g_idx", I32)]),
            ("AWQ", &[("q.qweight", I32), ("q.qzeros", I32), ("q.scales", F16)]),
            ("bitsandbytes", &[("q.weight", U8), ("q.weight.absmax", F32), ("q.weight.quant_map", F32)]),
            ("bitsandbytes", &[("q.weight", U8), ("q.weight.quant_state.bitsandbytes__nf4", U8)]),
            ("bitsandbytes", &[("q.weight", I8), ("q.SCB", F32)]),
            ("NVFP4", &[("q.weight", U8), ("q.weight_scale", F8E4M3), ("q.weight_scale_2", F32)]),
            ("NVFP4", &[("q.weight_packed", U8), ("q.weight_scale", F8E4M3), ("q.weight_global_scale", F32)]),
            ("MXFP4", &[("mlp.down_proj_blocks", U8), ("mlp.down_proj_scales", U8)]),
            ("compressed-tensors", &[("q.weight_packed", I32), ("q.weight_scale", BF16), ("q.weight_shape", I32)]),
            ("compressed-tensors", &[("q.weight", I8), ("q.weight_scale", BF16)]),
            ("FP8", &[("q.weight", F8E4M3), ("q.weight_scale_inv", F32)]),
            ("FP8", &[("q.weight", F8E4M3), ("q.weight_scale", F32)]),
            ("FP8", &[("q.weight", F8E5M2), ("q.scale_weight", F32)]),
            ("FP8", &[("experts.gate_up_proj", F8E4M3), ("experts.gate_up_proj_scale_inv", F32)]),
            ("quanto", &[("q.weight._data", I8), ("q.weight._scale", F32)]),
            ("torchao", &[("q._weight_qdata", I8), ("q._weight_scale", F32)]),
            ("HQQ", &[("q.W_q", U8), ("q.scale", F16), ("q.zero", F16)]),
            ("EETQ", &[("q.weight", I8), ("q.weight_scales", F16)]),
            ("BitNet", &[("q.weight", U8), ("q.weight_scale", BF16)]),
            ("AQLM", &[("q.codes", I8), ("q.codebooks", F16), ("q.scales", F16)]),
            ("ExLlamaV2", &[("q.q_weight", I32), ("q.q_scale", I32), ("q.q_groups", I8)]),
            ("ExLlamaV3", &[("q.trellis", I8), ("q.suh", F16)]),
            ("VPTQ", &[("q.indices", I32), ("q.centroids.weight", F16)]),
            ("QuIP#", &[("q.Qidxs", I8)]),
        ];
        let named = SCHEMES.iter().filter(|s| !s.signs.is_empty());
        assert!(named.clone().all(|s| rows.iter().any(|r| r.0 == s.name)), "a scheme without a row");
        for (scheme, tensors) in rows {
            let mut all = vec![("norm.weight", BF16)];
            all.extend(*tensors);
            let found = quantized(&model(&all, None)).unwrap_or_else(|| panic!("{scheme} {tensors:?}"));
            assert_eq!(found.scheme, *scheme, "{tensors:?}");
            assert!(found.tensors.is_some() && found.refusal().hint().is_some());
        }
    }

    #[test]
    fn every_scheme_is_recognised_by_its_configuration() {
        for scheme in SCHEMES {
            for method in scheme.methods {
                let config = serde_json::json!({"quantization_config": {"quant_method": method}});
                let found = quantized(&model(&[("q.weight", DType::BF16)], Some(config))).unwrap();
                assert_eq!((found.scheme.as_str(), found.tensors.is_none()), (scheme.name, true), "{method}");
            }
        }
        for (config, want) in [
            (
                serde_json::json!({"quantization": {"group_size": 64, "bits": 4}}),
                "by a scheme that is not named, 4 bits, groups of 64",
            ),
            (
                serde_json::json!({"quantization_config": {"load_in_4bit": true, "load_in_8bit": false}}),
                "bitsandbytes, 4 bits",
            ),
            (serde_json::json!({"compression_config": {"config_groups": {}}}), "compressed-tensors"),
            (
                serde_json::json!({"text_config": {"quantization_config": {"quant_method": "fp8", "weight_block_size": [128, 128]}}}),
                "FP8, blocks of 128 × 128",
            ),
            (
                serde_json::json!({"quantization_config": {"quant_method": "of-tomorrow", "bits": 3}}),
                "of-tomorrow, 3 bits",
            ),
            (serde_json::json!({"quantization_config": {"quant_algo": "NVFP4"}}), "NVFP4"),
        ] {
            let found = quantized(&model(&[("q.weight", DType::BF16)], Some(config.clone()))).map(|q| q.describe());
            assert_eq!(found.as_deref(), Some(want), "{config}");
        }
        let mlx = serde_json::json!({"quantization": {"group_size": 64, "bits": 4}, "quantization_config": {"group_size": 64, "bits": 4}});
        let tensors = [("q.weight", DType::U32), ("q.scales", DType::BF16), ("q.biases", DType::BF16)];
        assert_eq!(quantized(&model(&tensors, Some(mlx))).unwrap().describe(), "MLX, 4 bits, groups of 64");
    }

    #[test]
    fn plain_checkpoints_are_not_taken_for_quantized_ones() {
        use DType::{BF16, F8E4M3, F32, I8, I64, U8};
        let rows: &[&[(&str, DType)]] = &[
            &[("q.weight", BF16), ("q.bias", BF16), ("norm.scale", F32), ("norm.biases", F32)],
            // A plain cast to FP8, as ComfyUI's unscaled checkpoints are.
            &[("q.weight", F8E4M3), ("k.weight", F8E4M3)],
            &[("position_ids", I64), ("mask", U8), ("table.weight", I8)],
            // Scales that quantization-aware training leaves beside weights that are still values.
            &[("q.weight", BF16), ("q.weight_scale", BF16)],
        ];
        for tensors in rows {
            assert!(quantized(&model(tensors, None)).is_none(), "{tensors:?}");
        }
        for off in [serde_json::json!({"quantization_config": null}), serde_json::json!({"quantization_config": {}})] {
            assert!(quantized(&model(&[("q.weight", BF16)], Some(off))).is_none());
        }
    }
}

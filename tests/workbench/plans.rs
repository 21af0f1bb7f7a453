//! Plans and forecasts of the sample model.

use super::sample::{DIR, EVENTS};
use remold::testing::model::FormatId;
use remold::testing::model::Warning;
use remold::testing::plan::{
    Chosen, Dial, Forecast, Forecasted, Heavy, Plan, PlannedOutput, PlannedTensor, RuntimeMemory,
};
use remold::testing::quant::{BlockType, Encoding};
use std::path::PathBuf;
use std::sync::Arc;

/// The plan that the recorded job carries out.
pub fn plan() -> Plan {
    let mut tensors = Vec::new();
    for line in EVENTS.lines().filter(|l| l.contains("tensor.started")) {
        let v: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = |k: &str| v[k].as_str().unwrap().to_owned();
        let t = PlannedTensor {
            name: text("name").into(),
            layer: v["layer"].as_u64().map(|l| l as u32),
            kind: text("tensor_kind").into(),
            role: serde_json::from_value(v["role"].clone()).unwrap(),
            from: Encoding::parse(&text("from")).unwrap(),
            to: Encoding::parse(&text("to")).unwrap(),
            shape: vec![2048].into(),
            bytes: v["bytes"].as_u64().unwrap(),
            because: None,
            fallback_from: None,
        };
        tensors.push(t);
    }
    let path = PathBuf::from(DIR).join("exp42/checkpoint-2000-Q4_K_M.gguf");
    let bytes = tensors.iter().map(|t| t.bytes).sum::<u64>() + 7_800_000;
    Plan {
        steps: Vec::new(),
        stages: Vec::new(),
        source: PathBuf::from(DIR).join("exp42/checkpoint-2000"),
        source_format: FormatId::Safetensors,
        architecture: Some("llama".into()),
        parameters: 1_235_814_400,
        source_bytes: 2_471_628_800,
        outputs: vec![PlannedOutput {
            files: vec![(path.clone(), bytes)],
            path,
            format: FormatId::Gguf,
            quantization: "Q4_K_M".into(),
            effort: None,
            bytes,
            bits_per_weight: 5.18,
            tensors: Arc::new(tensors),
            ..PlannedOutput::default()
        }],
        disk_bytes: bytes,
        memory_bytes: 268_435_456,
        source_files: Vec::new(),
        validation: None,
        warnings: vec![Warning::new("config.unknown-field", "config.json has a field nobody knows: frobnicate")],
    }
}

/// File types: name, size in units of 100 kB, bits for each weight, dB, dB of a mix of the same size.
pub const TYPES: [(&str, u64, f64, f64, f64); 14] = [
    ("Q2_0", 4_105, 2.63, 4.9, 10.9),
    ("Q2_K", 5_807, 3.73, 11.8, 15.9),
    ("Q3_K_S", 6_412, 4.12, 15.1, 18.6),
    ("Q3_K_M", 6_911, 4.43, 17.2, 20.3),
    ("Q3_K_L", 7_325, 4.70, 17.9, 21.8),
    ("IQ4_XS", 7_431, 4.77, 20.9, 22.2),
    ("Q4_0", 7_710, 4.95, 19.8, 23.1),
    ("Q4_K_S", 7_756, 4.98, 21.9, 23.2),
    ("Q4_K_M", 8_077, 5.18, 22.6, 24.1),
    ("Q5_0", 8_930, 5.73, 25.6, 26.9),
    ("Q5_K_S", 8_926, 5.73, 27.2, 26.9),
    ("Q5_K_M", 9_115, 5.85, 28.0, 28.7),
    ("Q6_K", 10_218, 6.56, 33.1, 34.4),
    ("Q8_0", 13_215, 8.50, 44.2, 44.2),
];

fn forecasted(name: &str, bytes: u64, bits_per_weight: f64, db: Option<f64>) -> Forecasted {
    Forecasted {
        name: name.into(),
        bytes,
        bits_per_weight,
        sqnr_db: db.map(|db| db + 0.8),
        output_sqnr_db: db,
        kld: None,
        cpu_seconds: bits_per_weight * 3.0,
        fallbacks: 0,
        heaviest: heaviest(bits_per_weight),
        on_front: true,
    }
}

/// Tensors that the most of the loss comes from.
fn heaviest(bits_per_weight: f64) -> Vec<Heavy> {
    let heavy = |name: &str, encoding: &str, share| Heavy { name: name.into(), encoding: encoding.into(), share };
    match bits_per_weight {
        b if b < 16.0 => vec![
            heavy("token_embd.weight", "Q6_K", 0.214),
            heavy("blk.1.ffn_down.weight", "Q4_K", 0.087),
            heavy("blk.15.ffn_down.weight", "Q4_K", 0.051),
        ],
        _ => Vec::new(),
    }
}

/// The forecast of the model, with or without a mix for a budget of 760 MB.
pub fn forecast(budget: Option<&str>) -> Forecast {
    let mut types: Vec<_> = TYPES.iter().map(|t| forecasted(t.0, t.1 * 100_000, t.2, Some(t.3))).collect();
    types.push(forecasted("BF16", 2_480_000_000, 16.0, None));
    let choice = budget.map(|name| Chosen {
        forecast: forecasted(name, 759_800_000, 4.92, Some(22.9)),
        kinds: Default::default(),
        tensors: Default::default(),
        check: None,
    });
    Forecast {
        source: PathBuf::from(DIR).join("exp42/checkpoint-2000"),
        source_format: FormatId::Safetensors,
        architecture: Some("llama".into()),
        parameters: 1_235_814_400,
        source_bytes: 2_471_628_800,
        imatrix: None,
        effort: None,
        seconds: 2.9,
        types,
        mixes: TYPES.iter().map(|t| forecasted(t.0, t.1 * 100_000, t.2, Some(t.4))).collect(),
        refused: vec![("IQ2_M".into(), "IQ2_M needs an importance matrix".into())],
        choice,
        divergence: None,
        runtime: None,
        dial: None,
    }
}

/// The same with costs in memory: `in_nats` if they were measured on a text.
pub fn with_costs(in_nats: bool) -> Forecast {
    let mut forecast = forecast(None);
    forecast.dial = Some(Arc::new(dial(in_nats)));
    forecast.runtime = Some(RuntimeMemory { context: 8192, cache_bytes: 268_435_456, compute_bytes: 300_000_000 });
    if in_nats {
        let divergence = r#"{"nats":0.0,"tokens":3072,"measured":700,"of":784}"#;
        forecast.divergence = Some(serde_json::from_str(divergence).unwrap());
        for one in forecast.types.iter_mut().chain(&mut forecast.mixes) {
            one.kld = one.output_sqnr_db.map(|db| 10f64.powf(-db / 10.0));
        }
    }
    forecast
}

/// Costs of 16 layers of seven tensors, and the embedding.
fn dial(in_nats: bool) -> Dial {
    let kinds = [
        ("attn_q", 4u64),
        ("attn_k", 1),
        ("attn_v", 1),
        ("attn_output", 4),
        ("ffn_gate", 16),
        ("ffn_up", 16),
        ("ffn_down", 16),
    ];
    let layers = (0..16u32).flat_map(|l| kinds.iter().map(move |(kind, n)| (*kind, Some(l), n << 20)));
    let all = layers.chain([("token_embd", None, 250 << 20)]);
    let tensors: Vec<(String, Option<u32>, u64)> = all.map(|(kind, l, n)| (kind.to_owned(), l, n)).collect();
    Dial::of_bits(
        tensors,
        &[("Q2_K", 2.6), ("Q3_K", 3.4), ("Q4_K", 4.5), ("Q5_K", 5.5), ("Q6_K", 6.6), ("Q8_0", 8.5)],
        in_nats,
    )
}

/// The plan of the mix: the types of two kinds differ between layers.
pub fn mixed() -> Plan {
    let mut plan = plan();
    let output = &mut plan.outputs[0];
    for t in Arc::make_mut(&mut output.tensors) {
        match (t.kind.as_str(), t.layer) {
            ("ffn_up" | "ffn_gate", Some(l)) if l % 3 == 0 => t.to = BlockType::IQ4_XS.into(),
            ("attn_v", Some(l)) => t.to = if l < 9 { BlockType::Q6_K } else { BlockType::Q5_K }.into(),
            _ => {}
        }
    }
    output.path = PathBuf::from(DIR).join("exp42/checkpoint-2000-760MB.gguf");
    (output.quantization, output.bytes, output.bits_per_weight) = ("760MB".into(), 759_800_000, 4.92);
    (plan.disk_bytes, plan.warnings) = (759_800_000, Vec::new());
    plan
}

/// The plan of a file type and a mix.
pub fn two() -> Plan {
    let mut plan = plan();
    plan.outputs.extend(mixed().outputs);
    plan.disk_bytes += 759_800_000;
    plan
}

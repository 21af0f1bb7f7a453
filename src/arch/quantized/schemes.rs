//! The schemes checkpoints are quantized with, one entry each.
//!
//! Layouts: the `quantizers` of transformers 4.57, compressed-tensors 0.12, AutoGPTQ, AutoAWQ, bitsandbytes 0.48, mlx 0.29,
//! optimum-quanto, torchao, HQQ, ModelOpt, ExLlamaV2 and V3, AQLM (names only).

use crate::tensor::DType;

/// A way checkpoints are quantized.
#[derive(Debug)]
pub(super) struct Scheme {
    /// The common name.
    pub name: &'static str,
    /// Values of `quant_method`.
    pub methods: &'static [&'static str],
    /// Keys of the configuration that identify it if no method is named.
    pub keys: &'static [&'static str],
    /// Tensors that identify it.
    pub signs: &'static [Sign],
    /// How to get plain weights, as the start of a sentence.
    pub remedy: &'static str,
}

/// Tensors that identify a scheme: one whose name ends with this (or contains it), of one of these types (any when empty),
/// with these others of the same stem beside it.
#[derive(Debug)]
pub(super) struct Sign {
    pub mark: Mark,
    pub types: &'static [DType],
    pub with: &'static [&'static str],
}

/// Where in a name.
#[derive(Debug)]
pub(super) enum Mark {
    /// At its end.
    End(&'static str),
    /// Anywhere.
    Inside(&'static str),
}

const F8: &[DType] = &[DType::F8E4M3, DType::F8E5M2];
const BYTES: &[DType] = &[DType::U8, DType::I8];

const fn end(suffix: &'static str, types: &'static [DType], with: &'static [&'static str]) -> Sign {
    Sign { mark: Mark::End(suffix), types, with }
}

const fn inside(part: &'static str) -> Sign {
    Sign { mark: Mark::Inside(part), types: &[], with: &[] }
}

/// Every known scheme. If the tensors match several, the first is used.
pub(super) static SCHEMES: &[Scheme] = &[
    Scheme {
        name: "MLX",
        methods: &["mlx"],
        keys: &[],
        signs: &[end(".weight", &[DType::U32], &[".scales"])],
        remedy: "Dequantize it with `mlx_lm.convert --dequantize` (after a fine-tune, `mlx_lm.fuse --dequantize`)",
    },
    Scheme {
        name: "GPTQ",
        methods: &["gptq", "marlin", "gptq_marlin", "gptqmodel"],
        keys: &["desc_act"],
        signs: &[end(".qweight", &[], &[".g_idx"])],
        remedy: "Dequantize it with GPTQModel",
    },
    Scheme {
        name: "AWQ",
        methods: &["awq", "awq_marlin", "gemm", "gemv"],
        keys: &["w_bit", "zero_point"],
        signs: &[end(".qweight", &[], &[".qzeros"]), end(".qweight", &[], &[".scales"])],
        remedy: "Dequantize it with AutoAWQ or GPTQModel",
    },
    Scheme {
        name: "bitsandbytes",
        methods: &["bitsandbytes", "bitsandbytes_4bit", "bitsandbytes_8bit", "bnb"],
        keys: &["load_in_4bit", "load_in_8bit", "bnb_4bit_quant_type", "_load_in_4bit", "_load_in_8bit"],
        signs: &[inside(".quant_state."), end(".absmax", &[], &[]), end(".SCB", &[], &[])],
        remedy: "Load it with transformers, call `model.dequantize()`, and save it with `save_pretrained`",
    },
    Scheme {
        name: "NVFP4",
        methods: &["modelopt", "nvfp4", "modelopt_fp4"],
        keys: &["quant_algo"],
        signs: &[
            end(".weight", BYTES, &[".weight_scale", ".weight_scale_2"]),
            end(".weight_packed", &[], &[".weight_scale", ".weight_global_scale"]),
        ],
        remedy: "Decompress it with the library that made it (ModelOpt, or compressed-tensors through transformers with `CompressedTensorsConfig(run_compressed=False)`)",
    },
    Scheme {
        name: "MXFP4",
        methods: &["mxfp4"],
        keys: &[],
        signs: &[end("_blocks", BYTES, &["_scales"])],
        remedy: "Load it with transformers and `Mxfp4Config(dequantize=True)`, and save it with `save_pretrained`",
    },
    Scheme {
        name: "compressed-tensors",
        methods: &["compressed-tensors", "compressed_tensors", "sparseml"],
        keys: &["config_groups", "quantization_status", "sparsity_config"],
        signs: &[end(".weight_packed", &[], &[]), end(".weight", &[DType::I8], &[".weight_scale"])],
        remedy: "Load it with transformers and `CompressedTensorsConfig(run_compressed=False)`, and save it with `save_pretrained`",
    },
    Scheme {
        name: "FP8",
        methods: &["fp8", "fbgemm_fp8", "finegrained_fp8"],
        keys: &["weight_block_size", "activation_scheme"],
        signs: &[
            end(".weight", F8, &[".weight_scale_inv"]),
            end(".weight", F8, &[".weight_scale"]),
            end(".weight", F8, &[".scale_weight"]),
            end(".weight", F8, &[".qscale_weight"]),
            end(".weight", F8, &[".scale"]),
            end("", F8, &["_scale_inv"]),
            end("", F8, &["_scale"]),
            end("", F8, &[".scale"]),
        ],
        remedy: "Load it with transformers and `FineGrainedFP8Config(dequantize=True)` (for DeepSeek also its `fp8_cast_bf16.py`), and save it as bf16",
    },
    Scheme {
        name: "quanto",
        methods: &["quanto", "optimum-quanto"],
        keys: &[],
        signs: &[end("._data", &[], &["._scale"])],
        remedy: "Load it with optimum-quanto and save what `dequantize()` gives of each weight",
    },
    Scheme {
        name: "torchao",
        methods: &["torchao"],
        keys: &["quant_type_kwargs"],
        signs: &[end("_weight_qdata", &[], &["_weight_scale"]), end(".tensor_impl", &[], &[])],
        remedy: "Load it with torchao and save what `dequantize()` gives of each weight",
    },
    Scheme {
        name: "HQQ",
        methods: &["hqq"],
        keys: &["axis"],
        signs: &[end(".W_q", &[], &[])],
        remedy: "Load it with HQQ and save what `dequantize()` gives of each layer",
    },
    Scheme {
        name: "EETQ",
        methods: &["eetq"],
        keys: &[],
        signs: &[end(".weight", &[DType::I8], &[".weight_scales"])],
        remedy: "Only the original model can be converted",
    },
    Scheme {
        name: "BitNet",
        methods: &["bitnet"],
        keys: &["linear_class"],
        signs: &[end(".weight", &[DType::U8], &[".weight_scale"])],
        remedy: "Take the unpacked bf16 checkpoint, which its makers publish beside the packed one",
    },
    Scheme {
        name: "AQLM",
        methods: &["aqlm"],
        keys: &["num_codebooks"],
        signs: &[end(".codes", &[], &[".codebooks"])],
        remedy: "Only the original model can be converted",
    },
    Scheme {
        name: "ExLlamaV2",
        methods: &["exl2"],
        keys: &[],
        signs: &[end(".q_weight", &[], &[".q_scale"])],
        remedy: "Only the original model can be converted",
    },
    Scheme {
        name: "ExLlamaV3",
        methods: &["exl3"],
        keys: &[],
        signs: &[end(".trellis", &[], &[])],
        remedy: "Only the original model can be converted",
    },
    Scheme {
        name: "AutoRound",
        methods: &["auto-round", "auto_round", "intel/auto-round"],
        keys: &["autoround_version"],
        signs: &[],
        remedy: "Dequantize it with GPTQModel or AutoRound",
    },
    Scheme {
        name: "VPTQ",
        methods: &["vptq"],
        keys: &[],
        signs: &[end(".indices", &[], &[".centroids.weight"])],
        remedy: "Only the original model can be converted",
    },
    Scheme {
        name: "QuIP#",
        methods: &["quip", "quip_sharp", "quip#"],
        keys: &[],
        signs: &[end(".Qidxs", &[], &[])],
        remedy: "Only the original model can be converted",
    },
];

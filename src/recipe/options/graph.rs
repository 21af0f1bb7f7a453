//! The options of the graph formats. Keys of what this version does not do are known, so that a recipe that has one is refused by name.

use super::{Flag, FormatOptions, TargetOption, Types, no_notes};
use crate::model::FormatId;
use crate::recipe::key::{Key, KeyTable, Kind, NOW, OptionGroup, State, key};
use std::path::PathBuf;

const fn now(group: OptionGroup, name: &'static str, kind: Kind, help: &'static str, example: &'static str) -> Key {
    key(KeyTable::Target, name, kind, NOW, help, example).group(group)
}

const fn later(group: OptionGroup, name: &'static str, kind: Kind, help: &'static str, example: &'static str) -> Key {
    key(KeyTable::Target, name, kind, State::Later, help, example).group(group)
}

const ARITHMETIC: &[&str] = &["float32", "int8", "uint8", "int16"];

macro_rules! options {
    ($($name:ident: $value:ty = $group:ident, $key:literal, $kind:expr, $help:literal, $example:literal $(, $with:ident($($arg:expr),*))*;)*) => {
        $(
            #[doc = $help]
            pub(crate) static $name: TargetOption<$value> =
                TargetOption::new(now(OptionGroup::$group, $key, $kind, $help, $example)$(.$with($($arg),*))*);
        )*
    };
}

#[rustfmt::skip]
options! {
    NO_PAST: bool = Runtime, "no_past", Kind::Bool, "From a checkpoint of a language model: the graph takes whole texts, without the keys and values of earlier tokens.", "true",
        flag(Flag::switch("no-past")), fact("no past");
    FEATURES: bool = Runtime, "features", Kind::Bool, "From a checkpoint: the graph gives the last hidden state, without a head and without pooling.", "true",
        flag(Flag::switch("features")), fact("features");
    PRECISION: Option<String> = Types, "precision", Kind::Choice(&["f32", "f16", "bf16", "mixed", "fp32", "fp16"]), "Precision of a graph. `f16` and `bf16` convert every node that keeps enough precision; `mixed` converts those that `fp16_layers` selects, or all but those of `keep_fp32`.", "\"mixed\"",
        flag(Flag::new("precision", "PRECISION")), fact("{}"), front(4), absent("that of the source");
    FP16_LAYERS: Vec<String> = Types, "fp16_layers", Kind::Selectors, "Nodes that become f16: operators, parts of the names of nodes or weights, names with `*`, roles, or `re:` patterns.", "[\"MatMul\", \"ffn\"]",
        flag(Flag::new("fp16-layers", "SELECTOR")), absent("all that can be");
    KEEP_FP32: Vec<String> = Types, "keep_fp32", Kind::Selectors, "Nodes that stay f32, as in `fp16_layers`.", "[\"Softmax\"]",
        flag(Flag::new("keep-fp32", "SELECTOR")), absent("none");
    KEEP_IO: Option<bool> = Types, "keep_io_types", Kind::Bool, "Inputs and outputs of a graph in half precision stay f32. On by default.", "false",
        tri_state(), absent("yes");
    ONLY: Vec<String> = Types, "nodes_to_quantize", Kind::Selectors, "Nodes to quantize to integers, as in `fp16_layers`.", "[\"MatMul\"]",
        or(&["op_types_to_quantize"]), flag(Flag::new("nodes-to-quantize", "SELECTOR")), absent("all that can be");
    EXCEPT: Vec<String> = Types, "nodes_to_exclude", Kind::Selectors, "Nodes that stay float, as in `fp16_layers`.", "[\"/pooler/*\"]",
        flag(Flag::new("nodes-to-exclude", "SELECTOR")), absent("none");
    PER_CHANNEL: Option<bool> = Types, "per_channel", Kind::Bool, "`int8` and `uint8`: a scale for each column or channel of a weight. On by default; ONNX Runtime's default is off.", "false",
        tri_state(), absent("yes");
    REDUCE_RANGE: bool = Types, "reduce_range", Kind::Bool, "`int8` and `uint8`: weights of 7 bits, for processors without VNNI.", "true",
        flag(Flag::switch("reduce-range"));
    SYMMETRIC: Option<bool> = Types, "weight_symmetric", Kind::Bool, "Integers that have no zero point. Default: for `int8`.", "true",
        tri_state(), absent("for int8");
    BLOCK_SIZE: Option<u64> = Types, "block_size", Kind::Integer(16, 256), "`int4`: weights that share a scale; a power of 2.", "128",
        flag(Flag::new("block-size", "N")), unit("weights"), absent("32");
    ACCURACY_LEVEL: Option<u64> = Types, "accuracy_level", Kind::Integer(0, 4), "`int4`: the least precision of products in ONNX Runtime. 1 is f32, 4 allows activations of 8 bits, which is faster.", "4",
        flag(Flag::new("accuracy-level", "N")), absent("the runtime chooses");
    QUANT_FORMAT: Option<String> = Types, "quant_format", Kind::Choice(&["operator", "qdq", "qoperator"]), "`int4`: as the operator `MatMulNBits` of ONNX Runtime, or as `DequantizeLinear` of ONNX (opset 21). `static`: `qdq`.", "\"qdq\"",
        flag(Flag::new("quant-format", "FORMAT")), absent("operator; static: qdq");
    QUANTIZATION_MODE: Option<String> = Types, "quantization_mode", Kind::Choice(&["dynamic", "static"]), "`int8` and `uint8`: activations are quantized while the network runs, or with ranges that are found on `calibration_data`.", "\"static\"",
        or(&["mode"]), flag(Flag::new("quantization-mode", "MODE")), absent("static with calibration_data");
    ACTIVATION_TYPE: Option<String> = Types, "activation_type", Kind::Choice(&["uint8", "int8"]), "`static`: integers of activations.", "\"int8\"",
        flag(Flag::new("activation-type", "TYPE")), absent("uint8");
    ACTIVATION_SYMMETRIC: bool = Types, "activation_symmetric", Kind::Bool, "`static`: activations have no zero point; for `activation_type = \"int8\"`.", "true",
        flag(Flag::switch("activation-symmetric"));
    CALIBRATION_DATA: Option<PathBuf> = Importance, "calibration_data", Kind::Path, "Inputs of the graph: arrays named after its inputs (.npy, .npz, .safetensors), a text with a sample on each line, or a folder of such files. `static` finds its ranges on three quarters of them; the error of the outputs is measured on the others, whatever the precision.", "\"calib.npz\"",
        flag(Flag::new("calibration-data", "FILE")), absent("none: the error is not measured");
    CALIBRATION_METHOD: Option<String> = Importance, "calibration_method", Kind::Choice(&["auto", "minmax", "percentile", "entropy", "mse"]), "`static`: how the ranges of activations are found. `auto` compares all and takes the one with the least error of the outputs, if no output is worse than with `minmax`.", "\"entropy\"",
        flag(Flag::new("calibration-method", "METHOD")), absent("auto");
    CALIBRATION_SAMPLES: Option<u64> = Importance, "calibration_samples", Kind::Integer(1, 1_000_000), "Samples to use at most, evenly spread over the data.", "64",
        flag(Flag::new("calibration-samples", "N")), unit("samples"), absent("all, at most 128");
    CALIBRATION_PERCENTILE: Option<f64> = Importance, "calibration_percentile", Kind::Number(50.0, 100.0), "`percentile`: the share of the values within a range, in percent.", "99.99",
        flag(Flag::new("calibration-percentile", "PERCENT")), absent("99.999");
}

static OPSET: Key = later(OptionGroup::Output, "opset", Kind::Integer(1, 64), "ONNX operator set.", "21");
/// Whether tensors are in a data file.
pub(crate) static EXTERNAL_DATA: TargetOption<Option<bool>> = TargetOption::new(
    now(
        OptionGroup::Output,
        "save_as_external_data",
        Kind::Bool,
        "Write the tensors to a data file next to the graph (`NAME.onnx.data`). Default: as the source has it; a model that is too large for one file always gets one.",
        "true",
    )
    .or(&["external_data"])
    .tri_state()
    .fact("data file")
    .flag(Flag::switch("save-as-external-data").shown(&["external-data"])),
);
/// Size from which tensors are in the data file.
pub(crate) static EXTERNAL_DATA_THRESHOLD: TargetOption<Option<u64>> = TargetOption::new(
    now(
        OptionGroup::Output,
        "external_data_threshold",
        Kind::Integer(0, u64::MAX),
        "Write the tensors of at least this many bytes to a data file. Those below 1024 bytes, and small integer tensors, are always in the graph.",
        "1024",
    )
    .unit("bytes")
    .absent("1024")
    .flag(Flag::new("external-data-threshold", "BYTES")),
);
static CUSTOM_OPS: Key =
    later(OptionGroup::Runtime, "custom_ops", Kind::List, "Libraries of custom operators.", "[\"ops.so\"]");
static ALLOW_CUSTOM_OPS: Key =
    later(OptionGroup::Runtime, "allow_custom_ops", Kind::Bool, "Keep operators that TFLite does not support.", "true");
static OPTIMIZATIONS: Key =
    later(OptionGroup::Types, "optimizations", Kind::List, "TFLite optimizations.", "[\"DEFAULT\"]");
static INPUT_TYPE: Key =
    later(OptionGroup::Types, "inference_input_type", Kind::Choice(ARITHMETIC), "Type of the inputs.", "\"int8\"");
static OUTPUT_TYPE: Key =
    later(OptionGroup::Types, "inference_output_type", Kind::Choice(ARITHMETIC), "Type of the outputs.", "\"int8\"");

const fn row(format: FormatId, purpose: &'static str, options: &'static [&'static Key]) -> FormatOptions {
    FormatOptions { format, types: Types::Graphs, heading: "Graph options", purpose, options, notes: no_notes }
}

/// What ONNX and ORT share.
static ONNX_KEYS: &[&Key] = &[
    &PRECISION.key,
    &FP16_LAYERS.key,
    &KEEP_FP32.key,
    &KEEP_IO.key,
    &ONLY.key,
    &EXCEPT.key,
    &PER_CHANNEL.key,
    &REDUCE_RANGE.key,
    &SYMMETRIC.key,
    &BLOCK_SIZE.key,
    &ACCURACY_LEVEL.key,
    &QUANT_FORMAT.key,
    &QUANTIZATION_MODE.key,
    &ACTIVATION_TYPE.key,
    &ACTIVATION_SYMMETRIC.key,
    &NO_PAST.key,
    &FEATURES.key,
    &CALIBRATION_DATA.key,
    &CALIBRATION_METHOD.key,
    &CALIBRATION_SAMPLES.key,
    &CALIBRATION_PERCENTILE.key,
    &OPSET,
    &EXTERNAL_DATA.key,
    &EXTERNAL_DATA_THRESHOLD.key,
    &CUSTOM_OPS,
];

/// ONNX.
pub(crate) static ONNX: FormatOptions = row(FormatId::Onnx, "ONNX Runtime and others", ONNX_KEYS);

/// ONNX Runtime's own format.
pub(crate) static ORT: FormatOptions = row(FormatId::Ort, "ONNX Runtime on phones", ONNX_KEYS);

/// TensorFlow Lite.
pub(crate) static TFLITE: FormatOptions = row(
    FormatId::Tflite,
    "LiteRT on phones",
    &[
        &PRECISION.key,
        &FP16_LAYERS.key,
        &CALIBRATION_DATA.key,
        &CALIBRATION_METHOD.key,
        &ALLOW_CUSTOM_OPS,
        &OPTIMIZATIONS,
        &INPUT_TYPE,
        &OUTPUT_TYPE,
    ],
);

/// TensorFlow's SavedModel.
pub(crate) static SAVEDMODEL: FormatOptions = row(FormatId::Savedmodel, "TensorFlow", &[]);

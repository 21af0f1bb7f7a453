//! The options of the graph formats. Keys of what this version does not do are known, so that a recipe that has one is refused by name.

use super::{Flag, FormatOptions, TargetOption, Types, no_notes};
use crate::model::FormatId;
use crate::recipe::key::{Key, KeyTable, Kind, NOW, OptionGroup, State, key};

const fn now(group: OptionGroup, name: &'static str, kind: Kind, help: &'static str, example: &'static str) -> Key {
    key(KeyTable::Target, name, kind, NOW, help, example).group(group)
}

const fn later(group: OptionGroup, name: &'static str, kind: Kind, help: &'static str, example: &'static str) -> Key {
    key(KeyTable::Target, name, kind, State::Later, help, example).group(group)
}

const ARITHMETIC: &[&str] = &["float32", "int8", "uint8", "int16"];

static PRECISION: Key = later(
    OptionGroup::Types,
    "precision",
    Kind::Choice(&["f32", "f16", "mixed", "fp32", "fp16"]),
    "Precision of a graph.",
    "\"mixed\"",
);
static FP16_LAYERS: Key = later(
    OptionGroup::Types,
    "fp16_layers",
    Kind::Selectors,
    "With `precision = \"mixed\"`: tensors to convert to f16.",
    "[\"attention\", \"ffn\"]",
);
static CALIBRATION_DATA: Key =
    later(OptionGroup::Importance, "calibration_data", Kind::Path, "Data for static quantization.", "\"calib.jsonl\"");
static CALIBRATION_METHOD: Key = later(
    OptionGroup::Importance,
    "calibration_method",
    Kind::Choice(&["minmax", "entropy", "percentile"]),
    "How ranges are found.",
    "\"entropy\"",
);
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
    &PRECISION,
    &FP16_LAYERS,
    &CALIBRATION_DATA,
    &CALIBRATION_METHOD,
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
        &PRECISION,
        &FP16_LAYERS,
        &CALIBRATION_DATA,
        &CALIBRATION_METHOD,
        &ALLOW_CUSTOM_OPS,
        &OPTIMIZATIONS,
        &INPUT_TYPE,
        &OUTPUT_TYPE,
    ],
);

/// TensorFlow's SavedModel.
pub(crate) static SAVEDMODEL: FormatOptions = row(FormatId::Savedmodel, "TensorFlow", &[]);

//! Limits that no real file reaches, each with its reason. Lengths are also checked against the bytes left in the file; these
//! limit the memory that a file that is large *and* hostile can make us use.

/// Largest metadata section, and largest tensor list, of a GGUF file: the largest real vocabularies (262,144 tokens with scores
/// and merges) take about 15 MB. Held in memory it is at most about four times this.
pub(crate) const GGUF_SECTION_BYTES: u64 = 128 << 20;

/// Longest metadata key and tensor name in bytes: the GGUF specification allows 2¹⁶ − 1 for keys, and safetensors sets none.
pub(crate) const NAME_BYTES: u64 = 65_535;

/// Longest tensor name ggml loads: `GGML_MAX_NAME` is 64 with the terminating zero (`ggml.h`).
pub(crate) const GGML_NAME_BYTES: usize = 63;

/// Most dimensions of a ggml tensor (`GGML_MAX_DIMS` in `ggml.h`).
pub(crate) const GGML_DIMS: u32 = 4;

/// Deepest nesting of metadata arrays in arrays. llama.cpp refuses the first level; no known file has any.
pub(crate) const META_ARRAY_DEPTH: u32 = 4;

/// Most tensors in a model. The largest mixture-of-experts checkpoints have about 150,000.
pub(crate) const TENSORS: u64 = 1 << 20;

/// Most key-value pairs of a GGUF file; real ones have fewer than 100, imatrix and control-vector files fewer than 1,000.
pub(crate) const GGUF_KEYS: u64 = 1 << 16;

/// Largest safetensors header: the cap of the reference implementation (`MAX_HEADER_SIZE` in its `tensor.rs`).
pub(crate) const SAFETENSORS_HEADER_BYTES: u64 = 100_000_000;

/// Most dimensions of a safetensors tensor. PyTorch allows 64.
pub(crate) const SAFETENSORS_DIMS: usize = 64;

/// Largest `*.index.json`: that of a checkpoint with 150,000 tensors takes 15 MB.
pub(crate) const INDEX_BYTES: u64 = 100_000_000;

/// Most shards of one model; the names hold five digits.
pub(crate) const SHARDS: u64 = 99_999;

/// Most files of a split GGUF: `split.no` and `split.count` are u16.
pub(crate) const GGUF_SHARDS: u64 = u16::MAX as u64;

/// Largest `config.json` that a scan reads; real ones have a few kilobytes.
pub(crate) const SCAN_CONFIG_BYTES: u64 = 1 << 20;

/// Most entries of one folder that are read.
pub(crate) const FOLDER_ENTRIES: usize = 100_000;

//! What to do about a warning, by its code.

/// One sentence, or nothing for a warning that says it itself.
pub(crate) fn of(code: &str) -> &'static str {
    match code {
        "config.unknown-field" | "config.unsupported-value" => {
            "The field is not converted; if the model needs it, outputs may differ from the source."
        }
        "hf.unknown-architecture" | "gguf.no-architecture" => {
            "Tensors can be inspected and stored again; other formats need a known architecture."
        }
        "safetensors.not-in-index" | "pytorch.not-in-index" | "safetensors.shard-not-in-index" => {
            "These may be shards of an earlier save: delete them, or download the folder again."
        }
        "safetensors.no-index" => "Download model.safetensors.index.json too, so that missing shards are noticed.",
        "pytorch.shard" | "pytorch.checksum" => "Download the file again; it is incomplete.",
        "pytorch.code" | "pytorch.unsafe" => {
            "No code of it was run; use the safetensors variant of the model if there is one."
        }
        "gguf.gaps" => "Harmless; converting to GGUF writes the file without gaps.",
        "gguf.big-endian" => "It can be read; outputs are little-endian.",
        "gguf.long-names" => "llama.cpp allows names of at most 63 bytes and will reject this file.",
        "tokenizer.pre" => "Check with `t` in Tokenizer, and compare with the model's original software.",
        "tokenizer.holes" | "tokenizer.beyond" => {
            "Padding tokens fill the free ids; no action is needed unless the model uses them."
        }
        _ => "",
    }
}

//! What to do about a warning, by its code.

/// One sentence, or nothing for a warning that says it itself.
pub(crate) fn of(code: &str) -> &'static str {
    match code {
        "config.unknown-field" | "config.unsupported-value" => {
            "The field is left out of what is converted; if the model needs it, outputs may differ from the source."
        }
        "hf.unknown-architecture" | "gguf.no-architecture" => {
            "Tensors can be looked at and stored anew; other formats need a known architecture."
        }
        "safetensors.not-in-index" | "pytorch.not-in-index" | "safetensors.shard-not-in-index" => {
            "Left-over shards of an earlier save? Delete them, or download the folder again."
        }
        "safetensors.no-index" => "Download model.safetensors.index.json too, so that missing shards are noticed.",
        "pytorch.shard" | "pytorch.checksum" => "Download the file again; what is there is incomplete.",
        "pytorch.code" => "Nothing of it was run; take the safetensors variant of the model if there is one.",
        "gguf.gaps" => "Harmless; converting to gguf writes the file without gaps.",
        "gguf.big-endian" => "Read as it is; what is written is little-endian.",
        "gguf.long-names" => "llama.cpp takes names of 63 bytes at most; it will refuse this file.",
        "tokenizer.pre" => "Check with `t` in Tokenizer, and compare with the model's own program.",
        "tokenizer.holes" | "tokenizer.beyond" => {
            "Padding tokens take the free ids; nothing to do unless the model uses them."
        }
        _ => "",
    }
}

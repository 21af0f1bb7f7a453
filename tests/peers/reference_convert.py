#!/usr/bin/env python3
"""Run llama.cpp's own converter on a model whose tokenizer it does not know by hash.

    reference_convert.py SCRIPT MODEL [--pre NAME] [any option of the converter]

SCRIPT is the path of `convert_hf_to_gguf.py` in a llama.cpp tree. That converter finds the pre-tokenizer by the hash of
an encoded text and refuses tokenizers that are not in its list. The fixtures' tokenizers are not, so where it refuses, this
wrapper answers with `--pre`, or with the name whose splitting pattern the tokenizer has. Everything else is the
converter's own work.
"""

import json
import pathlib
import sys


def pattern_name(folder):
    """The reference's name for the splitting pattern in `tokenizer.json`."""
    path = pathlib.Path(folder) / "tokenizer.json"
    if not path.exists():
        return "default"
    tokenizer = json.loads(path.read_text(encoding="utf-8"))
    if tokenizer["model"]["type"] == "WordPiece":
        return "bert-bge"
    text = json.dumps(tokenizer.get("pre_tokenizer"))
    if "p{N}{1,3}" in text:
        return "llama-bpe"
    if "p{N}|" in text:
        return "qwen2"
    return "gpt-2"


def main():
    arguments = sys.argv[1:]
    if len(arguments) < 2:
        sys.exit(__doc__)
    script = pathlib.Path(arguments.pop(0)).resolve()
    name = None
    if "--pre" in arguments:
        at = arguments.index("--pre")
        name = arguments[at + 1]
        del arguments[at : at + 2]
    name = name or pattern_name(arguments[0])

    sys.path.insert(0, str(script.parent))
    sys.argv = [str(script), *arguments]
    import convert_hf_to_gguf
    from conversion import TextModel

    ask_reference = TextModel.get_vocab_base_pre

    def answer(model, tokenizer):
        try:
            return ask_reference(model, tokenizer)
        except NotImplementedError:
            return name

    TextModel.get_vocab_base_pre = answer
    convert_hf_to_gguf.main()


if __name__ == "__main__":
    main()

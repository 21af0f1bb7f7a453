"""Vocabularies rebuilt from tokenizer.json alone: llama.cpp gives the ids of the `tokenizers` library, line for line.

Slow: needs llama.cpp built (see check_llama_cpp.py). The tokenizers are the small ones of fixtures/tokenizers, and those in
the folder that REMOLD_PEERS_TOKENIZERS names: a folder each, `ARCH` or `ARCH-anything`, with a `tokenizer.json`.
"""

import json
import os
import pathlib
import random
import shutil

import tokenizers
import torch
import transformers

from check_llama_cpp import binding
from harness import ROOT, check_each, need

LINES = 1000
FIXTURES = [("gemma2", "gemma"), ("gemma3", "gemma"), ("phi3", "phi3"), ("llama", "phi3"), ("bert", "xlm-roberta")]
CLASSES = {
    "gemma": ("GemmaForCausalLM", "GemmaConfig"), "gemma2": ("Gemma2ForCausalLM", "Gemma2Config"),
    "gemma3": ("Gemma3ForCausalLM", "Gemma3TextConfig"), "phi3": ("Phi3ForCausalLM", "Phi3Config"),
    "llama": ("LlamaForCausalLM", "LlamaConfig"), "bert": ("BertModel", "BertConfig"),
}
PIECES = """
def main(argv=None): return x + 1 self.assertEqual(a, b) #include <stdio.h> {"key": [1, 2.5, null]} http://example.org/a?b=c&d=%20
CamelCase snake_case don't I'LL the quick Brown fox jumps naïve café Größe Wörterbuch Ünïcödé Zażółć gęślą Árvíztűrő thủy tinh Привет
мягких булок αλεπού Ωmega 你好世界 敏捷的棕色狐狸 こんにちは カタカナ 東京は今日も雨です。 다람쥐 날씨가 مرحبا بالعالم नमस्ते राक्षसों สวัสดี ไทย שלום
🦙 🚀 👩‍👩‍👧 🇳🇴 ﬁn ① ½ Ａ１！ 0 7 12 123 1234567 3.14159 0x1F -273,15 ! ?! ... … — «» () [] /* */ $ € &amp; 𝔘𝔫𝔦 <0x41> <| |> </ <s
""".split()


def lines(special):
    """Mixed text, the same on every run. `special` are texts that may stand anywhere."""
    rng = random.Random(20261129)
    for _ in range(LINES):
        out = ""
        for _ in range(rng.randint(1, 14)):
            kind = rng.randrange(20)
            if kind == 0:
                out += " " * rng.randint(1, 31)
            elif kind == 1:
                out += "\t" * rng.randint(1, 6)
            elif kind == 2:
                out += "\n" * rng.randint(1, 31)
            elif kind == 3:
                out += "\r\n"
            elif kind == 4 and special:
                out += rng.choice(special)
            elif kind == 5:
                out += chr(0x21 + rng.randrange(0x2FDF))
            else:
                out += (" " if out and rng.random() < 0.6 else "") + rng.choice(PIECES)
        yield out


def cases():
    found = [(arch, name, ROOT / "fixtures" / "tokenizers" / name) for arch, name in FIXTURES]
    more = os.environ.get("REMOLD_PEERS_TOKENIZERS")
    if more:
        folders = sorted(p.parent for p in pathlib.Path(more).glob("*/tokenizer.json"))
        found += [(folder.name.split("-")[0], folder.name, folder) for folder in folders]
    return [Case(*case) for case in found]


class Case:
    """A tokenizer and the architecture of the model that gets it."""

    def __init__(self, arch, name, folder):
        self.arch, self.name, self.folder = arch, name, folder

    def __str__(self):
        return f"{self.arch} {self.name}"

    def make(self, out, transformers5):
        """A model with random weights and no tokenizer.model."""
        tokenizer = tokenizers.Tokenizer.from_file(str(self.folder / "tokenizer.json"))
        size = {"vocab_size": max(tokenizer.get_vocab(with_added_tokens=True).values()) + 1, "hidden_size": 32, "intermediate_size": 64,
                "num_hidden_layers": 1, "num_attention_heads": 2, "pad_token_id": 0}
        if self.arch != "bert":
            size["num_key_value_heads"] = 2
        if self.arch.startswith("gemma"):
            size["head_dim"] = 16
        model, config = (getattr(transformers, name) for name in CLASSES[self.arch])
        torch.manual_seed(1)
        model(config(**size)).bfloat16().save_pretrained(out)
        shutil.copyfile(self.folder / "tokenizer.json", out / "tokenizer.json")
        settings = self.folder / "tokenizer_config.json"
        if settings.exists():
            settings = json.loads(settings.read_text(encoding="utf-8"))
            if transformers5:
                settings.pop("added_tokens_decoder", None)
            (out / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
        return tokenizer


@check_each("llama.cpp", [(case, saved) for case in cases() for saved in ("transformers4", "transformers5")], slow=True)
def tokenizer_json_alone_gives_the_ids_of_tokenizers(remold, case):
    case, saved = case
    llama_cpp = binding(remold.folder)
    # The name of the folder becomes that of the model, which for some names changes what llama.cpp does.
    folder = remold.folder / "tokenizers" / str(len(list((remold.folder / "tokenizers").glob("*"))))
    tokenizer = case.make(folder, saved == "transformers5")
    path = remold.convert(folder, "gguf:f16", f"{folder.name}.gguf")
    vocabulary = llama_cpp.Llama(str(path), vocab_only=True, verbose=False)
    added = tokenizer.get_added_tokens_decoder().values()
    # That a token takes the white space beside it is not in the file.
    special = sorted(t.content for t in added if not (t.lstrip or t.rstrip or t.content.startswith("▁")))
    # llama.cpp puts the space that starts a text after each special token too, and before one that is there already.
    first = '"prepend_scheme":"first"' in tokenizer.to_str()
    same = 0
    for line in lines([] if first else special):
        line = line.lstrip(" ") if first else line
        wanted = tokenizer.encode(line, add_special_tokens=False).ids
        found = vocabulary.tokenize(line.encode(), add_bos=False, special=True)
        at = next((i for i, (a, b) in enumerate(zip(found, wanted)) if a != b), min(len(found), len(wanted)))
        need(found == wanted, f"{line!r}, token {at}: llama.cpp {found[at:at + 12]}, tokenizers {wanted[at:at + 12]}")
        same += 1
    vocabulary.close()
    return f"{same} lines"

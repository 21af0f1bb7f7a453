"""transformers loads the folders that remold makes from GGUF files: logits, tokenizer, chat template."""

import torch
import transformers
from transformers import AutoModel, AutoModelForCausalLM, AutoTokenizer

from harness import MODELS, check_each, need

transformers.utils.logging.disable_progress_bar()

TEXTS = [
    "def main(argv=None):\n    return sum(int(x) for x in argv[1:])\n",
    "Hello, world! It's 12345 o'clock, isn't it?  Two  spaces,\ttabs\r\nand lines.\n\n\n",
    "naïve café — Ünïcödé, Привет, 你好世界, こんにちは, مرحبا, 🦙🚀👩‍👩‍👧",
    "   leading and trailing   ",
    "x=0x1F;y=3.14e-10 # comment __init__ CamelCase snake_case 1234567890",
    "",
]

# What the difference of logits may be, beside rounding of the stored weights: float addition in another order.
TOLERANCE = {"f32": 1e-4, "bf16": 1e-4, "f16": 1e-4, "q8_0": 0.2}
# mini-bert is f32: a half-precision file rounds its weights.
BERT_TOLERANCE = {"f32": 1e-4, "f16": 2e-2}


def outputs(folder, text_model):
    """The model's outputs in f32 for a fixed row of tokens: logits, or the last hidden state of an encoder."""
    kind = AutoModelForCausalLM if text_model else AutoModel
    model = kind.from_pretrained(folder, dtype=torch.float32, local_files_only=True).eval()
    ids = torch.tensor([[(17 * i * i + 3 * i + 5) % 990 for i in range(96)]])
    with torch.no_grad():
        answer = model(input_ids=ids)
    return answer.logits if text_model else answer.last_hidden_state


def compare(found, wanted, limit):
    need(found.shape == wanted.shape, f"shape {tuple(wanted.shape)} became {tuple(found.shape)}")
    worst = (found - wanted).abs().max().item()
    need(worst <= limit, f"largest difference {worst:.3g} of values up to {wanted.abs().max().item():.3g}, limit {limit}")
    return f"largest difference {worst:.2g}"


def there_and_back(remold, model, kind):
    path = remold.convert(MODELS / model, f"gguf:{kind}", f"{model}-{kind}.gguf")
    return remold.convert(path, "safetensors", f"{model}-{kind}-hf-own")


@check_each("transformers", [("tiny-llama", kind) for kind in TOLERANCE] + [("tiny-mistral-sharded", "f16"), ("tiny-llama3-pt", "bf16")])
def logits_after_gguf_and_back(remold, case):
    model, kind = case
    folder = there_and_back(remold, model, kind)
    return compare(outputs(folder, True), outputs(MODELS / model, True), TOLERANCE[kind])


@check_each("transformers", list(BERT_TOLERANCE))
def hidden_states_after_gguf_and_back(remold, kind):
    folder = there_and_back(remold, "mini-bert", kind)
    return compare(outputs(folder, False), outputs(MODELS / "mini-bert", False), BERT_TOLERANCE[kind])


@check_each("transformers", ["tiny-llama", "tiny-mistral-sharded", "tiny-llama3-pt"])
def logits_after_safetensors(remold, model):
    """A folder to a safetensors folder: the same model, to the bit."""
    folder = remold.convert(MODELS / model, "safetensors", f"{model}-st")
    return compare(outputs(folder, True), outputs(MODELS / model, True), 0.0)


@check_each("transformers", ["tiny-llama", "tiny-llama3-pt", "tiny-mistral-sharded", "mini-bert"])
def token_ids_after_gguf_and_back(remold, model):
    kind = "f32" if model == "mini-bert" else "f16" if model == "tiny-mistral-sharded" else "bf16"
    folder = there_and_back(remold, model, kind)
    original = AutoTokenizer.from_pretrained(MODELS / model, local_files_only=True)
    restored = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    need(len(original) == len(restored), f"{len(original)} tokens became {len(restored)}")
    special = "".join(original.all_special_tokens)
    for text in [*TEXTS, f"a{special}b"]:
        for with_special in (True, False):
            wanted = original(text, add_special_tokens=with_special)["input_ids"]
            found = restored(text, add_special_tokens=with_special)["input_ids"]
            need(found == wanted, f"{text!r} gives {found[:24]}, not {wanted[:24]}")
            need(restored.decode(found) == original.decode(wanted), f"{text!r} decodes to {restored.decode(found)!r}")
    for name in ("bos_token", "eos_token", "unk_token", "pad_token", "cls_token", "sep_token", "mask_token"):
        pair = getattr(original, name), getattr(restored, name)
        need(pair[0] is None or pair[0] == pair[1], f"{name}: {pair[0]!r} became {pair[1]!r}")
    if original.chat_template:
        talk = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}, {"role": "user", "content": "?"}]
        pair = [t.apply_chat_template(talk, tokenize=False, add_generation_prompt=True) for t in (original, restored)]
        need(pair[0] == pair[1], f"the chat template gives {pair[1]!r}, not {pair[0]!r}")
    return f"{2 * (len(TEXTS) + 1)} encodings"

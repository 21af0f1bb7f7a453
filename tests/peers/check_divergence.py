"""How far from the f32 model llama.cpp finds what remold chose by itself: mixes for a budget, and the further search.

Slow: as check_llama_cpp, with llama-perplexity. The files of llama-quantize that these are held against were measured once, with
the same text and windows: `eval/tiny-llama.json` of the golden data.
"""

import json
import re
import subprocess

from check_llama_cpp import model_folder, place
from harness import GOLDEN, check_each, need

MATRIX = GOLDEN / "imatrix" / "tiny-llama.imatrix.gguf"
EVAL = GOLDEN / "eval"
KNOWN = json.loads((EVAL / "tiny-llama.json").read_text())
MIXES = [(kind, matrix) for kind in ("Q2_K", "Q3_K_M", "Q4_K_S", "Q4_K_M", "Q5_K_M") for matrix in ("", "imatrix")]
# Mixes chosen on a text: the divergence of llama.cpp's own mix of these bytes is 0.0097, 0.0027 and 0.0011.
ON_TEXT = [
    ("Q3_K_M", "", 0.0053), ("Q4_K_M", "", 0.0017), ("Q5_K_M", "", 0.00083),
    ("Q3_K_M", "imatrix", 0.0051), ("Q4_K_M", "imatrix", 0.0017), ("Q5_K_M", "imatrix", 0.00078),
]
# Types whose gain shows in the divergence of so small a model.
SEARCHED = [(kind, matrix) for kind in ("Q2_K", "Q3_K_M", "Q4_0", "Q4_1", "IQ4_XS", "IQ4_NL", "Q6_K") for matrix in ("", "imatrix")]


def perplexity(*arguments):
    """llama-perplexity's output. It sometimes ends well without a result; then it is asked again."""
    tool = place("REMOLD_LLAMA_CPP_BIN") / "llama-perplexity"
    for _ in range(3):
        done = subprocess.run([tool, *map(str, arguments)], capture_output=True, text=True, errors="replace")
        need(done.returncode == 0, f"llama-perplexity ended with {done.returncode}: {done.stderr[-500:]}")
        found = re.search(r"Mean +KLD: +([-\d.]+)", done.stdout)
        if found or "--kl-divergence" not in arguments:
            return found
    need(False, "llama-perplexity told no divergence")


def divergence(remold, path):
    """Mean KL divergence of a file from the f32 model on the text of the golden data."""
    base = remold.folder / "base.kld"
    text = ["-f", EVAL / "eval.txt", "-c", "256", "--kl-divergence-base", base]
    if not base.exists():
        whole = remold.convert(model_folder("tiny-llama"), "gguf:f32", "whole.gguf")
        perplexity("-m", whole, *text)
    return float(perplexity("-m", path, *text, "--kl-divergence")[1])


def reference(kind, matrix):
    return KNOWN[f"{kind}+imatrix" if matrix else kind]


@check_each("llama.cpp", MIXES, slow=True)
def a_mix_of_the_same_bytes_diverges_less(remold, case):
    kind, matrix = case
    known = reference(kind, matrix)
    options = ["--imatrix", MATRIX] if matrix else []
    size = known["file_bytes"]
    path = remold.convert(model_folder("tiny-llama"), "gguf", "mix.gguf", "--target-size", str(size), *options)
    bytes_ = path.stat().st_size
    need(0.995 * size < bytes_ <= size, f"{bytes_} bytes for a budget of {size}")
    ours, theirs = divergence(remold, path), known["Mean KLD"][0]
    need(ours < theirs, f"KL divergence {ours}, {kind} has {theirs}")
    return f"KLD {ours:.6f} against {theirs:.6f} ({ours / theirs - 1:+.0%}) in {bytes_} bytes"


@check_each("llama.cpp", ON_TEXT, slow=True)
def a_mix_chosen_on_a_text_diverges_least(remold, case):
    kind, matrix, most = case
    known = reference(kind, matrix)
    options = ["--imatrix", MATRIX] if matrix else []
    options += ["--data", GOLDEN / "imatrix" / "calib.txt", "--target-size", str(known["file_bytes"])]
    path = remold.convert(model_folder("tiny-llama"), "gguf", "mix.gguf", *options)
    ours = divergence(remold, path)
    need(ours <= most, f"KL divergence {ours}, at most {most} was expected")
    return f"KLD {ours:.6f} against {known['Mean KLD'][0]:.6f} in {path.stat().st_size} bytes"


@check_each("llama.cpp", SEARCHED, slow=True)
def the_further_search_diverges_less(remold, case):
    kind, matrix = case
    options = ["--imatrix", MATRIX] if matrix else []
    path = remold.convert(model_folder("tiny-llama"), f"gguf:{kind.lower()}", "max.gguf", "--effort", "max", *options)
    known = reference(kind, matrix)
    need(path.stat().st_size == known["file_bytes"] or matrix, "the file has another size")
    ours, theirs = divergence(remold, path), known["Mean KLD"][0]
    need(ours < theirs, f"KL divergence {ours}, the reference's bytes have {theirs}")
    return f"KLD {ours:.6f} against {theirs:.6f} ({ours / theirs - 1:+.0%})"

"""remold eval beside llama-perplexity: the same figures from the same files, and base files that each reads from the other.

Slow: as check_divergence. llama-perplexity is run on one thread and without repacked weights: with them it crashes on some processors.
Under load its last lines are sometimes lost although it ends well; then it is run again.
"""

import json
import re
import subprocess

from check_llama_cpp import model_folder, place
from harness import GOLDEN, check, check_each, need

TEXT = GOLDEN / "eval" / "eval.txt"
WINDOWS = ["-c", "256"]
TYPES = ["f16", "q8_0", "q6_k", "q5_0", "q4_k_m", "q4_1", "iq4_xs", "q2_k"]


def llama(pattern, *arguments):
    """The numbers of the line of llama-perplexity's output that matches."""
    tool = place("REMOLD_LLAMA_CPP_BIN") / "llama-perplexity"
    command = [tool, "-t", "1", "--no-repack", "-b", "512", *WINDOWS, "-f", TEXT, *arguments]
    for _ in range(5):
        done = subprocess.run([*map(str, command)], capture_output=True, text=True, errors="replace")
        if done.returncode == 0 and (found := re.search(pattern, done.stdout + done.stderr)):
            return [float(n) for n in found.groups()], done.stdout
    need(False, f"llama-perplexity printed no {pattern}")


def evaluate(remold, *arguments):
    """The last value of each metric of the last model of `remold eval --json`."""
    done = remold.run("eval", *arguments, "--json")
    need(done.returncode == 0, f"eval ended with {done.returncode}: {done.stderr[-500:]}")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    return {e["name"]: e["value"] for e in events if e["kind"] == "metric"}


def whole(remold):
    return remold.convert(model_folder("tiny-llama"), "gguf:f32", "whole.gguf")


def base_of_llama(remold):
    base = remold.folder / "llama.base"
    if not base.exists():
        llama(r"PPL = ([\d.]+)", "-m", whole(remold), "--kl-divergence-base", base)
    return base


@check("llama.cpp", slow=True)
def a_base_file_is_that_of_llama_perplexity(remold):
    theirs, ours = base_of_llama(remold), remold.folder / "remold.base"
    ours.unlink(missing_ok=True)
    evaluate(remold, whole(remold), "--data", TEXT, *WINDOWS, "--save-logits", ours)
    a, b = theirs.read_bytes(), ours.read_bytes()
    head = 20 + 15 * 256 * 4
    need(len(a) == len(b), f"{len(b)} bytes instead of {len(a)}")
    need(a[:head] == b[:head], "header or tokens differ")
    quantized = remold.convert(model_folder("tiny-llama"), "gguf:q4_k_m", "q.gguf")
    klds = [llama(r"Mean +KLD: +([-\d.]+)", "-m", quantized, "--kl-divergence", "--kl-divergence-base", f)[0][0] for f in (theirs, ours)]
    need(abs(klds[0] - klds[1]) <= 2e-5, f"llama-perplexity finds {klds[1]} with remold's file, {klds[0]} with its own")
    return f"KLD {klds[1]:.6f} and {klds[0]:.6f}"


@check_each("llama.cpp", TYPES, slow=True)
def figures_are_those_of_llama_perplexity(remold, kind):
    path = remold.convert(model_folder("tiny-llama"), f"gguf:{kind}", "q.gguf")
    base = base_of_llama(remold)
    (theirs,), text = llama(r"Mean +KLD: +([-\d.]+)", "-m", path, "--kl-divergence", "--kl-divergence-base", base)
    ours = evaluate(remold, path, "--logits", base, "--as", "llama.cpp")
    need(abs(ours["kld_mean"] - theirs) <= max(5e-6, 0.02 * theirs), f"KLD {ours['kld_mean']:.6f} instead of {theirs}")
    if found := re.search(r"Same top p: +([\d.]+)", text):
        need(abs(ours["top1_agreement"] - float(found[1])) <= 0.5, f"top-1 {ours['top1_agreement']:.2f} instead of {found[1]}")
    return f"KLD {ours['kld_mean']:.6f}, llama-perplexity {theirs:.6f}"

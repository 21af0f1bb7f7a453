"""llama.cpp itself: whole files equal to its converter's and quantizer's, the same greedy tokens, the same token ids.

Slow: needs REMOLD_LLAMA_CPP (a llama.cpp tree inside llama-cpp-python's source package, whose Python binding is used) and
REMOLD_LLAMA_CPP_BIN (its built libraries and tools). `run.sh --llama-cpp` makes both.
"""

import functools
import json
import os
import pathlib
import subprocess
import sys

from check_hf import TEXTS
from harness import MODELS, ROOT, Skip, check_each, need
from make_golden import describe, sha256

CONVERT = ["f32", "f16", "bf16", "q8_0", "auto"]
QUANTIZE = ["q8_0", "q4_0", "q5_1", "q2_k", "q3_k_m", "q4_k_s", "q4_k_m", "q5_k_m", "q6_k"]
GREEDY = ["f16", "bf16", "q8_0", "q4_0", "q4_k_m", "q6_k", "q2_k"]
SPLIT = [
    ("--split-max-size", "2M"), ("--split-max-size", "500M", "--no-tensor-first-split"), ("--split-max-tensors", "7"),
    ("--split-max-tensors", "10", "--no-tensor-first-split"),
]
KEEP_SPLIT = ["q8_0", "q4_0", "q2_k", "q3_k_l", "q4_k_m"]
PROMPTS = ["def main(", "import os\n\nclass ", "    for i in range("]
FIXTURES = ["tiny-llama", "mini-bert", "tiny-mistral-sharded", "tiny-llama3-pt"]
LARGER = [
    "tiny-bert", "tiny-gemma2", "tiny-gemma3", "tiny-gpt2", "tiny-mixtral", "tiny-phi3", "tiny-qwen2", "tiny-qwen3", "tiny-qwen3moe",
]


def place(variable):
    """The folder that an environment variable names."""
    path = pathlib.Path(os.environ.get(variable, ""))
    need(variable in os.environ and path.is_dir(), f"{variable} does not name a folder (run.sh --llama-cpp sets it)")
    return path.resolve()


def model_folder(name):
    """A model of fixtures/, or a larger one of `shared/material` beside the checkout where that is there."""
    for folder in (MODELS / name, ROOT / "../shared/material/hf" / name, ROOT / "../../shared/material/hf" / name):
        if folder.is_dir():
            return folder.resolve()
    raise Skip(f"{name} is not in fixtures/models and shared/material/hf is absent")


def reference_convert(remold, model, kind):
    """What llama.cpp's converter writes."""
    out = remold.folder / "reference" / f"{model}-{kind}.gguf"
    if not out.exists():
        out.parent.mkdir(exist_ok=True)
        wrapper = pathlib.Path(__file__).with_name("reference_convert.py")
        script = place("REMOLD_LLAMA_CPP") / "convert_hf_to_gguf.py"
        command = [sys.executable, wrapper, script, model_folder(model), "--outtype", kind, "--outfile", out]
        done = subprocess.run(command, capture_output=True, text=True)
        need(done.returncode == 0, f"the reference converter ended with {done.returncode}: {done.stderr[-500:]}")
    return out


def reference_quantize(remold, model, kind):
    """What llama-quantize makes of the f32 conversion."""
    out = remold.folder / "reference" / f"{model}-{kind}-quantized.gguf"
    if not out.exists():
        source = reference_convert(remold, model, "f32")
        tool = place("REMOLD_LLAMA_CPP_BIN") / "llama-quantize"
        done = subprocess.run([tool, source, out, kind, "2"], capture_output=True, text=True, errors="replace")
        need(done.returncode == 0, f"llama-quantize ended with {done.returncode}: {(done.stdout + done.stderr)[-500:]}")
    return out


def equal_files(found, wanted):
    """Equal to the byte; if not, says where the descriptions part."""
    if sha256(found.read_bytes()) == sha256(wanted.read_bytes()):
        return f"{found.stat().st_size:,} bytes"
    one, two = describe(found), describe(wanted)
    for part in ("metadata", "tensors"):
        for ours, theirs in zip(one[part], two[part]):
            need(ours == theirs, f"{part}: {ours} where the reference has {theirs}")
        need(len(one[part]) == len(two[part]), f"{len(one[part])} {part}, the reference has {len(two[part])}")
    need(False, "metadata and tensors agree, the files differ (padding or layout)")


@check_each("llama.cpp", [(model, kind) for model in FIXTURES + LARGER for kind in CONVERT], slow=True)
def file_equals_the_converters(remold, case):
    model, kind = case
    found = remold.convert(model_folder(model), f"gguf:{kind}", f"{model}-{kind}.gguf")
    return equal_files(found, reference_convert(remold, model, kind))


@check_each("llama.cpp", [(model, kind) for model in FIXTURES + LARGER for kind in QUANTIZE], slow=True)
def file_equals_the_quantizers(remold, case):
    model, kind = case
    found = remold.convert(model_folder(model), f"gguf:{kind}", f"{model}-{kind}.gguf")
    if kind == "q8_0":  # the converter writes q8_0 too, and that is what remold follows: same tensors in another order
        found, wanted = describe(found), describe(reference_quantize(remold, model, kind))
        key = lambda entry: entry["name"]  # noqa: E731
        need(sorted(found["tensors"], key=key) == sorted(wanted["tensors"], key=key), "tensors differ")
        return f"{len(found['tensors'])} tensors"
    return equal_files(found, reference_quantize(remold, model, kind))


def reference_split(remold, model, kind, options):
    """The folder of the set `m` that llama-gguf-split makes of the converter's file."""
    out = remold.folder / "reference" / f"{model}-{kind}{''.join(options)}"
    if not out.exists():
        source = reference_convert(remold, model, kind)
        out.mkdir()
        run_tool("llama-gguf-split", "--split", *options, source, out / "m")
    return out


def run_tool(name, *arguments):
    """Runs a tool of llama.cpp to a good end."""
    done = subprocess.run([place("REMOLD_LLAMA_CPP_BIN") / name, *arguments], capture_output=True, text=True, errors="replace")
    need(done.returncode == 0, f"{name} ended with {done.returncode}: {(done.stdout + done.stderr)[-500:]}")


def equal_sets(found, wanted):
    """Two folders hold the same files, equal to the byte."""
    ours, theirs = (sorted(path.name for path in folder.iterdir()) for folder in (found, wanted))
    need(ours == theirs, f"files {ours}, the reference has {theirs}")
    for name in ours:
        equal_files(found / name, wanted / name)
    return f"{len(ours)} files"


# All of mini-bert fits into 2 MB, and remold makes no set of one file.
SETS = [(model, *options) for model in FIXTURES + LARGER for options in SPLIT if (model, options[1]) != ("mini-bert", "2M")]


@check_each("llama.cpp", SETS, slow=True)
def split_equals_gguf_splits(remold, case):
    model, *options = case
    wanted = reference_split(remold, model, "f16", options)
    whole = reference_convert(remold, model, "f16")
    found = remold.folder / "split" / wanted.name
    done = remold.run("split", whole, *options, "-o", found / "m")
    need(done.returncode == 0, f"split ended with {done.returncode}: {done.stderr[-500:]}")
    text = equal_sets(found, wanted)
    # The set that llama-gguf-split made, from its last file.
    merged = remold.folder / "split" / f"{wanted.name}.gguf"
    done = remold.run("merge", sorted(wanted.iterdir())[-1], "-o", merged)
    need(done.returncode == 0, f"merge ended with {done.returncode}: {done.stderr[-500:]}")
    equal_files(merged, whole)
    return text


@check_each("llama.cpp", [(model, kind) for model in FIXTURES + LARGER for kind in KEEP_SPLIT], slow=True)
def kept_split_equals_the_quantizers(remold, case):
    model, kind = case
    source = sorted(reference_split(remold, model, "f32", ("--split-max-tensors", "7")).iterdir())[0]
    wanted, found = (remold.folder / who / f"{model}-{kind}" for who in ("kept-reference", "kept"))
    wanted.mkdir(parents=True)
    run_tool("llama-quantize", "--keep-split", source, wanted / "m.gguf", kind, "2")
    done = remold.run("convert", source, "--to", f"gguf:{kind}", "--keep-split", "-o", found / "m.gguf")
    need(done.returncode == 0, f"convert ended with {done.returncode}: {done.stderr[-500:]}")
    return equal_sets(found, wanted)


@functools.cache
def binding(folder):
    """llama-cpp-python's module, from its source package, on the libraries that were built."""
    libraries = place("REMOLD_LLAMA_CPP_BIN")
    package = place("REMOLD_LLAMA_CPP").parents[1] / "llama_cpp"
    need(package.is_dir(), f"{package} is not there: REMOLD_LLAMA_CPP is not inside llama-cpp-python's source package")
    home = folder / "binding" / "llama_cpp"
    home.mkdir(parents=True)
    for file in package.iterdir():
        (home / file.name).symlink_to(file)
    (home / "lib").unlink(missing_ok=True)
    (home / "lib").symlink_to(libraries)
    sys.path.insert(0, str(home.parent))
    import llama_cpp

    return llama_cpp


def greedy(llama_cpp, path, count=48):
    """The ids that the model continues each prompt with, taking the likeliest each time."""
    model = llama_cpp.Llama(str(path), n_ctx=256, n_threads=2, verbose=False, seed=1)
    answers = []
    for prompt in PROMPTS:
        model.reset()
        ids = model.tokenize(prompt.encode(), add_bos=True)
        stream = model.generate(ids, top_k=1, temp=0.0, repeat_penalty=1.0)
        answers.append([next(stream) for _ in range(count)])
    model.close()
    return answers


@check_each("llama.cpp", [("tiny-llama", kind) for kind in GREEDY] + [("tiny-mistral-sharded", "q8_0"), ("tiny-llama3-pt", "bf16")], slow=True)
def greedy_tokens_equal_the_references(remold, case):
    model, kind = case
    llama_cpp = binding(remold.folder)
    found = remold.convert(model_folder(model), f"gguf:{kind}", f"{model}-{kind}.gguf")
    reference = reference_convert if kind in CONVERT else reference_quantize
    pair = greedy(llama_cpp, found), greedy(llama_cpp, reference(remold, model, kind))
    need(pair[0] == pair[1], f"tokens {pair[0]}, the reference's file gives {pair[1]}")
    need(len(set(pair[0][0])) > 3 or model != "tiny-llama", f"the trained model repeats itself: {pair[0][0]}")
    return f"{sum(map(len, pair[0]))} tokens"


@check_each("llama.cpp", [("tiny-llama", kind) for kind in ("f16", "q8_0", "q4_0", "iq4_xs", "q4_k_m")], slow=True)
def remold_says_the_same_as_llama_cpp(remold, case):
    """Greedy tokens of the forward pass that rounds as llama.cpp does. Where the two differ, the first two candidates are nearly equal."""
    model, kind = case
    llama_cpp = binding(remold.folder)
    path = remold.convert(model_folder(model), f"gguf:{kind}", f"{model}-{kind}.gguf")
    llama = llama_cpp.Llama(str(path), n_ctx=512, n_threads=1, verbose=False)
    equal = 0
    for prompt in PROMPTS:
        llama.reset()
        wanted = []
        for token in llama.generate(llama.tokenize(prompt.encode(), special=False), top_k=1, temp=0.0, repeat_penalty=1.0):
            wanted.append(token)
            if len(wanted) == 64 or token == llama.token_eos():
                break
        said = remold.run("compare", path, "--prompt", prompt, "--tokens", "64", "--as", "llama.cpp", "--json").stdout
        spoken, *along = [json.loads(line) for line in said.splitlines()]
        differs = next((i for i, pair in enumerate(zip(spoken["ids"], wanted)) if pair[0] != pair[1]), None)
        equal += len(wanted) if differs is None else differs
        if differs is not None:
            first, second = along[differs]["top"][:2]
            need(second["p"] > 0.95 * first["p"] and wanted[differs] == second["id"], f"{prompt!r}, token {differs}: {first}, {second}")
    llama.close()
    return f"{equal} tokens"


@check_each("llama.cpp", ["tiny-llama", "tiny-llama3-pt", "tiny-mistral-sharded", "tiny-qwen2", "tiny-gpt2", "mini-bert"], slow=True)
def llama_cpp_tokenizes_as_transformers_does(remold, model):
    from transformers import AutoTokenizer

    llama_cpp = binding(remold.folder)
    folder = model_folder(model)
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    path = remold.convert(folder, "gguf:f16", f"{model}-f16.gguf")
    vocabulary = llama_cpp.Llama(str(path), vocab_only=True, verbose=False)
    texts = [text for text in TEXTS if text]
    if (folder / "tokenizer.model").exists():  # the two add the leading space differently where there are spaces already
        texts = [text for text in texts if not text.startswith(" ")]
    for text in texts:
        wanted = tokenizer(text, add_special_tokens=False)["input_ids"]
        found = vocabulary.tokenize(text.encode(), add_bos=False, special=False)
        if model == "mini-bert":  # llama.cpp adds [CLS] and [SEP] itself or not at all
            found = [token for token in found if token not in tokenizer.all_special_ids or token == tokenizer.unk_token_id]
        need(found == wanted, f"{text!r}: llama.cpp {found[:24]}, transformers {wanted[:24]}")
    vocabulary.close()
    return f"{len(texts)} texts"

"""llama-quantize's options: the same flags give the same file, to the byte.

Slow: as check_llama_cpp. Every case runs twice, from the Hugging Face folder and from the f32 GGUF that llama-quantize reads.
"""

import subprocess

import gguf
import numpy as np
from check_llama_cpp import binding, equal_files, greedy, model_folder, place, reference_convert, reference_quantize
from harness import GOLDEN, MODELS, check, check_each, need

MATRIX = GOLDEN / "imatrix" / "tiny-llama.imatrix.gguf"

# Title → file type and flags. @matrix is the importance matrix of tiny-llama, @zeros the same with columns of zeros, @own and @older matrices
# that remold computes, @types a file.
CASES = {
    "imatrix": ("q4_k_m", "--imatrix @matrix"),
    "imatrix of remold": ("q3_k_m", "--imatrix @own"),
    "imatrix of remold, iq2_xs": ("iq2_xs", "--imatrix @own"),
    "imatrix of remold, older form": ("iq3_xxs", "--imatrix @older"),
    "include weights": ("q4_k_m", "--imatrix @matrix --include-weights ffn_down --include-weights attn_v"),
    "exclude weights": ("iq4_xs", "--imatrix @matrix --exclude-weights output --exclude-weights blk.1."),
    "exclude all weights": ("q4_0", "--imatrix @matrix --exclude-weights weight"),
    "zeros q4_k_m": ("q4_k_m", "--imatrix @zeros"),
    "zeros iq2_xxs": ("iq2_xxs", "--imatrix @zeros"),
    "zeros iq1_m": ("iq1_m", "--imatrix @zeros"),
    "zeros iq3_s": ("iq3_s", "--imatrix @zeros"),
    "override every type": (
        "q5_k_m",
        "--override-kv general.license=str:mit --override-kv llama.context_length=int:77 --override-kv x.signed=int:-5"
        " --override-kv llama.rope.freq_base=float:12345.678 --override-kv tokenizer.ggml.add_bos_token=bool:false"
        " --override-kv general.license=str:apache-2.0",
    ),
    "override what the mix goes by": ("q2_k", "--override-kv llama.attention.head_count_kv=int:1"),
    "override with imatrix": ("q6_k", "--imatrix @matrix --override-kv general.name=str:Other"),
    "prune the middle": ("q4_k_m", "--prune-layers 1,2"),
    "prune the first": ("q3_k_m", "--prune-layers 0"),
    "prune the last": ("q2_k", "--prune-layers 3"),
    "prune with imatrix": ("iq2_xs", "--imatrix @matrix --prune-layers 2,0"),
    "prune with override": ("q5_0", "--prune-layers 1 --override-kv general.license=str:mit"),
    "prune f16": ("f16", "--prune-layers 1"),
    "prune q8_0": ("q8_0", "--prune-layers 1,3"),
    "tensor types": ("q4_k_m", r"--tensor-type blk\.(0|2)\.ffn_down=q6_k --tensor-type ATTN_V=q5_k --tensor-type ffn=q8_0"),
    "tensor types, first wins": ("q4_k_m", "--tensor-type ffn_down=q6_k --tensor-type blk.0.=q5_k --tensor-type ffn_down=q3_k"),
    "tensor types, pure": ("q3_k_s", r"--pure --tensor-type [kv]\.weight$=q8_0"),
    "tensor type file": ("q4_k_m", "--tensor-type-file @types"),
    "types of embedding and output": ("q4_k_m", "--token-embedding-type q3_k --output-tensor-type q5_0"),
    "leave output": ("q4_k_m", "--leave-output-tensor"),
}
PRUNED = [("tiny-mixtral", "0"), ("tiny-qwen3", "1"), ("tiny-gemma2", "0"), ("tiny-qwen3moe", "1"), ("tiny-mistral-sharded", "0")]
REQUANTIZED = [("q8_0", "q4_k_m"), ("q8_0", "iq4_nl"), ("f16", "q5_k_m"), ("bf16", "q6_k"), ("q4_0", "q8_0"), ("q6_k", "q2_k"), ("q4_k_m", "f16")]
EVERY = [
    "f32", "f16", "bf16", "q8_0", "q4_0", "q4_1", "q5_0", "q5_1", "q2_k", "q2_k_s", "q3_k_s", "q3_k_m", "q3_k_l", "q4_k_s", "q4_k_m",
    "q5_k_s", "q5_k_m", "q6_k", "iq1_s", "iq1_m", "iq2_xxs", "iq2_xs", "iq2_s", "iq2_m", "iq3_xxs", "iq3_xs", "iq3_s", "iq3_m", "iq4_nl",
    "iq4_xs", "tq1_0", "tq2_0", "mxfp4_moe", "q1_0", "q2_0",
]


def flags(remold, text):
    """The flags with the files that stand for `@words`."""
    made = remold.folder / "given"
    made.mkdir(exist_ok=True)
    zeros, types = made / "zeros.gguf", made / "types.txt"
    if not zeros.exists():
        write_with_zeros(zeros)
        types.write_text("ffn_down=q6_k\tattn_q=q5_k\n\n  output=q5_1\n")
    own = {word: made / name for word, name in (("@own", "own.gguf"), ("@older", "older.dat"))}
    for path in own.values():
        if not path.exists():
            text_of = GOLDEN / "imatrix" / "calib.txt"
            done = remold.run("imatrix", MODELS / "tiny-llama", "--data", text_of, "-c", "256", "-o", path)
            need(done.returncode == 0, f"imatrix ended with {done.returncode}: {done.stderr[-700:]}")
    return [{"@matrix": MATRIX, "@zeros": zeros, "@types": types, **own}.get(word, word) for word in text.split()]


def write_with_zeros(path):
    """The matrix with a fifth of the columns zero, and all of one block and of one tensor."""
    writer = gguf.GGUFWriter(path, "imatrix")
    writer.kv_data[0].pop("general.architecture")
    writer.add_type("imatrix")
    writer.add_array("imatrix.datasets", ["calib.txt"])
    writer.add_uint32("imatrix.chunk_count", 37)
    writer.add_uint32("imatrix.chunk_size", 512)
    random = np.random.default_rng(1)
    for tensor in gguf.GGUFReader(MATRIX).tensors:
        data = np.array(tensor.data, dtype=np.float32)
        if tensor.name.endswith(".in_sum2"):
            data[..., random.random(data.shape[-1]) < 0.2] = 0
            data[..., 32:64] = 0
            if tensor.name.startswith("blk.1.ffn_down"):
                data[:] = 0
        writer.add_tensor(tensor.name, data)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def quantize(remold, source, kind, options, name):
    """What llama-quantize makes of a GGUF."""
    out = remold.folder / "reference" / name
    if not out.exists():
        out.parent.mkdir(exist_ok=True)
        command = [place("REMOLD_LLAMA_CPP_BIN") / "llama-quantize", *options, source, out, kind, "2"]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace")
        need(done.returncode == 0, f"llama-quantize ended with {done.returncode}: {(done.stdout + done.stderr)[-500:]}")
    return out


def both_sources(remold, model, kind, options, title):
    """The file from the folder and the one from the f32 GGUF both equal llama-quantize's."""
    source = reference_convert(remold, model, "f32")
    wanted = quantize(remold, source, kind, options, f"{model}-{title}.gguf")
    words = equal_files(remold.convert(source, f"gguf:{kind}", "gguf.gguf", *options), wanted)
    if kind != "q8_0" or "--prune-layers" in options:  # the converter's own type otherwise
        equal_files(remold.convert(model_folder(model), f"gguf:{kind}", "hf.gguf", *options), wanted)
    return words


@check_each("llama.cpp", list(CASES), slow=True)
def flags_give_llama_quantizes_file(remold, title):
    kind, text = CASES[title]
    return both_sources(remold, "tiny-llama", kind, flags(remold, text), title)


@check_each("llama.cpp", PRUNED, slow=True)
def pruned_file_equals_llama_quantizes(remold, case):
    model, layers = case
    return both_sources(remold, model, "q4_k_m", ["--prune-layers", layers], f"pruned-{layers}")


@check_each("llama.cpp", ["auto", "copy"], slow=True)
def pruned_copy_equals_llama_quantizes(remold, kind):
    source = reference_quantize(remold, "tiny-llama", "q4_k_m")
    wanted = quantize(remold, source, "copy", ["--prune-layers", "1"], "pruned-copy.gguf")
    return equal_files(remold.convert(source, f"gguf:{kind}", "copy.gguf", "--prune-layers", "1"), wanted)


@check("llama.cpp", slow=True)
def values_of_layers_follow_the_layers(remold):
    """With a number for each layer in the metadata, llama-quantize's pruned file is refused by llama.cpp; ours runs."""
    llama_cpp = binding(remold.folder)
    each = ["--set", 'target.override_kv."llama.feed_forward_length"=[768, 768, 768, 768]']
    source = remold.convert(model_folder("tiny-llama"), "gguf:f16", "each.gguf", *each)
    theirs = quantize(remold, source, "copy", ["--prune-layers", "1"], "pruned-each.gguf")
    try:
        greedy(llama_cpp, theirs, 1)
    except ValueError:
        pass
    else:
        need(False, "llama.cpp runs llama-quantize's file: follow it to the byte")
    found = remold.convert(source, "gguf:auto", "pruned.gguf", "--prune-layers", "1")
    plain = remold.convert(model_folder("tiny-llama"), "gguf:f16", "plain.gguf", "--prune-layers", "1")
    need(greedy(llama_cpp, found) == greedy(llama_cpp, plain), "other tokens than with one number for all layers")


@check_each("llama.cpp", REQUANTIZED, slow=True)
def requantized_file_equals_llama_quantizes(remold, case):
    first, second = case
    source = (reference_convert if first in ("f16", "bf16") else reference_quantize)(remold, "tiny-llama", first)
    wanted = quantize(remold, source, second, ["--allow-requantize"], f"{first}-to-{second}.gguf")
    return equal_files(remold.convert(source, f"gguf:{second}", "again.gguf", "--allow-requantize"), wanted)


@check_each("llama.cpp", EVERY, slow=True)
def every_file_type_runs_with_the_references_tokens(remold, kind):
    llama_cpp = binding(remold.folder)
    source = reference_convert(remold, "tiny-llama", "f32")
    options = ["--imatrix", MATRIX]
    wanted = quantize(remold, source, kind, options, f"every-{kind}.gguf")
    found = remold.convert(source, f"gguf:{kind}", f"{kind}.gguf", *options)
    words = equal_files(found, wanted)
    pair = greedy(llama_cpp, found, 24), greedy(llama_cpp, wanted, 24)
    need(pair[0] == pair[1], f"tokens {pair[0]}, the reference's file gives {pair[1]}")
    return words

"""gguf-py reads the GGUF files that remold writes: metadata, tensors, types, values."""

import json

import gguf
import numpy as np
from safetensors.numpy import load_file, save_file

from harness import GOLDEN, MODELS, check_each, check, need
from make_golden import describe

CONVERT = ["f32", "f16", "bf16", "q8_0", "auto"]
QUANTIZE = [
    "q4_0", "q4_1", "q5_0", "q5_1", "q2_k", "q3_k_s", "q3_k_m", "q3_k_l", "q4_k_s", "q4_k_m", "q5_k_s", "q5_k_m", "q6_k",
]
FIXTURES = ["tiny-llama", "mini-bert", "tiny-mistral-sharded", "tiny-llama3-pt"]

# Largest relative error (RMS of the difference over RMS of the weights) that each type may make on these weights: about
# one and a half times what the reference makes, so that a swapped or shifted tensor cannot pass.
RELATIVE_ERROR = {
    "F32": 0.0, "F16": 3e-4, "BF16": 2.5e-3, "Q8_0": 0.008, "Q6_K": 0.025, "Q5_K": 0.05, "Q5_0": 0.06, "Q5_1": 0.06,
    "Q4_K": 0.1, "Q4_0": 0.14, "Q4_1": 0.12, "Q3_K": 0.2, "Q2_K": 0.4,
}


def same_as_golden(path, golden, whole_file):
    """Compares a file with what the reference wrote, by gguf-py's reading."""
    wanted, found = json.loads(golden.read_text(encoding="utf-8")), describe(path)
    for part, name in (("metadata", "key"), ("tensors", "name")):
        names = [entry[name] for entry in wanted[part]], [entry[name] for entry in found[part]]
        missing, extra = [n for n in names[0] if n not in names[1]], [n for n in names[1] if n not in names[0]]
        need(not missing and not extra, f"{part}: missing {missing[:6]}, not in the reference {extra[:6]}")
        entries = {entry[name]: entry for entry in found[part]}
        differing = [f"{e} became {entries[e[name]]}" for e in wanted[part] if e != entries[e[name]]]
        need(not differing, f"{len(differing)} {part} differ: {'; '.join(differing[:2])}")
        need(names[0] == names[1], f"{part} are in another order than the reference's")
    if whole_file:
        need(wanted["file_sha256"] == found["file_sha256"], "metadata and tensors agree, the whole file does not")
    return f"{len(found['metadata'])} entries, {len(found['tensors'])} tensors"


@check_each("gguf", [(model, kind) for model in FIXTURES for kind in CONVERT])
def equals_the_references_conversion(remold, case):
    model, kind = case
    path = remold.convert(MODELS / model, f"gguf:{kind}", f"{model}-{kind}.gguf")
    return same_as_golden(path, GOLDEN / "gguf" / f"{model}.convert-{kind}.json", whole_file=True)


@check_each("gguf", [("tiny-llama", kind) for kind in QUANTIZE] + [("mini-bert", "q4_k_m"), ("tiny-llama3-pt", "q4_k_m")])
def equals_the_references_quantization(remold, case):
    model, kind = case
    path = remold.convert(MODELS / model, f"gguf:{kind}", f"{model}-{kind}.gguf")
    return same_as_golden(path, GOLDEN / "gguf" / f"{model}.quantize-{kind.upper()}.json", whole_file=False)


def source_tensors(folder):
    """The tensors of a safetensors folder as f32, by their Hugging Face names."""
    import torch
    from safetensors.torch import load_file as load_torch

    tensors = {}
    for path in sorted(folder.glob("*.safetensors")):
        tensors.update(load_torch(path))
    return {name: value.to(torch.float32).numpy() for name, value in tensors.items()}


def by_gguf_names(folder, tensors):
    """Renames tensors to GGUF names with gguf-py's own table, and puts q and k rows in llama's GGUF order."""
    config = json.loads((folder / "config.json").read_text())
    arch = {"llama": gguf.MODEL_ARCH.LLAMA, "mistral": gguf.MODEL_ARCH.LLAMA, "bert": gguf.MODEL_ARCH.BERT}[config["model_type"]]
    table = gguf.get_tensor_name_map(arch, config["num_hidden_layers"])
    heads = config["num_attention_heads"]
    kv_heads = config.get("num_key_value_heads", heads)
    named = {}
    for name, value in tensors.items():
        new = table.get_name(name, try_suffixes=(".weight", ".bias"))
        if new is None:  # BERT's pooler and position_ids: the reference drops them
            continue
        if arch == gguf.MODEL_ARCH.LLAMA and (".attn_q." in new or ".attn_k." in new):
            count = heads if ".attn_q." in new else kv_heads
            rows, columns = value.shape
            value = value.reshape(count, 2, rows // count // 2, columns).swapaxes(1, 2).reshape(rows, columns)
        named[new] = value
    return named


@check_each("gguf", ["f32", "f16", "bf16", "q8_0", *QUANTIZE])
def dequantizes_to_the_sources_values(remold, kind):
    folder = MODELS / "tiny-llama"
    path = remold.convert(folder, f"gguf:{kind}", f"tiny-llama-{kind}.gguf")
    wanted = by_gguf_names(folder, source_tensors(folder))
    worst = 0.0
    tensors = gguf.GGUFReader(path).tensors
    need({t.name for t in tensors} == set(wanted), "the names are not those of gguf-py's table")
    for tensor in tensors:
        values = gguf.dequantize(tensor.data, tensor.tensor_type).reshape(wanted[tensor.name].shape)
        source = wanted[tensor.name]
        error = float(np.sqrt(np.mean((values - source) ** 2)) / np.sqrt(np.mean(source**2)))
        limit = RELATIVE_ERROR[tensor.tensor_type.name]
        need(error <= limit, f"{tensor.name} ({tensor.tensor_type.name}): relative error {error:.4f}, limit {limit}")
        worst = max(worst, error)
    return f"worst relative error {worst:.4f}"


@check_each("gguf", ["f16", "bf16", "q8_0", *QUANTIZE])
def decodes_as_gguf_py_does(remold, kind):
    """GGUF → a Hugging Face folder in f32: every value equals gguf-py's dequantization to the bit."""
    path = remold.convert(MODELS / "tiny-llama", f"gguf:{kind}", f"tiny-llama-{kind}.gguf")
    folder = remold.convert(path, "safetensors:f32", f"tiny-llama-{kind}-hf")
    back = by_gguf_names(folder, source_tensors(folder))
    tensors = gguf.GGUFReader(path).tensors
    for tensor in tensors:
        need(tensor.name in back, f"{tensor.name} is not in the folder")
        values = gguf.dequantize(tensor.data, tensor.tensor_type).reshape(back[tensor.name].shape).astype(np.float32)
        same = np.array_equal(values.view(np.uint32), back[tensor.name].view(np.uint32))
        need(same, f"{tensor.name} ({tensor.tensor_type.name}): decoded values differ from gguf-py's")
    return f"{len(tensors)} tensors"


@check("gguf")
def keeps_a_bare_tensor_file(remold):
    """A safetensors file without a config: names, shapes and values stand in the GGUF as they were, and come back."""
    rng = np.random.default_rng(7)
    tensors = {
        "encoder.weight": rng.standard_normal((6, 64), dtype=np.float32),
        "encoder.bias": rng.standard_normal(6, dtype=np.float32),
        "conv.kernel": rng.standard_normal((4, 3, 2, 5), dtype=np.float32).astype(np.float16),
        "counts": np.arange(-4, 8, dtype=np.int32).reshape(3, 4),
        "exact": rng.standard_normal((2, 3)),
    }
    source = remold.folder / "bare.safetensors"
    save_file(tensors, source)
    path = remold.convert(source, "gguf", "bare.gguf")
    found = {t.name: t for t in gguf.GGUFReader(path).tensors}
    need(set(found) == set(tensors), f"names became {sorted(found)}")
    for name, value in tensors.items():
        data = np.ascontiguousarray(found[name].data)
        need([int(n) for n in found[name].shape] == list(value.shape[::-1]), f"{name}: shape became {found[name].shape}")
        if data.dtype == value.dtype:
            need(np.array_equal(data.reshape(value.shape), value), f"{name}: values differ")
        else:
            need(np.allclose(data.reshape(value.shape), value, rtol=1e-6), f"{name} ({data.dtype}): values differ")
    back = load_file(remold.convert(path, "safetensors", "bare-back.safetensors"))
    need({n: v.shape for n, v in back.items()} == {n: v.shape for n, v in tensors.items()}, "shapes differ after the way back")
    need(all(np.allclose(back[n], tensors[n], rtol=1e-6) for n in tensors), "values differ after the way back")
    return f"{len(tensors)} tensors"


@check("gguf")
def reads_gguf_pys_own_file(remold):
    """A GGUF written by gguf-py, with every metadata type it knows, is inspected and converted."""
    path = remold.folder / "by-gguf-py.gguf"
    writer = gguf.GGUFWriter(path, "custom")
    writer.add_uint8("a.u8", 200)
    writer.add_int8("a.i8", -100)
    writer.add_uint16("a.u16", 65000)
    writer.add_int16("a.i16", -30000)
    writer.add_uint32("a.u32", 4_000_000_000)
    writer.add_int32("a.i32", -2_000_000_000)
    writer.add_uint64("a.u64", 2**63)
    writer.add_int64("a.i64", -(2**62))
    writer.add_float32("a.f32", 1.5)
    writer.add_float64("a.f64", 1e300)
    writer.add_bool("a.bool", True)
    writer.add_string("a.text", "naïve 🦙")
    writer.add_array("a.ints", [1, 2, 3])
    writer.add_array("a.texts", ["x", "", "zü"])
    values = np.random.default_rng(3).standard_normal((8, 256), dtype=np.float32)
    writer.add_tensor("plain", values)
    for kind in (gguf.GGMLQuantizationType.Q8_0, gguf.GGMLQuantizationType.Q4_0, gguf.GGMLQuantizationType.BF16):
        writer.add_tensor(f"as.{kind.name}", gguf.quantize(values, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    done = remold.run("inspect", path, "--json", "--tensors")
    need(done.returncode == 0, f"inspect ended with {done.returncode}: {done.stderr[-300:]}")
    for text in ("naïve 🦙", "as.Q4_0", "4000000000"):
        need(text in done.stdout or json.dumps(text)[1:-1] in done.stdout, f"inspect --json does not show {text!r}")
    found = load_file(remold.convert(path, "safetensors:f32", "by-gguf-py.safetensors"))
    for tensor in gguf.GGUFReader(path).tensors:
        wanted = gguf.dequantize(tensor.data, tensor.tensor_type)
        need(np.array_equal(found[tensor.name], wanted), f"{tensor.name}: values differ from gguf-py's")

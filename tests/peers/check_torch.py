"""torch.load(weights_only=True) and safetensors read the files that remold writes, with equal tensors; and remold reads torch's."""

import pathlib

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from harness import MODELS, check, check_each, need


def load_pt(path):
    """A `.pt` file, or the one in a folder, the careful way."""
    path = pathlib.Path(path)
    if path.is_dir():
        (path,) = [p for p in path.iterdir() if p.suffix in (".bin", ".pt", ".pth")]
    return torch.load(path, map_location="cpu", weights_only=True)


def load_safetensors(path):
    """A safetensors file, or all of a folder."""
    path = pathlib.Path(path)
    files = sorted(path.glob("*.safetensors")) if path.is_dir() else [path]
    need(files, f"no .safetensors in {path.name}")
    tensors = {}
    for file in files:
        tensors.update(load_file(file))
    return tensors


def same_tensors(found, wanted):
    """Names, dtypes, shapes and bytes (so that NaN equals NaN)."""
    missing, extra = sorted(set(wanted) - set(found)), sorted(set(found) - set(wanted))
    need(not missing and not extra, f"missing {missing[:5]}, added {extra[:5]}")
    for name, value in wanted.items():
        got = found[name]
        need(got.dtype == value.dtype, f"{name}: {value.dtype} became {got.dtype}")
        need(got.shape == value.shape, f"{name}: {tuple(value.shape)} became {tuple(got.shape)}")
        raw = [t.detach().contiguous().reshape(-1).view(torch.uint8) if t.numel() else None for t in (got, value)]
        need(value.numel() == 0 or torch.equal(*raw), f"{name}: values differ")
    return f"{len(wanted)} tensors"


def every_dtype():
    """One tensor of every dtype that both formats hold, with awkward shapes and values."""
    torch.manual_seed(5)
    floats = torch.randn(3, 7) * 4
    floats[0, 0], floats[0, 1], floats[0, 2], floats[1, 0] = float("nan"), float("inf"), -float("inf"), -0.0
    kinds = [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2]
    tensors = {f"float.{str(kind)[6:]}": floats.to(kind) for kind in kinds}
    whole = torch.arange(-6, 6).reshape(2, 3, 2)
    for kind in [torch.int64, torch.int32, torch.int16, torch.int8]:
        tensors[f"int.{str(kind)[6:]}"] = whole.to(kind)
    tensors["int.uint8"] = whole.abs().to(torch.uint8)
    tensors["bool"] = whole > 0
    tensors["scalar"] = torch.tensor(2.5)
    tensors["empty"] = torch.zeros(0, 4)
    tensors["naïve name 🦙"] = torch.ones(1)
    return tensors


@check("torch")
def folder_to_pytorch(remold):
    wanted = load_safetensors(MODELS / "tiny-llama")
    return same_tensors(load_pt(remold.convert(MODELS / "tiny-llama", "pytorch", "tiny-llama-pt")), wanted)


@check("torch")
def sharded_folder_to_pytorch(remold):
    wanted = load_safetensors(MODELS / "tiny-mistral-sharded")
    return same_tensors(load_pt(remold.convert(MODELS / "tiny-mistral-sharded", "pytorch", "mistral-pt")), wanted)


@check("torch")
def pickled_folder_to_safetensors(remold):
    wanted = load_pt(MODELS / "tiny-llama3-pt")
    return same_tensors(load_safetensors(remold.convert(MODELS / "tiny-llama3-pt", "safetensors", "llama3-st")), wanted)


@check("torch")
def every_dtype_to_pytorch_and_back(remold):
    wanted = every_dtype()
    source = remold.folder / "every-dtype.safetensors"
    save_file(wanted, source)
    pickled = remold.convert(source, "pytorch", "every-dtype.pt")
    same_tensors(load_pt(pickled), wanted)
    return same_tensors(load_safetensors(remold.convert(pickled, "safetensors", "every-dtype-back.safetensors")), wanted)


@check("torch")
def every_dtype_from_torch(remold):
    wanted = every_dtype()
    source = remold.folder / "every-dtype-by-torch.pt"
    torch.save(wanted, source)
    return same_tensors(load_safetensors(remold.convert(source, "safetensors", "by-torch.safetensors")), wanted)


@check("torch")
def safetensors_header_is_aligned_and_keeps_metadata(remold):
    source = remold.folder / "with-metadata.safetensors"
    save_file({"a": torch.ones(3), "b": torch.zeros(2, 2, dtype=torch.bfloat16)}, source, metadata={"format": "pt", "who": "zoë"})
    made = remold.convert(source, "safetensors", "with-metadata-out.safetensors")
    with safe_open(made, "pt") as file:
        need((file.metadata() or {}).get("who") == "zoë", f"__metadata__ became {file.metadata()}")
    length = int.from_bytes(made.read_bytes()[:8], "little")
    need(length % 8 == 0, f"the header's length {length} is not a multiple of 8")


@check("torch")
def shards_with_an_index(remold):
    """`--max-shard-size`: shards and an index that covers exactly the tensors in them."""
    import json

    made = remold.convert(MODELS / "tiny-llama", "safetensors", "tiny-llama-shards", "--max-shard-size", "2MB")
    shards = sorted(made.glob("*.safetensors"))
    need(len(shards) > 3, f"8.4 MB in shards of 2 MB gave {[s.name for s in shards]}")
    index = json.loads((made / "model.safetensors.index.json").read_text())
    place = {name: shard.name for shard in shards for name in load_file(shard)}
    need(index["weight_map"] == place, "the index does not say where the tensors are")
    wanted = load_safetensors(MODELS / "tiny-llama")
    total = sum(t.numel() * t.element_size() for t in wanted.values())
    need(index["metadata"]["total_size"] == total, f"total_size {index['metadata']['total_size']}, tensors hold {total}")
    return same_tensors(load_safetensors(made), wanted) + f" in {len(shards)} shards"


def views():
    base = torch.arange(48, dtype=torch.float32).reshape(6, 8)
    return {"base": base, "transposed": base.t(), "column": base[:, 3], "steps": base[::2, 1::3], "expanded": base[0].expand(3, 8)}


def nested():
    layer = torch.nn.Linear(4, 3)
    optimizer = torch.optim.AdamW(layer.parameters())
    layer(torch.ones(4)).sum().backward()
    optimizer.step()
    return {"epoch": 3, "state_dict": layer.state_dict(), "optimizer": optimizer.state_dict(), "note": "half done"}


def tied():
    weight = torch.randn(5, 4)
    return {"embed.weight": weight, "head.weight": weight, "norm.weight": torch.nn.Parameter(torch.ones(4))}


PICKLES = {
    "zip": (lambda: {"w": torch.randn(3, 4), "b": torch.randn(4).to(torch.bfloat16)}, {}),
    "legacy stream": (lambda: {"w": torch.randn(3, 4), "i": torch.arange(5)}, {"_use_new_zipfile_serialization": False}),
    "protocol 4": (lambda: {"w": torch.randn(2, 2)}, {"pickle_protocol": 4}),
    "views": (views, {}),
    "views, legacy": (views, {"_use_new_zipfile_serialization": False}),
    "tied": (tied, {}),
    "nested": (nested, {}),
}


@check_each("torch", list(PICKLES))
def reads_torchs_pickles(remold, kind):
    make, options = PICKLES[kind]
    torch.manual_seed(11)
    value = make()
    source = remold.folder / f"pickle-{kind.replace(' ', '-').replace(',', '')}.pt"
    torch.save(value, source, **options)
    wanted = {name: t.detach().contiguous() for name, t in value.get("state_dict", value).items()}
    return same_tensors(load_safetensors(remold.convert(source, "safetensors", f"{source.stem}.safetensors")), wanted)


class Trap:
    """Unpickling this by the book would make a folder."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        import os

        return os.mkdir, (str(self.path),)


@check("torch")
def executes_nothing(remold):
    source, mark = remold.folder / "trap.pt", remold.folder / "it-was-executed"
    torch.save({"weight": torch.ones(2), "trap": Trap(mark)}, source)
    shown = remold.run("inspect", source)
    remold.run("convert", source, "--to", "safetensors", "-o", remold.folder / "trap.safetensors")
    need(not mark.exists(), "the pickle's function was called")
    need("mkdir" in shown.stdout + shown.stderr, f"inspect does not name what the pickle asks for: {shown.stdout[-300:]}")

#!/usr/bin/env python3
"""Describe what the reference writes for a model, as the JSON files of `fixtures/golden/gguf`.

    make_golden.py LLAMA_CPP OUT MODEL [MODEL ...] [--bin DIR]

LLAMA_CPP is a llama.cpp source tree; `--bin` is the folder of its built tools (default: LLAMA_CPP/build/bin). For each
model folder: `MODEL.convert-TYPE.json` by its converter, `MODEL.quantize-TYPE.json` by llama-quantize from the f32
conversion. A type that the reference refuses gets no file. `fixtures/golden/README.md` explains the fields.
"""

import argparse
import hashlib
import json
import pathlib
import subprocess
import sys
import tempfile

import gguf
import numpy as np

CONVERT = ["f32", "f16", "bf16", "q8_0", "auto"]
QUANTIZE = [
    "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q2_K", "Q3_K_S", "Q3_K_M", "Q3_K_L", "Q4_K_S", "Q4_K_M",
    "Q5_K_S", "Q5_K_M", "Q6_K", "IQ3_S", "IQ3_M", "IQ4_NL", "IQ4_XS", "TQ1_0", "TQ2_0",
]


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def describe_field(field):
    """One metadata entry: its value, or for an array its length and the hash of its elements."""
    kinds = [kind.name.lower() for kind in field.types]
    if kinds[0] != "array":
        value = field.parts[field.data[0]]
        value = bytes(value).decode("utf-8") if kinds[0] == "string" else value[0].item()
        return {"key": field.name, "type": kinds[0], "value": value}
    element = kinds[-1] if len(kinds) > 1 else "none"
    hasher = hashlib.sha256()
    for index in field.data:
        part = field.parts[index]
        if element == "string":
            hasher.update(len(part).to_bytes(8, "little"))
        hasher.update(np.ascontiguousarray(part).tobytes())
    return {"key": field.name, "type": f"array<{element}>", "len": len(field.data), "sha256": hasher.hexdigest()}


def describe(path):
    """The whole file: every metadata entry and tensor in order, and the hash of the file."""
    reader = gguf.GGUFReader(path)
    fields = [describe_field(f) for name, f in reader.fields.items() if not name.startswith("GGUF.")]
    tensors = [
        {
            "name": t.name, "type": t.tensor_type.name, "shape": [int(n) for n in t.shape],
            "bytes": int(t.n_bytes), "sha256": sha256(np.ascontiguousarray(t.data).tobytes()),
        }
        for t in reader.tensors
    ]
    return {"metadata": fields, "tensors": tensors, "file_sha256": sha256(pathlib.Path(path).read_bytes())}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("llama_cpp", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("models", nargs="+", type=pathlib.Path)
    parser.add_argument("--bin", type=pathlib.Path)
    args = parser.parse_args()
    wrapper = pathlib.Path(__file__).with_name("reference_convert.py")
    quantize = (args.bin or args.llama_cpp / "build" / "bin") / "llama-quantize"
    args.out.mkdir(parents=True, exist_ok=True)

    for model in args.models:
        with tempfile.TemporaryDirectory() as folder:
            made = pathlib.Path(folder)
            for kind in CONVERT:
                command = [
                    sys.executable, wrapper, args.llama_cpp / "convert_hf_to_gguf.py", model,
                    "--outtype", kind, "--outfile", made / f"{kind}.gguf",
                ]
                subprocess.run(command, check=True, capture_output=True)
                save(args.out / f"{model.name}.convert-{kind}.json", describe(made / f"{kind}.gguf"))
            for kind in QUANTIZE:
                done = subprocess.run([quantize, made / "f32.gguf", made / "q.gguf", kind, "1"], capture_output=True)
                if done.returncode != 0:
                    print(f"{model.name} {kind}: refused by the reference")
                    continue
                save(args.out / f"{model.name}.quantize-{kind}.json", describe(made / "q.gguf"))


def save(path, description):
    path.write_text(json.dumps(description, indent=0, ensure_ascii=False), encoding="utf-8")
    print(path)


if __name__ == "__main__":
    main()

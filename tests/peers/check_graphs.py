"""ONNX Runtime runs the graphs that remold builds of checkpoints: transformers' numbers, with and without past, padding on either side, windows.

The golden data (`shared/golden/graph` beside the checkout) has transformers' outputs with eager attention in f32. Without it, the checks are skipped.
"""

import numpy as np
import onnxruntime

from harness import ROOT, Skip, check_each, need

SHARED = ROOT.parent / "shared"
DECODERS = [
    "tiny-llama", "tiny-llama3-pt", "tiny-mistral-sharded", "tiny-mixtral", "tiny-phi3", "tiny-qwen2", "tiny-qwen3", "tiny-qwen3moe",
    "tiny-gemma2", "tiny-gemma3", "tiny-gpt2",
]
ENCODERS = [
    "tiny-bert-cls", "tiny-bert-mlm", "tiny-distilbert", "tiny-distilbert-cls", "tiny-resnet-basic", "tiny-resnet-bottleneck", "tiny-roberta",
    "tiny-roberta-mlm", "tiny-sbert-cls-dense", "tiny-sbert-mean-norm", "tiny-vit",
]
# Largest difference of a logit or a hidden state in f32.
TOLERANCE = 1e-4


def place(*parts):
    path = SHARED.joinpath(*parts)
    if not path.exists():
        raise Skip(f"{path} is not there")
    return path


class Session:
    """A graph in ONNX Runtime."""

    def __init__(self, path):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self.inputs = {i.name: i.shape for i in self.session.get_inputs()}
        self.outputs = [o.name for o in self.session.get_outputs()]

    def run(self, given):
        """The outputs by name; keys and values that are not given are those of no tokens."""
        feed = {}
        for name, shape in self.inputs.items():
            if name in given:
                feed[name] = given[name]
            else:
                need(name.startswith("past_key_values."), f"nothing is given for the input {name}")
                feed[name] = np.zeros((len(given["input_ids"]), shape[1], 0, shape[3]), np.float32)
        return dict(zip(self.outputs, self.session.run(None, feed)))


def near(what, got, wanted, seen=None):
    difference = np.abs(got - wanted)
    most = float((difference if seen is None else difference[seen]).max())
    need(most <= TOLERANCE, f"{what}: off by {most:.1e}")
    return most


def counted(ids, past=0):
    """A mask and positions of sequences without padding."""
    positions = np.broadcast_to(np.arange(past, past + ids.shape[1]), ids.shape).copy()
    return {"input_ids": ids, "attention_mask": np.ones((len(ids), past + ids.shape[1]), np.int64), "position_ids": positions}


@check_each("graphs", DECODERS)
def a_decoder_gives_the_logits_of_transformers(remold, name):
    golden = np.load(place("golden", "graph", "hf-logits", f"{name}.npz"))
    session = Session(remold.convert(place("material", "hf", name), "onnx", "model.onnx"))
    ids = golden["full.input_ids"]
    full = session.run(counted(ids))
    found = [near("whole sequences", full["logits"], golden["full.logits"])]
    present = [o for o in session.outputs if o.startswith("present.")]
    need(present, "no keys and values among the outputs")
    found += [near(o, full[o], golden[f"full.{o}"]) for o in present]
    cached = {k.removeprefix("past."): golden[k] for k in golden if k.startswith("past.")}
    found.append(near("after eight tokens", session.run(cached)["logits"], golden["past.logits"]))
    mask = golden["pad.attention_mask"]
    padded = {"input_ids": ids, "attention_mask": mask, "position_ids": golden["pad.position_ids"]}
    found.append(near("padded on the left", session.run(padded)["logits"], golden["pad.logits_valid"], mask == 1))
    last = session.run(counted(golden["long.input_ids"]))["logits"][:, -1]
    found.append(near("300 tokens", last, golden["long.logits_last"]))
    # Padding on the right changes nothing before it.
    mask = np.ones_like(ids)
    mask[1, -3:] = 0
    right = session.run({**counted(ids), "attention_mask": mask})["logits"]
    found.append(near("padded on the right", right, golden["full.logits"], mask == 1))
    return f"within {max(found):.1e}"


@check_each("graphs", ENCODERS)
def an_encoder_gives_the_outputs_of_transformers(remold, name):
    folder = place("golden", "graph", "encoders", name)
    golden = np.load(folder / "reference.npz")
    session = Session(remold.convert(folder, "onnx", "model.onnx"))
    given = session.run({k: golden[k] for k in golden if not k.startswith("out.")})
    found = []
    for output, value in given.items():
        tokens = output in ("last_hidden_state", "token_embeddings")
        found.append(near(output, value, golden[f"out.{output}"], golden["attention_mask"] == 1 if tokens else None))
    return f"within {max(found):.1e}"

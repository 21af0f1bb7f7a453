"""ONNX files: `remold inspect` says of a graph what the `onnx` package says of it.

The graphs are those of fixtures/graphs, and those in the folder that REMOLD_PEERS_ONNX names.
"""

import collections
import json
import os
import pathlib

import onnx

from harness import ROOT, check_each, need

FILES = sorted((ROOT / "fixtures" / "graphs").glob("*.onnx"))
if folder := os.environ.get("REMOLD_PEERS_ONNX"):
    FILES += sorted(pathlib.Path(folder).rglob("*.onnx"))


def operators(nodes, count):
    """Counts the operators of nodes and of the graphs nested in them."""
    for node in nodes:
        count["" if node.domain == "ai.onnx" else node.domain, node.op_type] += 1
        for attribute in node.attribute:
            for graph in [attribute.g, *attribute.graphs]:
                operators(graph.node, count)


def dims(value):
    kind = value.type.tensor_type
    if not value.type.HasField("tensor_type") or not kind.HasField("shape"):
        return None
    return [d.dim_value if d.HasField("dim_value") else d.dim_param or "?" for d in kind.shape.dim]


def tensors(message):
    """Every tensor of a message: initializers, attributes, nested graphs."""
    if isinstance(message, onnx.TensorProto):
        yield message
    elif hasattr(message, "ListFields"):
        for field, value in message.ListFields():
            if field.message_type is not None:
                for part in [value] if hasattr(value, "ListFields") else value:
                    yield from tensors(part)


def normal(path):
    """A model whose tensors have their data in one form."""
    model = onnx.load(path)
    for tensor in list(tensors(model)):
        if tensor.data_type != onnx.TensorProto.STRING:
            same = onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(tensor), tensor.name)
            need(same.data_type == tensor.data_type, f"{tensor.name}: onnx changes its type")
            tensor.CopyFrom(same)
    return model.SerializeToString(deterministic=True)


@check_each("onnx", FILES)
def same_model_after_writing(remold, path):
    want = normal(path)
    for options in [(), ("--external-data",)]:
        written = remold.convert(path, "onnx", path.name, *options)
        onnx.checker.check_model(str(written))
        need(normal(written) == want, f"{' '.join(options) or 'one file'}: another model")
    data = written.with_name(written.name + ".data")
    return f"with {data.stat().st_size if data.exists() else 0} bytes in a data file"


@check_each("onnx", FILES)
def same_graph(remold, path):
    model = onnx.load(path, load_external_data=False)
    done = remold.run("inspect", path, "--json")
    need(done.returncode == 0, done.stderr.strip())
    graph = json.loads(done.stdout)["graph"]
    given = {t.name for t in model.graph.initializer} | {s.values.name for s in model.graph.sparse_initializer}
    for kind, values in [
        ("inputs", [v for v in model.graph.input if v.name not in given]), ("outputs", model.graph.output),
    ]:
        want = [(v.name, dims(v)) for v in values]
        got = [(v["name"], v["shape"]) for v in graph[kind]]
        need([n for n, _ in got] == [n for n, _ in want], f"{kind}: {got} instead of {want}")
        for (name, ours), (_, theirs) in zip(got, want):
            need(theirs is None or ours == theirs, f"{kind}: {name} {ours} instead of {theirs}")
    count = collections.Counter()
    operators(model.graph.node, count)
    for function in model.functions:
        operators(function.node, count)
    ours = {(o["domain"], o["op"]): o["nodes"] for o in graph["operators"]}
    need(ours == dict(count), f"operators: {ours} instead of {dict(count)}")
    opsets = {o.domain or "ai.onnx": o.version for o in model.opset_import}
    need(graph["opsets"] == opsets, f"opsets: {graph['opsets']} instead of {opsets}")
    need(graph["format_version"] == model.ir_version, f"IR version {graph['format_version']}")
    need(graph["problems"] == [], f"problems: {graph['problems']}")
    return f"{len(count)} operators, {graph['nodes']} nodes"

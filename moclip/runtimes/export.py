# SPDX-License-Identifier: Apache-2.0
"""Write the weightless ONNX graphs of a model folder, once, when it is packed. Needs torch, onnx and onnxruntime."""

import io
import json
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from moclip.generators.base.networks import examples_of, networks_of
from moclip.generators.base.tracing import Example
from moclip.models import GRAPH_WEIGHTS, HALF_WEIGHTS, SCALED_WEIGHTS, ModelFiles
from moclip.nn.checkpoint import SCALE, Weights
from moclip.nn.networks import restore
from moclip.text.tower import TextTower
from moclip.text.traceable import TraceableTower

OPSET = 17


class _Call(nn.Module):
    """A module whose forward is one method of `network`; parameter names keep no prefix in the graph (see _strip)."""

    def __init__(self, network: nn.Module, method: str):
        super().__init__()
        self.network, self.method = network, method

    def forward(self, *inputs: Tensor) -> Tensor | tuple[Tensor, ...]:
        made: Tensor | tuple[Tensor, ...] = getattr(self.network, self.method)(*inputs)
        return made


def export_graphs(files: ModelFiles, out: Path) -> list[Path]:
    """Write the graphs of all networks to `out`; weights stay in their own files."""
    generator = files.generator
    classes = networks_of(generator.NAME)
    networks: dict[str, nn.Module] = {}
    for name, arrays in files.arrays.items():
        made = restore(classes[name], files.configs[name], arrays)
        networks[name] = TraceableTower(made.config) if isinstance(made, TextTower) else made
    written, weights, halves, scaled = [], {}, {}, {}
    for name, example in examples_of(generator.NAME, files.configs).items():
        call = generator.calls()[name]
        if call.network not in networks or (name == "words" and not generator.READS_WORDS):
            continue
        arrays = files.arrays[call.network]
        half = _in_float16(arrays)
        graph, weights[name] = _trace(networks[call.network], call.method, example, arrays)
        halves[name] = [key for key in weights[name] if key in half]
        scaled[name] = [key for key in weights[name] if key in arrays.scaled]
        path = out / f"{name}.onnx"
        path.write_bytes(graph)
        written.append(path)
    # onnxruntime refuses a weight that a graph does not use, so each graph says which it does.
    told = json.dumps({**weights, HALF_WEIGHTS: halves, SCALED_WEIGHTS: scaled}, indent=1)
    (out / GRAPH_WEIGHTS).write_text(told + "\n", encoding="utf-8")
    return written


def _in_float16(arrays: Weights) -> set[str]:
    return {name for name in arrays if arrays.stored[name].dtype == np.float16}


def _trace(network: nn.Module, method: str, example: Example, arrays: Weights) -> tuple[bytes, list[str]]:
    """The graph, and the weights that it takes: float16 and int8 ones as `arrays` has them stored."""
    # Equal tensors (untrained biases) would be merged into one by the exporter, so every one is made different first.
    with torch.no_grad():
        for tensor in network.state_dict().values():
            if tensor.is_floating_point():
                tensor.add_(torch.randn_like(tensor) * 1e-3)
    outputs = example.outputs or {"out": example.out}
    dynamic = {name: {0: "B", **example.axes.get(name, {})} for name in example.inputs}
    dynamic |= {name: {0: "B", **axes} for name, axes in outputs.items()}
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # The TorchScript exporter is the one that keeps parameter names and needs no further package.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            _Call(network, method).eval(), tuple(example.inputs.values()),
            buffer,  # type: ignore[arg-type]  # its types leave out that this exporter writes to streams too
            dynamo=False, opset_version=OPSET, do_constant_folding=False,
            input_names=list(example.inputs), output_names=list(outputs), dynamic_axes=dynamic,
        )  # fmt: skip
    return _strip(buffer.getvalue(), set(network.state_dict()), arrays)


def _strip(model: bytes, names: set[str], arrays: Weights) -> tuple[bytes, list[str]]:
    """Replace every weight by a reference, under its state-dict name, that the runtime fills in; also those names.

    Weights in float16 are filled in so, those that are `scaled` in int8 beside their scales: a file that holds such is
    then given as it is, and a table of which a few rows are read stays as small.
    """
    import onnx

    half = _in_float16(arrays)
    graph = onnx.load_from_string(model)
    renamed = {}
    for tensor in graph.graph.initializer:
        name = tensor.name.removeprefix("network.")
        if name not in names:
            continue
        renamed[tensor.name] = name
        for field in ("raw_data", "float_data", "int64_data", "int32_data"):
            tensor.ClearField(field)
        if name in half:
            tensor.data_type = onnx.TensorProto.FLOAT16
        elif name in arrays.scaled:
            tensor.data_type = onnx.TensorProto.INT8
        _fill_in(tensor, name)
    for node in graph.graph.node:
        for k, used in enumerate(node.input):
            node.input[k] = renamed.get(used, used)
        node.doc_string = ""
    taken = set(renamed.values())
    for name in sorted(half & taken):
        _widen(graph.graph, name)
    for name in sorted(arrays.scaled & taken):
        scale = onnx.TensorProto(data_type=onnx.TensorProto.FLOAT, dims=arrays.stored[name + SCALE].shape)
        _fill_in(scale, name + SCALE)
        graph.graph.initializer.append(scale)
        _widen(graph.graph, name, scale.name)
    return slimmed(graph.SerializeToString()), sorted(taken)


def _fill_in(tensor: Any, name: str) -> None:
    """Make an initializer one that the runtime fills in, under this name."""
    import onnx

    tensor.data_location = onnx.TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "weights"
    tensor.name = name


def slimmed(model: bytes) -> bytes:
    """The same graph with everything worked out that hangs on no weight: half of the exporter's nodes tell shapes.

    onnxruntime would do so itself, each time that the graph is loaded. What it does for one processor or with weights
    is left to it: there are no others than ONNX's own operators.
    """
    import onnx
    import onnxruntime

    graph = onnx.load_from_string(model)
    weights = [tensor for tensor in graph.graph.initializer if tensor.data_location == onnx.TensorProto.EXTERNAL]
    own = [tensor for tensor in graph.graph.initializer if tensor.data_location != onnx.TensorProto.EXTERNAL]
    _replace(graph.graph.initializer, own)
    given = [onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims) for tensor in weights]
    inputs = [info.name for info in graph.graph.input]
    graph.graph.input.extend(given)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.log_severity_level = 3
    with tempfile.TemporaryDirectory() as folder:
        options.optimized_model_filepath = str(Path(folder) / "slimmed.onnx")
        onnxruntime.InferenceSession(graph.SerializeToString(), options, providers=["CPUExecutionProvider"])
        made = onnx.load(options.optimized_model_filepath)
    _replace(made.graph.input, [info for info in made.graph.input if info.name in inputs])
    made.graph.initializer.extend(weights)
    # It names every set of operators that it knows.
    _replace(made.opset_import, [known for known in made.opset_import if known.domain in ("", "ai.onnx")])
    slim: bytes = made.SerializeToString()
    return slim


def _replace(repeated: Any, items: list[Any]) -> None:
    del repeated[:]
    repeated.extend(items)


def _widen(graph: Any, name: str, scale: str | None = None) -> None:
    """Turn a float16 or int8 weight into float32 where the graph uses it: rows that it looks up after that, others
    before. scale: initializer of the rows' scales, which go with int8."""
    from onnx import helper

    users = [node for node in graph.node if name in node.input]
    if all(node.op_type == "Gather" and list(node.input).index(name) == 0 for node in users):
        for node in users:
            rows, found = node.input[1], node.output[0]
            node.output[0] = f"{found}.narrow"
            made = _widening(node.output[0], found, f"{found}.scale" if scale else None)
            if scale:
                made.insert(0, helper.make_node("Gather", [scale, rows], [f"{found}.scale"]))
            _insert(graph, list(graph.node).index(node) + 1, made)
        return
    # Of a constant, so it is done once, when the graph is loaded.
    wide = f"{name}.float"
    for node in users:
        for k, given in enumerate(node.input):
            node.input[k] = wide if given == name else given
    _insert(graph, 0, _widening(name, wide, scale))


def _widening(narrow: str, wide: str, scale: str | None) -> list[Any]:
    """Nodes that make float32 of float16, or of int8 and its scale."""
    from onnx import TensorProto, helper

    if scale is None:
        return [helper.make_node("Cast", [narrow], [wide], to=TensorProto.FLOAT)]
    return [
        helper.make_node("Cast", [narrow], [f"{narrow}.cast"], to=TensorProto.FLOAT),
        helper.make_node("Mul", [f"{narrow}.cast", scale], [wide]),
    ]


def _insert(graph: Any, place: int, nodes: list[Any]) -> None:
    for k, node in enumerate(nodes):
        graph.node.insert(place + k, node)

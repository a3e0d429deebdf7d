# SPDX-License-Identifier: Apache-2.0
"""Write the weightless ONNX graphs of a model folder. Needs torch and onnx; done once, when a model is packed."""

import io
import json
import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from moclip.generators.base.networks import examples_of, networks_of
from moclip.generators.base.tracing import Example
from moclip.models import GRAPH_WEIGHTS, ModelFiles
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
    written, weights = [], {}
    for name, example in examples_of(generator.NAME, files.configs).items():
        call = generator.calls()[name]
        if call.network not in networks or (name == "words" and not generator.READS_WORDS):
            continue
        graph, weights[name] = _trace(networks[call.network], call.method, example)
        path = out / f"{name}.onnx"
        path.write_bytes(graph)
        written.append(path)
    # onnxruntime refuses a weight that a graph does not use, so each graph says which it does.
    (out / GRAPH_WEIGHTS).write_text(json.dumps(weights, indent=1) + "\n", encoding="utf-8")
    return written


def _trace(network: nn.Module, method: str, example: Example) -> tuple[bytes, list[str]]:
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
    return _strip(buffer.getvalue(), set(network.state_dict()))


def _strip(model: bytes, names: set[str]) -> tuple[bytes, list[str]]:
    """Replace every weight by a reference, under its state-dict name, that the runtime fills in; also those names."""
    import onnx

    graph = onnx.load_from_string(model)
    renamed = {}
    for tensor in graph.graph.initializer:
        name = tensor.name.removeprefix("network.")
        if name not in names:
            continue
        renamed[tensor.name] = name
        for field in ("raw_data", "float_data", "int64_data", "int32_data"):
            tensor.ClearField(field)
        tensor.data_location = onnx.TensorProto.EXTERNAL
        entry = tensor.external_data.add()
        entry.key, entry.value = "location", "weights"
        tensor.name = name
    for node in graph.graph.node:
        for k, used in enumerate(node.input):
            node.input[k] = renamed.get(used, used)
        node.doc_string = ""
    return graph.SerializeToString(), sorted(renamed.values())

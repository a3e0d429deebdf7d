# SPDX-License-Identifier: Apache-2.0
"""Write the weightless ONNX graphs of a model folder. Needs torch and onnx; done once, when a model is packed."""

import io
import json
import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from moclip.models import GRAPH_WEIGHTS, JUDGE, LENGTH_TOWER, ModelFiles
from moclip.nn.networks import restore
from moclip.runtimes.torch_runtime import NETWORKS
from moclip.text.tower import TextTower
from moclip.text.traceable import TraceableTower

OPSET = 17


class _Call(nn.Module):
    """A module whose forward is one method of `network`; parameter names keep no prefix in the graph (see _strip)."""

    def __init__(self, network: nn.Module, method: str):
        super().__init__()
        self.network, self.method = network, method

    def forward(self, *inputs: Tensor) -> Tensor:
        return getattr(self.network, self.method)(*inputs)


def export_graphs(files: ModelFiles, out: Path) -> list[Path]:
    """Write the graphs of all networks to `out`; weights stay in their own files."""
    towers = [name for name in ("text", LENGTH_TOWER) if name in files.arrays]
    networks = {
        kind: restore(NETWORKS[kind], files.configs[kind], files.arrays[kind])
        for kind in files.arrays
        if kind not in towers
    }
    for name in towers:
        networks[name] = TraceableTower(restore(TextTower, files.configs[name], files.arrays[name]).config)
    codes, layers = files.configs["rvq"]["codes"], files.configs["rvq"]["quantizers"]
    batch, length, text_dim = 2, 12, files.configs["masked"]["text_dim"]
    text = torch.randn(batch, text_dim)
    padding = torch.zeros(batch, length, dtype=torch.bool)
    ids = torch.randint(codes, (batch, length))
    every = torch.randint(codes, (batch, length, layers))
    tokens = torch.tensor([[49406, 320, 2533, 4160, 49407, 0], [49406, 320, 2533, 49407, 0, 0]])
    features = torch.randn(batch, 4 * length, files.configs["rvq"]["features"])
    layer = torch.ones(batch, dtype=torch.long)
    calls = {
        "text": ("text", "forward", {"tokens": tokens}, {"tokens": {1: "L"}}),
        "masked": (
            "masked", "forward", {"ids": ids, "text": text, "padding": padding}, {"ids": {1: "S"}, "padding": {1: "S"}},
        ),
        "residual": (
            "residual", "forward", {"codes": every[..., :-1], "layer": layer, "text": text, "padding": padding},
            {"codes": {1: "S"}, "padding": {1: "S"}},
        ),
        "length": ("length", "forward", {"text": text}, {}),
        "decode": ("rvq", "decode", {"codes": every}, {"codes": {1: "S"}}),
        "encode": ("rvq", "encode", {"features": features}, {"features": {1: "T"}}),
    }  # fmt: skip
    if LENGTH_TOWER in networks:
        calls[LENGTH_TOWER] = (LENGTH_TOWER, *calls["text"][1:])
    if JUDGE in networks:
        inputs = {
            "joints": torch.randn(batch, 4 * length, 22, 3),
            "valid": torch.ones(batch, 4 * length, dtype=torch.bool),
        }
        calls[JUDGE] = (JUDGE, "forward", inputs, {"joints": {1: "T"}, "valid": {1: "T"}})
    written, weights = [], {}
    for name, (kind, method, inputs, axes) in calls.items():
        graph, weights[name] = _trace(networks[kind], method, inputs, axes)
        path = out / f"{name}.onnx"
        path.write_bytes(graph)
        written.append(path)
    # onnxruntime refuses a weight that a graph does not use, so each graph says which it does.
    (out / GRAPH_WEIGHTS).write_text(json.dumps(weights, indent=1) + "\n", encoding="utf-8")
    return written


def _trace(
    network: nn.Module, method: str, inputs: dict[str, Tensor], axes: dict[str, dict[int, str]]
) -> tuple[bytes, list[str]]:
    # Equal tensors (untrained biases) would be merged into one by the exporter, so every one is made different first.
    with torch.no_grad():
        for tensor in network.state_dict().values():
            if tensor.is_floating_point():
                tensor.add_(torch.randn_like(tensor) * 1e-3)
    dynamic = {name: {0: "B", **axes.get(name, {})} for name in inputs}
    dynamic["out"] = {0: "B", 1: "N"} if axes else {0: "B"}
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # The TorchScript exporter is the one that keeps parameter names and needs no further package.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            _Call(network, method).eval(), tuple(inputs.values()), buffer, dynamo=False, opset_version=OPSET,
            do_constant_folding=False, input_names=list(inputs), output_names=["out"], dynamic_axes=dynamic,
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

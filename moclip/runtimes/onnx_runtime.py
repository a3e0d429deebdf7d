# SPDX-License-Identifier: Apache-2.0
"""The network calls in onnxruntime on the CPU: what users run, with no torch installed.

The graphs lie beside the weights and carry none: tensors from the safetensors files are fed in as initializers.
"""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from moclip.errors import MoclipError
from moclip.models import GRAPH_WEIGHTS, HALF_WEIGHTS, SCALED_WEIGHTS, ModelFiles
from moclip.nn.checkpoint import SCALE

ROWS = 16
"""Of a batch that go through a network at once: more do not fit the processor's cache, and take longer each."""


@dataclass(frozen=True)
class _Graph:
    """network: whose weights it takes. weights: their names. as_stored: those that it takes as they lie in the file."""

    network: str
    weights: list[str]
    as_stored: frozenset[str]


def _graphs(files: ModelFiles) -> dict[str, _Graph]:
    """By call, of all calls of the model's generator that are there."""
    path = files.info.path / GRAPH_WEIGHTS
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        halves, scaled = told.get(HALF_WEIGHTS, {}), told.get(SCALED_WEIGHTS, {})
        graphs = {}
        for name, call in files.generator.calls().items():
            if call.optional and name not in told:
                continue
            rows = list(scaled.get(name, ()))
            scales = [row + SCALE for row in rows]
            graphs[name] = _Graph(
                call.network, [*told[name], *scales], frozenset((*halves.get(name, ()), *rows, *scales))
            )
        return graphs
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise MoclipError(
            f"The model has no readable {path.name}, which the onnx runtime needs.",
            hint="Install the model again, or use `--runtime torch`.",
            code="bad_weights",
        ) from error


class _Session(Protocol):
    """What is used of an onnxruntime.InferenceSession; the package has no types."""

    def run(self, output_names: None, input_feed: dict[str, np.ndarray]) -> list[np.ndarray]: ...


class OnnxRuntime:
    name = "onnx"
    device = "cpu"

    def __init__(self, files: ModelFiles, threads: int | None = None):
        # Its builds report their use to Microsoft unless told not to.
        os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
        import onnxruntime

        self._ort = onnxruntime
        self._threads = threads or min(4, os.cpu_count() or 1)
        graphs = _graphs(files)
        # The largest first, two at a time: most of it is done without the interpreter's lock.
        names = sorted(graphs, key=lambda name: files.arrays[graphs[name].network].bytes, reverse=True)
        with ThreadPoolExecutor(max_workers=min(2, self._threads)) as pool:
            made = pool.map(lambda name: self._session(files, name, graphs[name]), names)
            self._sessions = dict(zip(names, made, strict=True))

    def _session(self, files: ModelFiles, name: str, graph: _Graph) -> _Session:
        from onnxruntime.capi.onnxruntime_pybind11_state import Fail, InvalidArgument, InvalidProtobuf, RuntimeException

        path, arrays = files.info.path / f"{name}.onnx", files.arrays[graph.network]
        options = self._ort.SessionOptions()
        options.intra_op_num_threads = self._threads
        # Spinning worker threads starve every other process of the machine, Blender first.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        # Else each network keeps for good what its largest batch took; the C library gives that to the next one.
        options.enable_cpu_mem_arena = False
        options.log_severity_level = 3
        try:
            given = [arrays.stored[key] if key in graph.as_stored else arrays[key] for key in graph.weights]
            values = [self._ort.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(array)) for array in given]
            # onnxruntime copies what it is given while it makes the session, so that nothing is kept here.
            options.add_external_initializers(graph.weights, values)
            session: _Session = self._ort.InferenceSession(
                path.read_bytes(), options, providers=["CPUExecutionProvider"]
            )
            return session
        except (OSError, KeyError, Fail, InvalidArgument, InvalidProtobuf, RuntimeException) as error:
            raise MoclipError(
                f"The graph {path} is damaged or does not fit its weights.",
                hint="Install the model again.",
                code="bad_weights",
            ) from error

    def outputs(self, name: str, **inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        if name not in self._sessions:
            raise MoclipError(
                f"This model has no {name}.onnx graph.", hint="Use `--runtime torch`.", code="bad_weights"
            )
        session, count = self._sessions[name], len(next(iter(inputs.values())))
        if count <= ROWS:
            return tuple(session.run(None, inputs))
        parts = [
            session.run(None, {key: array[first : first + ROWS] for key, array in inputs.items()})
            for first in range(0, count, ROWS)
        ]
        return tuple(np.concatenate(part) for part in zip(*parts, strict=True))

    def call(self, name: str, **inputs: np.ndarray) -> np.ndarray:
        return self.outputs(name, **inputs)[0]

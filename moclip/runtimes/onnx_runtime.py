# SPDX-License-Identifier: Apache-2.0
"""The network calls in onnxruntime on the CPU: what users run, with no torch installed.

The graphs lie beside the weights and carry none: tensors from the safetensors files are fed in as initializers.
"""

import json
import os
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from moclip.errors import MoclipError
from moclip.models import GRAPH_WEIGHTS, ModelFiles


def _graph_weights(files: ModelFiles) -> dict[str, list[str]]:
    """Call -> the tensors that its graph takes, of all calls of the model's generator that are there."""
    path = files.info.path / GRAPH_WEIGHTS
    try:
        weights = json.loads(path.read_text(encoding="utf-8"))
        calls = files.generator.calls().items()
        return {name: list(weights[name]) for name, call in calls if name in weights or not call.optional}
    except (OSError, ValueError, KeyError, TypeError) as error:
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
        # onnxruntime does not copy the initializers: they must live as long as the sessions.
        self._values: list[Any] = []
        calls = files.generator.calls()
        self._sessions = {
            name: self._session(files.info.path / f"{name}.onnx", files.arrays[calls[name].network], weights)
            for name, weights in _graph_weights(files).items()
        }

    def _session(self, graph: Path, arrays: dict[str, np.ndarray], names: list[str]) -> _Session:
        from onnxruntime.capi.onnxruntime_pybind11_state import Fail, InvalidArgument, InvalidProtobuf, RuntimeException

        options = self._ort.SessionOptions()
        options.intra_op_num_threads = self._threads
        # Spinning worker threads starve every other process of the machine, Blender first.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        try:
            values = [self._ort.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(arrays[name])) for name in names]
            options.add_external_initializers(names, values)
            self._values.append(values)
            session: _Session = self._ort.InferenceSession(
                graph.read_bytes(), options, providers=["CPUExecutionProvider"]
            )
            return session
        except (OSError, KeyError, Fail, InvalidArgument, InvalidProtobuf, RuntimeException) as error:
            raise MoclipError(
                f"The graph {graph} is damaged or does not fit its weights.",
                hint="Install the model again.",
                code="bad_weights",
            ) from error

    def outputs(self, name: str, **inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        if name not in self._sessions:
            raise MoclipError(
                f"This model has no {name}.onnx graph.", hint="Use `--runtime torch`.", code="bad_weights"
            )
        return tuple(self._sessions[name].run(None, inputs))

    def call(self, name: str, **inputs: np.ndarray) -> np.ndarray:
        return self.outputs(name, **inputs)[0]

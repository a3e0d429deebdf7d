# SPDX-License-Identifier: Apache-2.0
"""Runtimes supply the network calls that the numpy core is built on."""

import importlib.util
import os

from moclip.errors import MoclipError
from moclip.generators.base.runtime import Runtime
from moclip.models import GRAPH_WEIGHTS, ModelFiles


def make_runtime(files: ModelFiles, runtime: str = "auto", device: str = "auto") -> Runtime:
    """`auto` is onnxruntime on the CPU; torch when a GPU is asked for or onnxruntime is absent.

    Raises MoclipError when the packages of the runtime are not installed, or for an unknown name.
    """
    if runtime not in ("auto", "onnx", "torch"):
        raise MoclipError(f"There is no runtime '{runtime}'.", hint="Use auto, onnx or torch.", code="bad_runtime")
    onnx_serves = (
        device in ("auto", "cpu")
        and importlib.util.find_spec("onnxruntime")
        and (files.info.path / GRAPH_WEIGHTS).is_file()
    )
    if runtime == "onnx" and device not in ("auto", "cpu"):
        raise MoclipError(
            "The onnx runtime works on the CPU only.", hint="Use `--runtime torch` for a GPU.", code="bad_device"
        )
    if runtime == "onnx" or (runtime == "auto" and onnx_serves):
        if not importlib.util.find_spec("onnxruntime"):
            raise MoclipError(
                "onnxruntime is not installed.", hint="`pip install onnxruntime`.", code="missing_package"
            )
        from moclip.runtimes.onnx_runtime import OnnxRuntime

        return OnnxRuntime(files)
    if not importlib.util.find_spec("torch"):
        raise MoclipError(
            "PyTorch is not installed.",
            hint='`pip install "moclip[torch]"`, or use `--runtime onnx`.',
            code="missing_package",
        )
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from moclip.runtimes.torch_runtime import TorchRuntime

    return TorchRuntime(files, device)

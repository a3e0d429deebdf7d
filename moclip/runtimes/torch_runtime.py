# SPDX-License-Identifier: Apache-2.0
"""The network calls in PyTorch: CPU, CUDA or Apple's MPS."""

import numpy as np
import torch

from moclip.generators.base.networks import networks_of
from moclip.models import ModelFiles
from moclip.nn.networks import pick_device, restore


class TorchRuntime:
    name = "torch"

    def __init__(self, files: ModelFiles, device: str = "auto"):
        self.device = pick_device(device)
        classes = networks_of(files.generator.NAME)
        self.networks = {
            name: restore(classes[name], files.configs[name], arrays).to(self.device)
            for name, arrays in files.arrays.items()
        }
        self._calls = files.generator.calls()

    @torch.inference_mode()
    def outputs(self, name: str, **inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        call = self._calls[name]
        method = getattr(self.networks[call.network], call.method)
        given = {key: torch.from_numpy(np.ascontiguousarray(array)).to(self.device) for key, array in inputs.items()}
        made = method(**given)
        return tuple(tensor.cpu().numpy() for tensor in (made if isinstance(made, tuple) else (made,)))

    def call(self, name: str, **inputs: np.ndarray) -> np.ndarray:
        return self.outputs(name, **inputs)[0]

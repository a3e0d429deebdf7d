# SPDX-License-Identifier: Apache-2.0
"""The network calls in PyTorch: CPU, CUDA or Apple's MPS."""

from collections.abc import Callable

import numpy as np
import torch

from moclip.alignment.motion_encoder import MotionEncoder
from moclip.generators.base.length import LengthEstimator
from moclip.generators.momask.rvq import RVQ
from moclip.generators.momask.transformers import MaskedTransformer, ResidualTransformer
from moclip.models import ModelFiles
from moclip.nn.networks import Network, pick_device, restore
from moclip.text.tower import TextTower

NETWORKS: dict[str, type[Network]] = {
    network.KIND: network
    for network in (TextTower, MotionEncoder, RVQ, MaskedTransformer, ResidualTransformer, LengthEstimator)
}


class TorchRuntime:
    name = "torch"

    def __init__(self, files: ModelFiles, device: str = "auto"):
        self.device = pick_device(device)
        self.networks = {
            kind: restore(NETWORKS[files.configs[kind]["kind"]], files.configs[kind], files.arrays[kind]).to(
                self.device
            )
            for kind in files.arrays
        }
        self.codes: int = files.configs["rvq"]["codes"]
        self.quantizers: int = files.configs["rvq"]["quantizers"]

    @torch.inference_mode()
    def _call(self, function: Callable, *inputs: np.ndarray) -> np.ndarray:
        return function(*(torch.from_numpy(np.ascontiguousarray(x)).to(self.device) for x in inputs)).cpu().numpy()

    def text(self, tokens: np.ndarray) -> np.ndarray:
        return self._call(self.networks["text"], tokens)

    def length_text(self, tokens: np.ndarray) -> np.ndarray:
        return self._call(self.networks["length_text"], tokens)

    def masked(self, ids: np.ndarray, text: np.ndarray, padding: np.ndarray) -> np.ndarray:
        return self._call(self.networks["masked"], ids, text, padding)

    def residual(self, codes: np.ndarray, layer: np.ndarray, text: np.ndarray, padding: np.ndarray) -> np.ndarray:
        return self._call(self.networks["residual"], codes, layer, text, padding)

    def length(self, text: np.ndarray) -> np.ndarray:
        return self._call(self.networks["length"], text)

    def decode(self, codes: np.ndarray) -> np.ndarray:
        return self._call(self.networks["rvq"].decode, codes)

    def motion(self, joints: np.ndarray, valid: np.ndarray) -> np.ndarray:
        return self._call(self.networks["motion"], joints, valid)

    def encode(self, features: np.ndarray) -> np.ndarray:
        return self._call(self.networks["rvq"].encode, features)

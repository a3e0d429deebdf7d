# SPDX-License-Identifier: Apache-2.0
"""The network calls in PyTorch: CPU, CUDA or Apple's MPS."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from moclip.errors import MoclipError
from moclip.generators.momask.config import LengthConfig, RVQConfig, TransformerConfig
from moclip.generators.momask.rvq import RVQ
from moclip.generators.momask.transformers import LengthEstimator, MaskedTransformer, ResidualTransformer
from moclip.models import ModelFiles

# What a checkpoint's configuration says besides the sizes of its network.
_NOT_SIZES = {"kind", "text_fingerprint", "rotation_channels", "fps", "step", "score"}


def _sizes(config: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in config.items() if k not in _NOT_SIZES}


def build_network(kind: str, config: dict[str, Any]) -> nn.Module:
    """An untrained network by the `kind` and sizes in a checkpoint's configuration."""
    if kind == "text":
        from moclip.text.tower import TextTower, TowerConfig

        return TextTower(TowerConfig.from_dict(_sizes(config)))
    if kind == "motion":
        from moclip.alignment.motion_encoder import MotionEncoder, MotionEncoderConfig

        return MotionEncoder(MotionEncoderConfig.from_dict(_sizes(config)))
    makers: dict[str, Callable[[], nn.Module]] = {
        "rvq": lambda: RVQ(RVQConfig.from_dict(_sizes(config))),
        "masked": lambda: MaskedTransformer(TransformerConfig.from_dict(_sizes(config))),
        "residual": lambda: ResidualTransformer(TransformerConfig.from_dict(_sizes(config))),
        "length": lambda: LengthEstimator(LengthConfig.from_dict(_sizes(config))),
    }
    return makers[kind]()


def restore_network(kind: str, config: dict[str, Any], arrays: dict[str, np.ndarray]) -> nn.Module:
    """A trained network in evaluation mode. Raises MoclipError when names or shapes do not fit the configuration."""
    try:
        network = build_network(kind, config)
    except (ValueError, TypeError) as error:
        raise MoclipError(
            f"The {kind} weights have a configuration that this version does not know: {error}.",
            hint="Update MoCLIP, or install the model again.",
            code="bad_weights",
        ) from error
    try:
        network.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()}, strict=True)
    except RuntimeError as error:
        raise MoclipError(
            f"The {kind} weights do not fit their own configuration.",
            hint="Install the model again.",
            code="bad_weights",
        ) from error
    return network.eval().requires_grad_(False)


def pick_device(device: str) -> str:
    """`auto` is CUDA, else MPS, else the CPU. Raises MoclipError for a device that this machine does not have."""
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if device == "auto":
        return next(name for name in ("cuda", "mps", "cpu") if available[name])
    if not available.get(device.split(":")[0], False):
        raise MoclipError(
            f"PyTorch finds no device '{device}' here.", hint="Use `--device auto` or `cpu`.", code="bad_device"
        )
    return device


class TorchRuntime:
    name = "torch"

    def __init__(self, files: ModelFiles, device: str = "auto"):
        self.device = pick_device(device)
        self.networks = {
            kind: restore_network(files.configs[kind]["kind"], files.configs[kind], files.arrays[kind]).to(self.device)
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

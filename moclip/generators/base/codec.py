# SPDX-License-Identifier: Apache-2.0
"""Features to codes and back, as a generator's tokenizer has it."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from moclip.generators.base.runtime import Call, Runtime


class Codec:
    """A runtime's calls "encode" and "decode", and what their network's configuration says.

    stride: frames a token. codes: how many there are in a layer. layers: codes of one token. features: of a frame.
    local_rotations: whether features hold the joints' rotations relative to their parents.
    """

    def __init__(self, runtime: Runtime, config: Mapping[str, Any]):
        self._runtime = runtime
        self.stride: int = 2 ** int(config["down_t"])
        self.codes = int(config["codes"])
        self.layers = int(config["quantizers"])
        self.features = int(config["features"])
        self.local_rotations = config.get("rotation_channels") == "local"

    def encode(self, features: np.ndarray) -> np.ndarray:
        """(B, stride S, F) in their own units -> codes (B, S, layers)."""
        return self._runtime.call("encode", features=features)

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """(B, S, layers), -1 adds nothing -> features (B, stride S, F) in their own units."""
        return self._runtime.call("decode", codes=codes)


def codec_calls(network: str) -> dict[str, Call]:
    """The calls of a codec whose network has this name in the model folder."""
    return {"encode": Call(network, "encode"), "decode": Call(network, "decode")}

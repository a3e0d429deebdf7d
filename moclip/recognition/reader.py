# SPDX-License-Identifier: Apache-2.0
"""The recogniser with numpy alone, for who generates, and how far a motion agrees with what was asked for."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from moclip.nn.checkpoint import load_weights
from moclip.nn.config import sizes
from moclip.recognition.config import FIRST_KERNEL, FIRST_STRIDE, KERNEL, ActionClass, RecogniserConfig

_EPS = 1e-5
NAMED = 0.87
"""Of an action, the share that a side has where a text names it, as "waves his right arm" does and "hello" does not."""


class Reader:
    """weights: of `network.Recogniser`. Raises KeyError and ValueError for those of other sizes."""

    def __init__(self, weights: Mapping[str, np.ndarray], config: RecogniserConfig):
        self.config, self.classes = config, config.classes
        self._w = {name: np.asarray(array, np.float32) for name, array in weights.items()}
        for name, shape in _shapes(config).items():
            if self._w[name].shape != shape:
                raise ValueError(f"{name} has the shape {self._w[name].shape}, not {shape}")

    def probabilities(self, features: np.ndarray) -> np.ndarray:
        """(T, F) features in their own units -> (classes,)."""
        w = self._w
        x = ((features - w["mean"]) / w["std"]).astype(np.float32)
        x = _convolved(x, w["first.weight"], w["first.bias"], FIRST_KERNEL, FIRST_STRIDE, 1)
        for k in range(self.config.blocks):
            h = _act(_normed(x, w[f"blocks.{k}.ln_1.weight"], w[f"blocks.{k}.ln_1.bias"]))
            h = _convolved(h, w[f"blocks.{k}.wide.weight"], w[f"blocks.{k}.wide.bias"], KERNEL, 1, 2**k)
            h = _act(_normed(h, w[f"blocks.{k}.ln_2.weight"], w[f"blocks.{k}.ln_2.bias"]))
            x = x + h @ w[f"blocks.{k}.mix.weight"].T + w[f"blocks.{k}.mix.bias"]
        logits = w["out.weight"] @ np.concatenate([x.mean(axis=0), x.max(axis=0)]) + w["out.bias"]
        share = np.exp(logits - logits.max())
        found: np.ndarray = share / share.sum()
        return found


def _shapes(config: RecogniserConfig) -> dict[str, tuple[int, ...]]:
    """Of the network's tensors."""
    width, classes = config.width, len(config.classes)
    block = {
        "ln_1.weight": (width,), "ln_1.bias": (width,), "ln_2.weight": (width,), "ln_2.bias": (width,),
        "wide.weight": (width, width, KERNEL), "wide.bias": (width,),
        "mix.weight": (width, width), "mix.bias": (width,),
    }  # fmt: skip
    return {
        "mean": (config.features,), "std": (config.features,),
        "first.weight": (width, config.features, FIRST_KERNEL), "first.bias": (width,),
        **{f"blocks.{k}.{name}": shape for k in range(config.blocks) for name, shape in block.items()},
        "out.weight": (classes, 2 * width), "out.bias": (classes,),
    }  # fmt: skip


def _convolved(
    x: np.ndarray, weight: np.ndarray, bias: np.ndarray, kernel: int, stride: int, dilation: int
) -> np.ndarray:
    """(T, C) -> (T / stride, D), as torch's Conv1d with zeros at both ends that keep the length."""
    room = dilation * (kernel // 2)
    padded = np.pad(x, ((room, room), (0, 0)))
    rows = np.arange(0, len(x), stride)
    taps = [padded[rows + k * dilation] @ weight[:, :, k].T for k in range(kernel)]
    made: np.ndarray = sum(taps[1:], taps[0]) + bias
    return made


def _normed(x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    centred = x - x.mean(axis=1, keepdims=True)
    made: np.ndarray = centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + _EPS) * weight + bias
    return made


def _act(x: np.ndarray) -> np.ndarray:
    """QuickGELU."""
    made: np.ndarray = x / (1 + np.exp(-1.702 * x))
    return made


class Agreement:
    """How far motions show what texts ask for. asked: the classes that texts are read as."""

    def __init__(self, reader: Reader, asked: Sequence[ActionClass]):
        self.reader, self.asked = reader, asked
        anyhow = [ActionClass(one.action) for one in asked]
        self._suits, self._suits_anyhow = (
            np.array([[one.shown_by(other) for other in reader.classes] for one in classes], np.float32)
            for classes in (asked, anyhow)
        )
        self._same = np.array([[one.action == other.action for other in asked] for one in asked], np.float32)

    def of(self, shares: np.ndarray, features: np.ndarray) -> float:
        """0 to 1. shares: (asked,) how probably the text asks for each class; features: (T, F) of the motion.

        The probability that a class drawn by the text suits one drawn by the motion, of classes that motions have;
        1 where the text asks for none of them. A side counts where the text names one.
        """
        wanted = self._wanted(shares)
        return 1.0 if wanted is None else float(wanted @ self.reader.probabilities(features))

    def most(self, shares: np.ndarray) -> float:
        """What the best motion has: little where a text may ask for one of many."""
        wanted = self._wanted(shares)
        return 1.0 if wanted is None else float(wanted.max())

    def _wanted(self, shares: np.ndarray) -> np.ndarray | None:
        """(classes,) how probably one of the motion's is what the text asks for; None where it asks for none."""
        named = shares >= NAMED * (self._same @ shares)
        suits = np.where(named[:, None], self._suits, self._suits_anyhow)
        known = shares * suits.any(axis=1)
        return known @ suits / known.sum() if known.sum() > 0 else None


def load_reader(path: Path) -> Reader:
    """Raises MoclipError for a file that is damaged; what `Reader` raises for one of other tensors."""
    weights, config = load_weights(path)
    return Reader(weights, RecogniserConfig.from_dict(sizes(config)))

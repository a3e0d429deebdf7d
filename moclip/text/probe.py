# SPDX-License-Identifier: Apache-2.0
"""A linear probe: do a tower's sentence vectors say which action, and which hand, a plain-English sentence means?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from moclip.captions.corpus import SIDED
from moclip.captions.grammar import chance, pick
from moclip.captions.labels import ActionLabel
from moclip.captions.style_phrases import STYLES
from moclip.captions.writing import write_captions

Embed = Callable[[Sequence[str]], np.ndarray]


@dataclass(frozen=True)
class ProbeResult:
    """accuracy: share of sentences with action and side right. misses: (sentence, wanted, got)."""

    accuracy: float
    action_accuracy: float
    misses: list[tuple[str, str, str]]


def read_sentences(path: Path) -> list[tuple[str, str, str]]:
    """(action, side or "-", sentence) lines of a tab-separated file; lines starting with # are comments."""
    lines = (line for line in path.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#"))
    return [(action, side, sentence) for action, side, sentence in (line.split("\t") for line in lines)]


def training_captions(actions: Sequence[str], count: int, seed: int = 0) -> list[tuple[str, str]]:
    """(class, caption): `count` captions of every action and side, "wave:left"; styles at random."""
    rng = np.random.default_rng(seed)
    rows = []
    for action in dict.fromkeys(actions):
        for side in ("left", "right", "both") if action in SIDED[:4] else (None,):
            name = f"{action}:{side or '-'}"
            for _ in range(count):
                style = pick(rng, tuple(STYLES)) if chance(rng, 0.3) else None
                rows += [(name, text) for text in write_captions([ActionLabel(action, style, side)], rng, 1)]
    return rows


def probe_actions(
    embed: Embed, sentences: Sequence[tuple[str, str, str]], count: int = 150, ridge: float = 1e-2
) -> ProbeResult:
    """Fit a linear classifier on captions of the sentences' actions and name the sentences' classes with it.

    embed: texts -> (N, D) vectors. Captions of a sided action that name no side are left out of the fit, since
    their class is not in the text.
    """
    rows = [
        (name, text)
        for name, text in training_captions([action for action, _, _ in sentences], count)
        if name.endswith(":-")
        or any(word in text.lower() for word in ("left", "right", "both", "two", " arms", " hands"))
    ]
    names = sorted({name for name, _ in rows})
    vectors = _unit(embed([text for _, text in rows]))
    mean = vectors.mean(axis=0)
    targets = np.array([names.index(name) for name, _ in rows])
    weights, bias = _softmax_regression(vectors - mean, targets, len(names), ridge)
    scores = (_unit(embed([text for _, _, text in sentences])) - mean) @ weights + bias
    guesses = [names[i] for i in scores.argmax(axis=1)]
    wanted = [f"{action}:{side}" for action, side, _ in sentences]
    hits = [guess.split(":")[0] == want.split(":")[0] for guess, want in zip(guesses, wanted, strict=True)]
    misses = [(s[2], want, guess) for s, want, guess in zip(sentences, wanted, guesses, strict=True) if want != guess]
    return ProbeResult(1 - len(misses) / len(sentences), float(np.mean(hits)), misses)


def _unit(vectors: np.ndarray) -> np.ndarray:
    unit: np.ndarray = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def _softmax_regression(
    x: np.ndarray, y: np.ndarray, classes: int, ridge: float, steps: int = 400
) -> tuple[np.ndarray, np.ndarray]:
    """Multinomial logistic regression by Adam on the full batch, every class with the same weight."""
    import torch
    import torch.nn.functional as F

    torch.manual_seed(0)
    inputs, labels = torch.from_numpy(x.astype(np.float32)) * 10, torch.from_numpy(y)
    balance = len(y) / (classes * torch.bincount(labels, minlength=classes).float())
    layer = torch.nn.Linear(x.shape[1], classes)
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.02)
    for _ in range(steps):
        optimizer.zero_grad()
        (F.cross_entropy(layer(inputs), labels, weight=balance) + ridge * layer.weight.pow(2).mean()).backward()
        optimizer.step()
    return layer.weight.detach().numpy().T * 10, layer.bias.detach().numpy()

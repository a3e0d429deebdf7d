# SPDX-License-Identifier: Apache-2.0
"""Learns to tell classes of text vectors from one another."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from moclip.recognition.text_classifier import SCALE, TextClassifier, unit_vectors

BATCH, SMOOTHING = 1024, 0.05
_UNITS, _STEPS = 512, 1500
_RATE, _DECAY, _DROPPED = 2e-3, 1e-2, 0.2


def train_text_classifier(vectors: np.ndarray, labels: np.ndarray, classes: int, seed: int = 0) -> TextClassifier:
    """vectors: (N, D); labels: (N,) of `classes`, drawn as `drawn_evenly` says."""
    generator = torch.Generator().manual_seed(seed)
    drawn = drawn_evenly(labels, classes)
    texts = torch.from_numpy(SCALE * unit_vectors(vectors).astype(np.float32))
    wanted = torch.from_numpy(np.asarray(labels, np.int64))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        below, above = nn.Linear(texts.shape[1], _UNITS), nn.Linear(_UNITS, classes)
        network = nn.Sequential(below, nn.ReLU(), nn.Dropout(_DROPPED), above)
        optimizer = torch.optim.AdamW(network.parameters(), _RATE, weight_decay=_DECAY)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, _STEPS)
        for _ in range(_STEPS):
            rows = torch.multinomial(drawn, BATCH, replacement=True, generator=generator)
            loss = F.cross_entropy(network(texts[rows]), wanted[rows], label_smoothing=SMOOTHING)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    parts = (above.weight, above.bias, below.weight, below.bias)
    return TextClassifier(*(part.detach().numpy() for part in parts))


def drawn_evenly(labels: np.ndarray, classes: int) -> torch.Tensor:
    """(N,) how often each is drawn: each class as often as every other one but the last, which stands for all that is
    none of them and makes a third of what is drawn."""
    importance = 1.0 / np.maximum(np.bincount(labels, minlength=classes), 1)
    importance[-1] *= max(1.0, 0.5 * (classes - 1))
    return torch.from_numpy(importance[labels])

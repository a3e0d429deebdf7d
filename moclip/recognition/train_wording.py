# SPDX-License-Identifier: Apache-2.0
"""Learns to tell classes of sentences from one another by their words."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from moclip.recognition.train_text import BATCH, SMOOTHING, drawn_evenly
from moclip.recognition.wording import Wording, keys_of, rows_of

_WIDTH, _ROUNDS, _FEWEST_STEPS = 64, 19, 300
_RATE, _DECAY, _DROPPED = 2e-3, 1e-2, 0.2
_SELDOM, _SELDOM_SHARE = 2, 5e-5
"""Sentences, and share of them, that an n-gram has to be in to be known."""


def train_wording(texts: Sequence[str], labels: np.ndarray, classes: int, seed: int = 0) -> Wording:
    """labels: (N,) of `classes`, drawn as for `train_text_classifier`. A fifth of the n-grams are not seen each time,
    as no sentence has all words that might say it."""
    generator = torch.Generator().manual_seed(seed)
    times = Counter(key for text in texts for key in np.unique(keys_of(text)).tolist())
    least = max(_SELDOM, _SELDOM_SHARE * len(texts))
    keys = np.array(sorted(key for key, count in times.items() if count >= least), np.uint32)
    rows = [torch.from_numpy(rows_of(keys, text)) for text in texts]
    drawn, wanted = drawn_evenly(labels, classes), torch.from_numpy(np.asarray(labels, np.int64))
    steps = max(_FEWEST_STEPS, _ROUNDS * len(texts) // BATCH)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        bag, above = nn.EmbeddingBag(len(keys), _WIDTH, mode="sum"), nn.Linear(_WIDTH, classes)
        nn.init.normal_(bag.weight, std=0.02)
        optimizer = torch.optim.AdamW([*bag.parameters(), *above.parameters()], _RATE, weight_decay=_DECAY)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
        for _ in range(steps):
            chosen = torch.multinomial(drawn, BATCH, replacement=True, generator=generator)
            own = [rows[k] for k in chosen.tolist()]
            counts = torch.tensor([len(found) for found in own])
            starts, grams = counts.cumsum(0) - counts, torch.cat(own)
            seen = (torch.rand(len(grams)) >= _DROPPED).float()
            read = bag(grams, starts, per_sample_weights=seen) / counts.clamp(min=1).sqrt()[:, None]
            loss = F.cross_entropy(above(read), wanted[chosen], label_smoothing=SMOOTHING)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return Wording(keys, *(part.detach().numpy() for part in (bag.weight, above.weight, above.bias)))

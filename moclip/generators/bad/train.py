# SPDX-License-Identifier: Apache-2.0
"""Training of BAD's transformer."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from moclip.generators.bad.config import BadConfig
from moclip.generators.bad.masks import fill_slots, permutation_mask
from moclip.generators.bad.network import BadTransformer
from moclip.generators.momask.train_tokens import TokenBatch, TokenClips
from moclip.text.tower import TextTower, fingerprint
from moclip.training.trainer import Schedule, Trainer

SURE = 0.6
"""Of the tokens that are shown, at least this share is true in each sample; the rest are random codes."""
LIGHT = 0.1
"""Share of the batches with less than half of the tokens masked."""


@dataclass(frozen=True)
class WordBatch(TokenBatch):
    words: Tensor  # (B, L, W) states of all of a caption's tokens and of the padding behind them


def word_batch(
    clips: TokenClips, captions: list[np.ndarray], tower: TextTower, rng: np.random.Generator, count: int
) -> WordBatch:
    """Draw clips by weight, of similar length, and run the frozen tower over one caption of each.

    captions: per clip (C, L) token ids of its captions, padded to the tower's context. They are kept instead of the
    states, which take five hundred times their space. Every third clip loses its first or its last token.
    """
    pool = rng.choice(len(clips), size=4 * count, p=clips.weights)
    picked = [(_shortened(clips.codes[i][rng.integers(len(clips.codes[i]))], rng), i) for i in pool]
    picked.sort(key=lambda pair: len(pair[0]))
    # Every fourth of the pool with equal chance: runs start at 0, count, 2 count or 3 count.
    start = count * int(rng.integers(4))
    picked = picked[start : start + count]
    longest = max(len(codes) for codes, _ in picked)
    codes, padding = np.zeros((count, longest, 1), dtype=np.int64), np.ones((count, longest), dtype=bool)
    for row, (clip, _) in enumerate(picked):
        codes[row, : len(clip)], padding[row, : len(clip)] = clip[:, :1], False
    tokens = np.stack([captions[i][rng.integers(len(captions[i]))] for _, i in picked]).astype(np.int64)
    text, words = read(tower, torch.from_numpy(tokens))
    return WordBatch(torch.from_numpy(codes), torch.from_numpy(padding), text, words)


def _shortened(codes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    draw = rng.integers(6)
    if len(codes) < 2 or draw > 1:
        return codes
    return codes[1:] if draw else codes[:-1]


@torch.no_grad()
def read(tower: TextTower, tokens: Tensor) -> tuple[Tensor, Tensor]:
    """Pooled vectors (B, D) and states (B, L, W) of tokens (B, L), in one run of the tower."""
    words = tower.words(tokens)
    ends = tokens.argmax(dim=1)  # EOT has the highest id
    return words[torch.arange(len(words), device=words.device), ends] @ tower.text.text_projection, words


def bad_loss(network: BadTransformer, batch: WordBatch) -> tuple[Tensor, dict[str, float]]:
    """Cross entropy of every token of the motion, masked, replaced or shown: the mean of each motion's mean.

    Shown tokens are replaced by random codes in part; masked ones are most of a motion in most batches.
    """
    config = network.config
    # One slot more, for the END of the longest.
    target, valid = F.pad(batch.codes[..., 0], (0, 1)), F.pad(~batch.padding, (0, 1), value=False)
    lengths = valid.sum(dim=1)
    sure = SURE + (1 - SURE) * torch.rand(len(target), 1)
    wrong = torch.rand(target.shape) >= sure
    shown = torch.where(wrong.to(target.device), torch.randint(config.codes, target.shape).to(target.device), target)
    share = 0.5 * torch.rand(len(target)) + (0.0 if torch.rand(()) < LIGHT else 0.5)
    count = (lengths * share.to(target.device)).round().clamp(min=1)
    masked = (_ranks(valid) < count[:, None]) & valid
    # Numbered among all tokens, so that the mask tokens of a sample are any of all mask tokens.
    seen, hidden, order, ends = (tensor.cpu().numpy() for tensor in (shown, masked, _ranks(valid), lengths))
    ids = torch.from_numpy(fill_slots(seen, hidden, order, ends, config)).to(target.device)
    attend = torch.from_numpy(permutation_mask(hidden, order, ends, config)).to(target.device)
    logits = network(ids, attend, *network.drop_text(batch.text, batch.words))
    each = F.cross_entropy(logits.transpose(1, 2), target, reduction="none") * valid
    accuracy = (logits.argmax(-1) == target)[masked].float().mean().item()
    return (each.sum(dim=1) / lengths).mean(), {"acc": accuracy}


def _ranks(valid: Tensor) -> Tensor:
    """(B, S): a random permutation of 0, 1, ... over each row's valid slots, higher numbers elsewhere."""
    drawn = torch.rand(valid.shape).to(valid.device).masked_fill(~valid, 2.0)
    return drawn.argsort(dim=1).argsort(dim=1)


def train_bad(
    config: BadConfig,
    codebook: Tensor,
    tower: TextTower,
    train: tuple[TokenClips, list[np.ndarray]],
    val: tuple[TokenClips, list[np.ndarray]],
    out: Path,
    schedule: Schedule,
    *,
    batch: int = 64,
    start: dict[str, np.ndarray] | None = None,
    resume: bool = True,
    log: Callable[[str], None] = print,
) -> float:
    """Train on codes of the VQ-VAE with this codebook (codes, code_dim); returns the best validation loss.

    tower: frozen, it reads the captions. train, val: a split and its captions' token ids, see `word_batch`. start:
    weights to go on from.
    """
    torch.manual_seed(schedule.seed)
    network = BadTransformer(config)
    if start is not None:
        network.load_state_dict({name: torch.from_numpy(array) for name, array in start.items()})
    network.use_codebook(codebook)
    tower.eval()

    def validate(averaged: nn.Module) -> tuple[float, dict[str, float]]:
        rng = np.random.default_rng(1)
        torch.manual_seed(1)
        results = [bad_loss(averaged, word_batch(*val, tower, rng, batch)) for _ in range(12)]
        losses, numbers = zip(*results, strict=True)
        score = float(np.mean([loss.item() for loss in losses]))
        return score, {key: float(np.mean([n[key] for n in numbers])) for key in numbers[0]}

    trainer = Trainer(
        "bad",
        network,
        out=out,
        config={"kind": "bad", **config.to_dict(), "text_fingerprint": fingerprint(tower)},
        schedule=schedule,
        validate=validate,
        log=log,
        make_batch=lambda rng: word_batch(*train, tower, rng, batch),
        loss=lambda drawn: bad_loss(network, drawn),
    )
    return trainer.run(resume=resume)

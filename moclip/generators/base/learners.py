# SPDX-License-Identifier: Apache-2.0
"""Training of the networks of a generator that read motion codes and text.

A generator's package says in its module `train` what there is to learn: `LEARNERS`, by the names of the stages.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from moclip.errors import MoclipError
from moclip.generators.base.length import LengthEstimator
from moclip.generators.base.token_clips import MotionVQ, TextNoise, TokenBatch, TokenClips, token_batch
from moclip.nn.config import Config
from moclip.nn.networks import Network
from moclip.text.tower import TextTower
from moclip.training.machine import Machine, move
from moclip.training.run import Run
from moclip.training.task import Numbers, Task
from moclip.training.trainer import Trainer

VALIDATION_BATCHES = 12


@dataclass(frozen=True)
class Learner:
    """One network of a generator and how it learns.

    network: built from its CONFIG. loss(network, batch): mean over the batch's tokens or rows, and numbers to log; what
    it draws, it draws on the CPU and moves. words(tower, tokens (B, 77)) -> (B, L, W): what the network reads of the
    frozen tower besides the pooled vector, handed to the loss as `batch.words`; None where it reads no words.
    adopt(network, vq): take what the network needs of the trained VQ, before the first step. mean_over: what the loss
    weighs alike, which says what the parts of a batch weigh.
    """

    network: type[Network]
    loss: Callable[[Any, TokenBatch], tuple[Tensor, Numbers]]
    words: Callable[[TextTower, Tensor], Tensor] | None = None
    adopt: Callable[[Any, Any], None] | None = None
    mean_over: Literal["tokens", "rows"] = "tokens"


def length_loss(network: LengthEstimator, batch: TokenBatch) -> tuple[Tensor, Numbers]:
    """Cross entropy of the token count, and how many tokens the expected length is off."""
    lengths = (~batch.padding).sum(1)
    logits = network(batch.text).float()
    counts = torch.arange(logits.shape[-1], device=logits.device)
    error = (logits.softmax(-1) * counts).sum(-1) - lengths
    return F.cross_entropy(logits, lengths), {"tokens_off": error.abs().mean().item()}


LENGTH = Learner(LengthEstimator, length_loss, mean_over="rows")
"""For generators that cannot tell how long a text's motion lasts."""


@dataclass(frozen=True)
class TokenData:
    """What a learner sees. text_fingerprint: of the tower that made the text vectors, kept in the checkpoint: no other
    tower may drive it. tower, vq: itself and the network that made the codes, for learners that read words or take
    something of the VQ.
    """

    train: TokenClips
    val: TokenClips
    text_fingerprint: str
    tower: TextTower | None = None
    vq: MotionVQ | None = None


class TokenTask(Task[TokenBatch]):
    """Training of one learner. noise: on the text vectors in training; validation has none."""

    def __init__(
        self,
        kind: str,
        learner: Learner,
        network: Network,
        data: TokenData,
        *,
        batch: int = 64,
        noise: TextNoise | None = None,
    ):
        config = {"kind": kind, **network.config.to_dict(), "text_fingerprint": data.text_fingerprint}
        super().__init__(kind, network, config)
        self.learner, self.data, self.batch, self.noise = learner, data, batch, noise
        self._device = torch.device("cpu")
        if learner.words and (data.tower is None or data.train.tokens is None or data.val.tokens is None):
            raise MoclipError(
                f"The {kind} network reads words, and the captions are there as vectors only.",
                hint="Give the text tower and clips with tokens.",
                code="bad_call",
            )

    @property
    def helpers(self) -> Sequence[nn.Module]:
        return (self.data.tower,) if self.learner.words and self.data.tower is not None else ()

    def begin(self, machine: Machine) -> None:
        self._device = machine.device

    def make_batch(self, rng: np.random.Generator) -> TokenBatch:
        return token_batch(self.data.train, rng, self.batch, self.noise)

    def weight(self, batch: TokenBatch) -> float:
        return float((~batch.padding).sum().item()) if self.learner.mean_over == "tokens" else super().weight(batch)

    def loss(self, batch: TokenBatch) -> tuple[Tensor, Numbers]:
        return self._loss(self.network, batch)

    def validate(self, network: nn.Module) -> tuple[float, Numbers]:
        rng = np.random.default_rng(1)
        torch.manual_seed(1)
        results = []
        for _ in range(VALIDATION_BATCHES):
            drawn = token_batch(self.data.val, rng, self.batch)
            results.append(self._loss(network, move(drawn, self._device)))
        losses, numbers = zip(*results, strict=True)
        score = float(np.mean([loss.item() for loss in losses]))
        return score, {key: float(np.mean([n[key] for n in numbers])) for key in numbers[0]}

    def _loss(self, network: nn.Module, batch: TokenBatch) -> tuple[Tensor, Numbers]:
        if self.learner.words and self.data.tower is not None and batch.tokens is not None:
            with torch.no_grad():
                batch = replace(batch, words=self.learner.words(self.data.tower, batch.tokens).float())
        return self.learner.loss(network, batch)


def train_on_tokens(
    kind: str,
    learner: Learner,
    config: Config,
    data: TokenData,
    run: Run,
    *,
    batch: int = 64,
    noise: TextNoise | None = None,
    start: Mapping[str, np.ndarray] | None = None,
) -> float:
    """Train a learner's network of these sizes as `<run.out>/<kind>.safetensors`; its best validation loss.

    noise: on the text vectors in training. start: weights to go on from. Raises MoclipError for a learner that reads
    words where there are none.
    """
    torch.manual_seed(run.schedule.seed)
    network = learner.network(config)
    if learner.adopt:
        learner.adopt(network, data.vq)
    if start is not None:
        network.load_state_dict({name: torch.from_numpy(array) for name, array in start.items()})
    return Trainer(TokenTask(kind, learner, network, data, batch=batch, noise=noise), run).run()

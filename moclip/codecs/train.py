# SPDX-License-Identifier: Apache-2.0
"""Training of the networks between features and codes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from moclip.codecs.config import RVQConfig
from moclip.codecs.linear_start import start_linear
from moclip.codecs.network import CodecNetwork
from moclip.codecs.reconstruction_loss import ReconstructionLoss, ReconstructionWeights
from moclip.codecs.rvq import RVQ, Codebook
from moclip.codecs.vq import Quantizer
from moclip.data.clips import Clips, load_clips
from moclip.data.folder import DatasetFolder
from moclip.data.statistics import biased_std
from moclip.errors import MoclipError
from moclip.motion.differences import reconstruction_error
from moclip.training.machine import Machine
from moclip.training.run import Run
from moclip.training.task import LossFunction, Numbers, Task
from moclip.training.trainer import Trainer

WINDOW = 64
WHOLE_WINDOWS = 1024
"""Which a linear start is made of."""
Windows = tuple[Tensor, Tensor]


def windows(
    clips: Clips, rng: np.random.Generator, count: int, mean: np.ndarray, std: np.ndarray
) -> tuple[Tensor, Tensor]:
    """`count` normalised windows (B, WINDOW, F) and their valid frames (B, WINDOW); short clips end in zeros."""
    batch = np.zeros((count, WINDOW, len(mean)), dtype=np.float32)
    valid = np.zeros((count, WINDOW), dtype=bool)
    for row, index in enumerate(rng.choice(len(clips), size=count, p=clips.weights)):
        features = clips.features[index]
        start = rng.integers(max(1, len(features) - WINDOW + 1))
        part = (features[start : start + WINDOW] - mean) / std
        # Whole tokens only: a token that is half padding would be taught to both.
        frames = len(part) // 4 * 4
        batch[row, :frames], valid[row, :frames] = part[:frames], True
    return torch.from_numpy(batch), torch.from_numpy(valid)


def whole_windows(clips: Clips, count: int, mean: np.ndarray, std: np.ndarray) -> Tensor:
    """(N, WINDOW, F) normalised, of clips that fill one: about as many as asked for, the same ones each time."""
    rng = np.random.default_rng(0)
    found = torch.empty(0, WINDOW, len(mean))
    for _ in range(8 * count // WINDOW):
        features, valid = windows(clips, rng, WINDOW, mean, std)
        found = torch.cat([found, features[valid.all(dim=1)]])
        if len(found) >= count:
            break
    return found


class RVQLoss:
    """Reconstruction and commitment, of an RVQ or another network with its interface."""

    def __init__(self, network: CodecNetwork, weights: ReconstructionWeights | None = None):
        self.network, self.reconstruction = network, ReconstructionLoss(network, weights)

    def __call__(self, batch: Windows) -> tuple[Tensor, Numbers]:
        features, valid = batch
        rebuilt, commit, codes = self.network(features, valid)
        loss, parts = self.reconstruction(rebuilt, features, valid)
        loss = loss + self.reconstruction.weights.commitment * commit
        numbers = {name: part.item() for name, part in parts.items()}
        return loss, {**numbers, "commit": commit.item(), "codes": len(torch.unique(codes[..., 0]))}


class DecoderLoss:
    """Reconstruction by an RVQ's decoder alone, from settled codes.

    Each window keeps one to all of its layers: generated codes are unsure of the upper ones, so the decoder has to make
    a strike of the lower ones where it can. drawn: the layers that a generator draws, if not all: half of the windows
    keep these.
    """

    def __init__(self, network: RVQ, weights: ReconstructionWeights | None = None, drawn: int | None = None):
        self.drawn = drawn
        self.network, self.reconstruction = network, ReconstructionLoss(network, weights)
        network.requires_grad_(False)
        network.decoder.requires_grad_(True)

    def __call__(self, batch: Windows) -> tuple[Tensor, Numbers]:
        features, valid = batch
        network = self.network
        network.encoder.eval()
        # Codes are those of full precision, whatever the decoder is trained in.
        with torch.no_grad(), torch.autocast(features.device.type, enabled=False):
            latent = network.latent(features)
            codes = network.quantizer.encode(latent)
            known = torch.randint(1, codes.shape[-1] + 1, (len(codes), 1, 1)).to(codes.device)
            if self.drawn is not None:
                known[::2] = self.drawn
            codes = codes.masked_fill(torch.arange(codes.shape[-1], device=codes.device) >= known, -1)
            quantized = network.quantizer.decode(codes)
        rebuilt = network.reconstruct(quantized)
        loss, parts = self.reconstruction(rebuilt, features, valid)
        return loss, {name: part.item() for name, part in parts.items()}


def reconstruction_errors(network: CodecNetwork, features: Sequence[np.ndarray], layers: int | None = None) -> Numbers:
    """Mean root-aligned joint error, mean and final root path error, all in centimetres, over whole clips.

    layers: decode from this many layers of codes, all by default.
    """
    errors = []
    for clip in features:
        clip = clip[: min(len(clip), 196) // network.config.stride * network.config.stride]
        codes = network.encode(torch.from_numpy(clip)[None].to(network.mean.device))
        if layers is not None:
            codes[..., layers:] = -1
        errors.append(reconstruction_error(network.decode(codes)[0].cpu().numpy(), clip))
    return dict(zip(("aligned_cm", "path_cm", "final_cm"), np.mean(errors, axis=0).tolist(), strict=True))


CODEC_KINDS = frozenset({"clip", "stretch", "loop"})
"""Of clips, those that a codec is trained on. No sequences: they are made of the same frames."""


@dataclass(frozen=True)
class WindowDraws:
    """Which windows are drawn. batch: windows in a step. emphasis: actions that are drawn more often, see
    `Clips.emphasised`. kinds: of clips, None for all.
    """

    batch: int = 64
    emphasis: dict[str, float] | None = None
    kinds: frozenset[str] | None = None


class ReconstructionTask(Task[Windows]):
    """Best by root-aligned joint error plus a tenth of the root path error, the mean over decoding from each of these
    numbers of layers.
    """

    def __init__(
        self,
        name: str,
        loss: RVQLoss | DecoderLoss,
        config: dict[str, Any],
        dataset: DatasetFolder,
        draws: WindowDraws,
        judged_layers: tuple[int, ...],
    ):
        super().__init__(name, loss.network, config)
        self.network: CodecNetwork = loss.network
        self.draws, self.judged_layers = draws, judged_layers
        self._loss: LossFunction[Windows] = loss
        self._reconstruction = loss.reconstruction
        kinds = None if draws.kinds is None else set(draws.kinds)
        self.clips = load_clips(dataset, "train", kinds=kinds).emphasised(draws.emphasis or {})
        val = load_clips(dataset, "val", kinds={"clip"})
        chosen = np.random.default_rng(0).choice(len(val), size=min(150, len(val)), replace=False)
        self.held_out = [val.features[i] for i in chosen]
        self.moments = self.network.mean.numpy().copy(), self.network.std.numpy().copy()

    @property
    def helpers(self) -> Sequence[nn.Module]:
        return (self._reconstruction,)

    def start_linear(self) -> None:
        """Give encoder and decoder the weights of the best linear codec of these clips."""
        whole = whole_windows(self.clips, WHOLE_WINDOWS, *self.moments)
        if not len(whole):
            raise MoclipError(
                f"No clip of the dataset has {WINDOW} frames, which the linear start of the {self.name} is made of.",
                hint="Leave out `linear_start` in the recipe.",
                code="bad_dataset",
            )
        parts = self.network.parts
        start_linear(parts.encoder, parts.decoder, whole, self._reconstruction.of_channels)

    def begin(self, machine: Machine) -> None:
        if machine.processes.count > 1:
            for module in self.network.modules():
                if isinstance(module, Codebook | Quantizer):
                    module.gather = machine.processes.gather

    def make_batch(self, rng: np.random.Generator) -> Windows:
        return windows(self.clips, rng, self.draws.batch, *self.moments)

    def loss(self, batch: Windows) -> tuple[Tensor, Numbers]:
        return self._loss(batch)

    def weight(self, batch: Windows) -> float:
        """The frames that the loss is a mean over."""
        return float(batch[1].sum().item())

    def validate(self, network: nn.Module) -> tuple[float, Numbers]:
        assert isinstance(network, CodecNetwork)
        each = [reconstruction_errors(network, self.held_out, layers) for layers in self.judged_layers]
        # Those of all layers come last, and are shown.
        return float(np.mean([errors["aligned_cm"] + 0.1 * errors["path_cm"] for errors in each])), each[-1]


def train_codec(
    kind: type[CodecNetwork],
    config: RVQConfig,
    dataset: DatasetFolder,
    run: Run,
    *,
    batch: int = 64,
    emphasis: dict[str, float] | None = None,
    weights: ReconstructionWeights | None = None,
    linear_start: bool = False,
) -> float:
    """Train a network of this kind and sizes on the dataset's `train` split; returns the best validation score.

    weights: of the parts of the loss. linear_start: begin as the best linear codec, see `moclip.codecs.linear_start`.
    Raises MoclipError where that needs longer clips.
    """
    torch.manual_seed(run.schedule.seed)
    network = kind(config)
    network.mean.copy_(torch.from_numpy(dataset.mean.astype(np.float16).astype(np.float32)))
    network.std.copy_(torch.from_numpy(biased_std(dataset.std, config.joints)))
    described = {"rotation_channels": dataset.meta["rotation_channels"], "fps": dataset.meta["fps"]}
    described = {"kind": kind.KIND, **config.to_dict(), **described}
    draws = WindowDraws(batch, emphasis, CODEC_KINDS)
    task = ReconstructionTask(kind.KIND, RVQLoss(network, weights), described, dataset, draws, (config.quantizers,))
    if linear_start:
        task.start_linear()
    return Trainer(task, run).run()


def train_decoder(
    dataset: DatasetFolder,
    network: RVQ,
    config: dict[str, Any],
    run: Run,
    *,
    batch: int = 64,
    emphasis: dict[str, float] | None = None,
    drawn: int | None = None,
) -> float:
    """Tune the decoder of a trained RVQ on all kinds of clips; the codes of every motion stay what they are.

    config: what the RVQ's checkpoint says of it. drawn: the layers that a generator draws, all by default.
    """
    loss, judged = DecoderLoss(network, drawn=drawn), (drawn or 1, network.config.quantizers)
    task = ReconstructionTask("decoder", loss, config, dataset, WindowDraws(batch, emphasis), judged)
    return Trainer(task, run).run()

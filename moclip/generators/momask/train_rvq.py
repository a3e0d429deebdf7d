# SPDX-License-Identifier: Apache-2.0
"""Training of the residual VQ-VAE."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from moclip.data.clips import Clips, load_clips
from moclip.data.folder import DatasetFolder
from moclip.data.statistics import biased_std
from moclip.generators.momask.config import RVQConfig
from moclip.generators.momask.rvq import RVQ
from moclip.motion.differences import reconstruction_error
from moclip.motion.features import HUMANML3D, KIT
from moclip.training.trainer import LossFunction, Schedule, Trainer

WINDOW = 64


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


def root_path(features: Tensor) -> tuple[Tensor, Tensor]:
    """Heading (B, T) in radians, ground position (B, T, 2) in metres, integrated from features in their own units."""
    heading = torch.cumsum(F.pad(2 * features[..., :-1, 0], (1, 0)), dim=-1)
    # Feature velocities live in the frame of the later of two frames.
    vx, vz = features[..., :-1, 1], features[..., :-1, 2]
    later = heading[..., 1:]
    step = torch.stack(
        [torch.cos(later) * vx - torch.sin(later) * vz, torch.sin(later) * vx + torch.cos(later) * vz], dim=-1
    )
    return heading, F.pad(torch.cumsum(step, dim=-2), (0, 0, 1, 0))


@dataclass(frozen=True)
class ReconstructionWeights:
    """Weights of the parts of the reconstruction loss; the first two are the official ones.

    positions: joint positions once more. hands, feet: wrists, ankles and toes against the other joints, since an action
    is mostly what they do; elbows and knees count half as much more. rotations, contacts: of these features within the
    whole: nothing that is seen is made of them but the turn of hands, feet and head. change: of joint positions from
    frame to frame, where a strike or a wave that is smoothed away shows. path: of the integrated root, whose small
    errors add up over a walk. slide: of the feet's movement over the ground while they are down, in metres a frame.
    speed: of how fast joints move, whichever way: where the codes leave open when a hand swings, all other terms would
    have it hang still.
    """

    positions: float = 0.5
    commitment: float = 0.02
    hands: float = 4.0
    feet: float = 2.0
    rotations: float = 0.25
    contacts: float = 0.25
    change: float = 2.0
    path: float = 0.5
    slide: float = 10.0
    speed: float = 4.0


class ReconstructionLoss:
    """How far rebuilt features are from the true ones, both normalised (B, T, F), where `valid` (B, T)."""

    def __init__(self, network: RVQ, weights: ReconstructionWeights | None = None):
        self.weights = weights or ReconstructionWeights()
        self.spec = HUMANML3D if network.config.joints == HUMANML3D.joints else KIT
        blocks = self.spec.blocks
        self.positions, self.contacts = blocks["positions"], blocks["contacts"]
        self.mean, self.std = network.mean, network.std
        joints = torch.from_numpy(self._joint_weights()).repeat_interleave(3)
        self.channels = torch.ones(network.config.features)
        self.channels[self.positions] = joints[3:]
        self.channels[blocks["joint_velocity"]] = joints
        self.channels[blocks["six_d"]] = self.weights.rotations
        self.channels[self.contacts] = self.weights.contacts
        self.channels /= self.channels.mean()
        self.of_positions = joints[3:] / joints[3:].mean()

    def _joint_weights(self) -> np.ndarray:
        """(J,) float32, by the ends of the chains: legs are those of the feet, arms those through the shoulders."""
        weights = np.ones(self.spec.joints, dtype=np.float32)
        for chain in self.spec.chains:
            arm, leg = set(chain) & set(self.spec.face[2:]), set(chain) & set(self.spec.feet)
            if leg:
                weights[list(chain[-2:])] = self.weights.feet
                weights[chain[-3]] = (1 + self.weights.feet) / 2
            elif arm:
                weights[chain[-1]] = self.weights.hands
                weights[chain[-2]] = (1 + self.weights.hands) / 2
        return weights

    def __call__(self, rebuilt: Tensor, features: Tensor, valid: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        weight = valid.unsqueeze(-1).float()
        error = F.smooth_l1_loss(rebuilt, features, reduction="none") * weight
        change = (rebuilt - features)[..., self.positions].diff(dim=1).abs() * weight[:, 1:]
        frames = weight.sum()
        path, slide = self._on_the_ground(rebuilt, features, valid)
        speed = (_speeds(rebuilt[..., self.positions]) - _speeds(features[..., self.positions])).abs() * weight[:, 1:]
        parts = {
            "all": (error * self.channels).sum() / (frames * error.shape[-1]),
            "positions": (error[..., self.positions] * self.of_positions).sum() / (frames * change.shape[-1]),
            "change": (change * self.of_positions).sum() / (frames * change.shape[-1]),
            "path": path,
            "slide": slide,
            "speed": (speed * self.of_positions[::3]).sum() / (frames * speed.shape[-1]),
        }
        loss = parts["all"] + sum(getattr(self.weights, name) * part for name, part in parts.items() if name != "all")
        return loss, parts

    def _on_the_ground(self, rebuilt: Tensor, features: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        """Error of the root's path (metres and radians), and of the movement of feet that are down (metres a frame)."""
        rebuilt, features = rebuilt * self.std + self.mean, features * self.std + self.mean
        heading, position = root_path(rebuilt[..., :4])
        true_heading, true_position = root_path(features[..., :4])
        distance = (position - true_position).abs().sum(-1) + (heading - true_heading).abs()
        feet = self._feet(rebuilt, heading, position)
        true_feet = self._feet(features, true_heading, true_position)
        # A contact feature speaks of the step from its frame to the next.
        down = (features[:, :-1, self.contacts] > 0.5) & valid[:, 1:, None]
        moved = (feet - true_feet).diff(dim=1).abs().sum(-1) * down
        return (distance * valid).sum() / valid.sum(), moved.sum() / (valid.sum() * down.shape[-1])

    def _feet(self, features: Tensor, heading: Tensor, root: Tensor) -> Tensor:
        """(B, T, 4, 2) ground positions of ankles and toes."""
        feet = features[..., self.positions].unflatten(-1, (-1, 3))[..., [joint - 1 for joint in self.spec.feet], :]
        x, z = feet[..., 0], feet[..., 2]
        cos, sin = torch.cos(heading).unsqueeze(-1), torch.sin(heading).unsqueeze(-1)
        return torch.stack([cos * x - sin * z, sin * x + cos * z], dim=-1) + root.unsqueeze(-2)


def _speeds(positions: Tensor) -> Tensor:
    """(B, T, 3 J) -> (B, T - 1, J): how far each joint moves from frame to frame."""
    # The small number keeps the gradient finite where nothing moves.
    return (positions.diff(dim=1).unflatten(-1, (-1, 3)).pow(2).sum(-1) + 1e-8).sqrt()


class RVQLoss:
    """Reconstruction and commitment."""

    def __init__(self, network: RVQ, weights: ReconstructionWeights | None = None):
        self.network, self.reconstruction = network, ReconstructionLoss(network, weights)

    def __call__(self, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, dict[str, float]]:
        features, valid = batch
        rebuilt, commit, codes = self.network(features, valid)
        loss, parts = self.reconstruction(rebuilt, features, valid)
        loss = loss + self.reconstruction.weights.commitment * commit
        numbers = {name: part.item() for name, part in parts.items()}
        return loss, {**numbers, "commit": commit.item(), "codes": len(torch.unique(codes[..., 0]))}


def reconstruction_errors(network: RVQ, features: list[np.ndarray], layers: int | None = None) -> dict[str, float]:
    """Mean root-aligned joint error, mean and final root path error, all in centimetres, over whole clips.

    layers: decode from this many layers of codes, all by default.
    """
    errors = []
    for clip in features:
        clip = clip[: min(len(clip), 196) // network.config.stride * network.config.stride]
        codes = network.encode(torch.from_numpy(clip)[None])
        if layers is not None:
            codes[..., layers:] = -1
        errors.append(reconstruction_error(network.decode(codes)[0].numpy(), clip))
    return dict(zip(("aligned_cm", "path_cm", "final_cm"), np.mean(errors, axis=0).tolist(), strict=True))


def _train(
    name: str,
    network: RVQ,
    loss: LossFunction,
    judged_layers: tuple[int, ...],
    dataset: DatasetFolder,
    kinds: set[str] | None,
    out: Path,
    config: dict,
    schedule: Schedule,
    batch: int,
    emphasis: dict[str, float] | None,
    resume: bool,
    log: Callable[[str], None],
) -> float:
    """Train on clips of these kinds; best by root-aligned joint error plus a tenth of the root path error.

    emphasis: actions that are drawn more often, see `Clips.emphasised`. judged_layers: the mean over decoding from each
    of these numbers of layers counts.
    """
    train = load_clips(dataset, "train", kinds=kinds).emphasised(emphasis or {})
    val = load_clips(dataset, "val", kinds={"clip"})
    chosen = np.random.default_rng(0).choice(len(val), size=min(150, len(val)), replace=False)
    held_out = [val.features[i] for i in chosen]
    mean, std = network.mean.numpy().copy(), network.std.numpy().copy()

    def validate(network: RVQ) -> tuple[float, dict[str, float]]:
        each = [reconstruction_errors(network, held_out, layers) for layers in judged_layers]
        # Those of all layers come last, and are shown.
        return float(np.mean([errors["aligned_cm"] + 0.1 * errors["path_cm"] for errors in each])), each[-1]

    trainer = Trainer(
        name,
        network,
        out=out,
        config=config,
        schedule=schedule,
        validate=validate,
        log=log,
        make_batch=lambda rng: windows(train, rng, batch, mean, std),
        loss=loss,
    )
    return trainer.run(resume=resume)


def train_rvq(
    dataset: DatasetFolder,
    out: Path,
    config: RVQConfig,
    schedule: Schedule,
    *,
    batch: int = 64,
    emphasis: dict[str, float] | None = None,
    resume: bool = True,
    log: Callable[[str], None] = print,
) -> float:
    """Train on the dataset's `train` split; returns the best validation score."""
    torch.manual_seed(schedule.seed)
    network = RVQ(config)
    network.mean.copy_(torch.from_numpy(dataset.mean.astype(np.float16).astype(np.float32)))
    network.std.copy_(torch.from_numpy(biased_std(dataset.std, config.joints)))
    described = {"rotation_channels": dataset.meta["rotation_channels"], "fps": dataset.meta["fps"]}
    described = {"kind": "rvq", **config.to_dict(), **described}
    # No sequences: they are made of the same frames.
    kinds, judged = {"clip", "stretch", "loop"}, (config.quantizers,)
    loss = RVQLoss(network)
    return _train("rvq", network, loss, judged, dataset, kinds, out, described, schedule, batch, emphasis, resume, log)


class DecoderLoss:
    """Reconstruction by the decoder alone, from settled codes.

    Each window keeps one to all of its layers: generated codes are unsure of the upper ones, so the decoder has to make
    a strike of the lower ones where it can.
    """

    def __init__(self, network: RVQ, weights: ReconstructionWeights | None = None):
        self.network, self.reconstruction = network, ReconstructionLoss(network, weights)
        network.requires_grad_(False)
        network.decoder.requires_grad_(True)

    def __call__(self, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, dict[str, float]]:
        features, valid = batch
        network = self.network
        network.encoder.eval()
        with torch.no_grad():
            latent = network.encoder(features.transpose(1, 2)).transpose(1, 2)
            codes = network.quantizer.encode(latent)
            known = torch.randint(1, codes.shape[-1] + 1, (len(codes), 1, 1))
            codes = codes.masked_fill(torch.arange(codes.shape[-1]) >= known, -1)
            quantized = network.quantizer.decode(codes)
        rebuilt = network.decoder(quantized.transpose(1, 2)).transpose(1, 2)
        loss, parts = self.reconstruction(rebuilt, features, valid)
        return loss, {name: part.item() for name, part in parts.items()}


def train_decoder(
    dataset: DatasetFolder,
    network: RVQ,
    config: dict,
    out: Path,
    schedule: Schedule,
    *,
    batch: int = 64,
    emphasis: dict[str, float] | None = None,
    resume: bool = True,
    log: Callable[[str], None] = print,
) -> float:
    """Tune the decoder of a trained RVQ on all kinds of clips; the codes of every motion stay what they are."""
    loss, judged = DecoderLoss(network), (1, network.config.quantizers)
    return _train("decoder", network, loss, judged, dataset, None, out, config, schedule, batch, emphasis, resume, log)

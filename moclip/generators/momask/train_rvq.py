# SPDX-License-Identifier: Apache-2.0
"""Training of the residual VQ-VAE."""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from moclip.data.folder import DatasetFolder
from moclip.features import features_to_joints
from moclip.generators.momask.config import RVQConfig
from moclip.generators.momask.rvq import RVQ
from moclip.training.clips import Clips, load_clips
from moclip.training.loop import Schedule, Trainer

WINDOW = 64
FEAT_BIAS = 5.0
"""The official training divides the standard deviation of root and contact features by this, which weighs them up."""


def biased_std(std: np.ndarray, joints: int) -> np.ndarray:
    """Standard deviation (F,) with root and contact entries divided by FEAT_BIAS, rounded to the precision on disk."""
    std = std.astype(np.float32).copy()
    std[:4] /= FEAT_BIAS
    std[4 + 9 * (joints - 1) + 3 * joints :] /= FEAT_BIAS
    return std.astype(np.float16).astype(np.float32)


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


class RVQLoss:
    """Smooth L1 of all features, of joint positions once more, commitment, and the integrated root path.

    The first three are the official loss (weights 1, 0.5, 0.02). The last, ours, is what keeps a walk from drifting:
    per-frame velocity errors that look small add up over a clip.
    """

    def __init__(self, network: RVQ, path_weight: float = 0.5):
        self.network, self.path_weight = network, path_weight

    def __call__(self, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, dict[str, float]]:
        features, valid = batch
        rebuilt, commit, codes = self.network(features, valid)
        weight = valid.unsqueeze(-1).float()
        error = F.smooth_l1_loss(rebuilt, features, reduction="none") * weight
        frames = weight.sum()
        everything = error.sum() / (frames * features.shape[-1])
        positions = slice(4, 4 + 3 * (self.network.config.joints - 1))
        ric = error[..., positions].sum() / (frames * (positions.stop - positions.start))
        path = self.path_error(rebuilt, features, valid)
        loss = everything + 0.5 * ric + 0.02 * commit + self.path_weight * path
        used = len(torch.unique(codes[..., 0]))
        return loss, {
            "all": everything.item(),
            "ric": ric.item(),
            "commit": commit.item(),
            "path": path.item(),
            "codes": used,
        }

    def path_error(self, rebuilt: Tensor, features: Tensor, valid: Tensor) -> Tensor:
        mean, std = self.network.mean[:4], self.network.std[:4]
        heading, position = root_path(rebuilt[..., :4] * std + mean)
        true_heading, true_position = root_path(features[..., :4] * std + mean)
        distance = (position - true_position).abs().sum(-1) + (heading - true_heading).abs()
        return (distance * valid).sum() / valid.sum()


def reconstruction_errors(network: RVQ, features: list[np.ndarray]) -> dict[str, float]:
    """Mean root-aligned joint error, mean and final root path error, all in centimetres, over whole clips."""
    aligned, path, final = [], [], []
    for clip in features:
        clip = clip[: min(len(clip), 196) // 4 * 4]
        decoded = network.decode(network.encode(torch.from_numpy(clip)[None]))[0].numpy()
        joints, truth = features_to_joints(decoded), features_to_joints(clip)
        aligned.append(np.linalg.norm((joints - joints[:, :1]) - (truth - truth[:, :1]), axis=-1).mean())
        drift = np.linalg.norm(joints[:, 0] - truth[:, 0], axis=-1)
        path.append(drift.mean())
        final.append(drift[-1])
    return {
        "aligned_cm": 100 * float(np.mean(aligned)),
        "path_cm": 100 * float(np.mean(path)),
        "final_cm": 100 * float(np.mean(final)),
    }


def train_rvq(
    dataset: DatasetFolder,
    out: Path,
    config: RVQConfig,
    schedule: Schedule,
    *,
    batch: int = 64,
    resume: bool = True,
    log=print,
) -> float:
    """Train on the dataset's `train` split; best by root-aligned joint error plus a tenth of the root path error."""
    mean = dataset.mean.astype(np.float16).astype(np.float32)
    std = biased_std(dataset.std, config.joints)
    # Recordings only: loops and sequences are made of the same frames.
    train, val = (load_clips(dataset, split, kinds={"clip"}) for split in ("train", "val"))
    chosen = np.random.default_rng(0).choice(len(val), size=min(150, len(val)), replace=False)
    held_out = [val.features[i] for i in chosen]
    network = RVQ(config)
    network.mean.copy_(torch.from_numpy(mean))
    network.std.copy_(torch.from_numpy(std))

    def validate(network: RVQ) -> tuple[float, dict[str, float]]:
        errors = reconstruction_errors(network, held_out)
        return errors["aligned_cm"] + 0.1 * errors["path_cm"], errors

    trainer = Trainer(
        "rvq",
        network,
        out=out,
        schedule=schedule,
        log=log,
        validate=validate,
        loss=RVQLoss(network),
        make_batch=lambda rng: windows(train, rng, batch, mean, std),
        config={
            "kind": "rvq",
            **config.to_dict(),
            "rotation_channels": dataset.meta["rotation_channels"],
            "fps": dataset.meta["fps"],
        },
    )
    return trainer.run(resume=resume)


class DecoderLoss:
    """Reconstruction by the decoder from settled codes: features, joint positions, their changes, and the root path.

    Changes of positions between frames weigh in, since feet that slide and hands that stop short of a strike cost
    little in position. A share of the windows lacks the upper layers, as generated codes are unsure of them.
    """

    def __init__(self, network: RVQ, path_weight: float = 0.5, change_weight: float = 2.0):
        self.network, self.change_weight = network, change_weight
        self.full = RVQLoss(network, path_weight)
        network.requires_grad_(False)
        network.decoder.requires_grad_(True)

    def __call__(self, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, dict[str, float]]:
        features, valid = batch
        network = self.network
        network.encoder.eval()
        with torch.no_grad():
            latent = network.encoder(features.transpose(1, 2)).transpose(1, 2)
            codes = network.quantizer.encode(latent)
            layers = torch.randint(1, 3 * codes.shape[-1], (len(codes), 1, 1))
            codes = codes.masked_fill(torch.arange(codes.shape[-1]) >= layers, -1)
            quantized = network.quantizer.decode(codes)
        rebuilt = network.decoder(quantized.transpose(1, 2)).transpose(1, 2)
        weight = valid.unsqueeze(-1).float()
        error = F.smooth_l1_loss(rebuilt, features, reduction="none") * weight
        positions = slice(4, 4 + 3 * (network.config.joints - 1))
        change = (rebuilt - features)[..., positions].diff(dim=1).abs() * weight[:, 1:]
        frames = weight.sum()
        everything, ric = (
            error.sum() / (frames * features.shape[-1]),
            error[..., positions].sum() / (frames * (positions.stop - positions.start)),
        )
        changes = change.sum() / (frames * (positions.stop - positions.start))
        path = self.full.path_error(rebuilt, features, valid)
        loss = everything + 0.5 * ric + self.change_weight * changes + self.full.path_weight * path
        return loss, {"ric": ric.item(), "change": changes.item(), "path": path.item()}


def train_decoder(
    dataset: DatasetFolder,
    network: RVQ,
    config: dict,
    out: Path,
    schedule: Schedule,
    *,
    batch: int = 64,
    resume: bool = True,
    log=print,
) -> float:
    """Tune the decoder of a trained RVQ on all kinds of clips; the codes of every motion stay what they are."""
    mean, std = network.mean.numpy(), network.std.numpy()
    train, val = load_clips(dataset, "train"), load_clips(dataset, "val", kinds={"clip"})
    chosen = np.random.default_rng(0).choice(len(val), size=min(150, len(val)), replace=False)
    held_out = [val.features[i] for i in chosen]
    loss = DecoderLoss(network)

    def validate(network: RVQ) -> tuple[float, dict[str, float]]:
        errors = reconstruction_errors(network, held_out)
        return errors["aligned_cm"] + 0.1 * errors["path_cm"], errors

    trainer = Trainer(
        "decoder",
        network,
        out=out,
        schedule=schedule,
        log=log,
        validate=validate,
        loss=loss,
        make_batch=lambda rng: windows(train, rng, batch, mean, std),
        config=config,
    )
    return trainer.run(resume=resume)

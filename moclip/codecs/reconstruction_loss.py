# SPDX-License-Identifier: Apache-2.0
"""What a good reconstruction of motion features is: joints, their speed, the root's path, feet that do not slide."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from moclip.codecs.network import CodecNetwork
from moclip.motion.features import HUMANML3D, KIT


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


class ReconstructionLoss(nn.Module):
    """How far rebuilt features are from the true ones, both normalised (B, T, F), where `valid` (B, T)."""

    channels: Tensor
    of_positions: Tensor
    mean: Tensor
    std: Tensor

    def __init__(self, network: CodecNetwork, weights: ReconstructionWeights | None = None):
        super().__init__()
        self.weights = weights or ReconstructionWeights()
        self.spec = HUMANML3D if network.config.joints == HUMANML3D.joints else KIT
        blocks = self.spec.blocks
        self.positions, self.contacts = blocks["positions"], blocks["contacts"]
        joints = torch.from_numpy(self._joint_weights()).repeat_interleave(3)
        channels = torch.ones(network.config.features)
        channels[self.positions] = joints[3:]
        channels[blocks["joint_velocity"]] = joints
        channels[blocks["six_d"]] = self.weights.rotations
        channels[self.contacts] = self.weights.contacts
        channels /= channels.mean()
        self.register_buffer("channels", channels)
        self.register_buffer("of_positions", joints[3:] / joints[3:].mean())
        self.register_buffer("mean", network.mean.clone())
        self.register_buffer("std", network.std.clone())

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

    @property
    def of_channels(self) -> Tensor:
        """(F,) what an error of each feature counts, in itself and among the joint positions."""
        counted = self.channels / len(self.channels)
        counted[self.positions] += self.weights.positions * self.of_positions / len(self.of_positions)
        return counted

    def forward(self, rebuilt: Tensor, features: Tensor, valid: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        rebuilt = rebuilt.float()
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
        loss = parts["all"]
        rest: list[Tensor] = [getattr(self.weights, name) * part for name, part in parts.items() if name != "all"]
        return loss + sum(rest), parts

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
        joints = torch.unflatten(features[..., self.positions], -1, (-1, 3))
        feet = joints[..., [joint - 1 for joint in self.spec.feet], :]
        x, z = feet[..., 0], feet[..., 2]
        cos, sin = torch.cos(heading).unsqueeze(-1), torch.sin(heading).unsqueeze(-1)
        return torch.stack([cos * x - sin * z, sin * x + cos * z], dim=-1) + root.unsqueeze(-2)


def _speeds(positions: Tensor) -> Tensor:
    """(B, T, 3 J) -> (B, T - 1, J): how far each joint moves from frame to frame."""
    # The small number keeps the gradient finite where nothing moves.
    speeds: Tensor = (positions.diff(dim=1).unflatten(-1, (-1, 3)).pow(2).sum(-1) + 1e-8).sqrt()
    return speeds

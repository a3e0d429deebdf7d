# SPDX-License-Identifier: Apache-2.0
"""`Motion`: the one currency between model, server, files and Blender."""

from dataclasses import dataclass, field

import numpy as np

from . import rotations
from .skeleton import JOINT_COUNT, PARENTS, REST_OFFSETS


def _generations() -> list[tuple[list[int], list[int]]]:
    depth = [0] * JOINT_COUNT
    for joint in range(1, JOINT_COUNT):
        depth[joint] = depth[PARENTS[joint]] + 1
    deep = [[joint for joint in range(JOINT_COUNT) if depth[joint] == level] for level in range(1, max(depth) + 1)]
    return [(joints, [PARENTS[joint] for joint in joints]) for joints in deep]


_GENERATIONS = _generations()
"""Joints as far from the root, and their parents: what is worked out at once, since every call costs as much as the
numbers of many joints."""


def forward_kinematics(local_rotations: np.ndarray, root_translation: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Joint positions: (T, 22, 3).

    local_rotations (T, 22, 4) wxyz relative to the parent; root_translation (T, 3); offsets (22, 3) rest offsets.
    Joint j lies at parent + R_parent * offsets[j]: a joint's rotation moves its children, never itself.
    """
    positions = np.empty((len(local_rotations), JOINT_COUNT, 3), dtype=np.result_type(local_rotations, np.float32))
    world = np.empty(local_rotations.shape, dtype=positions.dtype)
    positions[:, 0], world[:, 0] = root_translation, local_rotations[:, 0]
    for joints, parents in _GENERATIONS:
        turned = world[:, parents]
        positions[:, joints] = positions[:, parents] + rotations.rotate(turned, offsets[joints])
        world[:, joints] = rotations.multiply(turned, local_rotations[:, joints])
    return positions


def world_rotations(local_rotations: np.ndarray) -> np.ndarray:
    """(T, 22, 4) rotations relative to the parents -> relative to the world."""
    world = np.array(local_rotations)
    for joints, parents in _GENERATIONS:
        world[:, joints] = rotations.multiply(world[:, parents], world[:, joints])
    return world


@dataclass(frozen=True)
class Motion:
    """A motion of the 22-joint skeleton.

    fps: frames per second. rotations: (T, 22, 4) float32 unit quaternions wxyz, local to the parent; identity is the
    T-pose. root_translation: (T, 3) float32 metres, Y up, +Z forward, +X left. offsets: (22, 3) metres.
    Raises ValueError if the shapes do not fit, there is no frame, or a number is not finite.
    """

    fps: float
    rotations: np.ndarray
    root_translation: np.ndarray
    offsets: np.ndarray = field(default_factory=lambda: REST_OFFSETS)
    text: str = ""
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("rotations", "root_translation", "offsets"):
            object.__setattr__(self, name, np.ascontiguousarray(getattr(self, name), dtype=np.float32))
        frames = len(self.rotations)
        expected = {
            "rotations": (frames, JOINT_COUNT, 4), "root_translation": (frames, 3), "offsets": (JOINT_COUNT, 3),
        }  # fmt: skip
        for name, shape in expected.items():
            array = getattr(self, name)
            if array.shape != shape:
                raise ValueError(f"{name} has shape {array.shape}, not {shape}")
            if not np.isfinite(array).all():
                raise ValueError(f"{name} holds numbers that are not finite")
        if frames == 0:
            raise ValueError("a motion needs at least one frame")
        if not self.fps > 0:
            raise ValueError(f"fps must be positive, not {self.fps}")

    @property
    def frames(self) -> int:
        return len(self.rotations)

    @property
    def seconds(self) -> float:
        return self.frames / self.fps

    def joints(self) -> np.ndarray:
        """World positions of the joints: (T, 22, 3) float32 metres."""
        return forward_kinematics(self.rotations, self.root_translation, self.offsets)

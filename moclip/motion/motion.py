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

_FACTORS = np.array([[0, 1, 2, 3], [1, 0, 3, 2], [2, 3, 0, 1], [3, 2, 1, 0]])
_SIGNS = np.array([[1, 1, 1, 1], [-1, 1, -1, 1], [-1, 1, 1, -1], [-1, -1, 1, 1]])[..., None]
"""The product of quaternions a*b is the sum of a's four components, each times these components of b with these
signs: the terms of `rotations.multiply`, in its order."""


def forward_kinematics(local_rotations: np.ndarray, root_translation: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Joint positions: (T, 22, 3).

    local_rotations (T, 22, 4) wxyz relative to the parent; root_translation (T, 3); offsets (22, 3) rest offsets.
    Joint j lies at parent + R_parent * offsets[j]: a joint's rotation moves its children, never itself.
    """
    dtype = np.result_type(local_rotations, np.float32)
    # Joints first and frames last: each call works on whole rows, and there are few of them.
    local = np.ascontiguousarray(np.transpose(local_rotations, (1, 2, 0)), dtype=dtype)
    factors = local[:, _FACTORS] * _SIGNS.astype(dtype)
    world = np.empty(local.shape, dtype=dtype)
    world[0] = local[0]
    for joints, parents in _GENERATIONS:
        terms = world[parents][:, :, None] * factors[joints]
        world[joints] = terms[:, 0] + terms[:, 1] + terms[:, 2] + terms[:, 3]
    moved = rotations.rotate(np.swapaxes(world, 1, 2)[list(PARENTS[1:])], offsets[1:, None])
    positions = np.empty((JOINT_COUNT, len(local_rotations), 3), dtype=dtype)
    positions[0] = root_translation
    for joints, parents in _GENERATIONS:
        positions[joints] = positions[parents] + moved[np.subtract(joints, 1)]
    return np.ascontiguousarray(np.swapaxes(positions, 0, 1))


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

# SPDX-License-Identifier: Apache-2.0
"""A clip at other times: a pose of it, its zero pose, the whole at another frame rate."""

import numpy as np

from moclip.files.bvh import Bvh
from moclip.motion import rotations as rot

FPS = 20.0
"""Of our motions."""


def zero_pose(bvh: Bvh) -> Bvh:
    still = np.tile(rot.IDENTITY, (1, len(bvh.names), 1))
    return Bvh(bvh.names, bvh.parents, bvh.offsets, still, bvh.offsets[None], bvh.fps, bvh.ends)


def pose_at(bvh: Bvh, frame: int) -> Bvh:
    k = slice(frame, frame + 1)
    return Bvh(bvh.names, bvh.parents, bvh.offsets, bvh.rotations[k], bvh.positions[k], bvh.fps, bvh.ends)


def resample(bvh: Bvh, fps: float = FPS) -> Bvh:
    """The same clip at another frame rate, rotations interpolated on the sphere."""
    count = int((bvh.frames - 1) / bvh.fps * fps + 1e-6) + 1
    at = np.arange(count) * bvh.fps / fps
    low = np.minimum(at.astype(int), bvh.frames - 1)
    high, weight = np.minimum(low + 1, bvh.frames - 1), at - low
    turned = rot.slerp(
        bvh.rotations[low], bvh.rotations[high], np.broadcast_to(weight[:, None], (count, len(bvh.names)))
    )
    moved = bvh.positions[low] + (bvh.positions[high] - bvh.positions[low]) * weight[:, None, None]
    return Bvh(bvh.names, bvh.parents, bvh.offsets, turned, moved, fps, bvh.ends)

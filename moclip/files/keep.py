# SPDX-License-Identifier: Apache-2.0
"""A motion given back to the BVH file that it came from: its skeleton, names, channels, rate and unmapped joints.

Frames that were not touched are the file's own numbers. In new frames, joints that have one of ours are turned as it
is, and those that have none (fingers, twist bones) go from where they were before to where they are after.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from moclip.errors import MoclipError
from moclip.files.bvh import Bvh, Written
from moclip.files.bvh_poses import resample
from moclip.files.foreign import BvhReading
from moclip.files.retarget import Fit
from moclip.motion import rotations as rot
from moclip.motion.motion import Motion, world_rotations
from moclip.motion.skeleton import JOINT_INDEX

_EVEN = ("XYZ", "YZX", "ZXY")
_LOCKED = 1 - 1e-9


@dataclass(frozen=True)
class Kept:
    """Frames [first, end) of a file that stay as they are, from frame `at` of the new one on."""

    at: int
    first: int
    end: int

    @property
    def stop(self) -> int:
        return self.at + self.end - self.first


def written_back(
    reading: BvhReading, motion: Motion, kept: Sequence[Kept], frames: int, start: float = 0.0
) -> np.ndarray:
    """Channel values (frames, channels) of a file with `reading`'s skeleton and rate.

    motion: all of the new motion, on our skeleton at any rate. kept: stretches of the file, in order. start: seconds of
    the new file before the motion's first frame.
    """
    bvh, written = _source(reading)
    values = np.empty((frames, written.values.shape[1]))
    for stretch in kept:
        values[stretch.at : stretch.stop] = written.values[stretch.first : stretch.end]
    at = 0
    for k in range(len(kept) + 1):
        stop = kept[k].at if k < len(kept) else frames
        if stop > at:
            before = kept[k - 1].end - 1 if k else None
            after = kept[k].first if k < len(kept) else None
            held = _held(bvh, stop - at, before, after)
            poses = _sampled(motion, (np.arange(at, stop) / bvh.fps - start) * motion.fps)
            rotations, positions = _posed(reading, poses, held)
            near = values[at - 1] if at else None
            values[at:stop] = channel_values(written, rotations, positions, _scales(written, before, after), near)
        at = kept[k].stop if k < len(kept) else frames
    return values


def at_other_rate(reading: BvhReading, fps: float) -> np.ndarray:
    """All of a file's frames, on its own skeleton, at another rate."""
    bvh, written = _source(reading)
    clip = resample(bvh, fps)
    return channel_values(written, clip.rotations, clip.positions, _scales(written, 0, 0), None)


def write_values(reading: BvhReading, values: np.ndarray, path: Path, fps: float | None = None) -> None:
    """Write a file with `reading`'s HIERARCHY, word for word, and these channel values (T, channels)."""
    bvh, written = _source(reading)
    seconds = 1 / (fps or bvh.fps)
    with Path(path).open("w", encoding="utf-8", newline="\n") as stream:
        stream.write(f"{written.head.rstrip()}\nMOTION\nFrames: {len(values)}\nFrame Time: {seconds:.9g}\n")
        np.savetxt(stream, values, fmt="%.6f")


def _source(reading: BvhReading) -> tuple[Bvh, Written]:
    if reading.bvh.written is None:
        raise MoclipError(
            "There is no skeleton to keep.", hint="--skeleton keep needs a BVH file to read.", code="no_skeleton"
        )
    return reading.bvh, reading.bvh.written


def _fit(reading: BvhReading) -> Fit:
    if reading.fit is None:
        hint = "Choose --skeleton ours."
        raise MoclipError("The file's joints have no rotations to write new ones to.", hint=hint, code="no_skeleton")
    return reading.fit


def _held(bvh: Bvh, count: int, before: int | None, after: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Local rotations (count, J, 4) and positions (count, J, 3) from one frame of a file to another; None is none."""
    ends = [k for k in (before, after) if k is not None] or [0]
    one, other = ends[0], ends[-1]
    share = (np.arange(1, count + 1) / (count + 1))[:, None] * np.ones(len(bvh.names))
    rotations = rot.slerp(bvh.rotations[[one] * count], bvh.rotations[[other] * count], share)
    moved = bvh.positions[other] - bvh.positions[one]
    return rotations, bvh.positions[one] + moved * share[..., None]


def _sampled(motion: Motion, at: np.ndarray) -> Motion:
    """The motion at these frames (N,), which lie between its own."""
    at = np.clip(at, 0, motion.frames - 1)
    low = np.minimum(at.astype(int), max(motion.frames - 2, 0))
    high, share = np.minimum(low + 1, motion.frames - 1), at - low
    turned = rot.slerp(motion.rotations[low], motion.rotations[high], share[:, None] * np.ones(22))
    root = motion.root_translation.astype(np.float64)
    return Motion(motion.fps, turned, root[low] + (root[high] - root[low]) * share[:, None], motion.offsets)


def _posed(reading: BvhReading, motion: Motion, held: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Local rotations and positions of the file's skeleton in the motion's poses; the inverse of `fitted`."""
    bvh, written = _source(reading)
    fit = _fit(reading)
    rotations, positions = (array.copy() for array in held)
    ours = world_rotations(motion.rotations.astype(np.float64))
    joints = {k: joint for joint, k in fit.index.items()}
    wanted = {}
    for k, joint in joints.items():
        turned = rot.multiply(ours[:, JOINT_INDEX[joint]], rot.conjugate(fit.constants[joint]))
        wanted[k] = rot.multiply(rot.conjugate(fit.turn), turned)
    if fit.pelvis.ndim > 1:
        undone = _undone(bvh, fit.index, rotations)
        wanted[fit.index["pelvis"]] = rot.multiply(wanted[fit.index["pelvis"]], rot.conjugate(undone))
    world = np.empty_like(rotations)
    for k, parent in enumerate(bvh.parents):
        turns = [name for name in written.channels[k] if name.endswith("rotation")]
        if k in wanted and turns:
            above = rot.conjugate(world[:, parent]) if parent >= 0 else rot.IDENTITY
            rotations[:, k] = rot.multiply(above, wanted[k])
            if len(turns) < 3:  # as far as its channels can
                rotations[:, k] = rot.from_euler_deg(*_angles(rotations[:, k], "".join(t[0] for t in turns)))
        world[:, k] = rot.multiply(world[:, parent], rotations[:, k]) if parent >= 0 else rotations[:, k]
    _place_pelvis(reading, motion, rotations, positions)
    return rotations, positions


def _undone(bvh: Bvh, index: dict[str, int], rotations: np.ndarray) -> np.ndarray:
    """What both hip joints turn the legs by against the pelvis: (T, 4)."""
    sides = []
    for side in ("left", "right"):
        k, turned = bvh.parents[index[f"{side}_hip"]], rot.IDENTITY
        while k >= 0 and k != index["pelvis"]:
            turned, k = rot.multiply(rotations[:, k], turned), bvh.parents[k]
        sides.append(turned)
    return rot.slerp(sides[0], sides[1], np.full(len(rotations), 0.5))


def _place_pelvis(reading: BvhReading, motion: Motion, rotations: np.ndarray, positions: np.ndarray) -> None:
    """Move the pelvis, or what it hangs on if that is what can move, to where the motion has it."""
    bvh, written = _source(reading)
    fit = _fit(reading)
    pelvis = fit.index["pelvis"]
    root = motion.root_translation.astype(np.float64) - [0.0, fit.lift, 0.0]
    place = rot.rotate(rot.conjugate(fit.turn), root / fit.scale)
    mover = pelvis
    while bvh.parents[mover] >= 0 and sum(c.endswith("position") for c in written.channels[mover]) < 3:
        mover = bvh.parents[mover]
    posed = Bvh(bvh.names, bvh.parents, bvh.offsets, rotations, positions, bvh.fps, bvh.ends)
    world, places = posed.world()
    aside = place - places[:, pelvis]
    above = bvh.parents[mover]
    positions[:, mover] += rot.rotate(rot.conjugate(world[:, above]), aside) if above >= 0 else aside


def _scales(written: Written, before: int | None, after: int | None) -> np.ndarray:
    """The channels of a frame beside the new ones, for channels that are neither turns nor places."""
    channels: np.ndarray = written.values[before if before is not None else after or 0]
    return channels


def channel_values(
    written: Written, rotations: np.ndarray, positions: np.ndarray, others: np.ndarray, near: np.ndarray | None
) -> np.ndarray:
    """(T, channels) of local rotations (T, J, 4) and positions (T, J, 3). near: the values of the frame before."""
    values = np.tile(others, (len(rotations), 1))
    at = 0
    for joint, channels in enumerate(written.channels):
        columns = range(at, at + len(channels))
        at += len(channels)
        turns = [k for k, name in zip(columns, channels, strict=True) if name.endswith("rotation")]
        if turns:
            order = "".join(name[0] for name in channels if name.endswith("rotation"))
            angles, _ = _angles(rotations[:, joint], order)
            values[:, turns] = _continued(angles, near[turns] if near is not None else None)
        for k, name in zip(columns, channels, strict=True):
            if name.endswith("position"):
                values[:, k] = positions[:, joint, "XYZ".index(name[0])]
    return values


def _angles(q: np.ndarray, order: str) -> tuple[np.ndarray, str]:
    """Degrees (T, len(order)) about these axes, in turn, and the order itself; the nearest where there are fewer."""
    if len(set(order)) != len(order):
        raise MoclipError(
            f"Rotations in the order {order} cannot be written.", hint="Leave out --skeleton keep.", code="bad_bvh"
        )
    whole = order + "".join(axis for axis in "XYZ" if axis not in order)
    i, j, k = ("XYZ".index(axis) for axis in whole)
    sign = 1.0 if whole in _EVEN else -1.0
    m = rot.to_matrix(q)
    middle = sign * m[..., i, k]
    locked = np.abs(middle) > _LOCKED
    first = np.where(
        locked, rot.arctan2(sign * m[..., k, j], m[..., j, j]), rot.arctan2(-sign * m[..., j, k], m[..., k, k])
    )
    last = np.where(locked, 0.0, rot.arctan2(-sign * m[..., i, j], m[..., i, i]))
    angles = np.degrees(np.stack([first, np.arcsin(np.clip(middle, -1, 1)), last], axis=-1))
    return angles[..., : len(order)], order


def _continued(angles: np.ndarray, near: np.ndarray | None) -> np.ndarray:
    """The same rotations by angles that go on from the frame before, without leaps by whole or half turns."""
    result = angles.copy()
    previous = near
    for frame, row in enumerate(angles):
        ways = [row, row * (1, -1, 1) + (180.0, 180.0, 180.0)] if len(row) == 3 else [row]
        if previous is not None:
            ways = [way + 360.0 * np.round((previous - way) / 360.0) for way in ways]
            row = min(ways, key=lambda way: float(np.abs(way - previous).sum()))
        result[frame] = previous = row
    return result

# SPDX-License-Identifier: Apache-2.0
"""A body on the floor: whole motions raised where they sink, and lowered where they hang a little over it."""

from dataclasses import replace

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from .motion import Motion
from .skeleton import JOINT_INDEX

_HALF_WINDOW_S = 0.5
"""Half of the time in which a body that does not hang in the air has touched the floor: no jump lasts longer."""
_MOST_ENVELOPES, _NEAR_M = 50, 0.002
"""One envelope leaves a body in the air that hangs there for little longer than a second."""
_MOMENT_S = 0.15
"""Half of the time for which a toe that dips raises a body: a longer one would leave it in the air."""
_MOST_M = 0.2
"""Higher than this, about a step of stairs, nothing hangs by mistake: it climbs, flies or stands on something."""
_TOES_LOWEST_M = 0.01
"""A body stands on its feet where its toes are this near to being its lowest joints. Of one that lies, the joints are
over the floor by half its thickness."""
_THICKEST_M = 0.12
"""From the joints of a body that sits or lies to where it touches the floor, at the most."""
_ANKLE_M = 0.05
"""The same of an ankle over a heel, at the least."""
_ANKLES = [JOINT_INDEX["left_ankle"], JOINT_INDEX["right_ankle"]]
_TOES = [JOINT_INDEX["left_foot"], JOINT_INDEX["right_foot"]]


def on_floor(joints: np.ndarray, fps: float, *, stays: bool = False) -> np.ndarray:
    """Joints (T, 22, 3) in metres, Y up -> the same, moved up and down slowly so that y = 0 is the floor.

    No joint is under it afterwards, and a body on its feet does not hang over it for a second. Recordings are put on
    the floor by their lowest point, so that one toe that dips lifts all the rest; what learns from them does the same.
    Motions that leave the floor by more than 20 cm for longer than a jump are only kept from sinking, where it is not
    known that a body `stays` on the floor.
    """
    moved = joints.copy()
    moved[..., 1] -= _hanging(joints, fps, stays)[:, None].astype(joints.dtype)
    return moved


def settled(motion: Motion, *, stays: bool = False) -> Motion:
    """The motion, put on the floor as `on_floor` does joints, and raised for a moment where one of them still sinks."""
    return over_floor(_raised_by(motion, -_hanging(motion.joints(), motion.fps, stays)))


def clearance(joints: np.ndarray) -> np.ndarray:
    """(T,) metres from y = 0 to what a body (T, 22, 3) rests on, or would: its toes or heels, or whatever is lowest of
    one that sits or lies. Under 0 for joints under the floor.

    Joints are inside a body: of one that does not stand on its toes they may be as high as it is thick.
    """
    heights = joints[..., 1].astype(np.float64)
    lowest: np.ndarray = heights.min(axis=1)
    on_feet = heights[:, _TOES].min(axis=1) - lowest < _TOES_LOWEST_M
    on_heels = heights[:, _ANKLES].min(axis=1) - lowest < _TOES_LOWEST_M
    thick = np.select([on_feet, on_heels], [0.0, _ANKLE_M], _THICKEST_M)
    return np.where(lowest > thick, lowest - thick, np.minimum(lowest, 0.0))


def _hanging(joints: np.ndarray, fps: float, stays: bool) -> np.ndarray:
    """(T,) metres by which `on_floor` lowers a body; less than 0 where it is raised."""
    hanging = _close_envelope(clearance(joints), fps)
    if hanging.max(initial=0.0) > _MOST_M and not stays:
        hanging = _lower_envelope(np.minimum(joints[..., 1].min(axis=1).astype(np.float64), 0.0), fps)
    return hanging


def _close_envelope(values: np.ndarray, fps: float) -> np.ndarray:
    """(T,) a smooth curve nowhere above values (T,) that comes near to them once a second: envelopes of what is left
    of them, as many as that takes."""
    summed = _lower_envelope(values, fps)
    for _ in range(_MOST_ENVELOPES):
        more = _lower_envelope(values - summed, fps)
        summed += more
        if more.max() < _NEAR_M:
            break
    return summed


def over_floor(motion: Motion) -> Motion:
    """The motion, raised for a moment where a joint is under y = 0."""
    lowest = motion.joints()[..., 1].min(axis=1).astype(np.float64)
    return _raised_by(motion, -_lower_envelope(np.minimum(lowest, 0.0), motion.fps, _MOMENT_S))


def _raised_by(motion: Motion, metres: np.ndarray) -> Motion:
    root = motion.root_translation.copy()
    root[:, 1] += metres
    return replace(motion, root_translation=root)


def _lower_envelope(values: np.ndarray, fps: float, seconds: float = _HALF_WINDOW_S) -> np.ndarray:
    """(T,) a smooth curve nowhere above values (T,): the mean, over a window, of the minima over windows as wide.

    seconds: half of their width.
    """
    half = max(1, round(seconds * fps))
    least = sliding_window_view(np.pad(values, half, constant_values=np.inf), 2 * half + 1).min(axis=1)
    # Each of the minima in a frame's window has that frame in its own, so none of them is above it, nor their mean.
    kernel = np.hanning(2 * half + 3)[1:-1]
    smooth: np.ndarray = np.convolve(np.pad(least, half, "edge"), kernel / kernel.sum(), "valid")
    return smooth

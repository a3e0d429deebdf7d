# SPDX-License-Identifier: Apache-2.0
"""The twist of joints about their bones: what positions tell of it, what is usual, and how it may change over time.

A joint with one child bone turns the bone where it points (swing) and about itself (twist). The twist shows in how the
next bones bend. Twist is measured against a frame that is carried along the bone without turning about it (parallel
transport in time), so "no evidence" means "keep still", whatever way the body faces.
"""

from dataclasses import dataclass

import numpy as np

from moclip.motion.rotations import arctan2, between, conjugate, cross, from_axis_angle, multiply, normalize, rotate
from moclip.motion.skeleton import CHILDREN, MIRROR, PARENTS

_X, _Y, _Z = np.eye(3)

# A frame whose hinge shows little takes its twist from the neighbours inside this window ...
_NEIGHBOUR_SECONDS = 0.15
_NEIGHBOUR_WEIGHT = 0.2
# ... and may not twist faster than this, plus what its bone turns: wrong evidence passes slowly instead of flipping.
_TWIST_RATE_DEG = 200.0

# Weights beside a limb bent at a right angle, which counts 1.
_FOOT_WEIGHT, _PRIOR_WEIGHT = 0.03, 0.06

_OVERSTRETCH_SINES = np.sin(np.radians([15.0, 40.0]))  # surely overstretched under this bend, surely not above that

# Usual twist in radians: slopes on a lean, which is what a bone's direction in its parent's frame differs from the rest
# pose; so the rest pose has no twist. The lean is that of the joint's own bone, for elbows that of the upper arm, for
# knees there is none. Rows of left joints serve the right ones mirrored. Least squares over 500 clips of Bandai-Namco,
# CMU and DeepMimic: `python -m moclip_backend.bench.twist_prior FOLDER 500` with the BVH files of the three in FOLDER.
TWIST_PRIOR: dict[int, tuple[float, float, float]] = {
    1: (-0.835, -0.42, -0.086),
    7: (-0.043, -0.123, 0.229),
    12: (0.517, 0.0, 0.0),
    13: (-0.025, 0.134, -0.001),
    16: (0.909, -1.048, -0.578),
    18: (-0.258, -0.054, 0.044),
}
LEANING = {**{joint: joint for joint in range(len(PARENTS))}, 18: 16, 19: 17}


@dataclass(frozen=True)
class Level:
    """Joints with one child bone each, whose parents are solved before them.

    hinges: (K, 3) rest axis about which the child's own bone bends. bends: (K,) the joint itself is that hinge.
    prior: (K, 3) rows of TWIST_PRIOR, mirrored for right joints. leaning: the joints whose leans they refer to.
    """

    joints: tuple[int, ...]
    hinges: np.ndarray
    bends: np.ndarray
    prior: np.ndarray
    leaning: tuple[int, ...]

    @property
    def children(self) -> list[int]:
        return [CHILDREN[j][0] for j in self.joints]

    @property
    def parents(self) -> list[int]:
        return [PARENTS[j] for j in self.joints]


# Knees bend about +X: the shank goes back. Elbows bend forward: the left forearm from +X to +Z.
_HINGES = {16: -_Y, 17: _Y, 18: -_Y, 19: _Y, 13: -_Y, 14: _Y}
_BENDING = (4, 5, 18, 19)
_RIGHT = tuple(j for j, m in enumerate(MIRROR) if j > m)


def _level(*joints: int) -> Level:
    prior = np.array([TWIST_PRIOR.get(min(j, MIRROR[j]), (0.0, 0.0, 0.0)) for j in joints])
    # A mirrored body turns the other way about its bones, and its directions have the other x.
    prior[np.isin(joints, _RIGHT)] *= (1, -1, -1)
    hinges = np.stack([_HINGES.get(j, _X) for j in joints])
    return Level(joints, hinges, np.isin(joints, _BENDING), prior, tuple(LEANING[j] for j in joints))


LEVELS = (_level(1, 2, 12, 13, 14), _level(4, 5, 16, 17), _level(7, 8, 18, 19))


def hinge_evidence(bones: np.ndarray) -> np.ndarray:
    """World vectors (T, 22, 3) along each joint's hinge as far as it shows; the length is the confidence."""
    evidence = np.zeros_like(bones)
    foot = cross(bones[:, [10, 11]], bones[:, [7, 8]])
    evidence[:, [1, 2]] = cross(bones[:, [4, 5]], bones[:, [7, 8]]) + _FOOT_WEIGHT * foot
    evidence[:, [16, 17]] = cross(bones[:, [18, 19]], bones[:, [20, 21]])
    return evidence


def solve_twists(
    level: Level, rest: np.ndarray, directions: np.ndarray, leans: np.ndarray, evidence: np.ndarray, fps: float
) -> np.ndarray:
    """Local rotations (T, K, 4) that take rest (K, 3) to directions (T, K, 3), with the most likely twist.

    leans, evidence: (T, K, 3), in the frames of the joints' parents; for elbows the lean is in the frame of the collar.
    """
    # Angles about the bone, from the swing: as complex numbers the argument is the angle, the modulus the weight.
    swing = swing_rotations(level, rest, directions)
    prior = np.exp(1j * np.sum(leans * level.prior, axis=-1))
    seen = rotate(conjugate(swing), evidence)
    hinges = normalize(level.hinges - np.sum(level.hinges * rest, axis=-1, keepdims=True) * rest)
    seen = np.sum(seen * hinges, axis=-1) + 1j * np.sum(seen * cross(rest, hinges), axis=-1)
    seen = seen + _overstretched(seen, prior) * prior
    # The swing from the rest pose turns wildly where the bone points backwards.
    trust = np.where(level.bends, 1.0, np.clip(1 + np.sum(directions * rest, axis=-1), 0.01, 1.0))
    # What changes over time is seen from the carried frame, in which a constant angle is a bone that does not twist.
    carried = _carried_angles(swing, rest, directions)
    seen, prior = seen * np.exp(-1j * carried), prior * np.exp(-1j * carried)
    total = seen + _NEIGHBOUR_WEIGHT * _nearby(seen, fps) + _PRIOR_WEIGHT * trust * prior
    angle = _limit_rate(np.unwrap(np.angle(total), axis=0), directions, fps)
    # A bone of no length has no axis; normalizing makes its turn the identity.
    return normalize(multiply(swing, normalize(from_axis_angle(rest, angle + carried))))


def _overstretched(seen: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """Weight to add to the prior where a hinge seems to bend a little the wrong way.

    A knee stretched five degrees too far has its hinge on the other side, as a thigh turned by half a circle would. The
    former is what happens; only a limb bent much more than joints can be overstretched is taken at its word.
    """
    against = np.maximum(-np.real(seen * np.conj(prior)), 0.0)
    small, large = _OVERSTRETCH_SINES
    weight: np.ndarray = 1.5 * against * np.clip((large - np.abs(seen)) / (large - small), 0.0, 1.0)
    return weight


def _nearby(values: np.ndarray, fps: float) -> np.ndarray:
    """Gaussian mean over time of (T, K) values; nothing lies beyond the ends."""
    sigma = _NEIGHBOUR_SECONDS * fps
    reach = int(np.ceil(3 * sigma))
    window = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    full = [np.convolve(column, window / window.sum()) for column in values.T]
    return np.stack(full, axis=-1)[reach : reach + len(values)]


def swing_rotations(level: Level, rest: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Rotations (T, K, 4) that take rest (K, 3) to directions (T, K, 3) without a twist.

    The smallest ones; for knees and elbows a bend about the hinge and then the smallest one that makes up for the rest.
    """
    forward = cross(level.hinges, rest)
    bend = arctan2(np.sum(directions * forward, axis=-1), np.sum(directions * rest, axis=-1))
    flexed = from_axis_angle(level.hinges, np.where(level.bends, bend, 0.0))
    return multiply(between(rotate(flexed, rest), directions), flexed)


def _carried_angles(swing: np.ndarray, rest: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Angles (T, K) from the swing to the frame that is carried along the bone by parallel transport.

    The frame starts as the swing and is turned from frame to frame by the smallest rotation that follows the bone. It
    differs from the next swing by a turn about the bone, so the sum of those turns is all there is to know.
    """
    steps = multiply(conjugate(swing[1:]), multiply(between(directions[:-1], directions[1:]), swing[:-1]))
    turns = 2 * arctan2(np.sum(steps[..., 1:] * rest, axis=-1), steps[..., 0])
    return np.cumsum(np.concatenate([np.zeros((1, len(rest))), turns]), axis=0)


def _limit_rate(angle: np.ndarray, directions: np.ndarray, fps: float) -> np.ndarray:
    """The angles (T, K) midway between the largest rate-limited curve below and the smallest above.

    Angles that keep the limit are returned unchanged.
    """
    turned = np.arccos(np.clip(np.sum(directions[1:] * directions[:-1], axis=-1), -1, 1))
    budget = np.cumsum(np.concatenate([0 * angle[:1], turned + np.radians(_TWIST_RATE_DEG) / fps]), axis=0)
    if np.all(np.abs(np.diff(angle, axis=0)) <= np.diff(budget, axis=0)):
        return angle
    low, high = np.minimum.accumulate, np.maximum.accumulate
    below = np.minimum(low(angle - budget) + budget, low((angle + budget)[::-1])[::-1] - budget)
    above = np.maximum(high(angle + budget) - budget, high((angle - budget)[::-1])[::-1] + budget)
    middle: np.ndarray = (below + above) / 2
    return middle

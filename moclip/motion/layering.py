# SPDX-License-Identifier: Apache-2.0
"""One motion over another, by bones: keep the walk, make the arms wave.

Rotations are local to the parent, so arms that are laid over a walk swing with its chest, and everything that is not
laid over stays as it was, to the last bit: feet stand where they stood.
"""

from dataclasses import replace

import numpy as np

from moclip.motion import rotations as rot
from moclip.motion.motion import Motion
from moclip.motion.skeleton import JOINT_INDEX

_ARM = ("collar", "shoulder", "elbow", "wrist")
_LEG = ("hip", "knee", "ankle", "foot")
_TRUNK = ("spine1", "spine2", "spine3", "neck", "head")


def _sided(parts: tuple[str, ...], *sides: str) -> tuple[int, ...]:
    return tuple(JOINT_INDEX[f"{side}_{part}"] for side in sides for part in parts)


LIMBS: dict[str, tuple[int, ...]] = {
    "left_arm": _sided(_ARM, "left"),
    "right_arm": _sided(_ARM, "right"),
    "both_arms": _sided(_ARM, "left", "right"),
    "upper_body": (*(JOINT_INDEX[name] for name in _TRUNK), *_sided(_ARM, "left", "right")),
    "lower_body": (JOINT_INDEX["pelvis"], *_sided(_LEG, "left", "right")),
    "left_leg": _sided(_LEG, "left"),
    "right_leg": _sided(_LEG, "right"),
    "head": (JOINT_INDEX["neck"], JOINT_INDEX["head"]),
}
"""Parts of the body by the joints that turn with them."""
_BUSY = 0.5
"""Of the busier arm, what the other one does at least to count as busy too."""


def layered(base: Motion, over: Motion, limbs: str, weights: np.ndarray, *, additive: bool = False) -> Motion:
    """`base` with the bones of `limbs` (a name of LIMBS) turned as `over` has them.

    Both have as many frames. weights: (T,) 0 keeps the base, 1 takes the layer. additive: what the layer turns from its
    own first frame is put on top of the base instead. Where the layer is the lower body, the travel goes with it.
    Raises ValueError where the frames differ in number.
    """
    if not base.frames == over.frames == len(weights):
        raise ValueError(f"{base.frames} frames, {over.frames} over them and {len(weights)} weights do not fit")
    joints = list(LIMBS[limbs])
    below, above = base.rotations[:, joints].astype(np.float64), over.rotations[:, joints].astype(np.float64)
    if additive:
        above = rot.multiply(below, rot.multiply(rot.conjugate(above[:1]), above))
    turned = base.rotations.astype(np.float64)
    turned[:, joints] = rot.slerp(below, above, np.asarray(weights, dtype=np.float64)[:, None])
    turned[:, joints] = rot.continuous(turned[:, joints])
    root = base.root_translation
    if JOINT_INDEX["pelvis"] in joints:
        own = over.root_translation.astype(np.float64)
        goal = root + (own - own[:1]) if additive else own
        root = root + np.asarray(weights)[:, None] * (goal - root)
    kept = base.rotations.copy()
    kept[:, joints] = turned[:, joints]
    return replace(base, rotations=kept, root_translation=root)


def busy_arms(motion: Motion) -> str:
    """The arm that a motion is about, "both_arms" where the other does at least half as much: a name of LIMBS.

    Measured is how far a wrist swings against its shoulder and how high it comes.
    """
    joints = motion.joints().astype(np.float64)
    amount = []
    for side in ("left", "right"):
        wrist = joints[:, JOINT_INDEX[f"{side}_wrist"]] - joints[:, JOINT_INDEX[f"{side}_shoulder"]]
        travel = np.linalg.norm(np.diff(wrist, axis=0), axis=1).mean() * motion.fps if motion.frames > 1 else 0.0
        amount.append(travel + max(0.0, float(np.percentile(wrist[:, 1], 90)) + 0.4))
    left, right = amount
    if min(left, right) >= _BUSY * max(left, right):
        return "both_arms"
    return "left_arm" if left > right else "right_arm"


def faded(frames: int, first: int, end: int, fade: int, *, begins: bool = True, ends: bool = True) -> np.ndarray:
    """(frames,) weights: 1 over the frames first..end-1, rising and falling inside them over `fade` frames, smoothly.

    begins, ends: whether there is a base before and after, into which the layer fades.
    """
    at = np.arange(frames, dtype=np.float64)
    fade = max(1, min(fade, (end - first) // 2))
    rise = np.clip((at - first + 1) / (fade + 1), 0, 1) if begins else (at >= first).astype(np.float64)
    fall = np.clip((end - at) / (fade + 1), 0, 1) if ends else (at < end).astype(np.float64)
    share = np.minimum(rise, fall)
    weights: np.ndarray = share * share * (3 - 2 * share)
    return weights

# SPDX-License-Identifier: GPL-3.0-or-later
"""Soles of the rig that rest on the floor where the motion's feet stand, though its legs are not the motion's."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..motion import axes
from ..shared import rotations
from ..shared.footing import bend_leg, contact_offsets, contact_weights, offsets_between
from ..shared.skeleton import BONE_LENGTHS, JOINT_INDEX
from ..shared.stance import flat
from .pose import Pose
from .rest import RigRest
from .retarget import in_frame

_SIDES = ("left", "right")
_TOLERATED_M = 0.002
_EASE_S = 0.25
_SMOOTH_S = 0.15
"""In which soles come level and the body follows where its standing feet want it."""
_SLIDING = 0.4
"""How far a foot is levelled that stands on its whole sole though its ankle moves: more would bend the knees."""
_CARRIES = 0.3
"""Of a foot at rest: the least by which it says how high the body is."""
_ALIKE = 0.15
"""By how much, in logarithms, thigh to shin may differ from the motion's and be as good as that; twice is unlike."""
_MOST_SETTLED_M = 0.08
_LEFT_TO_LEGS_M = 0.0055
"""A straight leg would bend by many degrees for the last millimetres to the floor; nobody sees those."""
_TOES_BEND = np.radians(60.0)
_MOST_RAISED_M = 0.12
_LEVELLED, _TILTED = np.radians((15.0, 30.0))
"""A sole that rests is levelled if it is tilted by less than the first, and left as it is from the second on."""


@dataclass
class _Foot:
    """stands: (T,) bool. contact: (T,) 0 to 1, fading beside. rests: (T,) 0 to 1, where the whole sole is down. ankle:
    (T, 3); heel, ball, tip: (T, 3) points of the sole; all in the motion's axes and metres. bends: has toes that turn.
    """

    side: str
    stands: np.ndarray
    contact: np.ndarray
    rests: np.ndarray
    ankle: np.ndarray
    heel: np.ndarray
    ball: np.ndarray
    tip: np.ndarray

    bends: bool

    @property
    def lowest(self) -> np.ndarray:
        """(T,) height of the lowest point of the sole; the tip is none where toes bend."""
        points = (self.heel, self.ball) if self.bends else (self.heel, self.ball, self.tip)
        return np.min([point[:, 1] for point in points], axis=0)


def lock_feet(
    pose: Pose, stands: np.ndarray, fps: float, strength: float = 1.0, part: tuple[int, int] | None = None
) -> None:
    """Let the soles of a pose rest where feet stand, flat where they are, and lift those that are under the floor.

    stands: (T, 2) contacts of the left and the right toes of the motion that the pose comes from (`footing.standing`).
    strength: 0 leaves the pose as it is, 1 holds the feet entirely. part: the frames first..end-1 that may change; feet
    stay as the others have put them. Done in the motion's axes and metres, whatever the rig's scale; the floor is what
    the soles touch in the rig's rest pose.

    The body follows its feet up and down, so that knees stay as bent as the motion's; legs bend for the rest.
    """
    if strength <= 0 or len(pose) < 3:
        return
    strength = min(strength, 1.0)
    first, end = part or (0, len(pose))
    eased = _eased(len(pose), first, end, fps) if part else np.ones(len(pose))
    floor = _floor(pose.rest)
    # Where heads are is asked as seldom as can be: a leg moves nothing of the other.
    if not pose.rest.bare:
        for foot in _feet(pose, stands, fps, pose.heads()):
            _level(pose, foot, fps, strength * eased)
        _settle(pose, _feet(pose, stands, fps, pose.heads()), floor, fps, strength * eased)
        if not part and (share := _unlike(pose.rest)):
            for _ in range(2):  # the first time leaves what smoothing took
                feet = _feet(pose, stands, fps, pose.heads())
                _sway(pose, feet, fps, strength * share)
            _settle(pose, feet, floor, fps, strength * eased)
    heads = pose.heads()
    for foot in _feet(pose, stands, fps, heads):
        offset = _offset(foot, pose.rest.bare, floor, fps, part)
        offset[:, 1] += eased * np.maximum(floor - _TOLERATED_M - (foot.lowest + offset[:, 1]), 0.0)
        _move_ankle(pose, foot, offset * strength, heads)
    for foot in _feet(pose, stands, fps, pose.heads()):
        if foot.bends:
            _bend_toes(pose, foot, floor, strength * eased)


def _offset(foot: _Foot, bare: bool, floor: float, fps: float, part: tuple[int, int] | None) -> np.ndarray:
    """(T, 3) by which a foot moves to rest where it stands."""
    rise = np.zeros(len(foot.ball))
    if not bare:
        lack = floor - foot.lowest
        rise = np.sign(lack) * np.clip(np.abs(lack) - _LEFT_TO_LEGS_M, 0.0, None)
        rise[np.abs(lack) > _MOST_RAISED_M] = 0.0
    if part:
        return offsets_between(foot.ball, foot.stands, *part, fps, rise)
    return contact_offsets(foot.ball, foot.stands, fps, rise)


def _eased(count: int, first: int, end: int, fps: float) -> np.ndarray:
    """(T,) 1 for the frames first..end-1, but rising from 0 where they meet others, which are 0."""
    frames, room = np.arange(count), max(1.0, _EASE_S * fps)
    into = (frames - first + 1) / room if first > 0 else np.ones(count)
    out = (end - frames) / room if end < count else np.ones(count)
    return np.clip(np.minimum(into, out), 0.0, 1.0)


def _floor(rest: RigRest) -> float:
    """Height in the motion of what the soles touch at rest; of a bare rig what its ankles and toes do."""
    if rest.bare:
        return 0.0
    return float(np.mean([rest.to_motion(rest.soles[side].ball)[1] for side in _SIDES]))


def _since_rest(pose: Pose, bone: str) -> np.ndarray:
    """(T, 4) how a bone has turned from the rest pose that stands, in armature space."""
    return rotations.multiply(
        pose.turned[bone], rotations.conjugate(rotations.from_matrix(pose.rest.standing(bone)[:3, :3]))
    )


def _feet(pose: Pose, stands: np.ndarray, fps: float, heads: Mapping[str, np.ndarray]) -> list[_Foot]:
    """The left and the right; heads: those of the pose as it is."""
    return [_foot(pose, side, stands[:, k], fps, heads) for k, side in enumerate(_SIDES)]


def _foot(pose: Pose, side: str, stands: np.ndarray, fps: float, heads: Mapping[str, np.ndarray]) -> _Foot:
    rest = pose.rest
    bone = rest.bone_of[f"{side}_ankle"]
    ankle = np.broadcast_to(heads[bone], (len(pose), 3))
    contact = contact_weights(stands, fps)

    def carried(point: np.ndarray, about: str, at: np.ndarray) -> np.ndarray:
        arm = point - rest.standing(about)[:3, 3]
        return at + rotations.rotate(_since_rest(pose, about), np.broadcast_to(arm, at.shape))

    toe = rest.bone_of.get(f"{side}_foot")
    if rest.bare:
        ball = np.broadcast_to(heads[toe], ankle.shape)
        points = [ankle, ball, ball]
    else:
        sole = rest.soles[side]
        points = [carried(sole.heel, bone, ankle), carried(sole.ball, bone, ankle)]
        if toe is None:
            points.append(carried(sole.tip, bone, ankle))
        else:
            points.append(carried(sole.tip, toe, np.broadcast_to(heads[toe], ankle.shape)))
    ankle, *points = (rest.to_motion(p) for p in (ankle, *points))
    rests = flat(np.stack([ankle] * 2, axis=1), np.stack([contact > 0.5] * 2, axis=1), fps)[:, 0]
    return _Foot(side, stands, contact, rests, ankle, *points, bends=toe is not None and not rest.bare)


def _level(pose: Pose, foot: _Foot, fps: float, may_change: np.ndarray) -> None:
    """Turn a foot level where its sole is flat on the floor, and its toes as long as they stand."""
    bone_of = pose.rest.bone_of
    # About its ball, which will be held: a foot that slides or is carried on is as flat as one that does not.
    still = flat(np.stack([foot.ankle - foot.ball] * 2, axis=1), np.stack([foot.contact > 0.5] * 2, axis=1), fps)[:, 0]
    weight = foot.rests + _SLIDING * np.clip(still - foot.rests, 0.0, 1.0)
    _turn_level(pose, bone_of[f"{foot.side}_ankle"], may_change * _smooth(weight, fps))
    if toe := bone_of.get(f"{foot.side}_foot"):
        _turn_level(pose, toe, may_change * foot.contact)


def _turn_level(pose: Pose, bone: str, weight: np.ndarray) -> None:
    """Take a share `weight` (T,) of its tilt out of a bone, whose sole is level at rest; none where it tilts far."""
    since = _since_rest(pose, bone)
    up = np.broadcast_to(pose.rest.up, (len(pose), 3))
    own = rotations.rotate(since, up)
    level = rotations.between(own, up)
    tilt = rotations.angle_between(level, rotations.IDENTITY)
    share = weight * np.clip((_TILTED - tilt) / (_TILTED - _LEVELLED), 0.0, 1.0)
    part = rotations.slerp(np.broadcast_to(rotations.IDENTITY, level.shape), level, share)
    pose.turned[bone] = rotations.multiply(part, pose.turned[bone])


def _settle(pose: Pose, feet: list[_Foot], floor: float, fps: float, may_change: np.ndarray) -> None:
    """Move the body up or down by what the feet that it rests on lack to the floor, smoothly.

    A foot that rises or lands carries nothing: its leg bends for it.
    """
    lack = np.stack([np.clip(floor - foot.lowest, -_MOST_SETTLED_M, _MOST_SETTLED_M) for foot in feet], axis=1)
    weight = np.stack([foot.rests for foot in feet], axis=1)
    total = weight.sum(axis=1)
    known = np.flatnonzero(total > _CARRIES)
    if not len(known):
        return
    wanted = (lack * weight).sum(axis=1)[known] / total[known]
    move = _smooth(np.interp(np.arange(len(pose)), known, wanted), fps) * may_change
    pose.hips = pose.hips + pose.rest.up * (move * pose.rest.ratio)[:, None]


def _unlike(rest: RigRest) -> float:
    """0 to 1: are thighs and shins of other proportions than the motion's, so that the same angles lead elsewhere?"""
    legs = [tuple(f"{side}_{joint}" for joint in ("hip", "knee", "ankle")) for side in _SIDES]
    own = np.mean([np.log(_length(rest, a, b) / _length(rest, b, c)) for a, b, c in legs])
    usual = np.mean([np.log(BONE_LENGTHS[JOINT_INDEX[b]] / BONE_LENGTHS[JOINT_INDEX[c]]) for _, b, c in legs])
    return float(np.clip((abs(own - usual) - _ALIKE) / _ALIKE, 0.0, 1.0))


def _length(rest: RigRest, joint: str, child: str) -> float:
    return max(float(np.linalg.norm(rest.head(child) - rest.head(joint))), 1e-9)


def _sway(pose: Pose, feet: list[_Foot], fps: float, share: float) -> None:
    """Let the body go where its standing feet take it, about its own way, instead of bending legs for them.

    Not for a range between frames that stay: the body would leave its way there.
    """
    weight = np.stack([foot.contact for foot in feet], axis=1)
    offsets = np.stack([contact_offsets(foot.ball, foot.stands, fps) for foot in feet], axis=1)
    total = weight.sum(axis=1)
    known = np.flatnonzero(total > _CARRIES)
    if not len(known):
        return
    wanted = np.einsum("tfi,tf->ti", offsets, weight)[known] / total[known, None]
    frames = np.arange(len(pose))
    move = np.stack([_smooth(np.interp(frames, known, along), fps) for along in wanted.T], axis=1)
    origin = pose.rest.to_armature(np.zeros(3))
    pose.hips = pose.hips + (pose.rest.to_armature(move) - origin) * share


def _smooth(values: np.ndarray, fps: float) -> np.ndarray:
    """(T,) running means over a window, the ends held."""
    half = max(1, round(_SMOOTH_S * fps / 2))
    window = np.hanning(2 * half + 3)[1:-1]
    return np.convolve(np.pad(values, half, mode="edge"), window / window.sum(), "valid")


def _move_ankle(pose: Pose, foot: _Foot, offset: np.ndarray, heads: Mapping[str, np.ndarray]) -> None:
    """Bend a leg so that its ankle moves by (T, 3) metres of the motion; the foot keeps its rotation."""
    moved = np.abs(offset).max(axis=1) > 1e-5
    if not moved.any():
        return
    rest = pose.rest
    bones = [rest.bone_of[f"{foot.side}_{joint}"] for joint in ("hip", "knee", "ankle")]
    old = [rest.to_motion(np.broadcast_to(heads[bone], (len(pose), 3)))[moved] for bone in bones]
    new_knee, new_ankle = bend_leg(*old, old[2] + offset[moved])
    swing(pose, bones[0], moved, old[1] - old[0], new_knee - old[0])
    swing(pose, bones[1], moved, old[2] - old[1], new_ankle - new_knee)


def _bend_toes(pose: Pose, foot: _Foot, floor: float, may_change: np.ndarray) -> None:
    """Bend toes up that would be in the floor, as those of a foot do that rises from it."""
    rest = pose.rest
    bone = rest.bone_of[f"{foot.side}_foot"]
    joint = rest.to_motion(np.broadcast_to(pose.heads()[bone], (len(pose), 3)))
    along = foot.tip - joint
    length = np.maximum(np.linalg.norm(along, axis=1), 1e-9)
    points = np.arcsin(np.clip(along[:, 1] / length, -1.0, 1.0))
    wanted = np.arcsin(np.clip((floor - joint[:, 1]) / length, -1.0, 1.0))
    angle = np.clip(wanted - points, 0.0, _TOES_BEND) * may_change
    across = np.cross(along, np.array([0.0, 1.0, 0.0]))
    width = np.linalg.norm(across, axis=1, keepdims=True)
    axis = across / np.maximum(width, 1e-9)
    # Where toes point straight down nothing tells which way they bend.
    bent = rotations.from_axis_angle(axis, np.where(width[:, 0] > 0.2 * length, angle, 0.0))
    turn = in_frame(rotations.from_matrix(rest.frame), axes.quaternions_to_blender(bent))
    pose.turned[bone] = rotations.multiply(turn, pose.turned[bone])


def swing(pose: Pose, bone: str, moved: np.ndarray, old: np.ndarray, new: np.ndarray) -> None:
    """Turn a bone by what takes a direction to another, both (N, 3) in the motion's axes, in the frames `moved`."""
    rest = pose.rest
    origin = rest.to_armature(np.zeros(3))
    turn = rotations.between(rest.to_armature(old) - origin, rest.to_armature(new) - origin)
    turned = np.array(pose.turned[bone])
    turned[moved] = rotations.multiply(turn, turned[moved])
    pose.turned[bone] = turned

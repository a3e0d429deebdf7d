# SPDX-License-Identifier: Apache-2.0
"""Motions that stay while their neighbour is generated: as codes for the networks, and joined to what is new.

The codes tell the networks what comes before and after; they lose some millimetres. So what stays is not decoded from
them: the new part is brought to it instead, until no frame that stays differs from what was given.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from moclip.motion import rotations as rot
from moclip.motion.features import motion_to_features
from moclip.motion.feet import plant_feet, raised, toe_contacts
from moclip.motion.motion import Motion
from moclip.motion.skeleton import JOINT_INDEX, REST_OFFSETS

_MOST_FRAMES, _FEWEST_FRAMES = 40, 8
"""Of what is kept, that the networks see."""
_BLEND_SECONDS = 0.5
"""How far into the new part the pose of its neighbour is felt, at the most."""
_FAR_RAD = np.radians(60.0)
_MUCH, _LITTLE_M = 2.0, 0.5
"""How many times as far as it would go a motion is bent without a word, and by how much in any case."""
_GROUND = [0, 2]
_ACROSS = [(JOINT_INDEX[f"left_{joint}"], JOINT_INDEX[f"right_{joint}"]) for joint in ("hip", "shoulder")]
_LEG = [JOINT_INDEX["left_knee"], JOINT_INDEX["left_ankle"]]


Encode = Callable[[np.ndarray], np.ndarray]
"""Features (B, T, F) -> codes (B, S, Q)."""


@dataclass(frozen=True)
class Kept:
    """What stays around `count` new frames, on the model's own skeleton.

    before: the last frames of the motion before, (P, 22, ...), or None; after: the first frames of the one after.
    ratio: metres of the given motions a metre of the model's skeleton.
    """

    before: Motion | None
    after: Motion | None
    ratio: float


def keep(before: Motion | None, after: Motion | None, stride: int) -> Kept:
    """The parts of two motions, whatever the lengths of their bones, that the networks shall see."""
    frames = _MOST_FRAMES // stride * stride
    ratio = _leg_length(_offsets(before, after)) / _leg_length(REST_OFFSETS)

    def part(motion: Motion | None, span: slice) -> Motion | None:
        if motion is None:
            return None
        return Motion(motion.fps, motion.rotations[span], motion.root_translation[span] / ratio)

    return Kept(part(before, slice(-frames, None)), part(after, slice(None, frames)), ratio)


def _offsets(before: Motion | None, after: Motion | None) -> np.ndarray:
    """The skeleton (22, 3) of what stays: that of the motion before, where there is one."""
    given = before if before is not None else after
    assert given is not None
    return given.offsets


def _leg_length(offsets: np.ndarray) -> float:
    return float(np.linalg.norm(offsets[_LEG], axis=1).sum())


def codes_before(motion: Motion, encode: Encode, stride: int, channels: str) -> np.ndarray:
    """(S, Q) codes of a motion that ends where the new one begins; a short one is held still at its start."""
    tokens = min(_MOST_FRAMES // stride, max(_FEWEST_FRAMES // stride, -(-motion.frames // stride)))
    frames = np.maximum(np.arange(motion.frames - tokens * stride, motion.frames), 0)
    return _codes(motion, frames, encode, channels)


def codes_after(motion: Motion, skipped: int, encode: Encode, stride: int, channels: str) -> np.ndarray:
    """(S, Q) codes of a motion from its frame `skipped` on, where the new one's last token ends."""
    left = max(1, motion.frames - skipped)
    tokens = min(_MOST_FRAMES // stride, max(_FEWEST_FRAMES // stride, left // stride))
    frames = np.minimum(skipped + np.arange(tokens * stride), motion.frames - 1)
    return _codes(motion, frames, encode, channels)


def _codes(motion: Motion, frames: np.ndarray, encode: Encode, channels: str) -> np.ndarray:
    turns, root = motion.rotations[frames], motion.root_translation[frames]
    # Features hold velocities towards the next frame, so the last one needs a frame more: it goes on as it went.
    step = rot.multiply(turns[-1], rot.conjugate(turns[-2]))
    turns = np.concatenate([turns, rot.multiply(step, turns[-1])[None]])
    root = np.concatenate([root, 2 * root[-1:] - root[-2:-1]])
    codes: np.ndarray = encode(motion_to_features(Motion(motion.fps, turns, root), channels)[None])[0]
    return codes


def fit_between(joints: np.ndarray, first: int, end: int, kept: Kept) -> np.ndarray:
    """Joints (T, 22, 3) of before, new and after as decoded -> the same, standing where the kept ones do.

    first..end-1 are the new frames. The whole is turned and moved so that frame first-1 stands and faces as the motion
    before does at its end; what then lacks to where the motion after begins is made up along the way: by as much as
    the body travels or turns anyway, so that it does not slide while it stands.
    """
    joints = np.array(joints, dtype=np.float64)
    if kept.before is not None:
        joints = _stood(joints, first - 1, kept.before.joints()[-1])
        return joints if kept.after is None else _led(joints, first - 1, end, kept.after.joints()[0])
    assert kept.after is not None
    return _stood(joints, end, kept.after.joints()[0])


def pull_warning(joints: np.ndarray, first: int, end: int, kept: Kept) -> tuple[str, ...]:
    """What to tell the user of a new part, as decoded, that goes much less far than to what follows, or farther."""
    if kept.before is None or kept.after is None:
        return ()
    own = np.linalg.norm((joints[end, 0] - joints[first - 1, 0])[_GROUND])
    asked = np.linalg.norm((kept.after.joints()[0, 0] - kept.before.joints()[-1, 0])[_GROUND])
    if max(own, asked) <= _MUCH * min(own, asked) + _LITTLE_M:
        return ()
    far = f"What follows begins {asked * kept.ratio:.1f} m away, and this motion goes {own * kept.ratio:.1f} m"
    return (f"{far}: it was bent to get there, and its feet may slide.",)


def _heading(joints: np.ndarray) -> np.ndarray:
    """Yaw (...) in radians about +Y, 0 facing +Z, of joints (..., 22, 3)."""
    across = sum(joints[..., left, :] - joints[..., right, :] for left, right in _ACROSS)
    return rot.arctan2(-across[..., 2], across[..., 0])


def _turned(points: np.ndarray, yaw: np.ndarray) -> np.ndarray:
    return rot.rotate(rot.from_axis_angle(np.array([0.0, 1.0, 0.0]), yaw), points)


def _stood(joints: np.ndarray, at: int, pose: np.ndarray) -> np.ndarray:
    """The motion with its frame `at` where a pose (22, 3) stands, facing as it does."""
    yaw = _heading(pose) - _heading(joints[at])
    moved = _turned(joints, np.asarray(yaw))
    moved[..., _GROUND] += pose[0, _GROUND] - moved[at, 0, _GROUND]
    return moved


def _led(joints: np.ndarray, start: int, end: int, pose: np.ndarray) -> np.ndarray:
    """The motion from `start` on bent so that its frame `end` stands and faces as a pose (22, 3) does."""
    lacks = _heading(pose) - _heading(joints[end])
    lacks = rot.arctan2(np.sin(lacks), np.cos(lacks))
    root, count = joints[:, 0].copy(), len(joints)
    travelled = np.linalg.norm(np.diff(root[:, _GROUND], axis=0), axis=1)
    turned = np.abs(np.diff(np.unwrap(_heading(joints))))
    yaw = lacks * _shares(turned, start, end, count)
    # The way bends with the heading.
    step = _turned(np.diff(root, axis=0), yaw[:-1])
    path = np.concatenate([root[:1], root[:1] + np.cumsum(step, axis=0)])
    path[:, _GROUND] += (pose[0] - path[end])[_GROUND] * _shares(travelled, start, end, count)[:, None]
    path[:, 1] = root[:, 1]
    bent: np.ndarray = path[:, None] + _turned(joints - root[:, None], yaw[:, None])
    return bent


_EVENLY = 0.2
"""Of what lacks, the share that is made up evenly over time, however the body moves."""


def _shares(amount: np.ndarray, start: int, end: int, count: int) -> np.ndarray:
    """(count,) from 0 at frame `start` to 1 at `end`, rising as `amount` (count - 1,) does between them."""
    done = np.clip((np.arange(count) - start) / (end - start), 0.0, 1.0)
    even = done * done * (3 - 2 * done)
    inside = np.zeros(count)
    # Fades in and out, so that neither end sees a jump in speed.
    inside[start + 1 : end + 1] = amount[start:end] * np.sin(np.pi * (done[start:end] + done[start + 1 : end + 1]) / 2)
    summed = np.cumsum(inside)
    if summed[-1] < 1e-3:
        return even
    shares: np.ndarray = _EVENLY * even + (1 - _EVENLY) * summed / summed[-1]
    return shares


def joined(new: Motion, first: int, end: int, kept: Kept, contacts: np.ndarray) -> Motion:
    """The frames first..end-1 of a motion, led into their neighbours.

    new: as solved, with what the networks made of the neighbours on both sides. contacts: (N, 2) where the toes of the
    new frames stand.
    """
    turns, root = new.rotations.astype(np.float64), new.root_translation.astype(np.float64)
    made, way = turns[first:end], root[first:end]
    if kept.before is not None:
        made, way = _eased(made, way, turns[first - 2 : first], root[first - 2 : first], kept.before, new.fps)
    if kept.after is not None:
        # The same with time the other way round.
        near, after = slice(end + 1, end - 1, -1), _reversed(kept.after)
        made, way = _eased(made[::-1], way[::-1], turns[near], root[near], after, new.fps)
        made, way = made[::-1], way[::-1]
    return _planted(Motion(new.fps, rot.normalize(made), way), kept, contacts)


def _planted(new: Motion, kept: Kept, contacts: np.ndarray) -> Motion:
    """The new part with feet that stand, also those that its neighbours have put down or will lift."""
    parts = [part for part in (kept.before, new, kept.after) if part is not None]
    first = kept.before.frames if kept.before is not None else 0
    stands = [contacts if part is new else toe_contacts(part.joints(), part.fps) for part in parts]
    inside = slice(first, first + new.frames)
    whole = raised(concatenated(parts), inside.start, inside.stop)
    turns = plant_feet(whole, inside.start, inside.stop, np.concatenate(stands))
    return Motion(new.fps, turns[inside], whole.root_translation[inside])


def concatenated(parts: Sequence[Motion]) -> Motion:
    """One motion after the other, on the skeleton of the first."""
    turns = np.concatenate([part.rotations for part in parts])
    return replace(parts[0], rotations=turns, root_translation=np.concatenate([p.root_translation for p in parts]))


def _reversed(motion: Motion) -> Motion:
    return Motion(motion.fps, motion.rotations[::-1], motion.root_translation[::-1])


def _eased(
    made: np.ndarray, way: np.ndarray, turns: np.ndarray, root: np.ndarray, kept: Motion, fps: float
) -> tuple[np.ndarray, np.ndarray]:
    """Rotations (N, 22, 4) and root (N, 3) that begin where a kept motion ends, as fast as it moves there.

    turns (2, 22, 4), root (2, 3): the two frames before as made. What they differ from the kept ones, in place and in
    speed, is carried on and fades (inertialisation, Bollo, GDC 2018). A joint that differs by much fades over to the
    kept pose itself: there, offsets that are added along a chain throw hands about.
    """
    reach = min(max(1, round(_BLEND_SECONDS * fps)), len(made) + 1)
    done = np.minimum(np.arange(1, len(made) + 1) / reach, 1.0)
    place = (1 + 2 * done) * (1 - done) ** 2
    speed = reach * done * (1 - done) ** 2
    last = np.maximum([kept.frames - 2, kept.frames - 1], 0)
    true, true_root = kept.rotations[last].astype(np.float64), kept.root_translation[last].astype(np.float64)
    lacks = rot.multiply(true, rot.conjugate(turns))
    change = rot.to_vector(rot.multiply(lacks[1], rot.conjugate(lacks[0])))
    offset = rot.from_vector(place[:, None, None] * rot.to_vector(lacks[1]) + speed[:, None, None] * change)
    carried = rot.multiply(offset, made)
    held = rot.slerp(made, np.broadcast_to(true[1], made.shape), place[:, None])
    far = rot.angle_between(true[1], turns[1]) > _FAR_RAD
    missed = true_root - root
    moved = way + place[:, None] * missed[1] + speed[:, None] * (missed[1] - missed[0])
    return np.where(far[None, :, None], held, carried), moved


def assemble(before: Motion | None, new: Motion, after: Motion | None, kept: Kept) -> Motion:
    """The motions before and after as they were given, with the new frames between them."""
    turns = new.rotations
    if before is not None:
        # New quaternions take the sign of those that they follow; the kept ones stay as they are.
        turns = rot.continuous(np.concatenate([before.rotations[-1:], turns]))[1:]
    own = Motion(new.fps, turns, new.root_translation * kept.ratio, _offsets(before, after))
    return concatenated([part for part in (before, own, after) if part is not None])

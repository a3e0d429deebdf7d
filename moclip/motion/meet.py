# SPDX-License-Identifier: Apache-2.0
"""A motion led through poses and pins: its way over the floor, its pose where something is held, its feet between.

Poses come first, then pins, which leave what the poses say alone. What a motion is asked to meet it meets as far as its
body reaches; `missed` tells by how much it does not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from . import rotations as rot
from .easing import eased
from .feet import toe_contacts
from .legs import SIDES, Foot, Leg, rested, with_feet
from .motion import Motion, forward_kinematics, world_rotations
from .pins import EFFECTORS, Aim, Anchor, Pin, Stop
from .skeleton import JOINT_INDEX
from .timing import retimed, standing_at_origin, strangeness
from .way import Post, Way, bent, heading, turned_on
from .whole_body import Pose, solve_pose

_GROUND = [0, 2]
_LEAN_M = 0.15
"""How far a body leans or steps aside for a pin, before its way goes there."""
_STRETCH = 0.998


@dataclass(frozen=True)
class _Feel:
    """seconds: how long before and after a body feels what it meets. off_floor: metres from which on a foot over its
    contact is one in the air, and not one that stands a little elsewhere."""

    seconds: float
    off_floor: float


_PINS, _POSES = _Feel(0.6, 0.015), _Feel(0.8, 0.05)
_ANKLES = {side: JOINT_INDEX[f"{side}_ankle"] for side in SIDES}


@dataclass(frozen=True)
class Span:
    """The frames first..end-1 that may change, between others that stay."""

    first: int
    end: int


def met(motion: Motion, pins: Sequence[Pin], anchors: Sequence[Anchor], span: Span | None = None) -> Motion:
    """The motion with its anchors and pins met; their seconds count from the span's first frame.

    A moment between two frames is met by whoever turns on evenly from one to the next. Where nothing is held, the
    motion is as it was, and feet that stand stay where they stood.
    """
    span = span or Span(0, motion.frames)
    count = span.end - span.first
    poses = {span.first + anchor.moment(motion.fps, count): _pose(anchor) for anchor in anchors}
    if poses:
        poses = dict(sorted(poses.items()))
        motion = _in_time(motion, poses, span)
        motion = _through_poses(motion, poses, span, toe_contacts(motion.joints(), motion.fps))
    aims = _aims(pins, motion, span)
    if aims:
        kept = sorted({frame for moment in poses for frame in _about(moment)})
        motion = _through_pins(motion, aims, kept, span, toe_contacts(motion.joints(), motion.fps))
    return motion


def along(motion: Motion, stops: Sequence[Stop]) -> Motion:
    """The motion led through places over the floor, by ascending seconds; feet that stand go on standing.

    Between two frames a place is met as nearly as the motion goes on evenly.
    """
    turns, root = motion.rotations.astype(np.float64), motion.root_translation.astype(np.float64)
    yaw = np.unwrap(heading(motion.joints().astype(np.float64)))
    moments = np.array([min(stop.seconds * motion.fps, motion.frames - 1) for stop in stops])
    own = np.array([at_moment(turns, root, moment).root[_GROUND] for moment in moments])
    places, frames = np.array([stop.place for stop in stops]), np.round(moments).astype(int)
    turned = turned_on(own, places)
    posts: dict[int, Post] = {}
    for stop, frame, at, on in zip(stops, frames, own, turned, strict=True):
        lacks = float(on) if stop.yaw is None else stop.yaw - float(yaw[frame])
        posts[int(frame)] = Post(int(frame), np.array(stop.place) + root[frame, _GROUND] - at, lacks)
    way = bent(root, yaw, [posts[frame] for frame in sorted(posts)], starts_where_it_was=False)
    path, carried = _carried(turns, root, way)
    whole = Span(0, motion.frames)
    return _warped(motion, path, carried, way, {}, [0], toe_contacts(motion.joints(), motion.fps), whole, _POSES)


def missed(motion: Motion, pins: Sequence[Pin], span: Span | None = None) -> list[tuple[float, float]]:
    """Of each pin by how many metres and radians it is missed at the most; 0 of what it leaves free."""
    span = span or Span(0, motion.frames)
    turns, root = motion.rotations.astype(np.float64), motion.root_translation.astype(np.float64)
    found = []
    for pin in pins:
        joint, off, turned = EFFECTORS[pin.effector], 0.0, 0.0
        for moment in pin.moments(motion.fps, span.end - span.first):
            pose = at_moment(turns, root, span.first + moment)
            if pin.place is not None:
                off = max(off, float(np.linalg.norm(_joints(pose, motion.offsets)[joint] - np.array(pin.place))))
            if pin.turn is not None:
                world = world_rotations(pose.rotations[None])[0, joint]
                turned = max(turned, float(rot.angle_between(world, rot.normalize(np.array(pin.turn)))))
        found.append((off, turned))
    return found


def at_moment(turns: np.ndarray, root: np.ndarray, moment: float) -> Pose:
    """The pose of rotations (T, 22, 4) and root (T, 3) at a frame or between two."""
    first = min(int(moment + 1e-6), len(root) - 1)
    second, share = min(first + 1, len(root) - 1), max(0.0, moment - first)
    place = root[first] + share * (root[second] - root[first])
    return Pose(rot.slerp(turns[first], turns[second], np.full(len(turns[first]), share)), place)


def _about(moment: float) -> list[int]:
    """The frames next to a moment."""
    first = int(moment + 1e-6)
    return [first] if moment - first < 1e-3 else [first, first + 1]


def _given(carried: np.ndarray, path: np.ndarray, moment: float, pose: Pose) -> dict[int, Pose]:
    """Poses of the frames about a moment that come to `pose` between them: the same change of both."""
    own = at_moment(carried, path, moment)
    change = rot.multiply(rot.conjugate(own.rotations), pose.rotations)
    return {
        frame: Pose(rot.normalize(rot.multiply(carried[frame], change)), path[frame] + pose.root - own.root)
        for frame in _about(moment)
    }


# -- poses -------------------------------------------------------------------------------------------------------------


def _in_time(motion: Motion, poses: Mapping[float, Pose], span: Span) -> Motion:
    return retimed(motion, {m: _stood(pose, motion.offsets) for m, pose in poses.items()}, span.first, span.end)


def unlike(joints: np.ndarray, fps: float, anchors: Sequence[Anchor], offsets: np.ndarray) -> float:
    """How far a motion of joints (T, 22, 3) is from poses that it could be led through, in metres a pose."""
    moments = {anchor.moment(fps, len(joints)): _pose(anchor) for anchor in anchors}
    return strangeness(joints, fps, {moment: _stood(pose, offsets) for moment, pose in moments.items()})


def _pose(anchor: Anchor) -> Pose:
    return Pose(rot.normalize(anchor.rotations.astype(np.float64)), anchor.root_translation.astype(np.float64))


def _stood(pose: Pose, offsets: np.ndarray) -> np.ndarray:
    joints = _joints(pose, offsets)
    return standing_at_origin(joints, heading(joints))


def _through_poses(motion: Motion, poses: Mapping[float, Pose], span: Span, contacts: np.ndarray) -> Motion:
    turns, root = motion.rotations.astype(np.float64), motion.root_translation.astype(np.float64)
    yaw = np.unwrap(heading(motion.joints().astype(np.float64)))
    posts: dict[int, Post] = {frame: Post(frame, root[frame, _GROUND]) for frame in _fence(span, motion.frames)}
    for moment, pose in poses.items():
        frame = round(moment)
        lacks = float(heading(_joints(pose, motion.offsets))) - yaw[frame]
        own = at_moment(turns, root, moment)
        posts[frame] = Post(frame, pose.root[_GROUND] + (root[frame] - own.root)[_GROUND], lacks)
    way = bent(root, yaw, [posts[frame] for frame in sorted(posts)], starts_where_it_was=span.first > 0)
    path, carried = _carried(turns, root, way)
    targets: dict[int, Pose] = {}
    for moment, pose in poses.items():
        targets |= _given(carried, path, moment, pose)
    return _warped(motion, path, carried, way, targets, _fence(span, motion.frames), contacts, span, _POSES)


def _fence(span: Span, frames: int) -> list[int]:
    """Frames that stay, next to the span."""
    return [span.first - 1] * (span.first > 0) + [span.end] * (span.end < frames)


def _joints(pose: Pose, offsets: np.ndarray) -> np.ndarray:
    joints: np.ndarray = forward_kinematics(pose.rotations[None], pose.root[None], offsets.astype(np.float64))[0]
    return joints


def _carried(turns: np.ndarray, root: np.ndarray, way: Way) -> tuple[np.ndarray, np.ndarray]:
    """Root (T, 3) and rotations (T, 22, 4) moved along a way."""
    carried = turns.copy()
    carried[:, 0] = rot.multiply(way.turns(), turns[:, 0])
    return way.moved(root[:, None])[:, 0], carried


# -- pins --------------------------------------------------------------------------------------------------------------


def _aims(pins: Sequence[Pin], motion: Motion, span: Span) -> dict[float, dict[int, Aim]]:
    """By moment and joint; where two pins say the same, the later one counts."""
    aims: dict[float, dict[int, Aim]] = {}
    for pin in pins:
        place = None if pin.place is None else np.array(pin.place, dtype=np.float64)
        turn = None if pin.turn is None else rot.normalize(np.array(pin.turn, dtype=np.float64))
        for moment in pin.moments(motion.fps, span.end - span.first):
            aims.setdefault(round(span.first + moment, 3), {})[EFFECTORS[pin.effector]] = Aim(place, turn)
    return dict(sorted(aims.items()))


def _through_pins(
    motion: Motion, aims: Mapping[float, Mapping[int, Aim]], kept: list[int], span: Span, contacts: np.ndarray
) -> Motion:
    turns, root = motion.rotations.astype(np.float64), motion.root_translation.astype(np.float64)
    held = {frame for moment in aims for frame in _about(moment)}
    fixed = [frame for frame in sorted({*_fence(span, motion.frames), *kept}) if frame not in held]
    posts = {frame: Post(frame, root[frame, _GROUND]) for frame in fixed}
    for moment, own in aims.items():
        loose = solve_pose(at_moment(turns, root, moment), motion.offsets, own, {})
        away = (loose.root - at_moment(turns, root, moment).root)[_GROUND]
        far = float(np.linalg.norm(away))
        frame = round(moment)
        if frame not in posts:
            place = root[frame, _GROUND] + away * max(0.0, 1 - _LEAN_M / max(far, 1e-9))
            posts[frame] = Post(frame, place)
    yaw = np.unwrap(heading(motion.joints().astype(np.float64)))
    way = bent(root, yaw, [posts[frame] for frame in sorted(posts)], starts_where_it_was=True)
    path, carried = _carried(turns, root, way)
    body = forward_kinematics(carried, path, motion.offsets.astype(np.float64))
    feet = _feet(motion, way, contacts, {}, body, _PINS)
    targets: dict[int, Pose] = {}
    begin, before = None, -2.0
    for moment, own in aims.items():
        stands = {_ANKLES[side]: feet[side].at(moment) for side in SIDES if _ANKLES[side] not in own}
        pose = at_moment(carried, path, moment)
        begin = solve_pose(pose, motion.offsets, own, stands, begin if moment - before <= 1 else None)
        targets |= _given(carried, path, moment, begin)
        before = moment
    return _warped(motion, path, carried, way, targets, fixed, contacts, span, _PINS)


# -- both --------------------------------------------------------------------------------------------------------------


def _feet(
    motion: Motion, way: Way, contacts: np.ndarray, poses: Mapping[int, Pose], moved: np.ndarray, feel: _Feel
) -> dict[str, Foot]:
    """moved: joints (T, 22, 3) of the body over them."""
    joints, world = motion.joints().astype(np.float64), world_rotations(motion.rotations.astype(np.float64))
    at = {f: (_joints(pose, motion.offsets), world_rotations(pose.rotations[None])[0]) for f, pose in poses.items()}
    feet = {}
    for column, (side, ankle) in enumerate(_ANKLES.items()):
        hip, knee, toe = (JOINT_INDEX[f"{side}_{part}"] for part in ("hip", "knee", "foot"))
        length = float(np.linalg.norm(motion.offsets[[knee, ankle]], axis=1).sum())
        # A leg that was straight already may stay so.
        reach = np.maximum(_STRETCH * length, np.linalg.norm(joints[:, hip] - joints[:, ankle], axis=1) + 1e-6)
        leg = Leg(moved[:, hip], reach, motion.offsets[toe].astype(np.float64), feel.off_floor)
        keys = {frame: (places[ankle], turns[ankle]) for frame, (places, turns) in at.items()}
        own = Foot(joints[:, ankle], world[:, ankle])
        feet[side] = rested(own, way, contacts[:, column], keys, leg, motion.fps)
    return feet


def _warped(
    motion: Motion, path: np.ndarray, carried: np.ndarray, way: Way, targets: Mapping[int, Pose], fixed: Sequence[int],
    contacts: np.ndarray, span: Span, feel: _Feel,
) -> Motion:  # fmt: skip
    """The carried motion through its target poses, with what stays at the fixed frames and outside the span."""
    still = {frame: Pose(carried[frame], path[frame]) for frame in fixed if frame not in targets}
    poses = dict(sorted({**targets, **still}.items()))
    frames = list(poses)
    reach = max(2, round(feel.seconds * motion.fps))
    twist = np.array([
        rot.to_vector(rot.multiply(rot.conjugate(carried[frame]), pose.rotations)) for frame, pose in poses.items()
    ])  # fmt: skip
    shift = np.array([pose.root - path[frame] for frame, pose in poses.items()])
    turns = rot.multiply(carried, rot.from_vector(eased(frames, twist, motion.frames, reach)))
    root = path + eased(frames, shift, motion.frames, reach)
    offsets = motion.offsets.astype(np.float64)
    feet = _feet(motion, way, contacts, poses, forward_kinematics(turns, root, offsets), feel)
    turns = with_feet(turns, root, offsets, feet)
    made = motion.rotations.copy()
    new = slice(span.first, span.end)
    made[new] = rot.continuous(turns)[new]
    place = motion.root_translation.copy()
    place[new] = root[new]
    return replace(motion, rotations=made, root_translation=place)

# SPDX-License-Identifier: Apache-2.0
"""Legs under a body that was moved: feet stand where they stood, or where they shall stand, and step between."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from . import rotations as rot
from .easing import smooth
from .feet import step_lifts
from .footing import bend_leg, contact_spans
from .motion import forward_kinematics, world_rotations
from .pins import Aim
from .skeleton import JOINT_INDEX, PARENTS
from .way import Way

_FADE_S, _STEP_S = 0.3, 0.4
_STEP_M, _LIFT, _MOST_LIFT_M = 0.03, 0.3, 0.08
"""From how far on a foot steps that should stand elsewhere, how high as a share of it, and at the most."""
_LIFT_S, _FEWEST = 0.15, 3
"""How much sooner a foot leaves for a key in the air; frames of a contact, at the least."""
_SMALL_STEP_M, _MOVED_M = 0.06, 0.01
SIDES = ("left", "right")


@dataclass(frozen=True)
class Foot:
    """An ankle over all frames: places (T, 3), turns (T, 4) in the world."""

    places: np.ndarray
    turns: np.ndarray

    def at(self, moment: float) -> Aim:
        """At a frame or between two."""
        first = min(int(moment + 1e-6), len(self.places) - 1)
        second, share = min(first + 1, len(self.places) - 1), max(0.0, moment - first)
        place = self.places[first] + share * (self.places[second] - self.places[first])
        return Aim(place, rot.slerp(self.turns[first], self.turns[second], np.array(share)))


@dataclass(frozen=True)
class _Stretch:
    """Frames first..last with a change of place and turn each, (N, 3)."""

    first: int
    last: int
    places: np.ndarray
    turns: np.ndarray


@dataclass(frozen=True)
class Leg:
    """What a foot hangs on: hips (T, 3), how far it is from them (T,) at the most, and the toes' offset from it.
    off_floor: metres from which on a key over a contact is a foot in the air."""

    hips: np.ndarray
    reach: np.ndarray
    toes: np.ndarray
    off_floor: float


def rested(
    foot: Foot, way: Way, stands: np.ndarray, keys: Mapping[int, tuple[np.ndarray, np.ndarray]], leg: Leg, fps: float
) -> Foot:
    """A foot that goes along a way: it stands in each contact as it stood there, moved as one, and is at each key.

    stands: (T,) whether it stands. keys: by frame, the ankle's place (3,) and turn (4,) there. Where the leg would not
    reach any more, the foot leaves the floor sooner, or comes to it later.
    """
    carried, turns = way.moved(foot.places[:, None])[:, 0], rot.multiply(way.turns(), foot.turns)
    places = carried
    stretches, left = [], sorted(keys)
    down = np.zeros(len(stands), dtype=bool)
    for first, last in contact_spans(stands, fps):
        frames = np.arange(first, last + 1)
        middle = np.full(len(frames), (first + last) // 2)
        stood = way.moved(foot.places[frames, None], middle)[:, 0]
        turned = rot.multiply(way.turns(middle), foot.turns[frames])
        if way.bends:
            # What slid a little before would slide on, and more of it.
            toes = stood + rot.rotate(turned, leg.toes)
            stood = stood + (np.median(toes, axis=0) - toes) * (1.0, 0.0, 1.0)
        here = [key for key in left if first <= key <= last]
        down_at = [key for key in here if keys[key][0][1] - stood[key - first, 1] < leg.off_floor]
        inside = [key for key in here if down_at and down_at[0] <= key <= down_at[-1]]
        if inside:
            change = np.array([keys[key][0] - stood[key - first] for key in inside])
            twist = np.array([
                rot.to_vector(rot.multiply(keys[key][1], rot.conjugate(turned[key - first]))) for key in inside
            ])  # fmt: skip
            stood = stood + _stepped(inside, change, frames, fps)
            turned = rot.multiply(rot.from_vector(_held(inside, twist, frames, fps)), turned)
        in_air = [key for key in here if key not in inside]
        room, sure = max(1, round(_LIFT_S * fps)), inside or [int(middle[0])]
        if in_air and not inside:
            away = np.abs(frames[:, None] - np.array(in_air)).min(axis=1)
            sure = [int(frames[away.argmax()])]
            if away.max() <= room:
                continue
        reached = _reached(stood, frames, leg, sure, in_air, room)
        left = [key for key in left if key not in frames[reached]]
        if reached.stop - reached.start >= _FEWEST or inside:
            part = frames[reached]
            twists = rot.to_vector(rot.multiply(turned[reached], rot.conjugate(turns[part])))
            stretches.append(_Stretch(int(part[0]), int(part[-1]), stood[reached] - places[part], twists))
            down[part] = True
    for key in left:
        twist = rot.to_vector(rot.multiply(keys[key][1], rot.conjugate(turns[key])))
        stretches.append(_Stretch(key, key, (keys[key][0] - places[key])[None], twist[None]))
    stretches.sort(key=lambda stretch: stretch.first)
    fade, count = max(2, round(_FADE_S * fps)), len(places)
    places = places + _joined(stretches, [s.places for s in stretches], count, fade)
    turns = rot.multiply(rot.from_vector(_joined(stretches, [s.turns for s in stretches], count, fade)), turns)
    moved = (np.linalg.norm(places - carried, axis=1) > _MOVED_M) | way.bends
    lifts = _lifts(places + rot.rotate(turns, leg.toes), down, moved, fps)
    away = np.min([np.abs(np.arange(count) - key) for key in keys], axis=0) if keys else np.full(count, count)
    places[:, 1] += lifts * smooth(np.clip(away / max(2, round(_LIFT_S * fps)), 0.0, 1.0))
    return Foot(places, turns)


def _lifts(toes: np.ndarray, down: np.ndarray, moved: np.ndarray, fps: float) -> np.ndarray:
    """(T,) metres to raise toes (T, 3) by, so that each moved step between two contacts clears the floor, small ones
    too."""
    lift = np.zeros(len(toes))
    usual = step_lifts(toes, down, fps)
    for leaves, lands in _gaps(down):
        if not moved[leaves : lands + 1].any():
            continue
        lift[leaves + 1 : lands] = usual[leaves + 1 : lands]
        travel, gap = np.linalg.norm((toes[lands] - toes[leaves])[[0, 2]]), lands - leaves
        if travel < _STEP_M or gap < _FEWEST:
            continue
        done = np.linspace(0, 1, gap + 1)[1:-1]
        arch = _SMALL_STEP_M * np.sin(np.pi * done) ** 0.5
        floor = toes[leaves, 1] + (toes[lands, 1] - toes[leaves, 1]) * done
        inside = slice(leaves + 1, lands)
        lift[inside] = np.maximum(lift[inside], floor + arch - toes[inside, 1])
    return lift


def _gaps(down: np.ndarray) -> list[tuple[int, int]]:
    """(last frame of a contact, first of the next) of (T,) contacts."""
    edges = np.diff(down.astype(int))
    leaves, lands = np.flatnonzero(edges < 0), np.flatnonzero(edges > 0) + 1
    return [(int(a), int(lands[lands > a][0])) for a in leaves if (lands > a).any()]


def _reached(stood: np.ndarray, frames: np.ndarray, leg: Leg, sure: list[int], in_air: list[int], room: int) -> slice:
    """Of a contact's frames those about the sure ones in which the leg reaches, away from those in the air."""
    near = np.linalg.norm(leg.hips[frames] - stood, axis=1) <= leg.reach[frames]
    for key in in_air:
        near &= np.abs(frames - key) > room
    begin, end = sure[0] - int(frames[0]), sure[-1] - int(frames[0])
    first, last = begin, end
    while first > 0 and near[first - 1]:
        first -= 1
    while last < len(frames) - 1 and near[last + 1]:
        last += 1
    return slice(first, last + 1)


def _held(keys: list[int], values: np.ndarray, frames: np.ndarray, fps: float) -> np.ndarray:
    """(N, D) what is (K, D) at keys inside the frames of a contact: constant, and changed in the time of a step."""
    made = np.repeat(values[:1], len(frames), axis=0)
    for (a, start), (b, end) in zip(
        zip(keys, values, strict=True), zip(keys[1:], values[1:], strict=False), strict=False
    ):
        room = min(b - a, max(2, round(_STEP_S * fps)))
        begin = a + (b - a - room) / 2
        share = smooth(np.clip((frames - begin) / room, 0.0, 1.0))[:, None]
        made = np.where(frames[:, None] > a, start + (end - start) * share, made)
    return made


def _stepped(keys: list[int], changes: np.ndarray, frames: np.ndarray, fps: float) -> np.ndarray:
    """As `_held`, off the floor where the foot goes far."""
    made = _held(keys, changes, frames, fps)
    for a, b, far in zip(keys, keys[1:], np.linalg.norm(np.diff(changes, axis=0), axis=1), strict=False):
        if far < _STEP_M:
            continue
        room = min(b - a, max(2, round(_STEP_S * fps)))
        share = np.clip((frames - (a + (b - a - room) / 2)) / room, 0.0, 1.0)
        made[:, 1] += min(_LIFT * far, _MOST_LIFT_M) * np.sin(np.pi * share)
    return made


def _joined(stretches: list[_Stretch], values: list[np.ndarray], count: int, fade: int) -> np.ndarray:
    """(count, 3) the changes of all stretches, going over into one another, and to nothing before and after."""
    made = np.zeros((count, 3))
    at, before = -1, np.zeros(3)
    for number, (stretch, own) in enumerate(zip(stretches, values, strict=True)):
        begin = max(at, stretch.first - fade) if number == 0 else at
        _blend(made, begin, stretch.first, before, own[0])
        made[stretch.first : stretch.last + 1] = own
        at, before = stretch.last, own[-1]
    if stretches:
        _blend(made, at, min(at + fade, count), before, np.zeros(3))
    return made


def _blend(made: np.ndarray, first: int, last: int, start: np.ndarray, end: np.ndarray) -> None:
    inside = np.arange(max(first + 1, 0), min(last, len(made)))
    made[inside] = start + (end - start) * smooth((inside - first) / max(last - first, 1))[:, None]


def with_feet(turns: np.ndarray, root: np.ndarray, offsets: np.ndarray, feet: Mapping[str, Foot]) -> np.ndarray:
    """Rotations (T, 22, 4) with ankles where and as `feet` has them, by side, as near as legs reach."""
    joints = forward_kinematics(turns, root, offsets)
    world = world_rotations(turns)
    made = turns.copy()
    for side, foot in feet.items():
        hip, knee, ankle = (JOINT_INDEX[f"{side}_{part}"] for part in ("hip", "knee", "ankle"))
        new_knee, new_ankle = bend_leg(joints[:, hip], joints[:, knee], joints[:, ankle], foot.places)
        thigh = rot.between(joints[:, knee] - joints[:, hip], new_knee - joints[:, hip])
        upper = rot.multiply(thigh, world[:, hip])
        carried = rot.multiply(thigh, world[:, knee])
        shin = rot.rotate(thigh, joints[:, ankle] - joints[:, knee])
        lower = rot.multiply(rot.between(shin, new_ankle - new_knee), carried)
        parent = world[:, PARENTS[hip]]
        for joint, turned in ((hip, upper), (knee, lower), (ankle, foot.turns)):
            made[:, joint] = rot.multiply(rot.conjugate(parent), turned)
            parent = turned
    return made

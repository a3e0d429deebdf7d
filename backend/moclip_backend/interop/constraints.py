# SPDX-License-Identifier: Apache-2.0
"""The constraints of a request of MMCP: joints at places, poses, and the way over the floor."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from moclip.errors import MoclipError
from moclip.generate.held import held
from moclip.motion.meet import along
from moclip.motion.pins import EFFECTORS, Anchor, Pin, Stop
from moclip.motion.skeleton import JOINT_COUNT, JOINT_INDEX, JOINT_NAMES
from moclip.prompts.held import check_held
from moclip.prompts.requests import Request, Result

OFFERED = ("root_path", "effector_target", "pose_keyframe")
_EFFECTOR_OF = {JOINT_NAMES[joint]: name for name, joint in EFFECTORS.items()}
_SAME = 1e-6


@dataclass(frozen=True)
class Constraints:
    """pins, anchors: as of a request of ours. stops: of the root on its way over the floor, by ascending seconds."""

    pins: tuple[Pin, ...] = ()
    anchors: tuple[Anchor, ...] = ()
    stops: tuple[Stop, ...] = ()

    def given(self, request: Request) -> Request:
        """The request with what a model meets by itself. Where there is a way, it comes first: see `met`."""
        return request if self.stops else replace(request, pins=self.pins, anchors=self.anchors)

    def met(self, result: Result) -> Result:
        """A result of `given`'s request that meets them all; joints and poses leave the way where they must."""
        if not self.stops:
            return result
        request = Request(result.motion.text, pins=self.pins, anchors=self.anchors)
        return held(replace(result, motion=along(result.motion, self.stops)), request)


def constraints_of(asked: Any, rate: float) -> Constraints:
    """Those of a motionmcp GenerateRequest at `rate` frames a second. Raises MoclipError for what nobody can meet.

    Places are in the motion's own space (metres, Y up), turns of joints in it too; a pose's rotations are relative to
    the parents, as in what is answered.
    """
    pins: list[Pin] = []
    anchors: list[Anchor] = []
    stops: list[Stop] = []
    for one in asked.constraints:
        if one.type == "effector_target":
            pins += _pins(one, rate)
        elif one.type == "pose_keyframe":
            anchors.append(_anchor(one, rate))
        else:
            headings = one.heading_radians or [None] * len(one.frames)
            stops += [
                Stop(frame / rate, (float(place[0]), float(place[1])), None if yaw is None else float(yaw))
                for frame, place, yaw in zip(one.frames, one.positions_xz, headings, strict=True)
            ]
    stops.sort(key=lambda stop: stop.seconds)
    if any(b.seconds - a.seconds < _SAME for a, b in zip(stops, stops[1:], strict=False)):
        raise MoclipError("Two root paths tell the same frame.", hint="Leave one out.", code="bad_pins")
    check_held(pins, anchors, asked.total_frames / rate)
    return Constraints(tuple(pins), tuple(sorted(anchors, key=lambda anchor: anchor.seconds)), tuple(stops))


def _pins(one: Any, rate: float) -> list[Pin]:
    """A pin a frame, or one for frames that follow one another and say the same."""
    effector = _EFFECTOR_OF.get(one.joint)
    if effector is None:
        raise MoclipError(
            f"The joint '{one.joint}' cannot be held.", hint=f"These can: {', '.join(_EFFECTOR_OF)}.", code="bad_pins"
        )
    turns = [None] * len(one.frames) if one.rotations is None else [_wxyz(turn) for turn in one.rotations]
    made: list[Pin] = []
    last = -2
    for frame, place, turn in sorted(zip(one.frames, one.positions, turns, strict=True), key=lambda row: row[0]):
        pin = Pin(effector, frame / rate, _three(place), turn)
        if made and frame == last + 1 and (made[-1].place, made[-1].turn) == (pin.place, pin.turn):
            made[-1] = replace(made[-1], until=frame / rate)
        else:
            made.append(pin)
        last = frame
    return made


def _anchor(one: Any, rate: float) -> Anchor:
    turns, told = np.tile([1.0, 0.0, 0.0, 0.0], (JOINT_COUNT, 1)), _turns(one.joint_rotations)
    missing = [name for name in JOINT_NAMES if name not in told]
    if one.root_position is None or (missing and one.fill_mode != "rest"):
        lacks = "where its root is" if one.root_position is None else f"how '{missing[0]}' is turned"
        raise MoclipError(
            f"The pose of frame {one.frame} does not say {lacks}.",
            hint="Give all joints' rotations and the root's position, or hold single joints by effector targets.",
            code="bad_anchors",
        )
    for name, turn in told.items():
        turns[JOINT_INDEX[name]] = turn
    return Anchor(one.frame / rate, turns, np.array(_three(one.root_position)))


def _turns(rotations: Mapping[str, Sequence[float]]) -> dict[str, tuple[float, ...]]:
    return {name: _wxyz(turn) for name, turn in rotations.items() if name in JOINT_INDEX}


def _wxyz(turn: Sequence[float]) -> tuple[float, float, float, float]:
    x, y, z, w = map(float, turn)
    return w, x, y, z


def _three(place: Sequence[float]) -> tuple[float, float, float]:
    x, y, z = map(float, place)
    return x, y, z

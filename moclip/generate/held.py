# SPDX-License-Identifier: Apache-2.0
"""Motions held to pins and poses that a request gives."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from moclip.errors import MoclipError
from moclip.generate.plan import LinePlan, Plan
from moclip.generators.base.codec import Codec
from moclip.motion.features import features_to_joints
from moclip.motion.meet import Span, met, missed, unlike
from moclip.motion.skeleton import REST_OFFSETS
from moclip.prompts.held import last_held
from moclip.prompts.requests import Checked, Request, Result

_NEAR_M, _NEAR = 0.01, np.radians(2.0)
"""A pin that is missed by more than this is told."""


def long_enough(asked: Checked, lines: Sequence[LinePlan], fps: float, longest: int) -> list[LinePlan]:
    """The lines, of which one that lasts as long as the model likes reaches to what is to be met last.

    longest: frames of a line. Raises MoclipError (code "bad_pins") where none can.
    """
    request, lines = asked.request, list(lines)
    missing = int(np.ceil(last_held(request.pins, request.anchors) * fps)) + 1 - sum(line.frames for line in lines)
    for place in reversed(range(len(lines))):
        if missing > 0 and asked.lines[place].seconds is None:
            more = min(missing, longest - lines[place].frames)
            lines[place] = replace(lines[place], frames=lines[place].frames + more)
            missing -= more
    # A pin at the very end is met by the last frame.
    if missing > 1:
        raise MoclipError(
            f"The motion ends {missing / fps:.1f} seconds before what it is to meet last.",
            hint="Give more seconds, or another line, or move the pin.",
            code="bad_pins",
        )
    return lines


def nearest_takes(
    codec: Codec,
    codes: np.ndarray,
    best: np.ndarray,
    plans: Sequence[Plan],
    requests: Sequence[Request],
    takes: Sequence[int],
    fps: float,
) -> np.ndarray:
    """Rows of the takes (B,): of a request with poses the one that comes nearest to them, of others their `best`."""
    ends, chosen = np.cumsum(takes), best.copy()
    for k, (plan, request) in enumerate(zip(plans, requests, strict=True)):
        if not request.anchors or takes[k] == 1:
            continue
        rows, first = range(ends[k] - takes[k], ends[k]), plan.first * codec.stride
        features = codec.decode(codes[rows[0] : rows[-1] + 1, : len(plan.known)])
        clips = [features_to_joints(own)[first : first + plan.frames] for own in features]
        chosen[k] = rows[int(np.argmin([unlike(clip, fps, request.anchors, REST_OFFSETS) for clip in clips]))]
    return chosen


def held(result: Result, request: Request) -> Result:
    """A result that meets the request's poses and pins, with a warning for each pin out of reach."""
    if not request.pins and not request.anchors:
        return result
    first, end = result.new
    motion = met(result.motion, request.pins, request.anchors, Span(first, end))
    told = []
    for pin, (off, turned) in zip(request.pins, missed(motion, request.pins, Span(first, end)), strict=True):
        if off > _NEAR_M or turned > _NEAR:
            far = f"{100 * off:.0f} cm" if off > _NEAR_M else f"{np.degrees(turned):.0f} degrees"
            name = pin.effector.replace("_", " ")
            told.append(f"The pin of the {name} at second {pin.seconds:.1f} is out of reach by {far}.")
    return replace(result, motion=motion, warnings=(*result.warnings, *told))

# SPDX-License-Identifier: Apache-2.0
"""Prompts that tell two actions at once, as requests of their own: what goes, and what the arms do over it.

Both are sampled in one batch, each as the single action that the networks know best, and put together bone by bone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from moclip.generate.plan import Plan
from moclip.motion.layering import busy_arms, faded, layered
from moclip.motion.motion import Motion
from moclip.prompts.limits import SHORTEST_SECONDS
from moclip.prompts.requests import Checked, Line, Result
from moclip.prompts.together import Layer, read_together

_FADE_SECONDS = 0.3
"""In which arms go over to what they do at the same time, and back."""


@dataclass(frozen=True)
class Over:
    """A layer of a request. request: its place in the batch. line, layer: where in it."""

    request: int
    line: int
    layer: Layer


@dataclass(frozen=True)
class Part:
    """What is sampled for a layer. first, end: of the request's new frames, those that it lies over."""

    over: Over
    asked: Checked
    first: int
    end: int


def read_layers(checked: Sequence[Checked]) -> tuple[list[Checked], list[Over]]:
    """The requests without what is done at the same time, and that."""
    bases, overs = [], []
    for k, asked in enumerate(checked):
        lines = []
        for number, line in enumerate(asked.lines):
            read = read_together(line.text)
            lines.append(replace(line, text=read.base))
            overs += [Over(k, number, layer) for layer in read.layers]
        bases.append(replace(asked, lines=tuple(lines)))
    return bases, overs


def layer_parts(
    checked: Sequence[Checked], plans: Sequence[Plan], overs: Sequence[Over], stride: int, fps: float
) -> list[Part]:
    """What to sample for each layer, as long as the clause that it lies over.

    One that lies over all of a request is made between the same neighbours; others fade in and out.
    """
    parts = []
    for over in overs:
        asked, plan = checked[over.request], plans[over.request]
        spans = plan.spans[over.line]
        # A line that is too short for its clauses follows its sentence as a whole.
        first, end = spans[over.layer.clause] if over.layer.clause < len(spans) else (spans[0][0], spans[-1][1])
        first, end = min(first * stride, plan.frames - 1), min(end * stride, plan.frames)
        whole = (first, end) == (0, plan.frames)
        request = replace(asked.request, pins=(), anchors=())
        request = request if whole else replace(request, before=None, after=None)
        seconds = (end - first) / fps if request.has_context else max((end - first) / fps, SHORTEST_SECONDS)
        own = replace(
            asked, request=request, text=over.layer.text, lines=(Line(over.layer.text, seconds),), warnings=()
        )
        parts.append(Part(over, own, first, end))
    return parts


def with_layers(result: Result, parts: Sequence[tuple[Part, Result]]) -> Result:
    """A result with its layers over its new frames; all that they do not lie over stays to the last bit."""
    motion, begin = result.motion, result.new[0]
    for part, made in parts:
        first, last = begin + part.first, begin + part.end
        own = _cut(made.motion, made.new[0], part.end - part.first)
        limbs = busy_arms(own) if part.over.layer.limbs == "arms" else part.over.layer.limbs
        # Between neighbours the layer itself was led into them.
        led = part.asked.request.has_context
        fade = round(_FADE_SECONDS * motion.fps)
        inside = (not led and first > 0, not led and last < motion.frames)
        weights = faded(motion.frames, first, last, fade, begins=inside[0], ends=inside[1])
        motion = layered(motion, _padded(own, first, motion.frames), limbs, weights)
    return replace(result, motion=motion)


def _cut(motion: Motion, first: int, frames: int) -> Motion:
    span = slice(first, first + frames)
    return replace(motion, rotations=motion.rotations[span], root_translation=motion.root_translation[span])


def _padded(motion: Motion, first: int, frames: int) -> Motion:
    """As long as the whole; frames outside have no weight."""
    at = np.clip(np.arange(frames) - first, 0, motion.frames - 1)
    return replace(motion, rotations=motion.rotations[at], root_translation=motion.root_translation[at])

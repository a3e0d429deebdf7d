# SPDX-License-Identifier: Apache-2.0
"""What is asked of the model: one prompt or several in turn, on their own or between motions that are there already."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moclip.errors import MoclipError
from moclip.motion.motion import Motion
from moclip.motion.pins import Anchor, Pin
from moclip.prompts.checks import check_prompt, check_seconds
from moclip.prompts.held import check_held
from moclip.prompts.limits import LONGEST_SCRIPT_SECONDS, MAX_LINES, SHORTEST_BETWEEN_SECONDS, SHORTEST_SECONDS


@dataclass(frozen=True)
class Line:
    """A prompt of a script. seconds: None asks the length predictor."""

    text: str
    seconds: float | None = None


@dataclass(frozen=True)
class Request:
    """text: English. seconds: None asks the length predictor. seed: 0 or more.

    script: several prompts that are done one after the other, blended, instead of `text` and `seconds`; `text` is then
    only what the motion is called. before, after: motions of the model's frame rate that the new one continues from and
    leads to. They stay as they are, and the result holds all three. pins, anchors: what the new part meets, in the
    space of the motion before or after, else of the motion itself, which begins at the origin and faces +Z.
    """

    text: str
    seconds: float | None = None
    seed: int = 0
    script: tuple[Line, ...] = ()
    before: Motion | None = None
    after: Motion | None = None
    pins: tuple[Pin, ...] = ()
    anchors: tuple[Anchor, ...] = ()

    @property
    def has_context(self) -> bool:
        return self.before is not None or self.after is not None


@dataclass(frozen=True)
class Result:
    """tokens: (S, Q) codes. warnings: sentences for the user. new: the frames first..end-1 that were generated."""

    motion: Motion
    seconds: float
    seed: int
    warnings: tuple[str, ...]
    tokens: NDArray[Any]
    new: tuple[int, int]


@dataclass(frozen=True)
class Checked:
    """A request that can be served. text: its name. lines: at least one."""

    request: Request
    text: str
    lines: tuple[Line, ...]
    seed: int
    warnings: tuple[str, ...]


def check_request(request: Request, fps: float = 20.0) -> Checked:
    """Raises MoclipError for prompts, seconds, seeds, scripts or contexts that cannot be served at `fps`."""
    shortest = SHORTEST_BETWEEN_SECONDS if request.has_context else SHORTEST_SECONDS
    asked = request.script or (Line(request.text, request.seconds),)
    if len(asked) > MAX_LINES:
        raise MoclipError(
            f"A script has at most {MAX_LINES} prompts, not {len(asked)}.", hint="Split it.", code="bad_script"
        )
    prompts = [check_prompt(line.text) for line in asked]
    lines = tuple(
        Line(prompt, check_seconds(line.seconds, shortest)) for (prompt, _), line in zip(prompts, asked, strict=True)
    )
    check_script_seconds(sum(line.seconds or 0.0 for line in lines))
    _check_context(request, fps)
    open_ended = any(line.seconds is None for line in lines)
    check_held(request.pins, request.anchors, None if open_ended else sum(line.seconds or 0.0 for line in lines))
    name = " ".join(request.text.split()) or "; ".join(line.text for line in lines)
    warnings = tuple(dict.fromkeys(warning for _, told in prompts for warning in told))
    return Checked(request, name if request.script else lines[0].text, lines, _check_seed(request.seed), warnings)


def check_script_seconds(seconds: float) -> None:
    """Raises MoclipError for a script that lasts too long in all."""
    if seconds > LONGEST_SCRIPT_SECONDS + 1e-6:
        raise MoclipError(
            f"A script lasts {LONGEST_SCRIPT_SECONDS:.0f} seconds at most, this one {seconds:.1f}.",
            hint="Split it.",
            code="bad_script",
        )


def _check_context(request: Request, fps: float) -> None:
    kept: Sequence[Motion] = [motion for motion in (request.before, request.after) if motion is not None]
    if any(abs(motion.fps - fps) > 1e-3 for motion in kept):
        raise MoclipError(
            f"The model continues motions of {fps:g} frames a second, not {kept[0].fps:g}.",
            hint="Resample it first.",
            code="bad_context",
        )
    if len(kept) == 2 and not np.allclose(kept[0].offsets, kept[1].offsets, atol=1e-3):
        raise MoclipError("The motions before and after have different skeletons.", code="bad_context")


def _check_seed(seed: int) -> int:
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or not 0 <= seed < 2**63:
        raise MoclipError(
            f"The seed must be a whole number from 0 on, not {seed!r}.", hint="Use 0, 1, 2 ...", code="bad_seed"
        )
    return int(seed)

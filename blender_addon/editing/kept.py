# SPDX-License-Identifier: GPL-3.0-or-later
"""Frames within a range that stay as they are, while what is between them is made anew.

The model is told their poses and meets them; what then differs by the rig's own legs is taken out here, eased.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from ..rig.pose import BoneCurves
from ..shared import rotations
from ..shared.easing import eased

_REACH_SECONDS = 0.4
"""How long before and after a frame that stays it is felt."""


def led_through(
    curves: Sequence[BoneCurves], own: Sequence[BoneCurves], kept: Sequence[int], fps: float
) -> list[BoneCurves]:
    """Curves that are those of the rig's own at the frames `kept`, which count from their first one and ascend.

    own: of the same frames.
    """
    if not kept:
        return list(curves)
    at, reach = list(kept), max(2, round(_REACH_SECONDS * fps))
    of, made = {one.bone: one for one in own}, []
    for one in curves:
        wanted = of.get(one.bone)
        if wanted is None:
            made.append(one)
            continue
        turn = rotations.multiply(rotations.conjugate(one.rotation[at]), wanted.rotation[at])
        change = rotations.from_vector(eased(at, rotations.to_vector(turn), len(one.rotation), reach))
        turned, location = rotations.continuous(rotations.multiply(one.rotation, change)), one.location
        if location is not None and wanted.location is not None:
            location = location + eased(at, wanted.location[at] - location[at], len(location), reach)
        made.append(replace(one, rotation=turned, location=location))
    return made


def moments(kept: Sequence[int], first: int, end: int, fps: float, longest: float) -> tuple[tuple[int, float], ...]:
    """The frames of `kept` in first..end-1, in order, each with its second from the first one on; `longest` at most."""
    inside = sorted({frame for frame in kept if first <= frame < end})
    return tuple((frame, min((frame - first) / fps, longest)) for frame in inside)


def filled(kept: Iterable[int], start: int, length: int | None) -> tuple[int, int] | None:
    """The frames first..end-1 that a motion fills that begins at `start` and meets frames of `kept`; None where it
    meets none. length: in frames of the scene; None is up to the last one that is kept."""
    ahead = [frame for frame in kept if frame >= start and (length is None or frame < start + length)]
    if not ahead:
        return None
    return start, max(ahead) + 1 if length is None else start + length


def chosen(frames: np.ndarray) -> list[int]:
    """The whole frames that times (N,) are nearest to, each once."""
    return sorted({round(float(frame)) for frame in frames})

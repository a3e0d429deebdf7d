# SPDX-License-Identifier: Apache-2.0
"""What a motion may be held to: how many pins and poses, of what, and when."""

import math
from collections.abc import Sequence

import numpy as np

from moclip.errors import MoclipError
from moclip.motion.pins import EFFECTORS, Anchor, Pin
from moclip.motion.skeleton import JOINT_COUNT
from moclip.prompts.limits import FARTHEST_PIN, LONGEST_SCRIPT_SECONDS, MAX_ANCHORS, MAX_PINS


def check_held(pins: Sequence[Pin], anchors: Sequence[Anchor], seconds: float | None) -> None:
    """Raises MoclipError (code "bad_pins" or "bad_anchors") for what cannot be met in a motion of so many seconds, None
    where the model chooses how many."""
    if len(pins) > MAX_PINS:
        raise _bad(f"A motion has at most {MAX_PINS} pins, not {len(pins)}.", hint="Leave some out.")
    for pin in pins:
        _check_pin(pin)
    if len(anchors) > MAX_ANCHORS:
        told = f"A motion meets at most {MAX_ANCHORS} poses, not {len(anchors)}."
        raise _bad(told, hint="Mark fewer frames.", code="bad_anchors")
    for anchor in anchors:
        _check_anchor(anchor)
    moments = [anchor.seconds for anchor in anchors]
    if len({round(moment, 3) for moment in moments}) != len(moments):
        raise _bad("Two poses are marked at the same time.", hint="Leave one out.", code="bad_anchors")
    if seconds is not None and last_held(pins, anchors) > seconds + 1e-6:
        raise _bad(
            f"The motion ends at second {seconds:g}, before what it is to meet at second {last_held(pins, anchors):g}.",
            hint="Make it longer, or move the pin.",
        )


def last_held(pins: Sequence[Pin], anchors: Sequence[Anchor]) -> float:
    """Second at which the last of them is; 0 without any."""
    ends = [pin.seconds if pin.until is None else pin.until for pin in pins]
    return max([*ends, *(anchor.seconds for anchor in anchors)], default=0.0)


def _check_pin(pin: Pin) -> None:
    if pin.effector not in EFFECTORS:
        raise _bad(f"Nothing called '{pin.effector}' can be pinned.", hint=f"Use: {', '.join(EFFECTORS)}.")
    name = pin.effector.replace("_", " ")
    _check_moment(pin.seconds, f"pin of the {name}", "bad_pins")
    if pin.until is not None:
        _check_moment(pin.until, f"pin of the {name}", "bad_pins")
        if pin.until < pin.seconds:
            raise _bad(f"The pin of the {name} ends before it begins.", hint="Give 'until' a later second.")
    if pin.place is None and pin.turn is None:
        raise _bad(f"The pin of the {name} has neither a place nor a turn.", hint="Give it one of the two.")
    if pin.place is not None and not (
        _numbers(pin.place, 3) and max(abs(value) for value in pin.place) <= FARTHEST_PIN
    ):
        hint = "Three numbers in metres, y up."
        raise _bad(f"The place of the pin of the {name} is none within {FARTHEST_PIN:g} metres.", hint=hint)
    if pin.turn is not None and not (_numbers(pin.turn, 4) and abs(math.hypot(*pin.turn) - 1) < 1e-2):
        raise _bad(f"The turn of the pin of the {name} is no rotation.", hint="A unit quaternion: w, x, y, z.")


def _check_anchor(anchor: Anchor) -> None:
    _check_moment(anchor.seconds, "pose", "bad_anchors")
    turns, root = np.asarray(anchor.rotations), np.asarray(anchor.root_translation)
    fits = turns.shape == (JOINT_COUNT, 4) and root.shape == (3,)
    if not fits or not np.isfinite(root).all() or not (np.abs(np.linalg.norm(turns, axis=1) - 1) < 1e-2).all():
        told = f"The pose at second {anchor.seconds:g} is not one of {JOINT_COUNT} joints."
        raise _bad(told, hint="Take it from a motion of the model's skeleton.", code="bad_anchors")


def _check_moment(seconds: float, what: str, code: str) -> None:
    number = isinstance(seconds, int | float) and not isinstance(seconds, bool) and math.isfinite(seconds)
    if not number or not 0 <= seconds <= LONGEST_SCRIPT_SECONDS:
        told = f"A {what} is at a second from 0 to {LONGEST_SCRIPT_SECONDS:g}, not {seconds!r}."
        raise _bad(told, hint="Count from where the new motion begins.", code=code)


def _numbers(values: Sequence[float], count: int) -> bool:
    return len(values) == count and all(
        isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) for value in values
    )


def _bad(message: str, *, hint: str, code: str = "bad_pins") -> MoclipError:
    return MoclipError(message, hint=hint, code=code)

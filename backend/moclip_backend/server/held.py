# SPDX-License-Identifier: Apache-2.0
"""Pins and poses of a `submit`. Types are judged here, values by `moclip.prompts.held`."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moclip.errors import MoclipError
from moclip.motion.pins import Anchor, Pin
from moclip.motion.skeleton import JOINT_COUNT
from moclip.prompts.limits import MAX_ANCHORS, MAX_PINS
from moclip_backend import wire

_NUMBER = (int, float)


def read_pins(entries: Any) -> tuple[Pin, ...]:
    """The pins of a request, of which null is none. Raises MoclipError for anything malformed."""
    if entries is None:
        return ()
    if not isinstance(entries, list) or len(entries) > MAX_PINS:
        raise _bad(f"Pins are a list of at most {MAX_PINS}.")
    return tuple(_pin(entry) for entry in entries)


def read_anchors(header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> tuple[Anchor, ...]:
    """The poses that all requests of a submit meet. Raises MoclipError for anything malformed."""
    seconds = header.get("anchor_seconds")
    turns, root = arrays.get("anchor_rotations"), arrays.get("anchor_root_translation")
    if seconds is None and turns is None and root is None:
        return ()
    if not isinstance(seconds, list) or not 1 <= len(seconds) <= MAX_ANCHORS or not all(map(_is_number, seconds)):
        raise _bad(f"anchor_seconds is a list of 1 to {MAX_ANCHORS} numbers.")
    if turns is None or root is None or turns.dtype != np.float32 or root.dtype != np.float32:
        raise _bad("Poses have anchor_rotations and an anchor_root_translation, both f4.")
    if turns.shape != (len(seconds), JOINT_COUNT, 4) or root.shape != (len(seconds), 3):
        raise _bad(f"Poses are (A, {JOINT_COUNT}, 4) and (A, 3), one for each of anchor_seconds.")
    return tuple(Anchor(float(at), turn, place) for at, turn, place in zip(seconds, turns, root, strict=True))


def _pin(entry: Any) -> Pin:
    if not isinstance(entry, dict) or not isinstance(entry.get("effector"), str) or len(entry["effector"]) > 64:
        raise _bad("A pin has an effector.")
    if not _is_number(entry.get("seconds")) or not (entry.get("until") is None or _is_number(entry["until"])):
        raise _bad("A pin has seconds, and until is a number of seconds or null.")
    return Pin(
        entry["effector"], float(entry["seconds"]), _numbers(entry.get("place"), 3), _numbers(entry.get("turn"), 4),
        None if entry.get("until") is None else float(entry["until"]),
    )  # fmt: skip


def _numbers(values: Any, count: int) -> Any:
    if values is None:
        return None
    if not isinstance(values, list) or len(values) != count or not all(map(_is_number, values)):
        raise _bad(f"The place of a pin is three numbers and its turn four, not {count} of something else.")
    return tuple(float(value) for value in values)


def _is_number(value: Any) -> bool:
    return type(value) in _NUMBER and abs(value) < 1e300


def _bad(message: str) -> MoclipError:
    return MoclipError(message, code=wire.BAD_REQUEST)

# SPDX-License-Identifier: Apache-2.0
"""What a `submit` asks for, as requests to the engine. Types are judged here, values by the engine."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moclip.errors import MoclipError
from moclip.motion.motion import Motion
from moclip.motion.pins import Anchor
from moclip.motion.skeleton import JOINT_COUNT
from moclip.prompts.limits import LONGEST_PROMPT, MAX_BATCH, MAX_CONTEXT_FRAMES, MAX_LINES
from moclip.prompts.requests import Line, Request
from moclip_backend import wire
from moclip_backend.server.held import read_anchors, read_pins

MAX_MODEL_NAME = 200


def read_requests(header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], fps: float) -> list[Request]:
    """The requests of a submit; its context, at `fps`, counts for each. Raises MoclipError for anything malformed."""
    entries = header.get("requests")
    if not isinstance(entries, list) or not 1 <= len(entries) <= MAX_BATCH:
        raise _bad(f"A submit holds a list of 1 to {MAX_BATCH} requests.")
    before, after = _context("before", arrays, fps), _context("after", arrays, fps)
    anchors = read_anchors(header, arrays)
    return [_request(entry, before, after, anchors) for entry in entries]


def read_prompt(header: Mapping[str, Any]) -> str:
    """The prompt that a client asks about. Raises MoclipError for none, and for one that is too long."""
    return _line(header, "A question")[0]


def read_id(header: Mapping[str, Any]) -> str:
    """The id of a message that needs one. Raises MoclipError where it has none."""
    if header.get("id") is None:
        raise MoclipError("The message has no id.", code=wire.BAD_REQUEST)
    job_id: str = header["id"]
    return job_id


def read_within(header: Mapping[str, Any]) -> float:
    """Seconds that a job may take, waiting included; infinite unless the submit says. Raises MoclipError."""
    within = header.get("within")
    if within is None:
        return math.inf
    if type(within) not in (int, float) or not 0 < within < 1e9:
        raise _bad("The time within which a job is wanted is a number of seconds over 0.")
    return float(within)


def read_model(header: Mapping[str, Any]) -> str | None:
    """The model that a submit names; None for the backend's own. Raises MoclipError for what is no name."""
    model = header.get("model")
    if model is not None and not (isinstance(model, str) and 1 <= len(model) <= MAX_MODEL_NAME):
        raise _bad(f"The name of a model is text of 1 to {MAX_MODEL_NAME} characters.")
    return model


def _request(entry: Any, before: Motion | None, after: Motion | None, anchors: tuple[Anchor, ...]) -> Request:
    if isinstance(entry, dict) and entry.get("script") is not None and isinstance(entry.get("text"), str):
        # Only what the motion is called: long when a client joined its lines, and no reason to refuse them.
        entry = {**entry, "text": entry["text"][:LONGEST_PROMPT]}
    text, seconds = _line(entry, "A request")
    seed = entry.get("seed", 0)
    if type(seed) is not int:
        raise _bad("The seed of a request is a whole number.")
    if not -(2**63) <= seed < 2**63:
        raise _bad("The seed of a request is a number of at most 63 bits.")
    return Request(
        text, seconds, seed, _script(entry.get("script")), before, after, read_pins(entry.get("pins")), anchors
    )


def _script(lines: Any) -> tuple[Line, ...]:
    if lines is None:
        return ()
    if not isinstance(lines, list) or not 1 <= len(lines) <= MAX_LINES:
        raise _bad(f"A script is a list of 1 to {MAX_LINES} lines.")
    return tuple(Line(*_line(line, "A line of a script")) for line in lines)


def _line(entry: Any, what: str) -> tuple[str, float | None]:
    if not isinstance(entry, dict) or not isinstance(entry.get("text"), str):
        raise _bad(f"{what} has a text.")
    # It comes back in the answers: no text may grow past what they can carry.
    if len(entry["text"]) > LONGEST_PROMPT:
        raise MoclipError(
            f"The text has {len(entry['text'])} characters; at most {LONGEST_PROMPT} are allowed.",
            hint="Shorten it.",
            code="bad_prompt",
        )
    seconds = entry.get("seconds")
    if seconds is not None and (type(seconds) not in (int, float) or not abs(seconds) < 1e300):
        raise _bad("Seconds are a number or null.")
    return entry["text"], None if seconds is None else float(seconds)


def _context(name: str, arrays: Mapping[str, NDArray[Any]], fps: float) -> Motion | None:
    rotations, root = arrays.get(f"{name}_rotations"), arrays.get(f"{name}_root_translation")
    if rotations is None and root is None:
        return None
    if rotations is None or root is None or rotations.dtype != np.float32 or root.dtype != np.float32:
        raise _bad(f"A motion {name} has rotations and a root translation, both f4.")
    frames = len(root) if root.ndim == 2 else 0
    if not 1 <= frames <= MAX_CONTEXT_FRAMES or rotations.shape != (frames, JOINT_COUNT, 4) or root.shape[1] != 3:
        raise _bad(f"A motion {name} is (N, {JOINT_COUNT}, 4) and (N, 3), N from 1 to {MAX_CONTEXT_FRAMES}.")
    lengths = np.linalg.norm(rotations.astype(np.float64), axis=-1)
    if not np.isfinite(root).all() or not (np.abs(lengths - 1) < 1e-3).all():
        raise _bad(f"A motion {name} holds numbers that are no rotations or places.")
    return Motion(fps, rotations, root)


def _bad(message: str) -> MoclipError:
    return MoclipError(message, code=wire.BAD_REQUEST)

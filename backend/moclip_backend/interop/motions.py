# SPDX-License-Identifier: Apache-2.0
"""What a request of MMCP asks of a model, and its motions as MMCP has them: quaternions xyzw, the asked frame rate."""

import secrets
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moclip.files.formats import at_rate
from moclip.motion.motion import Motion, forward_kinematics
from moclip.motion.skeleton import JOINT_COUNT, JOINT_NAMES, PARENTS, REST_OFFSETS
from moclip.prompts.requests import Line, Request, check_request

_SAME_BODY = 0.01
"""Metres by which a client's rest pose may differ from ours."""


def requests_of(asked: Any, fps: float) -> list[Request]:
    """A request for each sample of `asked`, a motionmcp GenerateRequest. fps: the model's. Raises MoclipError.

    Segments after one another are the lines of a script. Without a seed it is drawn.
    """
    rate = asked.fps(fps)
    lines = tuple(Line(segment.prompt, segment.duration_frames / rate) for segment in asked.segments)
    options = asked.options
    seed = options.seed if options is not None and options.seed is not None else secrets.randbelow(2**31)
    samples = options.num_samples if options is not None else 1
    one = lines[0] if len(lines) == 1 else Line("; ".join(line.text for line in lines))
    requests = [
        Request(one.text, one.seconds, seed + number, lines if len(lines) > 1 else ()) for number in range(samples)
    ]
    check_request(requests[0], fps)
    return requests


def notes_of(asked: Any, warnings: Sequence[str]) -> list[dict[str, str]]:
    """What the client is told beside the motion: warnings, and what of its request counts for nothing."""
    notes = [{"code": "warning", "severity": "warning", "message": text} for text in dict.fromkeys(warnings)]
    options = asked.options
    ignored = [name for name in ("guidance",) if options is not None and getattr(options, name) is not None]
    ignored += ["seed of a segment"] if any(segment.seed is not None for segment in asked.segments) else []
    if not _same_body([joint.rest_translation for joint in asked.skeleton.joints]):
        ignored.append("skeleton's proportions")
    for name in ignored:
        told = f"The {name} of the request was not used."
        notes.append({"code": "ignored", "severity": "info", "message": told})
    return notes


def skeleton() -> list[dict[str, Any]]:
    """Ours as MMCP describes it: the T-pose, standing on the floor."""
    rest = np.zeros((1, JOINT_COUNT, 4), np.float32)
    rest[..., 0] = 1.0
    height = -float(forward_kinematics(rest, np.zeros((1, 3), np.float32), REST_OFFSETS)[..., 1].min())
    offsets = np.array(REST_OFFSETS, dtype=float)
    offsets[0, 1] = height
    return [
        {
            "name": name, "parent": JOINT_NAMES[parent] if parent >= 0 else None,
            "rest_translation": tuple(map(float, offset)), "rest_rotation": (0.0, 0.0, 0.0, 1.0),
        }
        for name, parent, offset in zip(JOINT_NAMES, PARENTS, offsets, strict=True)
    ]  # fmt: skip


def sampled(motion: Motion, frames: int, fps: float) -> tuple[NDArray[Any], NDArray[Any]]:
    """Rotations (frames, 22, 4) xyzw and root positions (frames, 3) of a motion at another rate, its end held."""
    paced = at_rate(motion, fps)
    kept = np.minimum(np.arange(frames), paced.frames - 1)
    return paced.rotations[kept][..., [1, 2, 3, 0]], paced.root_translation[kept]


def _same_body(rest: Sequence[Sequence[float]]) -> bool:
    # The root's is where it stands.
    return len(rest) == JOINT_COUNT and bool(np.abs(np.array(rest)[1:] - REST_OFFSETS[1:]).max() < _SAME_BODY)

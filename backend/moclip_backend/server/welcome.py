# SPDX-License-Identifier: Apache-2.0
"""What a backend says of itself: what it serves, how much may be asked of it, and what its stages are called."""

from typing import Any

import moclip
from moclip.motion.skeleton import JOINT_NAMES
from moclip.prompts import limits
from moclip_backend import wire
from moclip_backend.engine import Engine, Stages, TellsFamiliarity
from moclip_backend.liveness import this_process
from moclip_backend.server.jobs import CAPACITY, CAPACITY_OF_ALL
from moclip_backend.server.models import Models

FEATURES = (
    "text_to_motion", "batch", "cancel", "auto_seconds", "script", "context", "sessions", "within", "stages", "pins",
    "anchors", "familiarity",
)  # fmt: skip
MAX_OFFERS = 200
"""Models that a welcome tells: its header has bounds."""


def model_told(engine: Engine) -> dict[str, Any]:
    """What is served, as `welcome`, `status` and the ready line say it."""
    return {
        "version": moclip.__version__, "model": engine.name, "licence": engine.licence, "runtime": engine.runtime,
        "device": engine.device,
    }  # fmt: skip


def limits_told() -> dict[str, Any]:
    """Every limit that a client may want to know before it asks: none has to repeat one."""
    return {
        "seconds": [limits.SHORTEST_SECONDS, limits.LONGEST_SECONDS],
        "between_seconds": limits.SHORTEST_BETWEEN_SECONDS,
        "text_characters": limits.LONGEST_PROMPT,
        "batch": limits.MAX_BATCH,
        "script_lines": limits.MAX_LINES,
        "script_seconds": limits.LONGEST_SCRIPT_SECONDS,
        "context_frames": limits.MAX_CONTEXT_FRAMES,
        "pins": limits.MAX_PINS,
        "anchors": limits.MAX_ANCHORS,
        "queue": CAPACITY,
        "queue_of_all": CAPACITY_OF_ALL,
        "header_bytes": wire.MAX_HEADER_BYTES,
        "arrays": wire.MAX_ARRAYS,
        "message_bytes": wire.MAX_REQUEST_BYTES,
    }


def welcome(engine: Engine, stages: Stages, models: Models, *, resumed: bool) -> dict[str, Any]:
    """The answer to a `hello`. resumed: whether the session has jobs, or what they came to."""
    lacking = {"context"} if not getattr(engine, "edits", True) else set()
    lacking |= {"familiarity"} if not isinstance(engine, TellsFamiliarity) else set()
    features = [name for name in FEATURES if name not in lacking]
    offers = models.offers()[:MAX_OFFERS]
    if models.several:
        features.append("models")
    return {
        "type": wire.WELCOME, "protocol": wire.PROTOCOL, **model_told(engine), "fps": float(engine.fps),
        "joints": list(JOINT_NAMES), "limits": limits_told(), "stages": stages.told(), "features": features,
        "resumed": resumed, "process": this_process(), "models": [offer.told() for offer in offers],
        **getattr(engine, "repertoire", {}),
    }  # fmt: skip

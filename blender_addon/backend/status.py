# SPDX-License-Identifier: GPL-3.0-or-later
"""What the panels call the states of the backend and of a job."""

from collections.abc import Mapping

from ..editing.range_edit import MODEL_FPS
from .jobs import Job

STAGES = {"text": "reading the prompt", "masked": "sketching the motion", "residual": "adding detail",
          "decode": "decoding", "solve": "solving the pose", "done": "finishing"}  # fmt: skip
STATES = {
    "off": "Backend: off",
    "starting": "Backend: starting, loading the model",
    "connecting": "Backend: connecting",
    "ready": "Backend: ready",
}


def of_backend(state: str, seconds: float) -> str:
    """seconds: how long it has been starting or connecting; told once it is worth a thought."""
    waiting = state in ("starting", "connecting") and seconds >= 3.0
    return STATES[state] + (f" ({seconds:.0f} s)" if waiting else "")


def queued(position: int) -> str:
    """position: jobs before this one."""
    return f"queued, {position} before it" if position else STAGES["text"]


def of_job(stage: str, progress: float, cancelling: bool = False) -> str:
    if cancelling:
        return "cancelling"
    return f"{stage}, {progress:.0%}" if progress > 0.0 else stage


def sentence(header: Mapping) -> str:
    """What an error message of the backend says to the user."""
    return f"{header.get('message', '')} {header.get('hint', '')}".strip()


def refusal(job: Job, welcome: Mapping) -> str:
    """Why the backend that says `welcome` cannot do a job; "" when it can."""
    if not job.needs <= set(welcome.get("features", ())):
        return "This backend is too old for scripts and edits. Update it, or use the built-in one."
    if job.edit and welcome.get("fps") != MODEL_FPS:
        return f"The model '{welcome.get('model')}' has another frame rate than edits need. Use the embedded one."
    return ""

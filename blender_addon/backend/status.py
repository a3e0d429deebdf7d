# SPDX-License-Identifier: GPL-3.0-or-later
"""What the panels call the states of the backend and of a job."""

from collections.abc import Mapping

STAGES = {
    "starting": "starting the backend",
    "sent": "sent",
    "text": "reading the prompt",
    "done": "finishing",
    "retargeting": "retargeting",
    "cancelling": "cancelling",
}
"""Stages of a job that the add-on knows, and the words that users see for them; the backend tells of the rest."""
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


def stage(name: str, welcome: Mapping | None = None) -> str:
    """The words for a stage, as the backend's welcome has them; its own name where nobody has any."""
    told = {one.get("name"): str(one.get("words")) for one in (welcome or {}).get("stages", ())}
    return told.get(name) or STAGES.get(name, name)


def queued(position: int) -> str:
    """position: jobs before this one."""
    return f"queued, {position} before it" if position else stage("text")


def of_job(told: str, progress: float, cancelling: bool = False) -> str:
    """told: the words for its stage."""
    if cancelling:
        return stage("cancelling")
    return f"{told}, {progress:.0%}" if progress > 0.0 else told


def sentence(header: Mapping) -> str:
    """What an error message of the backend says to the user."""
    return f"{header.get('message', '')} {header.get('hint', '')}".strip()

# SPDX-License-Identifier: Apache-2.0
"""What the backend works with: anything that turns requests into motions and says how far it is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from moclip.prompts.requests import Request, Result


class Stage(Protocol):
    """A part of an engine's work. share: of the time of a whole job. words: what a user who waits is told."""

    @property
    def name(self) -> str: ...
    @property
    def share(self) -> float: ...
    @property
    def words(self) -> str: ...


class Engine(Protocol):
    """`moclip.generate.pipeline.TextToMotion` is one.

    It may have `stages`, a sequence of `Stage`s in the order in which `generate` reports them, and `edits`, false where
    it cannot go on from a motion, and `repertoire`, fields of `welcome` that say what to ask it for: `actions`, each a
    `group`, a `name` and an `example`, and `styles`, each a `name` and an `example`. It may be `TellsFamiliarity`.
    """

    name: str
    runtime: str
    device: str
    licence: str
    fps: float

    def generate(
        self,
        requests: Sequence[Request],
        *,
        progress: Callable[[str, float], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> list[Result]: ...


class Familiar(Protocol):
    """far: is a prompt far from what the engine's model knows? nearest: what it can do instead."""

    @property
    def far(self) -> bool: ...
    @property
    def nearest(self) -> Sequence[str]: ...


@runtime_checkable
class TellsFamiliarity(Protocol):
    """An engine that can tell before it makes anything."""

    def familiar(self, prompts: Sequence[str]) -> Sequence[Familiar]: ...


@dataclass(frozen=True)
class _PlainStage:
    name: str
    share: float
    words: str


_USUAL = (
    _PlainStage("text", 0.05, "reading the prompt"),
    _PlainStage("sample", 0.85, "making the motion"),
    _PlainStage("solve", 0.1, "solving the pose"),
    _PlainStage("done", 0.0, "finishing"),
)
"""Of an engine that declares none."""


class Stages:
    """An engine's stages one after the other; their shares are parts of 1, whatever they were declared in."""

    def __init__(self, stages: Sequence[Stage]):
        whole = sum(stage.share for stage in stages) or 1.0
        self._all = [_PlainStage(stage.name, stage.share / whole, stage.words) for stage in stages]
        self._begins = [sum(stage.share for stage in self._all[:place]) for place in range(len(self._all))]
        self._places = {stage.name: place for place, stage in enumerate(self._all)}
        # What was not declared is most likely a part of what takes longest.
        self._longest = max(range(len(self._all)), key=lambda place: self._all[place].share)

    @classmethod
    def of(cls, engine: Engine) -> "Stages":
        declared: Sequence[Stage] = getattr(engine, "stages", ())
        return cls(declared or _USUAL)

    def overall(self, stage: str, fraction: float, before: float = 0.0) -> float:
        """How much of a whole job is done, 0..1: `fraction` of a stage, never less than `before`."""
        place = self._places.get(stage, self._longest)
        return min(1.0, max(before, self._begins[place] + self._all[place].share * fraction))

    def told(self) -> list[dict[str, Any]]:
        """As `welcome` tells them."""
        return [{"name": stage.name, "words": stage.words, "share": round(stage.share, 4)} for stage in self._all]

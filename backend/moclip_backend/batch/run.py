# SPDX-License-Identifier: Apache-2.0
"""Many prompts to many motion files, by whatever works at them: an engine of this process, or workers elsewhere."""

from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from typing import Any, Protocol

import moclip
from moclip.errors import MoclipError
from moclip.prompts.requests import Line, Request, Result
from moclip_backend.batch.items import Item, at_line
from moclip_backend.batch.ledger import Ledger, key_of
from moclip_backend.engine import Engine, Stages
from moclip_backend.terminal import Progress

AT_ONCE = 8
"""Prompts sampled together: larger batches gain little on a CPU, and files appear later."""
Outcome = dict[str, Any] | MoclipError


@dataclass(frozen=True)
class Maker:
    """What a motion was made by: another one's may differ in the last digits."""

    model: str
    runtime: str
    device: str

    @classmethod
    def of(cls, engine: Engine) -> "Maker":
        return cls(engine.name, engine.runtime, engine.device)


@dataclass(frozen=True)
class Shard:
    """Prompts that are sampled together. number: among all of a batch."""

    number: int
    requests: tuple[Request, ...]


@dataclass(frozen=True)
class Answer:
    """What became of each request of a shard. maker: None where nobody could work at it."""

    number: int
    maker: Maker | None
    results: Sequence[Result | MoclipError]


class Workers(Protocol):
    """They do shards, and answer in whatever order they are done. progress: of all shards given, the stage and 0..1."""

    @property
    def makers(self) -> Sequence[Maker]: ...

    def work(self, shards: Sequence[Shard], progress: Progress) -> Iterator[Answer]: ...


class Here:
    """The engine of this process, one shard after the other."""

    def __init__(self, engine: Engine):
        self._engine = engine
        self.makers = (Maker.of(engine),)

    def work(self, shards: Sequence[Shard], progress: Progress) -> Iterator[Answer]:
        stages = Stages.of(self._engine)
        for place, shard in enumerate(shards):

            def share(stage: str, fraction: float, done: int = place) -> None:
                progress(stage, (done + stages.overall(stage, fraction)) / len(shards))

            yield Answer(shard.number, self.makers[0], attempt(self._engine, shard.requests, share))


def attempt(engine: Engine, requests: Sequence[Request], progress: Progress) -> list[Result | MoclipError]:
    """A result or an error for each request. Where one of them spoils it for all, each is done alone."""
    try:
        return list(engine.generate(requests, progress=progress))
    except MoclipError as error:
        if len(requests) == 1:
            return [error]
        return [answer for request in requests for answer in attempt(engine, [request], progress)]


def generate_batch(
    workers: Workers, items: Sequence[Item], progress: Progress, ledger: Ledger | None = None
) -> Iterator[Outcome]:
    """What became of each item, in order: a description of the file, or an error.

    A file is written as soon as its motion is there. progress: called with the stage and the fraction of all items.
    ledger: knows what an earlier run finished, which is not done again; prompts are sampled together as in a run
    without a break, so that the files are those of one.
    """
    chunks = [items[start : start + AT_ONCE] for start in range(0, len(items), AT_ONCE)]
    before = [[_find(item, workers.makers, ledger) for item in chunk] for chunk in chunks]
    outcomes: dict[int, list[Outcome]] = {
        number: [outcome for outcome in found if outcome] for number, found in enumerate(before) if all(found)
    }
    shards = [Shard(n, tuple(map(_request, chunk))) for n, chunk in enumerate(chunks) if n not in outcomes]
    done, reached = len(outcomes), 0.0

    def share(stage: str, fraction: float) -> None:
        nonlocal reached
        reached = max(reached, (done + fraction * len(shards)) / len(chunks))
        progress(stage, reached)

    told = 0
    answers = workers.work(shards, share)
    while True:
        while told in outcomes:
            yield from outcomes.pop(told)
            told += 1
        if (answer := next(answers, None)) is None:
            break
        outcomes[answer.number] = [
            found or _finish(item, answer.maker, result, ledger)
            for item, result, found in zip(chunks[answer.number], answer.results, before[answer.number], strict=True)
        ]
    share("done", 1.0)


def _request(item: Item) -> Request:
    script = tuple(Line(*line) for line in item.script)
    return Request(item.text, item.seconds, item.seed, script, pins=item.pins, anchors=item.anchors)


def _find(item: Item, makers: Sequence[Maker], ledger: Ledger | None) -> dict[str, Any] | None:
    if ledger is None:
        return None
    found = (ledger.find(_key(item, maker), item.path) for maker in makers)
    return next((outcome for outcome in found if outcome), None)


def _key(item: Item, maker: Maker) -> str:
    asked: tuple[Any, ...] = (item.name, item.path.suffix, item.text, item.seconds, item.seed, item.script)
    if item.pins or item.anchors:
        poses = [(one.seconds, one.rotations.tolist(), one.root_translation.tolist()) for one in item.anchors]
        asked += ([astuple(pin) for pin in item.pins], poses)
    return key_of(asked, (maker.model, maker.runtime, maker.device, moclip.__version__))


def _finish(item: Item, maker: Maker | None, result: Result | MoclipError, ledger: Ledger | None) -> Outcome:
    """Write the motion, and note it."""
    from moclip.files.formats import save_motion

    if isinstance(result, MoclipError):
        return at_line(item.line, result)
    outcome = {
        "name": item.name, "path": str(item.path), "text": result.motion.text, "seconds": result.seconds,
        "frames": result.motion.frames, "seed": result.seed, "warnings": list(result.warnings),
    }  # fmt: skip
    try:
        save_motion(result.motion, item.path)
        if ledger is not None and maker is not None:
            ledger.add(_key(item, maker), item.path, outcome)
    except MoclipError as error:
        return at_line(item.line, error)
    return outcome

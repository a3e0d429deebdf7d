# SPDX-License-Identifier: Apache-2.0
"""From requests to what is sampled for them: their texts are read once, and planned for each take."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np

from moclip.generate.context import Kept, codes_after, codes_before, keep
from moclip.generate.held import long_enough
from moclip.generate.lengths import LONGER, MIDDLE, SHORTER, ongoing, sample_lengths
from moclip.generate.options import PlanOptions
from moclip.generate.plan import Plan, TextStates, plan_line, plan_request, shortest_tokens
from moclip.generate.reading import TextReader
from moclip.generators.base.generator import Generator, Watcher
from moclip.generators.base.passages import Passage
from moclip.generators.base.runtime import Runtime
from moclip.prompts.limits import LONGEST_SECONDS
from moclip.prompts.requests import Checked, Request, check_script_seconds

Again = Callable[[int, int, int], Plan]
"""The plan of a request's later take: (place of the request, number of the take, its seed) -> Plan. A motion whose
length nobody says may be longer or shorter the next time: in a second and a half nobody draws a sword and strikes."""


@dataclass(frozen=True)
class ReadRequest:
    """A request as the networks read it.

    whole: of each line, as a sentence. clauses: of each line. logits: (C, classes) of the lengths of all C clauses,
    None where no estimator tells. ongoing: (C,) whether they have no end of their own.
    """

    asked: Checked
    whole: Sequence[TextStates]
    clauses: Sequence[Sequence[TextStates]]
    logits: np.ndarray | None
    ongoing: np.ndarray


class Planner:
    """Reads requests, and says what to sample for them.

    length_reader: of the tower that the length estimator was trained with, None where it is the generator's. estimates:
    whether the model has an estimator.
    """

    def __init__(
        self, generator: Generator, networks: Runtime, reader: TextReader, length_reader: TextReader | None,
        options: PlanOptions, fps: float, estimates: bool,
    ):  # fmt: skip
        self._generator, self._codec, self._networks = generator, generator.codec, networks
        self._reader, self._length_reader, self._estimates = reader, length_reader, estimates
        self._options, self._fps = options, fps
        self._longest = int(LONGEST_SECONDS * fps) // self._codec.stride
        self._shortest = shortest_tokens(self._codec.stride)

    def read(self, checked: Sequence[Checked]) -> list[ReadRequest]:
        """The texts of all requests, by one call of each network."""
        prompts = [line.text for asked in checked for line in asked.lines]
        whole, clauses = self.texts(prompts)
        logits, endless = None, np.zeros(sum(map(len, clauses)), dtype=bool)
        if self._estimates:
            timed = clauses if self._length_reader is None else self._texts(self._length_reader, prompts)[1]
            logits = self._networks.call("length", text=np.stack([states.vector for own in timed for states in own]))
            endless = ongoing(logits, self._longest)
        read, line, clause = [], 0, 0
        for asked in checked:
            own = slice(line, line + len(asked.lines))
            count = sum(map(len, clauses[own]))
            part = slice(clause, clause + count)
            read.append(
                ReadRequest(asked, whole[own], clauses[own], None if logits is None else logits[part], endless[part])
            )
            line, clause = own.stop, part.stop
        return read

    def texts(self, prompts: Sequence[str]) -> tuple[list[TextStates], list[list[TextStates]]]:
        """Of each prompt as a sentence, and of its clauses."""
        return self._texts(self._reader, prompts)

    def _texts(self, reader: TextReader, prompts: Sequence[str]) -> tuple[list[TextStates], list[list[TextStates]]]:
        whole = reader.read(prompts)
        # No motion is long enough for more clauses.
        return whole, reader.read_clauses(prompts, whole, self._options, self._longest // self._shortest)

    def plans(
        self, read: Sequence[ReadRequest], seeds: Sequence[int], watcher: Watcher, first: int = 0,
        part: tuple[float, float] = MIDDLE,
    ) -> list[Plan]:  # fmt: skip
        """What to sample for each request by its seed. first: row of the first in what is sampled. part: of the lengths
        that are predicted for a text."""
        # The motion itself is sampled later, and is what a bar should show.
        lengths = self._lengths(read, seeds, Watcher(cancelled=watcher.cancelled), part)
        return [self._plan(first + k, own, count) for k, (own, count) in enumerate(zip(read, lengths, strict=True))]

    def again(self, read: Sequence[ReadRequest], plans: Sequence[Plan], layered: Collection[int] = ()) -> Again:
        """How later takes are planned. layered: requests whose motions are laid over one another, so that their lengths
        have to stay."""

        def again(k: int, number: int, seed: int) -> Plan:
            if k in layered or all(line.seconds is not None for line in read[k].asked.lines):
                return plans[k]
            parts: tuple[tuple[float, float], ...] = (LONGER, MIDDLE)
            if any(states.asks.amounts.times for clauses in read[k].clauses for states in clauses):
                parts = (LONGER, SHORTER, MIDDLE)
            elif plans[k].ongoing:  # shown in any length, and calmer in a longer one
                parts = (MIDDLE,)
            return self.plans([read[k]], [seed], Watcher(), part=parts[number % len(parts)])[0]

        return again

    def _lengths(
        self, read: Sequence[ReadRequest], seeds: Sequence[int], quiet: Watcher, part: tuple[float, float]
    ) -> list[np.ndarray]:
        """Of each request: (C,) tokens that its clauses last."""
        counts = [len(own.ongoing) for own in read]
        drawn = np.repeat(np.asarray(seeds), counts)
        if self._generator.TELLS_LENGTHS:
            tokens = self._told(read, drawn, quiet)
        else:
            logits = np.concatenate([own.logits for own in read if own.logits is not None])
            tokens = sample_lengths(logits, drawn.tolist(), self._shortest, self._longest, part)
        return np.split(tokens, np.cumsum(counts)[:-1])

    def _told(self, read: Sequence[ReadRequest], seeds: np.ndarray, quiet: Watcher) -> np.ndarray:
        """(C,) by the generator itself. It takes a pass of its own, so only those are asked for that nothing else
        tells."""
        flat = [states for own in read for clauses in own.clauses for states in clauses]
        open_ = [
            line.seconds is None or len(clauses) > 1
            for own in read for line, clauses in zip(own.asked.lines, own.clauses, strict=True) for _ in clauses
        ]  # fmt: skip
        tokens, asked = np.full(len(flat), self._longest), np.flatnonzero(open_)
        if len(asked):
            parts = [Passage(k, 0, self._longest, flat[i].vector, flat[i].words) for k, i in enumerate(asked)]
            span = (self._shortest, self._longest)
            tokens[asked] = self._generator.lengths(parts, seeds[asked].tolist(), span, quiet)
        return tokens

    def _plan(self, row: int, read: ReadRequest, lengths: np.ndarray) -> Plan:
        asked, stride = read.asked, self._codec.stride
        ends = np.cumsum([len(clauses) for clauses in read.clauses])[:-1]
        parts = zip(
            asked.lines, read.clauses, np.split(lengths, ends), np.split(read.ongoing, ends), read.whole, strict=True
        )
        lines = [
            plan_line(line.seconds, texts, tokens, endless, whole, self._fps, self._longest, stride)
            for line, texts, tokens, endless, whole in parts
        ]
        lines = long_enough(asked, lines, self._fps, self._longest * stride)
        frames = sum(line.frames for line in lines)
        check_script_seconds(frames / self._fps)
        before = after = np.zeros((0, self._codec.layers), dtype=np.int64)
        if asked.request.has_context:
            kept, channels = kept_of(asked.request, stride), "local" if self._codec.local_rotations else "humanml3d"
            if kept.before is not None:
                before = codes_before(kept.before, self._codec.encode, stride, channels)
            if kept.after is not None:
                after = codes_after(kept.after, -frames % stride, self._codec.encode, stride, channels)
        return plan_request(row, lines, stride, self._options.window, before, after)


def kept_of(request: Request, stride: int) -> Kept:
    """What stays of the motions before and after a request."""
    return keep(request.before, request.after, stride)

# SPDX-License-Identifier: Apache-2.0
"""The motions that are sampled for requests, and the ones of them that are kept."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from moclip.generate.familiarity import KnownActions, is_unfamiliar
from moclip.generate.held import nearest_takes
from moclip.generate.options import PlanOptions
from moclip.generate.plan import Plan, numbered
from moclip.generate.planning import Again
from moclip.generate.retakes import Verdict, Verifier
from moclip.generate.takes import best_takes, later_takes, repeat_takes
from moclip.generators.base.generator import Generator, Watcher
from moclip.generators.base.passages import Draft, Passage
from moclip.generators.base.runtime import Runtime
from moclip.prompts.requests import Checked

_AT_ONCE = 3
"""Later takes of a request that are sampled together: three take little longer than one, and are seldom all needed."""
_SHARES = (1.0, 0.0)
"""How far texts are moved toward prototypes where the recipe's share did not serve: what is read right, but lies near
another action, is shown by the prototype alone, and what prototypes calm down by the text as it is."""


@dataclass(frozen=True)
class Take:
    """codes: (S, Q) of a motion. plan: by which they were sampled. verdict: on it, None where there is no verifier."""

    codes: np.ndarray
    plan: Plan
    verdict: Verdict | None = None


class Casting:
    """encoder: the runtime of MoCLIP's motion encoder, by which one of several takes is chosen; None for a model
    without. verifier: of what a take shows; None for a model without. actions: how texts are read; None likewise."""

    def __init__(
        self, generator: Generator, options: PlanOptions, fps: float, encoder: Runtime | None,
        verifier: Verifier | None, actions: KnownActions | None = None,
    ):  # fmt: skip
        self._generator, self._codec, self._options, self._fps = generator, generator.codec, options, fps
        self._encoder, self._verifier, self._actions = encoder, verifier, actions

    def cast(
        self, checked: Sequence[Checked], plans: Sequence[Plan], watcher: Watcher, again: Again | None = None
    ) -> list[Take]:
        """The best take of each request. again: None where later takes are planned as the first ones."""
        options = self._options
        counts = [(options.ongoing_takes if p.ongoing else options.takes) if self._encoder else 1 for p in plans]
        seeds = [asked.seed for asked in checked]
        chosen = self._judged(
            self._sampled(checked, plans, counts, seeds, watcher, options.prototype_share), plans
        )  # fmt: skip
        # A request with poses takes the take that comes nearest to them.
        failing = [
            k for k, take in enumerate(chosen) if not self._passes(take, 0) and not checked[k].request.anchors
        ]  # fmt: skip
        shares = (options.prototype_share, *_SHARES) if options.prototype_share else (0.0,)
        quiet = Watcher(cancelled=watcher.cancelled)  # a bar does not go back
        # What lies between motions that stay is sought half as long: what shows an action best joins them least.
        tries = [options.retakes // (2 if asked.request.has_context else 1) for asked in checked]
        for first in range(0, options.retakes if failing else 0, _AT_ONCE):
            rows = [(k, n) for k in failing for n in range(first, min(first + _AT_ONCE, tries[k]))]
            if not rows:
                break
            later = [later_takes(seeds[k], counts[k], number) for k, number in rows]
            own = [again(*row, seed) if again else plans[row[0]] for row, seed in zip(rows, later, strict=True)]
            own = [numbered(plan, row) for row, plan in enumerate(own)]
            share = shares[first // _AT_ONCE % len(shares)]
            codes = self._sampled([checked[k] for k, _ in rows], own, [1] * len(rows), later, quiet, share)
            for (k, _), take in zip(rows, self._judged(codes, own), strict=True):
                if _score(take) > _score(chosen[k]):
                    chosen[k] = take
            failing = [k for k in failing if not self._passes(chosen[k], first + _AT_ONCE)]
            if not failing:
                break
        return chosen

    def _judged(self, codes: np.ndarray, plans: Sequence[Plan]) -> list[Take]:
        verdicts = self._verifier.verdicts(codes, plans) if self._verifier else [None] * len(plans)
        rows = zip(codes, plans, verdicts, strict=True)
        return [Take(own[: len(plan.known)], plan, verdict) for own, plan, verdict in rows]

    def _passes(self, take: Take, tried: int) -> bool:
        """Whether a take is kept after so many later ones: the more were sampled in vain, the less one expects, but for
        that what was asked for is to be seen."""
        least = self._options.agreement * (1 - (tried / max(self._options.retakes, 1)) ** 2)
        return _score(take) >= least and not (take.verdict and take.verdict.unseen)

    @staticmethod
    def unseen(verdict: Verdict | None, warnings: Sequence[str]) -> tuple[str, ...]:
        """A warning of what is not to be seen, where none says already that the model does not know it."""
        if verdict is None or any(is_unfamiliar(warning) for warning in warnings):
            return ()
        return verdict.warnings

    def _sampled(
        self, checked: Sequence[Checked], plans: Sequence[Plan], takes: Sequence[int], seeds: Sequence[int],
        watcher: Watcher, prototype_share: float,
    ) -> np.ndarray:  # fmt: skip
        """(B, S, Q) codes of each request, of the take that MoCLIP finds nearest to the text."""
        lengths = np.array([len(plan.known) for plan in plans])
        known = np.full((len(plans), lengths.max(), self._codec.layers), -1)
        for row, plan in enumerate(plans):
            known[row, : lengths[row]] = plan.known
        passages = self._moved([p for plan in plans for p in plan.passages], prototype_share)
        passages, lengths, drawn = repeat_takes(passages, lengths, seeds, takes)
        draft = Draft(passages, lengths, drawn, np.repeat(known, takes, axis=0))
        if self._encoder is None or max(takes) == 1:
            return self._generator.sample(draft, watcher)

        encoder = self._encoder

        def choose(codes: np.ndarray) -> np.ndarray:
            best = best_takes(encoder, self._codec, codes, passages, takes)
            requests = [asked.request for asked in checked]
            return nearest_takes(self._codec, codes, best, plans, requests, takes, self._fps)

        return self._generator.sample_best(draft, choose, watcher)

    def _moved(self, passages: Sequence[Passage], prototype_share: float) -> list[Passage]:
        """For sampling alone: what a text asks for is judged by what it says itself."""
        if self._actions is None:
            return [*passages]
        texts = self._actions.toward_prototypes(
            np.stack([p.text for p in passages]),
            np.stack([p.asks.shares for p in passages if p.asks.shares is not None]),
            [p.asks.side for p in passages], prototype_share,
        )  # fmt: skip
        return [replace(p, text=text) for p, text in zip(passages, texts, strict=True)]


def _score(take: Take) -> float:
    """Of a motion that nobody judges, the best."""
    return 1.0 if take.verdict is None else take.verdict.score

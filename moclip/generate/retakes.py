# SPDX-License-Identifier: Apache-2.0
"""Whether a motion shows what was asked for: told from the motion, by kinematic rules, which know how far a hand has to
go, and by a network that never saw the text, which knows actions that no rule can tell.

A take that shows something else is sampled again, and what is still not seen in the best one is told. This is rejection
sampling by a classifier, as Razavi et al., "Generating Diverse High-Fidelity Images with VQ-VAE-2" (2019), have it for
images.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from moclip.errors import MoclipError
from moclip.generate.familiarity import KnownActions, said
from moclip.generate.plan import Plan
from moclip.generate.ruled import Rules
from moclip.generators.base.codec import Codec
from moclip.generators.base.passages import Passage
from moclip.models import RECOGNISER
from moclip.prompts.amounts import Amounts
from moclip.recognition.reader import Agreement, Reader, load_reader

Pose = Callable[[np.ndarray, Plan], np.ndarray]
"""Features (T, F) of a plan -> joints (T, 22, 3) as the user will see them."""
UNSEEN = "The motion may not show this"
DOUBT = 0.3
"""Share of the most that a motion could agree, by the network, under which that is told of an action without a rule."""
_HALF = 0.5
"""Of what a text may ask for, the part whose rules hold: under it that is told, too."""
_BROKEN = 0.1
"""What a take's agreement is worth whose rules do not hold: among such, the one that comes nearest is kept."""
_SOFTLY = 0.02
"""Added to agreements before they are multiplied: one clause that fails is not made good by the others, nor all that
counts."""


def is_unseen(warning: str) -> bool:
    """Whether a warning says that what was asked for is not to be seen in the motion."""
    return warning.startswith(UNSEEN)


@dataclass(frozen=True)
class Verdict:
    """score: how well a motion shows its texts, 0 to 1, the geometric mean over them. unseen: the action asked for that
    is shown least, where it is hardly to be seen; "" where all of them are."""

    score: float
    unseen: str = ""

    @property
    def warnings(self) -> tuple[str, ...]:
        """For the user, in a sentence."""
        if not self.unseen:
            return ()
        return (f"{UNSEEN}: {said(self.unseen)}. Try again, or say it in other words.",)


@dataclass(frozen=True)
class _Part:
    """What one text asks for. shares: (A,) how probably each class. amounts: of it. first, end: frames."""

    shares: np.ndarray
    amounts: Amounts
    first: int
    end: int


class Verifier:
    """actions: how texts are read. reader: how motions are, None for a model without a recogniser: rules tell alone
    then. codec: of the generator. pose: what becomes of features."""

    def __init__(self, reader: Reader | None, actions: KnownActions, codec: Codec, pose: Pose):
        self._actions, self._codec, self._pose = actions, codec, pose
        self._agreement = Agreement(reader, actions.classes) if reader else None
        self._rules = Rules(actions.classes)

    def verdicts(self, codes: np.ndarray, plans: Sequence[Plan]) -> list[Verdict]:
        """codes: (B, S, Q) of requests, -1 past their end; plans: of the same."""
        # Each by itself: what is decoded behind a request's end would be seen in its last frames.
        decoded = [self._codec.decode(own[None, : len(plan.known)])[0] for own, plan in zip(codes, plans, strict=True)]
        return [self._verdict(features, plan) for features, plan in zip(decoded, plans, strict=True)]

    def _verdict(self, features: np.ndarray, plan: Plan) -> Verdict:
        first = plan.first * self._codec.stride
        whole = first, first + plan.frames
        joints = self._pose(features[: whole[1]], plan)
        scores, weights, unseen = [], [], []
        for part in self._parts(plan, whole):
            agreement = self._agreed(part.shares, features[part.first : part.end])
            held = self._rules.held(part.shares, joints, (part.first, part.end), whole, part.amounts)
            if agreement is None and held is None:
                continue  # nobody can tell
            scores.append((1.0 if agreement is None else agreement) * (1.0 if held is None else max(held, _BROKEN)))
            weights.append(part.end - part.first)
            hidden = held < _HALF if held is not None else agreement is not None and agreement < DOUBT
            if hidden:
                unseen.append((scores[-1], self._actions.classes[int(part.shares.argmax())].action))
        if not scores:
            return Verdict(1.0)
        score = float(np.exp(np.average(np.log(np.array(scores) + _SOFTLY), weights=weights)) - _SOFTLY)
        return Verdict(score, min(unseen)[1] if unseen else "")

    def _agreed(self, shares: np.ndarray, features: np.ndarray) -> float | None:
        """How far a motion shows what a text asks for, of how far any could, 0 to 1; None without a recogniser.

        A text that may mean one of several walks is not sampled again and again for that.
        """
        if self._agreement is None:
            return None
        return self._agreement.of(shares, features) / self._agreement.most(shares)

    def _parts(self, plan: Plan, whole: tuple[int, int]) -> Iterator[_Part]:
        """Those whose action is known; what is sampled by one text in several passages is one."""
        stride = self._codec.stride
        for own in _by_text(plan.passages):
            asks = own[0].asks
            if asks.shares is None:
                continue
            shares = self._actions.sided(asks.shares[None], [asks.side])[0]
            first, end = max(own[0].first * stride, whole[0]), min(own[-1].end * stride, whole[1])
            if shares[-1] < self._actions.threshold and end > first:
                yield _Part(shares[:-1], asks.amounts, first, end)


def _by_text(passages: Sequence[Passage]) -> list[list[Passage]]:
    """Runs of passages that follow one text."""
    runs: list[list[Passage]] = []
    for passage in passages:
        if runs and np.array_equal(runs[-1][0].text, passage.text):
            runs[-1].append(passage)
        else:
            runs.append([passage])
    return runs


def load_verifier(folder: Path, actions: KnownActions | None, codec: Codec, pose: Pose) -> Verifier | None:
    """Of a model's folder; None for a model that does not tell its actions. Raises MoclipError for a file that is
    damaged."""
    if actions is None:
        return None
    path = folder / f"{RECOGNISER}.safetensors"
    try:
        reader = load_reader(path) if path.is_file() else None
        if reader and reader.config.features != codec.features:
            raise ValueError(f"{reader.config.features} features")
    except (ValueError, KeyError) as error:
        raise MoclipError(
            f"The file {path} is damaged.", hint="Install the model again.", code="bad_weights"
        ) from error
    return Verifier(reader, actions, codec, pose)

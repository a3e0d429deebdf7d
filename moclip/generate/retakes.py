# SPDX-License-Identifier: Apache-2.0
"""Whether a motion shows what was asked for: read from the motion, by a network that never saw the text.

A take that shows something else is sampled again, and what is still not seen in the best one is told. This is rejection
sampling by a classifier, as Razavi et al., "Generating Diverse High-Fidelity Images with VQ-VAE-2" (2019), have it for
images.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from moclip.errors import MoclipError
from moclip.generate.familiarity import KnownActions, said
from moclip.generate.plan import Plan
from moclip.generators.base.codec import Codec
from moclip.models import RECOGNISER
from moclip.recognition.reader import Agreement, Reader, load_reader

UNSEEN = "The motion may not show this"
DOUBT = 0.3
"""Agreement under which that is told: seldom of what is shown, as the lists of `moclip evaluate prompts` tell."""
_SOFTLY = 0.02
"""Added to agreements before they are multiplied: one clause that fails is not made good by the others, nor all that
counts."""


def is_unseen(warning: str) -> bool:
    """Whether a warning says that what was asked for is not to be seen in the motion."""
    return warning.startswith(UNSEEN)


@dataclass(frozen=True)
class Verdict:
    """score: how well a motion shows its texts, 0 to 1, the geometric mean over them. worst: of the text that is shown
    least. action: which that one asks for."""

    score: float
    worst: float
    action: str

    @property
    def warnings(self) -> tuple[str, ...]:
        """For the user, in a sentence."""
        if self.worst >= DOUBT:
            return ()
        return (f"{UNSEEN}: {said(self.action)}. Try again, or say it in other words.",)


class Verifier:
    """actions: how texts are read. reader: how motions are. codec: of the generator."""

    def __init__(self, reader: Reader, actions: KnownActions, codec: Codec):
        self._actions, self._codec, self._agreement = actions, codec, Agreement(reader, actions.classes)

    def verdicts(self, codes: np.ndarray, plans: Sequence[Plan]) -> list[Verdict]:
        """codes: (B, S, Q) of requests, -1 past their end; plans: of the same."""
        # Each by itself: what is decoded behind a request's end would be seen in its last frames.
        decoded = [self._codec.decode(own[None, : len(plan.known)])[0] for own, plan in zip(codes, plans, strict=True)]
        return [self._verdict(features, plan) for features, plan in zip(decoded, plans, strict=True)]

    def _verdict(self, features: np.ndarray, plan: Plan) -> Verdict:
        stride = self._codec.stride
        end = plan.first * stride + plan.frames
        shares = self._actions.probabilities(np.stack([p.text for p in plan.passages]), [p.side for p in plan.passages])
        found, weights, actions = [], [], []
        for passage, own in zip(plan.passages, shares, strict=True):
            shown = features[max(passage.first, plan.first) * stride : min(passage.end * stride, end)]
            if own[-1] >= self._actions.threshold or not len(shown):
                continue  # nobody can tell
            found.append(self._agreement.of(own[:-1], shown))
            weights.append(len(shown))
            actions.append(self._actions.classes[int(own[:-1].argmax())].action)
        if not found:
            return Verdict(1.0, 1.0, "")
        score = float(np.exp(np.average(np.log(np.array(found) + _SOFTLY), weights=weights)) - _SOFTLY)
        least = int(np.argmin(found))
        return Verdict(score, found[least], actions[least])


def load_verifier(folder: Path, actions: KnownActions | None, codec: Codec) -> Verifier | None:
    """Of a model's folder; None for a model that has none. Raises MoclipError for a file that is damaged."""
    path = folder / f"{RECOGNISER}.safetensors"
    if actions is None or not path.is_file():
        return None
    try:
        reader = load_reader(path)
        if reader.config.features != codec.features:
            raise ValueError(f"{reader.config.features} features")
        return Verifier(reader, actions, codec)
    except (ValueError, KeyError) as error:
        raise MoclipError(
            f"The file {path} is damaged.", hint="Install the model again.", code="bad_weights"
        ) from error

# SPDX-License-Identifier: Apache-2.0
"""What a generator is: text vectors in, codes of motion out, over the calls of a `Runtime`.

A generator is a package with a module `generator` (numpy alone: its `GENERATOR`), a module `networks` (torch: its
`NETWORKS` by name and tracing `examples`) and, to be trained, a module `train` (its `LEARNERS`). Packages of this one
are found by their name in `model.json`; those of others by an entry point of the group "moclip.generators".
"""

import importlib
import importlib.util
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import numpy as np

from moclip.errors import Cancelled, MoclipError
from moclip.generators.base.codec import Codec, codec_calls
from moclip.generators.base.passages import Draft, Passage
from moclip.generators.base.runtime import COMMON_CALLS, Call, Runtime

ENTRY_POINTS = "moclip.generators"
DEFAULT = "momask"
"""The generator of a model folder that does not name one."""


@dataclass(frozen=True)
class Stage:
    """A part of a job. share: of its time, about. words: for the user, as in "sketching the motion"."""

    name: str
    share: float
    words: str


@dataclass(frozen=True)
class Watcher:
    """Who is told how far a job is, and who may stop it between iterations."""

    progress: Callable[[str, float], None] = field(default=lambda stage, fraction: None)
    cancelled: Callable[[], bool] = field(default=lambda: False)

    def step(self, stage: str, fraction: float) -> None:
        """Before each iteration. Raises Cancelled when the job is not wanted any more."""
        if self.cancelled():
            raise Cancelled
        self.progress(stage, fraction)


Choose = Callable[[np.ndarray], np.ndarray]
"""Codes (B, S, layers) of all takes, -1 where there are none (yet) -> the rows of the best ones, in rising order."""


class Generator(ABC):
    """The networks of a loaded model that make codes.

    NAME: in `model.json`. TITLE: for people. NETWORKS: its files in a model folder beside the text tower, the codec
    and the length estimator. CODEC: the name of its codec's network. CALLS: of its networks. STAGES: of sampling.
    OPTIONS: a frozen dataclass of sampling settings, all with defaults. EDITS: whether given codes can stay while the
    rest is sampled. TELLS_LENGTHS: whether it finds lengths itself. READS_WORDS: whether it attends to single words.
    """

    NAME: ClassVar[str]
    TITLE: ClassVar[str]
    NETWORKS: ClassVar[tuple[str, ...]]
    CODEC: ClassVar[str]
    CALLS: ClassVar[Mapping[str, Call]]
    STAGES: ClassVar[tuple[Stage, ...]]
    OPTIONS: ClassVar[type[Any]]
    EDITS: ClassVar[bool] = True
    TELLS_LENGTHS: ClassVar[bool] = False
    READS_WORDS: ClassVar[bool] = False

    def __init__(self, runtime: Runtime, configs: Mapping[str, Mapping[str, Any]], options: Any = None):
        self.runtime, self.configs = runtime, configs
        self.codec = Codec(runtime, configs[self.CODEC])
        self.options = self.OPTIONS() if options is None else options

    @classmethod
    def calls(cls) -> dict[str, Call]:
        """All calls that a runtime must serve for a model of this generator."""
        return {**COMMON_CALLS, **codec_calls(cls.CODEC), **cls.CALLS}

    def lengths(
        self, passages: Sequence[Passage], seeds: Sequence[int], span: tuple[int, int], watcher: Watcher
    ) -> np.ndarray:
        """Tokens (B,) that each passage wants, where TELLS_LENGTHS; a passage's own span is not looked at.

        span: fewest and most tokens. Raises Cancelled between iterations.
        """
        raise NotImplementedError(f"{self.TITLE} does not tell lengths")

    @abstractmethod
    def sample(self, draft: Draft, watcher: Watcher) -> np.ndarray:
        """Codes (B, S, layers), -1 past a request's length. Raises Cancelled between iterations."""

    def sample_best(self, draft: Draft, choose: Choose, watcher: Watcher) -> np.ndarray:
        """As `sample`, but of the rows that `choose` names alone: several takes are begun, and one of each is wanted.

        This works all of them out. A generator that can tell early on what will become of a take may choose sooner.
        """
        codes = self.sample(draft, watcher)
        best: np.ndarray = codes[choose(codes)]
        return best


@cache
def _own_packages() -> dict[str, str]:
    return {
        module.name: f"moclip.generators.{module.name}"
        for module in pkgutil.iter_modules([str(Path(__file__).parents[1])])
        if module.ispkg and importlib.util.find_spec(f"moclip.generators.{module.name}.generator")
    }


@cache
def known_packages() -> dict[str, str]:
    """Name of each generator -> its package."""
    return {**{entry.name: entry.value for entry in entry_points(group=ENTRY_POINTS)}, **_own_packages()}


def generator_names() -> tuple[str, ...]:
    return tuple(sorted(known_packages()))


def generator_part(name: str, part: str) -> ModuleType:
    """A module of a generator's package: "generator", "networks" or "train". Raises MoclipError for unknown names."""
    # Others' are looked for in all that is installed, which takes as long as reading a network.
    package = _own_packages().get(name) or known_packages().get(name)
    if package is None:
        raise MoclipError(
            f"This version knows no generator '{name}'.",
            hint=f"It knows {', '.join(generator_names())}; update MoCLIP, or use another model.",
            code="unknown_generator",
        )
    return importlib.import_module(f"{package}.{part}")


def has_part(name: str, part: str) -> bool:
    return importlib.util.find_spec(f"{known_packages()[name]}.{part}") is not None


def find_generator(name: str) -> type[Generator]:
    """The generator of this name. Raises MoclipError for an unknown one."""
    found: type[Generator] = generator_part(name, "generator").GENERATOR
    return found

# SPDX-License-Identifier: Apache-2.0
"""The models that a backend serves: the one it was started with, and others that requests name."""

import gc
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from moclip.errors import MoclipError
from moclip.models import ModelInfo, model_info, model_names
from moclip_backend.engine import Engine
from moclip_backend.memory import give_back
from moclip_backend.state.log import LOG


def installed_models() -> list[ModelInfo]:
    """All that can be read; what is wrong with the others `moclip models list` tells."""
    found = []
    for name in model_names():
        try:
            found.append(model_info(name))
        except MoclipError as error:
            LOG.warning("a model is left out: %s", error.message)
    return found


@dataclass(frozen=True)
class Offer:
    """A model as `welcome` tells it. context: whether it can go on from a motion."""

    name: str
    licence: str
    fps: float
    context: bool

    def told(self) -> dict[str, Any]:
        return {"name": self.name, "licence": self.licence, "fps": self.fps, "context": self.context}


class Models:
    """Engines by the names of their models; beyond `most` the one that was used longest ago is forgotten.

    own: the engine that the backend was started with, which stays. load: makes one from the path of a model's folder.
    most: how many there are at once, `own` included; with 1 there are no others. `engine` belongs to the worker, all
    else to the loop.
    """

    def __init__(
        self,
        own: Engine,
        load: Callable[[str], Engine] | None = None,
        most: int = 1,
        installed: Callable[[], Sequence[ModelInfo]] = installed_models,
    ):
        self._own, self._load, self._installed = own, load, installed
        self._most = most if load is not None else 1
        self._others: OrderedDict[str, Engine] = OrderedDict()

    @property
    def several(self) -> bool:
        return self._most > 1

    def offers(self) -> list[Offer]:
        """What requests may name, the backend's own model first."""
        own = Offer(self._own.name, self._own.licence, float(self._own.fps), bool(getattr(self._own, "edits", True)))
        return [own, *(_offer(info) for info in self._others_installed())]

    def fps(self, name: str | None) -> float:
        """Of the motions of the model that a request names; None is the backend's own. Raises MoclipError."""
        if name is None or name == self._own.name:
            return float(self._own.fps)
        return float(self._find(name).details["fps"])

    def engine(self, name: str | None) -> Engine:
        """Loaded if it is not. Raises MoclipError for a model that is not there or cannot be loaded."""
        if name is None or name == self._own.name:
            return self._own
        if name in self._others:
            self._others.move_to_end(name)
            return self._others[name]
        info = self._find(name)
        assert self._load is not None
        while len(self._others) >= self._most - 1:
            forgotten, _ = self._others.popitem(last=False)
            LOG.info("forgets the model %s", ascii(forgotten))
            # Sessions of networks are parts of circles; their memory is wanted for the next.
            gc.collect()
        self._others[name] = self._load(str(info.path))
        give_back()
        LOG.info("loaded the model %s", ascii(name))
        return self._others[name]

    def _others_installed(self) -> list[ModelInfo]:
        return [info for info in self._installed() if info.name != self._own.name] if self.several else []

    def _find(self, name: str) -> ModelInfo:
        # Only what is installed: a client chooses among names, and never a path.
        for info in self._others_installed():
            if info.name == name:
                return info
        raise MoclipError(
            f"The backend does not serve the model '{name[:80]}'.",
            hint="`welcome` tells which it does; start it with `--models` for several.",
            action="models",
            code="unknown_model",
        )


def _offer(info: ModelInfo) -> Offer:
    try:
        edits = info.generator.EDITS
    except MoclipError:
        edits = False
    return Offer(info.name, info.licence, float(info.details["fps"]), edits)

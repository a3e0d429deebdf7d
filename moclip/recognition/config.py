# SPDX-License-Identifier: Apache-2.0
"""Sizes of the recogniser, and what its classes are."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from moclip.nn.config import Config, Count, Share
from moclip.recognition.kin import KIN

_OTHER = {"left": "right", "right": "left"}
FIRST_KERNEL, FIRST_STRIDE, KERNEL = 5, 2, 3


class ActionClass(NamedTuple):
    """An action, and the side by which it is done: "left", "right", "both", or "" where there is none."""

    action: str
    side: str = ""

    @property
    def way(self) -> str:
        """The side, also of an action that has it in its name, as "walk_left" has."""
        named = self.action.rpartition("_")[2]
        return self.side or (named if named in _OTHER else "")

    @property
    def mirrored(self) -> "ActionClass":
        """The same on the other side; itself where there is none."""
        if self.side in _OTHER:
            return ActionClass(self.action, _OTHER[self.side])
        stem, _, named = self.action.rpartition("_")
        return ActionClass(f"{stem}_{_OTHER[named]}", self.side) if named in _OTHER else self

    def shown_by(self, other: "ActionClass") -> bool:
        """Whether who asks for this may be shown the other: a wave is one with any hand, a sprint is a run."""
        like = self.action == other.action or other.action in KIN.get(self.action, ())
        return like and (self.side == other.side or "" in (self.side, other.side))


def class_of(clip: Mapping[str, Any]) -> ActionClass | None:
    """Of a line of `clips.jsonl`, None of one that shows several actions."""
    actions = clip.get("actions") or []
    if len(actions) != 1:
        return None
    return ActionClass(str(actions[0]["action"]), str(actions[0].get("side") or ""))


@dataclass(frozen=True)
class RecogniserConfig(Config):
    """features: of a frame. width: channels. blocks: the k-th looks 2 ** k places to both sides, a place is two frames.
    actions, sides: of the classes, which training takes from its dataset."""

    features: Count = 263
    width: Count = 160
    blocks: Count = 4
    dropout: Share = 0.3
    actions: tuple[str, ...] = ()
    sides: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(self.actions) != len(self.sides):
            raise ValueError(f"actions and sides are as many, not {len(self.actions)} and {len(self.sides)}")

    @property
    def classes(self) -> tuple[ActionClass, ...]:
        return tuple(ActionClass(*pair) for pair in zip(self.actions, self.sides, strict=True))

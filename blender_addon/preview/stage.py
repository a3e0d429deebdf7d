# SPDX-License-Identifier: GPL-3.0-or-later
"""The takes that are shown as ghosts just now. Nothing is saved, and Blender has handlers only while there are some."""

from collections.abc import Callable, Iterator

import bpy
import numpy as np

from . import drawing
from .ghost import Ghost

_APART = 0.7
"""Between takes that stand side by side, as a share of the body's height."""


class Stage:
    """ghosts: of the takes that are worked out so far. chosen: the take that a pick keys. scene: name of the only one
    in which they are seen. start: its frame at which they begin. beside_somebody: a character stands where they would
    be keyed.
    """

    def __init__(self) -> None:
        self._handlers: list[object] = []
        self.clear()

    @property
    def is_on(self) -> bool:
        return bool(self._handlers)

    @property
    def is_unfinished(self) -> bool:
        """Are there takes to be worked out?"""
        return self.is_on and len(self.ghosts) < self.count

    def show(self, scene: str, start: int, takes: int, beside_somebody: bool, make: Callable[[int], Ghost]) -> None:
        """Show takes from now on, the first at once, in place of those before; `step` works out the others.

        make: works out a take. Raises what it raises; then nothing is shown.
        """
        self.clear()
        first = make(0)
        drawing.prepare()
        self.scene, self.start, self.count, self.beside_somebody = scene, start, takes, beside_somebody
        self.ghosts, self._make = [first], make
        self._handlers = [
            bpy.types.SpaceView3D.draw_handler_add(drawing.draw_view, (self,), "WINDOW", "POST_VIEW"),
            bpy.types.SpaceView3D.draw_handler_add(drawing.draw_numbers, (self,), "WINDOW", "POST_PIXEL"),
        ]

    def step(self) -> None:
        """Work out one more take. Raises what `make` raises; then nothing is shown any more."""
        try:
            self.ghosts.append(self._make(len(self.ghosts)))
        except Exception:
            self.clear()
            raise

    def choose(self, take: int) -> None:
        self.chosen = take % self.count

    def clear(self) -> None:
        """Leave nothing: no handler, no geometry, nothing on the graphics card."""
        for handler in self._handlers:
            bpy.types.SpaceView3D.draw_handler_remove(handler, "WINDOW")
        self._handlers, self.ghosts, self._make = [], [], None
        self.scene, self.start, self.count, self.chosen, self.beside_somebody = "", 0, 0, 0, False

    def seen(self, side_by_side: bool) -> Iterator[tuple[int, Ghost, np.ndarray]]:
        """The takes to be drawn, the chosen one last, and how far (3,) each stands from where it would be keyed."""
        for take, ghost in sorted(enumerate(self.ghosts), key=lambda one: one[0] == self.chosen):
            if side_by_side:
                places = take + (1 if self.beside_somebody else 0)
                yield take, ghost, -self.ghosts[0].figure.left * (_APART * self.ghosts[0].figure.height * places)
            elif take == self.chosen:
                yield take, ghost, np.zeros(3)


STAGE = Stage()

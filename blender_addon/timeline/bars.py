# SPDX-License-Identifier: GPL-3.0-or-later
"""Bars in pixels: where a line of the script lies in an editor of time, what is under the mouse, and what is drawn."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from .dragging import ALL, END, START, Grip

_HEIGHT, _SCROLLER, _MARKERS, _RULER, _GRIP = 18, 13, 42, 23, 7
"""At a scale of 1: of a bar, of what lies below it (Blender's scroller, and its markers where there are some), of the
ruler of frames above, of the ends by which a bar is resized."""
_PADDING = 5
_FILLS = ((0.24, 0.40, 0.56), (0.28, 0.46, 0.63))
"""Of lines in turn, so that two that meet are told apart."""
_ACTIVE, _WRONG, _EDGE = (0.30, 0.62, 0.92), (0.66, 0.28, 0.26), (0.92, 0.96, 1.0)
_OPAQUE, _OUTSIDE = 0.82, 0.38
"""Within the scene's range and outside."""

Colour = tuple[float, float, float, float]
Rectangle = tuple[float, float, float, float]
"""Left, bottom, right, top."""


@dataclass(frozen=True)
class View:
    """An editor's region, in pixels: how wide it is, and the frames at its left and its right edge."""

    left: float
    right: float
    width: int

    def x(self, frame: float) -> float:
        return (frame - self.left) * self.width / (self.right - self.left)

    def frame(self, x: float) -> float:
        return self.left + x * (self.right - self.left) / self.width


@dataclass(frozen=True)
class Lane:
    """Where bars lie in a region, bottom and top, and how much of their ends is held to resize them; in pixels.

    ruler: how high the numbers of the frames are, which bars leave alone.
    """

    bottom: float
    top: float
    grip: float
    padding: float
    ruler: float

    @classmethod
    def at(cls, scale: float, markers: bool) -> "Lane":
        """scale: of the interface. markers: are there some, below?"""
        bottom = round((_SCROLLER + (_MARKERS if markers else 0)) * scale)
        return cls(bottom, bottom + round(_HEIGHT * scale), _GRIP * scale, _PADDING * scale, _RULER * scale)

    def fits(self, height: int) -> bool:
        """Whether a region so high, in pixels, has room for bars under its ruler."""
        return self.top + self.ruler <= height


@dataclass(frozen=True)
class Label:
    """A text, from the left end of its bar on, in the width that there is for it."""

    text: str
    x: float
    y: float
    width: float
    active: bool


@dataclass(frozen=True)
class Drawn:
    """rectangles and their colours, each over those before it; labels over all."""

    rectangles: tuple[tuple[Rectangle, Colour], ...]
    labels: tuple[Label, ...]


def hit(bounds: Sequence[int], view: View, lane: Lane, x: float, y: float) -> Grip | None:
    """What of which bar is under the mouse."""
    if not lane.bottom <= y < lane.top:
        return None
    for index, (first, end) in enumerate(zip(bounds, bounds[1:], strict=False)):
        left, right = view.x(first), view.x(end)
        if left <= x < right:
            grip = min(lane.grip, (right - left) / 3)
            part = START if x < left + grip else END if x >= right - grip else ALL
            return Grip(index, part)
    return None


def drawn(
    bounds: Sequence[int], prompts: Sequence[str], active: int, wrong: Collection[int], view: View, lane: Lane,
    scene: tuple[int, int],
) -> Drawn:  # fmt: skip
    """What is to be seen of a script. wrong: lines that are too short or too long to be generated.

    scene: its first frame and the frame after its last.
    """
    rectangles: list[tuple[Rectangle, Colour]] = []
    labels: list[Label] = []
    for index, (first, end) in enumerate(zip(bounds, bounds[1:], strict=False)):
        left, right = max(view.x(first), 0.0), min(view.x(end), float(view.width))
        if right - left < 0.5:
            continue
        right = max(left + 1.0, right - 1.0)  # a gap, by which two bars are two
        colour = _WRONG if index in wrong else _ACTIVE if index == active else _FILLS[index % 2]
        inside = min(max(view.x(scene[0]), left), right), min(max(view.x(scene[1]), left), right)
        for begins, stops, opaque in (
            (left, inside[0], _OUTSIDE), (*inside, _OPAQUE), (max(inside), right, _OUTSIDE),
        ):  # fmt: skip
            if stops > begins:
                rectangles.append(((begins, lane.bottom, stops, lane.top), (*colour, opaque)))
        if index == active:
            rectangles += [(side, (*_EDGE, 0.9)) for side in _outline(left, right, lane)]
        if right - left > 3 * lane.padding:
            width = right - left - 2 * lane.padding
            labels.append(Label(prompts[index], left + lane.padding, lane.bottom, width, index == active))
    return Drawn(tuple(rectangles), tuple(labels))


def _outline(left: float, right: float, lane: Lane) -> list[Rectangle]:
    thin = 1.0
    return [
        (left, lane.top - thin, right, lane.top),
        (left, lane.bottom, right, lane.bottom + thin),
        (left, lane.bottom, left + thin, lane.top),
        (right - thin, lane.bottom, right, lane.top),
    ]


class Letters:
    """Texts cut to a width. measure: how wide a text is, in pixels; it is asked once for each text and width."""

    _MOST_READ, _MOST_KEPT = 200, 512

    def __init__(self, measure: Callable[[str], float]) -> None:
        self._measure = measure
        self._known: dict[tuple[str, int], str] = {}

    def cut(self, text: str, width: float) -> str:
        """As much of a text as there is room for, with an ellipsis for the rest; "" where there is none."""
        key = (text, int(width))
        if key not in self._known:
            if len(self._known) >= self._MOST_KEPT:
                self._known.clear()
            self._known[key] = self._cut(" ".join(text[: self._MOST_READ].split()), width)
        return self._known[key]

    def _cut(self, text: str, width: float) -> str:
        if self._measure(text) <= width:
            return text
        low, high = 0, len(text)
        while high - low > 1:
            middle = (low + high) // 2
            if self._measure(text[:middle].rstrip() + "…") <= width:
                low = middle
            else:
                high = middle
        return text[:low].rstrip() + "…" if low else ""

# SPDX-License-Identifier: GPL-3.0-or-later
"""Draws the script's bars over the Dope Sheet and the Timeline. Where there is no script, nothing is done."""

import blf
import bpy
import gpu
import numpy as np
from gpu_extras.batch import batch_for_shader

from ..editing.script import bounds_of
from .bars import Drawn, Letters, drawn
from .editor import lane_of, lasts_of, shows_bars, view_of

_LETTERS = 11
_CORNERS = np.array([[0, 1], [2, 1], [2, 3], [0, 1], [2, 3], [0, 3]])
"""Which of left, bottom, right, top are the corners of a rectangle's two triangles."""


class _Painter:
    """What was drawn last lies on the graphics card, and is drawn again as long as nothing has changed."""

    def __init__(self) -> None:
        self._last: tuple = ()
        self._batch: gpu.types.GPUBatch | None = None
        self._letters: tuple[float, Letters] | None = None

    def paint(self, what: Drawn, scale: float) -> None:
        shader = gpu.shader.from_builtin("FLAT_COLOR")
        if self._batch is None or self._last != what.rectangles:
            self._last, self._batch = what.rectangles, _uploaded(shader, what)
        gpu.state.blend_set("ALPHA")
        self._batch.draw(shader)
        gpu.state.blend_set("NONE")
        size = _LETTERS * scale
        blf.size(0, size)
        if self._letters is None or self._letters[0] != size:
            self._letters = size, Letters(lambda text: blf.dimensions(0, text)[0])
        for label in what.labels:
            blf.color(0, *((1.0, 1.0, 1.0) if label.active else (0.88, 0.90, 0.93)), 1.0)
            blf.position(0, label.x, label.y + 5.5 * scale, 0)
            blf.draw(0, self._letters[1].cut(label.text, label.width))


_painter = _Painter()


def draw_bars() -> None:
    context = bpy.context
    if not shows_bars(context):
        return
    scene, settings = context.scene, context.scene.moclip
    bounds, lasts = bounds_of(settings), lasts_of(scene)
    wrong = {k for k in range(len(bounds) - 1) if not lasts.allows(bounds[k + 1] - bounds[k])}
    shown = drawn(
        bounds, [line.prompt for line in settings.lines], settings.active_line, wrong, view_of(context.region),
        lane_of(context), (scene.frame_start, scene.frame_end + 1),
    )  # fmt: skip
    if shown.rectangles:
        _painter.paint(shown, context.preferences.system.ui_scale)


def _uploaded(shader: gpu.types.GPUShader, what: Drawn) -> gpu.types.GPUBatch:
    edges = np.array([rectangle for rectangle, _ in what.rectangles], dtype=np.float32)
    flat = edges[:, _CORNERS].reshape(-1, 2)
    places = np.concatenate([flat, np.zeros((len(flat), 1), dtype=np.float32)], axis=1)
    colours = np.repeat(np.array([colour for _, colour in what.rectangles], dtype=np.float32), len(_CORNERS), axis=0)
    return batch_for_shader(shader, "TRIS", {"pos": places, "color": colours})


_handler: object | None = None


def attach() -> None:
    global _handler
    _handler = bpy.types.SpaceDopeSheetEditor.draw_handler_add(draw_bars, (), "WINDOW", "POST_PIXEL")


def detach() -> None:
    global _handler, _painter
    bpy.types.SpaceDopeSheetEditor.draw_handler_remove(_handler, "WINDOW")
    _handler, _painter = None, _Painter()

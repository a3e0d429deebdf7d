# SPDX-License-Identifier: GPL-3.0-or-later
"""Draws ghosts in the 3D View. All that is drawn lies on the graphics card from the first time on."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import blf
import bpy
import gpu
import numpy as np
from bpy_extras.view3d_utils import location_3d_to_region_2d
from gpu_extras.batch import batch_for_shader

from .figure import HIPS
from .ghost import Ghost, Mesh

_CHOSEN, _OTHER, _PLANTED = (0.30, 0.75, 1.0), (0.62, 0.66, 0.72), (1.0, 0.83, 0.20)
_TRAILS = {"left": (0.35, 0.85, 0.45), "right": (1.0, 0.45, 0.35), HIPS: (0.9, 0.9, 0.95)}
_SOLID, _HIDDEN = 0.9, 0.22
"""How opaque a ghost is, and the parts of it behind or in something."""
_DIM = 0.45
"""How opaque takes are that are not chosen, as a share."""
_LINE, _LINE_PLANTED = 1.8, 4.0
_LETTERS = 15
_VERTEX = """
void main() {
  light = shade;
  gl_Position = ModelViewProjectionMatrix * vec4(pos, 1.0);
}
"""
_FRAGMENT = """
void main() {
  fragColor = vec4(color.rgb * light, color.a);
}
"""
_shader = None


class Shown(Protocol):
    """What of a `stage.Stage` is drawn."""

    scene: str
    start: int
    chosen: int
    count: int

    def seen(self, side_by_side: bool) -> Iterator[tuple[int, Ghost, np.ndarray]]: ...


@dataclass(frozen=True)
class _Batches:
    """On the graphics card. marks: None without contacts."""

    body: gpu.types.GPUBatch
    marks: gpu.types.GPUBatch | None
    lines: Mapping[str, gpu.types.GPUBatch]


def draw_view(stage: Shown) -> None:
    """The ghosts at the frame that the scene is at."""
    context = bpy.context
    if not _is_wanted(context, stage):
        return
    settings, frame = context.scene.moclip, context.scene.frame_current - stage.start
    gpu.state.blend_set("ALPHA")
    for take, ghost, away in stage.seen(settings.preview_at == "BESIDE"):
        if ghost.drawn is None:
            ghost.drawn = _uploaded(ghost)
        share = 1.0 if take == stage.chosen else _DIM
        with gpu.matrix.push_pop():
            gpu.matrix.translate(away.tolist())
            if settings.preview_trails:
                _draw_trails(context, ghost, frame, share)
            _draw_body(ghost, frame, _CHOSEN if take == stage.chosen else _OTHER, share)
    gpu.state.depth_mask_set(False)
    gpu.state.depth_test_set("NONE")
    gpu.state.blend_set("NONE")


def draw_numbers(stage: Shown) -> None:
    """Which take is which, over their heads."""
    context = bpy.context
    settings = context.scene.moclip
    if not _is_wanted(context, stage) or stage.count < 2:
        return
    frame, scale = context.scene.frame_current - stage.start, context.preferences.system.ui_scale
    for take, ghost, away in stage.seen(settings.preview_at == "BESIDE"):
        head = ghost.figure.tips["head"][ghost.frame(frame)] + away
        head[2] += 0.06 * ghost.figure.height
        at = location_3d_to_region_2d(context.region, context.region_data, head)
        if at is None:
            continue
        chosen, text = take == stage.chosen, str(take + 1)
        blf.size(0, _LETTERS * scale * (1.3 if chosen else 1.0))
        blf.color(0, *(_CHOSEN if chosen else _OTHER), 1.0)
        blf.position(0, at.x - blf.dimensions(0, text)[0] / 2, at.y, 0)
        blf.draw(0, text)


def _is_wanted(context: bpy.types.Context, stage: Shown) -> bool:
    space = context.space_data
    return context.scene.name == stage.scene and (space is None or space.overlay.show_overlays)


def _draw_body(ghost: Ghost, frame: int, colour: tuple[float, float, float], share: float) -> None:
    first, count = (3 * number for number in ghost.triangles_at(frame))
    shader = _own_shader()
    # What is behind or in something first: the ghost hides parts of itself only afterwards.
    for test, writes, alpha in (("GREATER", False, _HIDDEN), ("LESS_EQUAL", True, _SOLID)):
        gpu.state.depth_test_set(test)
        gpu.state.depth_mask_set(writes)
        shader.bind()
        shader.uniform_float("color", (*colour, alpha * share))
        ghost.drawn.body.draw_range(shader, elem_start=first, elem_count=count)


def _draw_trails(context: bpy.types.Context, ghost: Ghost, frame: int, share: float) -> None:
    gpu.state.depth_mask_set(False)
    gpu.state.depth_test_set("LESS_EQUAL")
    shader = _own_shader()
    if ghost.drawn.marks is not None:
        shader.bind()
        shader.uniform_float("color", (*_PLANTED, 0.3 * share))
        ghost.drawn.marks.draw(shader)
        shader.uniform_float("color", (*_PLANTED, share))
        for first, count in ghost.standing_at(frame):
            ghost.drawn.marks.draw_range(shader, elem_start=3 * first, elem_count=3 * count)
    gpu.state.depth_test_set("NONE")
    lines = gpu.shader.from_builtin("POLYLINE_UNIFORM_COLOR")
    lines.bind()
    lines.uniform_float("viewportSize", (context.region.width, context.region.height))
    for name, batch in ghost.drawn.lines.items():
        planted = name.endswith("planted")
        colour = _PLANTED if planted else _TRAILS[name.partition("_")[0]]
        lines.uniform_float("lineWidth", _LINE_PLANTED if planted else _LINE)
        lines.uniform_float("color", (*colour, (0.9 if planted else 0.65) * share))
        batch.draw(lines)


def _uploaded(ghost: Ghost) -> _Batches:
    lines = gpu.shader.from_builtin("POLYLINE_UNIFORM_COLOR")
    trails = {name: batch_for_shader(lines, "LINES", {"pos": points}) for name, points in ghost.lines.items()}
    return _Batches(_mesh(ghost.body), _mesh(ghost.marks) if len(ghost.marks.places) else None, trails)


def _mesh(mesh: Mesh) -> gpu.types.GPUBatch:
    content = {"pos": mesh.places, "shade": mesh.shades}
    return batch_for_shader(_own_shader(), "TRIS", content, indices=mesh.triangles)


def _own_shader() -> gpu.types.GPUShader:
    """One colour for all, darker or lighter at each point: made anew nowhere, however often ghosts are shown."""
    global _shader
    if _shader is None:
        between = gpu.types.GPUStageInterfaceInfo("moclip_ghost")
        between.smooth("FLOAT", "light")
        made = gpu.types.GPUShaderCreateInfo()
        made.push_constant("MAT4", "ModelViewProjectionMatrix")
        made.push_constant("VEC4", "color")
        made.vertex_in(0, "VEC3", "pos")
        made.vertex_in(1, "FLOAT", "shade")
        made.vertex_out(between)
        made.fragment_out(0, "VEC4", "fragColor")
        made.vertex_source(_VERTEX)
        made.fragment_source(_FRAGMENT)
        _shader = gpu.shader.create_from_info(made)
    return _shader

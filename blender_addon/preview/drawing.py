# SPDX-License-Identifier: GPL-3.0-or-later
"""Draws ghosts in the 3D View. Trails lie on the graphics card from the first time on, a body from frame to frame."""

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import blf
import bpy
import gpu
import numpy as np
from bpy_extras.view3d_utils import location_3d_to_region_2d

from .ghost import Ghost, Mesh

_CHOSEN, _OTHER = (0.30, 0.75, 1.0), (0.62, 0.66, 0.72)
_SOLID, _HIDDEN = 0.9, 0.22
"""How opaque a ghost is, and the parts of it behind or in something."""
_DIM = 0.45
"""How opaque takes are that are not chosen, as a share."""
_LETTERS = 15
_ATTRIBUTES = {"place": 3, "other": 3, "aside": 2, "colour": 4}
# What is behind the viewer has no place on the screen: a line that comes from there begins where it is seen.
_VERTEX = """
vec4 seen(vec4 end, vec4 from) {
  float behind = -end.z - end.w, before = from.z + from.w;
  return behind > 0.0 && before > 0.0 ? mix(end, from, behind / (behind + before)) : end;
}

void main() {
  vec4 at = ModelViewProjectionMatrix * vec4(place, 1.0);
  across = vec2(0.0, 1.0);
  if (aside.x != 0.0) {
    vec4 far = ModelViewProjectionMatrix * vec4(other, 1.0), end = seen(at, far);
    far = seen(far, at);
    vec2 way = (far.xy / far.w - end.xy / end.w) * viewport_size;
    vec2 left = vec2(-way.y, way.x) / max(length(way), 1e-6);
    // Half a pixel more, in which it fades.
    vec2 pixels = aside + 0.5 * sign(aside);
    across = vec2(pixels.y, abs(pixels.y));
    at = vec4(end.xy + 2.0 * pixels.x * left / viewport_size * end.w, end.zw);
  }
  paint = colour * tint;
  gl_Position = at;
}
"""
_FRAGMENT = """
void main() {
  fragColor = vec4(paint.rgb, paint.a * clamp(across.y - abs(across.x), 0.0, 1.0));
}
"""


class Shown(Protocol):
    """What of a `stage.Stage` is drawn."""

    scene: str
    start: int
    chosen: int
    count: int

    def seen(self, side_by_side: bool) -> Iterator[tuple[int, Ghost, np.ndarray]]: ...


class _OnCard:
    """What the graphics card has of a ghost: marks and trails of the whole motion, None without any, and the body at
    the frame that was drawn last."""

    def __init__(self, ghost: Ghost) -> None:
        self.marks, self.trails = (
            _batch(mesh, _index(mesh)) if len(mesh.triangles) else None for mesh in (ghost.marks, ghost.trails)
        )
        self._faces = _index(ghost.body)
        self._frame, self._body = -1, None

    def body_at(self, ghost: Ghost, frame: int) -> gpu.types.GPUBatch:
        """Kilobytes, where a whole motion would be megabytes, too much for one call."""
        if (frame := ghost.frame(frame)) != self._frame:
            self._frame, self._body = frame, _batch(ghost.body_at(frame), self._faces)
        return self._body


def prepare() -> None:
    """Have the driver of the graphics card prepare what it takes longest for, which pictures would wait for."""
    if bpy.app.background or _brush.cache_info().currsize:
        return
    corner = np.zeros((3, 4), dtype=np.float32)
    nothing = Mesh(corner[:, :3], corner[:, :3], corner[:, :2], corner, np.array([(0, 1, 2)], dtype=np.int32))
    screen, brush = gpu.types.GPUOffScreen(8, 8), _brush()
    with screen.bind():
        _tint(brush.shader, (0.0, 0.0, 0.0, 0.0))
        _batch(nothing, _index(nothing)).draw(brush.shader)
    screen.free()


def draw_view(stage: Shown) -> None:
    """The ghosts at the frame that the scene is at; in the first picture of all, only as they are seen through things,
    as a driver prepares either state of the card the first time, which takes as long as many pictures do."""
    context = bpy.context
    if not _is_wanted(context, stage):
        return
    settings, frame = context.scene.moclip, context.scene.frame_current - stage.start
    gpu.state.blend_set("ALPHA")
    brush = _brush()
    brush.shader.bind()
    brush.shader.uniform_float("viewport_size", (context.region.width, context.region.height))
    for take, ghost, away in stage.seen(settings.preview_at == "BESIDE"):
        if ghost.drawn is None:
            ghost.drawn = _OnCard(ghost)
        share = 1.0 if take == stage.chosen else _DIM
        with gpu.matrix.push_pop():
            gpu.matrix.translate(away.tolist())
            colour = _CHOSEN if take == stage.chosen else _OTHER
            _draw(brush, ghost, frame, colour, share, settings.preview_trails)
    if not brush.has_drawn:
        brush.has_drawn = True
        context.region.tag_redraw()
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


@dataclass
class _Brush:
    """The one shader for all that is drawn, made once however often ghosts are shown: each further one takes a graphics
    card's driver far longer than a picture. has_drawn: a picture."""

    shader: gpu.types.GPUShader
    has_drawn: bool = False


@functools.cache
def _brush() -> _Brush:
    return _Brush(_shader())


def _draw(
    brush: _Brush, ghost: Ghost, frame: int, colour: tuple[float, float, float], share: float, ways: bool
) -> None:
    """Through everything first, then what is in sight: in these two states of the card and no more. ways: trails and
    marks, too."""
    shader, card, body = brush.shader, ghost.drawn, ghost.drawn.body_at(ghost, frame)
    gpu.state.depth_mask_set(False)
    gpu.state.depth_test_set("NONE")
    if ways and card.trails is not None:
        _tint(shader, (1.0, 1.0, 1.0, share))
        card.trails.draw(shader)
    _tint(shader, (*colour, _HIDDEN * share))
    body.draw(shader)
    if not brush.has_drawn:
        return
    gpu.state.depth_mask_set(True)
    gpu.state.depth_test_set("LESS_EQUAL")
    if ways and card.marks is not None:
        _tint(shader, (1.0, 1.0, 1.0, 0.3 * share))
        card.marks.draw(shader)
        _tint(shader, (1.0, 1.0, 1.0, share))
        for first, count in ghost.standing_at(frame):
            card.marks.draw_range(shader, elem_start=3 * first, elem_count=3 * count)
    _tint(shader, (*colour, _SOLID * share))
    body.draw(shader)


def _tint(shader: gpu.types.GPUShader, colour: tuple[float, float, float, float]) -> None:
    """What all colours that are drawn next are multiplied by."""
    shader.bind()
    shader.uniform_float("tint", colour)


def _batch(mesh: Mesh, index: gpu.types.GPUIndexBuf) -> gpu.types.GPUBatch:
    corners = gpu.types.GPUVertBuf(_format(), len(mesh.places))
    for name, values in zip(_ATTRIBUTES, (mesh.places, mesh.others, mesh.aside, mesh.colours), strict=True):
        corners.attr_fill(name, values)
    return gpu.types.GPUBatch(type="TRIS", buf=corners, elem=index)


def _index(mesh: Mesh) -> gpu.types.GPUIndexBuf:
    return gpu.types.GPUIndexBuf(type="TRIS", seq=mesh.triangles)


@functools.cache
def _format() -> gpu.types.GPUVertFormat:
    made = gpu.types.GPUVertFormat()
    for name, size in _ATTRIBUTES.items():
        made.attr_add(id=name, comp_type="F32", len=size, fetch_mode="FLOAT")
    return made


def _shader() -> gpu.types.GPUShader:
    between = gpu.types.GPUStageInterfaceInfo("moclip_ghost")
    between.smooth("VEC4", "paint")
    between.no_perspective("VEC2", "across")
    made = gpu.types.GPUShaderCreateInfo()
    made.push_constant("MAT4", "ModelViewProjectionMatrix")
    made.push_constant("VEC4", "tint")
    made.push_constant("VEC2", "viewport_size")
    for number, (name, size) in enumerate(_ATTRIBUTES.items()):
        made.vertex_in(number, f"VEC{size}", name)
    made.vertex_out(between)
    made.fragment_out(0, "VEC4", "fragColor")
    made.vertex_source(_VERTEX)
    made.fragment_source(_FRAGMENT)
    return gpu.shader.create_from_info(made)

# SPDX-License-Identifier: GPL-3.0-or-later
"""Key a range of an F-curve anew. What lies outside plays on as it did, at every whole frame.

Keys outside the range stay as they are. A curve that bends between one of them and the range is keyed at each whole
frame there, since the key that it bent towards is gone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import bpy
import numpy as np

from ..shared.errors import MoclipError

_HALF = 0.5


@dataclass(frozen=True)
class Span:
    """The frames first..end-1. before, after: does the action animate anything there, which is to stay?"""

    first: int
    end: int
    before: bool
    after: bool


@dataclass(frozen=True)
class _Beside:
    """Keys to add beside a range; interpolation of each."""

    frames: tuple[int, ...]
    values: tuple[float, ...]
    interpolation: str


def check_splice(curve: bpy.types.FCurve) -> None:
    """Raises MoclipError for a curve whose keys alone do not say what it does, or that may not be edited."""
    if any(not modifier.mute for modifier in curve.modifiers):
        raise MoclipError(
            f"The curve '{curve.data_path}' has a modifier, such as the one that repeats a loop.",
            hint="Remove or bake it first.",
            code="modified_curve",
        )
    if curve.lock:
        raise MoclipError(f"The curve '{curve.data_path}' is locked.", hint="Unlock it first.", code="locked_curve")


def splice(
    curve: bpy.types.FCurve, span: Span, values: Sequence[float], at_rest: float, held: int | None = None
) -> None:
    """Give a curve `values` (N,) at the frames of a range.

    at_rest: what its property has where nothing animates it, for a curve without keys. held: which of the values lasts
    until the next frame.
    """
    before, after = _before(curve, span, at_rest), _after(curve, span, at_rest)
    points = curve.keyframe_points
    kept = max((p.co.x for p in points if p.co.x < span.first - _HALF), default=-np.inf)
    for index in reversed(range(len(points))):
        if span.first - _HALF <= points[index].co.x < span.end - _HALF:
            points.remove(points[index], fast=True)
    if any(point.interpolation == "BEZIER" for point in points):
        for point in points:
            # Else Blender would bend what stays towards its new neighbours.
            point.handle_left_type = point.handle_right_type = "FREE"
    for beside in (before, after):
        _insert(curve, beside.frames, beside.values, beside.interpolation)
    _insert(curve, range(span.first, span.end), values, "LINEAR")
    if held is not None:
        for point in points:
            if abs(point.co.x - (span.first + held)) < _HALF:
                point.interpolation = "CONSTANT"
    for point in points:
        if kept <= point.co.x < span.first - _HALF and point.interpolation != "CONSTANT":
            point.interpolation = "LINEAR"
    curve.update()


def _before(curve: bpy.types.FCurve, span: Span, at_rest: float) -> _Beside:
    if not span.before:
        return _Beside((), (), "LINEAR")
    earlier = [p for p in curve.keyframe_points if p.co.x < span.first - _HALF]
    frames = [span.first - 1]
    kind = earlier[-1].interpolation if earlier else "LINEAR"
    if earlier and kind not in ("LINEAR", "CONSTANT"):
        frames = range(int(np.floor(earlier[-1].co.x + 1e-3)) + 1, span.first)
    if earlier and abs(earlier[-1].co.x - (span.first - 1)) < 1e-3:
        frames = []
    return _Beside(tuple(frames), _values(curve, frames, at_rest), "CONSTANT" if kind == "CONSTANT" else "LINEAR")


def _after(curve: bpy.types.FCurve, span: Span, at_rest: float) -> _Beside:
    if not span.after:
        return _Beside((), (), "LINEAR")
    points = list(curve.keyframe_points)
    later = [p for p in points if p.co.x >= span.end - _HALF]
    governing = [p for p in points if p.co.x < span.end - _HALF]
    kind = governing[-1].interpolation if governing else "LINEAR"
    frames = [span.end]
    if later and governing and kind not in ("LINEAR", "CONSTANT"):
        frames = range(span.end, int(np.ceil(later[0].co.x - 1e-3)))
    if later and abs(later[0].co.x - span.end) < 1e-3:
        frames = []
    return _Beside(tuple(frames), _values(curve, frames, at_rest), "CONSTANT" if kind == "CONSTANT" else "LINEAR")


def _values(curve: bpy.types.FCurve, frames: Sequence[int], at_rest: float) -> tuple[float, ...]:
    if not len(curve.keyframe_points):
        return tuple(at_rest for _ in frames)
    return tuple(curve.evaluate(frame) for frame in frames)


def _insert(curve: bpy.types.FCurve, frames: Sequence[int], values: Sequence[float], interpolation: str) -> None:
    for frame, value in zip(frames, values, strict=True):
        curve.keyframe_points.insert(frame, float(value), options={"FAST"}).interpolation = interpolation

# SPDX-License-Identifier: GPL-3.0-or-later
"""A curve object as a line on the ground of a rig's motion."""

from collections.abc import Callable

import bpy
import numpy as np

from ..motion import axes
from ..motion.pace import Mark
from ..motion.path import Line, line_through
from ..shared.errors import MoclipError
from .rest import RigRest
from .root import size_now


def line_of(curve: bpy.types.Object, rest: RigRest) -> Line:
    """The first spline of a curve object with its modifiers, seen from above, in the motion's axes and metres.

    Raises MoclipError for what is no curve, has no length, goes straight up, or is no line by its modifiers.
    """
    inverse = np.linalg.inv(np.array(rest.rig.matrix_world, dtype=np.float64))
    return _line(
        curve, lambda points: rest.to_motion(size_now(rest).hidden(points @ inverse[:3, :3].T + inverse[:3, 3]))
    )


def line_in_scene(curve: bpy.types.Object) -> Line:
    """As `line_of`, for an armature of our own at the scene's origin that is not made yet."""
    return _line(curve, axes.vectors_from_blender)


def _line(curve: bpy.types.Object, to_motion: Callable[[np.ndarray], np.ndarray]) -> Line:
    """to_motion: points of the scene (N, 3) -> the motion's axes and metres."""
    if not curve.users_scene:
        raise MoclipError(f"The curve '{curve.name}' was deleted.", hint="Choose another Path.", code="bad_path")
    if curve.type != "CURVE" or not curve.data.splines:
        raise MoclipError(f"'{curve.name}' is no curve to follow.", hint="Choose another Path.", code="bad_path")
    world = np.array(curve.matrix_world, dtype=np.float64)
    ground = to_motion(_points(curve) @ world[:3, :3].T + world[:3, 3])[:, [0, 2]]
    line = line_through(ground, curve.data.splines[0].use_cyclic_u)
    if line is None:
        raise MoclipError(
            f"The curve '{curve.name}' has no length on the ground.", hint="Choose another Path.", code="bad_path"
        )
    places, shares = _drawn_by(curve.data.splines[0])
    return line.with_stations(to_motion(places @ world[:3, :3].T + world[:3, 3])[:, [0, 2]], shares)


def marks_of(curve: bpy.types.Object, line: Line, scene: bpy.types.Scene, start: int) -> tuple[Mark, ...]:
    """When the scene's markers say that points of a curve are reached: those named by the curve and a point's number.

    Frames are counted from `start`. Raises MoclipError where there are none, or they cannot be.
    """
    found = []
    for marker in scene.timeline_markers:
        number = marker.name.removeprefix(curve.name).strip()
        if marker.name.startswith(curve.name) and number.isdecimal():
            found.append((int(number), marker.frame))
    # Where the way begins is where the motion does.
    found = sorted(one for one in found if one[0] != 1)
    if not found:
        raise MoclipError(
            f"No marker says when a point of '{curve.name}' is reached.",
            hint=f"Name markers by the points' numbers: '{curve.name} 2', '{curve.name} 3'.",
            code="bad_path",
        )
    before = start
    for number, frame in found:
        if not 1 <= number <= len(line.stations):
            raise MoclipError(
                f"'{curve.name}' has {len(line.stations)} points, and none called {number}.",
                hint="Rename that marker.",
                code="bad_path",
            )
        if frame <= before:
            raise MoclipError(
                f"The marker '{curve.name} {number}' at frame {frame} is no later than what is before it on the path.",
                hint="Move it to a later frame.",
                code="bad_path",
            )
        before = frame
    return tuple(Mark(number, frame - start, float(line.stations[number - 1])) for number, frame in found)


def _drawn_by(spline: bpy.types.Spline) -> tuple[np.ndarray, np.ndarray]:
    """The points (K, 3) of a spline in its object's space, and their radii (K,)."""
    points = spline.bezier_points if spline.type == "BEZIER" else spline.points
    return np.array([point.co[:3] for point in points]), np.array([point.radius for point in points])


def _points(curve: bpy.types.Object) -> np.ndarray:
    """(N, 3) along the first spline, as finely as Blender draws it. Raises MoclipError for what is no line."""
    bare = curve.data.copy()
    bare.bevel_mode, bare.bevel_depth, bare.extrude, bare.offset = "ROUND", 0.0, 0.0, 0.0
    bare.taper_object = None
    if bare.dimensions == "2D":
        bare.fill_mode = "NONE"
    for spline in list(bare.splines)[1:]:
        bare.splines.remove(spline)
    drawn = curve.copy()
    drawn.data, drawn.hide_viewport = bare, False
    try:
        shown = _evaluated(drawn) if curve.modifiers else drawn
        mesh = shown.to_mesh()
        points = np.empty(3 * len(mesh.vertices))
        mesh.vertices.foreach_get("co", points)
        # The edges of a line lead from each vertex to the next one; whatever else is no way to go.
        is_line = not mesh.polygons and len(mesh.vertices) - len(mesh.edges) in (0, 1)
        shown.to_mesh_clear()
    finally:
        bpy.data.objects.remove(drawn)
        bpy.data.curves.remove(bare)
    if curve.modifiers and not is_line:
        raise MoclipError(
            f"The modifiers of '{curve.name}' make more of it than a line.",
            hint="Switch them off, or choose another Path.",
            code="bad_path",
        )
    return points.reshape(-1, 3)


def _evaluated(drawn: bpy.types.Object) -> bpy.types.Object:
    """An object with its modifiers, which Blender works out only for what is in a scene."""
    bpy.context.scene.collection.objects.link(drawn)
    bpy.context.view_layer.update()
    return drawn.evaluated_get(bpy.context.evaluated_depsgraph_get())

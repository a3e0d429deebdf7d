# SPDX-License-Identifier: GPL-3.0-or-later
"""A curve object as a line on the ground of a rig's motion."""

import bpy
import numpy as np

from ..errors import MoclipError
from ..path import Line, line_through
from .rest import RigRest


def line_of(curve: bpy.types.Object, rest: RigRest) -> Line:
    """The first spline of a curve object, seen from above, in the motion's axes and metres.

    Raises MoclipError for what is no curve, has no length, or goes straight up.
    """
    if not curve.users_scene:
        raise MoclipError(f"The curve '{curve.name}' was deleted.", hint="Choose another Path.", code="bad_path")
    if curve.type != "CURVE" or not curve.data.splines:
        raise MoclipError(f"'{curve.name}' is no curve to follow.", hint="Choose another Path.", code="bad_path")
    world = np.array(curve.matrix_world, dtype=np.float64)
    points = _points(curve.data) @ world[:3, :3].T + world[:3, 3]
    inverse = np.linalg.inv(np.array(rest.rig.matrix_world, dtype=np.float64))
    ground = rest.to_motion(points @ inverse[:3, :3].T + inverse[:3, 3])[:, [0, 2]]
    line = line_through(ground, curve.data.splines[0].use_cyclic_u)
    if line is None:
        raise MoclipError(
            f"The curve '{curve.name}' has no length on the ground.", hint="Choose another Path.", code="bad_path"
        )
    return line


def _points(data: bpy.types.Curve) -> np.ndarray:
    """(N, 3) along the first spline, as finely as Blender draws it."""
    bare = data.copy()
    bare.bevel_mode, bare.bevel_depth, bare.extrude, bare.offset = "ROUND", 0.0, 0.0, 0.0
    bare.taper_object = None
    for spline in list(bare.splines)[1:]:
        bare.splines.remove(spline)
    drawn = bpy.data.objects.new("path", bare)
    try:
        mesh = drawn.to_mesh()
        points = np.empty(3 * len(mesh.vertices))
        mesh.vertices.foreach_get("co", points)
    finally:
        drawn.to_mesh_clear()
        bpy.data.objects.remove(drawn)
        bpy.data.curves.remove(bare)
    return points.reshape(-1, 3)

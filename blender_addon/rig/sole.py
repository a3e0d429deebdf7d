# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rig's foot stands on: three points of its sole at rest, from the skin where there is one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import bpy
import numpy as np

from .hierarchy import Hierarchy

_FIRM = 0.3
"""Weight from which on a vertex goes with the foot."""
_MOST_LOOKED_AT = 4000
_PLAUSIBLE = 0.2
"""Of the legs' length: what lies farther under the ankle is no sole."""
_AS_HIGH = 0.03
"""Of the legs' length: ankles that differ by less in height stand on one floor."""
_BALL = 0.7
"""Of a foot's length, where its ball is from the heel on."""
_TIP_AHEAD, _BALL_AHEAD = 0.25, 0.16
"""Of the legs' length, how far before the ankle a foot ends whose toes nothing tells, and where its ball is."""
_ROUND = 0.9
"""Of the way from ball to tip: a shoe rolls off before its end."""


@dataclass(frozen=True)
class Sole:
    """(3,) points on the floor in armature space, of the rest pose that stands.

    heel under the ankle or behind it, ball under the joint of the toes, tip where the toes end.
    """

    heel: np.ndarray
    ball: np.ndarray
    tip: np.ndarray


class Standing(Protocol):
    """What of a `rest.RigRest` a sole is found by."""

    rig: bpy.types.Object
    bone_of: Mapping[str, str]
    hierarchy: Hierarchy
    frame: np.ndarray
    upright: np.ndarray

    @property
    def up(self) -> np.ndarray: ...

    def head(self, joint: str) -> np.ndarray: ...

    def leg_length(self) -> float: ...


def sole_of(rest: Standing, side: str) -> Sole:
    """The sole of the left or the right foot."""
    up, ahead = rest.up, -rest.frame[:, 1]
    ankle = rest.head(f"{side}_ankle")
    toe = rest.head(f"{side}_foot") if f"{side}_foot" in rest.bone_of else None
    skin = _skin_of(rest, _foot_bones(rest, side), below=float(up @ ankle))
    if len(skin):
        floor, heel, tip = float((skin @ up).min()), float((skin @ ahead).min()), float((skin @ ahead).max())
    else:
        points = _bone_points(rest, side)
        floor = _floor_of_bones(rest, np.concatenate([points, *_beside(rest, side)]))
        heel = float(ahead @ ankle)
        tip = max(float((points @ ahead).max()), heel + _TIP_AHEAD * rest.leg_length() * (toe is None))
    if toe is not None:
        ball = float(ahead @ toe)
    else:
        ball = heel + (_BALL * (tip - heel) if len(skin) else _BALL_AHEAD * rest.leg_length())
    heel, tip = min(heel, float(ahead @ ankle)), max(tip, ball)

    def on_floor(beside: np.ndarray, how_far: float) -> np.ndarray:
        point = beside + ahead * (how_far - ahead @ beside)
        return point + up * (floor - up @ point)

    return Sole(
        on_floor(ankle, heel),
        on_floor(ankle if toe is None else toe, ball),
        on_floor(ankle if toe is None else toe, ball + _ROUND * (tip - ball)),
    )


def _foot_bones(rest: Standing, side: str) -> set[str]:
    bone = rest.rig.data.bones[_shown(rest, f"{side}_ankle")]
    return {bone.name, *(child.name for child in bone.children_recursive)}


def _shown(rest: Standing, joint: str) -> str:
    """The bone that turns as a joint does: of rigs of controls one that the skin may follow."""
    return rest.hierarchy.shown.get(joint, rest.bone_of[joint])


def _bone_points(rest: Standing, side: str) -> np.ndarray:
    """(N, 3) heads of the bones of a foot and of what hangs on it, tails of those whose tail tells the end of one."""
    names = _foot_bones(rest, side) | {rest.bone_of[f"{side}_ankle"]}
    if f"{side}_foot" in rest.bone_of:
        names.add(rest.bone_of[f"{side}_foot"])
    turn, shift = rest.upright[:3, :3], rest.upright[:3, 3]
    return np.array([turn @ np.array(rest.rig.data.bones[name].head_local) + shift for name in sorted(names)])


def _beside(rest: Standing, side: str) -> list[np.ndarray]:
    """[(N, 3)] points of the other foot where it stands as high: it may have toes to tell the floor by, this one none;
    [] where it is lifted."""
    other = "right" if side == "left" else "left"
    higher = float(rest.up @ (rest.head(f"{other}_ankle") - rest.head(f"{side}_ankle")))
    return [_bone_points(rest, other)] if abs(higher) < _AS_HIGH * rest.leg_length() else []


def _floor_of_bones(rest: Standing, points: np.ndarray) -> float:
    """Height of the floor that only bones tell: the armature's origin where feet are a little above it, else the
    lowest of them."""
    lowest = float((points @ rest.up).min())
    return 0.0 if 0.0 <= lowest < _PLAUSIBLE * rest.leg_length() else lowest


def _skin_of(rest: Standing, names: set[str], below: float) -> np.ndarray:
    """(N, 3) of the vertices under a height, and not too far under it, that some bones move.

    In armature space of the rest pose that stands.
    """
    rig, found = rest.rig, [np.zeros((0, 3))]
    back = rest.upright @ np.linalg.inv(np.array(rig.matrix_world, dtype=np.float64))
    for mesh in _skinned(rig):
        groups = {group.index for group in mesh.vertex_groups if group.name in names}
        if not groups:
            continue
        points = np.empty(3 * len(mesh.data.vertices), dtype=np.float32)
        mesh.data.vertices.foreach_get("co", points)
        matrix = back @ np.array(mesh.matrix_world, dtype=np.float64)
        placed = points.reshape(-1, 3).astype(np.float64) @ matrix[:3, :3].T + matrix[:3, 3]
        height = placed @ rest.up
        chosen = np.flatnonzero((height < below) & (height > below - _PLAUSIBLE * rest.leg_length()))
        chosen = chosen[:: max(1, len(chosen) // _MOST_LOOKED_AT)]
        vertices = mesh.data.vertices
        firm = [k for k in chosen if any(g.group in groups and g.weight > _FIRM for g in vertices[int(k)].groups)]
        found.append(placed[firm])
    return np.concatenate(found)


def _skinned(rig: bpy.types.Object) -> list[bpy.types.Object]:
    """The meshes that a rig deforms."""
    return [
        obj
        for obj in bpy.data.objects
        if obj.type == "MESH"
        and any(modifier.type == "ARMATURE" and modifier.object == rig for modifier in obj.modifiers)
    ]

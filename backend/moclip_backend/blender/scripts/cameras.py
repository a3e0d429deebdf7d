# SPDX-License-Identifier: Apache-2.0
"""Cameras that go along: for one armature, for a row of characters, for one of the row alone and close up."""

from collections.abc import Sequence
from dataclasses import dataclass

import bpy
import numpy as np
import stage_set
from characters import Character
from mathutils import Vector

# From where one looks: what leads from the hips to the camera. Characters face -Y; +X is their left.
VIEWS = {"quarter": (0.62, -1.0, 0.34), "front": (0.0, -1.0, 0.16), "side": (1.0, 0.0, 0.12)}
_GAP_M = 0.12
"""Free between neighbours where they come closest."""
_MARGIN = 1.05
_FEET_M = (1.35, 0.62)
"""Width and height that a picture of the feet shows, of a character of 1.7 m."""
_BELOW_FLOOR = 0.12
"""The part of such a picture that lies below the floor."""


_IN_VIEW_M = 1.75
"""Height that the camera shows from its usual distance."""


def add_camera(rig: bpy.types.Object, first: int, last: int) -> bpy.types.Object:
    """A camera at three quarters from the front that follows the hips smoothly on the ground plane."""
    scene = bpy.context.scene
    hips, top = [], 0.0
    for frame in range(first, last + 1):
        scene.frame_set(frame)
        hips.append(list((rig.matrix_world @ rig.pose.bones["pelvis"].matrix).translation))
        top = max(top, *((rig.matrix_world @ bone.tail).z for bone in rig.pose.bones))
    hips = np.array(hips)
    smooth = _smooth(hips[:, :2])
    # The body's own reach plus what it strays from the smoothed path.
    reach = 1.0 + np.abs(hips[:, :2] - smooth).max()
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    scene.collection.objects.link(camera)
    camera.data.lens = 42  # room for hands over the head
    taller = max(1.0, top / _IN_VIEW_M)
    offset = Vector(VIEWS["quarter"]).normalized() * (3.75 + 1.6 * (reach - 1.0)) * taller
    aim = Vector((0, 0, 0.84 * taller))
    camera.rotation_euler = (-offset).to_track_quat("-Z", "Y").to_euler()
    for frame in range(first, last + 1, 2):
        camera.location = Vector((*smooth[frame - first], 0)) + aim + offset
        camera.keyframe_insert("location", frame=frame)
    scene.camera = camera
    return camera


def _smooth(ground: np.ndarray, width: int = 31) -> np.ndarray:
    """(T, 2) the mean over `width` frames, the ends held."""
    padded = np.pad(ground, ((width // 2, width // 2), (0, 0)), mode="edge")
    return np.stack([np.convolve(padded[:, k], np.ones(width) / width, "valid") for k in range(2)], axis=1)


@dataclass
class Seen:
    """Where a character is while it moves: hips (T, 3) at every frame; points (N, P, 3) of what is seen of it at the
    frames `at` (N,), counted from the first."""

    hips: np.ndarray
    at: np.ndarray
    points: np.ndarray

    def relative(self, path: np.ndarray) -> np.ndarray:
        """(N * P, 3) the points as one sees them who goes along a path (T, 2) on the ground."""
        return (self.points - np.pad(path[self.at], ((0, 0), (0, 1)))[:, None]).reshape(-1, 3)


def watch(characters: Sequence[tuple[Character, str]], first: int, last: int) -> list[Seen]:
    """Play the scene. characters: each with its hips' bone."""
    scene, at = bpy.context.scene, []
    hips, points = [[] for _ in characters], [[] for _ in characters]
    for frame in range(first, last + 1):
        scene.frame_set(frame)
        looked = (frame - first) % 3 == 0 or frame == last
        at += [frame - first] if looked else []
        for number, (character, bone) in enumerate(characters):
            rig = character.rig
            hips[number].append((rig.matrix_world @ rig.pose.bones[bone].matrix).translation[:])
            if looked:
                # Some of the vertices tell enough of the outline.
                points[number].append(character.points()[::7])
    return [Seen(np.array(h), np.array(at), np.array(p)) for h, p in zip(hips, points, strict=True)]


@dataclass(frozen=True)
class _Axes:
    """A view's unit vectors in the world: to the right, up, and away from the camera."""

    right: np.ndarray
    up: np.ndarray
    away: np.ndarray

    @classmethod
    def of(cls, to_camera: tuple[float, float, float]) -> "_Axes":
        away = -np.array(to_camera) / np.linalg.norm(to_camera)
        right = np.cross(away, (0.0, 0.0, 1.0))
        right /= np.linalg.norm(right)
        return cls(right, np.cross(right, away), away)


def line_up(characters: Sequence[Character], seen: Sequence[Seen], view: str) -> None:
    """Stand characters that move alike beside each other as the camera sees them, and never in each other's way."""
    right = _Axes.of(VIEWS[view]).right
    end = None
    places = []
    for one in seen:
        across = one.points @ right
        left_edge, right_edge = across.min(axis=1), across.max(axis=1)
        place = 0.0 if end is None else float((end - left_edge).max()) + _GAP_M
        places.append(place)
        end = right_edge + place
    for character, one, place in zip(characters, seen, places, strict=True):
        move = right * (place - np.mean(places))
        character.stand.location += Vector(move)
        one.hips += move
        one.points += move


def film_all(seen: Sequence[Seen], first: int, view: str) -> float:
    """The scene's camera, which takes all of them in all the time; how many times as wide as high its picture is."""
    axes = _Axes.of(VIEWS[view])
    path = _smooth(np.mean([one.hips[:, :2] for one in seen], axis=0))
    points = np.concatenate([one.relative(path) for one in seen])
    across, high, deep = points @ axes.right, points @ axes.up, points @ axes.away
    middle = np.array([np.ptp(across) / 2 + across.min(), np.ptp(high) / 2 + high.min()])
    aspect = float(np.clip(np.ptp(across) / np.ptp(high), 4 / 3, 3.2))
    camera = _camera("Camera")
    camera.data.lens = 42
    wide = camera.data.sensor_width / 2 / camera.data.lens  # tangent of half the view
    distance = max(
        float((np.abs(across - middle[0]) * _MARGIN / wide - deep).max()),
        float((np.abs(high - middle[1]) * _MARGIN * aspect / wide - deep).max()),
    )
    _ride(camera, path, first, axes, middle[0] * axes.right + middle[1] * axes.up - distance * axes.away)
    bpy.context.scene.camera = camera
    return aspect


def film_alone(character: Character, seen: Seen, first: int, view: str, aspect: float, feet: bool) -> None:
    """A camera without perspective in a collection of its own, hidden from others.

    From the front and from the side it is level, and the floor is a line. feet: show these only.
    """
    level = view != "quarter"
    axes = _Axes.of(VIEWS[view] if not level else (*VIEWS[view][:2], 0.0))
    path = seen.hips[:, :2] if feet else _smooth(seen.hips[:, :2])
    points = seen.relative(path)
    across, high = points @ axes.right, points @ axes.up
    low = min(0.0, float(high.min()))
    width, middle = np.ptp(across) * _MARGIN, np.array([np.ptp(across) / 2 + across.min(), (high.max() + low) / 2])
    tall = (float(high.max()) - low) * _MARGIN * 1.06
    if feet:
        width, tall = np.array(_FEET_M) * float(seen.points[0, :, 2].max()) / stage_set.USUAL_HEIGHT_M
        middle = np.array([0.0, (0.5 - _BELOW_FLOOR) * tall])
    collection = stage_set.new_collection(alone_name(character))
    collection.hide_render = True
    camera = _camera(alone_name(character), collection)
    camera.data.type = "ORTHO"
    # It is the size of the picture's longer side.
    camera.data.ortho_scale = max(width, tall * aspect) * max(1.0, 1.0 / aspect)
    away = 12.0
    _ride(camera, path, first, axes, middle[0] * axes.right + middle[1] * axes.up - away * axes.away)
    if level:
        below = stage_set.add_ground_edge(collection)
        below.parent = camera
        below.location = (0.0, -middle[1], -2 * away)


def alone_name(character: Character) -> str:
    """Of the camera that films it alone, and of the collection of that camera."""
    return f"{character.collection.name} alone"


def _camera(name: str, collection: bpy.types.Collection | None = None) -> bpy.types.Object:
    camera = bpy.data.objects.new(name, bpy.data.cameras.new(name))
    (collection or bpy.context.scene.collection).objects.link(camera)
    return camera


def _ride(camera: bpy.types.Object, path: np.ndarray, first: int, axes: _Axes, offset: np.ndarray) -> None:
    """Key the camera along a path (T, 2), beside it by `offset` (3,)."""
    camera.rotation_euler = Vector(axes.away).to_track_quat("-Z", "Y").to_euler()
    for frame, ground in enumerate(path, first):
        camera.location = Vector((*ground, 0.0)) + Vector(offset)
        camera.keyframe_insert("location", frame=frame)

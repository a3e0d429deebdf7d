# SPDX-License-Identifier: Apache-2.0
"""Animated skeletons in glTF files, of any body, as motions on ours: read as a BVH file is, once it is one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from moclip.files.bvh import Bvh, unique_names
from moclip.files.foreign import read_clip
from moclip.files.gltf_data import AMISS, GltfData, damaged
from moclip.files.reading import Given, Reading
from moclip.motion import rotations as rot

_CM = 100.0
"""glTF has metres; what reads BVH files expects centimetres."""
_SLOWEST, _FASTEST, _USUAL = 5.0, 250.0, 30.0
"""Keys a second that are a frame rate; where there are fewer, they were thinned out."""
_LONGEST = 100_000
"""Frames; more is no clip."""


def read_gltf(path: Path, given: Given | None = None, fps: float | None = None) -> Reading:
    """The first animation of the largest skeleton. fps: of motions of other skeletons, None is the file's own rate.

    Raises MoclipError for a damaged file, one without an animated skeleton, or one with no body that can be found.
    """
    given = given or Given()
    data = GltfData(path)
    try:
        bvh = _clip(data, given.fps)
    except AMISS as error:
        raise damaged(path, "what it says of its skeleton does not fit together") from error
    scale = given.scale / _CM if given.scale is not None else None
    reading = read_clip(bvh, path, replace(given, scale=scale, fps=None), fps)
    return Reading(reading.motion, reading.notes)


@dataclass(frozen=True)
class _Nodes:
    """Of each node, at each time: where it is and how it is turned in the world. scale: along all axes alike."""

    places: np.ndarray
    turns: np.ndarray


def _clip(data: GltfData, fps: float | None) -> Bvh:
    nodes: Sequence[Mapping[str, Any]] = data.json.get("nodes") or []
    parents = [-1] * len(nodes)
    for number, node in enumerate(nodes):
        for child in node.get("children", ()):
            if parents[child] >= 0:
                raise ValueError("a node hangs on two others")
            parents[child] = number
    animations = [a for a in data.json.get("animations") or [] if a.get("channels")]
    if not animations:
        raise damaged(data.path, "it has no animation")
    notes = []
    if len(animations) > 1:
        called = animations[0].get("name") or "the first"
        notes.append(f"It holds {len(animations)} animations; '{called}' is read.")
    channels = _channels(data, animations[0])
    moved = _joints(data, channels, parents)
    order = _from_the_roots(parents)
    joints = [number for number in order if number in moved]
    at, rate = _times(data, channels, fps)
    rest = _world(nodes, parents, order, {}, np.zeros(1))
    moving = _world(nodes, parents, order, channels, at)
    above = [_joint_above(number, parents, set(joints)) for number in joints]
    own = [joints.index(number) if number >= 0 else -1 for number in above]
    # A BVH joint is not turned at rest, whichever way a node is turned there.
    turned = rot.multiply(moving.turns[:, joints], rot.conjugate(rest.turns[:, joints]))
    rotations, positions, offsets = turned.copy(), moving.places[:, joints], rest.places[0, joints].copy()
    positions = positions.copy()
    for k, parent in enumerate(own):
        if parent >= 0:
            back = rot.conjugate(turned[:, parent])
            rotations[:, k] = rot.multiply(back, turned[:, k])
            step = moving.places[:, joints[k]] - moving.places[:, joints[parent]]
            positions[:, k] = rot.rotate(back, step)
            offsets[k] = rest.places[0, joints[k]] - rest.places[0, joints[parent]]
    ends = {}
    for k, number in enumerate(joints):
        tips = [c for c in nodes[number].get("children", ()) if str(nodes[c].get("name", "")).lower().endswith("_end")]
        if k not in own and tips:
            ends[k] = (rest.places[0, tips[0]] - rest.places[0, number]) * _CM
    names, doubled = unique_names([str(nodes[n].get("name") or f"node {n}") for n in joints])
    return Bvh(names, tuple(own), offsets * _CM, rotations, positions * _CM, rate, ends, (*notes, *doubled))


_Channels = dict[tuple[int, str], tuple[np.ndarray, np.ndarray, str]]
"""(node, "rotation", "translation" or "scale") -> times (N,), values, interpolation."""


def _channels(data: GltfData, animation: Mapping[str, Any]) -> _Channels:
    found: _Channels = {}
    for channel in animation["channels"]:
        node, path = channel["target"].get("node"), channel["target"]["path"]
        if node is None or path not in ("rotation", "translation", "scale"):
            continue
        sampler = animation["samplers"][channel["sampler"]]
        times, values = data.array(sampler["input"])[:, 0], data.array(sampler["output"])
        way = sampler.get("interpolation", "LINEAR")
        if len(values) != len(times) * (3 if way == "CUBICSPLINE" else 1) or (np.diff(times) < 0).any():
            raise ValueError("keys do not fit their times")
        found[node, path] = times, values, way
    return found


def _joints(data: GltfData, channels: _Channels, parents: Sequence[int]) -> set[int]:
    """The nodes of the largest skin; without one, those that are turned."""
    skins = [set(skin["joints"]) for skin in data.json.get("skins") or []]
    joints = max(skins, key=len) if skins else {node for node, path in channels if path == "rotation"}
    if not any(node in joints for node, path in channels if path == "rotation"):
        raise damaged(data.path, "it has no skeleton that is animated")
    if not all(0 <= node < len(parents) for node in joints):
        raise IndexError("a joint is no node")
    return joints


def _from_the_roots(parents: Sequence[int]) -> list[int]:
    depths = []
    for number in range(len(parents)):
        depth, above = 0, parents[number]
        while above >= 0:
            depth, above = depth + 1, parents[above]
            if depth > len(parents):
                raise ValueError("nodes hang on one another in a circle")
        depths.append(depth)
    return sorted(range(len(parents)), key=lambda number: depths[number])


def _joint_above(number: int, parents: Sequence[int], joints: set[int]) -> int:
    above = parents[number]
    while above >= 0 and above not in joints:
        above = parents[above]
    return above


def _times(data: GltfData, channels: _Channels, fps: float | None) -> tuple[np.ndarray, float]:
    """When the skeleton is looked at, at the rate of its densest keys; and that rate."""
    longest = max((times for times, _, _ in channels.values()), key=len)
    begin = min(times[0] for times, _, _ in channels.values())
    end = max(times[-1] for times, _, _ in channels.values())
    rate = fps or 0.0
    if not rate:
        step = float(np.median(np.diff(longest))) if len(longest) > 1 else 0.0
        rate = 1 / step if step > 0 else 0.0
        rate = round(rate) if abs(rate - round(rate)) < 0.01 * rate else round(rate, 3)
        rate = rate if _SLOWEST <= rate <= _FASTEST else _USUAL
    count = int((end - begin) * rate + 1e-3) + 1
    if count > _LONGEST:
        raise damaged(data.path, f"its animation has {count} frames")
    return begin + np.arange(count) / rate, float(rate)


def _world(
    nodes: Sequence[Mapping[str, Any]],
    parents: Sequence[int],
    order: Sequence[int],
    channels: _Channels,
    at: np.ndarray,
) -> _Nodes:
    places, turns = np.zeros((len(at), len(nodes), 3)), np.zeros((len(at), len(nodes), 4))
    scales = np.ones((len(at), len(nodes), 1))
    for number in order:
        own = _placed(nodes[number])
        for part in own:
            if (number, part) in channels:
                own[part] = _sampled(*channels[number, part], at, part == "rotation")
        turn = np.broadcast_to(_wxyz(own["rotation"]), (len(at), 4))
        place = np.broadcast_to(own["translation"], (len(at), 3))
        scale = np.broadcast_to(own["scale"].mean(axis=-1, keepdims=True), (len(at), 1))
        above = parents[number]
        if above >= 0:
            place = places[:, above] + rot.rotate(turns[:, above], place * scales[:, above])
            turn, scale = rot.multiply(turns[:, above], turn), scales[:, above] * scale
        places[:, number], turns[:, number], scales[:, number] = place, turn, scale
    return _Nodes(places, turns)


def _placed(node: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """translation (3,), rotation (4,) xyzw and scale (3,) of a node at rest."""
    if "matrix" in node:
        matrix = np.array(node["matrix"], dtype=np.float64).reshape(4, 4).T
        scale = np.linalg.norm(matrix[:3, :3], axis=0)
        turn = rot.from_matrix(matrix[:3, :3] / np.maximum(scale, 1e-12))
        return {"translation": matrix[:3, 3], "rotation": np.roll(turn, -1), "scale": scale}
    return {
        "translation": np.array(node.get("translation", (0, 0, 0)), dtype=np.float64).reshape(3),
        "rotation": np.array(node.get("rotation", (0, 0, 0, 1)), dtype=np.float64).reshape(4),
        "scale": np.array(node.get("scale", (1, 1, 1)), dtype=np.float64).reshape(3),
    }


def _wxyz(turn: np.ndarray) -> np.ndarray:
    return rot.normalize(np.roll(turn, 1, axis=-1))


def _sampled(times: np.ndarray, values: np.ndarray, way: str, at: np.ndarray, is_rotation: bool) -> np.ndarray:
    """(T, width) of keys, between them as the file says."""
    before = np.clip(np.searchsorted(times, at + 1e-6, side="right") - 1, 0, len(times) - 1)
    after = np.minimum(before + 1, len(times) - 1)
    length = (times[after] - times[before])[:, None]
    share = np.clip((at - times[before])[:, None] / np.where(length > 0, length, 1.0), 0.0, 1.0)
    if way == "CUBICSPLINE":
        keys = values.reshape(len(times), 3, -1)
        s2, s3 = share**2, share**3
        made: np.ndarray = (
            (2 * s3 - 3 * s2 + 1) * keys[before, 1] + (s3 - 2 * s2 + share) * length * keys[before, 2]
            + (3 * s2 - 2 * s3) * keys[after, 1] + (s3 - s2) * length * keys[after, 0]
        )  # fmt: skip
        return made
    if way == "STEP":
        return values[before]
    if is_rotation:
        turned = rot.slerp(_wxyz(values[before]), _wxyz(values[after]), share[:, 0])
        return np.roll(turned, -1, axis=-1)
    moved: np.ndarray = values[before] + share * (values[after] - values[before])
    return moved

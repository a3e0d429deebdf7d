# SPDX-License-Identifier: Apache-2.0
"""A motion as an animated skeleton in glTF: joints by the names of our BVH files, at rest in somebody who stands."""

import base64
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np

from moclip.files.bvh import BVH_NAMES, standing_rest
from moclip.files.gltf_data import BINARY_CHUNK, JSON_CHUNK, MAGIC
from moclip.motion import rotations as rot
from moclip.motion.motion import Motion
from moclip.motion.skeleton import CHILDREN, JOINT_COUNT, JOINT_NAMES, PARENTS

_FLOAT = 5126
_ROOT = JOINT_COUNT
"""The node on which the skeleton hangs; the ends of its limbs follow."""


class _Buffer:
    """Arrays of float32 one after the other, and what speaks of them."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.views: list[dict[str, Any]] = []
        self.accessors: list[dict[str, Any]] = []

    def add(self, rows: np.ndarray, kind: str) -> int:
        """Number of the accessor of rows (N, width) or, for "SCALAR", (N,)."""
        content = np.ascontiguousarray(rows, dtype="<f4")
        self.views.append({"buffer": 0, "byteOffset": len(self.data), "byteLength": content.nbytes})
        accessor = {"bufferView": len(self.views) - 1, "componentType": _FLOAT, "count": len(content), "type": kind}
        if kind == "SCALAR":
            accessor |= {"min": [float(content.min())], "max": [float(content.max())]}
        self.data += content.tobytes()
        self.accessors.append(accessor)
        return len(self.accessors) - 1


def write_gltf(motion: Motion, path: Path) -> None:
    """`.glb` as one binary file, `.gltf` as JSON with its data within. Metres, Y up, a key a frame."""
    offsets, rotations, ends = standing_rest(motion)
    rest = np.zeros((JOINT_COUNT, 3))
    for joint in range(1, JOINT_COUNT):
        rest[joint] = rest[PARENTS[joint]] + offsets[joint]
    rest[:, 1] -= rest[:, 1].min()
    buffer = _Buffer()
    bind = np.tile(np.eye(4), (JOINT_COUNT, 1, 1))
    bind[:, 3, :3] = -rest  # column by column, as glTF has matrices
    content = {
        "asset": {"version": "2.0", "generator": "MoCLIP"},
        "scene": 0,
        "scenes": [{"nodes": [_ROOT]}],
        "nodes": _nodes(offsets, rest[0], ends),
        "skins": [
            {
                "name": "MoCLIP",
                "joints": list(range(JOINT_COUNT)),
                "skeleton": 0,
                "inverseBindMatrices": buffer.add(bind.reshape(-1, 16), "MAT4"),
            }
        ],
        "animations": [_animation(motion, rotations, buffer)],
        "bufferViews": buffer.views,
        "accessors": buffer.accessors,
        "buffers": [{"byteLength": len(buffer.data)}],
    }
    if path.suffix.lower() == ".gltf":
        encoded = base64.b64encode(bytes(buffer.data)).decode("ascii")
        content["buffers"] = [
            {"byteLength": len(buffer.data), "uri": f"data:application/octet-stream;base64,{encoded}"}
        ]
        path.write_text(json.dumps(content), encoding="utf-8")
        return
    text = json.dumps(content, separators=(",", ":")).encode("utf-8")
    text += b" " * (-len(text) % 4)
    data = bytes(buffer.data) + b"\0" * (-len(buffer.data) % 4)
    head = struct.pack("<III", MAGIC, 2, 12 + 8 + len(text) + 8 + len(data))
    chunks = struct.pack("<II", len(text), JSON_CHUNK) + text + struct.pack("<II", len(data), BINARY_CHUNK) + data
    path.write_bytes(head + chunks)


def _nodes(offsets: np.ndarray, pelvis: np.ndarray, ends: dict[str, np.ndarray]) -> list[dict[str, Any]]:
    """The joints in our order, the node that they hang on, then the ends of the limbs."""
    nodes: list[dict[str, Any]] = []
    tips = {JOINT_NAMES.index(joint): _ROOT + 1 + k for k, joint in enumerate(ends)}
    for joint, name in enumerate(JOINT_NAMES):
        children = [*CHILDREN[joint], *([tips[joint]] if joint in tips else [])]
        place = offsets[joint] if joint else pelvis
        below = {"children": children} if children else {}
        nodes.append({"name": BVH_NAMES[name], "translation": [float(x) for x in place], **below})
    nodes.append({"name": "MoCLIP", "children": [0]})
    for above, end in ends.items():
        nodes.append({"name": f"{BVH_NAMES[above]}_end", "translation": [float(x) / 100 for x in end]})
    return nodes


def _animation(motion: Motion, rotations: np.ndarray, buffer: _Buffer) -> dict[str, Any]:
    times = buffer.add(np.arange(motion.frames) / motion.fps, "SCALAR")
    turns = rot.continuous(rot.normalize(rotations))
    samplers = [{"input": times, "output": buffer.add(motion.root_translation, "VEC3")}]
    channels = [{"sampler": 0, "target": {"node": 0, "path": "translation"}}]
    for joint in range(JOINT_COUNT):
        # glTF has w last.
        samplers.append({"input": times, "output": buffer.add(np.roll(turns[:, joint], -1, axis=-1), "VEC4")})
        channels.append({"sampler": joint + 1, "target": {"node": joint, "path": "rotation"}})
    return {"name": motion.text or "motion", "samplers": samplers, "channels": channels}

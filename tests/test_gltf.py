# SPDX-License-Identifier: Apache-2.0
"""Animated skeletons in glTF: ours there and back, those of others, and files that are none."""

import base64
import json
import struct

import numpy as np
import pytest

from moclip.errors import MoclipError
from moclip.files.formats import read_motion, save_motion
from moclip.motion import rotations as rot
from moclip.motion.motion import Motion
from moclip.motion.skeleton import JOINT_COUNT, JOINT_NAMES, PARENTS, REST_OFFSETS
from moclip_backend.bench.solver import synthetic_motion

MIXAMO = {
    "pelvis": "Hips", "spine1": "Spine", "spine2": "Spine1", "spine3": "Spine2", "neck": "Neck", "head": "Head",
    **{f"{side}_{ours}": f"{side.title()}{theirs}" for side in ("left", "right") for ours, theirs in (
        ("collar", "Shoulder"), ("shoulder", "Arm"), ("elbow", "ForeArm"), ("wrist", "Hand"),
        ("hip", "UpLeg"), ("knee", "Leg"), ("ankle", "Foot"), ("foot", "ToeBase"))},
}  # fmt: skip


def walk(frames: int = 40) -> Motion:
    return synthetic_motion(np.random.default_rng(4), frames)


@pytest.mark.parametrize("suffix", [".glb", ".gltf"])
def test_a_motion_of_ours_comes_back_as_it_was(tmp_path, suffix, moclip):
    motion = walk()
    save_motion(motion, tmp_path / "walk.npz")
    assert moclip("convert", "walk.npz", f"walk{suffix}")[0] == 0
    assert moclip("convert", f"walk{suffix}", "back.npz")[0] == 0
    reading = read_motion(tmp_path / f"walk{suffix}")
    assert reading.notes == () and reading.motion.fps == motion.fps
    back = read_motion(tmp_path / "back.npz").motion
    assert np.abs(back.joints() - motion.joints()).max() < 1e-4
    assert np.degrees(rot.angle_between(back.rotations, motion.rotations)).max() < 0.05


def test_what_is_written_is_a_skin_of_joints_with_keys(tmp_path):
    save_motion(walk(), tmp_path / "walk.glb")
    content = (tmp_path / "walk.glb").read_bytes()
    magic, version, length, json_length, kind = struct.unpack_from("<4sIIII", content)
    assert (magic, version, length, kind) == (b"glTF", 2, len(content), 0x4E4F534A) and json_length % 4 == 0
    held = json.loads(content[20 : 20 + json_length])
    assert [held["nodes"][j]["name"] for j in held["skins"][0]["joints"][:3]] == ["Hips", "LeftUpLeg", "RightUpLeg"]
    assert len(held["animations"][0]["channels"]) == JOINT_COUNT + 1
    assert all(node.get("children", [0]) for node in held["nodes"])
    # Inverse bind matrices undo where the joints stand at rest.
    places = np.zeros((JOINT_COUNT, 3))
    for j, parent in enumerate(PARENTS):
        places[j] = np.array(held["nodes"][j]["translation"]) + (places[parent] if parent >= 0 else 0)
    matrices = np.frombuffer(content, "<f4", JOINT_COUNT * 16, 20 + json_length + 8).reshape(-1, 4, 4)
    assert np.allclose(matrices[:, 3, :3], -places, atol=1e-6) and abs(places[:, 1].min()) < 1e-6


def foreign(motion: Motion, way: str = "LINEAR", every: int = 1) -> dict:
    """Our motion on joints by Mixamo's names, each turned anyhow at rest, in centimetres with Z up."""
    rng = np.random.default_rng(3)
    armature = rot.from_axis_angle(np.array([1.0, 0, 0]), np.array(-np.pi / 2))
    frames = rot.normalize(rng.normal(size=(JOINT_COUNT, 4)))
    data, views, accessors = bytearray(), [], []

    def add(rows: np.ndarray, kind: str) -> int:
        views.append({"buffer": 0, "byteOffset": len(data), "byteLength": rows.size * 4})
        accessors.append({"bufferView": len(views) - 1, "componentType": 5126, "count": len(rows), "type": kind})
        data.extend(rows.astype("<f4").tobytes())
        return len(accessors) - 1

    rest = np.vstack([[0, 0.95, 0], REST_OFFSETS[1:]]).astype(np.float64)
    nodes, samplers, channels = [], [], []
    times = np.arange(0, motion.frames, every)
    clock = add(times / motion.fps, "SCALAR")
    for j, parent in enumerate(PARENTS):
        above = frames[parent] if parent >= 0 else armature
        back = rot.conjugate(above)
        nodes.append({
            "name": f"mixamorig:{MIXAMO[JOINT_NAMES[j]]}",
            "translation": (rot.rotate(back, rest[j]) * 100).tolist(),
            "rotation": np.roll(rot.multiply(back, frames[j]), -1).tolist(),
            "children": [c for c in range(JOINT_COUNT) if PARENTS[c] == j],
        })  # fmt: skip
        turns = rot.multiply(rot.multiply(back, motion.rotations[times, j].astype(np.float64)), frames[j])
        keys = [("rotation", np.roll(turns, -1, axis=-1), "VEC4")]
        if j == 0:
            keys.append(
                ("translation", rot.rotate(back, motion.root_translation[times].astype(np.float64)) * 100, "VEC3")
            )
        for path, rows, kind in keys:
            if way == "CUBICSPLINE":
                rows = np.stack([0 * rows, rows, 0 * rows], axis=1).reshape(-1, rows.shape[1])
            samplers.append({"input": clock, "output": add(rows, kind), "interpolation": way})
            channels.append({"sampler": len(samplers) - 1, "target": {"node": j, "path": path}})
    nodes.append({
        "name": "Armature", "scale": [0.01] * 3, "rotation": np.roll(armature, -1).tolist(), "children": [0],
    })  # fmt: skip
    uri = "data:application/octet-stream;base64," + base64.b64encode(bytes(data)).decode()
    animation = {"name": "walking", "samplers": samplers, "channels": channels}
    return {
        "asset": {"version": "2.0"}, "nodes": nodes, "skins": [{"joints": list(range(JOINT_COUNT))}],
        "animations": [animation], "accessors": accessors, "bufferViews": views,
        "buffers": [{"byteLength": len(data), "uri": uri}],
    }  # fmt: skip


def directions(joints: np.ndarray) -> np.ndarray:
    bones = joints[:, [18, 19, 20, 21, 4, 5, 7, 8]] - joints[:, [16, 17, 18, 19, 1, 2, 4, 5]]
    return bones / np.linalg.norm(bones, axis=-1, keepdims=True)


@pytest.mark.parametrize("way", ["LINEAR", "STEP", "CUBICSPLINE"])
def test_a_skeleton_of_others_moves_as_it_does(tmp_path, way):
    motion = walk()
    (tmp_path / "a.gltf").write_text(json.dumps(foreign(motion, way)))
    read = read_motion(tmp_path / "a.gltf").motion
    assert (read.fps, read.frames) == (motion.fps, motion.frames)
    assert np.abs(directions(read.joints()) - directions(motion.joints())).max() < 2e-3
    moved, own = (m.root_translation - m.root_translation[0] for m in (read, motion))
    assert np.abs(moved - own).max() < 0.02


def test_data_lie_beside_the_file_and_thin_keys_are_filled_in(tmp_path):
    motion, content = walk(41), foreign(walk(41), every=8)
    data = base64.b64decode(content["buffers"][0]["uri"].partition(",")[2])
    content["buffers"][0]["uri"] = "the%20data.bin"
    content["animations"].append(content["animations"][0])
    (tmp_path / "a.gltf").write_text(json.dumps(content))
    with pytest.raises(MoclipError, match="its data are in 'the data.bin', which is not beside it"):
        read_motion(tmp_path / "a.gltf")
    (tmp_path / "the data.bin").write_bytes(data)
    reading = read_motion(tmp_path / "a.gltf")
    # Keys every 0.4 seconds are no frame rate.
    assert reading.motion.fps == 30 and reading.motion.frames == 61
    assert any("It holds 2 animations; 'walking' is read." in note for note in reading.notes)
    assert np.abs(directions(reading.motion.joints())[::12] - directions(motion.joints())[::8]).max() < 2e-3


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda c: c.pop("asset"), "damaged or not a glTF file"),
        (lambda c: c["asset"].update(version="1.0"), "only glTF 2 is read"),
        (lambda c: c.pop("animations"), "has no animation"),
        (lambda c: c.pop("accessors"), "does not fit together"),
        (lambda c: c["accessors"][1].update(count=10_000), "does not fit together"),
        (lambda c: c["nodes"][3].update(children=[0]), "does not fit together"),
        (lambda c: c["accessors"][1].update(sparse={}), "sparse accessors"),
        (lambda c: c.update(skins=[{"joints": [JOINT_COUNT]}]), "no skeleton that is animated"),
        (lambda c: c.update(skins=[{"joints": [0, 1, 4]}]), "skeleton"),
    ],
)  # fmt: skip
def test_what_holds_no_motion_is_one_sentence(tmp_path, spoil, sentence):
    content = foreign(walk(5))
    spoil(content)
    (tmp_path / "a.gltf").write_text(json.dumps(content))
    with pytest.raises(MoclipError, match=sentence) as caught:
        read_motion(tmp_path / "a.gltf")
    assert "\n" not in str(caught.value)


def test_bytes_that_are_no_glb_are_one_sentence(tmp_path):
    save_motion(walk(5), tmp_path / "good.glb")
    good = (tmp_path / "good.glb").read_bytes()
    for content in (b"", b"glTF", good[:200], good[:-400], b"glTF" + bytes(16), b"\xff" * 64):
        (tmp_path / "a.glb").write_bytes(content)
        with pytest.raises(MoclipError) as caught:
            read_motion(tmp_path / "a.glb")
        assert caught.value.code == "damaged_file"

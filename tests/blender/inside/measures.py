# SPDX-License-Identifier: Apache-2.0
"""What is measured of rigs: how far their limbs reach, how their bones stand, whether quaternions flip."""

import bpy
import numpy as np

REACHES = [
    *((f"{side}_shoulder", f"{side}_wrist", (f"{side}_elbow",)) for side in ("left", "right")),
    *((f"{side}_hip", f"{side}_ankle", (f"{side}_knee",)) for side in ("left", "right")),
    ("pelvis", "head", ()),
]
LIMBS = [
    (f"{side}_{a}", f"{side}_{b}")
    for side in ("left", "right")
    for a, b in (("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist"))
]


def reach_error(heads, joints, start, end, through):
    """Mean distance in metres of an end's place about a start from the motion's, at the motion's lengths."""

    def length(places):
        chain = [start, *through, end]
        return sum(np.linalg.norm(places[b] - places[a], axis=1).mean() for a, b in zip(chain, chain[1:], strict=False))

    own, wanted = heads[end] - heads[start], joints[end] - joints[start]
    return float(np.linalg.norm(own * length(joints) / length(heads) - wanted, axis=1).mean())


def reach_errors(label, heads, joints):
    """End -> `reach_error` of each limb and of the trunk, printed; heads, joints: joint -> (T, 3).

    Metres of the motion, whatever the rig's size.
    """
    errors = {end: reach_error(heads, joints, start, end, through) for start, end, through in REACHES}
    print(f"{label}: reach error " + ", ".join(f"{end} {100 * error:.2f} cm" for end, error in errors.items()))
    return errors


def limb_angle(heads, joints):
    """The largest angle in degrees between limbs of a rig and of the motion; heads, joints: joint -> (T, 3)."""
    largest = 0.0
    for a, b in LIMBS:
        own, wanted = heads[b] - heads[a], joints[b] - joints[a]
        cosine = np.sum(own * wanted, axis=1) / np.linalg.norm(own, axis=1) / np.linalg.norm(wanted, axis=1)
        largest = max(largest, float(np.degrees(np.arccos(np.clip(cosine, -1, 1))).max()))
    return largest


def stances(rig, frames, bones=None):
    """(T, B, 4, 4) matrices of bones, all without a choice, in the world at frames of the scene."""
    names = bones or rig.pose.bones.keys()
    found = []
    for frame in frames:
        bpy.context.scene.frame_set(frame)
        found.append([rig.matrix_world @ rig.pose.bones[name].matrix for name in names])
    return np.array(found)


def apart(one, other):
    """(millimetres, degrees) by which matrices (..., 4, 4) differ at most, whatever their scale."""
    offset = np.linalg.norm(one[..., :3, 3] - other[..., :3, 3], axis=-1).max()
    a, b = (m[..., :3, :3] / np.linalg.norm(m[..., :3, :3], axis=-2, keepdims=True) for m in (one, other))
    # The chord of the angle between each axis: an arc cosine would lose the small angles.
    chord = np.linalg.norm(a - b, axis=-2).max()
    return 1000 * float(offset), float(np.degrees(2 * np.arcsin(min(1.0, chord / 2))))


def sign_flips(driver, action):
    """How often a keyed quaternion stands on the other side of the hypersphere than the one before."""
    channels: dict[str, list] = {}
    for curve in sorted(driver.module("compat").fcurves_of(action), key=lambda curve: curve.array_index):
        if curve.data_path.endswith("rotation_quaternion"):
            channels.setdefault(curve.data_path, []).append([point.co[1] for point in curve.keyframe_points])
    turns = [np.array(values).T for values in channels.values()]
    assert turns and all(values.shape[1] == 4 for values in turns)
    return sum(int((np.sum(values[1:] * values[:-1], axis=1) <= 0).sum()) for values in turns)

# SPDX-License-Identifier: Apache-2.0
"""What is measured of rigs: how far their limbs reach, how their bones stand, whether quaternions flip."""

from dataclasses import dataclass

import bpy
import numpy as np
from mathutils import Vector

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
        if b not in heads:  # a rig without hands
            continue
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


@dataclass
class SoleErrors:
    """Of a rig beside its motion, where the motion's foot is flat on the floor; lengths in metres of a character of
    1.70 m. frames: in how many. tilt: degrees of the sole from level, height: of heel and ball over the floor, knee:
    degrees, hips: from where straight legs like the motion's would have them; limbs: degrees, median over the frames
    of the worst limb. The worst tenth of the frames is left out of tilt, height, knee and hips. toe_off: how far
    the heel rises at most, degrees from flat, of the motion and of the rig.
    """

    frames: int
    tilt: float
    height: float
    knee: float
    hips: float
    limbs: float
    toe_off: tuple[float, float]


def rest_soles(rig, bone_of):
    """Side -> (heel, ball): points of the rest pose in the world that lie on the floor under ankle and toes."""
    world = rig.matrix_world
    heads = {joint: world @ rig.data.bones[bone].head_local for joint, bone in bone_of.items()}
    low = [lowest_vertex(rig)] if lowest_vertex(rig) is not None else []
    feet = [heads[f"{s}_{j}"].z for s in ("left", "right") for j in ("ankle", "foot") if f"{s}_{j}" in heads]
    floor = min([*low, *(z for z in feet)])
    if not low and 0 <= min(feet) < 0.2:
        floor = 0.0
    leg = (heads["left_hip"] - heads["left_ankle"]).length
    soles = {}
    for side in ("left", "right"):
        ankle = heads[f"{side}_ankle"]
        toe = heads.get(f"{side}_foot", ankle + Vector((0, -0.17 * leg, 0)))
        soles[side] = tuple(Vector((p.x, p.y, floor)) for p in (ankle, toe))
    return soles


def lowest_vertex(rig):
    """Height in the world of the lowest vertex of the meshes that a rig deforms, at rest; None without any."""
    found = []
    for mesh in bpy.data.objects:
        if mesh.type == "MESH" and any(m.type == "ARMATURE" and m.object == rig for m in mesh.modifiers):
            found += [(mesh.matrix_world @ v.co).z for v in mesh.data.vertices]
    return min(found, default=None)


def flat_frames(joints, side, fps):
    """(T,) bool: does a foot of the motion stand flat? Its ankle and its toes rest, and its toes are down.

    By nothing of the add-on: joints are in the world with Z up.
    """
    ankle, toe = joints[f"{side}_ankle"], joints[f"{side}_foot"]
    speed = [np.linalg.norm(np.gradient(p, axis=0), axis=1) * fps for p in (ankle, toe)]
    low = toe[:, 2] < np.percentile(np.minimum(joints["left_foot"][:, 2], joints["right_foot"][:, 2]), 10) + 0.04
    return (speed[0] < 0.15) & (speed[1] < 0.15) & low


def sole_errors(rig, bone_of, soles, joints, fps):
    """`SoleErrors` of the motion that a rig shows from frame 1 on; joints: joint -> (T, 3) of the motion, Z up."""
    count = len(joints["pelvis"])
    names = list(bone_of.values())
    rest = {n: rig.matrix_world @ rig.data.bones[n].matrix_local for n in names}
    posed = dict(zip(names, np.moveaxis(stances(rig, range(1, count + 1), names), 1, 0), strict=True))
    heads = {joint: posed[bone][:, :3, 3] for joint, bone in bone_of.items()}
    top = max((rig.matrix_world @ rig.data.bones[bone_of["head"]].head_local).z + 0.0, 0.0)
    top += 0.13 * (top - soles["left"][0].z)  # the crown over the head's joint
    leg = {s: _length(heads, s) for s in ("left", "right")}
    own_leg = {s: _length(joints, s) for s in ("left", "right")}
    size = (top - soles["left"][0].z) / 1.70
    tilts, heights, knees, hips, offs = [], [], [], [], []
    number = 0
    for side, (heel, ball) in soles.items():
        flat = flat_frames(joints, side, fps)
        foot = bone_of[f"{side}_ankle"]
        since = posed[foot] @ np.array(rest[foot].inverted())
        points = [(since @ np.array([*p, 1.0]))[:, :3] for p in (heel, ball)]
        up = since[:, :3, 2] / np.linalg.norm(since[:, :3, 2], axis=1, keepdims=True)
        tilt = np.degrees(np.arccos(np.clip(up[:, 2], -1, 1)))
        pitch = _pitch(since[:, :3, :3], joints)
        slope = _slope(joints, side)
        if flat.any():
            number += int(flat.sum())
            tilts.append(tilt[flat])
            heights.append(np.abs(np.stack([p[flat, 2] - heel.z for p in points])).max(axis=0) / size)
            knees.append(np.abs(_knee(heads, side) - _knee(joints, side))[flat])
            hips.append(np.abs(_hip_lack(heads, joints, side, leg, own_leg, rest[foot].translation.z, flat)) / size)
            offs.append((slope - np.median(slope[flat]), pitch))
    trim = lambda values: float(np.percentile(np.concatenate(values), 90))  # noqa: E731
    toe_off = tuple(float(np.mean([np.percentile(o[k], 98) for o in offs])) for k in range(2))
    limbs = [_median_angle(heads, joints, a, b) for a, b in LIMBS if b in heads]  # not every rig has hands
    return SoleErrors(number, trim(tilts), trim(heights), trim(knees), trim(hips), max(limbs), toe_off)


def _ahead(joints):
    """(T, 3) level, where the body of the motion faces."""
    across = joints["left_hip"] - joints["right_hip"]
    ahead = np.stack([across[:, 1], -across[:, 0], 0 * across[:, 0]], axis=1)
    return ahead / np.linalg.norm(ahead, axis=1, keepdims=True)


def _slope(joints, side):
    """(T,) degrees by which a foot of the motion points down; more than 90 where it points back."""
    foot = joints[f"{side}_foot"] - joints[f"{side}_ankle"]
    return np.degrees(np.arctan2(-foot[:, 2], (foot * _ahead(joints)).sum(axis=1)))


def _pitch(since, joints):
    """(T,) degrees by which what turned by (T, 3, 3) since it stood level, facing -Y, points down."""
    ahead = -since[:, :, 1] / np.linalg.norm(since[:, :, 1], axis=1, keepdims=True)
    return np.degrees(np.arctan2(-ahead[:, 2], (ahead * _ahead(joints)).sum(axis=1)))


def _length(places, side):
    hip, knee, ankle = (places[f"{side}_{joint}"] for joint in ("hip", "knee", "ankle"))
    return np.linalg.norm(hip - knee, axis=1) + np.linalg.norm(knee - ankle, axis=1)


def _knee(places, side):
    hip, knee, ankle = (places[f"{side}_{joint}"] for joint in ("hip", "knee", "ankle"))
    a, b = hip - knee, ankle - knee
    cosine = (a * b).sum(axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))


def _hip_lack(heads, joints, side, leg, own_leg, ankle_height, flat):
    """How far the hip is from where a leg of the motion's shape over the rig's ankle at rest would have it."""
    shape = (joints[f"{side}_hip"] - joints[f"{side}_ankle"])[:, 2] / own_leg[side] * leg[side]
    return (heads[f"{side}_hip"][:, 2] - ankle_height - shape)[flat]


def _median_angle(heads, joints, a, b):
    own, wanted = heads[b] - heads[a], joints[b] - joints[a]
    cosine = (own * wanted).sum(axis=1) / np.linalg.norm(own, axis=1) / np.linalg.norm(wanted, axis=1)
    return float(np.degrees(np.median(np.arccos(np.clip(cosine, -1, 1)))))


def sole_line(found):
    return (
        f"{found.frames} flat frames, sole {found.tilt:.1f} degrees and {100 * found.height:.1f} cm, knee "
        f"{found.knee:.1f} degrees, hips {100 * found.hips:.1f} cm, limbs {found.limbs:.1f} degrees, toe-off "
        f"{found.toe_off[0]:.0f} -> {found.toe_off[1]:.0f} degrees"
    )


def lowest_vertex_shown(rig):
    """Height in the world of the lowest vertex that is shown of the meshes that a rig deforms, at the current frame."""
    graph, lowest = bpy.context.evaluated_depsgraph_get(), np.inf
    for obj in bpy.data.objects:
        if obj.type == "MESH" and any(m.type == "ARMATURE" and m.object == rig for m in obj.modifiers):
            shown = obj.evaluated_get(graph)
            mesh = shown.to_mesh()
            points = np.empty(3 * len(mesh.vertices), dtype=np.float32)
            mesh.vertices.foreach_get("co", points)
            matrix = np.array(shown.matrix_world)
            lowest = min(lowest, float((points.reshape(-1, 3) @ matrix[2, :3] + matrix[2, 3]).min()))
            shown.to_mesh_clear()
    return lowest


def ik_and_fk_apart(rig, frames, names, switches):
    """As `bones_apart`, between a motion by IK and by FK, which the first key of each of the curves `switches` says."""

    def switched(value):
        for curve in switches:
            curve.keyframe_points[0].co.y = value
            curve.update()

    return bones_apart(rig, frames, names, lambda: switched(0.0), lambda: switched(1.0))


def bones_apart(rig, frames, names, key_one, key_other):
    """(metres, degrees) by which bones stand and point apart at most, between two ways of keying the same motion."""
    shown = []
    for key in (key_one, key_other):
        key()
        shown.append(stances(rig, frames, names))
    apart = np.linalg.norm(shown[0][..., :3, 3] - shown[1][..., :3, 3], axis=-1)
    along = [each[..., :3, 1] / np.linalg.norm(each[..., :3, 1], axis=-1, keepdims=True) for each in shown]
    turned = np.degrees(np.arccos(np.clip((along[0] * along[1]).sum(axis=-1), -1.0, 1.0)))
    worst = {name: (float(apart[:, k].max()), float(turned[:, k].max())) for k, name in enumerate(names)}
    print({name: (round(1000 * far, 1), round(angle, 2)) for name, (far, angle) in worst.items()}, "mm, degrees")
    return max(far for far, _ in worst.values()), max(angle for _, angle in worst.values())

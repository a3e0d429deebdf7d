# SPDX-License-Identifier: Apache-2.0
"""Characters with a skinned mesh for tests; runs in Blender, with the scripts of the backend on its path."""

import bpy
import stage_set

_SIDES = {"left": ("Left", 1.0), "right": ("Right", -1.0)}
# Joint: Mixamo's name, head and tail in metres of a standing person who faces -Y, the left side's.
_MIDDLE = {
    "pelvis": ("Hips", (0, 0.01, 0.95), (0, 0.01, 1.05)),
    "spine1": ("Spine", (0, 0.01, 1.05), (0, 0.02, 1.16)),
    "spine2": ("Spine1", (0, 0.02, 1.16), (0, 0.03, 1.28)),
    "spine3": ("Spine2", (0, 0.03, 1.28), (0, 0.03, 1.42)),
    "neck": ("Neck", (0, 0.03, 1.42), (0, 0.02, 1.52)),
    "head": ("Head", (0, 0.02, 1.52), (0, 0.02, 1.70)),
}
_PAIRED = {
    "hip": ("UpLeg", (0.09, 0.01, 0.90), (0.09, 0.0, 0.49)),
    "knee": ("Leg", (0.09, 0.0, 0.49), (0.09, 0.03, 0.09)),
    "ankle": ("Foot", (0.09, 0.03, 0.09), (0.09, -0.11, 0.03)),
    "foot": ("ToeBase", (0.09, -0.11, 0.03), (0.09, -0.19, 0.03)),
    "collar": ("Shoulder", (0.03, 0.03, 1.40), (0.15, 0.04, 1.39)),
    "shoulder": ("Arm", (0.15, 0.04, 1.39), (0.43, 0.04, 1.39)),
    "elbow": ("ForeArm", (0.43, 0.04, 1.39), (0.68, 0.04, 1.39)),
    "wrist": ("Hand", (0.68, 0.04, 1.39), (0.84, 0.04, 1.39)),
}
_ABOVE = {
    "spine1": "pelvis", "spine2": "spine1", "spine3": "spine2", "neck": "spine3", "head": "neck", "hip": "pelvis",
    "knee": "hip", "ankle": "knee", "foot": "ankle", "collar": "spine3", "shoulder": "collar", "elbow": "shoulder",
    "wrist": "elbow",
}  # fmt: skip


def make_mixamo(name: str = "Mixamo", prefix: str = "mixamorig:", size: float = 1.0) -> bpy.types.Object:
    """A T-posed person of 1.7 m times `size` with Mixamo's bone names and a jointed figure's mesh; the armature."""
    rows = {joint: (bone, head, tail, _ABOVE.get(joint)) for joint, (bone, head, tail) in _MIDDLE.items()}
    for side, (word, sign) in _SIDES.items():
        for joint, (bone, head, tail) in _PAIRED.items():
            above = _ABOVE[joint]
            ends = [(sign * x, y, z) for x, y, z in (head, tail)]
            rows[f"{side}_{joint}"] = (word + bone, *ends, above if above in _MIDDLE else f"{side}_{above}")
    rig = bpy.data.objects.new(name, bpy.data.armatures.new(name))
    bpy.context.scene.collection.objects.link(rig)
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="EDIT")
    bones = {}
    for joint, (bone, head, tail, above) in rows.items():
        bones[joint] = rig.data.edit_bones.new(prefix + bone)
        bones[joint].head, bones[joint].tail = [[size * x for x in end] for end in (head, tail)]
        bones[joint].parent = bones.get(above)
    bpy.ops.object.mode_set(mode="OBJECT")
    stage_set.add_body(rig, {joint: prefix + row[0] for joint, row in rows.items()}, 1.7 * size)
    return rig

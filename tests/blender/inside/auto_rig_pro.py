# SPDX-License-Identifier: Apache-2.0
"""A stand-in for a rig of Auto-Rig Pro, by the names and the parenthood of its controls: the product is not free.

Controls in XYZ angles; limbs that follow IK or FK by `ik_fk_switch` on c_hand_ik and c_foot_ik (0 IK, 1 FK); c_foot_01,
which turns the foot about its ball while the toes stay; a head that follows the neck by constraints unless `head_free`.
"""

import bpy
import numpy as np
from mathutils import Vector

CONTROLS = dict(
    zip(
        ("pelvis", "spine1", "spine2", "spine3", "neck", "head"),
        ("c_root_master.x", "c_spine_01.x", "c_spine_02.x", "c_spine_03.x", "c_neck.x", "c_head.x"),
        strict=True,
    )
) | {
    f"{side}_{joint}": f"c_{name}.{side[0]}"
    for side in ("left", "right")
    for joint, name in (
        ("hip", "thigh_fk"),
        ("knee", "leg_fk"),
        ("ankle", "foot_fk"),
        ("foot", "toes_fk"),
        ("collar", "shoulder"),
        ("shoulder", "arm_fk"),
        ("elbow", "forearm_fk"),
        ("wrist", "hand_fk"),
    )
}
# The bones that follow whatever is in charge.
CHAINS = {
    f"{side}_{joint}": f"{name}.{side[0]}"
    for side in ("left", "right")
    for joint, name in (
        ("hip", "thigh"),
        ("knee", "leg"),
        ("ankle", "foot"),
        ("shoulder", "arm"),
        ("elbow", "forearm"),
        ("wrist", "hand"),
    )
} | {"pelvis": "root.x", "head": "head.x"}


def build(driver, *, down_deg=40.0, size=1.2):
    """The armature object, standing in an A-pose."""
    create, skeleton = driver.module("rig.create"), driver.module("shared.skeleton")
    joints = driver.module("motion.axes").vectors_to_blender(create.rest_joints()) * size
    place = {name: Vector(joints[k]) for k, name in enumerate(skeleton.JOINT_NAMES)}
    for side, sign in (("left", 1.0), ("right", -1.0)):
        along = Vector((sign * np.cos(np.radians(down_deg)), 0.0, -np.sin(np.radians(down_deg))))
        place[f"{side}_elbow"] = place[f"{side}_shoulder"] + along * 0.27 * size + Vector((0, 0.01, 0))
        place[f"{side}_wrist"] = place[f"{side}_shoulder"] + along * 0.52 * size
        place[f"{side}_knee"] += Vector((0, -0.02, 0))
    armature = bpy.data.armatures.new("rig")
    rig = bpy.data.objects.new("rig", armature)
    bpy.context.scene.collection.objects.link(rig)
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="EDIT")
    for name, parent, head, tail in [*_trunk(place), *_limbs(place)]:
        bone = armature.edit_bones.new(name)
        bone.head, bone.tail = head, tail
        bone.parent = armature.edit_bones[parent] if parent else None
    bpy.ops.object.mode_set(mode="OBJECT")
    _rig(rig)
    return rig


def _trunk(place):
    ahead, up = Vector((0, -0.3, 0)), Vector((0, 0, 0.1))
    centre = [place[joint] for joint in ("pelvis", "spine1", "spine2", "spine3", "neck", "head")]
    pelvis, spine1, spine2, spine3, neck, head = centre
    return [
        ("c_pos", None, Vector(), ahead),
        ("c_traj", "c_pos", Vector(), ahead),
        ("c_root_master.x", "c_traj", pelvis, spine1),
        ("c_root.x", "c_root_master.x", pelvis, pelvis - up),
        ("root.x", "c_root.x", pelvis, spine1),
        ("c_spine_01.x", "c_root_master.x", spine1, spine2),
        ("spine_01.x", "c_spine_01.x", spine1, spine2),
        ("c_spine_02.x", "c_spine_01.x", spine2, spine3),
        ("spine_02.x", "c_spine_02.x", spine2, spine3),
        ("c_spine_03.x", "c_spine_02.x", spine3, neck),
        ("spine_03.x", "c_spine_03.x", spine3, neck),
        ("c_neck.x", "c_spine_03.x", neck, head),
        ("neck.x", "c_neck.x", neck, head),
        ("ref_head.x", "c_neck.x", head, head + up),
        ("head_scale_fix.x", "c_traj", head, head + up),
        ("c_head.x", "head_scale_fix.x", head, head + up),
        ("head.x", "c_head.x", head, head + up),
    ]


def _limbs(place):
    rows = []
    for side in ("left", "right"):
        s, p = side[0], {joint.removeprefix(f"{side}_"): at for joint, at in place.items()}
        toes = p["foot"] + Vector((0, -0.08, 0))
        hand = p["wrist"] + (p["wrist"] - p["elbow"]) * 0.4
        rows += [
            (f"c_thigh_b.{s}", "c_root.x", p["hip"], p["hip"] + Vector((0, 0, -0.1))),
            (f"c_shoulder.{s}", "c_spine_03.x", p["collar"], p["shoulder"]),
            (f"shoulder.{s}", f"c_shoulder.{s}", p["collar"], p["shoulder"]),
            (f"c_foot_ik.{s}", "c_traj", p["ankle"], p["foot"]),
            (f"c_toes_ik.{s}", f"c_foot_ik.{s}", p["foot"], toes),
            (f"c_foot_01.{s}", f"c_foot_ik.{s}", p["foot"], p["foot"] + Vector((0, 0, 0.1))),
            (f"foot_ik_target.{s}", f"c_foot_01.{s}", p["ankle"], p["foot"]),
            (f"c_hand_ik.{s}", "c_traj", p["wrist"], hand),
            (f"c_leg_pole.{s}", "c_traj", p["knee"] + Vector((0, -0.5, 0)), p["knee"] + Vector((0, -0.6, 0))),
            (f"c_arms_pole.{s}", "c_traj", p["elbow"] + Vector((0, 0.5, 0)), p["elbow"] + Vector((0, 0.6, 0))),
        ]
        for base, (upper, lower, end), (a, b, c, d) in (
            (f"c_thigh_b.{s}", ("thigh", "leg", "foot"), (p["hip"], p["knee"], p["ankle"], p["foot"])),
            (f"c_shoulder.{s}", ("arm", "forearm", "hand"), (p["shoulder"], p["elbow"], p["wrist"], hand)),
        ):
            rows += [
                (f"c_{upper}_fk.{s}", base, a, b),
                (f"c_{lower}_fk.{s}", f"c_{upper}_fk.{s}", b, c),
                (f"c_{end}_fk_scale_fix.{s}", f"c_{lower}_fk.{s}", c, d),
                (f"c_{end}_fk.{s}", f"c_{end}_fk_scale_fix.{s}", c, d),
                (f"{upper}_ik.{s}", base, a, b),
                (f"{lower}_ik.{s}", f"{upper}_ik.{s}", b, c),
                (f"{upper}.{s}", base, a, b),
                (f"{lower}.{s}", f"{upper}.{s}", b, c),
                (f"{end}.{s}", f"{lower}.{s}", c, d),
            ]
        rows += [(f"c_toes_fk.{s}", f"c_foot_fk.{s}", p["foot"], toes), (f"toes_01.{s}", f"foot.{s}", p["foot"], toes)]
    return rows


def _rig(rig):
    bones = rig.pose.bones
    for bone in bones:
        bone.rotation_mode = "XYZ"
    bones["c_head.x"]["head_free"] = 0
    _copy(rig, "head_scale_fix.x", "COPY_LOCATION", "ref_head.x")
    _driven(rig, _copy(rig, "head_scale_fix.x", "COPY_ROTATION", "ref_head.x"), "c_head.x", "head_free", "1 - switch")
    for s in "lr":
        for limb, switch in (
            (("thigh", "leg", "foot", "toes"), f"c_foot_ik.{s}"),
            (("arm", "forearm", "hand"), f"c_hand_ik.{s}"),
        ):
            bones[switch]["ik_fk_switch"] = 0.0
            for part, sources in _sources(limb, s).items():
                _copy(rig, part, "COPY_TRANSFORMS", sources[0])
                _driven(rig, _copy(rig, part, "COPY_TRANSFORMS", sources[1]), switch, "ik_fk_switch", "switch")
            solver = bones[f"{limb[1]}_ik.{s}"].constraints.new("IK")
            end = f"foot_ik_target.{s}" if limb[0] == "thigh" else switch
            solver.target, solver.subtarget, solver.chain_count = rig, end, 2
            pole = f"c_{'leg' if limb[0] == 'thigh' else 'arms'}_pole.{s}"
            bones[pole]["pole_parent"] = 1
            solver.pole_target, solver.pole_subtarget = rig, pole
            solver.pole_angle = _pole_angle(
                *(rig.data.bones[f"{part}_ik.{s}"] for part in limb[:2]), rig.data.bones[pole]
            )


def _pole_angle(upper, lower, pole):
    """At which the solver leaves a limb as it is at rest: about the upper bone, from its x axis to the pole's side."""
    across, along = upper.matrix_local.col[0].to_3d(), upper.matrix_local.col[1].to_3d()
    out = pole.head_local - upper.head_local
    normal = (lower.tail_local - upper.head_local).cross(out)
    side = normal.cross(along)
    angle = across.angle(side)
    return -angle if across.cross(side).dot(along) > 0 else angle


def _sources(limb, s):
    """Bone -> what it follows in IK and in FK."""
    upper, lower, end, *toes = limb
    found = {f"{part}.{s}": (f"{part}_ik.{s}", f"c_{part}_fk.{s}") for part in (upper, lower)}
    found[f"{end}.{s}"] = (f"foot_ik_target.{s}" if toes else f"c_{end}_ik.{s}", f"c_{end}_fk.{s}")
    if toes:
        found[f"toes_01.{s}"] = (f"c_toes_ik.{s}", f"c_toes_fk.{s}")
    return found


def _copy(rig, bone, kind, source):
    constraint = rig.pose.bones[bone].constraints.new(kind)
    constraint.target, constraint.subtarget = rig, source
    return constraint


def _driven(rig, constraint, bone, name, expression):
    driver = constraint.driver_add("influence").driver
    variable = driver.variables.new()
    variable.name = "switch"
    variable.targets[0].id = rig
    variable.targets[0].data_path = f'pose.bones["{bone}"]["{name}"]'
    driver.expression = expression

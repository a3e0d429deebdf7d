# SPDX-License-Identifier: Apache-2.0
"""Characters to key motions on: real files where they lie beside the project, and rigs of every kind made here."""

import os
import shutil
from pathlib import Path

import addon_utils
import auto_rig_pro
import bpy
import numpy as np
import pytest
from check_rigs import OTHER_NAMES, character, mixamo_rig
from mathutils import Matrix, Vector

RIGS = next((p / "shared" / "rigs" for p in Path(__file__).resolve().parents if (p / "shared" / "rigs").is_dir()), None)
"""Folder of real characters, outside of the project; MOCLIP_RIGS names another."""
FILES = (
    "rocketbox_f03.fbx", "manny_med_mod.gltf", "q_soldier.glb", "q_humanoidrig.glb", "q_astro.glb", "m2m_human.glb",
    "cesiumman.glb", "vrma_example.vrm",
)  # fmt: skip


def load(name, tmp_path):
    """The armature of a real file, alone in the scene with its meshes."""
    folder = Path(os.environ["MOCLIP_RIGS"]) if os.environ.get("MOCLIP_RIGS") else RIGS
    if folder is None or not (folder / name).is_file():
        pytest.skip(f"{name} does not lie beside the project")
    path = folder / name
    if path.suffix == ".fbx":
        addon_utils.enable("io_scene_fbx", default_set=True)
        bpy.ops.import_scene.fbx(filepath=str(path))
    else:
        addon_utils.enable("io_scene_gltf2", default_set=True)
        if path.suffix == ".vrm":
            path = Path(shutil.copy(path, tmp_path / f"{path.stem}.glb"))
        try:
            bpy.ops.import_scene.gltf(filepath=str(path))
        except RuntimeError as error:
            if "draco" in str(error).lower():
                pytest.skip("this Blender as a module has no decoder for the file")
            raise
    rig = next(obj for obj in bpy.context.scene.objects if obj.type == "ARMATURE")
    if rig.animation_data:  # some bring an action of their own
        rig.animation_data_clear()
    for bone in rig.pose.bones:
        bone.matrix_basis = Matrix()
    bpy.context.scene.render.fps = 20  # importers change it
    bpy.context.view_layer.update()
    return rig


def on_feet(rig, slope_deg, ankle=0.1, toes=True, heel_bone=False):
    """A rig of `check_rigs` with feet as a person's: ankles over the floor z = 0, feet that slope by `slope_deg`.

    ankle: metres of the ankles over the floor, of a rig of any scale.
    """
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="EDIT")
    bones, size = rig.data.edit_bones, rig.matrix_world.to_scale()[0]
    up = (rig.matrix_world.to_3x3().inverted() @ Vector((0, 0, 1))).normalized() / size
    ahead = (rig.matrix_world.to_3x3().inverted() @ Vector((0, -1, 0))).normalized() / size
    feet = {bone.name: [c for c in bone.children] for bone in bones if _is_ankle(bone)}
    lowest = min(bones[name].head.dot(up.normalized()) * size for name in feet)
    for bone in bones:
        bone.translate(up * (ankle - lowest))
    for name, toe_bones in feet.items():
        for toe in toe_bones:
            length = 0.15
            slope = np.radians(slope_deg)
            toe.translate(bones[name].head + length * (ahead * np.cos(slope) - up * np.sin(slope)) - toe.head)
            if not toes:
                bones.remove(toe)
        if heel_bone:
            heel = bones.new(f"{name}_heel")
            heel.head = bones[name].head - 0.04 * ahead - 0.8 * ankle * up
            heel.tail, heel.parent = heel.head - 0.05 * ahead, bones[name]
    bpy.ops.object.mode_set(mode="OBJECT")
    return rig


def one_toed(driver):
    """A rig whose left foot has no toes and whose origin is no floor: only the right foot tells how high it stands."""
    rig = on_feet(mixamo_rig(driver, "mixamorig:", **shaped(30)), 32.0)
    bpy.ops.object.mode_set(mode="EDIT")
    bones = rig.data.edit_bones
    bones.remove(bones["mixamorig:LeftToeBase"])
    down = bones["mixamorig:Hips"].head.copy()
    for bone in bones:
        bone.translate(-down)
    bpy.ops.object.mode_set(mode="OBJECT")
    return rig


def _is_ankle(bone):
    return any(word in bone.name.lower() for word in ("foot", "ankle")) and not any(
        word in bone.name.lower() for word in ("toe", "_foot_end")
    ) and len(bone.parent_recursive) > 2 and not (bone.parent and _is_ankle(bone.parent))  # fmt: skip


def shaped(down_deg, y_up=False, scale=1.0):
    return {"down_deg": down_deg, "y_up": y_up, "scale": scale}


MADE = {
    "Mixamo, foot at 0 degrees": lambda d: on_feet(mixamo_rig(d, "mixamorig:", **shaped(0)), 0.0),
    "Mixamo, foot at 15 degrees": lambda d: on_feet(mixamo_rig(d, "mixamorig:", **shaped(45)), 15.0),
    "Mixamo, foot at 36 degrees, cm, Y up": lambda d: on_feet(
        mixamo_rig(d, "mixamorig:", **shaped(45, y_up=True, scale=0.01)), 36.0
    ),
    "Mixamo, high heels": lambda d: on_feet(mixamo_rig(d, "mixamorig:", **shaped(30)), 62.0, ankle=0.16),
    "Mixamo, heel bones": lambda d: on_feet(mixamo_rig(d, "mixamorig:", **shaped(30)), 32.0, heel_bone=True),
    "Mixamo, no toes": lambda d: on_feet(mixamo_rig(d, "mixamorig:", **shaped(30)), 32.0, toes=False),
    "Mixamo, toes on one side, hips at the origin": lambda d: one_toed(d),
    "Auto-Rig Pro's controls": lambda d: auto_rig_pro.build(d),
    **{
        family: lambda d, names=names: character(d, names, **shaped(40), seed=3)
        for family, names in OTHER_NAMES.items()
    },
}

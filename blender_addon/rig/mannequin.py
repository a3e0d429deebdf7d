# SPDX-License-Identifier: GPL-3.0-or-later
"""The mannequin in Blender: its armature, its skin, and how the one moves the other."""

import bpy
import numpy as np

from ..mannequin import bones
from ..mannequin.body import Body, body
from ..motion import axes
from ..shared.skeleton import JOINT_INDEX, JOINT_NAMES
from .create import armature_of_joints, bone_tails

_NAME = "MoCLIP"
_COLOUR = (0.72, 0.55, 0.40, 1.0)
_ROUGH = 0.65


def create_mannequin(context: bpy.types.Context) -> bpy.types.Object:
    """A new armature with a skin at the world origin, selected and active. Leaves Blender in object mode."""
    made = body()
    tails = bone_tails(made.joints)
    for joint, tail in bones.toe_tails().items():
        tails[JOINT_INDEX[joint]] = tail
    rig = armature_of_joints(context, _NAME, made.joints, tails)
    rig.data.display_type = "STICK"
    rig.show_in_front = True
    skin = bpy.data.objects.new(f"{_NAME} Body", _mesh(made))
    for collection in rig.users_collection:
        collection.objects.link(skin)
    _weigh(skin, made)
    skin.parent = rig
    skin.modifiers.new("Armature", "ARMATURE").object = rig
    return rig


def _mesh(made: Body) -> bpy.types.Mesh:
    mesh = bpy.data.meshes.new(f"{_NAME} Body")
    mesh.from_pydata(axes.vectors_to_blender(made.vertices).tolist(), [], made.faces.tolist())
    mesh.shade_smooth()
    mesh.materials.append(_material())
    mesh.update()
    return mesh


def _weigh(skin: bpy.types.Object, made: Body) -> None:
    for joint, name in enumerate(JOINT_NAMES):
        group = skin.vertex_groups.new(name=name)
        for vertex in np.flatnonzero(made.shares[:, joint]):
            group.add([int(vertex)], float(made.shares[vertex, joint]), "REPLACE")


def _material() -> bpy.types.Material:
    """The mannequins of a file share one."""
    known = bpy.data.materials.get(_NAME)
    if known is not None and known.library is None:
        return known
    material = bpy.data.materials.new(_NAME)
    material.diffuse_color, material.roughness = _COLOUR, _ROUGH
    if material.node_tree is None:  # Blender 4; from 5 on all have one
        material.use_nodes = True
    shader = next((node for node in material.node_tree.nodes if node.type == "BSDF_PRINCIPLED"), None)
    if shader is not None:
        shader.inputs["Base Color"].default_value = _COLOUR
        shader.inputs["Roughness"].default_value = _ROUGH
    return material

# SPDX-License-Identifier: GPL-3.0-or-later
"""Pins of the target: empties where its bones are, to be moved to where they shall be."""

import bpy
import numpy as np
from mathutils import Matrix

from ..keying.scene import at_frame
from ..rig.held import Held, bone_held
from ..rig.mapping import map_rig
from ..rig.rest import RigRest
from ..rig.target import character_of
from ..shared.errors import MoclipError
from .polls import has_target, may_apply
from .reporting import fail

_SIZE = 0.12
"""Of an empty, as a share of the legs' length."""


def pins_of(rig: bpy.types.Object, scene: bpy.types.Scene) -> tuple[Held, ...]:
    """The pins of a rig whose objects are there, each where its object is at its frame."""
    found = []
    for pin in rig.moclip_pins:
        if pin.at is None or not pin.at.users_scene:
            continue
        with at_frame(scene, pin.frame if _moves(pin.at) else scene.frame_current):
            matrix = np.array(pin.at.matrix_world.normalized(), dtype=np.float64)
            matrix[:3, 3] = pin.at.matrix_world.translation
        found.append(Held(pin.effector, pin.frame, pin.frame + pin.hold, matrix, pin.turns))
    return tuple(found)


def _moves(thing: bpy.types.Object) -> bool:
    return bool(thing.animation_data or thing.parent or thing.constraints)


class MOCLIP_OT_add_pin(bpy.types.Operator):
    """Pin a part of the target at the current frame: adds an empty where it is now, to be moved to where it shall be"""

    bl_idname = "moclip.add_pin"
    bl_label = "Add Pin"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return has_target(cls, context) and may_apply(cls, context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        scene, rig, effector = context.scene, character_of(context), context.scene.moclip_pinned
        try:
            bone_of = map_rig(rig)
            rest = RigRest(rig, bone_of)
            bone = bone_held(bone_of, effector, rest)
            if bone is None:
                raise MoclipError(
                    f"'{rig.name}' has no bone for the {effector.replace('_', ' ')}.",
                    hint="Name it in the Bones panel, or pin another part.",
                    action="bones",
                    code="no_bone",
                )
        except MoclipError as error:
            return fail(self, error)
        empty = bpy.data.objects.new(f"{rig.name} {effector.replace('_', ' ')} {scene.frame_current}", None)
        empty.empty_display_type = "ARROWS"
        shown = rig.matrix_world @ rig.pose.bones[bone].matrix
        scale = float(np.mean(np.abs(rig.matrix_world.to_scale())))
        empty.empty_display_size = _SIZE * rest.leg_length() * scale
        empty.matrix_world = Matrix.Translation(shown.translation) @ shown.to_quaternion().to_matrix().to_4x4()
        (rig.users_collection[0] if rig.users_collection else scene.collection).objects.link(empty)
        pin = rig.moclip_pins.add()
        pin.effector, pin.frame, pin.at = effector, scene.frame_current, empty
        rig.moclip_active_pin = len(rig.moclip_pins) - 1
        return {"FINISHED"}


class MOCLIP_OT_remove_pin(bpy.types.Operator):
    """Remove the pin that is chosen in the list, and its empty"""

    bl_idname = "moclip.remove_pin"
    bl_label = "Remove Pin"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not has_target(cls, context):
            return False
        rig = character_of(context)
        if not 0 <= rig.moclip_active_pin < len(rig.moclip_pins):
            cls.poll_message_set("There is no pin to remove.")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        rig = character_of(context)
        at = rig.moclip_pins[rig.moclip_active_pin].at
        rig.moclip_pins.remove(rig.moclip_active_pin)
        rig.moclip_active_pin = max(0, min(rig.moclip_active_pin, len(rig.moclip_pins) - 1))
        # Only what was made for the pin: a user's own object may be pinned to as well.
        if at is not None and at.type == "EMPTY" and at.name.startswith(rig.name) and not at.children:
            bpy.data.objects.remove(at)
        return {"FINISHED"}

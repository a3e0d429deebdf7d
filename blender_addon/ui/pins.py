# SPDX-License-Identifier: GPL-3.0-or-later
"""Pins of a character, saved with its armature: empties that say where a hand or a foot is at a frame."""

import bpy

EFFECTORS = (
    ("left_hand", "Left Hand", "The bone of the left hand"),
    ("right_hand", "Right Hand", "The bone of the right hand"),
    ("left_foot", "Left Foot", "The bone of the left foot, from the ankle on"),
    ("right_foot", "Right Foot", "The bone of the right foot, from the ankle on"),
    ("head", "Head", "The bone of the head"),
    ("hips", "Hips", "The bone of the hips"),
)


class MoclipPin(bpy.types.PropertyGroup):
    effector: bpy.props.EnumProperty(name="Part", description="What is pinned", items=EFFECTORS)
    frame: bpy.props.IntProperty(name="Frame", description="When it is there", default=1)
    hold: bpy.props.IntProperty(name="Hold", description="For how many frames more it stays there", default=0, min=0)
    at: bpy.props.PointerProperty(
        name="At", description="The object, such as an empty, at which it is", type=bpy.types.Object
    )
    turns: bpy.props.BoolProperty(
        name="Turn Too", description="The bone is also turned as the object is, not only in its place", default=True
    )


def attach() -> None:
    bpy.types.Object.moclip_pins = bpy.props.CollectionProperty(
        type=MoclipPin, override={"LIBRARY_OVERRIDABLE", "USE_INSERTION"}
    )
    bpy.types.Object.moclip_active_pin = bpy.props.IntProperty(name="Pin", default=0)
    bpy.types.Scene.moclip_pinned = bpy.props.EnumProperty(
        name="Part", description="What the next pin holds", items=EFFECTORS, default="right_hand"
    )


def detach() -> None:
    del bpy.types.Scene.moclip_pinned
    del bpy.types.Object.moclip_active_pin
    del bpy.types.Object.moclip_pins

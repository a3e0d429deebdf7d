# SPDX-License-Identifier: GPL-3.0-or-later
"""What the panel asks; saved with the scene. The state of jobs is not: it lives in `session`."""

import bpy


def _is_armature(_settings: bpy.types.PropertyGroup, obj: bpy.types.Object) -> bool:
    return obj.type == "ARMATURE"


# Blender 4.2 as a Python module crashes on exit when a property has a poll function; it has no interface to filter for.
_POLL = {} if not bpy.app.binary_path and bpy.app.version < (4, 3, 0) else {"poll": _is_armature}


class MoclipSettings(bpy.types.PropertyGroup):
    prompt: bpy.props.StringProperty(
        name="Prompt",
        description="What the character does, in English: 'a tired man walks, then waves with his left hand'",
        options={"TEXTEDIT_UPDATE"},
    )
    use_auto_seconds: bpy.props.BoolProperty(
        name="Auto Length", description="Let the model choose how long the motion lasts", default=True
    )
    seconds: bpy.props.FloatProperty(
        name="Seconds", description="Length of the motion", default=4.0, min=1.0, max=9.8, step=20, precision=1
    )
    seed: bpy.props.IntProperty(
        name="Seed", description="Another seed gives another take of the same prompt", default=0, min=0
    )
    target: bpy.props.PointerProperty(
        name="Target",
        description="The armature to animate: MoCLIP's own, or yours (see Bones). Empty makes a new one",
        type=bpy.types.Object,
        **_POLL,
    )


def register() -> None:
    bpy.utils.register_class(MoclipSettings)
    bpy.types.Scene.moclip = bpy.props.PointerProperty(type=MoclipSettings)


def unregister() -> None:
    del bpy.types.Scene.moclip
    bpy.utils.unregister_class(MoclipSettings)

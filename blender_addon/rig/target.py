# SPDX-License-Identifier: GPL-3.0-or-later
"""On whom a motion is keyed: on the pinned character, else on the one that is selected, else on a new one.

The scene's `moclip.target` is who was pinned, or, unpinned, who was keyed last. Pinned and empty is always a new one.
"""

from collections.abc import Iterator

import bpy


def target_of(context: bpy.types.Context) -> bpy.types.Object | None:
    """On whom the next motion is keyed; None makes a new character.

    What is selected without being a character or of one, such as a curve to follow, leaves it with whom it was.
    """
    settings = context.scene.moclip
    if settings.pin_target:
        return _there(settings.target)
    some = False
    for obj in _selected(context):
        if (rig := armature_of(obj)) is not None:
            return rig
        some = True
    return _there(settings.target) if some else None


def character_of(context: bpy.types.Context) -> bpy.types.Object | None:
    """Whose motion is accepted, edited or exported: the target, else who was keyed last."""
    found = target_of(context)
    return found if found is not None else _there(context.scene.moclip.target)


def armature_of(obj: bpy.types.Object) -> bpy.types.Object | None:
    """The armature that an object is, that deforms it, or that it hangs on."""
    if obj.type == "ARMATURE":
        return obj
    if obj.type == "MESH" and (rig := obj.find_armature()) is not None:
        return rig
    while (obj := obj.parent) is not None:
        if obj.type == "ARMATURE":
            return obj
    return None


def told(context: bpy.types.Context) -> str:
    """On whom it will key, for the panel."""
    rig = target_of(context)
    if rig is None:
        return "Keys a new character"
    active = context.view_layer.objects.active
    through = active is not None and active != rig and active == next(_selected(context), None)
    through = through and armature_of(active) == rig
    return f"Keys {rig.name}, of {active.name}" if through else f"Keys {rig.name}"


def choose(scene: bpy.types.Scene, rig: bpy.types.Object) -> None:
    """Remember who was keyed, or made to be; pinned it stays pinned, and one that was made when none was is not."""
    settings = scene.moclip
    pinned = settings.pin_target and settings.target is not None
    settings.target = rig
    settings.pin_target = pinned


def _selected(context: bpy.types.Context) -> Iterator[bpy.types.Object]:
    """The selected objects, the active one first; it counts in Pose Mode and the like, selected or not.

    One after the other: polls ask often, and to list the selection of a large scene takes its time.
    """
    layer = context.view_layer
    active = layer.objects.active
    if active is not None and (active.mode != "OBJECT" or active.select_get(view_layer=layer)):
        yield active
    for obj in layer.objects.selected:
        if obj != active:
            yield obj


def is_there(obj: bpy.types.Object) -> bool:
    """Not one that was deleted: who points to it keeps it in the file, in no scene."""
    if obj.library is not None:
        return True
    # By name is faster than `users_scene`, and polls ask often; names tell apart all but linked twins.
    return any(scene.objects.get(obj.name) == obj for scene in bpy.data.scenes) or bool(obj.users_scene)


def _there(rig: bpy.types.Object | None) -> bpy.types.Object | None:
    return rig if rig is not None and is_there(rig) else None

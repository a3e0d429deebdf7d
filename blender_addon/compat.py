# SPDX-License-Identifier: GPL-3.0-or-later
"""What differs between the Blender versions that the add-on serves (4.2 to 5.x).

4.2 and 4.3 keep F-curves on the action. From 4.4 on an action has slots, layers and channelbags; 5.0 removed the old
way and gave `fcurves.new` its `group_name`.
"""

import bpy

HAS_SLOTS = "slots" in bpy.types.Action.bl_rna.properties


class Curves:
    """The F-curves of a new action that animates one object."""

    def __init__(self, action: bpy.types.Action, datablock: bpy.types.ID):
        self.action = action
        self.slot = None
        self._groups: dict[str, bpy.types.ActionGroup] = {}
        if HAS_SLOTS:
            self.slot = action.slots.new(id_type=datablock.id_type, name=datablock.name)
            strip = action.layers.new("Layer").strips.new(type="KEYFRAME")
            self._owner = strip.channelbag(self.slot, ensure=True)
        else:
            self._owner = action

    def new(self, data_path: str, index: int, group: str) -> bpy.types.FCurve:
        """An empty F-curve, listed under the channel group `group`."""
        if not HAS_SLOTS:
            return self._owner.fcurves.new(data_path, index=index, action_group=group)
        fcurve = self._owner.fcurves.new(data_path, index=index)
        if group not in self._groups:
            self._groups[group] = self._owner.groups.new(group)
        fcurve.group = self._groups[group]
        return fcurve


def assign(animation_data: bpy.types.AnimData, curves: Curves) -> None:
    """Make the action the active one; from 4.4 on an action without its slot animates nothing."""
    animation_data.action = curves.action
    if HAS_SLOTS:
        animation_data.action_slot = curves.slot


def fcurves_of(action: bpy.types.Action) -> list[bpy.types.FCurve]:
    """Every F-curve of an action, in all versions."""
    if not HAS_SLOTS:
        return list(action.fcurves)
    return [
        fcurve
        for layer in action.layers
        for strip in layer.strips
        for slot in action.slots
        if (bag := strip.channelbag(slot)) is not None
        for fcurve in bag.fcurves
    ]

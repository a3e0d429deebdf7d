# SPDX-License-Identifier: GPL-3.0-or-later
"""What differs between the Blender versions that the add-on serves (4.2 to 5.x).

4.2 and 4.3 keep F-curves on the action. From 4.4 on an action has slots, layers and channelbags; 5.0 removed the old
way and gave `fcurves.new` its `group_name`.
"""

from collections.abc import Callable

import bpy

HAS_SLOTS = "slots" in bpy.types.Action.bl_rna.properties


class Curves:
    """The F-curves by which an action animates one object: a new action, or the slot that is named of one with keys."""

    def __init__(self, action: bpy.types.Action, datablock: bpy.types.ID, slot: str = ""):
        self.action = action
        self.slot = None
        self._groups: dict[str, bpy.types.ActionGroup] = {}
        if not HAS_SLOTS:
            self._owner = action
            return
        self.slot = _slot(action, slot) or action.slots.new(id_type=datablock.id_type, name=datablock.name)
        layer = action.layers[0] if action.layers else action.layers.new("Layer")
        strip = layer.strips[0] if layer.strips else layer.strips.new(type="KEYFRAME")
        self._owner = strip.channelbag(self.slot, ensure=True)
        self._groups = {group.name: group for group in self._owner.groups}

    def find(self, data_path: str, index: int) -> bpy.types.FCurve | None:
        return self._owner.fcurves.find(data_path, index=index)

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


def keep_curves(action: bpy.types.Action, wanted: Callable[[bpy.types.FCurve], bool]) -> None:
    """Remove the F-curves of an action that are not wanted."""
    if not HAS_SLOTS:
        owners = [action.fcurves]
    else:
        owners = [
            bag.fcurves
            for layer in action.layers
            for strip in layer.strips
            for slot in action.slots
            if (bag := strip.channelbag(slot)) is not None
        ]
    for curves in owners:
        for curve in [curve for curve in curves if not wanted(curve)]:
            curves.remove(curve)


def slot_of(animation_data: bpy.types.AnimData) -> str:
    """The identifier of the slot of the active action that animates this datablock; "" without."""
    slot = animation_data.action_slot if HAS_SLOTS else None
    return slot.identifier if slot else ""


def use(animation_data: bpy.types.AnimData, action: bpy.types.Action | None, slot: str = "") -> None:
    """Make an action, or none, the active one, by the slot named or the first for objects."""
    animation_data.action = action
    if HAS_SLOTS and action is not None:
        animation_data.action_slot = _slot(action, slot)


def assign_strip(strip: bpy.types.NlaStrip, slot: str) -> None:
    """Let an NLA strip play its action's slot; from 4.4 on a strip without one plays nothing."""
    if HAS_SLOTS:
        strip.action_slot = _slot(strip.action, slot)


def _slot(action: bpy.types.Action, identifier: str):
    found = [slot for slot in action.slots if slot.identifier == identifier]
    return (found or [slot for slot in action.slots if slot.target_id_type == "OBJECT"] or [None])[0]

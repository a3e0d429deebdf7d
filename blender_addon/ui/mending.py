# SPDX-License-Identifier: GPL-3.0-or-later
"""The button that mends an error, by the error's action."""

import bpy

BUTTONS = {
    "start": ("moclip.start_backend", {}),
    "restart": ("moclip.restart_backend", {}),
    "bones": ("moclip.detect_bones", {}),
    "create_armature": ("moclip.create_armature", {}),
    "apply": ("moclip.apply_motion", {}),
    "set_up_backend": ("moclip.set_up_backend", {}),
    "models": ("moclip.open_preferences", {"section": "ADDON"}),
    "preferences": ("moclip.open_preferences", {"section": "ADDON"}),
    "allow_online": ("moclip.open_preferences", {"section": "SYSTEM"}),
    "before_scene": ("moclip.lead_in", {"before_scene": True}),
    "mute_constraints": ("moclip.mend_rig", {"kind": "mute_constraints"}),
    "mute_drivers": ("moclip.mend_rig", {"kind": "mute_drivers"}),
    "disconnect": ("moclip.mend_rig", {"kind": "disconnect"}),
    "clear_scale": ("moclip.mend_rig", {"kind": "clear_scale"}),
    "show_pose": ("moclip.mend_rig", {"kind": "show_pose"}),
    "end_solo": ("moclip.mend_rig", {"kind": "end_solo"}),
}
_NAMES = {
    "bones": "Detect Bones",
    "allow_online": "Open Network Preferences",
    "before_scene": "Lead In Before the Scene",
    "mute_constraints": "Mute Constraints",
    "mute_drivers": "Mute Drivers",
    "disconnect": "Disconnect Bone",
    "clear_scale": "Clear Scale",
    "show_pose": "Show Pose",
    "end_solo": "End Solo",
}


def draw_button(layout: bpy.types.UILayout, action: str) -> None:
    """Nothing for an action without a button, such as one that only a newer backend knows."""
    if action not in BUTTONS:
        return
    operator, settings = BUTTONS[action]
    named = {"text": _NAMES[action]} if action in _NAMES else {}
    button = layout.operator(operator, **named)
    for name, value in settings.items():
        setattr(button, name, value)

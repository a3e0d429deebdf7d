# SPDX-License-Identifier: GPL-3.0-or-later
"""The button that mends an error, by the error's action."""

import bpy

BUTTONS = {
    "start": ("moclip.start_backend", {}),
    "restart": ("moclip.restart_backend", {}),
    "create_armature": ("moclip.create_armature", {}),
    "apply": ("moclip.apply_motion", {}),
    "set_up_backend": ("moclip.set_up_backend", {}),
    "models": ("moclip.open_preferences", {"section": "ADDON"}),
    "preferences": ("moclip.open_preferences", {"section": "ADDON"}),
    "allow_online": ("moclip.open_preferences", {"section": "SYSTEM"}),
}
_NAMES = {"allow_online": "Open Network Preferences"}


def draw_button(layout: bpy.types.UILayout, action: str) -> None:
    """Nothing for an action without a button, such as one that only a newer backend knows."""
    if action not in BUTTONS:
        return
    operator, settings = BUTTONS[action]
    named = {"text": _NAMES[action]} if action in _NAMES else {}
    button = layout.operator(operator, **named)
    for name, value in settings.items():
        setattr(button, name, value)

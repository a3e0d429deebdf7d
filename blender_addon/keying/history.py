# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of a motion once it is keyed: accepted, rejected, recalled. All of it lies in the actions themselves.

An action that MoCLIP made has a custom property `moclip`: prompt, seed, seconds, model, licence, made; `accepted`, or
what Reject gives back: `before`, the action that it stands in for, itself (older files have its name), `before_slot`,
and `before_state`, see `before`.
"""

from datetime import datetime

import bpy

from .. import compat
from ..rig.channels import bone_of
from ..shared.errors import MoclipError
from . import before, strips
from .actions import play_in_full, rest_unkeyed
from .before import Before
from .keyframes import check_editable

KEY = "moclip"


def is_ours(action: bpy.types.Action | None) -> bool:
    return action is not None and KEY in action


def is_new(action: bpy.types.Action | None) -> bool:
    """Is it one of ours that waits to be accepted or rejected?"""
    return is_ours(action) and not action[KEY].get("accepted")


def motions() -> list[bpy.types.Action]:
    """The actions in the file that MoCLIP made, the newest first; those that do not tell when last."""
    return sorted(filter(is_ours, bpy.data.actions), key=_made, reverse=True)


def _made(action: bpy.types.Action) -> float:
    """Seconds since 1970, wherever in the world it was made."""
    try:
        return datetime.fromisoformat(action[KEY].get("made", "")).timestamp()
    except (TypeError, ValueError, OverflowError, OSError):
        return float("-inf")


def new_motion(rig: bpy.types.Object) -> bpy.types.Action:
    """The rig's active action, one of ours that is not accepted yet. Raises MoclipError where there is none."""
    action = rig.animation_data.action if rig.animation_data else None
    if not is_new(action):
        raise MoclipError(f"'{rig.name}' has no new motion.", hint="Generate or recall one.", code="no_motion")
    return action


def stand_in(action: bpy.types.Action, previous: Before, scene: bpy.types.Scene) -> None:
    """Remember what an action stands in for: what the rig was, or what the motion before it stood in for."""
    own, slot, state = previous.action, previous.slot, before.of_animated(previous, action, scene)
    if is_ours(own) and not own[KEY].get("accepted"):
        older = own[KEY]
        own, slot = older.get("before") or "", older.get("before_slot", "")
        state = before.earlier(before.read(older.get("before_state", "")), state)
    # A pointer, which goes with the action whatever it is called.
    action[KEY]["before"] = own or ""
    action[KEY]["before_slot"], action[KEY]["before_state"] = slot, before.written(state)


def shown(rig: bpy.types.Object) -> bpy.types.Action:
    """The rig's active action, one of ours. Raises MoclipError where there is none."""
    action = rig.animation_data.action if rig.animation_data else None
    if not is_ours(action):
        raise MoclipError(f"'{rig.name}' shows no motion.", hint="Generate or recall one.", code="no_motion")
    return action


def accept(rig: bpy.types.Object, as_strip: bool) -> bpy.types.Action:
    """Keep the motion that is shown: as the rig's action, or as a strip where it was, over what was before.

    The action that the rig had before would play over all strips: it becomes one too. A motion that was accepted can
    still become a strip.
    """
    check_editable(rig)
    action = shown(rig) if as_strip else new_motion(rig)
    data = rig.animation_data
    action.use_fake_user = True
    if as_strip:
        slot = compat.slot_of(data)
        _give_back(rig, action, scene_too=False)
        data = rig.animation_data_create()
        strips.push_down(data)
        if not strips.is_laid(data, action):
            strips.lay(data, action, slot)
    settle(action)
    return action


def settle(action: bpy.types.Action) -> None:
    """A motion counts as accepted: it stands in for nothing any more."""
    action[KEY]["accepted"] = True
    for name in ("before", "before_slot", "before_state"):
        action[KEY].pop(name, None)


lay_strip = strips.lay


def reject(rig: bpy.types.Object) -> str:
    """Remove the new motion and give the rig back what it had before; returns the motion's name."""
    check_editable(rig)
    action = new_motion(rig)
    name = action.name
    _give_back(rig, action, scene_too=True)
    bpy.data.actions.remove(action)
    return name


def recall(rig: bpy.types.Object, action: bpy.types.Action, scene: bpy.types.Scene) -> None:
    """Make a motion of the history the rig's action again. Raises MoclipError for one of another rig."""
    check_editable(rig)
    animated = before.bones_of(action)
    missing = sorted(animated - set(rig.data.bones.keys()))
    if missing:
        raise MoclipError(
            f"'{action.name}' was made for another rig: '{rig.name}' has no bone {missing[0]}.",
            hint="Choose the rig that it was made for.",
            code="other_rig",
        )
    previous = before.taken(rig, scene)
    data = rig.animation_data or rig.animation_data_create()
    if data.action == action:
        return
    if data.action is not None:
        data.action.use_fake_user = True
    stand_in(action, previous, scene)
    compat.use(data, action)
    play_in_full(data)
    if "first" not in action[KEY]:
        _rest(rig, action, animated)


def _rest(rig: bpy.types.Object, action: bpy.types.Action, animated: set[str]) -> None:
    """As when the motion was keyed: what it does not animate of its bones is at rest, but for a root's scale."""
    located = {bone_of(c.data_path)[0] for c in compat.fcurves_of(action) if c.data_path.endswith(".location")}
    bones = rig.pose.bones
    # Ends of limbs may be located as well, below the hips or beside them: what carries the topmost carries all.
    top = {name for name in located if not located & {parent.name for parent in bones[name].parent_recursive}}
    roots = {parent.name for name in top & animated for parent in bones[name].parent_recursive}
    for name in animated & located | {name for name in animated if name not in roots}:
        rest_unkeyed(bones[name], keeps_scale=name in roots)


def _give_back(rig: bpy.types.Object, action: bpy.types.Action, scene_too: bool) -> None:
    told = action[KEY]
    own = told.get("before")
    if isinstance(own, str):
        own = bpy.data.actions.get(own)
    state = before.read(told.get("before_state", ""))
    before.give_back(rig, own, told.get("before_slot", ""), state, scene_too)

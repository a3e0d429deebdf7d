# SPDX-License-Identifier: GPL-3.0-or-later
"""The script's bars under the mouse: drag them, write in them, give them the range of keys or markers."""

from collections.abc import Sequence

import bpy
import numpy as np

from .. import compat
from ..editing.script import bounds_of, set_bounds
from ..keying.scene import scene_fps
from ..rig.target import character_of
from ..shared.errors import MoclipError
from ..timeline.dragging import ALL, END, START, Grip, dragged, ranged
from ..timeline.editor import grip_at, lasts_of, view_of
from .reporting import fail
from .script import OfLines, active_line

_THRESHOLD = 3
"""Pixels, at a scale of 1, by which the mouse moves before a click becomes a drag."""
_NAVIGATION = {"MIDDLEMOUSE", "WHEELUPMOUSE", "WHEELDOWNMOUSE", "TRACKPADPAN", "TRACKPADZOOM"}


class MOCLIP_OT_drag_line(OfLines, bpy.types.Operator):
    """Drag a line of the script in the Dope Sheet or the Timeline: its middle moves it, its ends make it longer or
    shorter; lines in its way are pushed. Shift takes the other lines along"""

    bl_idname = "moclip.drag_line"
    bl_label = "Drag Line"
    bl_options = {"UNDO"}  # registered, Blender would lay its box of the last operation over the bars

    index: bpy.props.IntProperty(name="Line", description="Which line, counted from 0", default=0, min=0)
    part: bpy.props.EnumProperty(
        name="Part",
        description="What of it is dragged",
        items=((ALL, "All", "The whole line"), (START, "Start", "Where it begins"), (END, "End", "Where it ends")),
    )
    frames: bpy.props.IntProperty(name="Frames", description="How far, as far as there is room", default=0)
    along: bpy.props.BoolProperty(
        name="Along", description="Take the lines on that side along, as long as they are", default=False
    )

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = context.scene.moclip
        if self.index >= len(settings.lines):
            return {"CANCELLED"}
        _drag(self, context, bounds_of(settings))
        settings.active_line = self.index
        return {"FINISHED"}

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        grip = grip_at(context, event)
        if grip is None:
            return {"PASS_THROUGH"}
        settings = context.scene.moclip
        self.index, self.part, self.frames, self.along = grip.index, grip.part, 0, event.shift
        self.before = bounds_of(settings), settings.active_line
        self.grabbed, self.moving = event.mouse_region_x, False
        settings.active_line = grip.index
        context.window_manager.modal_handler_add(self)
        context.area.tag_redraw()
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        bounds, active = self.before
        settings = context.scene.moclip
        if event.type in {"ESC", "RIGHTMOUSE"} or len(settings.lines) != len(bounds) - 1:
            if len(settings.lines) == len(bounds) - 1:
                set_bounds(settings, bounds)
                settings.active_line = active
            return _ended(context, "CANCELLED")
        if event.type == "LEFTMOUSE" and event.value == "RELEASE":
            changed = bounds_of(settings) != bounds or settings.active_line != active
            return _ended(context, "FINISHED" if changed else "CANCELLED")
        if event.type in _NAVIGATION:
            return {"PASS_THROUGH"}
        away, threshold = event.mouse_region_x - self.grabbed, _THRESHOLD * context.preferences.system.ui_scale
        self.moving = self.moving or abs(away) >= threshold
        if self.moving:
            view = view_of(context.region)
            self.frames = round(view.frame(event.mouse_region_x) - view.frame(self.grabbed))
            self.along = event.shift
            _drag(self, context, bounds)
            context.workspace.status_text_set(_told(settings, self.index, scene_fps(context.scene)))
            context.area.tag_redraw()
        return {"RUNNING_MODAL"}


def _drag(how: MOCLIP_OT_drag_line, context: bpy.types.Context, bounds: Sequence[int]) -> None:
    lasts = lasts_of(context.scene)
    set_bounds(context.scene.moclip, dragged(bounds, Grip(how.index, how.part), how.frames, lasts, how.along))


def _told(settings: bpy.types.PropertyGroup, index: int, fps: float) -> str:
    first, end = bounds_of(settings)[index : index + 2]
    return (
        f"Frames {first} to {end}, {(end - first) / fps:.2f} s     "
        "Shift: take the other lines along     Esc or right click: leave it as it was"
    )


def _ended(context: bpy.types.Context, how: str) -> set[str]:
    context.workspace.status_text_set(None)
    context.area.tag_redraw()
    return {how}


class _OnBar(OfLines):
    """under_mouse: for the line whose bar the mouse is over, and nothing where it is over none; else the chosen one."""

    bl_options = {"INTERNAL"}
    under_mouse: bpy.props.BoolProperty(default=False, options={"HIDDEN", "SKIP_SAVE"})

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if self.under_mouse:
            grip = grip_at(context, event)
            if grip is None:
                return {"PASS_THROUGH"}
            context.scene.moclip.active_line = grip.index
            context.area.tag_redraw()
        return self.execute(context)


class MOCLIP_OT_edit_line(_OnBar, bpy.types.Operator):
    """Write the chosen line's prompt under the mouse"""

    bl_idname = "moclip.edit_line"
    bl_label = "Edit Line"

    def execute(self, _context: bpy.types.Context) -> set[str]:
        bpy.ops.wm.call_panel("INVOKE_DEFAULT", name="MOCLIP_PT_line", keep_open=False)
        return {"FINISHED"}


class MOCLIP_OT_line_menu(_OnBar, bpy.types.Operator):
    """What can be done with a line of the script"""

    bl_idname = "moclip.line_menu"
    bl_label = "Menu of a Line"

    def execute(self, _context: bpy.types.Context) -> set[str]:
        bpy.ops.wm.call_menu("INVOKE_DEFAULT", name="MOCLIP_MT_line")
        return {"FINISHED"}


class _RangeFrom:
    """An operator that takes a range over, as the chosen line's or as the range that is made anew."""

    bl_options = {"UNDO"}  # as above
    to: bpy.props.EnumProperty(
        name="To",
        description="What lasts as long",
        items=(
            ("LINE", "Line", "The chosen line of the script; without one, a new line with the prompt of the panel"),
            ("RANGE", "Range", "The range that Regenerate Range makes anew"),
        ),
    )

    def execute(self, context: bpy.types.Context) -> set[str]:
        first, end = self.found(context)
        settings = context.scene.moclip
        if self.to == "RANGE":
            settings.range_start, settings.range_end = first, end
            return {"FINISHED"}
        try:
            _check_line(context.scene, first, end)
        except MoclipError as error:
            return fail(self, error)
        if not settings.lines:
            settings.lines.add().prompt = settings.prompt
            set_bounds(settings, (first, end))
        index = active_line(settings)
        set_bounds(settings, ranged(bounds_of(settings), index, first, end, lasts_of(context.scene)))
        settings.active_line = index
        return {"FINISHED"}


class MOCLIP_OT_range_from_keys(_RangeFrom, bpy.types.Operator):
    """Let the chosen line of the script last from the first to the last of the keys that are selected"""

    bl_idname = "moclip.range_from_keys"
    bl_label = "Line from Selected Keys"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if cls.found(context) is None:
            cls.poll_message_set("Select keys of the character at two frames or more, in the Dope Sheet.")
            return False
        return True

    @staticmethod
    def found(context: bpy.types.Context) -> tuple[int, int] | None:
        """The first frame and the one after the last."""
        frames = selected_frames(character_of(context))
        if not len(frames) or round(frames.min()) == round(frames.max()):
            return None
        return round(float(frames.min())), round(float(frames.max())) + 1


class MOCLIP_OT_range_from_markers(_RangeFrom, bpy.types.Operator):
    """Let the chosen line of the script last from the first to the last of the markers that are selected, or between
    the two that the playhead is between"""

    bl_idname = "moclip.range_from_markers"
    bl_label = "Line from Markers"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if cls.found(context) is None:
            cls.poll_message_set("Select two markers, or put the playhead between two.")
            return False
        return True

    @staticmethod
    def found(context: bpy.types.Context) -> tuple[int, int] | None:
        """The first frame and the one after the last."""
        scene = context.scene
        chosen = {marker.frame for marker in scene.timeline_markers if marker.select}
        if len(chosen) < 2:
            every, now = {marker.frame for marker in scene.timeline_markers}, scene.frame_current
            before, after = [f for f in every if f <= now], [f for f in every if f > now]
            chosen = {max(before), min(after)} if before and after else set()
        return (min(chosen), max(chosen)) if chosen else None


def selected_frames(rig: bpy.types.Object | None) -> np.ndarray:
    """(N,) where keys of a rig's action are selected. Polls ask often: one read a curve, not one a key."""
    action = rig.animation_data.action if rig is not None and rig.animation_data else None
    found = []
    for curve in compat.fcurves_of(action) if action is not None else ():
        points = curve.keyframe_points
        selected = np.empty(len(points), dtype=bool)
        points.foreach_get("select_control_point", selected)
        if selected.any():
            places = np.empty(2 * len(points), dtype=np.float32)
            points.foreach_get("co", places)
            found.append(places[::2][selected])
    return np.concatenate(found) if found else np.empty(0)


def _check_line(scene: bpy.types.Scene, first: int, end: int) -> None:
    lasts, fps = lasts_of(scene), scene_fps(scene)
    if not lasts.allows(end - first):
        raise MoclipError(
            f"From frame {first} to {end} are {(end - first) / fps:.2f} seconds.",
            hint=f"A line lasts {lasts.shortest / fps:.1f} to {lasts.longest / fps:.1f} seconds.",
            code="bad_script",
        )

# SPDX-License-Identifier: GPL-3.0-or-later
"""The script: prompts with frame ranges, generated as one motion; one of them can be made anew alone."""

import re
from dataclasses import replace

import bpy

from ..backend.jobs import Job
from ..backend.session import SESSION
from ..editing.script import ranges
from ..keying.scene import scene_fps
from ..shared.errors import MoclipError
from .direction import OfTarget
from .generate import check_prompt, edit_job, is_idle, make_job, submit

_NEW_SECONDS = 3.0
_UNNAMED_MARKER = re.compile(r"F_\d+")


class OfLines:
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not context.scene.moclip.lines:
            cls.poll_message_set("Add a line to the script first.")
            return False
        return True


class MOCLIP_OT_add_line(bpy.types.Operator):
    """Add a line of three seconds, with the prompt of the panel, to the end of the script"""

    bl_idname = "moclip.add_line"
    bl_label = "Add Line"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = context.scene.moclip
        if not settings.lines:
            settings.script_start = context.scene.frame_current
        begins = settings.lines[-1].end if settings.lines else settings.script_start
        line = settings.lines.add()
        line.prompt, line.end = settings.prompt, begins + round(_NEW_SECONDS * scene_fps(context.scene))
        settings.active_line = len(settings.lines) - 1
        return {"FINISHED"}


class MOCLIP_OT_remove_line(OfLines, bpy.types.Operator):
    """Remove the chosen line; those after it move up"""

    bl_idname = "moclip.remove_line"
    bl_label = "Remove Line"

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = context.scene.moclip
        index = active_line(settings)
        first, end = ranges(settings)[index]
        settings.lines.remove(index)
        for line in settings.lines[index:]:
            line.end -= end - first
        settings.active_line = max(0, min(index, len(settings.lines) - 1))
        return {"FINISHED"}


class MOCLIP_OT_move_line(OfLines, bpy.types.Operator):
    """Move the chosen line up or down; it takes its length along"""

    bl_idname = "moclip.move_line"
    bl_label = "Move Line"
    bl_options = {"UNDO"}  # registered, Blender would lay its box of the last operation over the bars

    step: bpy.props.IntProperty(name="Step", description="-1 is up, 1 is down", default=1, min=-1, max=1)

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = context.scene.moclip
        index = active_line(settings)
        other = index + self.step
        if not 0 <= other < len(settings.lines):
            return {"CANCELLED"}
        upper = min(index, other)
        begins, middle = ranges(settings)[upper]
        end = settings.lines[upper + 1].end
        settings.lines.move(index, other)
        settings.lines[upper].end, settings.lines[upper + 1].end = begins + end - middle, end
        settings.active_line = other
        return {"FINISHED"}


class MOCLIP_OT_lines_from_markers(bpy.types.Operator):
    """Make the script from the timeline's markers: their names are the prompts, each lasts until the next marker"""

    bl_idname = "moclip.lines_from_markers"
    bl_label = "From Markers"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not _prompts(context.scene):
            cls.poll_message_set("Add markers with prompts as their names to the timeline first (M, then F2).")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings, markers = context.scene.moclip, _prompts(context.scene)
        settings.lines.clear()
        settings.script_start = markers[0].frame
        for marker, following in zip(markers, [*markers[1:], None], strict=True):
            line = settings.lines.add()
            lasts = round(_NEW_SECONDS * scene_fps(context.scene))
            line.prompt, line.end = marker.name, following.frame if following else marker.frame + lasts
        settings.active_line = 0
        return {"FINISHED"}


class MOCLIP_OT_generate_script(OfLines, bpy.types.Operator):
    """Generate all lines as one motion and key it on the target"""

    bl_idname = "moclip.generate_script"
    bl_label = "Generate Script"
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return super().poll(context) and is_idle(cls)

    def execute(self, context: bpy.types.Context) -> set[str]:
        return submit(self, lambda: _script_job(context))


class MOCLIP_OT_regenerate_line(OfTarget, bpy.types.Operator):
    """Make the frames of the chosen line anew by its prompt; the lines before and after it stay as they are"""

    bl_idname = "moclip.regenerate_line"
    bl_label = "Regenerate Line"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not context.scene.moclip.lines:
            cls.poll_message_set("Add a line to the script first.")
            return False
        return super().poll(context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = context.scene.moclip
        index = active_line(settings)
        first, end = ranges(settings)[index]

        def make() -> Job:
            job = edit_job(context, check_prompt(settings.lines[index].prompt), first, end)
            return replace(job, edit=replace(job.edit, name=_title(settings)))

        return submit(self, make)


def active_line(settings: bpy.types.PropertyGroup) -> int:
    """The index of the chosen line."""
    return max(0, min(settings.active_line, len(settings.lines) - 1))


def _title(settings: bpy.types.PropertyGroup) -> str:
    """What the motion of all lines is called."""
    return "; ".join(" ".join(line.prompt.split()) for line in settings.lines)


def _prompts(scene: bpy.types.Scene) -> list[bpy.types.TimelineMarker]:
    named = [m for m in scene.timeline_markers if m.name.strip() and not _UNNAMED_MARKER.fullmatch(m.name)]
    return sorted(named, key=lambda marker: marker.frame)


def _script_job(context: bpy.types.Context) -> Job:
    settings, fps, limits = context.scene.moclip, scene_fps(context.scene), SESSION.limits
    shortest, longest = limits.shortest_seconds, limits.longest_seconds
    if len(settings.lines) > limits.script_lines:
        raise MoclipError(f"A script has at most {limits.script_lines} lines.", hint="Split it.", code="bad_script")
    script = []
    for number, (line, (first, end)) in enumerate(zip(settings.lines, ranges(settings), strict=True), start=1):
        seconds = (end - first) / fps
        if not line.prompt.strip():
            raise MoclipError(f"Line {number} has no prompt.", hint="Write one, or remove it.", code="bad_prompt")
        if not shortest - 1e-6 <= seconds <= longest + 1e-6:
            raise MoclipError(
                f"Line {number} lasts {seconds:.2f} seconds (frames {first} to {end}).",
                hint=f"A line lasts {shortest} to {longest} seconds.",
                code="bad_script",
            )
        script.append((check_prompt(line.prompt), float(min(max(seconds, shortest), longest))))
    total = sum(seconds for _, seconds in script)
    if total > limits.script_seconds:
        raise MoclipError(
            f"The script lasts {total:.0f} seconds.", hint=f"The most is {limits.script_seconds:.0f}: split it.",
            code="bad_script",
        )  # fmt: skip
    return make_job(context, _title(settings), script=tuple(script), start=settings.script_start, seconds=None)

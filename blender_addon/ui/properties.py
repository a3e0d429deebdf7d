# SPDX-License-Identifier: GPL-3.0-or-later
"""What the panel asks; saved with the scene. The state of jobs is not: it lives in `backend.session`."""

import bpy

from ..backend import timer
from ..backend.session import SESSION
from ..limits import EMBEDDED
from ..preview.stage import STAGE

# Blender fixes the bounds of a property when the add-on is enabled, before any backend has answered.


_SEED = (
    "Which of the many motions that fit a prompt: the same number gives the same motion again, another number another "
    "one. Others call it seed"
)
_MOST_RECENT = 12
BY_IK = {"FK": (), "FEET": ("leg",), "IK": ("leg", "arm")}
"""How limbs of Rigify and Auto-Rig Pro are keyed -> those that are moved by their ends."""


def _is_armature(_settings: bpy.types.PropertyGroup, obj: bpy.types.Object) -> bool:
    return obj.type == "ARMATURE"


def _pinned(settings: bpy.types.PropertyGroup, _context: bpy.types.Context) -> None:
    """Who chooses a target wants it to stay, whatever is selected; nobody is a new one each time."""
    settings.pin_target = True


def _typed(settings: bpy.types.PropertyGroup, _context: bpy.types.Context) -> None:
    SESSION.hint.typed(settings.prompt)


def _preview_toggled(settings: bpy.types.PropertyGroup, _context: bpy.types.Context) -> None:
    if not settings.use_preview:
        STAGE.clear()
    timer.redraw()


def _seen_otherwise(_settings: bpy.types.PropertyGroup, _context: bpy.types.Context) -> None:
    timer.redraw()


def _is_curve(_settings: bpy.types.PropertyGroup, obj: bpy.types.Object) -> bool:
    return obj.type == "CURVE"


# Blender 4.2 as a Python module crashes on exit when a property has a poll function; it has no interface to filter for.
_POLLS = bool(bpy.app.binary_path) or bpy.app.version >= (4, 3, 0)
_POLL = {"poll": _is_armature} if _POLLS else {}
_CURVE_POLL = {"poll": _is_curve} if _POLLS else {}


class MoclipRow(bpy.types.PropertyGroup):
    """A row of the batch; `name` is its id."""

    armature: bpy.props.PointerProperty(
        name="Character",
        description="The armature to animate. Empty makes a new character",
        type=bpy.types.Object,
        **_POLL,
    )
    prompt: bpy.props.StringProperty(name="Prompt", description="What the character does, in English")
    start: bpy.props.IntProperty(name="Start", description="Frame of the first key", default=1)
    seconds: bpy.props.FloatProperty(
        name="Seconds",
        description="Length of the motion; 0 lets the model choose",
        default=0.0,
        min=0.0,
        max=EMBEDDED.longest_seconds,
    )
    seed: bpy.props.IntProperty(name="Variant", description=_SEED, default=0, min=0)


class MoclipLine(bpy.types.PropertyGroup):
    """A line of the script; it begins where the one before it ends."""

    prompt: bpy.props.StringProperty(name="Prompt", description="What the character does, in English")
    end: bpy.props.IntProperty(name="End", description="The frame at which the next line begins", default=1)


class MoclipKept(bpy.types.PropertyGroup):
    """A frame that stays as it is when the range around it is made anew."""

    frame: bpy.props.IntProperty(name="Frame", default=1)


class MoclipRecent(bpy.types.PropertyGroup):
    """A prompt of this file, as its `name`; the newest first."""


class MoclipSettings(bpy.types.PropertyGroup):
    prompt: bpy.props.StringProperty(
        name="Prompt",
        description="What the character does, in English: 'a tired man walks, then waves with his left hand'",
        options={"TEXTEDIT_UPDATE"},
        update=_typed,
    )
    recent: bpy.props.CollectionProperty(type=MoclipRecent)
    use_auto_seconds: bpy.props.BoolProperty(
        name="Auto Length", description="Let the model choose how long the motion lasts", default=True
    )
    seconds: bpy.props.FloatProperty(
        name="Seconds",
        description="Length of the motion",
        default=4.0,
        min=EMBEDDED.shortest_seconds,
        max=EMBEDDED.longest_seconds,
        step=20,
        precision=1,
    )
    seed: bpy.props.IntProperty(name="Variant", description=_SEED, default=0, min=0)
    variations: bpy.props.IntProperty(
        name="Takes",
        description="Generate so many takes at once, of this variant and those that follow",
        default=1,
        min=1,
        max=EMBEDDED.batch,
    )
    target: bpy.props.PointerProperty(
        name="Target",
        description="The armature to animate, whatever is selected: MoCLIP's, or yours. Empty makes a new character",
        type=bpy.types.Object,
        update=_pinned,
        **_POLL,
    )
    pin_target: bpy.props.BoolProperty(
        name="Pin", description="Key on this character, whatever is selected", default=False
    )
    new_character: bpy.props.EnumProperty(
        name="New Character",
        description="What is made when no character is selected",
        items=(
            ("MANNEQUIN", "Mannequin", "A plain human body"),
            ("BONES", "Bones", "The 22 bones of the motion alone, which it fits exactly"),
        ),
    )
    start_at: bpy.props.EnumProperty(
        name="Start At",
        description="Where the motion begins",
        items=(
            ("CHARACTER", "Character", "Where the character stands at the current frame, facing as it does"),
            ("REST", "Rest", "At the rig's own origin, facing ahead"),
        ),
    )
    root: bpy.props.EnumProperty(
        name="Root",
        description="What carries the character over the ground",
        items=(
            ("HIPS", "Hips", "The hips bone, as motion capture has it"),
            ("BONE", "Root Bone", "The topmost bone above the hips, as games want it; the hips keep their sway"),
            ("OBJECT", "Object", "The armature object; the hips keep their sway"),
            ("IN_PLACE", "In Place", "Nothing: the character walks on the spot, with its sway kept"),
        ),
    )
    path: bpy.props.PointerProperty(
        name="Path",
        description="A curve on the ground that new motions follow from its start on, wherever the character stands. "
        "Batches and edits of a range go their own way",
        type=bpy.types.Object,
        **_CURVE_POLL,
    )
    path_pace: bpy.props.EnumProperty(
        name="Speed",
        description="How fast the path is gone along; a motion that is sped up plays faster, so that feet do not slide",
        items=(
            ("MOTION", "As Made", "At the motion's own speed"),
            ("RADIUS", "By Radius", "By the radius of the curve's points: 2 is twice as fast as it was made, 0.5 half"),
            (
                "MARKERS",
                "By Markers",
                "A marker named by the curve and a point's number, such as 'Path 3', says when that point is reached",
            ),
        ),
    )
    path_facing: bpy.props.EnumProperty(
        name="Facing",
        description="Where the character faces on the path",
        items=(
            ("ALONG", "Along", "As the path goes"),
            ("HELD", "Held", "As the path begins, wherever it leads: for steps to the side and backwards"),
        ),
    )
    limbs_by: bpy.props.EnumProperty(
        name="Limbs By",
        description="Which controls of a Rigify or Auto-Rig Pro character count while the motion plays",
        items=(
            ("FK", "FK", "Arms and legs turn joint by joint; the IK controls go with them"),
            (
                "FEET",
                "IK Feet",
                "Feet are keyed where they are, one that stands by two keys; arms turn joint by joint",
            ),
            ("IK", "IK Feet and Hands", "Feet and hands are keyed where they are, knees and elbows by their poles"),
        ),
    )
    foot_lock: bpy.props.FloatProperty(
        name="Foot Lock",
        description="How firmly feet stay where they stand, and above the floor, on this rig's legs",
        default=1.0, min=0.0, max=1.0, subtype="FACTOR",
    )  # fmt: skip
    use_preview: bpy.props.BoolProperty(
        name="Preview",
        description="Show what is generated as ghosts in the 3D View and key nothing until one is picked",
        default=False,
        update=_preview_toggled,
    )
    preview_at: bpy.props.EnumProperty(
        name="Stand",
        description="Where ghosts are seen; a pick keys them on the character, wherever they stood",
        items=(
            ("BESIDE", "Side by Side", "Every take, in a row beside the character"),
            ("ON", "In Place", "The chosen take alone, where it would be keyed"),
        ),
        update=_seen_otherwise,
    )
    preview_trails: bpy.props.BoolProperty(
        name="Trails",
        description="Show the ways of hips, hands and feet, and where and when feet stand",
        default=True,
        update=_seen_otherwise,
    )
    lines: bpy.props.CollectionProperty(type=MoclipLine)
    active_line: bpy.props.IntProperty(name="Line", default=0)
    script_start: bpy.props.IntProperty(name="Start", description="The frame at which the first line begins", default=1)
    range_start: bpy.props.IntProperty(name="Start", description="The first frame that is made anew", default=25)
    range_end: bpy.props.IntProperty(
        name="End", description="The first frame after the range, which stays as it is", default=73
    )
    kept: bpy.props.CollectionProperty(type=MoclipKept)
    rows: bpy.props.CollectionProperty(type=MoclipRow)
    active_row: bpy.props.IntProperty(name="Row", default=0)
    use_loop: bpy.props.BoolProperty(
        name="Loop",
        description="Repeat the cycle within the motion for ever, whole strides of a walk; without one, all of it",
        default=False,
    )
    use_fewer_keys: bpy.props.BoolProperty(
        name="Fewer Keys", description="Leave out the keys that the curves do without", default=False
    )
    key_error: bpy.props.FloatProperty(
        name="Error", description="How far fewer keys may turn a bone away from the motion",
        default=1.0, min=0.05, max=10.0, step=10, precision=2,
    )  # fmt: skip


def remember_prompt(settings: bpy.types.PropertyGroup, prompt: str) -> None:
    """As the newest of the file's recent prompts; the oldest are forgotten."""
    recent = settings.recent
    if (known := recent.find(prompt)) >= 0:
        recent.remove(known)
    recent.add().name = prompt
    recent.move(len(recent) - 1, 0)
    while len(recent) > _MOST_RECENT:
        recent.remove(len(recent) - 1)


def attach() -> None:
    bpy.types.Scene.moclip = bpy.props.PointerProperty(type=MoclipSettings)


def detach() -> None:
    del bpy.types.Scene.moclip

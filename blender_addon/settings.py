# SPDX-License-Identifier: GPL-3.0-or-later
"""Which backend the add-on uses: what its preferences hold, for whoever asks; `ui.preferences` shows them."""

import bpy

from . import bundled

PACKAGE = __package__
"""What Blender knows the add-on by, and keeps its preferences under."""
_KINDS = (
    ("BUILTIN", "Built-in", "The one that came with the add-on; runs on the processor"),
    ("ENVIRONMENT", "GPU Backend", "The one that Set Up GPU Backend makes on this computer"),
    ("COMMAND", "Command", "Start another Python's `moclip serve`, for a GPU or other models"),
    ("ADDRESS", "Address", "Use a backend that already runs, here or on another computer"),
)


class Settings:
    """The properties of the preferences; `ui.preferences` makes them Blender's."""

    kind: bpy.props.EnumProperty(name="Backend", items=_KINDS, default="BUILTIN")
    model: bpy.props.EnumProperty(
        name="Model",
        description="What makes the motions; its licence says what they may be used for",
        items=bundled.choices(),
        default=bundled.choices()[0][0],
    )
    command: bpy.props.StringProperty(
        name="Command",
        description="How to start it, for example: /home/me/moclip/.venv/bin/moclip serve --device cuda",
        default="moclip serve",
    )
    address: bpy.props.StringProperty(name="Address", default="tcp://127.0.0.1:5578")
    key_file: bpy.props.StringProperty(
        name="Key File",
        description="The client's file that `moclip keys` made, or the token file that `moclip serve` names",
        subtype="FILE_PATH",
    )
    idle_minutes: bpy.props.IntProperty(
        name="Stop After Idle Minutes",
        description="Stop a backend that the add-on started when it has had nothing to do for so long; 0 keeps it",
        default=15,
        min=0,
    )

    library_folder: bpy.props.StringProperty(
        name="Library",
        description="Folder of the motions that Save to Library keeps; empty is one in your own data folder",
        subtype="DIR_PATH",
    )

    environment_folder: bpy.props.StringProperty(
        name="Folder",
        description="Where the GPU backend is set up; empty is your own data folder",
        subtype="DIR_PATH",
    )
    environment_python: bpy.props.StringProperty(
        name="Python",
        description="The Python (3.11 or newer) that the GPU backend is made with; empty is Blender's own",
        subtype="FILE_PATH",
    )
    package_index: bpy.props.StringProperty(
        name="Package Index",
        description="Address that packages come from, or a folder of wheels; empty is PyPI, and for torch the address "
        "of the build that fits this computer",
    )
    show_bars: bpy.props.BoolProperty(
        name="Bars in the Timeline",
        description="Show the script's lines as bars in the Dope Sheet and the Timeline, where these are high enough, "
        "to be dragged and written in",
        default=True,
    )
    follow_motion: bpy.props.BoolProperty(
        name="Follow New Motions",
        description="Let the scene's range grow to hold a new motion, and the playhead go to where it begins if it is "
        "elsewhere. The range is never made shorter",
        default=True,
    )


def preferences() -> Settings:
    return bpy.context.preferences.addons[PACKAGE].preferences

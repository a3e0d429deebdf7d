# SPDX-License-Identifier: GPL-3.0-or-later
"""Which backend the add-on uses."""

import bpy

_PACKAGE = __package__.rpartition(".")[0]
_KINDS = (
    ("BUILTIN", "Built-in", "The one that came with the add-on; runs on the processor"),
    ("ENVIRONMENT", "GPU Backend", "The one that Set Up GPU Backend makes on this computer"),
    ("COMMAND", "Command", "Start another Python's `moclip serve`, for a GPU or other models"),
    ("ADDRESS", "Address", "Use a backend that already runs, here or on another computer"),
)


class MoclipPreferences(bpy.types.AddonPreferences):
    bl_idname = _PACKAGE

    kind: bpy.props.EnumProperty(name="Backend", items=_KINDS, default="BUILTIN")
    command: bpy.props.StringProperty(
        name="Command",
        description="How to start it, for example: /home/me/moclip/.venv/bin/moclip serve --device cuda",
        default="moclip serve",
    )
    address: bpy.props.StringProperty(name="Address", default="tcp://127.0.0.1:5555")
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

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.prop(self, "kind")
        if self.kind == "COMMAND":
            layout.prop(self, "command")
        elif self.kind == "ADDRESS":
            layout.prop(self, "address")
            layout.prop(self, "key_file")
        if self.kind != "ADDRESS":
            layout.prop(self, "idle_minutes")
        # Imported late: what it shows depends on the preferences.
        from .panel_backend import draw_gpu_backend

        draw_gpu_backend(layout, context.region.width)
        column = layout.column()
        for name in ("environment_folder", "environment_python", "package_index"):
            column.prop(self, name)


def preferences() -> MoclipPreferences:
    return bpy.context.preferences.addons[_PACKAGE].preferences


def register() -> None:
    bpy.utils.register_class(MoclipPreferences)


def unregister() -> None:
    bpy.utils.unregister_class(MoclipPreferences)

# SPDX-License-Identifier: GPL-3.0-or-later
"""The menu beside the prompt: what the model can do, by groups, and what was asked for before."""

import itertools

import bpy

from ..backend.repertoire import known
from ..backend.session import SESSION
from .sidebar import wrapped


class MOCLIP_MT_prompts(bpy.types.Menu):
    bl_idname = "MOCLIP_MT_prompts"
    bl_label = "What to Ask For"

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.operator_context = "INVOKE_DEFAULT"
        layout.operator("moclip.search_prompt", icon="VIEWZOOM")
        layout.operator("moclip.random_prompt", icon="QUESTION")
        layout.separator()
        row = layout.row()
        recent = [one.name for one in context.scene.moclip.recent]
        if recent:
            _draw_group(row, "Asked for Before", [(text, text) for text in recent])
        for group, found in itertools.groupby(known(SESSION.welcome), key=lambda one: one.group):
            _draw_group(row, group, [(one.name, one.example) for one in found])


def _draw_group(layout: bpy.types.UILayout, title: str, prompts: list[tuple[str, str]]) -> None:
    column = layout.column()
    column.label(text=title)
    column.separator()
    for name, prompt in prompts:
        lines = wrapped(name, 300)
        shown = lines[0] + ("..." if len(lines) > 1 else "")
        column.operator("moclip.use_prompt", text=shown).prompt = prompt

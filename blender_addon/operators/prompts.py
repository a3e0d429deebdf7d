# SPDX-License-Identifier: GPL-3.0-or-later
"""Prompts that need no thinking up: what the model can do, what was asked for before, whatever chance gives."""

import random

import bpy

from ..backend.repertoire import STYLES, known
from ..backend.session import SESSION

_items: list[tuple[str, str, str]] = []
"""Of the search: Blender keeps no copy of what a function of items gives it."""


def _found(_operator: bpy.types.OperatorProperties, context: bpy.types.Context | None) -> list[tuple[str, str, str]]:
    recent = [row.name for row in context.scene.moclip.recent] if context else []
    texts = dict.fromkeys([*(one.example for one in known(SESSION.welcome)), *recent])
    _items[:] = [(text, text, "") for text in texts]
    return _items


class MOCLIP_OT_use_prompt(bpy.types.Operator):
    """Write this sentence as the prompt"""

    bl_idname = "moclip.use_prompt"
    bl_label = "Use Prompt"
    bl_options = {"REGISTER", "UNDO"}

    prompt: bpy.props.StringProperty(name="Prompt", description="What the character does; empty changes nothing")

    @classmethod
    def description(cls, _context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        return f"Ask for: {properties.prompt}" if properties.prompt else cls.__doc__

    def execute(self, context: bpy.types.Context) -> set[str]:
        if not self.prompt:
            return {"CANCELLED"}
        context.scene.moclip.prompt = self.prompt
        return {"FINISHED"}


class MOCLIP_OT_search_prompt(bpy.types.Operator):
    """Search what the model can do, and what was asked for in this file"""

    bl_idname = "moclip.search_prompt"
    bl_label = "Search Prompts"
    bl_options = {"REGISTER", "UNDO"}
    bl_property = "prompt"

    prompt: bpy.props.EnumProperty(name="Prompt", items=_found)

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        context.window_manager.invoke_search_popup(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        if not self.prompt:
            return {"CANCELLED"}
        context.scene.moclip.prompt = self.prompt
        return {"FINISHED"}


class MOCLIP_OT_random_prompt(bpy.types.Operator):
    """Write a sentence for something that the model can do, by chance"""

    bl_idname = "moclip.random_prompt"
    bl_label = "Random Prompt"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        if not known(SESSION.welcome):
            cls.poll_message_set("This model does not tell what it can do.")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = context.scene.moclip
        others = [one for one in known(SESSION.welcome) if one.example != settings.prompt]
        # Styles are many, and are all ways of walking.
        actions = [one for one in others if one.group != STYLES]
        settings.prompt = random.choice(actions or others or known(SESSION.welcome)).example
        return {"FINISHED"}

# SPDX-License-Identifier: GPL-3.0-or-later
"""A message is shown twice: in the panel, where it stays, and in Blender's status line."""

import bpy

from ..backend import timer
from ..backend.session import SESSION
from ..shared.errors import MoclipError

failed: tuple[str, dict] | None = None
"""The operator that failed last, by its name, and its settings: what to do again once the error is mended."""


def tell(operator: bpy.types.Operator, message: str, level: str = "INFO") -> set[str]:
    SESSION.say(level, message)
    timer.redraw()
    if message:
        operator.report({level}, message)
    return {"FINISHED"}


def fail(operator: bpy.types.Operator, error: MoclipError) -> set[str]:
    global failed
    module, _, name = operator.bl_idname.partition("_OT_")
    failed = f"{module.lower()}.{name}", operator.as_keywords()
    SESSION.say("ERROR", str(error), error.action)
    timer.redraw()
    operator.report({"ERROR"}, str(error))
    return {"CANCELLED"}

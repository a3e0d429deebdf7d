# SPDX-License-Identifier: GPL-3.0-or-later
"""A message is shown twice: in the panel, where it stays, and in Blender's status line."""

import bpy

from .. import timer
from ..errors import MoclipError
from ..session import SESSION


def tell(operator: bpy.types.Operator, message: str, level: str = "INFO") -> set[str]:
    SESSION.say(level, message)
    timer.redraw()
    if message:
        operator.report({level}, message)
    return {"FINISHED"}


def fail(operator: bpy.types.Operator, error: MoclipError) -> set[str]:
    SESSION.say("ERROR", str(error), error.action)
    timer.redraw()
    operator.report({"ERROR"}, str(error))
    return {"CANCELLED"}

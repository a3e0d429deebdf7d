# SPDX-License-Identifier: GPL-3.0-or-later
"""An error is shown twice: in the panel, where it stays, and in Blender's status line."""

import bpy

from ..errors import MoclipError
from ..session import SESSION


def fail(operator: bpy.types.Operator, error: MoclipError) -> set[str]:
    SESSION.say("ERROR", str(error), error.action)
    operator.report({"ERROR"}, str(error))
    return {"CANCELLED"}

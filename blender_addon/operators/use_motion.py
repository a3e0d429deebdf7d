# SPDX-License-Identifier: GPL-3.0-or-later
"""Put a motion that was made before on the target, the way that one goes which has just been generated."""

from collections.abc import Callable

import bpy

from ..backend.session import SESSION
from ..motion.clip import Clip
from ..shared.errors import MoclipError
from .apply_motion import apply_held
from .generate import make_job
from .preview import show_held
from .reporting import fail


def use(operator: bpy.types.Operator, context: bpy.types.Context, find: Callable[[], Clip]) -> set[str]:
    """Put a motion on the target from the current frame on: it is shown as a ghost first where Preview is on, keyed
    once, accepted, rejected, fitted again. find: raises MoclipError where there is none."""
    try:
        if SESSION.job is not None or SESSION.retargeting:
            raise MoclipError("A motion is being generated.", hint="Cancel it, or wait for it.", code="busy")
        clip = find()
        job = make_job(context, clip.text, seconds=None, seed=clip.seed, variations=1, repeats=clip.repeats)
    except MoclipError as error:
        return fail(operator, error)
    SESSION.hold(job, [clip])
    return show_held(operator, context) if SESSION.previews(job) else apply_held(operator, context, 0)

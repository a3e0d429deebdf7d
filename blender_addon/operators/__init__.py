# SPDX-License-Identifier: GPL-3.0-or-later
"""One file for each thing that the user can do."""

import bpy

from .apply_motion import MOCLIP_OT_apply_motion, MOCLIP_OT_show_take
from .batch import (
    MOCLIP_OT_add_row,
    MOCLIP_OT_export_rows,
    MOCLIP_OT_import_rows,
    MOCLIP_OT_remove_row,
    MOCLIP_OT_run_batch,
)
from .bones import MOCLIP_OT_clear_bones, MOCLIP_OT_detect_bones, MOCLIP_OT_export_bones, MOCLIP_OT_import_bones
from .cancel import MOCLIP_OT_cancel
from .create_armature import MOCLIP_OT_create_armature
from .export import MOCLIP_OT_export_motions
from .generate import MOCLIP_OT_generate
from .history import MOCLIP_OT_accept, MOCLIP_OT_recall, MOCLIP_OT_reject, MOCLIP_OT_try_again
from .start_backend import MOCLIP_OT_start_backend
from .stop_backend import MOCLIP_OT_stop_backend

_CLASSES = (
    MOCLIP_OT_generate, MOCLIP_OT_cancel, MOCLIP_OT_apply_motion, MOCLIP_OT_create_armature, MOCLIP_OT_start_backend,
    MOCLIP_OT_stop_backend, MOCLIP_OT_detect_bones, MOCLIP_OT_clear_bones, MOCLIP_OT_export_bones,
    MOCLIP_OT_import_bones, MOCLIP_OT_show_take, MOCLIP_OT_accept, MOCLIP_OT_reject, MOCLIP_OT_try_again,
    MOCLIP_OT_recall, MOCLIP_OT_add_row, MOCLIP_OT_remove_row, MOCLIP_OT_import_rows, MOCLIP_OT_export_rows,
    MOCLIP_OT_run_batch, MOCLIP_OT_export_motions,
)  # fmt: skip


def register() -> None:
    for cls in _CLASSES:
        bpy.utils.register_class(cls)


def unregister() -> None:
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)

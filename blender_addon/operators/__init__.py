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
from .bones import (
    MOCLIP_OT_clear_bones,
    MOCLIP_OT_detect_bones,
    MOCLIP_OT_export_bones,
    MOCLIP_OT_import_bones,
    MOCLIP_OT_swap_bones,
)
from .cancel import MOCLIP_OT_cancel
from .create_armature import MOCLIP_OT_create_armature
from .direction import MOCLIP_OT_continue_motion, MOCLIP_OT_edit_range, MOCLIP_OT_lead_in, MOCLIP_OT_range_from_preview
from .export import MOCLIP_OT_export_motions
from .generate import MOCLIP_OT_generate
from .history import MOCLIP_OT_accept, MOCLIP_OT_recall, MOCLIP_OT_reject, MOCLIP_OT_try_again
from .mend_rig import MOCLIP_OT_mend_rig
from .open_preferences import MOCLIP_OT_open_preferences
from .remove_backend import MOCLIP_OT_remove_backend
from .restart_backend import MOCLIP_OT_copy_log, MOCLIP_OT_restart_backend
from .script import (
    MOCLIP_OT_add_line,
    MOCLIP_OT_generate_script,
    MOCLIP_OT_lines_from_markers,
    MOCLIP_OT_move_line,
    MOCLIP_OT_regenerate_line,
    MOCLIP_OT_remove_line,
)
from .set_up_backend import MOCLIP_OT_cancel_set_up, MOCLIP_OT_open_set_up_log, MOCLIP_OT_set_up_backend
from .start_backend import MOCLIP_OT_start_backend
from .stop_backend import MOCLIP_OT_stop_backend

_CLASSES = (
    MOCLIP_OT_generate, MOCLIP_OT_cancel, MOCLIP_OT_apply_motion, MOCLIP_OT_create_armature, MOCLIP_OT_start_backend,
    MOCLIP_OT_stop_backend, MOCLIP_OT_detect_bones, MOCLIP_OT_clear_bones, MOCLIP_OT_export_bones,
    MOCLIP_OT_import_bones, MOCLIP_OT_swap_bones, MOCLIP_OT_show_take, MOCLIP_OT_accept, MOCLIP_OT_reject,
    MOCLIP_OT_try_again, MOCLIP_OT_recall, MOCLIP_OT_add_row, MOCLIP_OT_remove_row, MOCLIP_OT_import_rows,
    MOCLIP_OT_export_rows,
    MOCLIP_OT_run_batch, MOCLIP_OT_export_motions, MOCLIP_OT_edit_range, MOCLIP_OT_continue_motion, MOCLIP_OT_lead_in,
    MOCLIP_OT_range_from_preview, MOCLIP_OT_add_line, MOCLIP_OT_remove_line, MOCLIP_OT_move_line,
    MOCLIP_OT_lines_from_markers, MOCLIP_OT_generate_script, MOCLIP_OT_regenerate_line,
    MOCLIP_OT_set_up_backend, MOCLIP_OT_cancel_set_up, MOCLIP_OT_open_set_up_log, MOCLIP_OT_remove_backend,
    MOCLIP_OT_restart_backend, MOCLIP_OT_copy_log, MOCLIP_OT_open_preferences, MOCLIP_OT_mend_rig,
)  # fmt: skip


def register() -> None:
    for cls in _CLASSES:
        bpy.utils.register_class(cls)


def unregister() -> None:
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)

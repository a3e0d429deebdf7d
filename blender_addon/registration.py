# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that Blender is told of, in one list: a new operator, panel or group of properties is entered here."""

import bpy

from .backend import timer
from .operators.apply_motion import MOCLIP_OT_apply_motion, MOCLIP_OT_show_take
from .operators.batch import (
    MOCLIP_OT_add_row,
    MOCLIP_OT_export_rows,
    MOCLIP_OT_import_rows,
    MOCLIP_OT_remove_row,
    MOCLIP_OT_run_batch,
)
from .operators.bones import (
    MOCLIP_OT_clear_bones,
    MOCLIP_OT_detect_bones,
    MOCLIP_OT_export_bones,
    MOCLIP_OT_import_bones,
    MOCLIP_OT_swap_bones,
)
from .operators.cancel import MOCLIP_OT_cancel
from .operators.create_armature import MOCLIP_OT_create_armature
from .operators.create_mannequin import MOCLIP_OT_create_mannequin
from .operators.direction import (
    MOCLIP_OT_continue_motion,
    MOCLIP_OT_edit_range,
    MOCLIP_OT_lead_in,
    MOCLIP_OT_range_from_preview,
)
from .operators.export import MOCLIP_OT_export_motions
from .operators.generate import MOCLIP_OT_generate
from .operators.history import MOCLIP_OT_accept, MOCLIP_OT_recall, MOCLIP_OT_reject, MOCLIP_OT_try_again
from .operators.kept import MOCLIP_OT_keep_frame, MOCLIP_OT_keep_keys, MOCLIP_OT_keep_none
from .operators.layers import MOCLIP_OT_lay_over
from .operators.library import (
    MOCLIP_OT_apply_asset,
    MOCLIP_OT_delete_from_library,
    MOCLIP_OT_refresh_library,
    MOCLIP_OT_save_to_library,
    MOCLIP_OT_show_library,
    MOCLIP_OT_toggle_favourite,
    MOCLIP_OT_use_from_library,
)
from .operators.mend_rig import MOCLIP_OT_mend_rig
from .operators.open_preferences import MOCLIP_OT_open_preferences
from .operators.pin_target import MOCLIP_OT_pin_target
from .operators.pins import MOCLIP_OT_add_pin, MOCLIP_OT_remove_pin
from .operators.preview import (
    MOCLIP_OT_choose_ghost,
    MOCLIP_OT_dismiss_ghosts,
    MOCLIP_OT_pick_take,
    MOCLIP_OT_preview_takes,
)
from .operators.prompts import MOCLIP_OT_random_prompt, MOCLIP_OT_search_prompt, MOCLIP_OT_use_prompt
from .operators.remove_backend import MOCLIP_OT_remove_backend
from .operators.restart_backend import MOCLIP_OT_copy_log, MOCLIP_OT_restart_backend
from .operators.script import (
    MOCLIP_OT_add_line,
    MOCLIP_OT_generate_script,
    MOCLIP_OT_lines_from_markers,
    MOCLIP_OT_move_line,
    MOCLIP_OT_regenerate_line,
    MOCLIP_OT_remove_line,
)
from .operators.set_up_backend import MOCLIP_OT_cancel_set_up, MOCLIP_OT_open_set_up_log, MOCLIP_OT_set_up_backend
from .operators.show_message import MOCLIP_OT_show_message
from .operators.start_backend import MOCLIP_OT_start_backend
from .operators.stop_backend import MOCLIP_OT_stop_backend
from .operators.timeline import (
    MOCLIP_OT_drag_line,
    MOCLIP_OT_edit_line,
    MOCLIP_OT_line_menu,
    MOCLIP_OT_range_from_keys,
    MOCLIP_OT_range_from_markers,
)
from .rig import table
from .timeline import drawing
from .ui import bars, library_list, menu, pins, properties, shortcuts, timeline
from .ui.panel_backend import MOCLIP_PT_backend
from .ui.panel_direction import MOCLIP_PT_direction, MOCLIP_UL_lines
from .ui.panel_library import MOCLIP_PT_library
from .ui.panel_main import MOCLIP_PT_main
from .ui.panel_pins import MOCLIP_PT_pins, MOCLIP_UL_pins
from .ui.panels import (
    MOCLIP_PT_batch,
    MOCLIP_PT_bones,
    MOCLIP_PT_fit,
    MOCLIP_PT_history,
    MOCLIP_PT_licence,
    MOCLIP_PT_odd_bones,
    MOCLIP_PT_preview,
    MOCLIP_UL_rows,
)
from .ui.preferences import MoclipPreferences
from .ui.prompt_menu import MOCLIP_MT_prompts

PROPERTIES = (
    table.MoclipBone,
    pins.MoclipPin,
    properties.MoclipRow,
    properties.MoclipLine,
    properties.MoclipKept,
    properties.MoclipRecent,
    properties.MoclipSettings,
    bars.MoclipBars,
    library_list.MoclipKept,
    library_list.MoclipLibrary,
    MoclipPreferences,
)
OPERATORS = (
    (
        MOCLIP_OT_generate,
        MOCLIP_OT_cancel,
        MOCLIP_OT_try_again,
        MOCLIP_OT_apply_motion,
        MOCLIP_OT_show_take,
        MOCLIP_OT_accept,
        MOCLIP_OT_reject,
        MOCLIP_OT_recall,
        MOCLIP_OT_search_prompt,
        MOCLIP_OT_random_prompt,
    ),
    (
        MOCLIP_OT_preview_takes,
        MOCLIP_OT_choose_ghost,
        MOCLIP_OT_pick_take,
        MOCLIP_OT_dismiss_ghosts,
    ),
    (
        MOCLIP_OT_generate_script,
        MOCLIP_OT_regenerate_line,
        MOCLIP_OT_add_line,
        MOCLIP_OT_remove_line,
        MOCLIP_OT_move_line,
        MOCLIP_OT_lines_from_markers,
        MOCLIP_OT_range_from_keys,
        MOCLIP_OT_range_from_markers,
    ),
    (
        MOCLIP_OT_edit_range,
        MOCLIP_OT_range_from_preview,
        MOCLIP_OT_keep_frame,
        MOCLIP_OT_keep_keys,
        MOCLIP_OT_keep_none,
        MOCLIP_OT_continue_motion,
        MOCLIP_OT_lead_in,
    ),
    (
        MOCLIP_OT_add_pin,
        MOCLIP_OT_remove_pin,
        MOCLIP_OT_lay_over,
    ),
    (
        MOCLIP_OT_save_to_library,
        MOCLIP_OT_use_from_library,
        MOCLIP_OT_toggle_favourite,
        MOCLIP_OT_delete_from_library,
        MOCLIP_OT_refresh_library,
        MOCLIP_OT_show_library,
        MOCLIP_OT_run_batch,
        MOCLIP_OT_add_row,
        MOCLIP_OT_remove_row,
        MOCLIP_OT_import_rows,
        MOCLIP_OT_export_rows,
        MOCLIP_OT_export_motions,
    ),
    (
        MOCLIP_OT_create_mannequin,
        MOCLIP_OT_create_armature,
        MOCLIP_OT_pin_target,
        MOCLIP_OT_detect_bones,
        MOCLIP_OT_clear_bones,
        MOCLIP_OT_swap_bones,
        MOCLIP_OT_import_bones,
        MOCLIP_OT_export_bones,
        MOCLIP_OT_mend_rig,
    ),
    (
        MOCLIP_OT_start_backend,
        MOCLIP_OT_stop_backend,
        MOCLIP_OT_restart_backend,
        MOCLIP_OT_set_up_backend,
        MOCLIP_OT_cancel_set_up,
        MOCLIP_OT_remove_backend,
        MOCLIP_OT_open_set_up_log,
        MOCLIP_OT_copy_log,
        MOCLIP_OT_show_message,
        MOCLIP_OT_open_preferences,
    ),
)
"""In the groups and the order of the menu: the first is the menu itself, the others are its sub-menus."""
PANELS = (
    MOCLIP_UL_rows,
    MOCLIP_PT_main,
    MOCLIP_PT_odd_bones,
    MOCLIP_PT_preview,
    MOCLIP_UL_lines,
    MOCLIP_PT_direction,
    timeline.MOCLIP_PT_line,
    MOCLIP_UL_pins,
    MOCLIP_PT_pins,
    MOCLIP_PT_history,
    library_list.MOCLIP_UL_library,
    MOCLIP_PT_library,
    MOCLIP_PT_batch,
    MOCLIP_PT_fit,
    MOCLIP_PT_bones,
    MOCLIP_PT_backend,
    MOCLIP_PT_licence,
)
"""In the order of the tab."""
MENUS = (
    *menu.SUBMENUS,
    menu.MOCLIP_MT_menu,
    MOCLIP_MT_prompts,
    shortcuts.MOCLIP_MT_takes_pie,
    timeline.MOCLIP_MT_line,
    timeline.MOCLIP_MT_timeline,
)
ELSEWHERE = (
    MOCLIP_OT_use_prompt,
    MOCLIP_OT_apply_asset,
    MOCLIP_OT_drag_line,
    MOCLIP_OT_edit_line,
    MOCLIP_OT_line_menu,
)
"""Operators that only menus of their own and clicks call."""
CLASSES = (*PROPERTIES, *(cls for group in OPERATORS for cls in group), *ELSEWHERE, *PANELS, *MENUS)
_ATTACHED = (table, pins, properties, bars, library_list, menu, shortcuts, timeline, drawing, timer)
"""What puts something of its own on Blender's types or into its handlers."""


def register() -> None:
    menu.fill(OPERATORS)
    for cls in CLASSES:
        bpy.utils.register_class(cls)
    for part in _ATTACHED:
        part.attach()


def unregister() -> None:
    for part in reversed(_ATTACHED):
        part.detach()
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)

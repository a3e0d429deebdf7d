# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of the library as the panel shows it: rows of what is on the shelf, filled a little at a time."""

from pathlib import Path

import bpy

from ..backend import timer
from ..library.folder import Folder
from ..library.shelf import SHELF, Kept
from ..settings import preferences


def _searched(_library: bpy.types.PropertyGroup, _context: bpy.types.Context) -> None:
    timer.redraw()


class MoclipKept(bpy.types.PropertyGroup):
    """A motion of the library. action: its name in the file `path`; `name` is what the list shows."""

    path: bpy.props.StringProperty()
    action: bpy.props.StringProperty()
    words: bpy.props.StringProperty()
    favourite: bpy.props.BoolProperty()


class MoclipLibrary(bpy.types.PropertyGroup):
    """version: of the shelf that the rows are from."""

    rows: bpy.props.CollectionProperty(type=MoclipKept)
    active: bpy.props.IntProperty(name="Motion", default=0)
    version: bpy.props.IntProperty(default=-1)
    search: bpy.props.StringProperty(
        name="Search",
        description="Show only motions in whose names, prompts and tags these words are",
        options={"TEXTEDIT_UPDATE"},
        update=_searched,
    )
    only_favourites: bpy.props.BoolProperty(
        name="Favourites", description="Show only favourites", default=False, update=_searched
    )


class MOCLIP_UL_library(bpy.types.UIList):
    """A motion of the library and its star."""

    bl_idname = "MOCLIP_UL_library"

    def draw_item(self, _context, layout, _data, item, _icon, _active_data, _property, _index=0, _flags=0) -> None:
        row = layout.row(align=True)
        row.label(text=item.name, icon="ACTION")
        star = "SOLO_ON" if item.favourite else "SOLO_OFF"
        toggle = row.operator("moclip.toggle_favourite", text="", icon=star, emboss=False)
        toggle.filepath, toggle.asset_name = item.path, item.action

    def draw_filter(self, _context, _layout) -> None:
        """The panel has a field for it."""

    def filter_items(self, _context, data, property_name) -> tuple[list[int], list[int]]:
        rows = getattr(data, property_name)
        return [self.bitflag_filter_item if is_wanted(data, row) else 0 for row in rows], []


def is_wanted(library: bpy.types.PropertyGroup, row: bpy.types.PropertyGroup) -> bool:
    found = all(word in row.words for word in library.search.lower().split())
    return found and (row.favourite or not library.only_favourites)


def chosen(context: bpy.types.Context) -> bpy.types.PropertyGroup | None:
    """The row that is chosen and seen."""
    library = context.window_manager.moclip_library
    row = library.rows[library.active] if 0 <= library.active < len(library.rows) else None
    return row if row is not None and is_wanted(library, row) else None


def is_current(context: bpy.types.Context) -> bool:
    """Whether the rows are those of the folder that the preferences name; `wake` sees to it otherwise."""
    here = Folder.of(preferences().library_folder).path == SHELF.folder
    return here and not SHELF.waiting and context.window_manager.moclip_library.version == SHELF.version


def wake() -> None:
    """See that the rows become what is in the folder."""
    if not bpy.app.timers.is_registered(step):
        bpy.app.timers.register(step, first_interval=0.0)


def step() -> float | None:
    """Read a little; None when all is read and shown. Also what tests call, as no timer runs without a window."""
    place = Folder.of(preferences().library_folder)
    if place.path != SHELF.folder:
        SHELF.look(place)
    SHELF.step()
    if SHELF.waiting:
        return 0.01
    _fill()
    return None


def show(path: Path, choose: bool = True) -> None:
    """The rows with a file as it is now; `choose` makes its motion the one that is chosen."""
    place = Folder.of(preferences().library_folder)
    if place.path != SHELF.folder:
        SHELF.look(place)
    SHELF.read_again(path)
    _fill()
    library = bpy.context.window_manager.moclip_library
    if choose:
        numbers = [number for number, row in enumerate(library.rows) if row.path == str(path)]
        library.active = numbers[0] if numbers else 0
    if SHELF.waiting:
        wake()


def _fill() -> None:
    library = bpy.context.window_manager.moclip_library
    before = library.rows[library.active] if 0 <= library.active < len(library.rows) else None
    was = (before.path, before.action) if before is not None else None
    library.rows.clear()
    motions = SHELF.motions
    for kept in motions:
        _add(library.rows.add(), kept)
    keys = [(kept.path, kept.name) for kept in motions]
    # Where the motion that was chosen is gone, its neighbour is.
    library.active = keys.index(was) if was in keys else max(0, min(library.active, len(keys) - 1))
    library.version = SHELF.version
    timer.redraw()


def _add(row: bpy.types.PropertyGroup, kept: Kept) -> None:
    row.name = f"{kept.name}, {kept.seconds:.1f} s" if kept.seconds else kept.name
    row.path, row.action, row.favourite = kept.path, kept.name, kept.favourite
    row.words = " ".join((kept.name, kept.prompt, *kept.tags)).lower()


def active_action(context: bpy.types.Context) -> tuple[str, str] | None:
    """File ("" for the open one) and name of the action that is the Asset Browser's active asset."""
    found = getattr(context, "asset", None)
    return (found.full_library_path, found.name) if found is not None and found.id_type == "ACTION" else None


def _draw_entry(self: bpy.types.Menu, context: bpy.types.Context) -> None:
    active = active_action(context)
    if active is not None:
        self.layout.separator()
        entry = self.layout.operator("moclip.apply_asset", icon="ARMATURE_DATA")
        entry.filepath, entry.asset_name = active


def attach() -> None:
    bpy.types.WindowManager.moclip_library = bpy.props.PointerProperty(type=MoclipLibrary)
    bpy.types.ASSETBROWSER_MT_context_menu.append(_draw_entry)


def detach() -> None:
    bpy.types.ASSETBROWSER_MT_context_menu.remove(_draw_entry)
    if bpy.app.timers.is_registered(step):
        bpy.app.timers.unregister(step)
    del bpy.types.WindowManager.moclip_library

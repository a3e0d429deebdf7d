# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep motions across files, find them again, put them on any character."""

from dataclasses import replace
from pathlib import Path

import bpy

from ..backend import repertoire
from ..backend.session import SESSION
from ..keying import history
from ..library import asset, catalogue, files, folder, record, words
from ..library.folder import Folder
from ..library.shelf import SHELF
from ..motion.clip import Clip
from ..rig.target import character_of
from ..settings import preferences
from ..shared.errors import MoclipError
from ..ui import library_list
from .generate import is_idle
from .history import OfMotion
from .polls import may_apply
from .reporting import fail, tell
from .use_motion import use


def _read(path: Path, name: str) -> Clip:
    with files.opened(path, name) as (_, found):
        if not found:
            raise files.gone(path, name)
        return record.clip_in(found[0])


class MOCLIP_OT_save_to_library(OfMotion, bpy.types.Operator):
    """Keep the motion that is shown as an asset in the library folder, for any character in any file"""

    bl_idname = "moclip.save_to_library"
    bl_label = "Save to Library"
    bl_options = {"REGISTER"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            path = _save(context)
        except MoclipError as error:
            return fail(self, error)
        library_list.show(path)
        return tell(self, f"Saved '{path.stem}' to the library in '{path.parent}'.")


def _save(context: bpy.types.Context) -> Path:
    rig = character_of(context)
    action, place = history.shown(rig), Folder.of(preferences().library_folder).made()
    clip = record.motion_shown(rig, context.scene)
    if not clip.licence:
        clip = replace(clip, licence=repertoire.licence_of(clip.model, SESSION.welcome))
    tags = words.tags_of(clip.text, [one.name for one in repertoire.known(SESSION.welcome)], clip.repeats)
    try:
        of_ours = catalogue.ensure(folder.root_of(place))
        return files.keep(action, place, lambda kept: asset.dress(kept, clip, of_ours, tags))
    except (OSError, RuntimeError) as error:
        raise folder.not_writable(place, error) from error


class _OfLibrary:
    """filepath and name: of the asset; without them it is the one that is chosen in the panel's list."""

    filepath: bpy.props.StringProperty(
        name="File",
        description="The .blend that a motion is in; empty is the one chosen in the list",
        subtype="FILE_PATH",
    )
    asset_name: bpy.props.StringProperty(name="Asset", description="Name of the motion in it")

    def chosen(self, context: bpy.types.Context) -> tuple[Path, str]:
        """Raises MoclipError where there is none."""
        if self.filepath:
            return Path(bpy.path.abspath(self.filepath)), self.asset_name
        row = library_list.chosen(context)
        if row is None:
            raise MoclipError(
                "No motion of the library is chosen.",
                hint="Choose one in the list of the panel Library.",
                code="no_motion",
            )
        return Path(row.path), row.action


class MOCLIP_OT_use_from_library(_OfLibrary, bpy.types.Operator):
    """Put the motion that is chosen in the library on the target from the current frame on, whatever its bones"""

    bl_idname = "moclip.use_from_library"
    bl_label = "Use"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return is_idle(cls) and may_apply(cls, context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        return use(self, context, lambda: _read(*self.chosen(context)))


class MOCLIP_OT_apply_asset(bpy.types.Operator):
    """Put this motion on the target from the current frame on, whatever its bones: it is made for them anew"""

    bl_idname = "moclip.apply_asset"
    bl_label = "Apply with MoCLIP"
    bl_options = {"REGISTER", "UNDO"}

    filepath: bpy.props.StringProperty(
        name="File", description="The .blend that the asset is in; empty is the open file", subtype="FILE_PATH"
    )
    asset_name: bpy.props.StringProperty(name="Asset", description="Name of the action; empty is the active asset")

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return is_idle(cls) and may_apply(cls, context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        if not self.asset_name and (active := library_list.active_action(context)) is not None:
            self.filepath, self.asset_name = active
        return use(self, context, self._find)

    def _find(self) -> Clip:
        if not self.asset_name:
            raise MoclipError(
                "No asset is active.", hint="Choose a motion in the Asset Browser first.", code="no_motion"
            )
        if self.filepath:
            return _read(Path(bpy.path.abspath(self.filepath)), self.asset_name)
        action = bpy.data.actions.get(self.asset_name)
        if action is None:
            raise MoclipError(
                f"There is no motion '{self.asset_name}' in this file.", hint="Choose another asset.", code="no_motion"
            )
        return record.clip_in(action)


class MOCLIP_OT_toggle_favourite(_OfLibrary, bpy.types.Operator):
    """Make the motion a favourite, or none any more: a tag that the Asset Browser finds, too"""

    bl_idname = "moclip.toggle_favourite"
    bl_label = "Favourite"
    bl_options = {"REGISTER"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            path, name = self.chosen(context)
            now = _toggle(path, name)
        except MoclipError as error:
            return fail(self, error)
        library_list.show(path, choose=False)
        return tell(self, f"'{name}' is {'a favourite now' if now else 'no favourite any more'}.")


def _toggle(path: Path, name: str) -> bool:
    now = False

    def turn(action: bpy.types.Action) -> None:
        nonlocal now
        now = not asset.is_favourite(action)
        asset.set_favourite(action, now)

    try:
        files.change(path, name, turn)
    except (OSError, RuntimeError) as error:
        raise folder.not_writable(path, error) from error
    return now


class MOCLIP_OT_delete_from_library(_OfLibrary, bpy.types.Operator):
    """Delete the motion that is chosen in the library, and its file; characters that show it keep it"""

    bl_idname = "moclip.delete_from_library"
    bl_label = "Delete from Library"
    bl_options = {"REGISTER"}

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        try:
            path, name = self.chosen(context)
        except MoclipError as error:
            return fail(self, error)
        # What is asked about is what is deleted, whatever is chosen meanwhile.
        self.filepath, self.asset_name = str(path), name
        question = f"Delete '{name}' for good, with its file '{path.name}'?"
        return context.window_manager.invoke_confirm(
            self, event, title="Delete from Library", message=question, confirm_text="Delete"
        )

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            path, name = self.chosen(context)
            _delete(path, name)
        except MoclipError as error:
            return fail(self, error)
        library_list.show(path, choose=False)
        return tell(self, f"Deleted '{name}' from the library.")


def _delete(path: Path, name: str) -> None:
    try:
        files.delete(path, name, record.is_kept)
    except OSError as error:
        raise folder.not_writable(path, error) from error


class MOCLIP_OT_refresh_library(bpy.types.Operator):
    """See what is in the library folder now"""

    bl_idname = "moclip.refresh_library"
    bl_label = "Refresh Library"
    bl_options = {"REGISTER"}

    def execute(self, _context: bpy.types.Context) -> set[str]:
        place = Folder.of(preferences().library_folder)
        SHELF.look(place)
        library_list.wake()
        return fail(self, place.trouble) if place.trouble else {"FINISHED"}


class MOCLIP_OT_show_library(bpy.types.Operator):
    """Enter the library folder among Blender's asset libraries, so that the Asset Browser shows what is in it"""

    bl_idname = "moclip.show_library"
    bl_label = "Show in Asset Browser"
    bl_options = {"REGISTER"}

    def execute(self, _context: bpy.types.Context) -> set[str]:
        try:
            place = Folder.of(preferences().library_folder).made()
        except MoclipError as error:
            return fail(self, error)
        if folder.is_registered(place):
            return tell(self, f"'{place}' is among the asset libraries already: choose it in the Asset Browser.")
        folder.register(place)
        return tell(self, "The Asset Browser has a library MoCLIP now. Save the preferences to keep it there.")

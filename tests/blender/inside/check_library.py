# SPDX-License-Identifier: Apache-2.0
"""Motions kept across files: saved on one rig, found again, put on another; nothing is lost when that cannot be."""

import gc
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import bpy
import measures
import numpy as np
import pytest
from check_operators import Drawn
from check_preview import in_file
from check_rigs import OTHER_NAMES, by_joint, character, lively_clip, mixamo_rig

FRAMES = 31


@pytest.fixture
def folder(driver, tmp_path):
    """The library's, empty."""
    place = tmp_path / "library"
    place.mkdir()
    return open_library(driver, place)


def open_library(driver, place):
    driver.module("settings").preferences().library_folder = str(place)
    read_all(driver)
    return place


def read_all(driver):
    """What the timer of a window does."""
    while driver.module("ui.library_list").step() is not None:
        pass


def new_file(driver, folder, fps=20):
    bpy.ops.wm.read_homefile(use_empty=True)
    bpy.context.scene.render.fps = fps
    bpy.context.scene.moclip.start_at, bpy.context.scene.moclip.foot_lock = "REST", 0.0
    open_library(driver, folder)


def clip_named(driver, text, **more):
    motion = lively_clip(driver, FRAMES)
    told = {"text": text, "seed": 7, "model": "walker", "licence": "CC0 1.0"} | more
    return driver.module("motion.clip").Clip(20.0, motion.rotations, motion.root_translation, **told)


def keyed(driver, text="a person waves while walking", rig=None, **how):
    """A Mixamo character that shows a motion."""
    rig = rig or mixamo_rig(driver, "mixamorig:", down_deg=45, y_up=True, scale=0.01)
    keyframes = driver.module("keying.keyframes")
    keyframes.apply_clip(rig, clip_named(driver, text), bpy.context.scene, 1, keyframes.Fit(foot_lock=0.0, **how))
    bpy.context.view_layer.objects.active = rig
    rig.select_set(True)
    return rig


def saved(driver, *arguments, **named):
    """The file of a motion that was keyed and saved."""
    keyed(driver, *arguments, **named)
    before = set(Path(driver.module("settings").preferences().library_folder).glob("*.blend"))
    assert bpy.ops.moclip.save_to_library() == {"FINISHED"}
    (new,) = set(Path(driver.module("settings").preferences().library_folder).glob("*.blend")) - before
    return new


def chosen(driver, name):
    """Choose a row of the list by the action's name."""
    library = bpy.context.window_manager.moclip_library
    library.active = [row.action for row in library.rows].index(name)


def in_library(path, tell):
    """What `tell` says of the one asset in a file, read as any other add-on would; nothing else is in there."""
    with bpy.data.libraries.load(str(path)) as (there, wanted):
        wanted.actions = list(there.actions)
        kinds = {kind: getattr(there, kind) for kind in dir(there) if isinstance(getattr(there, kind), list)}
        assert {kind for kind, names in kinds.items() if names} == {"actions"}
    (action,) = wanted.actions
    assert action.asset_data is not None
    told = tell(action)
    bpy.data.actions.remove(action)
    return told


def tags(action):
    return [tag.name for tag in action.asset_data.tags]


@pytest.mark.parametrize("family", ["CMU", "Unreal 5", "Daz Genesis 8"])
def test_a_motion_saved_on_one_rig_plays_on_another_with_other_bones(driver, tools, folder, family):
    """In another file, at another frame rate, on bones of other names, axes and size."""
    saved(driver)
    clip = clip_named(driver, "")
    new_file(driver, folder, fps=30)
    names = OTHER_NAMES[family]
    rig = character(driver, names, down_deg=40, y_up=False, scale=1.0, seed=3)
    bpy.context.view_layer.objects.active = rig
    rig.select_set(True)
    bpy.context.scene.frame_set(11)
    assert bpy.ops.moclip.use_from_library() == {"FINISHED"}, driver.session.message
    action = rig.animation_data.action
    assert action.name == "a person waves while walking" and action.frame_range[0] == 11
    told = action["moclip"]
    assert (told["seed"], told["model"], told["licence"]) == ("7", "walker", "CC0 1.0")
    # Every second frame of 20 a second is every third of 30.
    places = tools.pose_heads(rig, tuple(names[n] for n in tools.names), step=3, frames=11 + 45, start=11)
    joints = tools.forward(clip.rotations, clip.root_translation, driver.module("shared.skeleton"))[::2][:15]
    heads, joints = by_joint(tools, places[:15]), by_joint(tools, joints)
    assert measures.limb_angle(heads, joints) < 0.5
    assert max(measures.reach_errors(family, heads, joints).values()) < 0.03
    travelled, wanted = (x["pelvis"][-1] - x["pelvis"][0] for x in (heads, joints))
    assert np.allclose(travelled, 1.25 * wanted, atol=0.01)


def test_the_asset_says_what_it_is_and_the_open_file_is_as_it_was(driver, folder):
    rig = keyed(driver)
    older = bpy.data.actions.new("older")
    rig.animation_data.action["moclip"]["before"] = older
    rig.animation_data.action["rig"] = rig  # a pointer that would take the whole character along
    rig.pose.bones["mixamorig:Head"].rotation_quaternion = (0.5, 0.5, 0.5, 0.5)  # not keyed yet
    bpy.context.view_layer.update()
    before = in_file()
    assert bpy.ops.moclip.save_to_library() == {"FINISHED"}
    assert in_file() == before
    (path,) = folder.glob("*.blend")
    assert sorted(each.name for each in folder.iterdir()) == [path.name, "blender_assets.cats.txt"]

    def tell(action):
        about, preview = action.asset_data, action.preview
        pixels = np.zeros(4 * preview.image_size[0] * preview.image_size[1], dtype=np.float32)
        preview.image_pixels_float.foreach_get(pixels)
        return SimpleNamespace(
            tags=tags(action), description=about.description, author=about.author,
            licence=about.license, catalogue=about.catalog_id, keys=list(action.keys()),
            told=action["moclip"].to_dict(),
            picture=pixels.reshape(preview.image_size[1], preview.image_size[0], 4),
        )  # fmt: skip

    found = in_library(path, tell)
    assert (found.description, found.author) == (found.told["prompt"], "") == ("a person waves while walking", "")
    with bpy.data.libraries.load(str(path), assets_only=True) as (there, _):
        assert there.actions == [rig.animation_data.action.name]
    assert found.tags == ["MoCLIP", "while", "walk", "wave", "waves", "walking"] and found.licence == "CC0 1.0"
    assert found.told["seed"] == "7" and found.told["model"] == "walker" and found.told["accepted"]
    assert "before" not in found.told and "rig" not in found.keys
    assert f"{found.catalogue}:MoCLIP:MoCLIP\n" in (folder / "blender_assets.cats.txt").read_text()
    covered = found.picture[..., 3] > 0.5
    assert 0.05 < covered.mean() < 0.6
    # Of four poses beside each other every quarter shows something, and limbs have colours.
    assert all(part.any() for part in np.array_split(covered.any(axis=0), 4))
    assert found.picture[covered][:, :3].std(axis=0).max() > 0.1


def test_what_was_keyed_is_taken_back_as_a_motion_that_was_generated(driver, folder):
    saved(driver)
    rig = bpy.context.view_layer.objects.active
    shown = rig.animation_data.action
    bpy.ops.ed.undo_push(message="before")
    assert bpy.ops.moclip.use_from_library() == {"FINISHED"}
    used = rig.animation_data.action
    # It takes the place of the motion that was not accepted, as a further take would.
    assert used != shown and driver.session.held[1].text == "a person waves while walking"
    assert bpy.ops.moclip.accept() == {"FINISHED"} and used["moclip"]["accepted"]
    assert bpy.ops.moclip.use_from_library() == {"FINISHED"} and rig.animation_data.action != used
    assert bpy.ops.moclip.reject() == {"FINISHED"} and rig.animation_data.action == used
    bpy.context.scene.moclip.use_preview = True
    assert bpy.ops.moclip.use_from_library() == {"FINISHED"}
    assert driver.module("preview.stage").STAGE.is_on and rig.animation_data.action == used
    assert bpy.ops.moclip.dismiss_ghosts() == {"FINISHED"}


def test_with_nobody_selected_it_goes_on_a_new_character(driver, folder):
    saved(driver)
    new_file(driver, folder)
    bpy.context.scene.moclip.new_character = "BONES"
    assert bpy.ops.moclip.use_from_library() == {"FINISHED"}
    assert driver.settings.target.animation_data.action["moclip"]["seed"] == "7"


def test_a_loop_stays_one(driver, folder):
    path = saved(driver, loop=True)
    compat = driver.module("compat")
    rig = bpy.context.view_layer.objects.active
    first, last = rig.animation_data.action.frame_range
    assert "loop" in in_library(path, tags)
    assert not driver.settings.use_loop
    assert bpy.ops.moclip.use_from_library() == {"FINISHED"}
    action = rig.animation_data.action
    assert action.frame_range[1] - action.frame_range[0] == last - first  # the same lap, and no lap of a lap
    for curve in compat.fcurves_of(action):
        assert [modifier.type for modifier in curve.modifiers] == ["CYCLES"]


def test_favourites_are_tags_and_can_be_listed_alone(driver, folder):
    paths = {text: saved(driver, text) for text in ("a person waves", "a person bows deeply")}
    library_list = driver.module("ui.library_list")
    library = bpy.context.window_manager.moclip_library

    def listed():
        return {row.action for row in library.rows if library_list.is_wanted(library, row)}

    assert listed() == set(paths)
    chosen(driver, "a person waves")
    assert bpy.ops.moclip.toggle_favourite() == {"FINISHED"}
    path, told = paths["a person waves"], lambda action: (tags(action), bool(action.preview), "moclip_motion" in action)
    assert in_library(path, told) == (["MoCLIP", "wave", "waves", "favourite"], True, True)
    library.only_favourites = True
    assert listed() == {"a person waves"}
    assert library_list.chosen(bpy.context).action == "a person waves"
    library.only_favourites, library.search = False, "BOW deep"
    assert listed() == {"a person bows deeply"} and library_list.chosen(bpy.context) is None
    library.search = ""
    # In another session the star is what the file says.
    new_file(driver, folder)
    library = bpy.context.window_manager.moclip_library
    driver.module("library.shelf").SHELF.folder = None
    read_all(driver)
    assert {row.action: row.favourite for row in library.rows} == {
        "a person waves": True,
        "a person bows deeply": False,
    }
    assert bpy.ops.moclip.toggle_favourite(filepath=str(path), asset_name="a person waves") == {"FINISHED"}
    assert in_library(path, tags) == ["MoCLIP", "wave", "waves"]
    bpy.ops.moclip.use_from_library()  # and it can still be used


def test_a_file_with_other_things_in_it_is_never_written_anew(driver, folder):
    path = saved(driver)
    with bpy.data.libraries.load(str(path)) as (there, wanted):
        wanted.actions = list(there.actions)
    other = bpy.data.texts.new("notes")
    bpy.data.libraries.write(str(path), {wanted.actions[0], other})
    before = path.read_bytes()
    assert bpy.ops.moclip.refresh_library() == {"FINISHED"}
    read_all(driver)
    with pytest.raises(RuntimeError, match="holds other things beside"):
        bpy.ops.moclip.toggle_favourite(filepath=str(path), asset_name=wanted.actions[0].name)
    assert path.read_bytes() == before


def test_a_motion_is_deleted_with_its_file_and_nothing_else(driver, folder):
    paths = {text: saved(driver, text) for text in ("a person waves", "a person bows deeply", "a person sits down")}
    (folder / "notes.txt").write_text("mine")
    catalogue = folder / "blender_assets.cats.txt"
    catalogue.write_bytes(lines := catalogue.read_bytes() + b"0f1e:Poses/Hands:Hands\n")
    rig = bpy.context.view_layer.objects.active
    shown, library = rig.animation_data.action, bpy.context.window_manager.moclip_library
    chosen(driver, "a person bows deeply")
    row = library.active
    assert bpy.ops.moclip.delete_from_library() == {"FINISHED"}
    left = {paths["a person waves"].name, paths["a person sits down"].name}
    assert {each.name for each in folder.iterdir()} == left | {"notes.txt", catalogue.name}
    assert {row.action for row in library.rows} == {"a person waves", "a person sits down"}
    assert catalogue.read_bytes() == lines and rig.animation_data.action == shown
    assert library.active == min(row, 1)
    # A session that begins now does not remember it, either.
    driver.module("library.shelf").SHELF.folder = None
    read_all(driver)
    assert len(library.rows) == 2


def test_what_is_not_ours_is_never_deleted(driver, folder):
    own = bpy.data.actions.new("mine")
    own.asset_mark()
    bpy.data.libraries.write(str(folder / "mine.blend"), {own})
    ours = saved(driver)
    with bpy.data.libraries.load(str(ours)) as (there, wanted):
        wanted.actions = list(there.actions)
    mixed = folder / "mixed.blend"
    bpy.data.libraries.write(str(mixed), {wanted.actions[0], bpy.data.texts.new("notes")})
    in_mixed = wanted.actions[0].name
    bpy.data.actions.remove(wanted.actions[0])
    before = {each.name: each.read_bytes() for each in folder.iterdir()}
    for file, asset, says in (
        (folder / "mine.blend", "mine", "'mine' was not saved by MoCLIP, and stays"),
        (mixed, in_mixed, "'mixed.blend' holds other things beside .* and stays"),
        (ours, "other", "no motion 'other'"),
        (folder / "none.blend", "other", "is gone"),
    ):
        with pytest.raises(RuntimeError, match=says):
            bpy.ops.moclip.delete_from_library(filepath=str(file), asset_name=asset)
    assert {each.name: each.read_bytes() for each in folder.iterdir()} == before


def test_the_file_that_is_open_is_told_though_it_lies_in_the_library(driver, folder):
    action = keyed(driver).animation_data.action
    action.asset_mark()
    path = folder / "open.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    before = path.read_bytes()
    for operator in ("delete_from_library", "toggle_favourite", "use_from_library"):
        with pytest.raises(RuntimeError, match="'open.blend' of the library is the file that is open. Open another"):
            getattr(bpy.ops.moclip, operator)(filepath=str(path), asset_name=action.name)
    bpy.ops.moclip.refresh_library()
    read_all(driver)
    (told,) = driver.module("library.shelf").SHELF.troubles
    assert "is the file that is open" in told and path.read_bytes() == before


def test_a_file_beside_the_open_one_has_a_reference_for_each_who_holds_it(driver, folder):
    """With one too few, memory is written to that is another's: Blender ended in this file's checks, much later."""
    with driver.module("library.files").opened(saved(driver)) as (own, _):
        # Here, in `opened`, in `_scratch`, in Blender's context, and the argument.
        assert sys.getrefcount(own) == 5


def test_motions_of_one_name_lie_beside_each_other(driver, folder):
    paths = {saved(driver, "a person waves") for _ in range(2)}
    assert len(paths) == 2 and len(bpy.context.window_manager.moclip_library.rows) == 2


FOREIGN = b"# mine\r\nVERSION 1\r\n\r\n0f1e:Poses/Hands:Hands\r\n"


@pytest.mark.parametrize(
    ("there", "ours"),
    [
        (b"", ""),
        (FOREIGN, ""),
        (FOREIGN.rstrip(), ""),
        (b"VERSION 1\n\nabcd:MoCLIP:MoCLIP\n", "abcd"),
        (b"VERSION 1\n\n3d8f6c1e-5b0a-4c57-9f0b-6d6f636c6970:Mine/Motions:Motions\n", "3d8f6c1e"),
        (b"VERSION 1\n1234:\xff:not utf-8\n", ""),
    ],
)
def test_foreign_lines_of_the_catalogue_are_kept(driver, folder, there, ours):
    catalogue = driver.module("library.catalogue")
    path = folder / catalogue.FILE
    if there:
        path.write_bytes(there)
    found = catalogue.ensure(folder)
    after = path.read_bytes()
    assert after.startswith(there) and (after == there) == bool(ours)
    assert found.startswith(ours or catalogue.OURS)
    assert catalogue.ensure(folder) == found and path.read_bytes() == after
    lines = [line for line in after.splitlines() if line and not line.startswith(b"#")]
    assert lines[0] == b"VERSION 1" and len(lines) == (len(set(lines)))


def test_the_catalogue_is_that_of_the_library_that_the_folder_is_in(driver, folder):
    libraries = bpy.context.preferences.filepaths.asset_libraries
    root = folder / "all"
    (root / "motions").mkdir(parents=True)
    (root / "blender_assets.cats.txt").write_bytes(FOREIGN)
    mine = libraries.new(name="Mine", directory=str(root))
    try:
        open_library(driver, root / "motions")
        saved(driver)
        assert (root / "blender_assets.cats.txt").read_bytes().startswith(FOREIGN)
        assert not (root / "motions" / "blender_assets.cats.txt").exists()
        count = len(libraries)
        assert bpy.ops.moclip.show_library() == {"FINISHED"} and len(libraries) == count
    finally:
        libraries.remove(mine)


def test_one_button_makes_it_an_asset_library(driver, folder):
    libraries = bpy.context.preferences.filepaths.asset_libraries
    count = len(libraries)
    for _ in range(2):
        assert bpy.ops.moclip.show_library() == {"FINISHED"}
    assert (
        len(libraries) == count + 1 and Path(libraries[-1].path) == folder and libraries[-1].name.startswith("MoCLIP")
    )
    libraries.remove(libraries[-1])


def test_a_folder_that_is_not_there_is_told(driver, folder):
    open_library(driver, folder / "gone")
    keyed(driver)
    for operator in (bpy.ops.moclip.save_to_library, bpy.ops.moclip.refresh_library, bpy.ops.moclip.show_library):
        with pytest.raises(RuntimeError, match="is not there. Make it, or choose another in the add-on's preferences"):
            operator()
    assert not (folder / "gone").exists() and driver.session.action == "preferences"


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is a folder that not even root may write to")
def test_a_folder_that_cannot_be_written_is_told(driver, folder):
    open_library(driver, "/proc/self")
    keyed(driver)
    bpy.context.scene.frame_set(1)
    before = in_file()
    with pytest.raises(RuntimeError, match="cannot be written .*choose another library folder"):
        bpy.ops.moclip.save_to_library()
    assert in_file() == before


def test_a_full_disk_leaves_all_as_it_was(driver, folder, monkeypatch):
    path = saved(driver)
    before = {each.name: each.read_bytes() for each in folder.iterdir()}

    def full(*_arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(driver.module("library.folder").os, "replace", full)
    for operator in (
        bpy.ops.moclip.save_to_library,
        lambda: bpy.ops.moclip.toggle_favourite(filepath=str(path), asset_name="a person waves while walking"),
    ):
        with pytest.raises(RuntimeError, match="No space left on device"):
            operator()
    assert {each.name: each.read_bytes() for each in folder.iterdir()} == before


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"BLENDER17-01v0999" + bytes(200), "saved by Blender 9.99, and this is"),
        (b"BLENDER-v999" + bytes(200), "saved by Blender 9.99, and this is"),
        (b"no blend at all", "cannot be read"),
        (b"", "cannot be read"),
    ],
)
def test_files_that_cannot_be_read_are_told_and_the_others_listed(driver, folder, content, says):
    saved(driver)
    bad = folder / "bad.blend"
    bad.write_bytes(content)
    bpy.ops.moclip.refresh_library()
    read_all(driver)
    (trouble,) = driver.module("library.shelf").SHELF.troubles
    assert "'bad.blend'" in trouble and says in trouble
    assert len(bpy.context.window_manager.moclip_library.rows) == 1
    with pytest.raises(RuntimeError, match=says):
        bpy.ops.moclip.use_from_library(filepath=str(bad), asset_name="walk")
    assert bad.read_bytes() == content


def test_an_asset_of_others_is_told(driver, folder):
    rig, own = keyed(driver), bpy.data.actions.new("mine")
    own.asset_mark()
    bpy.data.libraries.write(str(folder / "mine.blend"), {own})
    shown = rig.animation_data.action
    for file in ("", str(folder / "mine.blend")):
        with pytest.raises(RuntimeError, match="'mine' holds no motion for other characters"):
            bpy.ops.moclip.apply_asset(filepath=file, asset_name="mine")
    with pytest.raises(RuntimeError, match="no motion 'other' in"):
        bpy.ops.moclip.apply_asset(filepath=str(folder / "mine.blend"), asset_name="other")
    with pytest.raises(RuntimeError, match="No asset is active"):
        bpy.ops.moclip.apply_asset()
    with pytest.raises(RuntimeError, match="is gone"):
        bpy.ops.moclip.apply_asset(filepath=str(folder / "none.blend"), asset_name="other")
    assert rig.animation_data.action == shown


def test_a_motion_that_was_tampered_with_is_told(driver, folder):
    action = keyed(driver).animation_data.action
    record = driver.module("library.record")
    record.put(action, clip_named(driver, "a person waves"))
    assert record.clip_in(action).seed == 7
    for name, value in (
        ("rotations", [1.0]), ("root_translation", [float("nan")] * 3 * FRAMES), ("fps", 0.0), ("rotations", "none"),
        ("rotations", [0.0] * 88 * FRAMES), ("version", "two"),
    ):  # fmt: skip
        record.put(action, clip_named(driver, "a person waves"))
        action["moclip_motion"][name] = value
        with pytest.raises(RuntimeError, match="is damaged. Save it to the library again"):
            bpy.ops.moclip.apply_asset(asset_name=action.name)
    record.put(action, clip_named(driver, "a person waves"))
    action["moclip_motion"]["version"] = 2
    with pytest.raises(RuntimeError, match="saved by a newer MoCLIP. Update the add-on"):
        bpy.ops.moclip.apply_asset(asset_name=action.name)


def test_a_rig_that_nobody_can_map_is_told_and_nothing_is_lost(driver, folder):
    saved(driver)
    new_file(driver, folder)
    armature = bpy.data.armatures.new("Crane")
    rig = bpy.data.objects.new("Crane", armature)
    bpy.context.scene.collection.objects.link(rig)
    bpy.context.view_layer.objects.active = rig
    rig.select_set(True)
    bpy.ops.object.mode_set(mode="EDIT")
    armature.edit_bones.new("boom").tail = (0, 0, 1)
    bpy.ops.object.mode_set(mode="OBJECT")
    held = driver.session.held
    with pytest.raises(RuntimeError, match="Crane"):
        bpy.ops.moclip.use_from_library()
    assert driver.session.held == held and not bpy.data.actions


def test_saving_says_what_is_missing(driver, folder):
    with pytest.raises(RuntimeError, match="Select an armature first"):
        bpy.ops.moclip.save_to_library()
    rig = mixamo_rig(driver, "mixamorig:", down_deg=0, y_up=False, scale=1.0)
    rig.select_set(True)
    with pytest.raises(RuntimeError, match="shows no motion"):
        bpy.ops.moclip.save_to_library()
    with pytest.raises(RuntimeError, match="Choose one in the list of the panel Library"):
        bpy.ops.moclip.use_from_library()


def test_an_asset_that_blender_brought_into_the_file_is_recalled_on_another_rig(driver, tools, folder):
    path = saved(driver)
    new_file(driver, folder)
    with bpy.data.libraries.load(str(path)) as (there, wanted):
        wanted.actions = list(there.actions)
    names = OTHER_NAMES["CMU"]
    rig = character(driver, names, down_deg=40, y_up=False, scale=1.0, seed=3)
    bpy.context.view_layer.objects.active = rig
    rig.select_set(True)
    assert bpy.ops.moclip.recall(action=wanted.actions[0].name) == {"FINISHED"}
    clip = clip_named(driver, "")
    joints = tools.forward(clip.rotations, clip.root_translation, driver.module("shared.skeleton"))
    heads = tools.pose_heads(rig, tuple(names[n] for n in tools.names), frames=FRAMES)
    assert measures.limb_angle(by_joint(tools, heads), by_joint(tools, joints)) < 0.5
    assert wanted.actions[0].name in bpy.data.actions  # as it came


def test_the_menu_of_the_asset_browser_applies_actions_alone(driver, folder):
    library_list = driver.module("ui.library_list")
    drawn = []

    class Layout:
        def separator(self):
            pass

        def operator(self, name, **_named):
            drawn.append(entry := SimpleNamespace(name=name))
            return entry

    for kind in ("OBJECT", "ACTION"):
        asset = SimpleNamespace(id_type=kind, name="walk", full_library_path="/there/walk.blend")
        library_list._draw_entry(SimpleNamespace(layout=Layout()), SimpleNamespace(asset=asset))
    library_list._draw_entry(SimpleNamespace(layout=Layout()), SimpleNamespace(asset=None))
    (entry,) = drawn
    assert (entry.name, entry.filepath, entry.asset_name) == ("moclip.apply_asset", "/there/walk.blend", "walk")


def test_reading_a_large_library_is_done_once_and_in_steps(driver, folder):
    path = saved(driver)
    for number in range(20):
        (folder / f"copy {number}.blend").write_bytes(path.read_bytes())
    shelf = driver.module("library.shelf").SHELF
    bpy.ops.moclip.refresh_library()
    assert len(shelf.waiting) == 20
    shelf.step(0.0)
    assert len(shelf.waiting) == 19
    read_all(driver)
    assert len(bpy.context.window_manager.moclip_library.rows) == 21
    # What was read is known in the next session, but for a file that has changed since.
    shelf.folder = None
    (folder / "copy 3.blend").unlink()
    (folder / "copy 4.blend").write_bytes(b"changed")
    bpy.ops.moclip.refresh_library()
    assert [Path(each).name for each in shelf.waiting] == ["copy 4.blend"]


def test_the_panel_draws_whatever_there_is(driver, folder):
    library_list, panel = driver.module("ui.library_list"), driver.module("ui.panel_library").MOCLIP_PT_library
    context = SimpleNamespace(window_manager=bpy.context.window_manager, region=SimpleNamespace(width=280))

    def operators():
        layout = Drawn()
        panel.draw(SimpleNamespace(layout=layout), context)
        return layout.names("operator")

    always = [
        f"moclip.{name}" for name in ("refresh_library", "use_from_library", "save_to_library", "delete_from_library")
    ]
    assert operators() == [*always, "moclip.show_library"] and library_list.is_current(context)
    path = saved(driver)
    assert operators() == [*always, "moclip.show_library"] and library_list.is_current(context)
    (path.parent / "bad.blend").write_bytes(b"none")
    bpy.ops.moclip.refresh_library()
    assert not library_list.is_current(context) and operators() == always
    read_all(driver)
    assert library_list.is_current(context) and operators() == [*always, "moclip.show_library"]
    open_library(driver, folder / "gone")
    assert library_list.is_current(context) and operators() == always
    row = Drawn()
    open_library(driver, folder)
    library_list.MOCLIP_UL_library.draw_item(
        None, None, row, None, context.window_manager.moclip_library.rows[0], 0, None, ""
    )
    assert row.names("operator") == ["moclip.toggle_favourite"]


def test_files_that_are_not_open_leave_nothing_behind_in_memory(driver, folder):
    """Python's garbage collector would fall over what Blender freed with them."""
    keyed(driver)
    for _ in range(int(os.environ.get("MOCLIP_ROUNDS", "3"))):
        assert bpy.ops.moclip.save_to_library() == {"FINISHED"}
        assert bpy.ops.moclip.toggle_favourite() == {"FINISHED"}
        gc.collect()
        assert bpy.ops.moclip.use_from_library() == {"FINISHED"}
        assert bpy.ops.moclip.reject() == {"FINISHED"}
        gc.collect()
        keyed(driver, rig=bpy.context.view_layer.objects.active)
    assert not bpy.data.libraries and not bpy.data.texts

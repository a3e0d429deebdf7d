# SPDX-License-Identifier: Apache-2.0
"""The script's bars in the Dope Sheet: dragged, written, made anew; the others stay, and the file holds lines alone."""

import itertools
import time
from types import SimpleNamespace

import blf
import bpy
import numpy as np
import pytest
from check_direction import script, wait
from check_operators import Drawn
from conftest import MODULE

SHORT = ("a person walks forward", 41), ("a person bows", 81), ("a person waves with the right hand", 121)


class Space:
    """An editor of time in a Blender that has no window: 2 pixels a frame, from frame 1 on."""

    def __init__(self, mode="TIMELINE", height=200):
        self.told = []
        self.scene, self.preferences = bpy.context.scene, SimpleNamespace(system=SimpleNamespace(ui_scale=1.0))
        self.space_data = SimpleNamespace(type="DOPESHEET_EDITOR", mode=mode, show_markers=True)
        view = SimpleNamespace(region_to_view=lambda x, y: (1 + x / 2, y))
        self.region = SimpleNamespace(type="WINDOW", width=600, height=height, view2d=view)
        self.window_manager = SimpleNamespace(modal_handler_add=lambda operator: self.told.append("modal"))
        self.workspace = SimpleNamespace(status_text_set=lambda text: self.told.append(text))
        self.area = SimpleNamespace(tag_redraw=lambda: None)


def event(frame, kind="MOUSEMOVE", value="NOTHING", shift=False, y=None, aside=0):
    return SimpleNamespace(
        type=kind, value=value, shift=shift, mouse_region_x=round(2 * (frame - 1)) + aside, mouse_region_y=y or 20
    )


def pressed(driver, frame, space=None, **how):
    """The operator of a click on a frame, as Blender would hold it while the mouse is down, and what it answered."""
    made = SimpleNamespace(under_mouse=True)
    space = space or Space()
    kind = driver.module("operators.timeline").MOCLIP_OT_drag_line
    answer = kind.invoke(made, space, event(frame, "LEFTMOUSE", "PRESS", **how))
    return SimpleNamespace(answer=answer, made=made, space=space, modal=lambda e: kind.modal(made, space, e))


def bounds(driver):
    return driver.module("editing.script").bounds_of(driver.settings)


@pytest.fixture
def lines(driver):
    script(driver, 1, *SHORT)
    return driver.settings


def test_a_drag_moves_an_end_by_whole_frames_and_is_over_when_the_mouse_is_let_go(driver, lines):
    click = pressed(driver, 41, aside=-3)
    assert click.answer == {"RUNNING_MODAL"} and click.space.told == ["modal"] and lines.active_line == 0
    assert click.modal(event(41, aside=-2)) == {"RUNNING_MODAL"} and bounds(driver) == (1, 41, 81, 121)  # a shaky hand
    for aside, end in ((7, 46), (8, 46), (2, 43), (17, 51)):
        assert click.modal(event(41, aside=aside - 2)) == {"RUNNING_MODAL"}
        assert bounds(driver)[:2] == (1, pytest.approx(end, abs=1)) and bounds(driver)[2:] == (81, 121)
    assert "Frames 1 to" in click.space.told[-1]
    moved = bounds(driver)
    assert click.modal(event(41, "LEFTMOUSE", "RELEASE")) == {"FINISHED"} and bounds(driver) == moved
    assert click.space.told[-1] is None


@pytest.mark.parametrize("key", ["ESC", "RIGHTMOUSE"])
def test_escape_and_right_click_leave_it_as_it_was(driver, lines, key):
    lines.active_line = 2
    click = pressed(driver, 61)
    click.modal(event(91))
    assert bounds(driver) == (1, 71, 111, 131) and lines.active_line == 1
    assert click.modal(event(91, key, "PRESS")) == {"CANCELLED"}
    assert bounds(driver) == (1, 41, 81, 121) and lines.active_line == 2 and click.space.told[-1] is None


def test_shift_takes_the_others_along_while_it_is_held(driver, lines):
    click = pressed(driver, 81, aside=-3)
    click.modal(event(91, aside=-3, shift=True))
    assert bounds(driver) == (1, 41, 91, 131)
    click.modal(event(91, aside=-3))
    assert bounds(driver) == (1, 41, 91, 121)


def test_a_click_chooses_a_line_and_one_beside_the_bars_is_for_blender(driver, lines):
    click = pressed(driver, 100)
    assert lines.active_line == 2 and click.modal(event(100, "LEFTMOUSE", "RELEASE")) == {"FINISHED"}
    again = pressed(driver, 100)
    assert again.modal(event(100, "LEFTMOUSE", "RELEASE")) == {"CANCELLED"}  # nothing to undo
    for other in (
        pressed(driver, 200),
        pressed(driver, 100, y=60),
        pressed(driver, 100, Space("MASK")),
    ):
        assert other.answer == {"PASS_THROUGH"} and other.space.told == []
    bpy.context.scene.timeline_markers.new("there", frame=20)
    assert pressed(driver, 100).answer == {"PASS_THROUGH"}  # markers lie there now, and the bars above them
    assert pressed(driver, 100, y=60).answer == {"RUNNING_MODAL"}
    preferences = bpy.context.preferences.addons[MODULE].preferences
    preferences.show_bars = False
    try:
        assert pressed(driver, 100, y=60).answer == {"PASS_THROUGH"}
    finally:
        preferences.show_bars = True
    lines.lines.clear()
    assert pressed(driver, 100, y=60).answer == {"PASS_THROUGH"}


def test_wheel_and_middle_button_go_on_to_move_the_view(driver, lines):
    click = pressed(driver, 100)
    assert click.modal(event(100, "MIDDLEMOUSE", "PRESS")) == {"PASS_THROUGH"}


def test_bars_leave_the_ruler_of_a_low_editor_and_its_clicks_alone(driver, lines):
    editor = driver.module("timeline.editor")
    assert editor.shows_bars(Space(height=54)) and not editor.shows_bars(Space(height=53))  # 13 + 18 + 23
    assert pressed(driver, 41, Space(height=30)).answer == {"PASS_THROUGH"} and bounds(driver) == (1, 41, 81, 121)


def test_blenders_box_of_the_last_operation_never_lies_over_bars(driver):
    """It comes for operators that are registered and have something to set; bl_options are what Blender reads."""
    names = ("drag_line", "move_line", "range_from_keys", "range_from_markers", "edit_line", "line_menu")
    for name in names:
        kind = getattr(bpy.types, f"MOCLIP_OT_{name}")
        assert "REGISTER" not in kind.bl_options, name


def test_one_undo_takes_a_drag_back(driver, lines):
    bpy.ops.ed.undo_push(message="lines")
    assert bpy.ops.moclip.drag_line("EXEC_DEFAULT", True, index=1, part="ALL", frames=10) == {"FINISHED"}
    assert bounds(driver) == (1, 51, 91, 121) and driver.settings.active_line == 1
    bpy.ops.ed.undo()
    assert bounds(driver) == (1, 41, 81, 121)
    assert bpy.ops.moclip.drag_line(index=7) == {"CANCELLED"}


def test_who_double_clicks_or_right_clicks_a_bar_gets_the_field_or_the_menu_of_it(driver, lines, monkeypatch):
    called = []
    own = driver.module("operators.timeline")
    for kind in (own.MOCLIP_OT_edit_line, own.MOCLIP_OT_line_menu):
        made = SimpleNamespace(under_mouse=True, execute=lambda context: called.append(context) or {"FINISHED"})
        assert kind.invoke(made, Space(), event(200)) == {"PASS_THROUGH"} and not called
        lines.active_line = 0
        assert kind.invoke(made, Space(), event(60)) == {"FINISHED"} and lines.active_line == 1
        assert called.pop() and not called
        made.under_mouse = False
        lines.active_line = 2
        assert kind.invoke(made, Space(), event(60)) == {"FINISHED"} and lines.active_line == 2 and called.pop()
    for name in ("MOCLIP_PT_line", "MOCLIP_MT_line", "MOCLIP_MT_timeline"):
        assert hasattr(bpy.types, name)


def test_clicks_are_in_blenders_keymap_as_long_as_the_add_on_is_on(driver):
    def found(name="Dopesheet"):
        keymap = bpy.context.window_manager.keyconfigs.addon.keymaps.get(name)
        return {
            (item.idname, item.type, item.value) for item in keymap.keymap_items if item.idname.startswith("moclip")
        }  # fmt: skip

    clicks = {
        ("moclip.drag_line", "LEFTMOUSE", "PRESS"),
        ("moclip.edit_line", "LEFTMOUSE", "DOUBLE_CLICK"),
        ("moclip.line_menu", "RIGHTMOUSE", "PRESS"),
    }
    assert found() == clicks
    # Before Blender 5 the markers' own double click comes first there, also without markers.
    assert found("Markers") == {click for click in clicks if click[0] != "moclip.drag_line"}
    drawing = driver.module("timeline.drawing")
    handler = drawing._handler
    assert handler is not None
    bpy.ops.preferences.addon_disable(module=MODULE)
    assert found() == found("Markers") == set() and drawing._handler is None
    with pytest.raises(ValueError):
        bpy.types.SpaceDopeSheetEditor.draw_handler_remove(handler, "WINDOW")
    headers = [getattr(bpy.types, name, None) for name in ("DOPESHEET_MT_editor_menus", "TIME_MT_editor_menus")]
    for header in filter(None, headers):
        assert not [draw for draw in header._dyn_ui_initialize() if "moclip" in draw.__module__]
    bpy.ops.preferences.addon_enable(module=MODULE)
    assert found() == clicks and driver.module("timeline.drawing")._handler is not None


def test_without_a_script_nothing_is_drawn_and_with_one_it_is_laid_out_in_no_time(driver, monkeypatch):
    drawing = driver.module("timeline.drawing")
    painted = []
    monkeypatch.setattr(drawing._painter, "paint", lambda what, scale: painted.append(what))
    space = Space()
    monkeypatch.setattr(drawing, "bpy", SimpleNamespace(context=space))
    drawing.draw_bars()
    assert not painted
    script(driver, 1, *((f"a person does {k} things", 1 + 40 * (k + 1)) for k in range(16)))
    driver.settings.lines[3].end = driver.settings.lines[2].end + 5  # too short to be generated
    times = []
    for _ in range(200):
        began = time.process_time()
        drawing.draw_bars()
        times.append(time.process_time() - began)
    print(f"16 lines laid out in {1000 * np.percentile(times, 99):.2f} ms (p99)")
    assert np.percentile(times, 99) < 0.005
    assert [label.text for label in painted[0].labels][0] == "a person does 0 things"
    assert {colour[:3] for _, colour in painted[0].rectangles} >= {drawing.drawn.__globals__["_WRONG"]}
    space.space_data.mode = "MASK"
    count = len(painted)
    drawing.draw_bars()
    assert len(painted) == count


def select_keys(action, driver, frames):
    for curve in driver.module("compat").fcurves_of(action):
        for point in curve.keyframe_points:
            point.select_control_point = round(point.co.x) in frames


def keyed(driver):
    bpy.ops.moclip.create_armature()
    rig = driver.settings.target
    for frame in (1, 31, 55, 100):
        rig.pose.bones["head"].keyframe_insert("rotation_quaternion", frame=frame)
    return rig.animation_data.action


def test_a_line_takes_the_range_of_the_selected_keys(driver, lines):
    action = keyed(driver)
    select_keys(action, driver, ())
    with pytest.raises(RuntimeError, match="Select keys of the character at two frames or more"):
        bpy.ops.moclip.range_from_keys()
    select_keys(action, driver, (31, 55))
    lines.active_line = 1
    assert bpy.ops.moclip.range_from_keys() == {"FINISHED"}
    assert bounds(driver) == (1, 31, 56, 121)
    assert bpy.ops.moclip.range_from_keys(to="RANGE") == {"FINISHED"}
    assert (lines.range_start, lines.range_end) == (31, 56) and bounds(driver) == (1, 31, 56, 121)
    select_keys(action, driver, (31, 32))
    with pytest.raises(RuntimeError, match="Select keys"):
        bpy.ops.moclip.range_from_keys()


def test_a_range_that_no_line_can_have_is_told_and_nothing_changes(driver, lines):
    action = keyed(driver)
    for curve in driver.module("compat").fcurves_of(action):
        curve.keyframe_points.insert(33, 0.0)
    select_keys(action, driver, (31, 33))
    with pytest.raises(RuntimeError, match="From frame 31 to 34 are 0.15 seconds. A line lasts 1.0 to"):
        bpy.ops.moclip.range_from_keys()
    assert bounds(driver) == (1, 41, 81, 121)


def test_without_lines_the_first_one_is_made_of_the_range_and_the_panels_prompt(driver):
    select_keys(keyed(driver), driver, (55, 100))
    driver.settings.prompt = "a person bows"
    assert bpy.ops.moclip.range_from_keys() == {"FINISHED"}
    assert bounds(driver) == (55, 101) and driver.settings.lines[0].prompt == "a person bows"


def test_a_line_takes_the_range_of_markers(driver, lines):
    with pytest.raises(RuntimeError, match="Select two markers, or put the playhead between two"):
        bpy.ops.moclip.range_from_markers()
    for frame in (10, 45, 90, 130):
        bpy.context.scene.timeline_markers.new("x", frame=frame).select = False
    bpy.context.scene.frame_set(50)
    lines.active_line = 1
    assert bpy.ops.moclip.range_from_markers() == {"FINISHED"} and bounds(driver) == (1, 45, 90, 121)
    for marker in bpy.context.scene.timeline_markers:
        marker.select = marker.frame != 10
    assert bpy.ops.moclip.range_from_markers() == {"FINISHED"} and bounds(driver) == (1, 45, 130, 150)


def outside(driver, action, first, end):
    """Curve -> bytes of all that its keys outside a range hold."""
    found = {}
    for curve in driver.module("compat").fcurves_of(action):
        points = curve.keyframe_points
        told = []
        for name, size in (("co", 2), ("interpolation", 1), ("easing", 1), ("type", 1)):
            values = np.empty(size * len(points), dtype=np.float32 if size == 2 else np.int32)
            points.foreach_get(name, values)
            told.append(values.reshape(len(points), size))
        frames = told[0][:, 0]
        kept = (frames < first) | (frames >= end)
        found[curve.data_path, curve.array_index] = b"".join(values[kept].tobytes() for values in told)
    return found


@pytest.mark.parametrize("mode", ["QUATERNION", "XYZ", "AXIS_ANGLE"])
def test_the_keys_of_the_other_lines_are_the_same_bytes(driver, lines, mode):
    bpy.ops.moclip.create_armature()
    rig = driver.settings.target
    for bone in rig.pose.bones:
        bone.rotation_mode = mode
    bpy.ops.moclip.generate_script()
    wait(driver)
    bpy.ops.moclip.accept()
    before = outside(driver, rig.animation_data.action, 41, 81)
    turns = 0
    for seed, prompt in enumerate(("a person turns around", "a person walks in a circle", "a person bows")):
        lines.lines[1].prompt, lines.active_line, lines.seed = prompt, 1, seed
        assert bpy.ops.moclip.regenerate_line() == {"FINISHED"}
        wait(driver)
        action = rig.animation_data.action
        assert outside(driver, action, 41, 81) == before
        turns += sum(
            point.interpolation == "CONSTANT"
            for curve in driver.module("compat").fcurves_of(action)
            for point in curve.keyframe_points
        )
        bpy.ops.moclip.reject()
    print(f"{mode}: {turns} keys are held for a frame")


def test_what_has_turned_round_says_so_within_the_range(driver):
    """A whole turn within the range: what follows keeps its numbers, and every frame its pose."""
    bpy.ops.moclip.create_armature()
    rig = driver.settings.target
    span = driver.module("editing.splice").Span(10, 30, True, True)
    edited = driver.module("editing.range_action").RangeAction
    bone_curves = driver.module("rig.pose").BoneCurves
    angles = 2 * np.pi * np.arange(1, 21) / 20
    turn = np.stack([np.cos(angles / 2), np.sin(angles / 2), 0 * angles, 0 * angles], axis=1)
    for mode in ("QUATERNION", "XYZ", "AXIS_ANGLE"):
        bone = rig.pose.bones["head"]
        bone.rotation_mode = mode
        channel = {"QUATERNION": "rotation_quaternion", "XYZ": "rotation_euler"}.get(mode, "rotation_axis_angle")
        rig.animation_data_clear()
        setattr(bone, channel, {"QUATERNION": (1, 0, 0, 0), "XYZ": (0, 0, 0)}.get(mode, (0, 1, 0, 0)))
        for frame in (1, 9, 30, 40):
            bone.keyframe_insert(channel, frame=frame)
        source = rig.animation_data.action
        before = outside(driver, source, 10, 30)
        made = edited(rig, source, driver.module("compat").slot_of(rig.animation_data), mode, span)
        made.add_bone(bone_curves("head", turn, None))
        driver.module("compat").assign(rig.animation_data, made.curves)
        after = outside(driver, made.curves.action, 10, 30)
        for curve, told in before.items():
            values = [np.frombuffer(one[: 8 * 4], dtype=np.float32) for one in (told, after[curve])]
            np.testing.assert_array_equal(*values)
        for frame, angle in zip(range(10, 30), angles, strict=True):
            bpy.context.scene.frame_set(frame)
            shown = rig.pose.bones["head"].matrix_basis.to_quaternion()
            expected = np.array([np.cos(angle / 2), np.sin(angle / 2), 0, 0])
            assert abs(abs(np.array(shown) @ expected) - 1) < 1e-5, (mode, frame)
        held = [p.co.x for p in driver.module("compat").fcurves_of(made.curves.action)[0].keyframe_points
                if p.interpolation == "CONSTANT"]  # fmt: skip
        assert len(held) == 1 and 10 <= held[0] < 30, mode


def test_playhead_and_range_follow_a_new_motion_and_reject_gives_them_back(driver):
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end = 10, 12
    bpy.ops.moclip.create_armature()
    scene.frame_set(5)
    driver.ask("a person waves", use_auto_seconds=False, seconds=1.0)
    scene.frame_set(90)
    wait(driver)
    driver.pump_until(lambda: driver.session.job is None)
    assert (scene.frame_start, scene.frame_end, scene.frame_current) == (5, 24, 5)
    bpy.ops.moclip.reject()
    assert (scene.frame_start, scene.frame_end, scene.frame_current) == (10, 12, 90)


def test_the_range_never_gets_shorter_and_a_playhead_within_the_motion_stays(driver):
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end = 1, 250
    scene.frame_set(1)
    driver.ask("a person waves", use_auto_seconds=False, seconds=1.0)
    scene.frame_set(8)
    wait(driver)
    assert (scene.frame_start, scene.frame_end, scene.frame_current) == (1, 250, 8)


def test_who_does_not_want_it_keeps_range_and_playhead(driver):
    scene, preferences = bpy.context.scene, bpy.context.preferences.addons[MODULE].preferences
    preferences.follow_motion = False
    try:
        scene.frame_start, scene.frame_end = 10, 12
        scene.frame_set(20)
        driver.ask("a person waves", use_auto_seconds=False, seconds=1.0)
        scene.frame_set(90)
        wait(driver)
        assert (scene.frame_start, scene.frame_end, scene.frame_current) == (10, 12, 90)
    finally:
        preferences.follow_motion = True


def test_a_line_made_anew_elsewhere_brings_the_playhead_there(driver, lines):
    bpy.ops.moclip.create_armature()
    bpy.ops.moclip.generate_script()
    wait(driver)
    bpy.ops.moclip.accept()
    bpy.context.scene.frame_set(5)
    lines.active_line = 1
    bpy.ops.moclip.regenerate_line()
    wait(driver)
    assert bpy.context.scene.frame_current == 41


def test_the_panels_list_shows_the_whole_of_a_lines_range_and_has_room_for_its_prompt(driver, lines):
    lines.lines[-1].end = 2345
    for index in range(len(lines.lines)):
        layout = Drawn()
        kind = driver.module("ui.panel_direction").MOCLIP_UL_lines
        kind.draw_item(None, bpy.context, layout, lines, lines.lines[index], 0, None, "", index)
        (row,) = layout.items
        when, (told, _, what, _) = row.items
        blf.size(0, bpy.context.preferences.ui_styles[0].widget.points)
        width = blf.dimensions(0, when.items[0][1]["text"])[0]
        assert width + 12 <= 20 * when.ui_units_x < 110, "beside it are at least 80 of the 190 pixels of the list"
        assert (told, what) == ("prop", "prompt")


def test_bars_leave_nothing_in_the_file(driver, lines):
    def kept():
        return {name: len(getattr(bpy.data, name)) for name in ("texts", "objects", "node_groups", "images")}

    before, own = kept(), sorted(bpy.context.scene.keys())
    click = pressed(driver, 61)
    click.modal(event(80))
    click.modal(event(80, "LEFTMOUSE", "RELEASE"))
    assert kept() == before and sorted(bpy.context.scene.keys()) == own
    assert all(a < b for a, b in itertools.pairwise(bounds(driver)))


def test_menus_and_panel_offer_it(driver, lines):
    ui = driver.module("ui.timeline")
    known = {name for name in dir(bpy.ops.moclip)}
    for kind in (ui.MOCLIP_MT_line, ui.MOCLIP_MT_timeline, driver.module("ui.panel_direction").MOCLIP_PT_direction):
        layout = Drawn()
        made = SimpleNamespace(layout=layout)
        for name in ("_draw_script", "_draw_range"):
            if hasattr(kind, name):
                setattr(made, name, getattr(kind, name))
        kind.draw(made, bpy.context)
        named = layout.names("operator")
        assert {"moclip.range_from_keys", "moclip.range_from_markers", "moclip.regenerate_line"} <= set(named)
        assert {name.removeprefix("moclip.") for name in named} <= known
    layout = Drawn()
    ui.MOCLIP_PT_line.draw(SimpleNamespace(layout=layout), bpy.context)
    assert [item[2] for item in layout.items if item[0] == "prop"] == ["prompt"] and layout.activate_init

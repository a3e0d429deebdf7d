# SPDX-License-Identifier: Apache-2.0
"""Every operator is in the menu, and works from Python or says what is missing."""

from types import SimpleNamespace

import bpy
import pytest

# They open a window or a file, or fill the clipboard, which a Blender without a window has not.
_OF_A_WINDOW = {"open_preferences", "open_set_up_log", "copy_log"}


def operators(driver):
    return [cls for group in driver.module("registration").OPERATORS for cls in group]


def test_every_operator_says_what_it_does(driver):
    for cls in operators(driver):
        assert cls.bl_label and cls.__doc__ and cls.bl_idname.startswith("moclip."), cls
        assert len(cls.__doc__.strip()) > 15, cls


def test_in_an_empty_file_each_works_or_says_in_a_sentence_what_is_missing(driver, capfd):
    driver.settings.prompt, driver.session.takes = "", []  # nor anything of the tests before
    told = {}
    for cls in operators(driver):
        name = cls.bl_idname.removeprefix("moclip.")
        if name in _OF_A_WINDOW or "backend" in name:
            continue
        try:
            getattr(bpy.ops.moclip, name)("EXEC_DEFAULT")
        except RuntimeError as error:
            told[name] = str(error)
    for name, sentence in told.items():
        assert "Traceback" not in sentence, (name, sentence)
        assert not sentence.rstrip().endswith("context is incorrect"), (name, sentence)
    assert "Write a prompt first" in told["try_again"] and "The prompt is empty" in told["generate"]
    assert "Nothing is being generated" in told["cancel"] and "Generate a motion first" in told["apply_motion"]
    assert "Traceback" not in capfd.readouterr().err


class Drawn:
    """A layout that keeps what is drawn in it, row by row."""

    def __init__(self):
        self.items, self.enabled = [], True

    def __getattr__(self, name):
        def draw(*arguments, **named):
            if name in ("row", "column", "split", "box"):
                inner = Drawn()
                self.items.append(inner)
                return inner
            self.items.append((name, *arguments, named))
            return SimpleNamespace()

        return draw

    def names(self, kind):
        found = []
        for item in self.items:
            found += item.names(kind) if isinstance(item, Drawn) else [item[1]] if item[0] == kind else []
        return found

    def shape(self):
        return [item.shape() if isinstance(item, Drawn) else item[0] for item in self.items]


def test_the_menu_is_short_and_has_them_all(driver):
    menu = driver.module("ui.menu")
    layout = Drawn()
    menu.MOCLIP_MT_menu.draw(SimpleNamespace(layout=layout, operators=menu.MOCLIP_MT_menu.operators), bpy.context)
    below = Drawn()
    for submenu in menu.SUBMENUS:
        submenu.draw(SimpleNamespace(layout=below, operators=submenu.operators), bpy.context)
    assert len(layout.items) <= 18 and layout.names("menu") == [submenu.bl_idname for submenu in menu.SUBMENUS]
    named = layout.names("operator") + below.names("operator")
    assert named == [cls.bl_idname for cls in operators(driver)]


def draw_main(driver, width=280):
    layout = Drawn()
    context = SimpleNamespace(
        scene=bpy.context.scene, view_layer=bpy.context.view_layer, region=SimpleNamespace(width=width)
    )
    driver.module("ui.panel_main").MOCLIP_PT_main.draw(SimpleNamespace(layout=layout), context)
    return layout


def test_the_menu_of_prompts_offers_what_the_model_can_do_and_what_was_asked_for(driver):
    repertoire, session = driver.module("backend.repertoire"), driver.session
    before = repertoire.known({})
    assert {"On foot", "Gestures", "Dancing"} <= {one.group for one in before} and len(before) > 40
    rig = driver.generate("a person  juggles", use_auto_seconds=False, seconds=1.0)
    assert repertoire.known(session.welcome) == before and rig is not None
    layout = Drawn()
    driver.module("ui.prompt_menu").MOCLIP_MT_prompts.draw(SimpleNamespace(layout=layout), bpy.context)
    assert [row.name for row in driver.settings.recent] == ["a person juggles"]
    assert len(layout.names("operator")) == len(before) + 3
    assert bpy.ops.moclip.use_prompt(prompt="a person bows") == {"FINISHED"}
    assert driver.settings.prompt == "a person bows"
    examples = {one.example for one in before if one.group != "Styles"}
    for _ in range(5):
        old = driver.settings.prompt
        assert bpy.ops.moclip.random_prompt() == {"FINISHED"}
        assert driver.settings.prompt in examples - {old}
    for k in range(20):
        driver.module("ui.properties").remember_prompt(driver.settings, f"prompt {k % 15}")
    assert [row.name for row in driver.settings.recent][:6] == [f"prompt {k}" for k in (4, 3, 2, 1, 0, 14)]
    assert len(driver.settings.recent) == 12


def test_a_model_that_tells_nothing_or_nonsense_offers_only_what_was_asked_for(driver):
    repertoire = driver.module("backend.repertoire")
    known = repertoire.known
    assert repertoire.licence({}) == "CC BY-SA 4.0" and repertoire.licence({"licence": "CC0 1.0"}) == "CC0 1.0"
    assert repertoire.licence({"model": "old"}) == "unknown licence"
    assert known({"model": "old"}) == ()
    assert known({"model": "x", "actions": [1, {}, {"name": "n"}], "styles": None}) == ()
    (one,) = known({"model": "x", "actions": [{"example": "a person swims"}]})
    assert (one.group, one.name) == ("Actions", "a person swims")
    (style,) = known({"model": "x", "styles": [{"name": "Tired", "example": "a tired person walks"}]})
    assert (style.group, style.name) == ("Styles", "Tired")


def test_the_model_that_is_chosen_makes_the_next_motion(driver):
    bundled, preferences = driver.module("bundled"), driver.module("settings").preferences()
    names = list(bundled.models())
    assert preferences.model == names[0] == bundled.DEFAULT_MODEL
    for name in reversed(names):
        preferences.model = name
        driver.generate("a person waves", use_auto_seconds=False, seconds=1.0)
        assert driver.session.welcome["model"] == name
        layout = Drawn()
        driver.module("ui.panel_backend").draw_model(layout, 280)
        texts = [line[-1]["text"] for part in layout.items if isinstance(part, Drawn) for line in part.items]
        assert driver.session.welcome["licence"] in " ".join(texts)


def test_the_name_of_the_model_reaches_the_backend(driver):
    session = driver.session
    session.stop()
    session.start("BUILTIN", model="nowhere")
    driver.pump_until(lambda: session.state == "off")
    assert "The model 'nowhere' is not installed" in session.message


def test_settings_that_change_are_those_of_the_next_start(driver):
    session = driver.session
    driver.generate("a person waves", use_auto_seconds=False, seconds=1.0)
    before = session.process
    session.start(*session._started_with)
    assert session.process is before
    with pytest.raises(driver.module("shared.errors").MoclipError, match="cannot be started"):
        session.start("COMMAND", "/nowhere/moclip serve")
    assert session.state == "off"
    driver.generate("a person waves", use_auto_seconds=False, seconds=1.0)
    assert session.process.pid != before.pid


def test_the_pie_has_what_is_done_with_takes(driver):
    pie = Drawn()
    layout = SimpleNamespace(menu_pie=lambda: pie)
    driver.module("ui.shortcuts").MOCLIP_MT_takes_pie.draw(SimpleNamespace(layout=layout), bpy.context)
    wanted = {"moclip.accept", "moclip.reject", "moclip.show_take", "moclip.try_again", "moclip.generate"}
    assert wanted <= set(pie.names("operator")) and len(pie.items) == 8


def test_the_pies_arrows_are_grey_unless_there_is_another_take(driver):
    """As each of its buttons is when its operator cannot run, with the reason under the mouse."""
    bpy.ops.moclip.create_armature()

    def arrows():
        pie = Drawn()
        layout = SimpleNamespace(menu_pie=lambda: pie)
        driver.module("ui.shortcuts").MOCLIP_MT_takes_pie.draw(SimpleNamespace(layout=layout), bpy.context)
        return [getattr(bpy.ops.moclip, name.removeprefix("moclip.")) for name in pie.names("operator")[:2]]

    for preview, takes in ((False, 1), (False, 2), (True, 1), (True, 2)):
        driver.ask("a person waves", use_auto_seconds=False, seconds=1.0, variations=takes, use_preview=preview, seed=3)
        driver.pump_until(lambda: driver.session.job is None)
        for _ in range(3):  # keys a take, or works out each ghost
            driver.module("backend.timer").pump()
        assert [arrow.poll() for arrow in arrows()] == [takes > 1] * 2, (preview, takes)
        if takes == 1:
            with pytest.raises(RuntimeError, match="There is one take alone. Set Takes to 2 or more"):
                arrows()[0](step=-1)


LONG = "The bone 'left_elbow' of 'Character' is held by 'Copy Rotation', which no motion can move. " * 4


def test_nothing_of_the_panel_moves_whatever_it_has_to_say(driver):
    shapes, rows = [], []

    def look():
        layout = draw_main(driver)
        rows.append(len(layout.items))
        shapes.append([len(item.items) for item in layout.items if isinstance(item, Drawn)][-2])

    look()
    driver.ask("a person bows", use_auto_seconds=False, seconds=1.0, variations=2)
    while driver.session.job is not None:
        driver.module("backend.timer").pump()
        look()
    look()
    driver.module("backend.timer").pump()
    look()
    for message, action in (("", ""), ("Short.", ""), (LONG, "mute_constraints"), (LONG, "")):
        driver.session.say("ERROR", message, action)
        look()
    assert set(rows) == {rows[0]} and set(shapes) == {driver.module("ui.panel_main").MESSAGE_LINES}


@pytest.mark.parametrize("width", [180, 280, 500])
def test_no_line_of_a_message_is_wider_than_its_panel(driver, width):
    import blf

    lines = driver.module("ui.sidebar").wrapped(LONG, width, True)
    preferences = bpy.context.preferences
    blf.size(0, preferences.ui_styles[0].widget.points * preferences.system.ui_scale)
    assert " ".join(lines) == LONG.strip()
    assert max(blf.dimensions(0, line)[0] for line in lines) <= width - 70 * preferences.system.ui_scale


def test_no_progress_indicator_is_drawn_which_blender_4_3_leaves_blue(driver):
    driver.ask("a person bows", use_auto_seconds=False, seconds=1.0)
    assert not draw_main(driver).names("progress")
    bars = bpy.context.window_manager.moclip_bars
    driver.session.job.progress = 0.25
    assert bars.job == pytest.approx(25.0) and bars.bl_rna.properties["job"].is_readonly


def test_a_row_of_the_batch_tells_who_what_and_the_whole_frame(driver):
    bpy.ops.moclip.add_row()
    row = driver.settings.rows[0]
    row.prompt, row.start = "a person bows", 12345
    layout = Drawn()
    driver.module("ui.panels").MOCLIP_UL_rows.draw_item(None, bpy.context, layout, None, row, 0, None, "")
    labels = [item[1]["text"] for item in layout.items[0].items[0].items if isinstance(item, tuple)]
    when = layout.items[0].items[0].items[-1].items
    assert labels == ["A new character"] and when == [("label", {"text": "12345"})]


def test_an_empty_prompt_and_an_empty_target_say_what_to_do(driver):
    hint = driver.module("ui.panel_main").hint
    driver.settings.prompt = ""
    assert hint(bpy.context).startswith("Write what the character does")
    driver.settings.prompt = "a person bows"
    assert hint(bpy.context).startswith("Select a character")
    bpy.ops.moclip.create_armature()
    assert hint(bpy.context) == ""


def test_words_are_those_of_animators(driver):
    told = driver.module("rig.words").told
    assert [told(j) for j in ("left_ankle", "right_foot", "left_wrist", "pelvis", "spine2", "head")] == [
        "left foot", "right toes", "left hand", "hips", "spine 2", "head"
    ]  # fmt: skip
    seed = driver.settings.bl_rna.properties["seed"]
    assert seed.name == "Variant" and "same number gives the same motion" in seed.description


def test_blender_knows_everything_under_its_own_names(driver):
    """Files and scripts of users name operators and properties; the preferences are kept by the add-on's name."""
    registration = driver.module("registration")
    assert all(cls.is_registered for cls in registration.CLASSES)
    assert driver.module("settings").PACKAGE == driver.addon.__name__ == registration.MoclipPreferences.bl_idname
    chosen = bpy.context.preferences.addons[driver.addon.__name__].preferences
    assert driver.module("settings").preferences() == chosen
    assert {"kind", "command", "address", "key_file", "idle_minutes"} <= set(chosen.bl_rna.properties.keys())
    assert {"environment_folder", "environment_python", "package_index"} <= set(chosen.bl_rna.properties.keys())


@pytest.mark.parametrize("menu", ["VIEW3D_MT_object", "VIEW3D_MT_pose"])
def test_the_menu_stands_in_blenders_own(driver, menu):
    drawn = getattr(bpy.types, menu).draw._draw_funcs
    assert any(function.__module__.endswith("moclip.ui.menu") for function in drawn)

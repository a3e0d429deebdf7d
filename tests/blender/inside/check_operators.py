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
    driver.settings.prompt = ""
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


def test_the_menu_has_them_all(driver):
    drawn = []
    layout = SimpleNamespace(operator=drawn.append, separator=lambda: drawn.append(""))
    menu = driver.module("ui.menu").MOCLIP_MT_menu
    menu.draw(SimpleNamespace(layout=layout, groups=menu.groups), bpy.context)
    assert [name for name in drawn if name] == [cls.bl_idname for cls in operators(driver)]
    assert drawn.count("") == 5 and "" not in (drawn[0], drawn[-1])


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

# SPDX-License-Identifier: Apache-2.0
"""Steps: every panel at the width that Blender gives it, and the preferences, as pictures to be looked at."""

import subprocess

from screen import check, wait
from user import MAIN, User

FILLED = """
settings = bpy.context.scene.moclip
for number in range(3):
    row = settings.rows.add()
    row.prompt, row.start = "a tired man walks, then waves with his left hand", 1 + 1000 * number
settings.path = settings.path
answer = True
"""
PREFERENCES = """
def open_preferences():
    with in_view():
        bpy.ops.moclip.open_preferences(section="ADDON")
    for _ in range(30):
        yield
    window = bpy.context.window_manager.windows[-1]
    return [len(bpy.context.window_manager.windows), window.screen.areas[0].type]
answer = open_preferences()
"""
WINDOWS = "answer = len(bpy.context.window_manager.windows)"


def see_panels(user: User) -> str:
    """Each panel alone, and all of them side by side."""
    screen = user.screen
    screen.ask(FILLED)
    pictures = []
    crop = f"{user.right - user.left}x{user.bottom - user.top}+{user.left}+{user.top}"
    order = screen.ask("answer = panels_in_order()")
    for number, panel in enumerate(order[:-1]):
        user.open_alone(panel)
        screen.move(400, 300)
        pictures.append(screen.picture(f"14-{number:02d}-{panel.removeprefix('MOCLIP_PT_')}", crop))
    subprocess.run(["convert", *map(str, pictures), "+append", str(screen.out / "14-panels.png")], check=True)
    user.open_alone(MAIN)
    screen.ask("bpy.context.scene.moclip.rows.clear(); answer = True")
    return f"{len(pictures)} panels, in 14-panels.png"


def see_preferences(user: User) -> str:
    """With the model and the words of its licence."""
    screen = user.screen
    screen.move(640, 650)  # the window opens around the mouse, and higher
    windows, kind = screen.ask(PREFERENCES)
    check(windows == 2 and kind == "PREFERENCES", "the preferences are open", (windows, kind))
    screen.settle()
    screen.picture("15-preferences")
    screen.ask(
        "w = bpy.context.window_manager.windows[-1]\n"
        "with bpy.context.temp_override(window=w):\n"
        "    bpy.ops.wm.window_close()\n"
        "answer = True"
    )
    wait(
        "the preferences to be closed", lambda: screen.ask("answer = len(bpy.context.window_manager.windows)") == 1, 10
    )
    return "the model and its licence are shown, in 15-preferences.png"
